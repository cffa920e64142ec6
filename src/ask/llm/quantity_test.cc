#include "ask/llm/quantity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/rng.h"
#include "io/codec/number.h"

namespace prom5::llm {
namespace {

std::string number(double value) { return codec::format_compact(value); }

std::string said(const Quantity& q) {
  const std::string_view symbol = unit_info(q.unit).symbol;
  return number(q.value) + (symbol.empty() ? "" : " " + std::string(symbol));
}

template <typename T, typename Say>
std::string listed(const std::vector<T>& found, Say say) {
  std::string out;
  for (const T& one : found) out += (out.empty() ? "" : "; ") + say(one);
  return out;
}

TEST(Quantity, Table) {
  for (size_t i = 0; i < units().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(units()[i].unit), i);
    EXPECT_GT(units()[i].factor, 0);
  }
  EXPECT_DOUBLE_EQ(to_base(250, Unit::Milliseconds), 0.25);
  EXPECT_DOUBLE_EQ(to_base(80, Unit::Percent), 0.8);
  EXPECT_DOUBLE_EQ(to_base(2, Unit::Gibibytes), 2147483648.0);
  EXPECT_DOUBLE_EQ(to_base(120, Unit::PerMinute), 2);
}

TEST(Quantity, Quantities) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(listed(find_quantities(tokenize(text)), said), want) << text;
  };
  is("950 MB", "950 MB");
  is("80%", "80 %");
  is("5 %", "5 %");
  is("90 percent", "90 %");
  is("250 ms", "250 ms");
  is("250ms", "250 ms");
  is("10k", "10000");
  is("ten k requests", "10000");
  is("2 GB and 3GiB", "2 GB; 3 GiB");
  is("70 degrees", "70 °C");
  is("70°C", "70 °C");
  is("seventy degrees celsius", "70 °C");
  is("2 weeks", "2 w");
  is("100 megabits per second", "100 Mbit/s");
  is("100 Mb/s", "100 Mbit/s");
  is("100 MB/s", "100 MB/s");
  is("100 mbps", "100 Mbit/s");
  is("1.5 million", "1.5e+06");
  is("1.5 million bytes", "1.5e+06 B");
  is("5M requests", "5e+06");
  is("5m", "5 min");
  is("10 per second", "10 /s");
  is("10 requests per second", "10 /s");
  is("10 errors a minute", "10 /min");
  is("500 req/s", "500 /s");
  is("500 rps", "500 /s");
  is("half a gigabyte", "0.5 GB");
  is("twenty gigs", "20 GB");
  is("1,000 bytes", "1000 B");
  is("0.5s", "0.5 s");
  is("1h30m", "5400 s");
  is("10k requests per second", "10000 /s");
  is("20 megabytes a second", "20 MB/s");
  is("ninety nine point nine percent", "99.9 %");
  is("db-01", "");
  is("web oh one", "");
  is("node_load1", "");
  is("http 500", "");
  is("5xx", "");
  is("status code 404", "");
  is("port 9100", "");
  is("p95", "");
  is("99th", "");
  is("at 2 pm", "");
  is("january 12", "");
  is("top 5", "");
  is("14:00", "");
  is("2026-01-15", "");
  is("10.0.0.1:9100", "");
  is("/v1/orders", "");
  is("requests a second", "");
}

