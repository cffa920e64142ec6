#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <set>
#include <utility>

#include "model/regex.h"
#include "query/promql/functions.h"
#include "query/promql/slow_twin_parts_test.h"
#include "query/promql/slow_twin_test.h"

// Calls of functions (promql/functions.go), but for what is done within one window or histogram.

namespace prom5::promql {

namespace {

double sgn(double v) {
  if (v < 0) return -1;
  return v > 0 ? 1 : v;
}

/// The first of the arguments that is a range; null when none is.
const Expr* range_argument(const Call& call) {
  for (const ExprPtr& argument : call.arguments) {
    if (type_of(*argument) == ValueType::RangeVector) return argument.get();
  }
  return nullptr;
}

const std::string& string_argument(const Call& call, size_t i) {
  return unwrap(*call.arguments[i]).as<StringLiteral>()->value;
}

/// What a selector's matchers say for certain about the series that is missing.
Labels labels_of_absent(const Expr& argument) {
  const Expr* expr = &unwrap(argument);
  if (const auto* matrix = expr->as<MatrixSelector>()) expr = matrix->vector.get();
  const auto* selector = expr->as<VectorSelector>();
  LabelsBuilder out;
  if (selector == nullptr) return out.build();
  std::set<std::string> seen;
  for (const Matcher& m : selector->matchers) {
    if (m.name() == kMetricName) continue;
    if (m.type() == MatchType::Equal && seen.insert(m.name()).second) {
      out.set(m.name(), m.value());
    } else {
      out.remove(m.name());
    }
  }
  return out.build();
}

/// A part of the date at so many seconds since 1970, in UTC.
double date_part(std::string_view name, double seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm tm{};
  gmtime_r(&time, &tm);
  if (name == "minute") return tm.tm_min;
  if (name == "hour") return tm.tm_hour;
  if (name == "day_of_week") return tm.tm_wday;
  if (name == "day_of_month") return tm.tm_mday;
  if (name == "day_of_year") return tm.tm_yday + 1;
  if (name == "month") return tm.tm_mon + 1;
  const int year = tm.tm_year + 1900;
  if (name == "year") return year;
  if (tm.tm_mon == 1) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return tm.tm_mon == 3 || tm.tm_mon == 5 || tm.tm_mon == 8 || tm.tm_mon == 10 ? 30 : 31;
}

bool is_date_part(std::string_view name) {
  static constexpr std::string_view kNames[] = {"minute",        "hour",        "day_of_week",
                                                "day_of_month",  "day_of_year", "month",
                                                "days_in_month", "year"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

/// `f` of every float, without names; histograms are left out.
template <typename F>
Result<TwinVector> each_float(const TwinVector& vector, F f) {
  TwinVector out;
  for (const auto& [labels, value] : vector) {
    if (!value.is_float()) continue;
    TRY(put(out, without_metadata(labels), {f(value.number), nullptr}));
  }
  return out;
}

template <typename F>
Result<TwinVector> each_histogram(const TwinVector& vector, F f) {
  TwinVector out;
  for (const auto& [labels, value] : vector) {
    if (value.is_float()) continue;
    TRY(put(out, labels.without(kMetricName), {f(*value.histogram), nullptr}));
  }
  return out;
}

TwinVector scalar(double value) { return {{Labels(), {value, nullptr}}}; }

/// The one float of a vector; NaN when there is not exactly one.
double only_float(const TwinVector& vector) {
  std::vector<double> floats;
  for (const auto& [labels, value] : vector) {
    if (value.is_float()) floats.push_back(value.number);
  }
  return floats.size() == 1 ? floats[0] : kNan;
}

TwinVector floats_of(TwinVector vector) {
  std::erase_if(vector, [](const auto& entry) { return !entry.second.is_float(); });
  return vector;
}

}  // namespace

double go_max(double a, double b) {
  if (std::isinf(a) && a > 0) return a;
  if (std::isinf(b) && b > 0) return b;
  if (std::isnan(a) || std::isnan(b)) return kNan;
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

double go_min(double a, double b) { return -go_max(-a, -b); }

TwinElementFunction find_element_function(std::string_view name) {
  using E = std::pair<std::string_view, TwinElementFunction>;
  static constexpr auto kFunctions = std::to_array<E>({
      {"abs", [](double v) { return std::fabs(v); }},
      {"ceil", [](double v) { return std::ceil(v); }},
      {"floor", [](double v) { return std::floor(v); }},
      {"exp", [](double v) { return std::exp(v); }},
      {"sqrt", [](double v) { return std::sqrt(v); }},
      {"ln", [](double v) { return std::log(v); }},
      {"log2", [](double v) { return std::log2(v); }},
      {"log10", [](double v) { return std::log10(v); }},
      {"sgn", sgn},
      {"sin", [](double v) { return std::sin(v); }},
      {"cos", [](double v) { return std::cos(v); }},
      {"tan", [](double v) { return std::tan(v); }},
      {"asin", [](double v) { return std::asin(v); }},
      {"acos", [](double v) { return std::acos(v); }},
      {"atan", [](double v) { return std::atan(v); }},
      {"sinh", [](double v) { return std::sinh(v); }},
      {"cosh", [](double v) { return std::cosh(v); }},
      {"tanh", [](double v) { return std::tanh(v); }},
      {"asinh", [](double v) { return std::asinh(v); }},
      {"acosh", [](double v) { return std::acosh(v); }},
      {"atanh", [](double v) { return std::atanh(v); }},
      {"rad", [](double v) { return v * M_PI / 180; }},
      {"deg", [](double v) { return v * 180 / M_PI; }},
  });
  const auto found = std::ranges::find(kFunctions, name, &E::first);
  return found == kFunctions.end() ? nullptr : found->second;
}

Result<TwinSteps> SlowTwin::eval_call(const Call& call, const TwinGrid& grid) {
  const std::string_view name = call.function->info.name;
  if (name == "label_replace" || name == "label_join") return eval_label_call(call, grid);
  if (const Expr* range = range_argument(call)) {
    if (name == "absent_over_time") return eval_absent_over_time(*range, grid);
    return eval_range_call(call, *range, grid);
  }
  // One row for each argument; strings are looked at in the call itself.
  std::vector<TwinSteps> arguments;
  for (const ExprPtr& argument : call.arguments) {
    if (type_of(*argument) == ValueType::String) {
      arguments.emplace_back(grid.count);
    } else {
      arguments.push_back(TRY(eval(*argument, grid)));
    }
  }
  if (name == "timestamp") {
    const Expr& selector = unwrap(*call.arguments[0]);
    if (const auto* vector = selector.as<VectorSelector>()) {
      arguments[0] = eval_selector(selector, *vector, grid, true);
    } else {
      for (size_t i = 0; i < grid.count; ++i) {
        for (auto& [labels, value] : arguments[0][i]) {
          value = {grid.at(i).as_seconds(), nullptr};
        }
      }
    }
  }
  TwinSteps out(grid.count);
  for (size_t i = 0; i < grid.count; ++i) {
    std::vector<TwinVector> at_step;
    for (const TwinSteps& argument : arguments) at_step.push_back(argument[i]);
    out[i] = TRY(eval_vector_call(call, at_step, grid.at(i)));
  }
  return out;
}

// --- functions of vectors and scalars ------------------------------------------------------------

Result<TwinVector> SlowTwin::eval_vector_call(const Call& call,
                                              std::span<const TwinVector> arguments,
                                              TimeMs now) const {
  const std::string_view name = call.function->info.name;
  const auto number = [&](size_t i) { return arguments[i].at(Labels()).number; };
  if (const TwinElementFunction f = find_element_function(name)) {
    return each_float(arguments[0], f);
  }
  if (is_date_part(name)) {
    if (arguments.empty()) return scalar(date_part(name, now.as_seconds()));
    return each_float(arguments[0], [&](double v) { return date_part(name, v); });
  }
  if (name == "time") return scalar(now.as_seconds());
  if (name == "pi") return scalar(M_PI);
  if (name == "start") return scalar(start_.as_seconds());
  if (name == "end") return scalar(end_.as_seconds());
  if (name == "range") return scalar((end_ - start_).as_seconds());
  if (name == "step") return scalar(start_ == end_ ? 0 : step_.as_seconds());
  if (name == "max_of") return scalar(go_max(number(0), number(1)));
  if (name == "min_of") return scalar(go_min(number(0), number(1)));
  if (name == "vector") return arguments[0];
  if (name == "scalar") return scalar(only_float(arguments[0]));
  if (name == "timestamp") return each_float(arguments[0], [](double v) { return v; });
  if (name == "sort" || name == "sort_desc") return floats_of(arguments[0]);
  if (name == "sort_by_label" || name == "sort_by_label_desc") return arguments[0];
  if (name == "absent") {
    if (!arguments[0].empty()) return TwinVector();
    return TwinVector{{labels_of_absent(*call.arguments[0]), {1, nullptr}}};
  }
  if (name == "round") {
    const double inverse = 1 / (arguments.size() > 1 ? number(1) : 1);
    return each_float(arguments[0],
                      [&](double v) { return std::floor(v * inverse + 0.5) / inverse; });
  }
  if (name == "clamp" || name == "clamp_min" || name == "clamp_max") {
    const double low = name == "clamp_max" ? -kInf : number(1);
    const double high = name == "clamp_min" ? kInf : number(arguments.size() - 1);
    if (high < low) return TwinVector();
    return each_float(arguments[0], [&](double v) { return go_max(low, go_min(high, v)); });
  }
  if (name == "histogram_count") {
    return each_histogram(arguments[0], [](const Histogram& h) { return h.count; });
  }
  if (name == "histogram_sum") {
    return each_histogram(arguments[0], [](const Histogram& h) { return h.sum; });
  }
  if (name == "histogram_avg") {
    return each_histogram(arguments[0], [](const Histogram& h) { return h.sum / h.count; });
  }
  if (name == "histogram_stdvar") return each_histogram(arguments[0], histogram_variance_of);
  if (name == "histogram_stddev") {
    return each_histogram(arguments[0],
                          [](const Histogram& h) { return std::sqrt(histogram_variance_of(h)); });
  }
  if (name == "histogram_quantile") return histogram_quantile_of(number(0), arguments[1]);
  if (name == "histogram_fraction") {
    return histogram_fraction_of(number(0), number(1), arguments[2]);
  }
  if (name == "histogram_quantiles") {
    std::vector<double> qs;
    for (size_t i = 2; i < arguments.size(); ++i) qs.push_back(number(i));
    return histogram_quantiles_of(qs, string_argument(call, 1), arguments[0]);
  }
  return fail(ErrorCode::Unavailable, "{}", name);
}

// --- functions of labels -------------------------------------------------------------------------

Result<TwinSteps> SlowTwin::eval_label_call(const Call& call, const TwinGrid& grid) {
  const std::string& target = string_argument(call, 1);
  if (target.empty()) return fail(ErrorCode::Execution, "invalid destination label name");
  const bool joins = call.function->info.name == "label_join";
  for (size_t i = 3; joins && i < call.arguments.size(); ++i) {
    if (string_argument(call, i).empty()) return fail(ErrorCode::Execution, "invalid source label");
  }
  const auto relabelled = [&](const Labels& labels) {
    LabelsBuilder out(labels);
    std::string value;
    if (joins) {
      for (size_t i = 3; i < call.arguments.size(); ++i) {
        if (i > 3) value += string_argument(call, 2);
        value += labels.get(string_argument(call, i));
      }
      return out.set(target, value).build();
    }
    const std::string source(labels.get(string_argument(call, 3)));
    std::string replaced;
    const auto regex = Regex::compile(string_argument(call, 4));
    if (!regex || !regex->expand(source, string_argument(call, 2), replaced)) return labels;
    return out.set(target, replaced).build();
  };
  const TwinSteps steps = TRY(eval(*call.arguments[0], grid));
  TwinSteps out(grid.count);
  std::map<Labels, Labels> known;
  for (size_t i = 0; i < grid.count; ++i) {
    for (const auto& [labels, value] : steps[i]) {
      if (!known.contains(labels)) known[labels] = relabelled(labels);
      const Labels& now = known[labels];
      const auto there = out[i].find(now);
      if (there != out[i].end() && there->second.is_float() != value.is_float()) {
        return fail(ErrorCode::Unavailable, "a float and a histogram under the same labels");
      }
      TRY(put(out[i], now, value));
    }
  }
  return out;
}

// --- functions of ranges -------------------------------------------------------------------------

namespace {

/// The samples in (after, until].
std::span<const TwinSample> between(const std::vector<TwinSample>& samples, TimeMs after,
                                    TimeMs until) {
  const auto first = std::ranges::upper_bound(samples, after, {}, &TwinSample::time);
  const auto last = std::ranges::upper_bound(samples, until, {}, &TwinSample::time);
  if (first >= last) return {};
  return {first, last};
}

}  // namespace

Result<TwinSteps> SlowTwin::eval_range_call(const Call& call, const Expr& range,
                                            const TwinGrid& grid) {
  const std::string_view name = call.function->info.name;
  const TwinWindowFunction function = find_window_function(name);
  if (function == nullptr) return fail(ErrorCode::Unavailable, "{}", name);
  std::vector<std::vector<double>> parameters;
  for (const ExprPtr& argument : call.arguments) {
    if (argument.get() != &range) parameters.push_back(TRY(eval_scalar(*argument, grid)));
  }
  const bool keeps_name = name == "last_over_time" || name == "first_over_time";
  TwinSteps out(grid.count);
  std::set<Labels> taken;
  for (const auto& [labels, samples] : TRY(range_samples(range, grid))) {
    const Labels named = keeps_name ? labels : without_metadata(labels);
    bool any = false;
    for (size_t i = 0; i < grid.count; ++i) {
      TwinWindow window;
      window.now = grid.at(i);
      window.shaken = options_.shake != 0;
      window.end = window_end(range, window.now);
      window.start = window.end - window_length(range);
      window.samples = between(samples, window.start, window.end);
      if (window.samples.empty()) continue;
      for (const auto& parameter : parameters) window.parameters.push_back(parameter[i]);
      if (name == "double_exponential_smoothing") {
        for (const double factor : window.parameters) {
          if (factor <= 0 || factor >= 1) return fail(ErrorCode::Execution, "invalid factor");
        }
      }
      const auto value = function(window);
      if (!value) continue;
      any = true;
      out[i][named] = *value;
    }
    // Not even at different steps may two series come to have the same labels.
    if (any && !taken.insert(named).second) {
      return fail(ErrorCode::Execution, "vector cannot contain metrics with the same labelset");
    }
  }
  return out;
}

Result<TwinSteps> SlowTwin::eval_absent_over_time(const Expr& range, const TwinGrid& grid) {
  const TwinData data = TRY(range_samples(range, grid));
  TwinSteps out(grid.count);
  for (size_t i = 0; i < grid.count; ++i) {
    const TimeMs end = window_end(range, grid.at(i));
    const bool found = std::ranges::any_of(data, [&](const auto& series) {
      return !between(series.second, end - window_length(range), end).empty();
    });
    if (!found) out[i][labels_of_absent(range)] = {1, nullptr};
  }
  return out;
}

}  // namespace prom5::promql
