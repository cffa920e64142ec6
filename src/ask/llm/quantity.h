#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ask/llm/token.h"

namespace prom5::llm {

/// What a unit measures. Values of one kind can be converted into each other.
enum class UnitKind : uint8_t {
  Count,           ///< a bare number; base 1
  Ratio,           ///< base 1 (100 %)
  Bytes,           ///< base byte
  Bits,            ///< base bit
  Seconds,         ///< base second
  BytesPerSecond,  ///< base byte/s
  BitsPerSecond,   ///< base bit/s
  PerTime,         ///< base 1/s
  Celsius,         ///< base degree Celsius
};

enum class Unit : uint8_t {
  None,  ///< no unit was said
  Ratio,
  Percent,
  Bytes,
  Kilobytes,
  Megabytes,
  Gigabytes,
  Terabytes,
  Petabytes,
  Kibibytes,
  Mebibytes,
  Gibibytes,
  Tebibytes,
  Pebibytes,
  Bits,
  Kilobits,
  Megabits,
  Gigabits,
  Nanoseconds,
  Microseconds,
  Milliseconds,
  Seconds,
  Minutes,
  Hours,
  Days,
  Weeks,
  BytesPerSecond,
  KilobytesPerSecond,
  MegabytesPerSecond,
  GigabytesPerSecond,
  KibibytesPerSecond,
  MebibytesPerSecond,
  GibibytesPerSecond,
  BitsPerSecond,
  KilobitsPerSecond,
  MegabitsPerSecond,
  GigabitsPerSecond,
  PerSecond,
  PerMinute,
  PerHour,
  PerDay,
  Celsius,
};

/// One row a unit.
struct UnitInfo {
  Unit unit;
  UnitKind kind;
  double factor;            ///< value in the kind's base = value * factor
  std::string_view symbol;  ///< how an answer writes it: "MiB", "ms", "%", "/s"
  std::string_view names;   ///< how people write it, separated by '|'; words by blanks
};

/// All units, in the order of `Unit`.
std::span<const UnitInfo> units();
const UnitInfo& unit_info(Unit unit);
std::optional<Unit> unit_of_symbol(std::string_view symbol);
/// `value` in the base of its kind: 250 ms is 0.25, 80 % is 0.8.
double to_base(double value, Unit unit);

/// "950 MB", "80%", "10k", "1.5 million", "70 degrees", "100 megabits per second".
struct Quantity {
  size_t first = 0;  ///< tokens covered
  size_t count = 0;
  double value = 0;  ///< as said, with its multiplier ("10k" is 10,000), in `unit`
  Unit unit = Unit::None;
};

/// "above 80%", "at least 3", "drops below 2 GB", "is zero".
struct Threshold {
  size_t first = 0;  ///< tokens covered: negation, comparator and quantity
  size_t count = 0;
  std::string op;  ///< > >= < <= == !=
  Quantity quantity;
  bool is_default_scale = false;  ///< no unit said: the subject's own scale is meant
};

/// "in gigabytes", "as a percentage", "per minute".
struct UnitRequest {
  size_t first = 0;
  size_t count = 0;
  Unit unit = Unit::None;
};

/// "p95", "95th percentile", "median", "slowest 1%".
struct Quantile {
  size_t first = 0;
  size_t count = 0;
  double value = 0;  ///< 0 to 1: 0.95
};

/// "top 5", "the 3 busiest", "bottom 3".
struct TopCount {
  size_t first = 0;
  size_t count = 0;
  size_t n = 0;
  bool least = false;  ///< the lowest: "bottom 3", "5 least loaded"
};

/// The quantity that begins at token `at`, a bare number included; nothing where none begins.
/// Pure; any thread.
std::optional<Quantity> quantity_at(std::span<const Token> tokens, size_t at);

/// Each finds all of its kind in the order of the tokens; those of one kind do not overlap, those
/// of different kinds may ("above 10 %" is a Threshold and a Quantity). Digits inside names
/// (`db-01`, `5xx`, `http 500`, `node_load1`), clock times and dates are none of them.
/// Pure; any thread.
///
/// find_quantities wants a unit or a multiplier; a bare number is found only by what it is for.
std::vector<Quantity> find_quantities(std::span<const Token> tokens);
/// "between A and B" gives two: >= A and <= B. Durations that say when and not how much are left
/// to find_time_phrases: "for more than 5 minutes", "over 24 hours", "more than 2 hours ago".
std::vector<Threshold> find_thresholds(std::span<const Token> tokens);
std::vector<UnitRequest> find_unit_requests(std::span<const Token> tokens);
std::vector<Quantile> find_quantiles(std::span<const Token> tokens);
/// "top 5 %" is a Quantile and no TopCount.
std::vector<TopCount> find_top_counts(std::span<const Token> tokens);

}  // namespace prom5::llm
