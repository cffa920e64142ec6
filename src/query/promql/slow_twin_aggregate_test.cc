#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/histogram_arithmetic.h"
#include "model/histogram_sum.h"
#include "model/kahan.h"
#include "query/promql/slow_twin_parts_test.h"

// Aggregations of one step's vector (promql/engine.go: aggregation, aggregationK).

namespace prom5::promql {

namespace {

/// The members of one group, in the order in which they are taken.
using Group = std::vector<std::pair<Labels, TwinValue>>;

Labels group_of(const Labels& labels, const std::vector<std::string>& grouping, bool without) {
  Labels out;
  out.assign_where(labels, [&](std::string_view name) {
    const bool listed = std::ranges::find(grouping, name) != grouping.end();
    return without ? !listed && name != kMetricName : listed;
  });
  return out;
}

std::vector<double> floats_of(const Group& group) {
  std::vector<double> out;
  for (const auto& [labels, value] : group) {
    if (value.is_float()) out.push_back(value.number);
  }
  return out;
}

std::optional<TwinValue> fold(const Group& group, HistogramFold::Kind kind) {
  HistogramFold total(kind, *group.front().second.histogram);
  for (size_t i = 1; i < group.size(); ++i) {
    if (!total.add(*group[i].second.histogram)) return std::nullopt;
  }
  return TwinValue{0, std::make_shared<const Histogram>(compacted(total.result()))};
}

std::optional<TwinValue> sum_or_avg(const Group& group, bool sum) {
  const std::vector<double> floats = floats_of(group);
  if (floats.empty()) {
    return fold(group, sum ? HistogramFold::Kind::Sum : HistogramFold::Kind::Mean);
  }
  if (floats.size() < group.size()) return std::nullopt;
  KahanMean mean;
  KahanSum total{floats[0]};
  for (const double v : floats) mean.add(v);
  for (size_t i = 1; i < floats.size(); ++i) total.add(floats[i]);
  return TwinValue{sum ? total.total() : mean.mean(), nullptr};
}

double variance_of(const std::vector<double>& values) {
  if (!std::isfinite(values[0])) return kNan;
  double mean = values[0];
  double squares = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const double delta = values[i] - mean;
    mean += delta / static_cast<double>(i + 1);
    squares += delta * (values[i] - mean);
  }
  return squares / static_cast<double>(values.size());
}

/// min and max: NaN only when there is nothing else.
double extreme_of(const std::vector<double>& values, bool max) {
  double out = values[0];
  for (const double v : values) {
    if (std::isnan(out) || (max ? v > out : v < out)) out = v;
  }
  return out;
}

/// The k greatest or smallest floats; NaN comes last either way.
Group best_of(Group group, double k, bool greatest) {
  std::erase_if(group, [](const auto& member) { return !member.second.is_float(); });
  std::ranges::stable_sort(group, [&](const auto& a, const auto& b) {
    const double x = a.second.number;
    const double y = b.second.number;
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return greatest ? x > y : x < y;
  });
  if (static_cast<double>(group.size()) > k) group.resize(static_cast<size_t>(k));
  return group;
}

/// Of aggregations that choose among the members.
Group chosen(TokenType op, const Group& group, double parameter) {
  if (op == TokenType::LimitRatio) return parameter == 0 ? Group() : group;
  if (parameter < 1) return {};
  if (op != TokenType::Limitk) return best_of(group, parameter, op == TokenType::Topk);
  Group out = group;
  if (static_cast<double>(out.size()) > parameter) out.resize(static_cast<size_t>(parameter));
  return out;
}

bool chooses(TokenType op) {
  return op == TokenType::Topk || op == TokenType::Bottomk || op == TokenType::Limitk ||
         op == TokenType::LimitRatio;
}

std::optional<TwinValue> summary(TokenType op, const Group& group, double parameter) {
  const auto number = [](double v) { return TwinValue{v, nullptr}; };
  if (op == TokenType::Count) return number(static_cast<double>(group.size()));
  if (op == TokenType::Group) return number(1);
  if (op == TokenType::Sum || op == TokenType::Avg) return sum_or_avg(group, op == TokenType::Sum);
  const std::vector<double> floats = floats_of(group);
  if (floats.empty()) return std::nullopt;
  switch (op) {
    case TokenType::Min: return number(extreme_of(floats, false));
    case TokenType::Max: return number(extreme_of(floats, true));
    case TokenType::Stdvar: return number(variance_of(floats));
    case TokenType::Stddev: return number(std::sqrt(variance_of(floats)));
    case TokenType::Quantile: return number(quantile_of(parameter, floats));
    default: return std::nullopt;
  }
}

}  // namespace

