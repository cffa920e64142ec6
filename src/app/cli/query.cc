#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "app/api/parameters.h"
#include "app/cli/client.h"
#include "app/cli/command.h"
#include "app/cli/print_result.h"
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
