#include "ask/llm/odd_time.h"

#include <fmt/format.h>

#include <algorithm>

#include "ask/llm/calendar.h"
#include "ask/llm/number_words.h"
#include "ask/llm/time_words.h"
#include "base/ascii.h"

namespace prom5::llm {

namespace {

constexpr int64_t kLastHour = 23;
constexpr int64_t kLastMinute = 59;
/// A leap year: what it does not have, none has.
constexpr int64_t kLeapYear = 2024;

/// One or two digits; -1 for all else.
int64_t two_digits(std::string_view text) {
  if (text.empty() || text.size() > 2 || !std::ranges::all_of(text, is_digit)) return -1;
  return static_cast<int64_t>(*plain_number(text));
}

/// "25:00", "14:75", "24:30"; the end of a day is "24:00".
std::optional<OddTime> odd_clock(std::span<const Token> tokens, size_t at) {
  const std::string_view text = tokens[at].text;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.size() != colon + 3) return std::nullopt;
  const int64_t hour = two_digits(text.substr(0, colon));
  const int64_t minute = two_digits(text.substr(colon + 1));
  if (hour < 0 || minute < 0) return std::nullopt;
  if (hour <= kLastHour && minute <= kLastMinute) return std::nullopt;
  if (hour == kLastHour + 1 && minute == 0) return std::nullopt;
  // "90:10" is a ratio, unless it stands where a time does.
  constexpr int64_t kNearDay = 29;
  const bool led = is_any_of(word_before(tokens, at), {"at", "since", "until", "till", "from", "by",
                                                       "before", "after", "between", "around"});
  if (hour > kNearDay && !led) return std::nullopt;
  const int64_t near = std::min(hour, kLastHour);
  OddTime out{at, 1, OddTime::Kind::Clock, {}};
  out.instead.push_back(fmt::format("{:02}:{:02}", near, minute > kLastMinute ? 0 : minute));
  out.instead.push_back(minute > kLastMinute ? fmt::format("{:02}:{:02}", near, kLastMinute)
                                             : fmt::format("00:{:02}", minute));
  return out;
}

/// "25 oclock", "15 am", "30pm"
std::optional<OddTime> odd_hour(std::span<const Token> tokens, size_t at) {
  std::string_view number = tokens[at].text;
  std::string_view half = word_at(tokens, at + 1);
  size_t count = 2;
  if (number.ends_with("am") || number.ends_with("pm")) {
    half = number.substr(number.size() - 2);
    number.remove_suffix(2);
    count = 1;
  }
  const int64_t hour = two_digits(number);
  if (hour < 0) return std::nullopt;
  OddTime out{at, count, OddTime::Kind::Clock, {}};
  if (half == "oclock" && hour > kLastHour + 1) {
    out.instead = {"23:00", "00:00"};
    return out;
  }
  const bool odd = (half == "am" && hour > 12) || (half == "pm" && hour > kLastHour);
  if (!odd) return std::nullopt;
  out.instead.push_back(hour <= kLastHour ? fmt::format("{:02}:00", hour) : "23:00");
  if (hour - 12 <= 12) out.instead.push_back(fmt::format("{:02}:00", hour - 12));
  return out;
}

bool exists(int64_t year, int64_t month, int64_t day) {
  return Calendar(DurationMs{}).date(year, month, day).has_value();
}

/// The last day of a month, written as what could not be was.
std::string last_of(int64_t year, int64_t month) {
  int64_t day = 31;
  while (day > 28 && !exists(year, month, day)) --day;
  return std::to_string(day);
}

/// "2026-02-30", "2026-13-01"
std::optional<OddTime> odd_iso(std::span<const Token> tokens, size_t at) {
  const std::string_view text = tokens[at].text;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = plain_number(text.substr(0, 4));
  const int64_t month = two_digits(text.substr(5, 2));
  const int64_t day = two_digits(text.substr(8, 2));
  if (!year || *year < 1970 || *year > 2200 || month < 0 || day < 0) return std::nullopt;
  const auto whole_year = static_cast<int64_t>(*year);
  if (exists(whole_year, month, day)) return std::nullopt;
  OddTime out{at, 1, OddTime::Kind::Date, {}};
  if (month >= 1 && month <= 12) {
    out.instead.push_back(
        fmt::format("{:04}-{:02}-{}", whole_year, month, last_of(whole_year, month)));
  }
  return out;
}

/// "on february 30", "on the 31st of june"
std::optional<OddTime> odd_day_of_month(std::span<const Token> tokens, size_t at) {
  const bool led = is_any_of(word_before(tokens, at), {"on", "since", "until", "till", "from", "by",
                                                       "before", "after", "the", "between"});
  if (!led) return std::nullopt;
  const auto day_at = [&](size_t i) {
    std::string_view text = word_at(tokens, i);
    for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
      if (text.ends_with(ending)) text.remove_suffix(2);
    }
    return two_digits(text);
  };
  const bool month_first = month_named(tokens[at].text).has_value();
  const size_t of = word_at(tokens, at + 1) == "of" ? 1 : 0;
  const auto month = month_named(word_at(tokens, month_first ? at : at + 1 + of));
  const int64_t day = day_at(month_first ? at + 1 : at);
  if (!month || day < 0 || exists(kLeapYear, *month, day)) return std::nullopt;
  const size_t count = month_first ? 2 : 2 + of;
  const std::string name = tokens[month_first ? at : at + 1 + of].written;
  const std::string last = last_of(kLeapYear, *month);
  return OddTime{at,
                 count,
                 OddTime::Kind::Date,
                 {month_first ? name + " " + last : last + (of == 1 ? " of " : " ") + name}};
}

