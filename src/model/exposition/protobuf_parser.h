#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/codec/protobuf.h"
#include "model/exposition/text_parser.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace prom5::exposition {

/// Reads a page of length-delimited io.prometheus.client.MetricFamily messages, one entry a call,
/// in TextParser's terms: what a text page would say in lines comes out as samples, and native
/// histograms as what they are. Views point into the page.
///
/// An entry's identity (`text()`) is made of the page's own bytes, and no labels are read for it.
/// Source: prometheus/client_model, io/prometheus/client/metrics.proto.
class ProtobufParser {
 public:
  using Entry = TextParser::Entry;

  struct Options {
    bool native_histograms = false;  ///< else only their classic buckets are seen
    bool always_classic = false;     ///< classic buckets of native histograms too
  };

  ProtobufParser(std::string_view page, Options options) : rest_(page), options_(options) {}

  /// The next entry. BadData with "family N: …".
  Result<Entry> next();

  /// As TextParser has them; text() has no meaning but that the same is the same.
  [[nodiscard]] std::string_view text() const { return text_; }
  void expect(std::string_view text) { expected_ = text; }
  [[nodiscard]] bool is_as_expected() const { return as_expected_; }
  [[nodiscard]] const PageFamily& family();

  // After Sample and Histogram:
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::optional<TimeMs> time() const { return time_; }
  /// Since when the metric counts.
  [[nodiscard]] std::optional<TimeMs> start() const { return start_; }
  Result<void> labels(LabelsBuilder& labels, std::vector<std::string>* empty = nullptr) const {
    return series_labels(text_, labels, empty);
  }
  /// Of a series' text(), of any page. BadData with "family N: …".
  Result<void> series_labels(std::string_view series, LabelsBuilder& labels,
                             std::vector<std::string>* empty = nullptr) const;
  /// Whether a text is one of this parser and not of TextParser.
  static bool is_text(std::string_view text);

  [[nodiscard]] std::string_view exemplar_text() const { return exemplar_; }
  [[nodiscard]] Result<PageExemplar> exemplar() const;
  /// After Histogram; all its exemplars.
  [[nodiscard]] const Histogram& histogram() const { return histogram_; }
  [[nodiscard]] Result<std::vector<PageExemplar>> exemplars() const;

 private:
  /// One of the samples that a metric stands for.
  struct Part {
    enum class Kind : uint8_t { Plain = 1, Quantile, Bucket, Sum, Count, Native };
    Kind kind = Kind::Plain;
    double bound = 0;  ///< of a quantile or bucket
    double value = 0;
    std::string_view exemplar;
  };

  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const;
  Result<bool> begin_family();
  Result<void> read_family(std::string_view message);
  [[nodiscard]] bool is_expected_family() const;
  Result<void> begin_metric(std::string_view message);
  Result<std::string_view> read_labels(std::string_view message);
  Result<void> read_simple(std::string_view message);
  Result<void> read_summary(std::string_view message);
  Result<void> read_histogram(std::string_view message);
  Result<void> read_bucket(std::string_view message);
  Entry take_part(const Part& part);
  [[nodiscard]] bool is_expected(const Part& part) const;
  Result<PageExemplar> read_exemplar(std::string_view message) const;

  std::string_view rest_;
  const Options options_;
  size_t family_number_ = 0;

  /// Of the family, as they are on the page.
  std::string_view name_;
  std::string sized_name_;  ///< with its length in front
  std::string_view help_;
  std::string_view unit_;
  std::string_view header_;  ///< all that comes before the metrics
  MetricType type_ = MetricType::Unknown;
  PageFamily family_;  ///< made of these when it is asked for
  bool family_is_made_ = true;
  std::vector<std::string_view> metrics_;  ///< of the family
  size_t metric_ = 0;                      ///< the one that comes next

  std::string_view labels_;       ///< of the metric, as fields of its message
  std::string scattered_labels_;  ///< where they do not stand together there
  std::vector<Part> parts_;
  size_t part_ = 0;  ///< the one that comes next

  std::string key_;
  std::string_view text_;
  std::string_view expected_;
  bool as_expected_ = false;
  double value_ = 0;
  std::optional<TimeMs> time_;
  std::optional<TimeMs> start_;
  std::string_view exemplar_;
  std::vector<std::string_view> histogram_exemplars_;
  Histogram histogram_;
};

}  // namespace prom5::exposition
