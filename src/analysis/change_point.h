#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace prom5::analysis {

/// Where and how a series changed its behaviour. Values are at a fixed step, oldest first; NaN and
/// ±Inf are gaps. Indices count all values, gaps included, and name the first value of the new
/// behaviour. Lone spikes (one or two values) are clipped to their neighbourhood first and make no
/// change. Pure; any thread.
///
/// `confidence` is about 1 - p, p being the probability that a series without any change, as noisy
/// and as slow (first-order autocorrelation) as this one, has somewhere a change so clear. It is
/// corrected for having tried every place (Vostrikova 1981).

struct LevelChange {
  size_t index = 0;
  double before = 0;  ///< median up to the change
  double after = 0;   ///< median from it on
  double confidence = 0;
};

/// The split into two levels that explains most; nothing for fewer than eight values or a constant
/// series. A steady ramp counts as a change of level, in its middle: look at change_of_line() when
/// it matters. O(n).
std::optional<LevelChange> change_of_level(std::span<const double> values);

struct SlopeChange {
  size_t index = 0;
  double before = 0;  ///< per step
  double after = 0;
  double confidence = 0;
};

/// The place where a line that bends (and does not jump) bends most; nothing as above. O(n).
std::optional<SlopeChange> change_of_slope(std::span<const double> values);

struct LineChange {
  enum class Kind : uint8_t { Jump, Bend };
  Kind kind = Kind::Jump;
  size_t index = 0;
  double confidence = 0;
};

/// The end of a straight line: by a jump (the slope remains) or a bend (the value remains),
/// whichever explains more. O(n).
std::optional<LineChange> change_of_line(std::span<const double> values);

}  // namespace prom5::analysis