/// "last 0 minutes", "past -5 hours", "over 0h"
std::optional<OddTime> odd_length(std::span<const Token> tokens, size_t at) {
  if (!is_any_of(tokens[at].text, {"last", "past", "previous", "over", "during", "within"})) {
    return std::nullopt;
  }
  size_t i = at + 1;
  const bool minus = is_any_of(word_at(tokens, i), {"-", "minus"});
  if (minus) ++i;
  const std::string_view number = word_at(tokens, i);
  size_t count = i + 2 - at;
  const size_t digits = number.find_first_not_of("-0123456789.");
  const auto value = plain_number(number.substr(0, digits));
  if (!value || (*value > 0 && !minus)) return std::nullopt;
  std::string_view unit = word_at(tokens, i + 1);
  if (digits != std::string_view::npos) {
    unit = number.substr(digits);
    count -= 1;
  }
  const Token one[] = {{"1", "1"}, {std::string(unit), std::string(unit)}};
  const auto length = TimeWords(one, TimeMs{}, DurationMs{}).length_at(0);
  // "memory over 0 m", "latency over 0 seconds" may be limits.
  const bool short_unit = unit.size() < 2 && digits == std::string_view::npos;
  const bool limit = tokens[at].text == "over" && length &&
                     (short_unit || length->length < DurationMs::minutes(1));
  if (!length || limit) return std::nullopt;
  const bool last = is_any_of(tokens[at].text, {"last", "past", "previous"});
  const std::string lead = last ? "last " : "over the last ";
  return OddTime{at, count, OddTime::Kind::Length, {lead + "5 minutes", lead + "60 minutes"}};
}

/// "0 minutes" and nothing else: an answer to "how long?".
std::optional<OddTime> odd_length_alone(std::span<const Token> tokens, size_t at) {
  if (at > 0 || tokens.empty() || !tokens[0].text.starts_with('0')) return std::nullopt;
  const auto length = TimeWords(tokens, TimeMs{}, DurationMs{}).length_at(0);
  if (!length || length->length.ms != 0 || length->count != tokens.size()) return std::nullopt;
  return OddTime{0, length->count, OddTime::Kind::Length, {"5 minutes", "60 minutes"}};
}

}  // namespace

std::optional<OddTime> find_odd_time(std::span<const Token> tokens) {
  for (size_t at = 0; at < tokens.size(); ++at) {
    for (const auto find :
         {odd_clock, odd_hour, odd_iso, odd_day_of_month, odd_length, odd_length_alone}) {
      if (auto found = find(tokens, at)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace prom5::llm
