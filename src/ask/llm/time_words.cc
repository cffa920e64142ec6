#include "ask/llm/time_words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "ask/llm/number_words.h"

namespace prom5::llm {

namespace {

using Period = Calendar::Period;

/// Longer ones mean "all there is".
constexpr double kLongestMs = 100.0 * 365 * 86'400'000;

struct UnitRow {
  std::string_view names;  ///< between bars
  DurationMs length;
  bool bare;  ///< may stand without a number: "last hour", not "last h"
};

constexpr UnitRow kUnits[] = {
    {"|ms|millisecond|milliseconds|", DurationMs::millis(1), false},
    {"|s|sec|secs|", DurationMs::seconds(1), false},
    {"|second|seconds|", DurationMs::seconds(1), true},
    {"|m|min|mins|", DurationMs::minutes(1), false},
    {"|minute|minutes|", DurationMs::minutes(1), true},
    {"|h|hr|hrs|", DurationMs::hours(1), false},
    {"|hour|hours|", DurationMs::hours(1), true},
    {"|d|", DurationMs::days(1), false},
    {"|day|days|night|nights|", DurationMs::days(1), true},
    {"|w|wk|wks|", DurationMs::days(7), false},
    {"|week|weeks|", DurationMs::days(7), true},
    {"|fortnight|fortnights|", DurationMs::days(14), true},
    {"|mo|mos|", DurationMs::days(30), false},
    {"|month|months|", DurationMs::days(30), true},
    {"|quarter|quarters|", DurationMs::days(90), true},
    {"|y|yr|yrs|", DurationMs::days(365), false},
    {"|year|years|", DurationMs::days(365), true},
};

const UnitRow* find_unit(std::string_view word) {
  if (word.empty()) return nullptr;
  const std::string key = "|" + std::string(word) + "|";
  for (const UnitRow& row : kUnits) {
    if (row.names.find(key) != std::string_view::npos) return &row;
  }
  return nullptr;
}

DurationMs times(double n, DurationMs unit) {
  const double ms = n * static_cast<double>(unit.ms);
  return {static_cast<int64_t>(std::llround(std::clamp(ms, 0.0, kLongestMs)))};
}

bool is_about(std::string_view word) {
  return is_any_of(word, {"about", "around", "roughly", "approximately", "approx", "circa",
                          "nearly", "almost", "maybe", "like", "ca"});
}

struct PartOfDay {
  std::string_view name;
  int64_t from_hour;
  int64_t to_hour;  ///< of the next day above 24
};
constexpr PartOfDay kParts[] = {{"morning", 6, 12},  {"mornings", 6, 12}, {"afternoon", 12, 18},
                                {"evening", 18, 22}, {"night", 20, 30},   {"lunchtime", 12, 14},
                                {"noon", 12, 12},    {"midnight", 0, 0}};

const PartOfDay* part_named(std::string_view word) {
  for (const PartOfDay& part : kParts) {
    if (part.name == word) return &part;
  }
  return nullptr;
}

std::optional<int64_t> whole(std::string_view text) {
  if (text.empty() || text.size() > 9 ||
      text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*plain_number(text));
}

/// "12", "12th", "1st".
std::optional<int64_t> day_number(std::string_view text) {
  for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
    if (text.ends_with(ending)) text.remove_suffix(2);
  }
  const auto day = whole(text);
  return day && *day >= 1 && *day <= 31 ? day : std::nullopt;
}

std::optional<int64_t> year_number(std::string_view text) {
  const auto year = whole(text);
  return year && text.size() == 4 && *year >= 2000 && *year <= 2100 ? year : std::nullopt;
}

/// "14:00", "2:30", "14:00:05", "2.30" only with `dotted`.
std::optional<DurationMs> hours_minutes(std::string_view text, bool dotted) {
  std::array<int64_t, 3> parts{};
  size_t found = 0;
  while (!text.empty()) {
    if (found == 3) return std::nullopt;
    const size_t end = std::min(text.find_first_of(dotted ? ":." : ":"), text.size());
    const auto part = whole(text.substr(0, end));
    if (!part || end > 2 || (found > 0 && end != 2)) return std::nullopt;
    parts[found++] = *part;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (found < 2 || parts[0] > 24 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
  return DurationMs::hours(parts[0]) + DurationMs::minutes(parts[1]) +
         DurationMs::seconds(parts[2]);
}

/// 2 and "pm" are 14; nothing when there is no such hour.
std::optional<DurationMs> with_half(DurationMs time, std::string_view half) {
  const DurationMs noon = DurationMs::hours(12);
  if (half != "am" && half != "pm") return std::nullopt;
  if (time >= noon + DurationMs::hours(1)) {
    return half == "pm" && time < DurationMs::hours(24) ? std::optional(time) : std::nullopt;
  }
  if (time < DurationMs::hours(1)) return std::nullopt;
  if (time >= noon) time = time - noon;
  return half == "pm" ? time + noon : time;
}

}  // namespace

std::optional<DurationMs> TimeWords::unit_length(std::string_view word) {
  const UnitRow* row = find_unit(word);
  if (row == nullptr || !row->bare || word.starts_with("night")) return std::nullopt;
  return row->length;
}

std::optional<Period> TimeWords::period_named(std::string_view word) {
  if (word == "minute") return Period::Minute;
  if (word == "hour") return Period::Hour;
  if (word == "day") return Period::Day;
  if (word == "week") return Period::Week;
  if (word == "month") return Period::Month;
  if (word == "quarter") return Period::Quarter;
  if (word == "year") return Period::Year;
  return std::nullopt;
}

std::optional<double> TimeWords::number(size_t at) const {
  const auto value = plain_number(word(at));
  return value && *value >= 0 ? value : std::nullopt;
}

std::optional<TimeWords::Length> TimeWords::simple_length(size_t at) const {
  const std::string_view first = word(at);
  if (first == "half" || (first == "a" && word(at + 1) == "half")) {
    size_t next = at + (first == "half" ? 1 : 2);
    if (is_any_of(word(next), {"a", "an"})) ++next;
    const auto unit = unit_length(word(next));
    if (!unit) return std::nullopt;
    return Length{times(0.5, *unit), next + 1 - at, false};
  }
  const size_t article = is_any_of(first, {"a", "an", "one"}) ? 1 : 0;
  // "a quarter of an hour", "3 quarters of an hour", "quarter hour".
  const auto quarters = number(at);
  const size_t quarter = at + (article == 1 || quarters ? 1 : 0);
  if (is_any_of(word(quarter), {"quarter", "quarters"})) {
    size_t next = quarter + 1;
    if (word(next) == "of") ++next;
    if (is_any_of(word(next), {"a", "an"})) ++next;
    if (word(next) == "hour") {
      return Length{times(0.25 * quarters.value_or(1), DurationMs::hours(1)), next + 1 - at, false};
    }
  }
  if (is_any_of(word(at + article), {"few", "several"})) {
    const UnitRow* unit = find_unit(word(at + article + 1));
    if (unit == nullptr || !unit->bare) return std::nullopt;
    return Length{times(word(at + article) == "few" ? 3 : 5, unit->length), article + 2, true};
  }
  if (article == 1) {
    const auto unit = unit_length(word(at + 1));
    if (!unit) return std::nullopt;
    if (word(at + 2) == "and" && word(at + 3) == "a" && word(at + 4) == "half") {
      return Length{times(1.5, *unit), 5, false};
    }
    return Length{*unit, 2, false};
  }
  if (quarters) {
    const size_t next = at + (is_any_of(word(at + 1), {"full", "whole", "entire", "more"}) ? 2 : 1);
    const UnitRow* unit = find_unit(word(next));
    const bool millions = next < tokens_.size() && tokens_[next].written == "M";
    if (unit == nullptr || millions) return std::nullopt;
    return Length{times(*quarters, unit->length), next + 1 - at, false};
  }
  const size_t digits = first.find_first_not_of("0123456789.");
  if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
  if (tokens_[at].written.ends_with("M")) return std::nullopt;
  const auto value = plain_number(first.substr(0, digits));
  const UnitRow* unit = find_unit(first.substr(digits));
  if (value && unit != nullptr) return Length{times(*value, unit->length), 1, false};
  const auto compound = parse_duration(first);
  if (!compound || compound->ms < 0 || static_cast<double>(compound->ms) > kLongestMs) {
    return std::nullopt;
  }
  return Length{*compound, 1, false};
}

std::optional<TimeWords::Length> TimeWords::length_at(size_t at) const {
  const size_t about = is_about(word(at)) ? 1 : 0;
  auto length = simple_length(at + about);
  if (!length) return std::nullopt;
  length->count += about;
  length->approximate = length->approximate || about == 1;
  // "2 hours and 30 minutes", "1 hour 30 minutes".
  const size_t next = at + length->count;
  const size_t joint = word(next) == "and" ? 1 : 0;
  if (const auto more = number(next + joint); more) {
    const auto smaller = simple_length(next + joint);
    const bool unit_smaller = smaller && smaller->length * 2 < length->length * 3 &&
                              smaller->length < DurationMs::hours(24) &&
                              smaller->length < length->length;
    if (unit_smaller && word(at + about + 1) != word(next + joint + 1)) {
      length->length = length->length + smaller->length;
      length->count += joint + smaller->count;
    }
  }
  if (word(at + length->count) == "or" && word(at + length->count + 1) == "so") {
    length->count += 2;
    length->approximate = true;
  }
  return length;
}

std::optional<TimeWords::Clock> TimeWords::clock_at(size_t at) const {
  const std::string_view text = word(at);
  Clock clock{DurationMs{0}, 1, false, false};
  const auto finish = [&](DurationMs time, size_t count) {
    clock.since_midnight = time;
    clock.count = count;
    if (is_any_of(word(at + count), {"utc", "gmt", "zulu"})) {
      clock.utc = true;
      ++clock.count;
    }
    return clock;
  };
  const auto halved = [&](DurationMs time, std::string_view half,
                          size_t count) -> std::optional<Clock> {
    const auto found = with_half(time, half);
    if (!found) return std::nullopt;
    clock.half_named = true;
    return finish(*found, count);
  };
  if (is_any_of(text, {"noon", "midday"})) return finish(DurationMs::hours(12), 1);
  if (text == "midnight") return finish(DurationMs{0}, 1);
  // "half past 2", "quarter to 5".
  const bool to = word(at + 1) == "to";
  if (is_any_of(text, {"half", "quarter"}) && (to || word(at + 1) == "past")) {
    const auto hour = whole(word(at + 2));
    if (!hour || *hour < 1 || *hour > 12 || (to && text == "half")) return std::nullopt;
    const DurationMs part = DurationMs::minutes(text == "half" ? 30 : 15);
    const DurationMs time = to ? DurationMs::hours(*hour) - part : DurationMs::hours(*hour) + part;
    if (auto found = halved(time, word(at + 3), 4)) return found;
    return finish(time, 3);
  }
  const bool glued = text.size() > 2 && (text.ends_with("am") || text.ends_with("pm"));
  const std::string_view digits = glued ? text.substr(0, text.size() - 2) : text;
  const std::string_view half = glued ? text.substr(text.size() - 2) : word(at + 1);
  const size_t count = glued ? 1 : 2;
  if (const auto time = hours_minutes(digits, is_any_of(half, {"am", "pm"}))) {
    if (auto found = halved(*time, half, count)) return found;
    if (glued || digits.find('.') != std::string_view::npos) return std::nullopt;
    return finish(*time, 1);
  }
  const auto hour = whole(digits);
  if (!hour) return std::nullopt;
  // "230 pm", "2 30 pm".
  if (digits.size() >= 3 && digits.size() <= 4 && *hour % 100 < 60) {
    return halved(DurationMs::hours(*hour / 100) + DurationMs::minutes(*hour % 100), half, count);
  }
  if (*hour > 24) return std::nullopt;
  const auto minute = glued ? std::nullopt : whole(word(at + 1));
  if (minute && *minute < 60 && word(at + 1).size() == 2) {
    return halved(DurationMs::hours(*hour) + DurationMs::minutes(*minute), word(at + 2), 3);
  }
  if (word(at + 1) == "oclock") {
    if (auto found = halved(DurationMs::hours(*hour), word(at + 2), 3)) return found;
    return finish(DurationMs::hours(*hour), 2);
  }
  return halved(DurationMs::hours(*hour), half, count);
}

TimeMs TimeWords::on_day(TimeMs midnight, const Clock& clock) const {
  if (!clock.utc) return midnight + clock.since_midnight;
  const TimeMs time = utc_.start_of(Period::Day, midnight) + clock.since_midnight;
  return time < midnight ? time + DurationMs::days(1) : time;
}

TimeWords::Span TimeWords::day_span(TimeMs midnight, size_t count) const {
  return {midnight, midnight + DurationMs::days(1), count, false};
}

std::optional<TimeWords::Span> TimeWords::weekday_at(size_t at, Side side) const {
  size_t i = at;
  const bool last = is_any_of(word(i), {"last", "past", "previous"});
  const bool coming = is_any_of(word(i), {"next", "coming", "this"});
  if (last || coming) ++i;
  const auto day = weekday_named(word(i));
  if (!day) return std::nullopt;
  // "sun", "sat" and "wed" are also other words.
  const bool short_form = word(i).size() < 6;
  if (short_form && i == at &&
      !is_any_of(word_before(tokens_, at), {"on", "since", "until", "till", "by", "from", "between",
                                            "and", "to", "before"})) {
    return std::nullopt;
  }
  const int64_t back = (calendar_.weekday(now_) - *day + 7) % 7;
  int64_t shift = -back;
  if (last && back == 0) shift = -7;
  if (word(i - (i > at ? 1 : 0)) == "next" || (side == Side::Future && !last)) {
    shift = back == 0 ? 7 : 7 - back;
  }
  return day_span(calendar_.start_after(Period::Day, now_, shift), i + 1 - at);
}

std::optional<TimeWords::Span> TimeWords::iso_at(size_t at) const {
  const std::string text(word(at));
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = whole(std::string_view(text).substr(0, 4));
  const auto month = whole(std::string_view(text).substr(5, 2));
  const auto day = whole(std::string_view(text).substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const auto midnight = calendar_.date(*year, *month, *day);
  if (!midnight) return std::nullopt;
  if (text.size() == 10) return day_span(*midnight, 1);
  if (text[10] != 't') return std::nullopt;
  std::string upper = text;
  for (char& c : upper) {
    if (c == 't' || c == 'z') c = static_cast<char>(c - 32);
  }
  if (const auto time = parse_rfc3339(upper)) return Span{*time, *time, 1, false};
  const auto clock = hours_minutes(std::string_view(text).substr(11), false);
  if (!clock) return std::nullopt;
  return Span{*midnight + *clock, *midnight + *clock, 1, false};
}

TimeMs TimeWords::year_of_date(int64_t month, int64_t day, Side side, bool& exists) const {
  const int64_t year = calendar_.year(now_);
  auto date = calendar_.date(year, month, day);
  exists = true;
  if (side == Side::Past && date && *date > now_) date = calendar_.date(year - 1, month, day);
  if (side == Side::Future && date && *date < today()) date = calendar_.date(year + 1, month, day);
  // The 29th of February of the leap year before or after.
  for (int64_t step = 1; !date && step <= 8; ++step) {
    date = calendar_.date(side == Side::Past ? year - step : year + step, month, day);
  }
  exists = date.has_value();
  return date.value_or(TimeMs{0});
}

/// "12.01.", "12.01.2026": day and month as written in Europe.
std::optional<TimeWords::Span> TimeWords::dotted_at(size_t at, Side side) const {
  const std::string_view text = word(at);
  const size_t first = text.find('.');
  const size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto day = day_number(text.substr(0, first));
  const auto month = whole(text.substr(first + 1, second - first - 1));
  const std::string_view rest = text.substr(second + 1);
  if (!day || !month || *month > 12) return std::nullopt;
  if (rest.empty()) {
    bool exists = false;
    const TimeMs midnight = year_of_date(*month, *day, side, exists);
    if (!exists) return std::nullopt;
    return day_span(midnight, 1);
  }
  const auto year = year_number(rest);
  const auto midnight = year ? calendar_.date(*year, *month, *day) : std::nullopt;
  if (!midnight) return std::nullopt;
  return day_span(*midnight, 1);
}

std::optional<TimeWords::Span> TimeWords::date_at(size_t at, Side side) const {
  if (auto iso = iso_at(at)) return iso;
  if (auto dotted = dotted_at(at, side)) return dotted;
  size_t i = at;
  if (word(i) == "the") ++i;
  std::optional<int64_t> month = month_named(word(i));
  std::optional<int64_t> day;
  if (month) {
    if (word(i + 1) == "the") ++i;
    day = day_number(word(i + 1));
    i += 2;
  } else {
    day = day_number(word(i));
    const bool ordinal = day && !whole(word(i));
    const size_t of = word(i + 1) == "of" ? 1 : 0;
    month = month_named(word(i + 1 + of));
    if (month) {
      i += 2 + of;
    } else if (!ordinal || i == at || is_any_of(word(i + 1), {"percentile", "quantile"}) ||
               word_before(tokens_, at) != "on") {
      return std::nullopt;
    } else {
      // "on the 12th": of this month or the one before.
      const int64_t step = side == Side::Past ? -1 : 1;
      for (int64_t n = 0; n < 3; ++n) {
        const TimeMs first = calendar_.start_after(Period::Month, now_, n * step);
        const auto date = calendar_.date(calendar_.year(first), calendar_.month(first), *day);
        const bool fits = date && (side == Side::Past ? *date <= now_ : *date > now_);
        if (fits) return day_span(*date, i + 1 - at);
      }
      return std::nullopt;
    }
  }
  if (!day) return std::nullopt;
  if (const auto year = year_number(word(i))) {
    const auto midnight = calendar_.date(*year, *month, *day);
    if (!midnight) return std::nullopt;
    return day_span(*midnight, i + 1 - at);
  }
  bool exists = false;
  const TimeMs midnight = year_of_date(*month, *day, side, exists);
  if (!exists) return std::nullopt;
  return day_span(midnight, i - at);
}

std::optional<TimeWords::Span> TimeWords::day_at(size_t at, Side side) const {
  const auto relative = [&](int64_t days, size_t count) {
    return day_span(calendar_.start_after(Period::Day, now_, days), count);
  };
  const size_t the = word(at) == "the" ? 1 : 0;
  if (word(at + the) == "day" && is_any_of(word(at + the + 1), {"before", "after"})) {
    if (word(at + the + 2) == "yesterday") return relative(-2, the + 3);
    if (word(at + the + 2) == "tomorrow") return relative(2, the + 3);
  }
  if (word(at) == "today") return relative(0, 1);
  if (word(at) == "yesterday") return relative(-1, 1);
  if (word(at) == "tomorrow") return relative(1, 1);
  if (auto day = weekday_at(at, side)) return day;
  return date_at(at, side);
}

std::optional<TimeWords::Span> TimeWords::with_clock(Span day, size_t at) const {
  size_t i = at + day.count;
  while (is_any_of(word(i), {"at", "around", "about", "in", "the", "during"}) &&
         i < at + day.count + 3)
    ++i;
  const bool about = i > at + day.count && is_about(word(i - 1));
  if (const PartOfDay* part = part_named(word(i));
      part != nullptr && part->from_hour < part->to_hour) {
    return within_part({day.start + DurationMs::hours(part->from_hour),
                        day.start + DurationMs::hours(part->to_hour), i + 1 - at, false},
                       at);
  }
  const auto clock = clock_at(i);
  if (!clock) return day;
  const TimeMs time = on_day(day.start, *clock);
  return Span{time, time, i + clock->count - at, about};
}

/// "last night around 3 am": the clock time within a part of a day.
TimeWords::Span TimeWords::within_part(Span part, size_t at) const {
  const size_t next = at + part.count;
  const bool about = is_about(word(next));
  if (!about && word(next) != "at") return part;
  const auto clock = clock_at(next + 1);
  if (!clock) return part;
  TimeMs time = on_day(calendar_.start_of(Period::Day, part.start), *clock);
  if (time < part.start) time = time + DurationMs::days(1);
  return {time, time, part.count + 1 + clock->count, about};
}

/// "14:00", "14:00 on monday", "2 pm yesterday".
std::optional<TimeWords::Span> TimeWords::clock_span(size_t at, Side side) const {
  const auto clock = clock_at(at);
  if (!clock) return std::nullopt;
  size_t next = at + clock->count;
  if (is_any_of(word(next), {"on", "of"})) ++next;
  if (const auto day = day_at(next, side); day && !day->is_moment()) {
    const TimeMs time = on_day(day->start, *clock);
    return Span{time, time, next + day->count - at, false};
  }
  if (is_any_of(word(next), {"this", "in"}) && part_named(word(next + 1)) != nullptr) {
    const TimeMs time = on_day(today(), *clock);
    return Span{time, time, next + 2 - at, false};
  }
  TimeMs time = on_day(today(), *clock);
  if (side == Side::Past && time > now_) time = time - DurationMs::days(1);
  if (side == Side::Future && time <= now_) time = time + DurationMs::days(1);
  return Span{time, time, clock->count, false};
}

std::optional<TimeWords::Span> TimeWords::part_of_today(size_t at) const {
  const auto hours = [&](int64_t day, int64_t from, int64_t to, size_t count) {
    const TimeMs midnight = calendar_.start_after(Period::Day, now_, day);
    return Span{midnight + DurationMs::hours(from), midnight + DurationMs::hours(to), count, false};
  };
  const std::string_view text = word(at);
  if (text == "tonight") return hours(0, 20, 30, 1);
  // Before the morning the night still lasts.
  if (text == "overnight") return hours(-1, 20, 30, 1);
  if (text == "last" && is_any_of(word(at + 1), {"night", "evening"})) {
    const PartOfDay* part = part_named(word(at + 1));
    return hours(-1, part->from_hour, part->to_hour, 2);
  }
  if (text == "this" || text == "the") {
    const PartOfDay* part = part_named(word(at + 1));
    if (part == nullptr || part->from_hour == part->to_hour || part->name == "night") {
      return std::nullopt;
    }
    if (text == "the" && !is_any_of(word_before(tokens_, at), {"in", "during", "over"})) {
      return std::nullopt;
    }
    return hours(0, part->from_hour, part->to_hour, 2);
  }
  return std::nullopt;
}

std::optional<TimeWords::Span> TimeWords::ago_at(size_t at) const {
  const auto length = length_at(at);
  if (!length) return std::nullopt;
  size_t next = at + length->count;
  if (!is_any_of(word(next), {"ago", "back"})) return std::nullopt;
  ++next;
  const TimeMs time = now_ + length->length * -1;
  // "two days ago at 3 pm"
  const bool days = length->length.ms > 0 && length->length.ms % DurationMs::days(1).ms == 0;
  const auto clock = days && word(next) == "at" ? clock_at(next + 1) : std::nullopt;
  if (clock) {
    const TimeMs exact = on_day(calendar_.start_of(Period::Day, time), *clock);
    return Span{exact, exact, next + 1 + clock->count - at, length->approximate};
  }
  return Span{time, time, next - at, length->approximate};
}

std::optional<TimeWords::Span> TimeWords::month_at(size_t at, Side side) const {
  size_t i = at;
  const bool led = is_any_of(word(i), {"last", "this", "next"});
  if (led) ++i;
  const auto month = month_named(word(i));
  const bool prefixed =
      led || is_any_of(word_before(tokens_, at), {"in", "during", "for", "since", "of", "from",
                                                  "to", "until", "till", "by", "between"});
  const auto year_alone = year_number(word(i));
  if (!month && year_alone && !led &&
      is_any_of(word_before(tokens_, at), {"in", "during", "since"})) {
    const auto start = calendar_.date(*year_alone, 1, 1);
    return Span{*start, calendar_.start_after(Period::Year, *start, 1), 1, false};
  }
  if (!month || !prefixed) return std::nullopt;
  bool exists = true;
  TimeMs start{0};
  if (const auto year = year_number(word(i + 1))) {
    start = *calendar_.date(*year, *month, 1);
    ++i;
  } else {
    start = year_of_date(*month, 1, side, exists);
  }
  return Span{start, calendar_.start_after(Period::Month, start, 1), i + 1 - at, false};
}

std::optional<TimeWords::Span> TimeWords::weekend_at(size_t at, Side side) const {
  size_t i = at;
  const bool last = is_any_of(word(i), {"last", "past", "previous"});
  const bool next = is_any_of(word(i), {"next", "coming"});
  if (last || next || is_any_of(word(i), {"this", "the"})) ++i;
  if (word(i) == "the" || (i == at + 1 && is_any_of(word(i), {"last", "past", "next", "coming"}))) {
    return std::nullopt;  // read when its own word is the first one
  }
  if (word(i) != "weekend") return std::nullopt;
  const bool inside = calendar_.weekday(now_) >= 5;
  int64_t week = 0;
  if (last || (side == Side::Past && !inside && word(at) != "this")) week = -1;
  if (word(at) == "next") week = 1;
  const TimeMs monday = calendar_.start_after(Period::Week, now_, week);
  return Span{monday + DurationMs::days(5), monday + DurationMs::days(7), i + 1 - at, false};
}

/// "this week", "last month", "previous hour", "next year".
std::optional<TimeWords::Span> TimeWords::period_at(size_t at, Side /*side*/) const {
  const auto period = period_named(word(at + 1));
  if (!period) return std::nullopt;
  const std::string_view text = word(at);
  int64_t step = 0;
  size_t count = 2;
  if (is_any_of(text, {"last", "previous", "preceding", "prior"})) {
    step = word(at + 2) == "of" ? 0 : -1;
    if (step == 0) return std::nullopt;
  } else if (is_any_of(text, {"next", "following"})) {
    step = 1;
  } else if (text == "the" && word(at + 2) == "before" && word(at + 3) == "last") {
    step = -2;
    count = 4;
  } else if (!is_any_of(text, {"this", "current"})) {
    return std::nullopt;
  }
  return Span{calendar_.start_after(*period, now_, step),
              calendar_.start_after(*period, now_, step + 1), count, false};
}

std::optional<TimeWords::Span> TimeWords::span_at(size_t at, Side side) const {
  const size_t about = is_about(word(at)) ? 1 : 0;
  const auto marked = [&](std::optional<Span> span) {
    if (span && about == 1) {
      span->count += 1;
      span->approximate = true;
    }
    return span;
  };
  const size_t i = at + about;
  if (auto ago = ago_at(i)) return marked(ago);
  if (const auto part = part_of_today(i)) return marked(within_part(*part, i));
  if (auto day = day_at(i, side)) return marked(day->is_moment() ? day : with_clock(*day, i));
  if (auto clock = clock_span(i, side)) return marked(clock);
  if (auto weekend = weekend_at(i, side)) return marked(weekend);
  if (auto period = period_at(i, side)) return marked(period);
  return marked(month_at(i, side));
}

}  // namespace prom5::llm
