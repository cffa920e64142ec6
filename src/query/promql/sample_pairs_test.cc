#include "query/promql/sample_pairs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "base/rng.h"

namespace prom5::promql {

namespace {

HistogramPtr histogram(double count) {
  Histogram h;
  h.count = count;
  h.sum = count;
  h.positive_spans = {{0, 1}};
  h.positive_counts = {count};
  return std::make_shared<Histogram>(std::move(h));
}

/// Floats and histograms in runs, now and then with start timestamps.
RangeSamples random_samples(Rng& random, bool histograms, bool starts) {
  RangeSamples out;
  bool is_float = true;
  for (int64_t i = 0; i < 200; ++i) {
    const TimeMs time{i * 1000};
    if (histograms && random.below(6) == 0) is_float = !is_float;
    const TimeMs start = random.below(3) == 0
                             ? kNoStart
                             : TimeMs{time.ms - static_cast<int64_t>(random.below(4000))};
    if (is_float) {
      out.times.push_back(time);
      out.values.push_back(random.below(7) == 0 ? std::nan("")
                                                : static_cast<double>(random.below(4)));
      if (starts) out.starts.push_back(start);
    } else {
      out.histogram_times.push_back(time);
      out.histograms.push_back(histogram(static_cast<double>(random.below(4))));
      if (starts) out.histogram_starts.push_back(start);
    }
  }
  return out;
}

}  // namespace

TEST(PairCounts, AreThoseOfEachRun) {
  Rng random(11);
  for (int round = 0; round < 40; ++round) {
    const RangeSamples samples = random_samples(random, round % 2 == 0, round % 4 < 2);
    const std::vector<AnySample> all = merged(columns_of(samples));
    ASSERT_EQ(all.size(), 200);
    for (const PairKind kind : {PairKind::Change, PairKind::Reset}) {
      const PairCounts pairs(kind, columns_of(samples));
      for (size_t first = 0; first < all.size(); first += 1 + random.below(5)) {
        const size_t count = 1 + random.below(all.size() - first);
        uint32_t want = 0;
        for (size_t i = first + 1; i < first + count; ++i) {
          if (counts(kind, all[i - 1], all[i])) ++want;
        }
        ASSERT_EQ(pairs.of(first, count), want) << first << " + " << count;
      }
    }
  }
}

TEST(PairCounts, GoFromTypeToType) {
  const HistogramPtr h = histogram(3);
  const AnySample a{{0}, 3, nullptr};
  const AnySample b{{1000}, 0, h.get()};
  EXPECT_TRUE(counts(PairKind::Change, a, b));
  EXPECT_TRUE(counts(PairKind::Reset, b, a));
  EXPECT_FALSE(counts(PairKind::Change, b, b));
  EXPECT_FALSE(counts(PairKind::Change, std::nan(""), std::nan("")));
  EXPECT_TRUE(counts(PairKind::Change, 1, std::nan("")));
  EXPECT_FALSE(counts(PairKind::Reset, 1, std::nan("")));
}

TEST(LastTwo, AreTheLastOfAll) {
  Rng random(12);
  for (int round = 0; round < 200; ++round) {
    const RangeSamples samples = random_samples(random, true, round % 2 == 0);
    RangeColumns columns = columns_of(samples);
    const size_t floats = random.below(columns.times.size() + 1);
    columns.times = columns.times.first(floats);
    columns.values = columns.values.first(floats);
    if (!columns.starts.empty()) columns.starts = columns.starts.first(floats);
    const auto all = merged(columns);
    const auto last = last_two(columns);
    ASSERT_EQ(last.size(), std::min<size_t>(all.size(), 2));
    for (size_t i = 0; i < last.size(); ++i) {
      const AnySample& want = all[all.size() - last.size() + i];
      EXPECT_EQ(last[i].time, want.time);
      EXPECT_EQ(last[i].histogram, want.histogram);
      EXPECT_EQ(last[i].start, want.start);
    }
  }
}

}  // namespace prom5::promql