TEST(Quantity, Thresholds) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(listed(find_thresholds(tokenize(text)),
                     [](const Threshold& t) {
                       return t.op + " " + said(t.quantity) + (t.is_default_scale ? " bare" : "");
                     }),
              want)
        << text;
  };
  is("cpu above 80%", "> 80 %");
  is("over 950 MB", "> 950 MB");
  is("more than 10", "> 10 bare");
  is("greater than ten k", "> 10000 bare");
  is("slower than 250 ms", "> 250 ms");
  is("hotter than 70 degrees", "> 70 °C");
  is("higher than 1.5", "> 1.5 bare");
  is("exceeds 90 percent", "> 90 %");
  is("goes over 2 GB", "> 2 GB");
  is("cpu>80%", "> 80 %");
  is("cpu >= 80", ">= 80 bare");
  is("≥ 80 %", ">= 80 %");
  is("at least 3", ">= 3 bare");
  is("at least one", ">= 1 bare");
  is("no less than 5 GB", ">= 5 GB");
  is("reaches 100 percent", ">= 100 %");
  is("hits 90%", ">= 90 %");
  is("greater than or equal to 5", ">= 5 bare");
  is("5 or more", ">= 5 bare");
  is("80% or higher", ">= 80 %");
  is("below 10%", "< 10 %");
  is("under 1 GB", "< 1 GB");
  is("less than 5", "< 5 bare");
  is("fewer than 3 replicas", "< 3 bare");
  is("drops below 20 percent", "< 20 %");
  is("falls under 100 MB", "< 100 MB");
  is("faster than 100ms", "< 100 ms");
  is("at most 5", "<= 5 bare");
  is("no more than 5", "<= 5 bare");
  is("up to 5", "<= 5 bare");
  is("5 or fewer", "<= 5 bare");
  is("less than or equal to 7", "<= 7 bare");
  is("equals 3", "== 3 bare");
  is("is exactly 3", "== 3 bare");
  is("is 0", "== 0 bare");
  is("is zero", "== 0 bare");
  is("is not zero", "!= 0 bare");
  is("isn't zero", "!= 0 bare");
  is("where up is one", "");
  is("up == 0", "== 0 bare");
  is("x != 5", "!= 5 bare");
  is("non-zero errors", "!= 0 bare");
  is("between 80 and 90 percent", ">= 80 %; <= 90 %");
  is("between 100 ms and 2 seconds", ">= 100 ms; <= 2 s");
  is("between 80-90%", ">= 80 %; <= 90 %");
  is("not above 80%", "<= 80 %");
  is("isn't over 80%", "<= 80 %");
  is("does not exceed 5 GB", "<= 5 GB");
  is("never goes below 3", ">= 3 bare");
  is("not at least 3", "< 3 bare");
  is("above 80 or below 20", "> 80 bare; < 20 bare");
  is("above the threshold of 80%", "> 80 %");
  is("over roughly 500 requests per second", "> 500 /s");
  is("longer than 5 minutes", "> 5 min");
  is("uptime over 24 hours", "> 24 h");
  is("latency above half a second", "> 0.5 s");
  is("over 24 hours", "");
  is("cpu above 80% for more than 5 minutes", "> 80 %");
  is("over the last hour", "");
  is("over the last 24 hours", "");
  is("more than 2 hours ago", "");
  is("in less than 24 hours", "");
  is("between 2 and 4 pm", "");
  is("between 14:00 and 15:00", "");
  is("between 4 and 2 hours ago", "");
  is("down for over 10 minutes", "");
  is("above db-01", "");
  is("over http 500", "");
  is("top of the list", "");
  is("at least once", "");
  is("5 replicas", "");
  is("more than usual", "");
  is("what is 5xx", "");
}

TEST(Quantity, UnitRequests) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(listed(find_unit_requests(tokenize(text)),
                     [](const UnitRequest& r) { return std::string(unit_info(r.unit).symbol); }),
              want)
        << text;
  };
  is("memory in gigabytes", "GB");
  is("latency in ms", "ms");
  is("traffic in megabits per second", "Mbit/s");
  is("traffic in MB/s", "MB/s");
  is("traffic in Mb/s", "Mbit/s");
  is("as a percentage", "%");
  is("in percent", "%");
  is("in %", "%");
  is("uptime in hours", "h");
  is("uptime in days", "d");
  is("in MiB", "MiB");
  is("in seconds", "s");
  is("requests per minute", "/min");
  is("requests per second", "/s");
  is("how many requests a second", "/s");
  is("errors/min", "/min");
  is("rps of api", "/s");
  is("how many gigabytes are free", "GB");
  is("how many days until it is full", "d");
  is("what percentage of errors", "%");
  is("how many megabytes per second", "MB/s");
  is("in degrees celsius", "°C");
  is("convert to GiB", "GiB");
  is("in a week", "");
  is("in an hour", "");
  is("in the last hour", "");
  is("in staging", "");
  is("in 5 minutes", "");
  is("10 requests per second", "");
  is("above 100 megabits per second", "");
  is("per instance", "");
  is("every minute", "");
  is("half an hour", "");
  is("a second opinion", "");
  is("it takes a second", "");
  is("how many minutes ago", "");
}

TEST(Quantity, Quantiles) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(
        listed(find_quantiles(tokenize(text)), [](const Quantile& q) { return number(q.value); }),
        want)
        << text;
  };
  is("p95", "0.95");
  is("p99.9 latency", "0.999");
  is("p999", "0.999");
  is("P50", "0.5");
  is("p 95", "0.95");
  is("p ninety nine", "0.99");
  is("p ninety nine point nine", "0.999");
  is("p ninety nine nine", "0.999");
  is("95th percentile", "0.95");
  is("95th-percentile latency", "0.95");
  is("99 percentile", "0.99");
  is("ninety ninth percentile", "0.99");
  is("the fiftieth percentile", "0.5");
  is("percentile 95", "0.95");
  is("0.95 quantile", "0.95");
  is("95% quantile", "0.95");
  is("99%ile", "0.99");
  is("median latency", "0.5");
  is("slowest 1%", "0.99");
  is("slowest 5 percent of requests", "0.95");
  is("fastest 10%", "0.1");
  is("p50 and p99", "0.5; 0.99");
  is("99th", "");
  is("p", "");
  is("p2000", "");
  is("php5", "");
  is("pod-95", "");
  is("95 percent", "");
  is("slowest 5 endpoints", "");
  is("95", "");
}

