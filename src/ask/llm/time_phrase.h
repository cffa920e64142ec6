#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ask/llm/token.h"
#include "base/time.h"

namespace prom5::llm {

/// What a question says about time, and where.
struct TimePhrase {
  enum class Kind : uint8_t {
    Window,  ///< up to now: "over the last hour", "today", "since 14:00"; end is now
    Range,   ///< ended before now: "yesterday", "between 2 and 4 pm", "around 3 hours ago"
    Point,   ///< a moment: "at 14:00", "3 hours ago"; start and end are it, length 0
    Shift,   ///< the same some time earlier: "vs last week"; length is how much earlier,
             ///< start and end are now - length
    Ahead,   ///< future: "in 30 minutes", "by Friday"; end is the horizon, length is end - now,
             ///< start is where the named period begins ("tomorrow"), else now
    For,     ///< how long something holds or shall last: "for 10 minutes"; from now on
  };

  size_t first = 0;  ///< tokens covered, prepositions included
  size_t count = 0;
  Kind kind = Kind::Window;
  TimeMs start{0};
  TimeMs end{0};
  DurationMs length{0};
  bool approximate = false;  ///< "around", "about", "a few", "recently"
};

/// All time phrases of a question in their order; they do not overlap.
///
/// now:        what "now" means.
/// utc_offset: of the asker's clock, east positive. It is the same for all days: a change to or
///             from summer time between `now` and the time meant is not seen.
///
/// What a wording means where it could mean several things:
/// - "the last week" and "past week" are seven days up to now; "last week" is Monday to Monday.
/// - A clock time or weekday is the latest one not after now; after "until", "till" and "by", and
///   in a question about the future ("will", "silence", …), the next one.
/// - "until Friday" ends when Friday begins, "by Friday" when it ends.
/// - "in 30 minutes" is Ahead, "for 30 minutes" For; whether the verb fits is for the caller.
/// - "per minute", "every 5 minutes", "rate 5m" and "longer than 5 minutes" are no time phrases;
///   "down longer than 5 minutes" is For.
/// Pure; any thread.
std::vector<TimePhrase> find_time_phrases(std::span<const Token> tokens, TimeMs now,
                                          DurationMs utc_offset);

}  // namespace prom5::llm
