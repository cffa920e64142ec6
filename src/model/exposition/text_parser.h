#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace prom5::exposition {

/// An exemplar as a page has it.
struct PageExemplar {
  Labels labels;
  double value = 0;
  std::optional<TimeMs> time;
};

/// Reads a page in the Prometheus text format, version 0.0.4 and 1.0.0 (quoted UTF-8 names), or in
/// the OpenMetrics format as a scrape takes it, one entry a call, without copying: views point into
/// the page. (OpenMetricsParser is the strict one.)
///
/// A sample's identity (`series()`) is the page's own text, so that a caller who has seen the text
/// before need not parse labels again. Sources:
/// prometheus.io/docs/instrumenting/exposition_formats, prometheus model/textparse.
class TextParser {
 public:
  enum class Entry : uint8_t { Sample, Histogram, Help, Type, Unit, End };
  enum class Format : uint8_t { Text, OpenMetrics };

  explicit TextParser(std::string_view page, Format format = Format::Text)
      : rest_(page), open_metrics_(format == Format::OpenMetrics) {}

  /// The next entry; comments and blank lines are passed over. BadData with "line N: …".
  Result<Entry> next();

  // After Sample:
  [[nodiscard]] std::string_view series() const { return series_; }

  /// Tells what series() the next sample probably has, as a page mostly has its series in the same
  /// order as the page before: where it does, the text is compared instead of taken apart.
  /// `series` is what series() gave for another page and stays where it is until the next().
  void expect(std::string_view series) { expected_ = series; }
  /// Whether the sample has it.
  [[nodiscard]] bool is_as_expected() const { return as_expected_; }
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::optional<TimeMs> time() const { return time_; }
  /// Fills `labels` with the sample's label set, __name__ included. BadData with "line N: …".
  /// `empty` gets the names of labels that are there with an empty value.
  Result<void> labels(LabelsBuilder& labels, std::vector<std::string>* empty = nullptr) const;

  /// Whether the sample has an exemplar, and the exemplar, __name__ excluded. BadData with
  /// "line N: …". One without a time has none.
  [[nodiscard]] bool has_exemplar() const { return !exemplar_.empty(); }
  [[nodiscard]] Result<PageExemplar> exemplar() const;

  // After Help, Type and Unit:
  [[nodiscard]] const std::string& family() const { return family_; }
  [[nodiscard]] const std::string& help() const { return help_; }
  [[nodiscard]] MetricType type() const { return type_; }
  [[nodiscard]] std::string_view unit() const { return unit_; }

 private:
  [[nodiscard]] std::unexpected<Error> error(std::string_view what, std::string_view at) const;
  Result<std::optional<Entry>> comment(std::string_view line);
  Result<void> sample(std::string_view line);
  [[nodiscard]] bool is_expected(std::string_view line) const;
  Result<size_t> series_length(std::string_view line) const;
  Result<void> time_and_exemplar(std::string_view rest);
  /// Reads labels up to the closing brace, which it takes too. `named`, where given, tells whether
  /// there is a metric name, which may stand among them.
  Result<void> label_set(std::string_view& rest, LabelsBuilder& labels, bool* named,
                         std::vector<std::string>* empty) const;

  std::string_view rest_;
  bool open_metrics_;
  bool ended_ = false;  ///< by # EOF
  size_t line_number_ = 0;
  std::string_view series_;
  double value_ = 0;
  std::optional<TimeMs> time_;
  std::string family_;
  std::string_view expected_;
  bool as_expected_ = false;
  std::string help_;
  MetricType type_ = MetricType::Unknown;
  std::string_view unit_;
  std::string_view exemplar_;
};

/// "counter" and so on; nothing for a word that is no type of the format.
std::optional<MetricType> parse_text_type(std::string_view word,
                                          TextParser::Format format = TextParser::Format::Text);

}  // namespace prom5::exposition
