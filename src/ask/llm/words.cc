#include "ask/llm/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr size_t kMaxNamed = 5;

struct Row {
  std::string name;
  double value = 0;
  double first = 0;  ///< of a range
  double lowest = 0;
  double highest = 0;
};

/// At most three significant digits, no exponent.
std::string short_number(double value) {
  if (!std::isfinite(value)) return codec::format_fixed(value);
  const double magnitude = std::fabs(value);
  if (magnitude != 0 && magnitude < 0.001) return fmt::format("{:.2g}", value);
  const int decimals = magnitude >= 100 || value == std::floor(value) ? 0 : magnitude >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string say_bytes(double value) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (std::fabs(value) >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", short_number(value), kUnits[unit]);
}

std::string say_seconds(double value) {
  if (std::fabs(value) < 1) return fmt::format("{} ms", short_number(value * 1000));
  if (std::fabs(value) < 60) return fmt::format("{} s", short_number(value));
  const auto seconds = static_cast<int64_t>(value);
  const int64_t days = seconds / 86'400;
  const int64_t hours = seconds / 3600 % 24;
  const int64_t minutes = seconds / 60 % 60;
  if (days > 0) return fmt::format("{} d {} h", days, hours);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes);
  return fmt::format("{} min {} s", minutes, seconds % 60);
}

std::string name_of(const Json& labels, const std::vector<std::string>& wanted) {
  std::vector<std::string> parts;
  for (const std::string& label : wanted) {
    if (labels.contains(label)) parts.push_back(labels[label].get<std::string>());
  }
  if (parts.empty()) {
    for (const auto& [key, value] : labels.items()) {
      if (key != "__name__") parts.push_back(key + "=" + value.get<std::string>());
    }
  }
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " ") + part;
  return out;
}

double number_at(const Json& point) {
  return codec::parse_double(point[1].get<std::string>()).value_or(NAN);
}

std::vector<Row> rows_of(const Plan& plan, const Json& data) {
  std::vector<Row> rows;
  const Json& result = data["result"];
  if (data["resultType"] == "scalar") {
    rows.push_back({"", number_at(result), 0, 0, 0});
    return rows;
  }
  for (const Json& series : result) {
    Row row;
    row.name = name_of(series["metric"], plan.entity_labels);
    if (series.contains("value")) {
      row.value = number_at(series["value"]);
    } else if (series.contains("values")) {
      const Json& values = series["values"];
      row.first = number_at(values.front());
      row.value = number_at(values.back());
      row.lowest = row.highest = row.first;
      for (const Json& point : values) {
        row.lowest = std::min(row.lowest, number_at(point));
        row.highest = std::max(row.highest, number_at(point));
      }
    } else {
      continue;  // a histogram, which has no single number to say
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string say_past_status(const std::vector<Row>& rows, DurationMs window) {
  std::string down;
  for (const Row& row : rows) {
    if (row.value == 0) down += (down.empty() ? "" : ", ") + row.name;
  }
  const std::string span = format_duration(window);
  if (down.empty()) return fmt::format("Nothing was down in the last {}.", span);
  return fmt::format("Down at some time in the last {}: {}.", span, down);
}

std::string say_status(const std::vector<Row>& rows) {
  std::vector<std::string> down;
  for (const Row& row : rows) {
    if (row.value == 0) down.push_back(row.name);
  }
  if (down.empty()) {
    return rows.size() == 1 ? fmt::format("Nothing is down: {} is up.", rows[0].name)
                            : fmt::format("Nothing is down: all {} targets are up.", rows.size());
  }
  std::string out = fmt::format("{} of {} targets {} down: ", down.size(), rows.size(),
                                down.size() == 1 ? "is" : "are");
  for (size_t i = 0; i < down.size() && i < kMaxNamed; ++i) out += (i > 0 ? ", " : "") + down[i];
  if (down.size() > kMaxNamed) out += fmt::format(" and {} more", down.size() - kMaxNamed);
  return out + ".";
}

std::string say_forecast(const std::vector<Row>& rows) {
  std::string full;
  for (const Row& row : rows) {
    if (row.value < 0) full += (full.empty() ? "" : ", ") + row.name;
  }
  if (full.empty()) return "No filesystem fills up within seven days if it goes on like this.";
  return fmt::format("These fill up within seven days if it goes on like this: {}.", full);
}

std::string say_row(const Plan& plan, const Row& row) {
  const std::string value = say_value(row.value, plan.unit);
  std::string out = row.name.empty() ? value : row.name + ": " + value;
  if (plan.range) {
    out += fmt::format(" (between {} and {}, at first {})", say_value(row.lowest, plan.unit),
                       say_value(row.highest, plan.unit), say_value(row.first, plan.unit));
  }
  return out;
}

}  // namespace

std::string say_value(double value, std::string_view unit) {
  if (!std::isfinite(value)) return codec::format_fixed(value);
  if (unit == "percent") return short_number(value) + " %";
  if (unit == "ratio") return short_number(value * 100) + " %";
  if (unit == "bytes") return say_bytes(value);
  if (unit == "bytes_per_second") return say_bytes(value) + "/s";
  if (unit == "seconds") return say_seconds(value);
  if (unit == "per_second") return short_number(value) + "/s";
  return short_number(value);
}

std::string say_answer(const Plan& plan, const Json& data) {
  std::vector<Row> rows = rows_of(plan, data);
  const size_t total = data.value("total", rows.size());
  if (plan.intent == "status" && total > rows.size()) {
    return fmt::format("There are {} targets, more than I look at. Ask about one job.", total);
  }
  if (plan.intent == "status") {
    if (rows.empty()) return "There is no target to be up or down.";
    return plan.promql.starts_with("min_over_time") ? say_past_status(rows, plan.window)
                                                    : say_status(rows);
  }
  if (rows.empty()) {
    if (plan.intent == "alert") {
      return fmt::format("Proposed: {}. It would not fire now.", plan.promql);
    }
    return fmt::format("{}: nothing matches right now.", plan.subject);
  }
  if (plan.intent == "forecast") return say_forecast(rows);
  if (plan.intent == "alert") {
    return fmt::format("Proposed: {}. It would fire now for {}.", plan.promql, rows[0].name);
  }
  if (plan.intent != "top") {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row& a, const Row& b) { return a.value > b.value; });
  }
  if (rows.size() == 1) {
    return fmt::format("{}{}{}.", plan.subject, rows[0].name.empty() ? ": " : " of ",
                       say_row(plan, rows[0]));
  }
  std::string out = plan.subject + ": ";
  for (size_t i = 0; i < rows.size() && i < kMaxNamed; ++i) {
    out += (i > 0 ? "; " : "") + say_row(plan, rows[i]);
  }
  if (rows.size() > kMaxNamed) out += fmt::format("; and {} more", rows.size() - kMaxNamed);
  return out + ".";
}

}  // namespace prom5::llm
