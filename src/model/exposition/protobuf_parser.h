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
/// A sample's identity (`series()`) is made of the page's own bytes, and no labels are read for it.
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

  // After Sample and Histogram:
  [[nodiscard]] std::string_view series() const { return key_; }
  /// As TextParser::expect.
  void expect(std::string_view series) { expected_ = series; }
  [[nodiscard]] bool is_as_expected() const { return !expected_.empty() && key_ == expected_; }
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::optional<TimeMs> time() const { return time_; }
  Result<void> labels(LabelsBuilder& labels, std::vector<std::string>* empty = nullptr) const;
  [[nodiscard]] bool has_exemplar() const { return !exemplar_.empty(); }
  [[nodiscard]] Result<PageExemplar> exemplar() const;
  /// After Histogram; all its exemplars.
  [[nodiscard]] const Histogram& histogram() const { return histogram_; }
  [[nodiscard]] Result<std::vector<PageExemplar>> exemplars() const;

  // After Help, Type and Unit:
  [[nodiscard]] const std::string& family() const { return family_; }
  [[nodiscard]] const std::string& help() const { return help_; }
  [[nodiscard]] MetricType type() const { return type_; }
  [[nodiscard]] std::string_view unit() const { return unit_; }

 private:
  /// One of the samples that a metric stands for.
  struct Part {
    enum class Kind : uint8_t { Plain, Quantile, Bucket, Sum, Count, Native };
    Kind kind = Kind::Plain;
    double bound = 0;  ///< of a quantile or bucket
    double value = 0;
    std::string_view exemplar;
  };

  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const;
  Result<bool> begin_family();
  Result<void> begin_metric(std::string_view message);
  Result<void> read_simple(std::string_view message);
  Result<void> read_summary(std::string_view message);
  Result<void> read_histogram(std::string_view message);
  Result<void> read_bucket(std::string_view message);
  Entry take_part(const Part& part);
  Result<PageExemplar> read_exemplar(std::string_view message) const;

  std::string_view rest_;
  const Options options_;
  size_t family_number_ = 0;

  std::string family_;
  std::string help_;
  std::string_view unit_;
  MetricType type_ = MetricType::Unknown;
  std::vector<Entry> descriptors_;         ///< not given out yet, the next one last
  std::vector<std::string_view> metrics_;  ///< of the family
  size_t metric_ = 0;                      ///< the one that comes next

  std::vector<std::string_view> label_messages_;
  std::vector<Part> parts_;
  size_t part_ = 0;  ///< the one that comes next
  Part current_;

  std::string key_;
  std::string_view expected_;
  double value_ = 0;
  std::optional<TimeMs> time_;
  std::string_view exemplar_;
  std::vector<std::string_view> histogram_exemplars_;
  Histogram histogram_;
};

}  // namespace prom5::exposition
