#include "app/cli/print_result.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "app/cli/terminal.h"
#include "base/time.h"

namespace prom5::cli {

namespace {

std::string histogram_text(const Json& histogram) {
  return fmt::format("{{count {}, sum {}}}", histogram["count"].get<std::string>(),
                     histogram["sum"].get<std::string>());
}

/// Labels as columns, so that what tells the series apart stands under each other.
void print_vector(const Json& result) {
  using enum Table::Align;
  std::set<std::string> names;
  bool named = false;
  for (const Json& series : result) {
    for (const auto& [name, value] : series["metric"].items()) {
      if (name == "__name__") {
        named = true;
      } else {
        names.insert(name);
      }
    }
  }
  std::vector<std::string> heads(names.begin(), names.end());
  if (named) heads.insert(heads.begin(), "metric");
  heads.emplace_back("value");
  std::vector<Table::Align> alignments(heads.size(), Left);
  alignments.back() = Right;
  Table table(heads, alignments);
  for (const Json& series : result) {
    std::vector<std::string> row;
    if (named) row.push_back(printable(series["metric"].value("__name__", "")));
    for (const std::string& name : names) {
      row.push_back(printable(series["metric"].value(name, "")));
    }
    row.push_back(series.contains("value") ? series["value"][1].get<std::string>()
                                           : histogram_text(series["histogram"][1]));
    table.add(std::move(row));
  }
  fmt::print("{}", table.text());
}

/// A line for each point.
void print_points(const Json& result) {
  using enum Table::Align;
  Table table({"series", "time", "value"}, {Left, Left, Right});
  for (const Json& series : result) {
    const std::string name = series_name(series["metric"]);
    const auto add = [&](const Json& point, std::string value) {
      const TimeMs time{static_cast<int64_t>(std::llround(point[0].get<double>() * 1000))};
      table.add({name, format_rfc3339(time), std::move(value)});
    };
    for (const Json& point : series.value("values", Json::array())) {
      add(point, point[1].get<std::string>());
    }
    for (const Json& point : series.value("histograms", Json::array())) {
      add(point, histogram_text(point[1]));
    }
  }
  fmt::print("{}", table.text());
}

}  // namespace

std::string series_name(const Json& labels) {
  std::string name;
  std::string inside;
  for (const auto& [key, value] : labels.items()) {
    if (key == "__name__") {
      name = value.get<std::string>();
    } else {
      inside += (inside.empty() ? "" : ", ") + key + "=" + value.dump();
    }
  }
  return inside.empty() && !name.empty() ? name : name + "{" + inside + "}";
}

void print_chart(const Json& result, const ChartGrid& grid, size_t height) {
  const auto steps = static_cast<size_t>(std::max(0.0, (grid.end - grid.start) / grid.step)) + 1;
  // What all series have in common is said once.
  Json common = Json::object();
  for (const auto& [name, value] : result[0]["metric"].items()) {
    const bool shared = std::ranges::all_of(
        result, [&](const Json& series) { return series["metric"].value(name, Json()) == value; });
    if (shared && result.size() > 1) common[name] = value;
  }
  if (!common.empty()) fmt::print("{}\n", series_name(common));
  std::vector<ChartLine> lines;
  for (const Json& series : result) {
    Json own = series["metric"];
    for (const auto& [name, value] : common.items()) own.erase(name);
    ChartLine line{series_name(own),
                   std::vector<double>(steps, std::numeric_limits<double>::quiet_NaN())};
    for (const Json& point : series.value("values", Json::array())) {
      const double at = std::round((point[0].get<double>() - grid.start) / grid.step);
      if (at < 0 || at >= static_cast<double>(steps)) continue;
      line.values[static_cast<size_t>(at)] =
          std::strtod(point[1].get_ref<const std::string&>().c_str(), nullptr);
    }
    if (series.contains("values")) lines.push_back(std::move(line));
  }
  const ChartShape shape{.width = terminal_width(), .height = height, .colors = terminal_colors()};
  if (!lines.empty()) fmt::print("{}", draw_chart(lines, grid.start, grid.end, shape));
  if (lines.size() < result.size()) {
    fmt::print("{} series of histograms cannot be drawn: --table shows them\n",
               result.size() - lines.size());
  }
}

void print_result(const Json& data, const std::optional<ChartGrid>& chart) {
  const Json& result = data["result"];
  const auto type = data["resultType"].get<std::string>();
  if (type == "scalar" || type == "string") {
    fmt::print("{}\n", printable(result[1].get<std::string>()));
  } else if (result.empty()) {
    fmt::print(stderr, "no series; `prom5 doctor` with the same expression says why\n");
  } else if (chart) {
    print_chart(result, *chart);
  } else if (type == "vector") {
    print_vector(result);
  } else {
    print_points(result);
  }
}

}  // namespace prom5::cli
