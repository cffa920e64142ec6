#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "app/api/parameters.h"
#include "app/cli/client.h"
#include "app/cli/command.h"
#include "app/cli/terminal.h"
#include "base/clock.h"

namespace prom5::cli {

namespace {

using enum FlagKind;

constexpr Flag kUrl = {"url", Text, "http://127.0.0.1:9090", "The server to ask."};
constexpr Flag kJson = {"json", Switch, "false", "Print the result as JSON."};

constexpr std::array kInstant = std::to_array<Flag>({
    kUrl,
    kJson,
    {"time", Text, "",
     "Time of the evaluation: Unix seconds, RFC 3339, a date, or -5m; now when not given."},
});
constexpr std::array kRange = std::to_array<Flag>({
    kUrl,
    kJson,
    {"start", Text, "",
     "Start: Unix seconds, RFC 3339, a date, or -5m; an hour before the end when not given."},
    {"end", Text, "", "End; now when not given."},
    {"step", Text, "", "Distance of the points; a hundredth or so of the range when not given."},
    {"table", Switch, "false", "Print every point instead of a chart."},
});
constexpr std::array kSeries = std::to_array<Flag>({
    kUrl,
    kJson,
    {"start", Text, "", "Only series with samples from then on."},
    {"end", Text, "", "Only series with samples up to then."},
});

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

/// What a range query asked for, in seconds.
struct ChartGrid {
  double start = 0;
  double end = 0;
  double step = 1;
};

void print_chart(const Json& result, const ChartGrid& grid) {
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
  const ChartShape shape{.width = terminal_width(), .colors = terminal_colors()};
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

int ask_and_print(const Flags& flags, const std::string& path, const io::Parameters& parameters,
                  const std::optional<ChartGrid>& chart = std::nullopt) {
  Json notes = Json::array();
  const auto data = ask_api(flags.text("url"), path, parameters, &notes);
  if (!data) return complain_of(data.error(), flags.text("url"));
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
  } else {
    print_result(*data, chart);
  }
  for (const Json& note : notes) fmt::print(stderr, "{}\n", printable(note.get<std::string>()));
  return kGood;
}

constexpr std::array kBounds = std::to_array<std::string_view>({"start", "end"});

}  // namespace

const std::span<const Flag> kQueryFlags = kInstant;
const std::span<const Flag> kQueryRangeFlags = kRange;
const std::span<const Flag> kQuerySeriesFlags = kSeries;

int run_query_instant(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("query instant needs one EXPRESSION", kWrongUse);
  }
  io::Parameters parameters = {{"query", flags.arguments()[0]}};
  const std::array names = std::to_array<std::string_view>({"time"});
  if (const auto added = add_times(flags, names, parameters); !added) {
    return complain(added.error().message, kWrongUse);
  }
  return ask_and_print(flags, "/api/v1/query", parameters);
}

int run_query_range(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("query range needs one EXPRESSION", kWrongUse);
  }
  const auto seconds = [&](const char* name, double otherwise) -> Result<double> {
    if (flags.text(name).empty()) return otherwise;
    const auto time = parse_when(flags.text(name), SystemClock().now());
    if (!time) return fail(ErrorCode::BadData, "--{}: {}", name, time.error().message);
    return time->as_seconds();
  };
  constexpr double kHour = 3600;
  const auto end = seconds("end", SystemClock().now().as_seconds());
  if (!end) return complain(end.error().message, kWrongUse);
  const auto start = seconds("start", *end - kHour);
  if (!start) return complain(start.error().message, kWrongUse);
  // A point for each dot of a chart, near enough, at full seconds.
  DurationMs step{std::max<int64_t>(1, std::llround((*end - *start) / 120)) * 1000};
  if (!flags.text("step").empty()) {
    const auto given = api::parse_step(flags.text("step"));
    if (!given) return complain("--step: " + given.error().message, kWrongUse);
    step = *given;
  }
  std::optional<ChartGrid> chart;
  if (!flags.on("table")) chart = ChartGrid{*start, *end, step.as_seconds()};
  return ask_and_print(flags, "/api/v1/query_range",
                       {{"query", flags.arguments()[0]},
                        {"start", fmt::format("{:.3f}", *start)},
                        {"end", fmt::format("{:.3f}", *end)},
                        {"step", fmt::format("{:.3f}", step.as_seconds())}},
                       chart);
}

int run_query_series(const Flags& flags) {
  if (flags.arguments().empty()) return complain("query series needs a SELECTOR", kWrongUse);
  io::Parameters parameters;
  for (const std::string& selector : flags.arguments()) {
    parameters.emplace_back("match[]", selector);
  }
  if (const auto added = add_times(flags, kBounds, parameters); !added) {
    return complain(added.error().message, kWrongUse);
  }
  const auto data = ask_api(flags.text("url"), "/api/v1/series", parameters);
  if (!data) return complain_of(data.error(), flags.text("url"));
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
    return kGood;
  }
  for (const Json& labels : *data) fmt::print("{}\n", series_name(labels));
  return kGood;
}

int run_query_labels(const Flags& flags) {
  if (flags.arguments().size() > 1) return complain("query labels takes one NAME", kWrongUse);
  io::Parameters parameters;
  if (const auto added = add_times(flags, kBounds, parameters); !added) {
    return complain(added.error().message, kWrongUse);
  }
  const std::string path =
      flags.arguments().empty()
          ? "/api/v1/labels"
          : "/api/v1/label/" + io::percent_encode(flags.arguments()[0]) + "/values";
  const auto data = ask_api(flags.text("url"), path, parameters);
  if (!data) return complain_of(data.error(), flags.text("url"));
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
    return kGood;
  }
  for (const Json& name : *data) fmt::print("{}\n", printable(name.get<std::string>()));
  return kGood;
}

}  // namespace prom5::cli
