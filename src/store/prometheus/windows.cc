#include "store/prometheus/windows.h"

#include <optional>

namespace prom5::prometheus {

namespace {

constexpr int64_t kWindowMs = DurationMs::hours(2).ms;

int64_t window_of(TimeMs time) { return time.ms / kWindowMs - (time.ms % kWindowMs < 0 ? 1 : 0); }

}  // namespace

void add_windows(const SampleColumns& samples, Windows& out) {
  std::optional<int64_t> last;
  for (const TimeMs time : samples.times) {
    const int64_t window = window_of(time);
    if (last != window) out.insert(window);
    last = window;
  }
}

TimeRange range_of(int64_t window) {
  return {{window * kWindowMs}, {(window + 1) * kWindowMs - 1}};
}

bool is_sane(TimeMs time) {
  constexpr int64_t kFarMs = int64_t{1} << 52;
  return time.ms > -kFarMs && time.ms < kFarMs;
}

}  // namespace prom5::prometheus
