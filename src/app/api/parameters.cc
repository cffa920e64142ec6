#include "app/api/parameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "app/api/answer.h"
#include "io/codec/number.h"
#include "model/quote.h"
#include "query/engine.h"

namespace prom5::api {

namespace {

std::unexpected<Error> unreadable(std::string_view text, std::string_view what) {
  return fail(ErrorCode::BadData, "cannot parse {} to a valid {}", quoted(text), what);
}

}  // namespace

Result<TimeMs> parse_time(std::string_view text) {
  if (const auto seconds = codec::parse_double(text)) {
    if (!std::isfinite(*seconds) || std::fabs(*seconds) > 9.2e15) {
      return unreadable(text, "timestamp");
    }
    // As Prometheus: the fraction alone is rounded, so that a large number loses nothing.
    double whole = 0;
    const double fraction = std::modf(*seconds, &whole);
    return TimeMs{(static_cast<int64_t>(whole) * 1000) +
                  static_cast<int64_t>(std::round(fraction * 1000))};
  }
  // What Prometheus' clients send for "from the beginning" and "for ever".
  if (text == "-292273086-05-16T16:47:06Z") return TimeMs::min();
  if (text == "292277025-08-18T07:12:54.999999999Z") return TimeMs::max();
  const auto time = parse_rfc3339(text);
  if (!time) return unreadable(text, "timestamp");
  return *time;
}

Result<DurationMs> parse_step(std::string_view text) {
  if (const auto seconds = codec::parse_double(text)) {
    if (!std::isfinite(*seconds) || std::fabs(*seconds) > 9.2e9) {
      return fail(ErrorCode::BadData, "cannot parse {} to a valid duration. It overflows int64",
                  quoted(text));
    }
    return DurationMs{static_cast<int64_t>(*seconds * 1000)};
  }
  const auto duration = parse_duration(text);
  if (!duration) return unreadable(text, "duration");
  return *duration;
}

Result<TimeMs> time_parameter(const io::HttpRequest& request, std::string_view name,
                              std::optional<TimeMs> otherwise) {
  const std::string_view text = request.parameter(name);
  if (text.empty() && otherwise) return *otherwise;
  auto time = parse_time(text);
  if (time) return *time;
  // Prometheus names the parameter twice where the parameter has a default.
  if (otherwise) {
    time.error().message =
        fmt::format("invalid time value for '{}': {}", name, time.error().message);
  }
  return std::unexpected(invalid_parameter(name, time.error()));
}

Result<DurationMs> duration_parameter(const io::HttpRequest& request, std::string_view name) {
  const std::string_view text = request.parameter(name);
  if (text.empty()) return DurationMs{0};
  auto duration = parse_step(text);
  if (!duration) return std::unexpected(invalid_parameter(name, duration.error()));
  return *duration;
}

Result<std::optional<int64_t>> count_parameter(const io::HttpRequest& request,
                                               std::string_view name) {
  std::string_view text = request.parameter(name);
  if (text.empty()) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(ErrorCode::BadData, "{} must be a number", name);
  }
  return count;
}

Result<RangeParameters> range_parameters(const io::HttpRequest& request,
                                         std::optional<TimeMs> end_otherwise) {
  constexpr uint64_t kMaxPointsPerSeries = 11'000;
  RangeParameters range;
  range.start = TRY(time_parameter(request, "start", std::nullopt));
  range.end = TRY(time_parameter(request, "end", end_otherwise));
  if (range.end < range.start) {
    return fail(ErrorCode::BadData,
                "invalid parameter \"end\": end timestamp must not be before start time");
  }
  const auto step = parse_step(request.parameter("step"));
  if (!step) return std::unexpected(invalid_parameter("step", step.error()));
  range.step = *step;
  if (range.step.ms <= 0) {
    return fail(ErrorCode::BadData,
                "invalid parameter \"step\": zero or negative query resolution step widths are not "
                "accepted. Try a positive integer");
  }
  const uint64_t span = static_cast<uint64_t>(range.end.ms) - static_cast<uint64_t>(range.start.ms);
  if (span / static_cast<uint64_t>(range.step.ms) > kMaxPointsPerSeries) {
    return fail(ErrorCode::BadData,
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                "query resolution (?step=XX)");
  }
  return range;
}

Result<size_t> limit_parameter(const io::HttpRequest& request) {
  const std::string_view text = request.parameter("limit");
  if (text.empty()) return 0;
  int64_t limit = 0;
  const size_t sign = text.starts_with('+') ? 1 : 0;
  const auto [end, error] = std::from_chars(text.data() + sign, text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit < 0) {
    return fail(ErrorCode::BadData, "invalid parameter \"limit\": {}",
                error == std::errc{} && end == text.data() + text.size()
                    ? "limit must be non-negative"
                    : "strconv.Atoi: parsing " + quoted(text) + ": invalid syntax");
  }
  return static_cast<size_t>(limit);
}

Result<std::vector<std::vector<Matcher>>> match_parameters(const io::HttpRequest& request,
                                                           AllSeries all) {
  std::vector<std::vector<Matcher>> out;
  size_t regexes = 0;
  for (const std::string& text : request.parameters_named("match[]")) {
    auto matchers = TRY(query::parse_series_selector(text));
    const bool all_series = std::all_of(matchers.begin(), matchers.end(),
                                        [](const Matcher& m) { return m.matches_empty(); });
    if (all_series && all == AllSeries::Refused) {
      return fail(ErrorCode::BadData, "match[] must contain at least one non-empty matcher");
    }
    for (const Matcher& m : matchers) regexes += m.program_size();
    if (regexes > kMaxRegexProgram) return fail(ErrorCode::BadData, "{}", kRegexesTooLarge);
    out.push_back(std::move(matchers));
  }
  return out;
}

}  // namespace prom5::api