Result<void> check_parameters(TokenType op, const std::vector<double>& parameters) {
  if (!chooses(op)) return {};
  const auto any = [&](auto condition) { return std::ranges::any_of(parameters, condition); };
  const bool nan = any([](double p) { return std::isnan(p); });
  if (op == TokenType::LimitRatio) {
    if (nan) return fail(ErrorCode::Execution, "Ratio value is NaN");
    if (any([](double p) { return p != 0 && std::fabs(p) < 1; })) {
      return fail(ErrorCode::Unavailable, "which series a share of them is");
    }
    return {};
  }
  if (nan) return fail(ErrorCode::Execution, "Parameter value is NaN");
  if (!any([](double p) { return p >= 1; })) return {};
  if (any([](double p) { return p <= -0x1p63; })) return fail(ErrorCode::Execution, "underflow");
  // The greatest double below 2^63, give or take one.
  if (any([](double p) { return p >= 9223372036854774784.0; })) {
    return fail(ErrorCode::Execution, "overflow");
  }
  return {};
}

TwinVector aggregate_floats_and_histograms(const Aggregate& aggregate, double parameter,
                                           const TwinVector& vector, bool reversed) {
  std::map<Labels, Group> groups;
  for (const auto& [labels, value] : vector) {
    groups[group_of(labels, aggregate.grouping, aggregate.without)].emplace_back(labels, value);
  }
  TwinVector out;
  for (auto& [labels, group] : groups) {
    if (reversed) std::ranges::reverse(group);
    if (chooses(aggregate.op)) {
      for (auto& [member, value] : chosen(aggregate.op, group, parameter)) out[member] = value;
    } else if (const auto value = summary(aggregate.op, group, parameter)) {
      out[labels] = *value;
    }
  }
  return out;
}

TwinVector count_values(const Aggregate& aggregate, const std::string& label,
                        const TwinVector& vector) {
  std::vector<std::string> grouping = aggregate.grouping;
  if (!aggregate.without) grouping.push_back(label);
  TwinVector out;
  for (const auto& [labels, value] : vector) {
    const std::string text =
        value.is_float() ? decimal(value.number) : value.histogram->to_string();
    const Labels with_value = LabelsBuilder(labels).set(label, text).build();
    ++out[group_of(with_value, grouping, aggregate.without)].number;
  }
  return out;
}

std::string decimal(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific);
  const std::string text(buffer, end.ptr);  // -d.ddde±xx
  const size_t e = text.find('e');
  int exponent = std::stoi(text.substr(e + 1));
  const std::string sign = text[0] == '-' ? "-" : "";
  std::string digits;
  for (const char c : text.substr(sign.size(), e - sign.size())) {
    if (c != '.') digits += c;
  }
  if (exponent < 0) {
    digits.insert(0, static_cast<size_t>(-exponent), '0');
    exponent = 0;
  }
  const auto before_point = static_cast<size_t>(exponent) + 1;
  if (digits.size() < before_point) digits.append(before_point - digits.size(), '0');
  if (digits.size() > before_point) digits.insert(before_point, ".");
  return sign + digits;
}

}  // namespace prom5::promql
