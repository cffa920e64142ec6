#include <fmt/core.h>

#include <array>
#include <chrono>

#include "app/api/parameters.h"
#include "app/cli/client.h"
#include "app/cli/command.h"

namespace prom5::cli {

namespace {

using enum FlagKind;

constexpr Flag kUrl = {"url", Text, "http://127.0.0.1:9090", "The server to ask."};
constexpr Flag kJson = {"json", Switch, "false", "Print the result as JSON."};

constexpr std::array kInstant = std::to_array<Flag>({
    kUrl,
    kJson,
    {"time", Text, "", "Time of the evaluation: Unix seconds or RFC 3339; now when not given."},
});
constexpr std::array kRange = std::to_array<Flag>({
    kUrl,
    kJson,
    {"start", Text, "", "Start: Unix seconds or RFC 3339; an hour before the end when not given."},
    {"end", Text, "", "End; now when not given."},
    {"step", Text, "15s", "Distance of the points."},
});
constexpr std::array kSeries = std::to_array<Flag>({
    kUrl,
    kJson,
    {"start", Text, "", "Only series with samples from then on."},
    {"end", Text, "", "Only series with samples up to then."},
});

double now_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

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

void print_rows(const std::vector<std::pair<std::string, std::string>>& rows) {
  size_t width = 0;
  for (const auto& [name, value] : rows) width = std::max(width, name.size());
  for (const auto& [name, value] : rows) fmt::print("{:<{}}  {}\n", name, width, value);
}

void print_result(const Json& data) {
  const Json& result = data["result"];
  if (data["resultType"] == "scalar" || data["resultType"] == "string") {
    fmt::print("{}\n", result[1].get<std::string>());
    return;
  }
  if (result.empty()) {
    fmt::print(stderr, "no series\n");
    return;
  }
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Json& series : result) {
    const std::string name = series_name(series["metric"]);
    if (series.contains("value")) rows.emplace_back(name, series["value"][1].get<std::string>());
    if (series.contains("histogram"))
      rows.emplace_back(name, histogram_text(series["histogram"][1]));
    for (const Json& point : series.value("values", Json::array())) {
      rows.emplace_back(name, fmt::format("{} @{}", point[1].get<std::string>(), point[0].dump()));
    }
    for (const Json& point : series.value("histograms", Json::array())) {
      rows.emplace_back(name, fmt::format("{} @{}", histogram_text(point[1]), point[0].dump()));
    }
  }
  print_rows(rows);
}

int fail_with(const Flags& flags, const Error& error) {
  const bool reached = error.code == ErrorCode::Execution;
  return complain(reached ? error.message : fmt::format("{}: {}", flags.text("url"), error.message),
                  kFailure);
}

int ask_and_print(const Flags& flags, const std::string& path, const io::Parameters& parameters) {
  const auto data = ask_api(flags.text("url"), path, parameters);
  if (!data) return fail_with(flags, data.error());
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
  } else {
    print_result(*data);
  }
  return kGood;
}

void add_range(const Flags& flags, io::Parameters& parameters) {
  for (const char* name : {"start", "end"}) {
    if (!flags.text(name).empty()) parameters.emplace_back(name, flags.text(name));
  }
}

}  // namespace

const std::span<const Flag> kQueryFlags = kInstant;
const std::span<const Flag> kQueryRangeFlags = kRange;
const std::span<const Flag> kQuerySeriesFlags = kSeries;

int run_query_instant(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("query instant needs one EXPRESSION", kWrongUse);
  }
  io::Parameters parameters = {{"query", flags.arguments()[0]}};
  if (!flags.text("time").empty()) parameters.emplace_back("time", flags.text("time"));
  return ask_and_print(flags, "/api/v1/query", parameters);
}

int run_query_range(const Flags& flags) {
  if (flags.arguments().size() != 1) {
    return complain("query range needs one EXPRESSION", kWrongUse);
  }
  double end = now_seconds();
  if (const std::string& given = flags.text("end"); !given.empty()) {
    const auto time = api::parse_time(given);
    if (!time) return complain("--end: " + time.error().message, kWrongUse);
    end = time->as_seconds();
  }
  const auto or_else = [&](const char* name, double seconds) {
    return flags.text(name).empty() ? fmt::format("{:.3f}", seconds) : flags.text(name);
  };
  constexpr double kHour = 3600;
  return ask_and_print(flags, "/api/v1/query_range",
                       {{"query", flags.arguments()[0]},
                        {"start", or_else("start", end - kHour)},
                        {"end", or_else("end", end)},
                        {"step", flags.text("step")}});
}

int run_query_series(const Flags& flags) {
  if (flags.arguments().empty()) return complain("query series needs a SELECTOR", kWrongUse);
  io::Parameters parameters;
  for (const std::string& selector : flags.arguments()) {
    parameters.emplace_back("match[]", selector);
  }
  add_range(flags, parameters);
  const auto data = ask_api(flags.text("url"), "/api/v1/series", parameters);
  if (!data) return fail_with(flags, data.error());
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
  add_range(flags, parameters);
  const std::string path =
      flags.arguments().empty()
          ? "/api/v1/labels"
          : "/api/v1/label/" + io::percent_encode(flags.arguments()[0]) + "/values";
  const auto data = ask_api(flags.text("url"), path, parameters);
  if (!data) return fail_with(flags, data.error());
  if (flags.on("json")) {
    fmt::print("{}\n", codec::dump_json(*data));
    return kGood;
  }
  for (const Json& name : *data) fmt::print("{}\n", name.get<std::string>());
  return kGood;
}

}  // namespace prom5::cli
