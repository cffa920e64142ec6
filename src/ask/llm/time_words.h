#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "ask/llm/calendar.h"
#include "ask/llm/token.h"
#include "base/time.h"

namespace prom5::llm {

/// What the words of time phrases mean, without what their prepositions make of them. Each function
/// reads the words from token `at` on and says how many it took; nothing where none fits.
/// Pure; the tokens must outlive it.
class TimeWords {
 public:
  struct Length {
    DurationMs length{0};
    size_t count = 0;
    bool approximate = false;
  };
  /// A moment (start is end) or a period.
  struct Span {
    TimeMs start{0};
    TimeMs end{0};
    size_t count = 0;
    bool approximate = false;

    [[nodiscard]] bool is_moment() const { return start == end; }
  };
  /// A time of day.
  struct Clock {
    DurationMs since_midnight{0};
    size_t count = 0;
    bool utc = false;
    bool half_named = false;  ///< "2 pm": before or after noon was said
  };
  enum class Side : uint8_t { Past, Future };

  TimeWords(std::span<const Token> tokens, TimeMs now, DurationMs utc_offset)
      : tokens_(tokens), now_(now), calendar_(utc_offset), utc_(DurationMs{0}) {}

  /// "24h", "half an hour", "a day", "2 hours and 30 minutes", "about 3 weeks", "a few minutes".
  [[nodiscard]] std::optional<Length> length_at(size_t at) const;
  /// A unit alone: "hour", "weeks".
  static std::optional<DurationMs> unit_length(std::string_view word);
  static std::optional<Calendar::Period> period_named(std::string_view word);

  /// "14:00", "2:30 pm", "noon", "half past two", "5 oclock".
  [[nodiscard]] std::optional<Clock> clock_at(size_t at) const;
  /// A day, a part of one, a clock time, "3 hours ago", "last week", "january", "the weekend". Of
  /// what comes again and again the latest not after now (Past) or the next one (Future).
  [[nodiscard]] std::optional<Span> span_at(size_t at, Side side) const;
  /// The moment of a clock time on the day that begins at `midnight`.
  [[nodiscard]] TimeMs on_day(TimeMs midnight, const Clock& clock) const;
  [[nodiscard]] TimeMs today() const { return calendar_.start_of(Calendar::Period::Day, now_); }
  [[nodiscard]] const Calendar& calendar() const { return calendar_; }

 private:
  [[nodiscard]] std::string_view word(size_t at) const { return word_at(tokens_, at); }
  [[nodiscard]] std::optional<double> number(size_t at) const;
  [[nodiscard]] std::optional<Length> simple_length(size_t at) const;
  [[nodiscard]] std::optional<Span> day_at(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> weekday_at(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> date_at(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> iso_at(size_t at) const;
  [[nodiscard]] std::optional<Span> dotted_at(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> part_of_today(size_t at) const;
  [[nodiscard]] std::optional<Span> with_clock(Span day, size_t at) const;
  [[nodiscard]] Span within_part(Span part, size_t at) const;
  [[nodiscard]] std::optional<Span> clock_span(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> ago_at(size_t at) const;
  [[nodiscard]] std::optional<Span> period_at(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> month_at(size_t at, Side side) const;
  [[nodiscard]] std::optional<Span> weekend_at(size_t at, Side side) const;
  [[nodiscard]] Span day_span(TimeMs midnight, size_t count) const;
  [[nodiscard]] TimeMs year_of_date(int64_t month, int64_t day, Side side, bool& exists) const;

  std::span<const Token> tokens_;
  TimeMs now_;
  Calendar calendar_;
  Calendar utc_;
};

}  // namespace prom5::llm
