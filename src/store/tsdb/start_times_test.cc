#include "store/tsdb/start_times.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace prom5::tsdb {

namespace {

constexpr int64_t kTimes = 40;

/// The slow twin: what is said of each time.
using Said = std::map<int64_t, int64_t>;

void set_from(Said& said, int64_t time, int64_t start) {
  for (int64_t t = time; t < kTimes; ++t) said[t] = start;
}

int64_t at(const Said& said, int64_t time) {
  const auto found = said.find(time);
  return found == said.end() ? StartTimes::kUnsaid.ms : found->second;
}

void expect_same(const StartTimes& starts, const Said& said, TimeRange range) {
  for (int64_t t = 0; t < kTimes; ++t) {
    const int64_t expected = range.contains({t}) ? at(said, t) : StartTimes::kUnsaid.ms;
    ASSERT_EQ(starts.at({t}).ms, expected) << "at " << t;
  }
  for (size_t i = 1; i < starts.changes().size(); ++i) {
    EXPECT_LT(starts.changes()[i - 1].from, starts.changes()[i].from);
    EXPECT_NE(starts.changes()[i - 1].start, starts.changes()[i].start);
  }
}

/// In-order changes, and late ones among them.
void fill(Rng& rng, StartTimes& starts, Said& said) {
  int64_t time = 0;
  while (time < kTimes - 2) {
    time += 1 + static_cast<int64_t>(rng.below(6));
    const auto start = static_cast<int64_t>(rng.below(3)) * 100;
    starts.set_from({time}, {start});
    set_from(said, time, start);
    if (rng.below(3) == 0) {
      const auto late = static_cast<int64_t>(rng.below(static_cast<uint64_t>(time) + 1));
      starts.set_at({late}, {500});
      if (late < kTimes) said[late] = 500;
    }
  }
}

}  // namespace

TEST(StartTimes, SayWhatAMapOfAllTimesSays) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    StartTimes starts;
    Said said;
    fill(rng, starts, said);
    expect_same(starts, said, {});
    expect_same(StartTimes(starts.columns()), said, {});

    const auto first = static_cast<int64_t>(rng.below(kTimes));
    const TimeRange range{{first}, {first + static_cast<int64_t>(rng.below(kTimes))}};
    expect_same(starts.within(range), said, range);

    StartTimes above;
    Said said_above;
    fill(rng, above, said_above);
    StartTimes both = starts;
    both.overlay(above, range);
    Said said_both = said;
    for (const auto& [time, start] : said_above) {
      if (range.contains({time})) said_both[time] = start;
    }
    expect_same(both, said_both, {});

    starts.drop_before({first});
    for (int64_t t = first; t < kTimes; ++t) ASSERT_EQ(starts.at({t}).ms, at(said, t));
  }
}

TEST(StartTimes, AreGivenForSamples) {
  StartTimes starts;
  const std::vector<TimeMs> times = {{10}, {20}, {30}, {40}};
  std::vector<TimeMs> out = {{1}};
  starts.of(times, out);
  EXPECT_TRUE(out.empty());
  starts.set_from({20}, {5});
  starts.set_from({40}, kNoStart);
  starts.of(times, out);
  EXPECT_EQ(out, (std::vector<TimeMs>{kNoStart, {5}, {5}, kNoStart}));
  StartTimes none;
  none.set_from({20}, kNoStart);
  none.of(times, out);
  EXPECT_TRUE(out.empty());
}

TEST(StartTimes, OfEachSampleOnlyChangesAreKept) {
  const StartTimes starts(SampleColumns{{{10}, {20}, {30}, {40}, {50}}, {-1, 5, 5, 0, 0}, {}});
  const std::vector<StartTimes::Change> want = {{{20}, {5}}, {{40}, kNoStart}};
  EXPECT_EQ(starts.changes(), want);
}

}  // namespace prom5::tsdb
