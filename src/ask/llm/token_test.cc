#include "ask/llm/token.h"

#include <gtest/gtest.h>

namespace prom5::llm {
namespace {

std::string joined(std::string_view text) {
  std::string out;
  for (const Token& token : tokenize(text)) out += (out.empty() ? "" : " ") + token.text;
  return out;
}

TEST(Token, Words) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(joined(text), want) << text;
  };
  is("", "");
  is("  ?!... ", "");
  is("CPU usage of web-01:9100?", "cpu usage of web-01:9100");
  is("What's up with db-01...", "what is up with db-01");
  is("whats the load", "what is the load");
  is("don't show redis's memory!", "do not show redis memory");
  is("it isn’t up, can't you see", "it is not up can not you see");
  is("why won't it start", "why will not it start");
  is("the servers' disks", "the servers disks");
  is("\"http_requests_total\"", "http_requests_total");
  is("rate(http_requests_total[5m])", "rate http_requests_total 5m");
  is("errors on /v1/orders and /data/", "errors on /v1/orders and /data");
  is("disk usage on /", "disk usage on /");
  is("is https://status.example.com/x?a=1, up?", "is https://status.example.com/x?a=1 up");
  is("5xx p95 p99.9 10k 1.5 99.9% 95th 24h 14:00 2026-01-15",
     "5xx p95 p99.9 10k 1.5 99.9 % 95th 24h 14:00 2026-01-15");
  is("at 2 p.m. or 3:30pm", "at 2 pm or 3:30pm");
  is("cpu>80%", "cpu > 80 %");
  is("x >= 5, y<=3, z != 0 and a==1", "x >= 5 y <= 3 z != 0 and a == 1");
  is("x ≥ 5 ≤ 70°C", "x >= 5 <= 70°c");
  is("job=api", "job = api");
  is("1,000 or 12,500,000 or 1,2", "1000 or 12500000 or 1 2");
  is("on 12.01. at 10:00", "on 12.01. at 10:00");
  is("10:00-11:30", "10:00 - 11:30");
  is("2–4pm", "2 - 4pm");
  is("80-90%", "80 - 90 %");
  is("memory - and cpu", "memory and cpu");
  is("at -5 degrees", "at -5 degrees");
  is("week-over-week month-to-date 24-hour 95th-percentile",
     "week over week month to date 24 hour 95th percentile");
  is("db-01 day-1 api-gateway node-exporter 2026-01",
     "db-01 day-1 api-gateway node-exporter 2026-01");
  is("per-minute rate", "per minute rate");
  is("~3h ago", "about 3h ago");
  is("99%ile", "99 percentile");
  is("Größe café 250µs", "grose cafe 250us");
  is("память", "память");
  is("a\xff\xfe"
     "b",
     "a b");
  is("5 o'clock", "5 oclock");
}

TEST(Token, SpokenNumbers) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(joined(text), want) << text;
  };
  is("ninety five", "95");
  is("twenty-four hours", "24 hours");
  is("two hundred", "200");
  is("two hundred and fifty milliseconds", "250 milliseconds");
  is("one thousand two hundred thirty four", "1234");
  is("two million five hundred thousand", "2500000");
  is("between two hundred and five hundred", "between 200 and 500");
  is("between one hundred and two hundred", "between 100 and 200");
  is("one and a half hours", "1.5 hours");
  is("2 and a half days", "2.5 days");
  is("half an hour", "half an hour");
  is("an hour and a half", "an hour and a half");
  is("a dozen pods", "12 pods");
  is("the last couple of hours", "the last 2 hours");
  is("a couple hours", "2 hours");
  is("a hundred and twenty", "120");
  is("ten k", "10k");
  is("10 k", "10 k");
  is("ninety nine point nine percent", "99.9 percent");
  is("web oh one", "web 01");
  is("web zero one", "web 01");
  is("node zero zero seven", "node 007");
  is("port nine one zero zero", "port 9100");
  is("five oh three errors", "503 errors");
  is("five xx errors", "5xx errors");
  is("five x x", "5xx");
  is("zero", "0");
  is("is zero", "is 0");
  is("which one", "which one");
  is("the kafka one", "the kafka one");
  is("that one please", "that one please");
  is("one hour", "1 hour");
  is("above one", "above 1");
  is("more than one pod", "more than 1 pod");
  is("top one", "top 1");
  is("twenty one", "21");
  is("ninety fifth percentile", "95th percentile");
  is("ninety-ninth", "99th");
  is("fiftieth percentile", "50th percentile");
  is("january twelfth", "january 12th");
  is("first of all", "first of all");
  is("the second disk", "the second disk");
  is("p ninety nine", "p 99");
  is("thirty second window", "30 second window");
  is("no one", "no one");
  is("oh no", "oh no");
  is("four four three", "443");
}

TEST(Token, KeepsWhatWasWritten) {
  const auto tokens = tokenize("What's the Ninety Fifth on DB-01?");
  ASSERT_EQ(tokens.size(), 6U);
  EXPECT_EQ(tokens[0].written, "What");
  EXPECT_EQ(tokens[1].written, "'s");
  EXPECT_EQ(tokens[3].written, "Ninety Fifth");
  EXPECT_EQ(tokens[5].written, "DB-01");
}

TEST(Token, HasALimit) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "word ";
  EXPECT_EQ(tokenize(text).size(), 1000U);
  EXPECT_LT(tokenize(std::string(1'000'000, 'a')).size(), 1000U);
}

}  // namespace
}  // namespace prom5::llm
