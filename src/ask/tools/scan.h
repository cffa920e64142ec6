#pragma once

#include <functional>
#include <vector>

#include "analysis/anomaly.h"
#include "ask/tools/range_frame.h"
#include "ask/tools/vital_signs.h"

namespace prom5::tools {

/// Something unusual in a series.
struct Oddity {
  const VitalSign* sign = nullptr;
  Labels labels;
  analysis::Deviation deviation;
  TimeMs since;
  std::vector<double> values;  ///< on the scan's grid
};

/// Which stretch is looked at, and from when on it is the recent part.
struct ScanWindow {
  TimeMs start;
  TimeMs recent;
  TimeMs end;
  DurationMs step;

  /// Enough of the past to know what is usual before `recent`.
  static ScanWindow before(TimeMs end, DurationMs recent);
};

struct Scan {
  std::vector<Oddity> oddities;  ///< the strangest first; of very many the first 500
  size_t series = 0;             ///< looked at
  size_t judged = 0;  ///< of those, which have enough values from before to tell what is usual
  size_t failed = 0;  ///< signs whose query failed
};

/// Runs each sign's query and looks for what is unusual in its recent part. Signs that fail are
/// counted and left out. Errors: those of ToolContext::may_go_on().
Result<Scan> scan(query::Engine& engine, const std::vector<VitalSign>& signs,
                  const ScanWindow& window, double least_score, const ToolContext& context);

/// Looks for what is unusual in the frame of one sign, whose grid the window's is.
void look_at(const VitalSign& sign, const RangeFrame& frame, const ScanWindow& window,
             double least_score, Scan& out);

/// Shows the series that an oddity is in.
void show(const Oddity& oddity, const ScanWindow& window, const ToolContext& context);

/// {"name","labels","observed","expected","low","high","score","up","kind","since","unit"}
Json oddity_json(const Oddity& oddity);

}  // namespace prom5::tools
