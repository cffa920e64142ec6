#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "model/metadata.h"

namespace prom5::exposition {

/// Writes a page in the Prometheus text format 0.0.4. The caller writes a family's samples right
/// after the family.
class TextWriter {
 public:
  using Label = std::pair<std::string_view, std::string_view>;

  explicit TextWriter(std::string& out) : out_(out) {}

  void family(std::string_view name, std::string_view help, MetricType type);
  /// A family of which the type alone is told.
  void type(std::string_view name, MetricType type);
  void sample(std::string_view name, std::initializer_list<Label> labels, double value);
  template <typename Range>
  void sample_with(std::string_view name, const Range& labels, double value,
                   std::optional<TimeMs> time = std::nullopt) {
    out_ += name;
    char separator = '{';
    for (const auto& [key, text] : labels) {
      label(separator, key, text);
      separator = ',';
    }
    finish(separator == ',', value, time);
  }

 private:
  void label(char separator, std::string_view name, std::string_view value);
  void finish(bool labelled, double value, std::optional<TimeMs> time);

  std::string& out_;
};

}  // namespace prom5::exposition
