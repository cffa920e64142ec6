#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/http/message.h"
#include "model/matcher.h"

namespace prom5::api {

// Reading of request parameters as Prometheus reads them. BadData names the parameter.

/// Unix seconds with a fraction, or RFC 3339.
Result<TimeMs> parse_time(std::string_view text);
/// Seconds as a number, or a duration literal.
Result<DurationMs> parse_step(std::string_view text);

Result<TimeMs> time_parameter(const io::HttpRequest& request, std::string_view name,
                              std::optional<TimeMs> otherwise);
/// 0 when it is not given.
Result<DurationMs> duration_parameter(const io::HttpRequest& request, std::string_view name);
/// A whole number where it is given. BadData: "NAME must be a number".
Result<std::optional<int64_t>> count_parameter(const io::HttpRequest& request,
                                               std::string_view name);
/// `start`, `end` and `step` of a range query. BadData also for more steps than Prometheus takes.
struct RangeParameters {
  TimeMs start;
  TimeMs end;
  DurationMs step;
};
Result<RangeParameters> range_parameters(const io::HttpRequest& request,
                                         std::optional<TimeMs> end_otherwise = std::nullopt);
/// `limit`; 0 when it is not given.
Result<size_t> limit_parameter(const io::HttpRequest& request);
/// All match[] parameters. BadData also for one that fits every series, where that is refused.
enum class AllSeries : uint8_t { Refused, Allowed };
Result<std::vector<std::vector<Matcher>>> match_parameters(const io::HttpRequest& request,
                                                           AllSeries all = AllSeries::Refused);

}  // namespace prom5::api
