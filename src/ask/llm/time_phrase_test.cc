#include "ask/llm/time_phrase.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"

namespace prom5::llm {
namespace {

using Kind = TimePhrase::Kind;

/// A Thursday, 15:30.
const TimeMs kNow = *parse_rfc3339("2026-01-15T15:30:00Z");

/// "01-15 14:00", the year only where it is another one.
std::string moment(TimeMs time, DurationMs offset) {
  const std::string text = format_rfc3339(time + offset);
  const std::string year = text.starts_with("2026-") ? "" : text.substr(0, 5);
  return year + text.substr(5, 5) + " " + text.substr(11, 5);
}

std::string described(const TimePhrase& phrase, DurationMs offset) {
  std::string out;
  switch (phrase.kind) {
    case Kind::Window: out = "window " + format_duration(phrase.length); break;
    case Kind::Range:
      out = "range " + moment(phrase.start, offset) + " to " + moment(phrase.end, offset);
      break;
    case Kind::Point: out = "point " + moment(phrase.start, offset); break;
    case Kind::Shift: out = "shift " + format_duration(phrase.length); break;
    case Kind::Ahead:
      out = "ahead " + format_duration(phrase.length);
      if (phrase.start != kNow) out += " from " + moment(phrase.start, offset);
      break;
    case Kind::For: out = "for " + format_duration(phrase.length); break;
  }
  return out + (phrase.approximate ? " about" : "");
}

std::string found(std::string_view text, DurationMs offset = {0}) {
  std::string out;
  for (const TimePhrase& phrase : find_time_phrases(tokenize(text), kNow, offset)) {
    out += (out.empty() ? "" : "; ") + described(phrase, offset);
  }
  return out;
}

void is(std::string_view text, std::string_view want) { EXPECT_EQ(found(text), want) << text; }
void none(std::string_view text) { EXPECT_EQ(found(text), "") << text; }

TEST(TimePhrase, BareHours) {
  is("between 10 and 11", "range 01-15 10:00 to 01-15 11:00");
  is("errors of the api between 10 and 11", "range 01-15 10:00 to 01-15 11:00");
  is("between 8 and 9 this morning", "range 01-15 08:00 to 01-15 09:00");
  is("between 7 and 9 yesterday evening", "range 01-14 19:00 to 01-14 21:00");
  is("yesterday between 8 and 9", "range 01-14 08:00 to 01-14 09:00");
  is("yesterday between 8 and 10 in the evening", "range 01-14 20:00 to 01-14 22:00");
  is("requests from 9 to 5", "window 6h30m");
  is("between 14:00 and 15", "range 01-15 14:00 to 01-15 15:00");
  is("and at 9?", "point 01-15 09:00");
  is("what about at 9 yesterday", "point 01-14 09:00");
  is("and yesterday at 9", "point 01-14 09:00");
  none("hosts with load between 1 and 3");
  none("between 10 and 20 requests");
  none("is cpu between 10 and 20");
  none("pods grew from 2 to 4");
  none("between 30 and 50");
  none("alert me at 9");
}

TEST(TimePhrase, Windows) {
  is("cpu over the last hour", "window 1h");
  is("in the past 30 minutes", "window 30m");
  is("for the last six hours", "window 6h");
  is("past 24 hours", "window 1d");
  is("errors in the last 5m", "window 5m");
  is("within the last two days", "window 2d");
  is("during the last hour and a half", "window 1h30m");
  is("over the past hour or so", "window 1h about");
  is("the last half hour", "window 30m");
  is("in the last half an hour", "window 30m");
  is("in the last quarter of an hour", "window 15m");
  is("last few hours", "window 3h about");
  is("last couple of hours", "window 2h");
  is("last 1h30m", "window 1h30m");
  is("last two hours and 15 minutes", "window 2h15m");
  is("last twenty-four hours", "window 1d");
  is("past 2.5 hours", "window 2h30m");
  is("over the last week", "window 1w");
  is("past week", "window 1w");
  is("over the last month", "window 30d");
  is("last day", "window 1d");
  is("last minute", "window 1m");
  is("last 3 wk", "window 3w");
  is("today", "window 15h30m");
  is("how many errors today?", "window 15h30m");
  is("so far today", "window 15h30m");
  is("all day", "window 15h30m");
  is("this hour", "window 30m");
  is("this week", "window 3d15h30m");
  is("this month", "window 14d15h30m");
  is("month to date", "window 14d15h30m");
  is("week-to-date", "window 3d15h30m");
  is("ytd", "window 14d15h30m");
  is("since 14:00", "window 1h30m");
  is("since 2pm", "window 1h30m");
  is("since 2 p.m.", "window 1h30m");
  is("since 16:00", "window 23h30m");
  is("since midnight", "window 15h30m");
  is("since noon", "window 3h30m");
  is("since yesterday", "window 1d15h30m");
  is("since yesterday at 18:00", "window 21h30m");
  is("since this morning", "window 9h30m");
  is("since monday", "window 3d15h30m");
  is("since last night", "window 19h30m");
  is("since 3 hours ago", "window 3h");
  is("since the deploy at 14:00", "window 1h30m");
  is("since the restart at half past two pm", "window 1h");
  is("after 2pm", "window 1h30m");
  is("from 14:00 on", "window 1h30m");
  is("since 2026-01-10", "window 5d15h30m");
  is("since january 12", "window 3d15h30m");
  is("this afternoon", "window 3h30m");
  is("average cpu over 24 hours", "window 1d");
  is("over the day", "window 1d");
  is("cpu graph 24h", "window 1d");
  is("show me the 30 day trend", "window 30d");
  is("did anything change recently", "window 1h about");
  is("between now and 2 hours ago", "window 2h");
  is("from 2 hours ago until now", "window 2h");
}

TEST(TimePhrase, Ranges) {
  is("yesterday", "range 01-14 00:00 to 01-15 00:00");
  is("yesterday's errors", "range 01-14 00:00 to 01-15 00:00");
  is("for yesterday", "range 01-14 00:00 to 01-15 00:00");
  is("yesterday afternoon", "range 01-14 12:00 to 01-14 18:00");
  is("yesterday evening", "range 01-14 18:00 to 01-14 22:00");
  is("the day before yesterday", "range 01-13 00:00 to 01-14 00:00");
  is("this morning", "range 01-15 06:00 to 01-15 12:00");
  is("last night", "range 01-14 20:00 to 01-15 06:00");
  is("what happened overnight", "range 01-14 20:00 to 01-15 06:00");
  is("between 2 and 4 pm yesterday", "range 01-14 14:00 to 01-14 16:00");
  is("yesterday between 2 and 4 pm", "range 01-14 14:00 to 01-14 16:00");
  is("between 1 and 3 pm", "range 01-15 13:00 to 01-15 15:00");
  is("between 11 and 1 pm", "range 01-15 11:00 to 01-15 13:00");
  is("from 10:00 to 11:30", "range 01-15 10:00 to 01-15 11:30");
  is("10:00-11:30", "range 01-15 10:00 to 01-15 11:30");
  is("from 10 am until 11 am", "range 01-15 10:00 to 01-15 11:00");
  is("between 22:00 and 23:00", "range 01-14 22:00 to 01-14 23:00");
  is("from 23:00 to 01:00", "range 01-14 23:00 to 01-15 01:00");
  is("between 4 hours ago and 2 hours ago", "range 01-15 11:30 to 01-15 13:30");
  is("between four and two hours ago", "range 01-15 11:30 to 01-15 13:30");
  is("from monday to wednesday", "range 01-12 00:00 to 01-15 00:00");
  is("on Monday", "range 01-12 00:00 to 01-13 00:00");
  is("last friday", "range 01-09 00:00 to 01-10 00:00");
  is("on sat", "range 01-10 00:00 to 01-11 00:00");
  is("monday night", "range 01-12 20:00 to 01-13 06:00");
  is("last week", "range 01-05 00:00 to 01-12 00:00");
  is("previous week", "range 01-05 00:00 to 01-12 00:00");
  is("last month", "range 2025-12-01 00:00 to 01-01 00:00");
  is("the week before last", "range 2025-12-29 00:00 to 01-05 00:00");
  is("in december", "range 2025-12-01 00:00 to 01-01 00:00");
  is("in november 2025", "range 2025-11-01 00:00 to 2025-12-01 00:00");
  is("past weekend", "range 01-10 00:00 to 01-12 00:00");
  is("what happened over the weekend", "range 01-10 00:00 to 01-12 00:00");
  is("on January 12", "range 01-12 00:00 to 01-13 00:00");
  is("on the 12th of january", "range 01-12 00:00 to 01-13 00:00");
  is("on january twelfth", "range 01-12 00:00 to 01-13 00:00");
  is("on the 12th", "range 01-12 00:00 to 01-13 00:00");
  is("on 12.01.", "range 01-12 00:00 to 01-13 00:00");
  is("on 2026-01-14", "range 01-14 00:00 to 01-15 00:00");
  is("on december 24", "range 2025-12-24 00:00 to 2025-12-25 00:00");
  is("around 3 hours ago", "range 01-15 12:15 to 01-15 12:45 about");
  is("~3h ago", "range 01-15 12:15 to 01-15 12:45 about");
  is("about an hour ago", "range 01-15 14:15 to 01-15 14:45 about");
  is("around 14:00", "range 01-15 13:45 to 01-15 14:15 about");
  is("at about 2 pm", "range 01-15 13:45 to 01-15 14:15 about");
  is("around 10 minutes ago", "range 01-15 15:05 to 01-15 15:30 about");
  is("the hour before", "range 01-15 13:30 to 01-15 14:30");
  is("before the deploy at 14:00", "range 01-15 13:00 to 01-15 14:00 about");
}

TEST(TimePhrase, RangesBesideAMoment) {
  is("cpu in the hour before the outage at 14:00", "range 01-15 13:00 to 01-15 14:00");
  is("errors 30 minutes after the deploy at 14:00", "range 01-15 14:00 to 01-15 14:30");
  is("the hour after 15:00", "window 30m");
  is("january 5 to january 7", "range 01-05 00:00 to 01-08 00:00");
  is("from jan 5th to jan 7th", "range 01-05 00:00 to 01-08 00:00");
  is("compare yesterday to today", "range 01-14 00:00 to 01-15 00:00; window 15h30m");
  is("last night around 3 am", "range 01-15 02:45 to 01-15 03:15 about");
}

TEST(TimePhrase, Points) {
  is("two days ago at 3pm", "point 01-13 15:00");
  is("yesterday evening at 9 pm", "point 01-14 21:00");
  is("at 14:00", "point 01-15 14:00");
  is("at 2pm", "point 01-15 14:00");
  is("at two thirty pm", "point 01-15 14:30");
  is("at 2:05 pm", "point 01-15 14:05");
  is("at noon", "point 01-15 12:00");
  is("at 16:00", "point 01-14 16:00");
  is("at 12 am", "point 01-15 00:00");
  is("3 hours ago", "point 01-15 12:30");
  is("two hours ago", "point 01-15 13:30");
  is("an hour ago", "point 01-15 14:30");
  is("half an hour ago", "point 01-15 15:00");
  is("an hour and a half ago", "point 01-15 14:00");
  is("a week ago", "point 01-08 15:30");
  is("24h ago", "point 01-14 15:30");
  is("what did the deploy at 14:00 do", "point 01-15 14:00");
  is("yesterday at 14:00", "point 01-14 14:00");
  is("at 14:00 yesterday", "point 01-14 14:00");
  is("on monday at 9 am", "point 01-12 09:00");
  is("at 2pm on january 12", "point 01-12 14:00");
  is("2026-01-14 10:00", "point 01-14 10:00");
  is("at 2026-01-14T10:00:00Z", "point 01-14 10:00");
  is("at quarter to 3 pm", "point 01-15 14:45");
  is("at 9 oclock", "point 01-15 09:00");
}

TEST(TimePhrase, Shifts) {
  is("is cpu higher than yesterday at this time", "shift 1d");
  is("vs last week", "shift 1w");
  is("versus yesterday", "shift 1d");
  is("same time yesterday", "shift 1d");
  is("at the same time yesterday", "shift 1d");
  is("this time last week", "shift 1w");
  is("compared to 24h ago", "shift 1d");
  is("compared with the same time yesterday", "shift 1d");
  is("compared to yesterday", "shift 1d");
  is("a day earlier", "shift 1d");
  is("against the hour before", "shift 1h");
  is("compare this hour against the hour before", "window 30m; shift 1h");
  is("compare today with yesterday", "window 15h30m; shift 1d");
  is("week over week", "shift 1w");
  is("difference between today and yesterday", "window 15h30m; shift 1d");
  is("day-over-day", "shift 1d");
  is("month over month", "shift 30d");
  is("more than an hour ago, is it worse than last month", "point 01-15 14:30; shift 30d");
  is("slower than it was 2 hours ago", "shift 2h");
  is("how does traffic differ from last week", "shift 1w");
  is("vs the previous hour", "shift 1h");
  is("relative to the day before", "shift 1d");
  is("compared to the last 24 hours", "shift 1d");
  is("than on monday", "shift 3d");
  is("than at 14:30", "shift 1h");
  is("yesterday at the same time", "shift 1d");
}

TEST(TimePhrase, Ahead) {
  is("will it fill within 24 hours", "ahead 1d");
  is("in a week", "ahead 1w");
  is("in 30 minutes", "ahead 30m");
  is("in the next 4 hours", "ahead 4h");
  is("next 4 hours", "ahead 4h");
  is("over the next week", "ahead 1w");
  is("within the next day", "ahead 1d");
  is("next hour", "ahead 1h");
  is("next week", "ahead 10d8h30m from 01-19 00:00");
  is("silence until tomorrow", "ahead 8h30m");
  is("till tomorrow 8am", "ahead 16h30m");
  is("until 18:00", "ahead 2h30m");
  is("until 9 am", "ahead 17h30m");
  is("by Friday", "ahead 1d8h30m");
  is("until friday", "ahead 8h30m");
  is("until monday", "ahead 3d8h30m");
  is("tomorrow", "ahead 1d8h30m from 01-16 00:00");
  is("tomorrow morning", "ahead 20h30m from 01-16 06:00");
  is("tomorrow at 9:00", "ahead 17h30m");
  is("by end of day", "ahead 8h30m");
  is("by the end of the week", "ahead 3d8h30m");
  is("by end of month", "ahead 16d8h30m");
  is("over the weekend", "ahead 3d8h30m from 01-17 00:00");
  is("will it last over the weekend", "ahead 3d8h30m from 01-17 00:00");
  is("in less than 24 hours", "ahead 1d");
  is("2 hours from now", "ahead 2h");
  is("silence it until tomorrow morning at eight am", "ahead 16h30m");
  is("silence db-01 at 22:00", "ahead 6h30m");
  is("tonight", "ahead 14h30m from 01-15 20:00");
  is("in about two days", "ahead 2d about");
}

TEST(TimePhrase, For) {
  is("for 10 minutes", "for 10m");
  is("alert if cpu is above 80% for more than 2 minutes", "for 2m");
  is("for two hours", "for 2h");
  is("for 30m", "for 30m");
  is("silence it for the next 4 hours", "for 4h");
  is("mute it, say 90 minutes", "for 1h30m");
  is("for at least 5 minutes", "for 5m");
  is("for longer than a minute", "for 1m");
  is("for an hour and a half", "for 1h30m");
  is("down longer than 5 minutes", "for 5m");
  is("for about an hour", "for 1h about");
  is("a 2 hour silence", "for 2h");
}

TEST(TimePhrase, NoTimes) {
  none("requests per minute");
  none("errors per second");
  none("how many requests a second");
  none("rate 5m");
  none("rate(http_requests_total[5m])");
  none("node_load1 and node_load5");
  none("latency above 250 ms");
  none("is uptime over 24 hours");
  none("slower than 2 seconds");
  none("running longer than 5 minutes");
  none("every 5 minutes");
  none("in 5 minute steps");
  none("db-01 and web-02:9100");
  none("http 500");
  none("p99 of 5xx");
  none("top 5");
  none("in hours");
  none("between 80 and 90 percent");
  none("the second disk");
  none("10k requests");
  none("may I ask for cpu");
  none("is the sun up");
  none("scrape interval 30s");
  none("which one is the last");
  none("first of all");
  none("usage by instance");
  none("on /data");
  none("more than 5M requests");
  none("latency over time");
  none("");
}

TEST(TimePhrase, CoversItsPrepositions) {
  const auto covers = [](std::string_view text, std::string_view want) {
    const auto tokens = tokenize(text);
    const auto phrases = find_time_phrases(tokens, kNow, {0});
    ASSERT_EQ(phrases.size(), 1U) << text;
    std::string got;
    for (size_t i = 0; i < phrases[0].count; ++i) {
      got += (i > 0 ? " " : "") + tokens[phrases[0].first + i].text;
    }
    EXPECT_EQ(got, want) << text;
  };
  covers("cpu over the last hour by instance", "over the last hour");
  covers("errors in the past 30 minutes please", "in the past 30 minutes");
  covers("errors since 14:00 on api", "since 14:00");
  covers("cpu between 4 hours ago and 2 hours ago on db-01", "between 4 hours ago and 2 hours ago");
  covers("cpu on monday at 9 am for web", "on monday at 9 am");
  covers("is it higher than yesterday at this time?", "than yesterday at this time");
  covers("silence db-01 for the next 4 hours please", "for the next 4 hours");
  covers("will disk fill up within 24 hours on db-01", "within 24 hours");
  covers("memory at the same time yesterday of api", "at the same time yesterday");
  covers("errors after the deploy at 14:00 of api", "after the deploy at 14:00");
  covers("errors yesterday between 2 and 4 pm on api", "yesterday between 2 and 4 pm");
}

TEST(TimePhrase, FollowsTheAskersClock) {
  const DurationMs east = DurationMs::hours(9);  // there it is Friday, 00:30
  EXPECT_EQ(found("today", east), "window 30m");
  EXPECT_EQ(found("yesterday", east), "range 01-15 00:00 to 01-16 00:00");
  EXPECT_EQ(found("at 14:00", east), "point 01-15 14:00");
  EXPECT_EQ(found("at 14:00 utc", east), "point 01-15 23:00");
  EXPECT_EQ(found("on friday", east), "window 30m");
  const DurationMs west = DurationMs::hours(-8);
  EXPECT_EQ(found("since midnight", west), "window 7h30m");
}

/// Whatever the words are, what comes out lies within them, in order, and is of sound times.
TEST(TimePhrase, AnyWords) {
  constexpr std::string_view kWords[] = {
      "last",       "past",    "the",     "hour",     "minutes",   "5",
      "24h",        "ago",     "since",   "until",    "14:00",     "2",
      "pm",         "and",     "between", "from",     "to",        "half",
      "an",         "a",       "week",    "over",     "than",      "monday",
      "january",    "12th",    "at",      "on",       "in",        "for",
      "next",       "this",    "time",    "same",     "before",    "of",
      "end",        "by",      "weekend", "-",        "yesterday", "tomorrow",
      "day",        "quarter", "past",    "night",    "will",      "99999999999999",
      "2026-01-14", "12.01.",  "31",      "february", "29",        "or",
      "so",         "now",     "about",   "vs",       "0",         "few"};
  Rng rng(7);
  for (int round = 0; round < 30'000; ++round) {
    std::vector<Token> tokens(rng.below(12));
    for (Token& token : tokens) {
      token.text = token.written = kWords[rng.below(std::size(kWords))];
    }
    size_t end = 0;
    for (const TimePhrase& phrase : find_time_phrases(tokens, kNow, DurationMs::minutes(330))) {
      EXPECT_GE(phrase.first, end);
      EXPECT_GT(phrase.count, 0U);
      end = phrase.first + phrase.count;
      EXPECT_LE(end, tokens.size());
      EXPECT_LE(phrase.start, phrase.end);
      EXPECT_GE(phrase.length.ms, 0);
      if (phrase.kind == Kind::Window) {
        EXPECT_EQ(phrase.end, kNow);
      }
      if (phrase.kind == Kind::Range) {
        EXPECT_LE(phrase.end, kNow);
      }
      if (phrase.kind == Kind::Ahead) {
        EXPECT_GE(phrase.end, kNow);
      }
    }
  }
}

}  // namespace
}  // namespace prom5::llm
