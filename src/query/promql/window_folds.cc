#include "query/promql/window_folds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace prom5::promql {

namespace {

using Kind = WindowFolds::Kind;

constexpr double kAny = std::numeric_limits<double>::infinity();

/// When a kind's fold is right, and when it is worth it.
struct Terms {
  Kind kind;
  double least;     ///< size of a value that is not 0
  double greatest;  ///< exclusive; kAny: NaN and infinities are good, too
  double windows;   ///< in which a sample is, at least
  double samples;   ///< in a window, at least
};

// Sums of as many as there may be stay far from overflow; squares of differences, and their sums,
// stay far from it and from where doubles have fewer digits. Halves of what is ranked are exact.
// How many windows and samples: where window_folds_bench.cc breaks even without these bounds. Ranks
// cost most by far: the whole column is sorted for them.
constexpr std::array kTerms = std::to_array<Terms>({
    {Kind::Sum, 0, 1e280, 4, 4},
    {Kind::Least, 0, 1e280, 4, 4},
    {Kind::Greatest, 0, 1e280, 4, 4},
    {Kind::Moments, 1e-120, 1e140, 2, 4},
    {Kind::Line, 1e-120, 1e140, 3, 8},
    {Kind::Ranks, 1e-300, 1e300, 16, 16},
    {Kind::Changes, 0, kAny, 2, 4},
    {Kind::Resets, 0, kAny, 2, 4},
});

bool all_good(std::span<const double> values, const Terms& terms) {
  if (terms.greatest == kAny) return true;
  bool good = true;
  // NaN compares false.
  for (const double v : values) {
    const double size = std::fabs(v);
    good &= size < terms.greatest && (size >= terms.least || size == 0);
  }
  return good;
}

bool worth_it(const RangeSamples& samples, const WindowFolds::Plan& plan, const Terms& terms) {
  if (plan.steps < 2) return false;
  const auto range = static_cast<double>(plan.range.ms);
  const auto step = static_cast<double>(plan.step.ms);
  const auto count = static_cast<double>(samples.times.size() + samples.histogram_times.size());
  const double span = range + (step * static_cast<double>(plan.steps - 1));
  return range >= terms.windows * step && count * range >= terms.samples * span;
}

/// What a fold of histograms holds at a time, in bytes: a sum for each sample of a window.
double kept_bytes(const RangeSamples& samples, const WindowFolds::Plan& plan) {
  constexpr double kBucketBytes = 24;
  size_t buckets = 0;
  for (const HistogramPtr& h : samples.histograms) {
    buckets = std::max(buckets, h->positive_counts.size() + h->negative_counts.size());
  }
  const double span = static_cast<double>(plan.range.ms) +
                      (static_cast<double>(plan.step.ms) * static_cast<double>(plan.steps - 1));
  const double in_window =
      static_cast<double>(samples.histograms.size()) * static_cast<double>(plan.range.ms) / span;
  return in_window * (static_cast<double>(buckets) * kBucketBytes + sizeof(HistogramFold));
}
/// More is not worth it: each window is looked at by itself then.
constexpr double kMostKept = 4 << 20;

}  // namespace

WindowFolds::WindowFolds(Kind kind, const RangeSamples& samples, const Plan& plan) {
  const auto terms = std::ranges::find(kTerms, kind, &Terms::kind);
  if (terms == kTerms.end() || !worth_it(samples, plan, *terms)) return;
  if (kind == Kind::Sum && kept_bytes(samples, plan) <= kMostKept && alike(samples.histograms)) {
    histogram_sums_.emplace(HistogramColumn{samples.histograms});
  }
  if (!all_good(samples.values, *terms)) return;
  const FloatColumn floats{samples.times, samples.values};
  switch (kind) {
    case Kind::None: break;
    case Kind::Sum: fold_.emplace<SlidingFold<SumPart>>(floats); break;
    case Kind::Least: fold_.emplace<SlidingFold<LeastPart>>(floats); break;
    case Kind::Greatest: fold_.emplace<SlidingFold<GreatestPart>>(floats); break;
    case Kind::Moments: fold_.emplace<SlidingFold<MomentsPart>>(floats); break;
    case Kind::Line: fold_.emplace<SlidingFold<LinePart>>(floats); break;
    case Kind::Ranks: fold_.emplace<RankWindow>(samples.values); break;
    case Kind::Changes: fold_.emplace<PairCounts>(PairKind::Change, columns_of(samples)); break;
    case Kind::Resets: fold_.emplace<PairCounts>(PairKind::Reset, columns_of(samples)); break;
  }
}

}  // namespace prom5::promql
