#include "store/prometheus/windows.h"

#include <optional>

namespace prom5::prometheus {

void add_windows(const SampleColumns& samples, DurationMs width, Windows& out) {
  std::optional<int64_t> last;
  for (const TimeMs time : samples.times) {
    const int64_t window = time.ms / width.ms - (time.ms % width.ms < 0 ? 1 : 0);
    if (last != window) out.insert(window);
    last = window;
  }
}

TimeRange range_of(int64_t window, DurationMs width) {
  return {{window * width.ms}, {(window + 1) * width.ms - 1}};
}

bool is_sane(TimeMs time) {
  constexpr int64_t kFarMs = int64_t{1} << 52;
  return time.ms > -kFarMs && time.ms < kFarMs;
}

TimeMs sane_start(TimeMs start) { return start.ms > 0 && is_sane(start) ? start : kNoStart; }

}  // namespace prom5::prometheus
