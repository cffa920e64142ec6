#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/metadata.h"

namespace prom5::exporters {

using LabelPairs = std::vector<std::pair<std::string_view, std::string>>;

/// Samples by family, on their way into an exposition page.
class Page {
 public:
  /// Adds a sample; the first call for a family decides its help and type.
  void add(std::string_view family, std::string_view help, MetricType type, LabelPairs labels,
           double value);

  void gauge(std::string_view family, std::string_view help, double value) {
    add(family, help, MetricType::Gauge, {}, value);
  }
  void counter(std::string_view family, std::string_view help, double value) {
    add(family, help, MetricType::Counter, {}, value);
  }

  /// The text format, families by name.
  [[nodiscard]] std::string text() const;

 private:
  struct Sample {
    LabelPairs labels;
    double value = 0;
  };
  struct Family {
    std::string help;
    MetricType type = MetricType::Unknown;
    std::vector<Sample> samples;
  };

  std::map<std::string, Family, std::less<>> families_;
};

/// Something built in that has metrics to show. Any thread.
class Exporter {
 public:
  virtual ~Exporter() = default;
  virtual void collect(Page& page) = 0;
};

}  // namespace prom5::exporters
