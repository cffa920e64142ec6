#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/labels.h"

namespace prom5 {

/// Targets that one source of discovery found together.
struct TargetGroup {
  std::string source;           ///< unique within a scrape configuration
  std::vector<Labels> targets;  ///< each with __address__
  Labels labels;                ///< of all targets; a target's own win
};

/// Takes what a source found: all its groups, each time one changes.
using TargetSink = std::function<void(std::vector<TargetGroup>)>;

}  // namespace prom5
