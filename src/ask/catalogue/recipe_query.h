#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace prom5::catalogue {

/// What a recipe's query is to have beside its own text.
struct QueryParts {
  /// `a="b",c="d"` for a metric's selectors, or empty.
  std::function<std::string(const std::string& metric)> matchers;
  std::vector<std::string> by;     ///< of every aggregation; le is kept under histogram_quantile
  std::string window = "5m";       ///< in place of [5m]
  std::optional<double> quantile;  ///< in place of histogram_quantile's or a summary's
  DurationMs offset;               ///< of every selector; 0: none
};

/// The recipe with these parts in it. A recipe is PromQL that runs as it is, whose aggregations
/// have no "by", whose windows are [5m], and which has no offsets. An aggregation that has a "by"
/// of its own keeps it.
std::string compose(std::string_view recipe, const QueryParts& parts);

/// " by (a, b) ", names that PromQL does not know as such in quotes; empty without labels.
std::string by_clause(const std::vector<std::string>& labels);

/// As it stands between double quotes in PromQL, and with them.
std::string escaped(std::string_view text);
std::string quoted(std::string_view text);

/// The value of label "quantile" in a recipe's selectors, where a summary is asked for by it.
std::string_view summary_quantile(std::string_view recipe);

/// The metrics in a recipe, each once, in the order of their first place.
std::vector<std::string> metrics_in(std::string_view recipe);

/// Whether an aggregation makes one series of many, so that "by" can tell them apart.
bool has_aggregation(std::string_view recipe);

}  // namespace prom5::catalogue
