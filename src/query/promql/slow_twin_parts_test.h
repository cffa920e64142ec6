#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "query/promql/slow_twin_test.h"

namespace prom5::promql {

// What SlowTwin is made of: functions of values alone, each after the Prometheus function of the
// same name.

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

/// What a function over a range gets at one step: at least one sample of (start, end].
struct TwinWindow {
  std::span<const TwinSample> samples;
  TimeMs start;
  TimeMs end;
  TimeMs now;
  std::vector<double> parameters;  ///< the scalar arguments, in order
  bool shaken = false;             ///< sums are taken in another order
};

using TwinWindowFunction = std::optional<TwinValue> (*)(const TwinWindow&);
using TwinElementFunction = double (*)(double);

/// Null for what is no function of a range (of single floats).
TwinWindowFunction find_window_function(std::string_view name);
TwinElementFunction find_element_function(std::string_view name);

/// Go's math.Max and math.Min: NaN wins, but for an infinity on the right side of it.
double go_max(double a, double b);
double go_min(double a, double b);
/// By linear interpolation between the two nearest; NaN sorts first.
double quantile_of(double q, std::vector<double> values);
/// Go's strconv.FormatFloat(value, 'f', -1, 64).
std::string decimal(double value);

/// Without the name and what else is said of a metric as a whole.
Labels without_metadata(const Labels& labels);
bool is_stale_value(const TwinValue& value);
/// Execution where the labels are there already.
Result<void> put(TwinVector& out, Labels labels, TwinValue value);

/// What the operator makes of two values; nothing where it gives nothing.
struct Combined {
  TwinValue value;
  bool keep = true;  ///< false: a comparison that does not hold
};
std::optional<Combined> combine(TokenType op, const TwinValue& left, const TwinValue& right);
Result<TwinVector> combine_vectors(const Binary& binary, const TwinVector& left,
                                   const TwinVector& right);

/// Execution, or Unavailable for a share of limit_ratio(), which goes by the reference's hashes.
Result<void> check_parameters(TokenType op, const std::vector<double>& parameters);
/// `reversed`: series in descending order of their labels.
TwinVector aggregate_floats_and_histograms(const Aggregate& aggregate, double parameter,
                                           const TwinVector& vector, bool reversed);
TwinVector count_values(const Aggregate& aggregate, const std::string& label,
                        const TwinVector& vector);

Result<TwinVector> histogram_quantile_of(double q, const TwinVector& vector);
Result<TwinVector> histogram_quantiles_of(const std::vector<double>& qs, std::string_view label,
                                          const TwinVector& vector);
Result<TwinVector> histogram_fraction_of(double lower, double upper, const TwinVector& vector);
double histogram_variance_of(const Histogram& h);

}  // namespace prom5::promql
