#include "ask/llm/quantity.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ask/llm/calendar.h"
#include "ask/llm/number_words.h"
#include "base/time.h"

namespace prom5::llm {

namespace {

constexpr double kKi = 1024.0;
constexpr double kMi = kKi * 1024;
constexpr double kGi = kMi * 1024;
constexpr double kTi = kGi * 1024;
constexpr double kPi = kTi * 1024;

constexpr UnitInfo kUnits[] = {
    {Unit::None, UnitKind::Count, 1, "", ""},
    {Unit::Ratio, UnitKind::Ratio, 1, "", "ratio|fraction"},
    {Unit::Percent, UnitKind::Ratio, 0.01, "%", "percent|percentage|%|pct|percents|percentages"},
    {Unit::Bytes, UnitKind::Bytes, 1, "B", "bytes|byte|b"},
    {Unit::Kilobytes, UnitKind::Bytes, 1e3, "kB", "kilobytes|kilobyte|kb|kbytes"},
    {Unit::Megabytes, UnitKind::Bytes, 1e6, "MB", "megabytes|megabyte|mb|mbytes|megs|meg"},
    {Unit::Gigabytes, UnitKind::Bytes, 1e9, "GB", "gigabytes|gigabyte|gb|gbytes|gigs|gig|g"},
    {Unit::Terabytes, UnitKind::Bytes, 1e12, "TB", "terabytes|terabyte|tb|tbytes"},
    {Unit::Petabytes, UnitKind::Bytes, 1e15, "PB", "petabytes|petabyte|pb"},
    {Unit::Kibibytes, UnitKind::Bytes, kKi, "KiB", "kibibytes|kibibyte|kib|ki"},
    {Unit::Mebibytes, UnitKind::Bytes, kMi, "MiB", "mebibytes|mebibyte|mib|mi"},
    {Unit::Gibibytes, UnitKind::Bytes, kGi, "GiB", "gibibytes|gibibyte|gib|gi"},
    {Unit::Tebibytes, UnitKind::Bytes, kTi, "TiB", "tebibytes|tebibyte|tib|ti"},
    {Unit::Pebibytes, UnitKind::Bytes, kPi, "PiB", "pebibytes|pebibyte|pib"},
    {Unit::Bits, UnitKind::Bits, 1, "bit", "bits|bit"},
    {Unit::Kilobits, UnitKind::Bits, 1e3, "kbit", "kilobits|kilobit|kbit|kbits"},
    {Unit::Megabits, UnitKind::Bits, 1e6, "Mbit", "megabits|megabit|mbit|mbits"},
    {Unit::Gigabits, UnitKind::Bits, 1e9, "Gbit", "gigabits|gigabit|gbit|gbits"},
    {Unit::Nanoseconds, UnitKind::Seconds, 1e-9, "ns", "nanoseconds|nanosecond|ns"},
    {Unit::Microseconds, UnitKind::Seconds, 1e-6, "µs", "microseconds|microsecond|us|micros"},
    {Unit::Milliseconds, UnitKind::Seconds, 1e-3, "ms",
     "milliseconds|millisecond|ms|msec|msecs|millis"},
    {Unit::Seconds, UnitKind::Seconds, 1, "s", "seconds|second|secs|sec|s"},
    {Unit::Minutes, UnitKind::Seconds, 60, "min", "minutes|minute|mins|min|m"},
    {Unit::Hours, UnitKind::Seconds, 3600, "h", "hours|hour|hrs|hr|h"},
    {Unit::Days, UnitKind::Seconds, 86'400, "d", "days|day|d"},
    {Unit::Weeks, UnitKind::Seconds, 604'800, "w", "weeks|week|wks|wk|w"},
    {Unit::BytesPerSecond, UnitKind::BytesPerSecond, 1, "B/s", "b/s|bps|bytes/s|bytes/sec"},
    {Unit::KilobytesPerSecond, UnitKind::BytesPerSecond, 1e3, "kB/s", "kb/s|kb/sec"},
    {Unit::MegabytesPerSecond, UnitKind::BytesPerSecond, 1e6, "MB/s", "mb/s|mb/sec"},
    {Unit::GigabytesPerSecond, UnitKind::BytesPerSecond, 1e9, "GB/s", "gb/s|gb/sec"},
    {Unit::KibibytesPerSecond, UnitKind::BytesPerSecond, kKi, "KiB/s", "kib/s|kib/sec"},
    {Unit::MebibytesPerSecond, UnitKind::BytesPerSecond, kMi, "MiB/s", "mib/s|mib/sec"},
    {Unit::GibibytesPerSecond, UnitKind::BytesPerSecond, kGi, "GiB/s", "gib/s|gib/sec"},
    {Unit::BitsPerSecond, UnitKind::BitsPerSecond, 1, "bit/s", "bit/s|bits/s|bits/sec"},
    {Unit::KilobitsPerSecond, UnitKind::BitsPerSecond, 1e3, "kbit/s", "kbit/s|kbits/s|kbps"},
    {Unit::MegabitsPerSecond, UnitKind::BitsPerSecond, 1e6, "Mbit/s", "mbit/s|mbits/s|mbps"},
    {Unit::GigabitsPerSecond, UnitKind::BitsPerSecond, 1e9, "Gbit/s", "gbit/s|gbits/s|gbps"},
    {Unit::PerSecond, UnitKind::PerTime, 1, "/s", "rps|qps|tps|iops|/s|/sec|hertz|hz"},
    {Unit::PerMinute, UnitKind::PerTime, 1.0 / 60, "/min", "rpm|/min|/minute"},
    {Unit::PerHour, UnitKind::PerTime, 1.0 / 3600, "/h", "/h|/hr|/hour"},
    {Unit::PerDay, UnitKind::PerTime, 1.0 / 86'400, "/d", "/d|/day"},
    {Unit::Celsius, UnitKind::Celsius, 1, "°C", "celsius|°c|°|degrees|degree|c"},
};

/// Byte and bit units whose per-second form is a unit of its own.
constexpr std::array<std::pair<Unit, Unit>, 11> kPerSecond = {{
    {Unit::Bytes, Unit::BytesPerSecond},
    {Unit::Kilobytes, Unit::KilobytesPerSecond},
    {Unit::Megabytes, Unit::MegabytesPerSecond},
    {Unit::Gigabytes, Unit::GigabytesPerSecond},
    {Unit::Kibibytes, Unit::KibibytesPerSecond},
    {Unit::Mebibytes, Unit::MebibytesPerSecond},
    {Unit::Gibibytes, Unit::GibibytesPerSecond},
    {Unit::Bits, Unit::BitsPerSecond},
    {Unit::Kilobits, Unit::KilobitsPerSecond},
    {Unit::Megabits, Unit::MegabitsPerSecond},
    {Unit::Gigabits, Unit::GigabitsPerSecond},
}};

using Tokens = std::span<const Token>;

Unit unit_named(std::string_view name) {
  if (name.empty()) return Unit::None;
  for (const UnitInfo& info : kUnits) {
    for (std::string_view rest = info.names; !rest.empty();) {
      const size_t end = std::min(rest.find('|'), rest.size());
      if (rest.substr(0, end) == name) return info.unit;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return Unit::None;
}

/// The small b of "Mb" and the large one of "MBps" say what the lower-case word does not.
Unit unit_written(std::string_view name, std::string_view written) {
  for (const std::string_view letter : {"k", "M", "G"}) {
    const std::string prefix(letter);
    if (written.ends_with(prefix + "Bps")) {
      return letter == "k"   ? Unit::KilobytesPerSecond
             : letter == "M" ? Unit::MegabytesPerSecond
                             : Unit::GigabytesPerSecond;
    }
    if (letter == "k") continue;  // "kb" is how most people write kilobytes
    if (written.ends_with(prefix + "b/s")) {
      return letter == "M" ? Unit::MegabitsPerSecond : Unit::GigabitsPerSecond;
    }
    if (written.ends_with(prefix + "b")) return letter == "M" ? Unit::Megabits : Unit::Gigabits;
  }
  return unit_named(name);
}

Unit per_time(std::string_view name) {
  switch (unit_named(name)) {
    case Unit::Seconds: return Unit::PerSecond;
    case Unit::Minutes: return Unit::PerMinute;
    case Unit::Hours: return Unit::PerHour;
    case Unit::Days: return Unit::PerDay;
    default: return Unit::None;
  }
}

/// "requests/s": what follows the stroke.
Unit after_stroke(std::string_view name) {
  const size_t stroke = name.find('/');
  if (stroke == std::string_view::npos || stroke == 0) return Unit::None;
  const std::string_view before = name.substr(0, stroke);
  const bool letters = before.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == before.npos;
  return letters ? per_time(name.substr(stroke + 1)) : Unit::None;
}

struct UnitWords {
  Unit unit = Unit::None;
  size_t count = 0;
};

/// "per second" and the like at `at`; "a second" where `article` allows it.
UnitWords rate_at(Tokens tokens, size_t at, bool article) {
  const std::string_view first = word_at(tokens, at);
  const bool per = is_any_of(first, {"per", "each", "every"}) ||
                   (article && is_any_of(first, {"a", "an"})) || first == "/";
  const std::string_view name = word_at(tokens, at + 1);
  if (!per || name.size() < 3) return {};
  const Unit unit = per_time(name);
  if (unit == Unit::None || name.ends_with("s")) return {};
  if (is_any_of(word_at(tokens, at + 2), {"ago", "earlier", "before", "later", "and"})) return {};
  return {unit, 2};
}

/// "megabits per second", "degrees celsius", "ms".
UnitWords unit_at(Tokens tokens, size_t at, bool article) {
  if (at >= tokens.size()) return {};
  if (word_at(tokens, at) == "per" && word_at(tokens, at + 1) == "cent") return {Unit::Percent, 2};
  const Unit unit = unit_written(tokens[at].text, tokens[at].written);
  if (unit == Unit::Celsius && is_any_of(word_at(tokens, at + 1), {"celsius", "c", "centigrade"})) {
    return {unit, 2};
  }
  if (unit == Unit::Percent && word_at(tokens, at + 1) == "points") return {unit, 2};
  const UnitWords rate = rate_at(tokens, at + 1, article);
  if (rate.unit == Unit::PerSecond) {
    for (const auto& [plain, per_second] : kPerSecond) {
      if (plain == unit) return {per_second, 1 + rate.count};
    }
  }
  return {unit, unit == Unit::None ? size_t{0} : size_t{1}};
}

double multiplier(std::string_view name) {
  if (is_any_of(name, {"k", "thousand", "thousands"})) return 1e3;
  if (is_any_of(name, {"million", "millions", "mio", "mil"})) return 1e6;
  if (is_any_of(name, {"billion", "billions", "bn"})) return 1e9;
  return 1;
}

/// Where a number is a name or a part of one: "http 500", "port 9100", "january 12".
bool names_something(Tokens tokens, size_t at) {
  const std::string_view before = word_before(tokens, at);
  if (is_any_of(before, {"http", "https", "status", "code", "codes", "port", "p", "version", "v",
                         "percentile", "quantile", "year"}) ||
      (before != "may" && month_named(before))) {
    return true;
  }
  const std::string_view next = word_at(tokens, at + 1);
  if (is_any_of(next, {"am", "pm", "oclock", "percentile", "quantile"}) || month_named(next)) {
    return true;
  }
  const std::string& text = tokens[at].text;
  return text.size() > 1 && text[0] == '0' && text[1] != '.';  // "web 01"
}

/// The unit words after the number at `at`; the number ends with token `at` itself.
void add_unit(Tokens tokens, size_t at, Quantity& quantity) {
  size_t next = at + 1;
  if (const double times = multiplier(word_at(tokens, next)); times != 1) {
    quantity.value *= times;
    ++next;
  }
  // "5 M" is millions, "5 m" minutes.
  if (next < tokens.size() && tokens[next].written == "M") {
    quantity.value *= 1e6;
    ++next;
  }
  const size_t article = word_at(tokens, next) == "a" || word_at(tokens, next) == "of" ? 1 : 0;
  UnitWords unit = article == 0 ? unit_at(tokens, next, true) : UnitWords{};
  if (unit.unit == Unit::None) unit = rate_at(tokens, next, true);
  if (unit.unit == Unit::None) {
    unit = {after_stroke(word_at(tokens, next)), 1};
    if (unit.unit == Unit::None) unit = {};
  }
  // "10 errors per minute": the counted thing stands between.
  if (unit.unit == Unit::None && word_at(tokens, next).size() > 2 &&
      !is_any_of(word_at(tokens, next), {"and", "for", "the", "per", "ago"})) {
    unit = rate_at(tokens, next + 1, true);
    if (unit.unit != Unit::None) unit.count += 1;
  }
  quantity.unit = unit.unit;
  quantity.count = next + unit.count - quantity.first;
}

/// "10k", "2.5gb", "100mbit/s", "1h30m".
bool read_glued(Tokens tokens, size_t at, Quantity& quantity) {
  const Token& token = tokens[at];
  const size_t end = token.text.find_first_not_of("0123456789.");
  if (end == 0 || end == std::string::npos) return false;
  const auto number = plain_number(std::string_view(token.text).substr(0, end));
  if (!number) return false;
  std::string_view rest = std::string_view(token.text).substr(end);
  quantity = {at, 1, *number, Unit::None};
  if (rest == "m" && token.written.ends_with("M")) {
    quantity.value *= 1e6;
    add_unit(tokens, at, quantity);
    return true;
  }
  if (rest.starts_with("k") && (rest.size() == 1 || rest[1] == '/')) {
    quantity.value *= 1e3;
    rest.remove_prefix(1);
    if (rest.empty()) {
      add_unit(tokens, at, quantity);
      return true;
    }
  }
  quantity.unit = unit_written(rest, token.written);
  if (quantity.unit != Unit::None) {
    const UnitWords rate = rate_at(tokens, at + 1, true);
    for (const auto& [plain, per_second] : kPerSecond) {
      if (rate.unit != Unit::PerSecond || plain != quantity.unit) continue;
      quantity.unit = per_second;
      quantity.count += rate.count;
      break;
    }
    return true;
  }
  const auto duration = parse_duration(token.text);
  if (!duration) return false;
  quantity = {at, 1, duration->as_seconds(), Unit::Seconds};
  return true;
}

bool has_unit_or_multiplier(Tokens tokens, const Quantity& quantity) {
  return quantity.unit != Unit::None || quantity.count > 1 ||
         !plain_number(tokens[quantity.first].text);
}

/// A unit that may be asked for: "in s" and "in hour" are something else.
bool can_be_asked(std::string_view name, Unit unit) {
  if (unit == Unit::None || name == "ratio") return unit != Unit::None;
  if (name.size() == 1) return name == "%";
  if (unit_info(unit).kind != UnitKind::Seconds) return true;
  return !is_any_of(name, {"second", "minute", "hour", "day", "week", "min"}) || name.size() < 3;
}

/// "requests a second": a plural before the article says that a rate is meant.
bool counts_before(Tokens tokens, size_t at) {
  const std::string_view before = word_before(tokens, at);
  return before.size() > 4 && before.ends_with("s") && unit_named(before) == Unit::None &&
         !is_any_of(before, {"takes", "lasts", "means", "times", "across", "besides", "perhaps"});
}

UnitWords request_at(Tokens tokens, size_t at) {
  const std::string_view first = word_at(tokens, at);
  if (is_any_of(first, {"in", "as", "to", "into", "using"})) {
    const size_t article = is_any_of(word_at(tokens, at + 1), {"a", "an"}) ? 1 : 0;
    const size_t name = at + 1 + article;
    const UnitWords unit = unit_at(tokens, name, false);
    if (unit.unit == Unit::None) {
      const UnitWords rate = rate_at(tokens, at + 1, false);
      return {rate.unit, rate.unit == Unit::None ? size_t{0} : 1 + rate.count};
    }
    const bool time = unit_info(unit.unit).kind == UnitKind::Seconds;
    if ((article == 1 && time) || !can_be_asked(word_at(tokens, name), unit.unit)) return {};
    return {unit.unit, 1 + article + unit.count};
  }
  if (first == "how" && is_any_of(word_at(tokens, at + 1), {"many", "much"})) {
    const UnitWords unit = unit_at(tokens, at + 2, false);
    if (unit.unit == Unit::None || !can_be_asked(word_at(tokens, at + 2), unit.unit)) return {};
    if (word_at(tokens, at + 2 + unit.count) == "ago") return {};
    return {unit.unit, 2 + unit.count};
  }
  if (is_any_of(first, {"what", "which"}) &&
      is_any_of(word_at(tokens, at + 1), {"percentage", "percent"})) {
    return {Unit::Percent, 2};
  }
  if (is_any_of(first, {"rps", "qps"})) return {Unit::PerSecond, 1};
  if (const Unit unit = after_stroke(first); unit != Unit::None) return {unit, 1};
  if (const UnitWords unit = unit_at(tokens, at, false); unit.count > 2) return unit;
  const bool article = is_any_of(first, {"a", "an"});
  if (article && !counts_before(tokens, at)) return {};
  if (first == "every" || first == "/") return {};
  return rate_at(tokens, at, article);
}

}  // namespace

std::span<const UnitInfo> units() { return kUnits; }

std::optional<Unit> unit_of_symbol(std::string_view symbol) {
  const auto found = std::ranges::find(kUnits, symbol, &UnitInfo::symbol);
  if (found == std::end(kUnits)) return std::nullopt;
  return static_cast<Unit>(found - std::begin(kUnits));
}

const UnitInfo& unit_info(Unit unit) { return kUnits[static_cast<size_t>(unit)]; }

double to_base(double value, Unit unit) { return value * unit_info(unit).factor; }

std::optional<Quantity> quantity_at(Tokens tokens, size_t at) {
  if (at >= tokens.size()) return std::nullopt;
  Quantity quantity;
  if (const auto number = plain_number(tokens[at].text)) {
    quantity = {at, 1, *number, Unit::None};
    add_unit(tokens, at, quantity);
    if (quantity.count == 1 && names_something(tokens, at)) return std::nullopt;
    return quantity;
  }
  if (read_glued(tokens, at, quantity)) return quantity;
  // "half a gigabyte", "a gigabyte", "half a percent".
  const bool half =
      word_at(tokens, at) == "half" && is_any_of(word_at(tokens, at + 1), {"a", "an"});
  if (!half && !is_any_of(word_at(tokens, at), {"a", "an"})) return std::nullopt;
  const size_t skipped = half ? 2 : 1;
  if (half && word_at(tokens, at + 2) == "million") return Quantity{at, 3, 5e5, Unit::None};
  const UnitWords unit = unit_at(tokens, at + skipped, false);
  if (unit.unit == Unit::None || word_at(tokens, at + skipped).size() < 3 ||
      unit.unit == Unit::Ratio || word_at(tokens, at + skipped) == "percentage" ||
      word_at(tokens, at + skipped).ends_with("s")) {
    return std::nullopt;
  }
  return Quantity{at, skipped + unit.count, half ? 0.5 : 1, unit.unit};
}

std::vector<Quantity> find_quantities(Tokens tokens) {
  std::vector<Quantity> out;
  for (size_t at = 0; at < tokens.size();) {
    const auto quantity = quantity_at(tokens, at);
    // "a second" alone is a rate or a moment; only its half is an amount.
    const bool article = is_any_of(word_at(tokens, at), {"a", "an"});
    if (!quantity || article || !has_unit_or_multiplier(tokens, *quantity) ||
        word_at(tokens, at + quantity->count) == "percentile") {
      ++at;
      continue;
    }
    out.push_back(*quantity);
    at += quantity->count;
  }
  return out;
}

std::vector<UnitRequest> find_unit_requests(Tokens tokens) {
  std::vector<UnitRequest> out;
  for (size_t at = 0; at < tokens.size();) {
    // What belongs to a number is no request.
    const auto quantity = quantity_at(tokens, at);
    const bool article = is_any_of(word_at(tokens, at), {"a", "an"});
    if (quantity && quantity->unit != Unit::None && !article) {
      at += quantity->count;
      continue;
    }
    const UnitWords unit = request_at(tokens, at);
    if (unit.unit == Unit::None) {
      ++at;
      continue;
    }
    out.push_back({at, unit.count, unit.unit});
    at += unit.count;
  }
  return out;
}

}  // namespace prom5::llm
