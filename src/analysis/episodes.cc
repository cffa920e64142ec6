#include "analysis/episodes.h"

#include <cmath>

namespace prom5::analysis {

namespace {

/// Evaluations until a duration has passed, the first counting as none. Steps do not have to divide
/// the duration.
size_t evaluations_for(DurationMs duration, DurationMs step) {
  if (duration.ms <= 0) return 0;
  return static_cast<size_t>((duration.ms - 1) / step.ms + 1);
}

}  // namespace

// States of a rule's alert: inactive (no episode open) → pending (open, no `firing`) → firing
// (open, with `firing`) → inactive. A firing alert whose condition is gone waits in firing for
// keep_firing_for and goes on when the condition comes back in the meantime.
std::vector<Episode> episodes(std::span<const double> values, const RuleTiming& timing) {
  std::vector<Episode> out;
  if (timing.step.ms <= 0) return out;
  const size_t hold = evaluations_for(timing.hold_for, timing.step);
  const size_t keep = evaluations_for(timing.keep_firing_for, timing.step);
  bool open = false;
  size_t gone_since = 0;
  bool gone = false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) {
      if (!open) out.push_back({.pending = i});
      open = true;
      gone = false;
      Episode& now = out.back();
      if (!now.firing && i - now.pending >= hold) now.firing = i;
      continue;
    }
    if (!open) continue;
    if (!gone) gone_since = i;
    gone = true;
    if (out.back().firing && i - gone_since < keep) continue;
    out.back().end = i;
    open = false;
    gone = false;
  }
  return out;
}

}  // namespace prom5::analysis
