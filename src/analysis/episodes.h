#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace prom5::analysis {

/// One stretch in which an alerting rule's condition held (for back-tests). Indices count
/// evaluations.
struct Episode {
  size_t pending = 0;            ///< the first evaluation at which the condition held
  std::optional<size_t> firing;  ///< the first at which the alert fired; nothing: it never did
  std::optional<size_t> end;     ///< the first at which it was gone; nothing: it lasts still

  friend bool operator==(const Episode&, const Episode&) = default;
};

struct RuleTiming {
  DurationMs step;                  ///< between evaluations; > 0
  DurationMs hold_for = {};         ///< the rule's `for`
  DurationMs keep_firing_for = {};  ///< the rule's `keep_firing_for`
};

/// The episodes that a rule would have had. values: the expression's result at each evaluation,
/// NaN where it had none; any other value, zero too, means that the condition held, as with rules.
/// An alert fires once the condition has held without a break for `hold_for`; it ends at the first
/// evaluation without the condition, or when it fires, at the first without it for
/// `keep_firing_for`. A step that is not positive gives nothing. O(n). Pure; any thread.
std::vector<Episode> episodes(std::span<const double> values, const RuleTiming& timing);

}  // namespace prom5::analysis
