#include "base/metrics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

namespace prom5 {

TEST(Metrics, SameNameAndLabelsIsTheSameCounter) {
  MetricRegistry registry;
  Counter& a = registry.counter("requests_total", "Requests.", {{"code", "200"}});
  Counter& b = registry.counter("requests_total", "Requests.", {{"code", "200"}});
  Counter& c = registry.counter("requests_total", "Requests.", {{"code", "500"}});
  EXPECT_EQ(&a, &b);
  EXPECT_NE(&a, &c);
  a.add();
  b.add(4);
  EXPECT_EQ(a.value(), 5U);
  EXPECT_EQ(c.value(), 0U);
}

TEST(Metrics, GaugeGoesBothWays) {
  MetricRegistry registry;
  Gauge& g = registry.gauge("queue_length", "Length.");
  g.set(10);
  g.add(-12.5);
  EXPECT_DOUBLE_EQ(g.value(), -2.5);
}

TEST(Metrics, CollectSortsFamiliesAndKeepsPointsTogether) {
  MetricRegistry registry;
  registry.gauge("z", "Last.").set(3);
  registry.counter("m_total", "Middle.", {{"l", "1"}}).add(1);
  registry.gauge("a", "First.").set(1);
  registry.counter("m_total", "Middle.", {{"l", "2"}}).add(2);
  const auto families = registry.collect();
  ASSERT_EQ(families.size(), 3U);
  EXPECT_EQ(families[0].name, "a");
  EXPECT_EQ(families[0].help, "First.");
  EXPECT_EQ(families[0].type, MetricRegistry::Type::Gauge);
  EXPECT_EQ(families[1].name, "m_total");
  EXPECT_EQ(families[1].type, MetricRegistry::Type::Counter);
  ASSERT_EQ(families[1].points.size(), 2U);
  EXPECT_EQ(families[1].points[0].labels, (MetricLabels{{"l", "1"}}));
  EXPECT_DOUBLE_EQ(families[1].points[1].value, 2);
  EXPECT_EQ(families[2].name, "z");
}

TEST(Metrics, AHistogramCountsUpToItsBounds) {
  MetricRegistry registry;
  ClassicHistogram& h = registry.histogram("t_seconds", "Time.", {0.1, 0.5, 1}, {{"l", "x"}});
  EXPECT_EQ(&registry.histogram("t_seconds", "Time.", {9}, {{"l", "x"}}), &h);
  for (const double seconds : {0.05, 0.1, 0.2, 3.0}) h.observe(seconds);
  const auto family = registry.collect().at(0);
  EXPECT_EQ(family.type, MetricRegistry::Type::Histogram);
  std::string lines;
  for (const MetricRegistry::Point& p : family.points) {
    lines += fmt::format("{}", p.suffix);
    for (const auto& [name, value] : p.labels) lines += fmt::format(" {}={}", name, value);
    lines += fmt::format(" {:.2f}\n", p.value);
  }
  EXPECT_EQ(lines,
            "_bucket l=x le=0.1 2.00\n_bucket l=x le=0.5 3.00\n_bucket l=x le=1 3.00\n"
            "_bucket l=x le=+Inf 4.00\n_sum l=x 3.35\n_count l=x 4.00\n");
}

TEST(Metrics, CallbackIsReadAtCollection) {
  MetricRegistry registry;
  double value = 1;
  int calls = 0;
  registry.on_collect("live", "Live.", MetricRegistry::Type::Gauge, [&] {
    ++calls;
    return value;
  });
  EXPECT_EQ(calls, 0);
  EXPECT_DOUBLE_EQ(registry.collect().at(0).points.at(0).value, 1);
  value = 2;
  EXPECT_DOUBLE_EQ(registry.collect().at(0).points.at(0).value, 2);
}

TEST(Metrics, CallbackMayUseTheRegistry) {
  MetricRegistry registry;
  registry.on_collect("live", "Live.", MetricRegistry::Type::Gauge, [&] {
    registry.counter("reads_total", "Reads.").add();
    return 1.0;
  });
  EXPECT_EQ(registry.collect().size(), 1U);
  EXPECT_EQ(registry.counter("reads_total", "Reads.").value(), 1U);
}

TEST(Metrics, AddsOfThreadsAreNotLost) {
  MetricRegistry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        Counter& c = registry.counter("n_total", "N.");
        for (int i = 0; i < 1000; ++i) c.add();
      });
    }
  }
  EXPECT_EQ(registry.counter("n_total", "N.").value(), 4000U);
}

}  // namespace prom5
