#include "ask/llm/telling.h"

#include <cmath>
#include <map>
#include <set>

#include "io/codec/number.h"

namespace prom5::llm {

namespace {

double number_at(const Json& point) {
  return codec::parse_double(point[1].get<std::string>()).value_or(NAN);
}

/// A range's first value, last, least and most, without its first `filling`.
void fill_course(const Json& values, DurationMs filling, Row& row) {
  const double from = values.front()[0].get<double>() + filling.as_seconds();
  size_t first = 0;
  while (first < values.size() && values[first][0].get<double>() < from) ++first;
  if (first == values.size()) first = 0;
  row.first = number_at(values[first]);
  row.value = number_at(values.back());
  row.lowest = row.highest = row.first;
  for (size_t i = first; i < values.size(); ++i) {
    row.lowest = std::min(row.lowest, number_at(values[i]));
    row.highest = std::max(row.highest, number_at(values[i]));
  }
}

}  // namespace

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
  return join_words(parts, " ");
}

std::vector<std::string> labels_apart(std::vector<std::string> labels, const Json& data) {
  if (labels.empty() || !data.contains("result") || !data["result"].is_array()) return labels;
  std::vector<const Json*> series;
  for (const Json& one : data["result"]) {
    if (one.is_object() && one.contains("metric")) series.push_back(&one["metric"]);
  }
  const auto all_apart = [&] {
    std::set<std::string> names;
    return std::ranges::all_of(
        series, [&](const Json* one) { return names.insert(name_of(*one, labels)).second; });
  };
  std::map<std::string, std::set<std::string>> values;
  for (const Json* one : series) {
    for (const auto& [name, value] : one->items()) {
      if (name != "__name__" && value.is_string()) values[name].insert(value.get<std::string>());
    }
  }
  for (const auto& [name, different] : values) {
    if (different.size() < 2 || std::ranges::find(labels, name) != labels.end()) continue;
    if (all_apart()) break;
    labels.push_back(name);
  }
  return labels;
}

std::vector<Row> rows_of(const std::vector<std::string>& labels, const Json& data,
                         DurationMs filling) {
  std::vector<Row> rows;
  if (!data.contains("result")) return rows;
  const Json& result = data["result"];
  if (data["resultType"] == "scalar") {
    rows.push_back({"", number_at(result), 0, 0, 0});
    return rows;
  }
  if (!result.is_array()) return rows;
  for (const Json& series : result) {
    Row row;
    row.name = name_of(series["metric"], labels);
    if (series.contains("value")) {
      row.value = number_at(series["value"]);
    } else if (series.contains("values")) {
      fill_course(series["values"], filling, row);
    } else {
      continue;  // a histogram, which has no single number to say
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string Telling::value(double value) const {
  constexpr double kOne = 1;
  const bool events = plan.unit == "count" && plan.promql.find("increase(") != std::string::npos;
  const bool whole = value == std::floor(value) || std::fabs(value) < kOne;
  if (!events || whole || !std::isfinite(value)) return say_value(value, plan.unit, texts);
  return texts.say("value.about", {{"value", say_value(std::round(value), plan.unit, texts)}});
}

const Json& result_of(const Results& results, std::string_view id) {
  static const Json none = Json::object();
  const auto found = results.find(id);
  return found == results.end() ? none : found->second;
}

std::string with_rest(const texts::TextCatalogue& texts, std::string list, size_t total,
                      size_t told) {
  if (total <= told) return list;
  return texts.say("list.rest", {{"list", std::move(list)}, {"more", total - told}});
}

}  // namespace prom5::llm