TEST(Quantity, TopCounts) {
  const auto is = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(
        listed(find_top_counts(tokenize(text)),
               [](const TopCount& t) { return std::to_string(t.n) + (t.least ? " least" : ""); }),
        want)
        << text;
  };
  is("top 5", "5");
  is("top three pods", "3");
  is("top-10 endpoints", "10");
  is("top5", "5");
  is("top one", "1");
  is("the 3 busiest hosts", "3");
  is("five worst", "5");
  is("bottom 3", "3 least");
  is("10 biggest", "10");
  is("highest 5", "5");
  is("first ten", "10");
  is("lowest 3", "3 least");
  is("5 least loaded hosts", "5 least");
  is("3 most loaded hosts", "3");
  is("top 5 least used disks", "5 least");
  is("the two slowest endpoints", "2");
  is("slowest 5 endpoints", "5");
  is("3 pods using the most memory", "3");
  is("which three pods used the most memory", "3");
  is("4 hosts with the least free space", "4 least");
  is("a dozen busiest pods", "12");
  is("top 0", "0");
  is("top of the list", "");
  is("top", "");
  is("top 5%", "");
  is("first 10 minutes", "");
  is("slowest 1%", "");
  is("topology 5", "");
  is("web-03 busiest", "");
  is("which is the busiest", "");
  is("the most memory", "");
  is("http 500 most often", "");
}

TEST(Quantity, CoversItsWords) {
  const auto tokens = tokenize("alert when cpu is not above the limit of 80 % on db-01");
  const auto thresholds = find_thresholds(tokens);
  ASSERT_EQ(thresholds.size(), 1U);
  EXPECT_EQ(tokens[thresholds[0].first].text, "not");
  EXPECT_EQ(tokens[thresholds[0].first + thresholds[0].count].text, "on");
  const auto between = find_thresholds(tokenize("cpu between 10 and 20 percent today"));
  ASSERT_EQ(between.size(), 2U);
  EXPECT_EQ(between[0].first, 1U);
  EXPECT_EQ(between[0].count, 5U);
  EXPECT_EQ(between[1].count, 5U);
}

template <typename T>
void expect_inside(const std::vector<T>& found, size_t size) {
  size_t end = 0;
  for (const T& one : found) {
    EXPECT_GT(one.count, 0U);
    EXPECT_GE(one.first, end);
    end = one.first + one.count;
    EXPECT_LE(end, size);
  }
}

/// Whatever the words are, what comes out lies within them.
TEST(Quantity, AnyWords) {
  constexpr std::string_view kWords[] = {"above",   "over",       "not",
                                         "than",    "more",       "less",
                                         "at",      "least",      "between",
                                         "and",     "5",          "80",
                                         "%",       "gb",         "ms",
                                         "k",       "million",    "per",
                                         "second",  "a",          "an",
                                         "in",      "as",         "how",
                                         "many",    "p",          "p95",
                                         "95th",    "percentile", "top",
                                         "most",    "worst",      "pods",
                                         "with",    "or",         "is",
                                         "0",       "half",       "minutes",
                                         "ago",     "10k",        "2.5gb",
                                         "/s",      "1h30m",      "-",
                                         "to",      "the",        "of",
                                         "slowest", "99",         "99999999999999",
                                         "",        "-5",         "req/s",
                                         "cent",    "points",     "degrees",
                                         "c",       "non",        "threshold"};
  Rng rng(11);
  for (int round = 0; round < 30'000; ++round) {
    std::vector<Token> tokens(rng.below(12));
    for (Token& token : tokens) {
      token.text = token.written = kWords[rng.below(std::size(kWords))];
    }
    expect_inside(find_quantities(tokens), tokens.size());
    expect_inside(find_unit_requests(tokens), tokens.size());
    expect_inside(find_quantiles(tokens), tokens.size());
    expect_inside(find_top_counts(tokens), tokens.size());
    for (const Threshold& threshold : find_thresholds(tokens)) {
      EXPECT_GT(threshold.count, 0U);
      EXPECT_LE(threshold.first + threshold.count, tokens.size());
      EXPECT_GE(threshold.quantity.first, threshold.first);
    }
  }
}

}  // namespace
}  // namespace prom5::llm
