#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/exposition/openmetrics_parser.h"

namespace prom5::exposition {

/// The buckets of one histogram at one time.
struct HistogramGroup {
  std::optional<double> bucket;  ///< the border seen last
  double value = 0;              ///< of that bucket
  std::optional<double> count;
  bool has_sum = false;
  bool has_negative_sum = false;
  bool has_negative_bucket = false;
};

/// What the OpenMetrics standard asks of lines together: families in one piece and named apart,
/// descriptors before samples, the sample names and values of each type, groups in one piece with
/// timestamps that do not fall, whole histograms. One page, one thread.
class OpenMetricsCheck {
 public:
  /// The entry that `parser` is at, End included. BadData with "line N: …".
  Result<void> take(const OpenMetricsParser& parser, OpenMetricsParser::Entry entry);

 private:
  Result<void> begin_family(std::string_view name);
  Result<void> end_family();
  Result<void> sample(const OpenMetricsParser& parser);
  Result<void> check_group(const OpenMetricsParser& parser);
  Result<void> check_labels(const OpenMetricsParser& parser) const;
  Result<void> check_value(const OpenMetricsParser& parser) const;
  Result<void> take_histogram_sample(const OpenMetricsParser& parser);
  Result<void> end_histogram();
  [[nodiscard]] bool is_sample_of_family(std::string_view name) const;
  /// What the sample's name has behind the family's.
  [[nodiscard]] std::string_view suffix(std::string_view name) const {
    return name.substr(family_.size());
  }
  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const;

  size_t line_ = 0;       ///< of the entry that is taken; of what has ended, of its last one
  size_t last_line_ = 0;  ///< of the entry before
  std::set<std::string, std::less<>> taken_names_;  ///< of families, and of their samples

  std::string family_;  ///< empty before the first
  std::optional<MetricType> type_;
  bool has_help_ = false;
  std::optional<std::string> unit_;
  bool has_samples_ = false;

  /// The labels that make a metric of the family, and the time.
  std::optional<Labels> group_;
  std::optional<double> group_seconds_;
  std::set<Labels> groups_;
  std::set<Labels> at_this_time_;  ///< series of the group
  std::optional<HistogramGroup> histogram_;
};

}  // namespace prom5::exposition
