#include "ask/llm/odd_time.h"

#include <gtest/gtest.h>

namespace prom5::llm {

namespace {

/// "KIND words | what may stand instead"; empty where all times can be.
std::string odd(std::string_view question) {
  const auto tokens = tokenize(question);
  const auto found = find_odd_time(tokens);
  if (!found) return "";
  static constexpr std::string_view kKinds[] = {"clock", "date", "length"};
  std::string out(kKinds[static_cast<size_t>(found->kind)]);
  for (size_t i = found->first; i < found->first + found->count; ++i) out += " " + tokens[i].text;
  out += " |";
  for (const std::string& other : found->instead) out += " " + other;
  return out;
}

}  // namespace

TEST(OddTime, ClocksHaveTwentyFourHours) {
  EXPECT_EQ(odd("cpu at 25:00"), "clock 25:00 | 23:00 00:00");
  EXPECT_EQ(odd("cpu at 14:75"), "clock 14:75 | 14:00 14:59");
  EXPECT_EQ(odd("cpu between 13:00 and 24:30"), "clock 24:30 | 23:30 00:30");
  EXPECT_EQ(odd("cpu at 15 am"), "clock 15 am | 15:00 03:00");
  EXPECT_EQ(odd("cpu at 26 oclock"), "clock 26 oclock | 23:00 00:00");
  for (const char* good : {"cpu at 23:59", "cpu at 24:00", "cpu at 9:05 pm", "cpu at 12 am",
                           "cpu at 13 pm", "web-01:9100", "cpu of 10.0.0.1:80", "code 404"}) {
    EXPECT_EQ(odd(good), "") << good;
  }
}

TEST(OddTime, MonthsEnd) {
  EXPECT_EQ(odd("cpu on february 30"), "date february 30 | february 29");
  EXPECT_EQ(odd("cpu on the 31st of june"), "date 31st of june | 30 of june");
  EXPECT_EQ(odd("cpu on 2026-02-29"), "date 2026-02-29 | 2026-02-28");
  EXPECT_EQ(odd("cpu on 2026-13-01"), "date 2026-13-01 |");
  for (const char* good :
       {"cpu on february 29", "cpu on 2024-02-29", "cpu on the 31st of may", "it may 40"}) {
    EXPECT_EQ(odd(good), "") << good;
  }
}

TEST(OddTime, SomeTimeHasToPass) {
  EXPECT_EQ(odd("cpu in the last 0 minutes"),
            "length last 0 minutes | last 5 minutes last 60 minutes");
  EXPECT_EQ(odd("cpu last 0h"), "length last 0h | last 5 minutes last 60 minutes");
  EXPECT_EQ(odd("cpu over 0 hours"),
            "length over 0 hours | over the last 5 minutes over the last 60 minutes");
  EXPECT_EQ(odd("0 minutes"), "length 0 minutes | 5 minutes 60 minutes");
  for (const char* good : {"0 errors", "0", "cpu last 5 minutes", "memory over 0 m",
                           "last 0 errors", "over 0", "alert after 0 minutes", "last 0.5 hours"}) {
    EXPECT_EQ(odd(good), "") << good;
  }
}

}  // namespace prom5::llm
