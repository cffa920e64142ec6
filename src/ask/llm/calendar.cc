#include "ask/llm/calendar.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace prom5::llm {

namespace {

constexpr int64_t kDayMs = 86'400'000;

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

int64_t floor_to(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  return value - rest - (rest < 0 ? step : 0);
}

std::chrono::year_month_day date_of(int64_t local_ms) {
  const std::chrono::days days(floor_to(local_ms, kDayMs) / kDayMs);
  return std::chrono::year_month_day(std::chrono::sys_days(days));
}

int64_t start_of_month(std::chrono::year_month month) {
  return std::chrono::sys_days(month / 1).time_since_epoch().count() * kDayMs;
}

}  // namespace

TimeMs Calendar::start_of(Period period, TimeMs time) const { return start_after(period, time, 0); }

TimeMs Calendar::start_after(Period period, TimeMs time, int64_t count) const {
  const int64_t local = time.ms + offset_.ms;
  const auto fixed = [&](int64_t step, int64_t phase) {
    return TimeMs{floor_to(local - phase, step) + phase + count * step} + offset_ * -1;
  };
  const auto months = [&](int64_t step) {
    const auto date = date_of(local);
    const auto month = static_cast<int64_t>(static_cast<unsigned>(date.month())) - 1;
    const std::chrono::year_month first =
        date.year() / std::chrono::month(static_cast<unsigned>(floor_to(month, step) + 1));
    return TimeMs{start_of_month(first + std::chrono::months(count * step))} + offset_ * -1;
  };
  switch (period) {
    case Period::Minute: return fixed(60'000, 0);
    case Period::Hour: return fixed(3'600'000, 0);
    case Period::Day: return fixed(kDayMs, 0);
    case Period::Week: return fixed(7 * kDayMs, 4 * kDayMs);  // 1970 began on a Thursday
    case Period::Month: return months(1);
    case Period::Quarter: return months(3);
    case Period::Year: return months(12);
  }
  return time;
}

std::optional<TimeMs> Calendar::date(int64_t year, int64_t month, int64_t day) const {
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return TimeMs{days * kDayMs} + offset_ * -1;
}

int64_t Calendar::weekday(TimeMs time) const {
  const TimeMs monday = start_of(Period::Week, time);
  return (time - monday).ms / kDayMs;
}

int64_t Calendar::year(TimeMs time) const {
  return static_cast<int>(date_of(time.ms + offset_.ms).year());
}

int64_t Calendar::month(TimeMs time) const {
  return static_cast<unsigned>(date_of(time.ms + offset_.ms).month());
}

std::optional<int64_t> month_named(std::string_view word) {
  if (word.size() < 3) return std::nullopt;
  for (size_t i = 0; i < kMonths.size(); ++i) {
    const bool short_form = word == kMonths[i].substr(0, 3) || (i == 8 && word == "sept");
    if (word == kMonths[i] || short_form) return static_cast<int64_t>(i) + 1;
  }
  return std::nullopt;
}

std::optional<int64_t> weekday_named(std::string_view word) {
  for (size_t i = 0; i < kWeekdays.size(); ++i) {
    const std::string_view day = kWeekdays[i];
    // Mon, tue, tues, wed, thu, thur, thurs, …
    const bool short_form = word.size() >= 3 && word.size() <= 5 && day.starts_with(word);
    if (word == day || short_form) return static_cast<int64_t>(i);
    if (word.size() == day.size() + 1 && word.starts_with(day) && word.ends_with("s")) {
      return static_cast<int64_t>(i);
    }
  }
  return std::nullopt;
}

}  // namespace prom5::llm
