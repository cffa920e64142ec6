#include "ask/llm/time_phrase.h"

#include <algorithm>
#include <optional>

#include "ask/llm/bare_hours.h"
#include "ask/llm/number_words.h"
#include "ask/llm/time_words.h"

namespace prom5::llm {

namespace {

using Kind = TimePhrase::Kind;
using Side = TimeWords::Side;
using Span = TimeWords::Span;
using Length = TimeWords::Length;
using Period = Calendar::Period;

constexpr DurationMs kAround = DurationMs::minutes(15);
constexpr DurationMs kRecently = DurationMs::hours(1);
/// A shorter "5m" without a preposition is a rate's window or a load average.
constexpr DurationMs kShortestBare = DurationMs::minutes(10);

/// Tries the kinds of phrases at one token after the other; the first that fits is taken, so the
/// order in phrase_at() decides between readings.
class PhraseFinder {
 public:
  PhraseFinder(std::span<const Token> tokens, TimeMs now, DurationMs utc_offset)
      : tokens_(tokens), now_(now), words_(tokens, now, utc_offset) {
    for (const Token& token : tokens) note_tense(token.text);
  }

  std::vector<TimePhrase> find() {
    std::vector<TimePhrase> out;
    for (size_t at = 0; at < tokens_.size();) {
      if (const size_t skipped = no_time_at(at); skipped > 0) {
        at += skipped;
        continue;
      }
      const auto phrase = phrase_at(at);
      if (!phrase) {
        ++at;
        continue;
      }
      out.push_back(*phrase);
      at += phrase->count;
    }
    return out;
  }

 private:
  [[nodiscard]] std::string_view word(size_t at) const { return word_at(tokens_, at); }
  [[nodiscard]] std::string_view before(size_t at, size_t back = 1) const {
    return word_before(tokens_, at, back);
  }
  [[nodiscard]] bool is(size_t at, std::initializer_list<std::string_view> words) const {
    return is_any_of(word(at), words);
  }

  void note_tense(std::string_view text) {
    if (is_any_of(text, {"will", "going", "forecast", "predict", "prediction", "expect", "expected",
                         "silence", "mute", "snooze", "upcoming", "soon", "projected", "schedule",
                         "maintenance"})) {
      side_ = Side::Future;
    }
    if (is_any_of(text, {"was", "were", "did", "had", "has", "have", "been", "went", "fell",
                         "broke", "rose", "got"}) ||
        (text.size() > 4 && text.ends_with("ed"))) {
      told_ = true;
    }
  }

  [[nodiscard]] std::optional<TimePhrase> phrase_at(size_t at) const {
    if (auto found = beside_at(at)) return found;
    if (auto found = shift_at(at)) return found;
    if (auto found = pair_at(at)) return found;
    if (auto found = since_at(at)) return found;
    if (auto found = before_at(at)) return found;
    if (auto found = until_at(at)) return found;
    if (auto found = ahead_at(at)) return found;
    if (auto found = window_at(at)) return found;
    if (auto found = for_at(at)) return found;
    if (auto found = to_date_at(at)) return found;
    if (auto found = hour_at(at)) return found;
    if (auto found = named_at(at)) return found;
    return bare_length_at(at);
  }

  [[nodiscard]] TimePhrase window(size_t at, size_t count, TimeMs start, bool approximate) const {
    return {at, count, Kind::Window, start, now_, now_ - start, approximate};
  }
  [[nodiscard]] TimePhrase back(size_t at, size_t count, const Length& length) const {
    return window(at, count, now_ + length.length * -1, length.approximate);
  }
  [[nodiscard]] TimePhrase shift(size_t at, size_t count, DurationMs by) const {
    const TimeMs then = now_ + by * -1;
    return {at, count, Kind::Shift, then, then, by, false};
  }
  [[nodiscard]] TimePhrase onwards(size_t at, size_t count, Kind kind, const Length& by) const {
    return {at, count, kind, now_, now_ + by.length, by.length, by.approximate};
  }

