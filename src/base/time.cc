#include "base/time.h"

#include <array>
#include <charconv>
#include <cstdlib>

namespace prom5 {

namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};

// Largest first; "ms" stands before "m" so that the longest name is tried first where they collide.
constexpr std::array<Unit, 7> kUnits = {{{"y", 31'536'000'000},
                                         {"w", 604'800'000},
                                         {"d", 86'400'000},
                                         {"h", 3'600'000},
                                         {"ms", 1},
                                         {"m", 60'000},
                                         {"s", 1000}}};

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms").
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

bool read_fixed(std::string_view& text, size_t digits, int64_t& out) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, out);
  if (error != std::errc{} || end != text.data() + digits || text[0] == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool read_char(std::string_view& text, std::string_view allowed) {
  if (text.empty() || allowed.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<DurationMs> parse_duration(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::BadData, "empty duration string");
  if (text == "0") return DurationMs{0};
  const auto malformed = [&] {
    return fail(ErrorCode::BadData, "not a valid duration string: \"{}\"", text);
  };
  std::string_view rest = text;
  int64_t total = 0;
  int64_t previous_unit_ms = std::numeric_limits<int64_t>::max();
  while (!rest.empty()) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || rest[0] == '-') return malformed();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const Unit* unit = nullptr;
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789"));
    if (name.empty()) return malformed();
    for (const Unit& candidate : kUnits) {
      if (name == candidate.name) unit = &candidate;
    }
    if (unit == nullptr) {
      return fail(ErrorCode::BadData, "unknown unit \"{}\" in duration \"{}\"", name, text);
    }
    if (unit->ms >= previous_unit_ms) return malformed();
    previous_unit_ms = unit->ms;
    rest.remove_prefix(unit->name.size());
    int64_t part = 0;
    if (__builtin_mul_overflow(number, unit->ms, &part) ||
        __builtin_add_overflow(total, part, &total) || total > INT64_MAX / 1'000'000) {
      return fail(ErrorCode::BadData, "duration out of range");
    }
  }
  return DurationMs{total};
}

std::string format_duration(DurationMs duration) {
  if (duration.ms == 0) return "0s";
  std::string out;
  if (duration.ms < 0) out += '-';
  uint64_t rest =
      duration.ms < 0 ? 0 - static_cast<uint64_t>(duration.ms) : static_cast<uint64_t>(duration.ms);
  // Weeks and years are written only when exact, so that "30d" stays "30d".
  constexpr std::array<Unit, 7> kOrder = {{{"y", 31'536'000'000},
                                           {"w", 604'800'000},
                                           {"d", 86'400'000},
                                           {"h", 3'600'000},
                                           {"m", 60'000},
                                           {"s", 1000},
                                           {"ms", 1}}};
  for (const Unit& unit : kOrder) {
    const auto size = static_cast<uint64_t>(unit.ms);
    const bool exact_only = unit.name == "y" || unit.name == "w";
    if (rest < size || (exact_only && rest % size != 0)) continue;
    out += fmt::format("{}{}", rest / size, unit.name);
    rest %= size;
  }
  return out;
}

std::string format_rfc3339(TimeMs time) {
  int64_t days = time.ms / 86'400'000;
  int64_t ms_of_day = time.ms % 86'400'000;
  if (ms_of_day < 0) {
    ms_of_day += 86'400'000;
    --days;
  }
  const int64_t shifted = days + 719'468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_index + 2) / 5 + 1;
  const int64_t month = month_index < 10 ? month_index + 3 : month_index - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const int64_t seconds = ms_of_day / 1000;
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", year, month, day,
                                seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (const int64_t millis = ms_of_day % 1000; millis != 0) {
    std::string fraction = fmt::format(".{:03}", millis);
    while (fraction.back() == '0') fraction.pop_back();
    out += fraction;
  }
  return out + "Z";
}

namespace {

int64_t days_in(int64_t year, int64_t month) {
  const int64_t next_year = month == 12 ? year + 1 : year;
  return days_from_civil(next_year, month == 12 ? 1 : month + 1, 1) -
         days_from_civil(year, month, 1);
}

}  // namespace

Result<TimeMs> parse_rfc3339(std::string_view text) {
  const std::string_view whole = text;
  const auto malformed = [&] {
    return fail(ErrorCode::BadData, "cannot parse \"{}\" to a valid timestamp", whole);
  };
  int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!read_fixed(text, 4, year) || !read_char(text, "-") || !read_fixed(text, 2, month) ||
      !read_char(text, "-") || !read_fixed(text, 2, day) || !read_char(text, "Tt ") ||
      !read_fixed(text, 2, hour) || !read_char(text, ":") || !read_fixed(text, 2, minute) ||
      !read_char(text, ":") || !read_fixed(text, 2, second)) {
    return malformed();
  }
  if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
      minute > 59 || second > 60) {
    return malformed();
  }
  int64_t millis = 0;
  if (read_char(text, ".")) {
    int64_t scale = 100;
    if (text.empty() || text[0] < '0' || text[0] > '9') return malformed();
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      millis += (text[0] - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
    }
  }
  int64_t zone_minutes = 0;
  if (!read_char(text, "Zz")) {
    const bool west = !text.empty() && text[0] == '-';
    int64_t zone_hour = 0, zone_minute = 0;
    if (!read_char(text, "+-") || !read_fixed(text, 2, zone_hour) || !read_char(text, ":") ||
        !read_fixed(text, 2, zone_minute) || zone_hour > 23 || zone_minute > 59) {
      return malformed();
    }
    zone_minutes = (zone_hour * 60 + zone_minute) * (west ? -1 : 1);
  }
  if (!text.empty()) return malformed();
  const int64_t minutes =
      days_from_civil(year, month, day) * 1440 + hour * 60 + minute - zone_minutes;
  return TimeMs{(minutes * 60 + second) * 1000 + millis};
}

}  // namespace prom5
