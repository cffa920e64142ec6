#include "query/promql/histogram_falls.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "model/histogram_arithmetic.h"

namespace prom5::promql {

namespace {

HistogramPtr random_histogram(Rng& rng, double count) {
  auto h = std::make_shared<Histogram>();
  h->count = count;
  h->sum = count;
  if (rng.below(12) == 0) {
    h->schema = Histogram::kCustomSchema;
    h->custom_bounds = {1, 2};
  } else {
    h->schema = static_cast<int32_t>(rng.below(3));
  }
  h->positive_spans = {{0, 1}};
  h->positive_counts = {count};
  constexpr std::array kHints = {CounterResetHint::Unknown,  CounterResetHint::Unknown,
                                 CounterResetHint::Unknown,  CounterResetHint::Reset,
                                 CounterResetHint::NotReset, CounterResetHint::Gauge};
  h->reset_hint = kHints[rng.below(kHints.size())];
  return h;
}

/// Columns of a counter that grows and now and then begins anew.
struct Samples {
  explicit Samples(Rng& rng) {
    double count = 0;
    TimeMs start{0};
    for (int64_t i = 1; i <= 60; ++i) {
      count = rng.below(6) == 0 ? 1 : count + static_cast<double>(rng.below(5));
      times.push_back({i * 1000});
      histograms.push_back(random_histogram(rng, count));
      if (rng.below(8) == 0) start = {i * 1000 - static_cast<int64_t>(rng.below(2500))};
      starts.push_back(start);
    }
  }

  std::vector<TimeMs> times;
  std::vector<HistogramPtr> histograms;
  std::vector<TimeMs> starts;
};

TEST(HistogramFalls, TellsOfAWindowWhatLookingAtItTells) {
  Rng rng(7);
  size_t resets_seen = 0;
  for (int round = 0; round < 50; ++round) {
    const Samples s(rng);
    RangeColumns columns;
    columns.histogram_times = s.times;
    columns.histograms = s.histograms;
    if (round % 2 == 0) columns.histogram_starts = s.starts;
    const auto started = [&](size_t i) {
      return started_at(columns.histogram_times, columns.histogram_starts, i);
    };
    HistogramFalls falls(columns);
    for (int windows = 0; windows < 40; ++windows) {
      const size_t first = rng.below(s.times.size() - 2);
      const size_t count = 2 + rng.below(s.times.size() - first - 1);
      std::vector<uint32_t> resets;
      bool gauge = false;
      bool differ = false;
      bool overlap = false;
      int32_t least = s.histograms[first]->schema;
      for (size_t i = first; i < first + count; ++i) {
        const Histogram& h = *s.histograms[i];
        gauge = gauge || h.reset_hint == CounterResetHint::Gauge;
        differ = differ || h.custom() != s.histograms[first]->custom();
        least = std::min(least, h.schema);
        if (i == first) continue;
        overlap = overlap || starts_overlap(started(i - 1), started(i));
        const bool anew =
            is_start_reset(started(i - 1), started(i)) || is_counter_reset(h, *s.histograms[i - 1]);
        if (anew && i > first + 1) resets.push_back(static_cast<uint32_t>(i));
      }
      resets_seen += resets.size();
      const auto found = falls.resets(first, count);
      EXPECT_EQ(std::vector<uint32_t>(found.begin(), found.end()), resets);
      EXPECT_EQ(falls.any_gauge(first, count), gauge);
      EXPECT_EQ(falls.kinds_differ(first, count), differ);
      EXPECT_EQ(falls.least_schema(first, count), least);
      EXPECT_EQ(falls.starts_overlap(first, count), overlap);
    }
  }
  EXPECT_GT(resets_seen, 1000U);
}

}  // namespace

}  // namespace prom5::promql