  [[nodiscard]] TimePhrase from_span(size_t at, size_t count, const Span& span) const;
  [[nodiscard]] size_t no_time_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> shift_at(size_t at) const;
  [[nodiscard]] std::optional<Length> shifted_by(size_t at, bool bare_length) const;
  [[nodiscard]] size_t comparison_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> pair_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> pair_of_clocks(size_t at, size_t first,
                                                         std::optional<TimeMs> day) const;
  /// Two times of a day; `end` is the token behind them, `half_open` whether neither says which
  /// half of the day.
  struct ClockPair {
    TimeWords::Clock from;
    TimeWords::Clock to;
    size_t end = 0;
    bool half_open = false;
  };
  [[nodiscard]] std::optional<ClockPair> clock_pair_at(size_t first, bool led,
                                                       bool day_named) const;
  [[nodiscard]] std::optional<Span> day_behind(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> hour_at(size_t at) const;
  [[nodiscard]] std::optional<Span> end_of_pair(size_t at) const;
  [[nodiscard]] std::optional<Span> event_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> since_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> beside_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> before_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> until_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> ahead_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> window_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> over_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> for_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> to_date_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> named_at(size_t at) const;
  [[nodiscard]] std::optional<TimePhrase> bare_length_at(size_t at) const;

  std::span<const Token> tokens_;
  TimeMs now_;
  TimeWords words_;
  Side side_ = Side::Past;
  bool told_ = false;  ///< the question has a verb of the past
};

TimePhrase PhraseFinder::from_span(size_t at, size_t count, const Span& span) const {
  if (span.is_moment()) {
    if (span.start > now_) {
      return {at, count, Kind::Ahead, now_, span.start, span.start - now_, span.approximate};
    }
    if (!span.approximate) return {at, count, Kind::Point, span.start, span.start, {0}, false};
    const DurationMs distance = std::min(kAround, now_ - span.start);
    return {at,
            count,
            Kind::Range,
            span.start + kAround * -1,
            span.start + distance,
            kAround + distance,
            true};
  }
  if (span.start >= now_) {
    return {at, count, Kind::Ahead, span.start, span.end, span.end - now_, span.approximate};
  }
  if (span.end >= now_) return window(at, count, span.start, span.approximate);
  return {at, count, Kind::Range, span.start, span.end, span.end - span.start, span.approximate};
}

/// Words that look like time and are not: "per minute", "every 5 minutes", "5 minute intervals".
size_t PhraseFinder::no_time_at(size_t at) const {
  if (is(at, {"per", "every", "each", "/"})) {
    if (TimeWords::unit_length(word(at + 1))) return 2;
    if (const auto length = words_.length_at(at + 1)) return 1 + length->count;
  }
  const size_t in = is(at, {"in", "with", "at", "by"}) ? 1 : 0;
  if (const auto length = words_.length_at(at + in)) {
    const size_t end = at + in + length->count;
    if (is(end, {"interval", "intervals", "step", "steps", "bucket", "buckets", "resolution",
                 "increments", "granularity", "timeout", "rate", "rates", "load"})) {
      return in + length->count + 1;
    }
  }
  return 0;
}

/// The comparison words before what a value is compared with; how many.
size_t PhraseFinder::comparison_at(size_t at) const {
  size_t count = 0;
  if (is(at, {"than", "vs", "vs.", "versus", "against"})) {
    count = 1;
  } else if (is(at, {"compared", "compare", "relative", "comparison"}) &&
             is(at + 1, {"to", "with", "against"})) {
    count = 2;
  } else if (is(at, {"to", "with", "from", "and"})) {
    for (size_t back = 1; back <= 8 && count == 0; ++back) {
      const std::string_view text = before(at, back);
      const bool compares = is_any_of(text, {"compare", "compared", "comparing", "comparison",
                                             "difference", "differ", "differs", "different"});
      const bool moves =
          word(at) == "from" && is_any_of(text, {"up", "down", "change", "changed", "increase",
                                                 "increased", "decrease", "grown", "risen"});
      if (compares || moves) count = 1;
    }
  }
  if (count == 0) return 0;
  while (count < 5 && is(at + count, {"at", "it", "was", "on", "what", "were", "in", "they"})) {
    ++count;
  }
  return count;
}

/// How much earlier "yesterday", "the hour before", "24h ago" are.
std::optional<Length> PhraseFinder::shifted_by(size_t at, bool bare_length) const {
  size_t i = at;
  if (is(i, {"the", "its"})) ++i;
  // "the same time", "this time", "same hour" before the day.
  const bool same = is(i, {"same", "this"}) && is(i + 1, {"time", "hour", "moment"}) &&
                    (word(i) == "same" || word(i + 1) == "time");
  if (same) i += 2;
  if (same && is(i, {"on", "the", "as", "of"})) ++i;
  const auto made = [&](DurationMs length, size_t count) {
    size_t end = i + count;
    size_t more = 0;
    if (word(end) == "at" || word(end) == "around") ++more;
    if (is(end + more, {"this", "the"})) ++more;
    if (word(end + more) == "same") ++more;
    if (more > 0 && is(end + more, {"time", "hour", "moment"})) end += more + 1;
    return Length{length, end - at, false};
  };
  if (const auto unit = TimeWords::unit_length(word(i));
      unit && is(i + 1, {"before", "prior", "earlier", "ago", "previous"}) &&
      !is(i + 2, {"last", "yesterday"})) {
    const size_t that = is(i + 2, {"that", "this"}) ? 1 : 0;
    return made(*unit, 2 + that);
  }
  if (is(i, {"last", "previous", "prior", "preceding", "past"})) {
    if (const auto unit = TimeWords::unit_length(word(i + 1))) return made(*unit, 2);
    if (const auto length = words_.length_at(i + 1)) return made(length->length, 1 + length->count);
  }
  if (word(i) == "yesterday") return made(DurationMs::days(1), 1);
  if (const auto length = words_.length_at(i)) {
    if (is(i + length->count, {"ago", "earlier", "before", "prior", "back"})) {
      return made(length->length, length->count + 1);
    }
    if (bare_length) return made(length->length, length->count);
  }
  const auto span = words_.span_at(i, Side::Past);
  if (!span || span->start >= now_ || is(i, {"today", "this"})) return std::nullopt;
  const DurationMs apart = words_.today() - words_.calendar().start_of(Period::Day, span->start);
  // A whole day is compared at the same time of day.
  if (!span->is_moment() && apart.ms > 0) return made(apart, span->count);
  return made(now_ - span->start, span->count);
}

std::optional<TimePhrase> PhraseFinder::shift_at(size_t at) const {
  // "week over week", "day on day".
  if (const auto unit = TimeWords::unit_length(word(at));
      unit && is(at + 1, {"over", "on"}) && word(at + 2) == word(at)) {
    return shift(at, 3, *unit);
  }
  if (const size_t compared = comparison_at(at); compared > 0) {
    // "longer than 5 minutes" compares with a duration, not with a time.
    const bool bare = word(at) != "than" && word(at) != "from" && word(at) != "and" &&
                      word(at) != "with" && word(at) != "to";
    // "more than an hour ago" is a moment.
    const bool more =
        word(at) == "than" &&
        is_any_of(before(at), {"more", "less", "older", "longer", "later", "earlier", "sooner"});
    const auto ago = words_.length_at(at + 1);
    if (more && ago && is(at + 1 + ago->count, {"ago", "back"})) return std::nullopt;
    if (const auto by = shifted_by(at + compared, bare)) {
      return shift(at, compared + by->count, by->length);
    }
    return std::nullopt;
  }
  size_t i = at;
  if (is(i, {"at", "as", "from", "on"})) ++i;
  if (word(i) == "the") ++i;
  const bool same = (word(i) == "same" && is(i + 1, {"time", "hour", "moment", "day"})) ||
                    (word(i) == "this" && word(i + 1) == "time");
  if (same) {
    if (const auto by = shifted_by(i, false)) return shift(at, i - at + by->count, by->length);
  }
  // "yesterday at this time", "a day earlier".
  if (word(at) == "yesterday" && word(at + 1) == "at" && is(at + 2, {"this", "the", "same"})) {
    if (const auto by = shifted_by(at, false); by && by->count > 1) {
      return shift(at, by->count, by->length);
    }
  }
  if (const auto length = words_.length_at(at)) {
    const size_t end = at + length->count;
    const bool last = end + 1 >= tokens_.size();
    if (is(end, {"earlier", "prior"}) || (word(end) == "before" && last)) {
      return shift(at, length->count + 1, length->length);
    }
  }
  return std::nullopt;
}

/// "now", a span, or "the deploy at 14:00".
std::optional<Span> PhraseFinder::end_of_pair(size_t at) const {
  if (word(at) == "now") return Span{now_, now_, 1, false};
  size_t i = at;
  if (is(i, {"on", "at"})) ++i;
  auto span = words_.span_at(i, side_);
  if (!span) return std::nullopt;
  span->count += i - at;
  return span;
}

/// A day or a part of it behind a pair of times: "this morning", "on monday"; what it is and how
/// many words.
std::optional<Span> PhraseFinder::day_behind(size_t at) const {
  const size_t on = is(at, {"on", "in"}) ? 1 : 0;
  auto day = words_.span_at(at + on, side_);
  if (!day || day->is_moment() || day->end - day->start > DurationMs::days(1)) return std::nullopt;
  day->count += on;
  return day;
}

/// "2 and 4 pm", "9 to 5", with `first` at the "2"; what it is and where it ends.
std::optional<PhraseFinder::ClockPair> PhraseFinder::clock_pair_at(size_t first, bool led,
                                                                   bool day_named) const {
  const DurationMs noon = DurationMs::hours(12);
  const auto hours = [](double n) { return DurationMs::hours(static_cast<int64_t>(n)); };
  auto from = words_.clock_at(first);
  const auto bare = plain_number(word(first));
  const bool bare_from = !from && led && bare && *bare >= 0 && *bare <= 24;
  if (!from && !bare_from) return std::nullopt;
  const size_t joint = first + (from ? from->count : 1);
  if (!is(joint, {"and", "to", "-", "until", "till", "through"})) return std::nullopt;
  if (!led && word(joint) == "and") return std::nullopt;
  auto to = words_.clock_at(joint + 1);
  const auto bare_end = plain_number(word(joint + 1));
  if (!to && from && from->half_named && led && bare_end && *bare_end >= 1 && *bare_end <= 12) {
    // "from 9 am to 5"
    auto hour = hours(*bare_end);
    if (hour <= from->since_midnight) hour = hour + noon;
    to = TimeWords::Clock{hour, 1, false, true};
  }
  const bool named = day_named || day_behind(joint + 2);
  if (!to && led && bare_end && mean_hours(tokens_, first, joint + 1, named)) {
    auto hour = hours(*bare_end);
    if (bare_from && hour <= hours(*bare) && hour <= noon) hour = hour + noon;  // "from 9 to 5"
    to = TimeWords::Clock{hour, 1, false, false};
  }
  if (!to) return std::nullopt;
  if (bare_from) {
    auto hour = hours(*bare);
    // "between 2 and 4 pm" means 2 pm, "between 11 and 1 pm" 11 am.
    if (to->half_named && to->since_midnight >= noon && hour < noon &&
        hour + noon < to->since_midnight) {
      hour = hour + noon;
    }
    from = TimeWords::Clock{hour, 1, false, true};
  }
  return ClockPair{*from, *to, joint + 1 + to->count, bare_from && !to->half_named};
}

/// "between 2 and 4 pm [yesterday]", with `first` at the "2"; `named_day` when it was said before.
std::optional<TimePhrase> PhraseFinder::pair_of_clocks(size_t at, size_t first,
                                                       std::optional<TimeMs> named_day) const {
  auto pair = clock_pair_at(first, first > at, named_day.has_value());
  if (!pair) return std::nullopt;
  auto& [from, to, end, half_open] = *pair;
  const auto day = day_behind(end);
  if (day && (!named_day || day->end - day->start < DurationMs::days(1))) {
    const TimeMs day_start = words_.calendar().start_of(Period::Day, day->start);
    const DurationMs noon = DurationMs::hours(12);
    // "between 8 and 9 this evening"
    const bool late = half_open && day->start - day_start >= noon;
    if (late && from.since_midnight < noon && to.since_midnight <= noon) {
      from.since_midnight = from.since_midnight + noon;
      to.since_midnight = to.since_midnight + noon;
    }
    if (!named_day) named_day = day_start;
    end += day->count;
  }
  const TimeMs midnight = named_day.value_or(words_.today());
  TimeMs start = words_.on_day(midnight, from);
  TimeMs stop = words_.on_day(midnight, to);
  if (stop <= start) stop = stop + DurationMs::days(1);
  if (!named_day && side_ == Side::Past && start > now_) {
    start = start + DurationMs::days(-1);
    stop = stop + DurationMs::days(-1);
  }
  if (!named_day && side_ == Side::Future && stop <= now_) {
    start = start + DurationMs::days(1);
    stop = stop + DurationMs::days(1);
  }
  return from_span(at, end - at, {start, stop, 0, false});
}

std::optional<TimePhrase> PhraseFinder::pair_at(size_t at) const {
  // "yesterday between 2 and 4 pm": the day first.
  size_t lead = at;
  if (is(lead, {"on"})) ++lead;
  if (const auto day = words_.span_at(lead, side_); day &&
                                                    day->end - day->start == DurationMs::days(1) &&
                                                    is(lead + day->count, {"between", "from"})) {
    const size_t inner = lead + day->count;
    if (auto pair = pair_of_clocks(inner, inner + 1, day->start)) {
      pair->first = at;
      pair->count += inner - at;
      return pair;
    }
  }
  const bool led = is(at, {"between", "from"});
  // "the difference between today and yesterday" compares.
  if (is_any_of(before(at), {"difference", "differences", "comparison", "delta"})) {
    return std::nullopt;
  }
  const size_t first = at + (led ? 1 : 0);
  if (auto clocks = pair_of_clocks(at, first, std::nullopt)) return clocks;
  // "january 5 to january 7", but not "compare yesterday to today".
  if (!led) {
    const auto day = words_.span_at(first, Side::Past);
    const bool compares = before(at).starts_with("compar") || before(at, 2).starts_with("compar");
    if (!day || day->end - day->start != DurationMs::days(1) || compares) return std::nullopt;
  }
  // "between 4 and 2 hours ago": the first number shares what follows the second.
  const auto number = plain_number(word(first));
  if (number && *number >= 0 && is(first + 1, {"and", "to", "-"})) {
    const auto to = words_.length_at(first + 2);
    const auto n = plain_number(word(first + 2));
    const size_t end = first + 2 + (to ? to->count : 0);
    if (to && n && *n > 0 && *number <= 10'000 && word(end) == "ago") {
      const auto ms = static_cast<int64_t>(*number / *n * static_cast<double>(to->length.ms));
      TimeMs start = now_ + DurationMs{-ms};
      TimeMs stop = now_ + to->length * -1;
      if (start > stop) std::swap(start, stop);
      if (start < stop) return from_span(at, end + 1 - at, {start, stop, 0, false});
    }
  }
  const auto from = end_of_pair(first);
  if (!from) return std::nullopt;
  const size_t joint = first + from->count;
  const bool joined = word(at) == "between" ? is(joint, {"and", "to", "-"})
                                            : is(joint, {"to", "until", "till", "through", "-"});
  auto to = joined ? end_of_pair(joint + 1) : std::nullopt;
  if (!to) return std::nullopt;
  TimeMs start = from->start;
  TimeMs end = to->is_moment() ? to->start : std::min(to->end, std::max(now_, to->start));
  if (start > end) {
    start = to->start;
    end = from->is_moment() ? from->start : from->end;
  }
  if (start >= end) return std::nullopt;
  const size_t count = joint + 1 + to->count - at;
  return from_span(at, count, {start, end, 0, from->approximate || to->approximate});
}

/// "the deploy at 14:00": a few words that name something, and when it was.
std::optional<Span> PhraseFinder::event_at(size_t at) const {
  for (size_t i = at; i < at + 5 && i < tokens_.size(); ++i) {
    if (i > at && is(i, {"at", "on", "around", "from"})) {
      size_t next = is(i, {"around", "from"}) && word(i) == "around" ? i : i + 1;
      auto span = words_.span_at(next, Side::Past);
      if (!span) return std::nullopt;
      span->count += next - at;
      return span;
    }
    if (is(i, {"and", "than", "over", "in", "for", "was", "is"})) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<TimePhrase> PhraseFinder::since_at(size_t at) const {
  size_t i = at;
  const bool after = word(i) == "after";
  if (is(i, {"ever"}) && word(i + 1) == "since") ++i;
  if (is(i, {"starting", "beginning"}) && is(i + 1, {"from", "at", "on"})) {
    i += 2;
  } else if (is(i, {"since", "after"})) {
    ++i;
    if (is(i, {"at", "on"})) ++i;
  } else if (word(i) == "from") {
    // "from 14:00 on"; "from yesterday" names the day.
    const auto span = words_.span_at(i + 1, Side::Past);
    const size_t end = i + 1 + (span ? span->count : 0);
    const bool open = is(end, {"on", "onwards", "onward", "forward"}) ||
                      (span && span->is_moment() && word(end - 1) != "ago");
    if (!span || !open || span->start >= now_ || side_ == Side::Future) return std::nullopt;
    const size_t more = is(end, {"on", "onwards", "onward", "forward"}) ? 1 : 0;
    return window(at, end + more - at, span->start, span->approximate);
  } else {
    return std::nullopt;
  }
  size_t the = word(i) == "the" ? 1 : 0;
  if (is(i + the, {"last", "past"})) {
    if (const auto unit = TimeWords::unit_length(word(i + the + 1));
        unit && (the == 1 || *unit < DurationMs::days(1))) {
      return window(at, i + the + 2 - at, now_ + *unit * -1, false);
    }
    if (const auto length = words_.length_at(i + the + 1)) {
      return back(at, i + the + 1 + length->count - at, *length);
    }
  }
  auto span = words_.span_at(i, Side::Past);
  if (!span && the == 1) span = event_at(i);
  if (span && span->start < now_) {
    const TimeMs start = after && !span->is_moment() && span->end < now_ ? span->end : span->start;
    return window(at, i + span->count - at, start, span->approximate);
  }
  if (after) return std::nullopt;
  if (const auto length = words_.length_at(i)) return back(at, i + length->count - at, *length);
  return std::nullopt;
}

/// "the hour before the outage at 14:00", "30 minutes after 2 pm".
std::optional<TimePhrase> PhraseFinder::beside_at(size_t at) const {
  size_t i = at;
  if (is(i, {"in", "during", "over", "for"})) ++i;
  if (word(i) == "the") ++i;
  auto length = words_.length_at(i);
  if (const auto unit = TimeWords::unit_length(word(i)); unit && i > at) length = {*unit, 1, false};
  if (!length) return std::nullopt;
  const size_t side = i + length->count;
  if (!is(side, {"before", "after"})) return std::nullopt;
  auto span = words_.span_at(side + 1, Side::Past);
  if (!span && word(side + 1) == "the") span = event_at(side + 1);
  if (!span || !span->is_moment() || span->start >= now_) return std::nullopt;
  const bool earlier = word(side) == "before";
  const TimeMs start = earlier ? span->start + length->length * -1 : span->start;
  const TimeMs end = earlier ? span->start : span->start + length->length;
  return from_span(at, side + 1 + span->count - at, {start, end, 0, length->approximate});
}

/// "before 14:00", "before the deploy at 14:00": the hour that ended then.
std::optional<TimePhrase> PhraseFinder::before_at(size_t at) const {
  if (word(at) != "before" || side_ == Side::Future) return std::nullopt;
  auto span = words_.span_at(at + 1, Side::Past);
  if (!span && word(at + 1) == "the") span = event_at(at + 1);
  if (!span || !span->is_moment() || span->start > now_) return std::nullopt;
  const DurationMs hour = DurationMs::hours(1);
  return TimePhrase{at,  1 + span->count, Kind::Range, span->start + hour * -1, span->start, hour,
                    true};
}

/// "until tomorrow 8am", "by Friday", "by the end of the week".
std::optional<TimePhrase> PhraseFinder::until_at(size_t at) const {
  const bool until = is(at, {"until", "till", "til", "before"});
  if (!until && word(at) != "by") return std::nullopt;
  if (word(at) == "before" && side_ == Side::Past) return std::nullopt;
  size_t i = at + 1;
  const auto ending = [&](size_t count, TimeMs end) -> std::optional<TimePhrase> {
    if (end <= now_) return std::nullopt;
    return TimePhrase{at, i + count - at, Kind::Ahead, now_, end, end - now_, false};
  };
  const auto end_of = [&](Period period) { return words_.calendar().start_after(period, now_, 1); };
  if (word(i) == "eod") return ending(1, end_of(Period::Day));
  if (word(i) == "eow") return ending(1, end_of(Period::Week));
  if (word(i) == "the") ++i;
  if (word(i) == "end" && word(i + 1) == "of") {
    size_t name = i + 2;
    while (is(name, {"the", "this", "business", "working"})) ++name;
    if (const auto period = TimeWords::period_named(word(name))) {
      return ending(name + 1 - i, end_of(*period));
    }
    const auto day = words_.span_at(name, Side::Future);
    if (!day) return std::nullopt;
    return ending(name + day->count - i, day->end);
  }
  if (is(i, {"weekend", "morning", "evening", "afternoon", "night"})) {
    const int64_t hour = word(i) == "morning" ? 6 : word(i) == "afternoon" ? 12 : 18;
    TimeMs end = words_.today() + DurationMs::hours(hour);
    if (end <= now_) end = end + DurationMs::days(1);
    if (word(i) == "weekend") end = end_of(Period::Week) + DurationMs::days(-2);
    return ending(1, end);
  }
  if (is(i, {"on", "at"})) ++i;
  const auto span = words_.span_at(i, Side::Future);
  if (!span) return std::nullopt;
  return ending(span->count, until ? span->start : span->end);
}

/// "within 24 hours", "in a week", "next 4 hours", "2 hours from now".
std::optional<TimePhrase> PhraseFinder::ahead_at(size_t at) const {
  size_t i = at;
  const bool within = is(i, {"within", "inside"});
  const bool for_ = word(i) == "for";
  const bool led = within || for_ || is(i, {"in", "over", "during", "on", "through"});
  if (led) ++i;
  const bool the = word(i) == "the";
  if (the) ++i;
  if (is(i, {"next", "coming", "following", "upcoming"})) {
    const auto unit = TimeWords::unit_length(word(i + 1));
    const bool rolling = unit && (the || within || *unit <= DurationMs::days(1));
    auto length = words_.length_at(i + 1);
    if (rolling) length = Length{*unit, 1, false};
    if (length && (!unit || rolling)) {
      const Kind kind = for_ ? Kind::For : Kind::Ahead;
      return onwards(at, i + 1 + length->count - at, kind, *length);
    }
  }
  if (!led) {
    const auto length = words_.length_at(i);
    const size_t end = i + (length ? length->count : 0);
    if (length && word(end) == "from" && word(end + 1) == "now") {
      return onwards(at, end + 2 - at, Kind::Ahead, *length);
    }
    return std::nullopt;
  }
  if (the || for_ || !(within || word(at) == "in")) return std::nullopt;
  while (is(i, {"less", "under", "than", "at", "most", "just", "only", "another", "exactly"}) &&
         i < at + 4) {
    ++i;
  }
  const auto length = words_.length_at(i);
  const bool takes = length && length->length < DurationMs::seconds(1);  // "served in under 100 ms"
  if (!length || takes || is(i + length->count, {"ago", "back"})) return std::nullopt;
  size_t end = i + length->count;
  if (word(end) == "from" && word(end + 1) == "now") end += 2;
  if (word(end) == "time") ++end;
  return onwards(at, end - at, Kind::Ahead, *length);
}

/// "over the last hour", "past 24 hours", "in the last 30 minutes".
std::optional<TimePhrase> PhraseFinder::window_at(size_t at) const {
  if (is(at, {"recently", "lately"})) return back(at, 1, {kRecently, 1, true});
  size_t i = at;
  while (i < at + 2 && is(i, {"in", "over", "during", "for", "within", "of", "across", "from",
                              "throughout", "on", "inside", "through", "about"})) {
    ++i;
  }
  const bool prefixed = i > at;
  const bool the = is(i, {"the", "these", "this"});
  if (the) ++i;
  // "the hour before": the one that ended an hour ago.
  if (const auto unit = TimeWords::unit_length(word(i));
      unit && the && word(i + 1) == "before" && !is(i + 2, {"last", "yesterday"})) {
    const TimeMs end = now_ + *unit * -1;
    if (*unit >= DurationMs::days(1)) {
      if (const auto period = TimeWords::period_named(word(i))) {
        const TimeMs start = words_.calendar().start_after(*period, now_, -1);
        return from_span(at, i + 2 - at,
                         {start, words_.calendar().start_of(*period, now_), 0, false});
      }
    }
    return from_span(at, i + 2 - at, {end + *unit * -1, end, 0, false});
  }
  if (is(i, {"last", "past", "previous", "preceding", "trailing", "latest", "prior", "recent"})) {
    const bool previous = is(i, {"previous", "preceding", "prior"});
    const auto unit = TimeWords::unit_length(word(i + 1));
    const bool quarter_hour = word(i + 1) == "quarter" && is(i + 2, {"of", "hour"});
    if (unit && !quarter_hour) {
      const bool calendar = previous || (word(i) == "last" && !the && *unit > DurationMs::days(1));
      if (calendar) return std::nullopt;
      size_t end = i + 2;
      const bool so = word(end) == "or" && word(end + 1) == "so";
      return window(at, end + (so ? 2 : 0) - at, now_ + *unit * -1, so);
    }
    if (const auto length = words_.length_at(i + 1)) {
      return back(at, i + 1 + length->count - at, *length);
    }
    return std::nullopt;
  }
  return prefixed ? over_at(at) : std::nullopt;
}

/// "over 24 hours", "over the day", "during the week"; "latency over 5 minutes" is none.
std::optional<TimePhrase> PhraseFinder::over_at(size_t at) const {
  if (!is(at, {"over", "during", "throughout", "across"})) return std::nullopt;
  for (size_t back = 1; back <= 3; ++back) {
    if (word(at) == "over" &&
        is_any_of(before(at, back),
                  {"uptime", "age", "old", "lag", "latency", "duration", "took", "takes", "take",
                   "taking", "delay", "running", "runtime", "behind", "for", "delayed"})) {
      return std::nullopt;
    }
  }
  if (is(at + 1, {"the", "a", "this"})) {
    if (const auto unit = TimeWords::unit_length(word(at + 2));
        unit && word(at + 1) == "the" && !is(at + 3, {"limit"})) {
      return window(at, 3, now_ + *unit * -1, false);
    }
  }
  const auto length = words_.length_at(at + 1);
  if (!length || is(at + 1 + length->count, {"ago", "old", "back"})) return std::nullopt;
  // Seconds are what things take, not what one looks at.
  if (length->length < DurationMs::minutes(1)) return std::nullopt;
  return back(at, 1 + length->count, *length);
}

/// "for 10 minutes", "for more than 2 minutes", "say 90 minutes", "down longer than 5 minutes".
std::optional<TimePhrase> PhraseFinder::for_at(size_t at) const {
  size_t i = at + 1;
  const bool lasting = is(at, {"for", "say", "lasting", "lasts", "lasted"});
  const bool longer = is(at, {"longer", "more"}) && word(at + 1) == "than" &&
                      is_any_of(before(at), {"down", "firing", "pending", "unreachable", "up",
                                             "broken", "unavailable", "offline", "stale"});
  if (!lasting && !longer) {
    const auto length = words_.length_at(at);
    const size_t end = at + (length ? length->count : 0);
    if (length && is(end, {"silence", "mute", "snooze", "maintenance", "downtime"})) {
      return onwards(at, length->count, Kind::For, *length);
    }
    return std::nullopt;
  }
  while (i < at + 6 &&
         is(i, {"more", "less", "longer", "than", "over", "at", "least", "most", "up", "to", "the",
                "another", "only", "just", "exactly", "under", "say", "maybe", "next"})) {
    ++i;
  }
  const auto length = words_.length_at(i);
  if (!length || is(i + length->count, {"ago", "back"})) return std::nullopt;
  return onwards(at, i + length->count - at, Kind::For, *length);
}

/// "month to date", "ytd", "all day", "the whole week", "so far today".
std::optional<TimePhrase> PhraseFinder::to_date_at(size_t at) const {
  const auto since_start = [&](Period period, size_t count) {
    return window(at, count, words_.calendar().start_of(period, now_), false);
  };
  if (word(at) == "mtd") return since_start(Period::Month, 1);
  if (word(at) == "ytd") return since_start(Period::Year, 1);
  if (word(at) == "wtd") return since_start(Period::Week, 1);
  const auto period = TimeWords::period_named(word(at));
  if (period && word(at + 1) == "to" && word(at + 2) == "date") return since_start(*period, 3);
  size_t i = at;
  if (is(i, {"for", "over", "during"})) ++i;
  if (is(i, {"the", "this"})) ++i;
  if (is(i, {"all", "whole", "entire", "full"})) {
    const auto whole = TimeWords::period_named(word(i + 1));
    if (whole && *whole >= Period::Day) return since_start(*whole, i + 2 - at);
  }
  if (word(at) == "so" && word(at + 1) == "far") {
    const auto span = words_.span_at(at + 2, Side::Past);
    if (span && span->start < now_ && span->end > now_) {
      return window(at, 2 + span->count, span->start, false);
    }
  }
  return std::nullopt;
}

/// A moment, a day, a period, with the prepositions before it.
std::optional<TimePhrase> PhraseFinder::named_at(size_t at) const {
  size_t i = at;
  while (i < at + 3 && is(i, {"at", "on", "in", "over", "during", "for", "of", "from", "back",
                              "throughout", "through", "as", "exactly"})) {
    ++i;
  }
  size_t name = i;
  // The weekend is ahead, unless the question tells what was.
  const bool weekend = word(i) == "weekend" || word(i + 1) == "weekend";
  const Side side = weekend && !told_ ? Side::Future : side_;
  auto span = words_.span_at(name, side);
  if (!span && word(name) == "the") span = words_.span_at(++name, side);
  if (!span) return std::nullopt;
  size_t end = name + span->count;
  if (is(end, {"so"}) && word(end + 1) == "far") end += 2;
  // What is asked about tonight's or the weekend's future while it lasts is still ahead.
  if (weekend && side == Side::Future && span->end > now_ && span->start < now_) {
    return TimePhrase{at, end - at, Kind::Ahead, now_, span->end, span->end - now_, false};
  }
  if (word(name) == "overnight" && side_ == Side::Future) {
    const DurationMs day = DurationMs::days(1);
    return from_span(at, end - at, {span->start + day, span->end + day, 0, false});
  }
  return from_span(at, end - at, *span);
}

/// "and at 9?": the latest one not after now.
std::optional<TimePhrase> PhraseFinder::hour_at(size_t at) const {
  const auto hour = bare_hour_at(tokens_, at);
  if (!hour) return std::nullopt;
  TimeMs time = words_.today() + hour->since_midnight;
  if (hour->yesterday || time > now_) time = time + DurationMs::days(-1);
  return TimePhrase{at, hour->count, Kind::Point, time, time, {0}, false};
}

/// "24h", "30 day trend": a length without a preposition that can only be the window.
std::optional<TimePhrase> PhraseFinder::bare_length_at(size_t at) const {
  if (is_any_of(before(at), {"rate",    "irate", "increase", "load",   "load1", "load5", "average",
                             "avg",     "step",  "interval", "than",   "above", "below", "over",
                             "under",   "is",    "takes",    "took",   "least", "most",  "exceeds",
                             "to",      ">",     ">=",       "<",      "<=",    "=",     "==",
                             "between", "and",   "uptime",   "timeout"})) {
    return std::nullopt;
  }
  const auto length = words_.length_at(at);
  if (!length || length->length < kShortestBare) return std::nullopt;
  const size_t end = at + length->count;
  const bool glued = length->count == 1;
  const bool shown =
      is(end, {"trend", "trends", "graph",   "chart",  "history", "average",  "avg",
               "mean",  "max",    "maximum", "min",    "minimum", "peak",     "window",
               "view",  "period", "range",   "report", "summary", "overview", "total"});
  if (!shown && (!glued || is(end, {"ago", "old", "earlier", "before"}))) return std::nullopt;
  return back(at, length->count, *length);
}

}  // namespace

std::vector<TimePhrase> find_time_phrases(std::span<const Token> tokens, TimeMs now,
                                          DurationMs utc_offset) {
  return PhraseFinder(tokens, now, utc_offset).find();
}

}  // namespace prom5::llm
