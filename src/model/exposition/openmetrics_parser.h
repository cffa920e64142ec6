#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace prom5::exposition {

/// A number of the standard, whole: nothing of hex or underscores. What is beyond a double becomes
/// an infinity or 0.
std::optional<double> parse_openmetrics_number(std::string_view word);

/// Reads a page in the OpenMetrics text format 1.0, one entry a call. It is as strict about each
/// line as the standard's grammar is, but that quotes in HELP need no backslash; what lines say
/// together is OpenMetricsCheck's part. Views point into the page. One thread.
/// Source: prometheus/OpenMetrics, specification/OpenMetrics.md.
class OpenMetricsParser {
 public:
  enum class Entry : uint8_t { Sample, Help, Type, Unit, End };

  struct Exemplar {
    Labels labels;
    double value = 0;
    std::optional<double> seconds;
  };

  explicit OpenMetricsParser(std::string_view page) : rest_(page) {}

  /// The next entry; End once, after which nothing may follow. BadData with "line N: …".
  Result<Entry> next();
  [[nodiscard]] size_t line_number() const { return line_number_; }

  // After Help, Type and Unit:
  [[nodiscard]] std::string_view family() const { return family_; }
  [[nodiscard]] const std::string& help() const { return help_; }
  [[nodiscard]] MetricType type() const { return type_; }
  [[nodiscard]] std::string_view unit() const { return unit_; }

  // After Sample:
  [[nodiscard]] std::string_view name() const { return name_; }
  /// __name__ included. Labels with an empty value are left out.
  [[nodiscard]] const Labels& labels() const { return labels_; }
  [[nodiscard]] double value() const { return value_; }
  /// Since 1970, any finite number.
  [[nodiscard]] std::optional<double> seconds() const { return seconds_; }
  [[nodiscard]] const std::optional<Exemplar>& exemplar() const { return exemplar_; }

 private:
  [[nodiscard]] std::unexpected<Error> error(std::string_view what, std::string_view at) const;
  Result<Entry> descriptor(std::string_view line);
  Result<void> sample(std::string_view line);
  Result<void> exemplar(std::string_view text);
  /// Reads `{…}` from the front of `text`.
  Result<void> label_set(std::string_view& text);
  Result<std::string> quoted(std::string_view& text, std::string_view what) const;
  Result<double> number(std::string_view word, std::string_view what) const;
  Result<double> time(std::string_view word) const;

  std::string_view rest_;
  size_t line_number_ = 0;
  std::string_view family_;
  std::string help_;
  MetricType type_ = MetricType::Unknown;
  std::string_view unit_;
  std::string_view name_;
  LabelsBuilder builder_;
  size_t characters_ = 0;  ///< in names and values of a label set
  Labels labels_;
  double value_ = 0;
  std::optional<double> seconds_;
  std::optional<Exemplar> exemplar_;
};

}  // namespace prom5::exposition
