#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/error.h"

namespace prom5 {

/// A span of time in milliseconds; may be negative.
struct DurationMs {
  int64_t ms = 0;

  static constexpr DurationMs millis(int64_t n) { return {n}; }
  static constexpr DurationMs seconds(int64_t n) { return {n * 1000}; }
  static constexpr DurationMs minutes(int64_t n) { return {n * 60'000}; }
  static constexpr DurationMs hours(int64_t n) { return {n * 3'600'000}; }
  static constexpr DurationMs days(int64_t n) { return {n * 86'400'000}; }

  [[nodiscard]] constexpr double as_seconds() const { return static_cast<double>(ms) / 1000.0; }

  friend constexpr auto operator<=>(DurationMs, DurationMs) = default;
  friend constexpr DurationMs operator+(DurationMs a, DurationMs b) { return {a.ms + b.ms}; }
  friend constexpr DurationMs operator-(DurationMs a, DurationMs b) { return {a.ms - b.ms}; }
  friend constexpr DurationMs operator*(DurationMs a, int64_t n) { return {a.ms * n}; }
};

/// A point in time: milliseconds since the Unix epoch.
struct TimeMs {
  int64_t ms = 0;

  static constexpr TimeMs min() { return {std::numeric_limits<int64_t>::min()}; }
  static constexpr TimeMs max() { return {std::numeric_limits<int64_t>::max()}; }

  [[nodiscard]] constexpr double as_seconds() const { return static_cast<double>(ms) / 1000.0; }

  friend constexpr auto operator<=>(TimeMs, TimeMs) = default;
  friend constexpr TimeMs operator+(TimeMs t, DurationMs d) { return {t.ms + d.ms}; }
  friend constexpr TimeMs operator-(TimeMs t, DurationMs d) { return {t.ms - d.ms}; }
  friend constexpr DurationMs operator-(TimeMs a, TimeMs b) { return {a.ms - b.ms}; }
};

/// Both ends inclusive.
struct TimeRange {
  TimeMs start = TimeMs::min();
  TimeMs end = TimeMs::max();

  [[nodiscard]] constexpr bool contains(TimeMs t) const { return start <= t && t <= end; }
  [[nodiscard]] constexpr bool overlaps(TimeRange other) const {
    return start <= other.end && other.start <= end;
  }
  friend constexpr bool operator==(TimeRange, TimeRange) = default;
};

/// Prometheus' duration literal: integer and unit (ms s m h d w y), largest unit first, each at
/// most once: "1h30m". "0" is allowed without a unit. BadData otherwise and on overflow.
Result<DurationMs> parse_duration(std::string_view text);

/// The shortest literal that parses back: "1h30m", "5m", "0s", "-10s".
std::string format_duration(DurationMs duration);

/// RFC 3339 in UTC, with milliseconds when there are any: "2026-01-15T12:00:00.25Z".
std::string format_rfc3339(TimeMs time);

/// RFC 3339 with "Z" or a numeric zone. BadData when it is anything else.
Result<TimeMs> parse_rfc3339(std::string_view text);

}  // namespace prom5
