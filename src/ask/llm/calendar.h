#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace prom5::llm {

/// Days and their parts on a clock that is a fixed offset ahead of UTC. Pure; any thread.
class Calendar {
 public:
  enum class Period : uint8_t { Minute, Hour, Day, Week, Month, Quarter, Year };

  explicit Calendar(DurationMs utc_offset) : offset_(utc_offset) {}

  /// When the period that holds `time` began; weeks begin on Monday.
  [[nodiscard]] TimeMs start_of(Period period, TimeMs time) const;
  /// The start of a period `count` periods after the one that holds `time`.
  [[nodiscard]] TimeMs start_after(Period period, TimeMs time, int64_t count) const;
  /// Midnight at the start of a date; nothing when there is no such date. Years 1970 to 2200.
  [[nodiscard]] std::optional<TimeMs> date(int64_t year, int64_t month, int64_t day) const;
  /// 0 is Monday.
  [[nodiscard]] int64_t weekday(TimeMs time) const;
  [[nodiscard]] int64_t year(TimeMs time) const;
  [[nodiscard]] int64_t month(TimeMs time) const;

 private:
  DurationMs offset_;
};

/// 1 for "january" and "jan".
std::optional<int64_t> month_named(std::string_view word);
/// 0 for "monday", "mondays" and "mon".
std::optional<int64_t> weekday_named(std::string_view word);

}  // namespace prom5::llm
