#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "query/promql/fold_parts.h"
#include "query/promql/rank_window.h"
#include "query/promql/sample_pairs.h"
#include "query/promql/sliding_fold.h"
#include "query/promql/step_series.h"

namespace prom5::promql {

/// What the functions of ranges that have a row in kFunctions[] keep of the samples of windows that
/// overlap, so that a step costs the same, or the logarithm of a column's length, and not as much
/// as the window's length.
///
/// For a column of which each value is good (no NaN, no infinity, nothing that overflows or
/// underflows when it is squared), and where it is faster than to look at each window by itself.
/// One thread.
class WindowFolds {
 public:
  enum class Kind : uint8_t { None, Sum, Least, Greatest, Moments, Line, Ranks, Changes, Resets };

  /// The windows to come: `steps` of them, each `range` long, `step` after the one before.
  struct Plan {
    size_t steps = 1;
    DurationMs range;
    DurationMs step;
  };

  WindowFolds() = default;
  /// `samples` must outlive this and stay as they are.
  WindowFolds(Kind kind, const RangeSamples& samples, const Plan& plan);

  /// What a kind keeps; null for another kind, and where there is no fold.
  template <typename Fold>
  [[nodiscard]] Fold* get() {
    return std::get_if<Fold>(&fold_);
  }
  /// The sums of native histograms that Kind::Sum keeps; null where they differ too much.
  [[nodiscard]] HistogramSums* histogram_sums() {
    return histogram_sums_ ? &*histogram_sums_ : nullptr;
  }

 private:
  std::variant<std::monostate, SlidingFold<SumPart>, SlidingFold<LeastPart>,
               SlidingFold<GreatestPart>, SlidingFold<MomentsPart>, SlidingFold<LinePart>,
               RankWindow, PairCounts>
      fold_;
  std::optional<HistogramSums> histogram_sums_;
};

}  // namespace prom5::promql
