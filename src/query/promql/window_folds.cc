#include "query/promql/window_folds.h"

#include <algorithm>
#include <cmath>

namespace prom5::promql {

namespace {

/// Sums of as many of them as there may be stay far from overflow.
constexpr double kModerate = 1e280;

bool all_moderate(std::span<const double> values) {
  bool good = true;
  // NaN compares false.
  for (const double v : values) good &= std::fabs(v) < kModerate;
  return good;
}

}  // namespace

WindowFolds::WindowFolds(std::span<const double> values, Kind kind)
    : values_(values), kind_(kind), usable_(kind != Kind::None && all_moderate(values)) {
  if (!usable_) return;
  std::span<const double> below = values;
  std::span<const double> lost_below;
  while (below.size() >= 2 * kFanout) {
    build_level(below, lost_below);
    below = levels_.back().values;
    lost_below = levels_.back().lost;
  }
}

void WindowFolds::build_level(std::span<const double> below, std::span<const double> lost_below) {
  Level level;
  const size_t runs = below.size() / kFanout;  // what is over is never asked for as a run
  level.values.reserve(runs);
  if (kind_ == Kind::Sum) level.lost.reserve(runs);
  for (size_t run = 0; run < runs; ++run) {
    const auto part = below.subspan(run * kFanout, kFanout);
    if (kind_ == Kind::Sum) {
      KahanSum sum;
      for (const double v : part) sum.add(v);
      for (size_t i = 0; i < kFanout && !lost_below.empty(); ++i) {
        sum.lost += lost_below[(run * kFanout) + i];
      }
      level.values.push_back(sum.sum);
      level.lost.push_back(sum.lost);
    } else {
      level.values.push_back(kind_ == Kind::Least ? std::ranges::min(part)
                                                  : std::ranges::max(part));
    }
  }
  levels_.push_back(std::move(level));
}

/// Calls `take(values, lost, from, to)` for pieces that make up [first, past), from the single
/// values up; `lost` is null there.
template <typename Take>
void WindowFolds::walk(size_t first, size_t past, Take take) const {
  const double* values = values_.data();
  const double* lost = nullptr;
  for (const Level& above : levels_) {
    if (past - first < 2 * kFanout) break;
    const size_t from = (first + kFanout - 1) / kFanout;
    const size_t to = past / kFanout;
    take(values, lost, first, from * kFanout);
    take(values, lost, to * kFanout, past);
    first = from;
    past = to;
    values = above.values.data();
    lost = above.lost.empty() ? nullptr : above.lost.data();
  }
  take(values, lost, first, past);
}

KahanSum WindowFolds::sum(size_t first, size_t count) const {
  KahanSum out;
  walk(first, first + count, [&](const double* values, const double* lost, size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      out.add(values[i]);
      if (lost != nullptr) out.lost += lost[i];
    }
  });
  return out;
}

double WindowFolds::extreme(size_t first, size_t count) const {
  double out = values_[first];
  walk(first, first + count, [&](const double* values, const double*, size_t from, size_t to) {
    if (kind_ == Kind::Least) {
      for (size_t i = from; i < to; ++i) out = std::min(out, values[i]);
    } else {
      for (size_t i = from; i < to; ++i) out = std::max(out, values[i]);
    }
  });
  return out;
}

}  // namespace prom5::promql
