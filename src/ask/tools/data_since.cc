#include "ask/tools/data_since.h"

#include <algorithm>
#include <cmath>

#include "ask/tools/range_frame.h"

namespace prom5::tools {

namespace {

constexpr int64_t kPoints = 200;
constexpr int kRounds = 6;
/// Most of what is asked has data from the start, which a few looks show.
constexpr DurationMs kFirstStep = DurationMs::seconds(15);
constexpr DurationMs kFinest = DurationMs::seconds(1);

/// The grid ends where the stretch does: what has just begun is seen from there.
FrameRequest grid_of(TimeRange stretch, DurationMs finest) {
  const DurationMs length = stretch.end - stretch.start;
  const DurationMs step{std::max(finest.ms, length.ms / kPoints / 1000 * 1000)};
  const int64_t steps = (length.ms + step.ms - 1) / step.ms;
  return {stretch.end - step * steps, stretch.end, step};
}

/// The first of a frame's one series that is a number; its steps where none is.
size_t first_of(const RangeFrame& frame) {
  if (frame.series.empty()) return frame.steps;
  const std::vector<double>& values = frame.series.front().values;
  const auto first = std::ranges::find_if(values, [](double v) { return std::isfinite(v); });
  return static_cast<size_t>(first - values.begin());
}

}  // namespace

Result<std::optional<TimeMs>> first_sample(query::Engine& engine, const std::string& selector,
                                           TimeRange asked, const ToolContext& context) {
  std::optional<TimeMs> found;
  TimeRange stretch = asked;
  for (int round = 0; round < kRounds; ++round) {
    const FrameRequest request = grid_of(stretch, round == 0 ? kFirstStep : kFinest);
    const RangeFrame frame =
        TRY(range_frame(engine, "min(timestamp(" + selector + "))", request, context));
    const size_t index = first_of(frame);
    if (index == frame.steps) return found;
    const double seconds = frame.series.front().values[index];
    const TimeMs first = frame.time_of(index);
    found = TimeMs{static_cast<int64_t>(std::llround(seconds * 1000))};
    if (first <= asked.start) return found;
    if (index > 0 && request.step <= kFinest) return found;
    // A scrape that failed hides what was before it: the moment before may have had data too.
    stretch = index > 0 ? TimeRange{first - request.step * 2, first}
                        : TimeRange{first - (stretch.end - stretch.start), first};
    stretch.start = std::max(stretch.start, asked.start);
  }
  return found;
}

ToolSpec DataSince::spec() const {
  return {"data_since",
          "Since when between start and end there are samples of a selector (since), and how much "
          "of the time that covers.",
          object_schema({{"selector", "string", "a metric with its matchers"},
                         {"start?", "number", "Unix seconds, default a day before end"},
                         {"end?", "number", "Unix seconds, default now"}})};
}

Result<Json> DataSince::call(const Json& arguments, const ToolContext& context) {
  const std::string selector = TRY(text_of(arguments, "selector", "data_since"));
  const TimeMs end = time_of(arguments, "end", context.now);
  const TimeMs start = time_of(arguments, "start", end - DurationMs::days(1));
  if (start >= end) return fail(ErrorCode::BadData, "data_since: \"start\" must be before \"end\"");
  const DurationMs asked = end - start;
  const std::optional<TimeMs> found = TRY(first_sample(engine_, selector, {start, end}, context));
  Json out{{"asked_s", asked.as_seconds()}};
  if (!found) return out;
  const TimeMs since = std::max(*found, start);
  out["since"] = since.as_seconds();
  out["covered_s"] = (end - since).as_seconds();
  return out;
}

}  // namespace prom5::tools
