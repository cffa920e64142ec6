#include "store/tsdb/rollup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/rng.h"
#include "io/file/memory_file_system.h"
#include "store/tsdb/columns.h"

namespace prom5::tsdb {

namespace {

constexpr DurationMs kFive = DurationMs::minutes(5);
constexpr DurationMs kHour = DurationMs::hours(1);

std::shared_ptr<const Histogram> histogram(double count) {
  auto h = std::make_shared<Histogram>();
  h->count = count;
  h->sum = count * 2;
  h->positive_spans = {{0, 1}};
  h->positive_counts = {count};
  return h;
}

/// Floats that rise, fall, are NaN, end in staleness markers, and histograms between them.
SampleColumns random_samples(Rng& rng) {
  SampleColumns out;
  TimeMs time{-static_cast<int64_t>(rng.below(4'000'000))};
  const size_t count = rng.below(500);
  double value = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool gap = rng.below(40) == 0;
    time = time + DurationMs{1 + static_cast<int64_t>(rng.below(gap ? 9'000'000 : 60'000))};
    value = rng.below(30) == 0 ? 0 : value + static_cast<double>(rng.below(100)) / 4;
    switch (rng.below(20)) {
      case 0: push(out, time, kStale, nullptr); break;
      case 1: push(out, time, std::nan(""), nullptr); break;
      case 2:
      case 3: push(out, time, value * 2, histogram(value)); break;
      default: push(out, time, value, nullptr);
    }
  }
  return out;
}

struct Floats {
  std::vector<std::pair<TimeMs, double>> samples;
};

/// The floats of each window, by its end.
std::map<TimeMs, Floats> windows_of(const SampleColumns& samples, DurationMs width) {
  std::map<TimeMs, Floats> out;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (is_stale(samples.values[i])) continue;
    if (!samples.histograms.empty() && samples.histograms[i]) continue;
    TimeMs end{0};
    while (end < samples.times[i]) end = end + width;
    while (end - width >= samples.times[i]) end = end - width;
    out[end].samples.emplace_back(samples.times[i], samples.values[i]);
  }
  return out;
}

/// How many histograms each window has, and their sum.
std::map<TimeMs, std::pair<double, double>> histograms_of(const SampleColumns& samples,
                                                          DurationMs width) {
  std::map<TimeMs, std::pair<double, double>> out;
  for (size_t i = 0; i < samples.histograms.size(); ++i) {
    if (!samples.histograms[i]) continue;
    auto& [count, sum] = out[window_end(samples.times[i], width)];
    ++count;
    sum += samples.histograms[i]->sum;
  }
  return out;
}

void expect_histograms(const SampleColumns& samples, const Rollups& got, DurationMs width) {
  const auto want = histograms_of(samples, width);
  ASSERT_EQ(got.histogram_ends.size(), want.size());
  size_t i = 0;
  for (const auto& [end, of_window] : want) {
    EXPECT_EQ(got.histogram_ends[i], end);
    EXPECT_EQ(got.histogram_counts[i], of_window.first);
    ASSERT_NE(got.histogram_sums[i], nullptr);
    EXPECT_NEAR(got.histogram_sums[i]->sum, of_window.second, 1e-9 * of_window.second);
    ++i;
  }
}

void expect_windows(const SampleColumns& samples, const Rollups& got, DurationMs width) {
  expect_histograms(samples, got, width);
  const auto want = windows_of(samples, width);
  ASSERT_EQ(got.size(), want.size());
  size_t i = 0;
  for (const auto& [end, floats] : want) {
    const auto& list = floats.samples;
    EXPECT_EQ(got.ends[i], end);
    EXPECT_EQ(got.first_times[i], list.front().first);
    EXPECT_EQ(got.last_times[i], list.back().first);
    EXPECT_TRUE(same_bits(got.first[i], list.front().second));
    EXPECT_TRUE(same_bits(got.last[i], list.back().second));
    EXPECT_EQ(got.count[i], static_cast<double>(list.size()));
    double min = NAN;
    double max = NAN;
    double sum = 0;
    double resets = 0;
    for (size_t k = 0; k < list.size(); ++k) {
      min = std::fmin(min, list[k].second);
      max = std::fmax(max, list[k].second);
      sum += list[k].second;
      if (k > 0 && list[k].second < list[k - 1].second) resets += list[k - 1].second;
    }
    EXPECT_TRUE(got.min[i] == min || (std::isnan(min) && std::isnan(got.min[i])));
    EXPECT_TRUE(got.max[i] == max || (std::isnan(max) && std::isnan(got.max[i])));
    EXPECT_TRUE(std::isnan(sum) ? std::isnan(got.sum[i]) : std::abs(got.sum[i] - sum) < 1e-6);
    EXPECT_NEAR(got.resets[i], resets, 1e-6);
    ++i;
  }
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, same_bits);
}

void expect_same(const Rollups& a, const Rollups& b) {
  EXPECT_EQ(a.ends, b.ends);
  EXPECT_EQ(a.first_times, b.first_times);
  EXPECT_EQ(a.last_times, b.last_times);
  EXPECT_TRUE(same(a.first, b.first));
  EXPECT_TRUE(same(a.last, b.last));
  EXPECT_TRUE(same(a.min, b.min));
  EXPECT_TRUE(same(a.max, b.max));
  EXPECT_TRUE(same(a.sum, b.sum));
  EXPECT_TRUE(same(a.count, b.count));
  EXPECT_TRUE(same(a.resets, b.resets));
}

}  // namespace

TEST(Rollup, WindowsEndWhereRangesDo) {
  EXPECT_EQ(window_end({0}, kHour).ms, 0);
  EXPECT_EQ(window_end({1}, kHour).ms, kHour.ms);
  EXPECT_EQ(window_end(TimeMs{} + kHour, kHour).ms, kHour.ms);
  EXPECT_EQ(window_end({-1}, kHour).ms, 0);
  EXPECT_EQ(window_end(TimeMs{} - kHour, kHour).ms, -kHour.ms);
}

TEST(Rollup, SumsUpEachWindow) {
  Rng rng(3);
  RolledUp five;
  RolledUp hour;
  for (int round = 0; round < 200; ++round) {
    const SampleColumns samples = random_samples(rng);
    roll_up(samples, kFive, five);
    expect_windows(samples, five.windows, kFive);
    roll_up(five, kHour, hour);
    expect_windows(samples, hour.windows, kHour);
    RolledUp direct;
    roll_up(samples, kHour, direct);
    EXPECT_EQ(direct.kept.times, hour.kept.times);
  }
}

TEST(Rollup, KeepsWhatHistogramsNeed) {
  SampleColumns samples;
  const double counts[] = {1, 5, 9, 2, 6, 8};  // begins again at the fourth
  int64_t minute = 1;
  for (const double count : counts) {
    push(samples, {minute++ * 30'000}, count, histogram(count));
  }
  push(samples, {minute * 30'000}, kStale, nullptr);
  RolledUp out;
  roll_up(samples, kFive, out);
  std::vector<int64_t> kept;
  for (const TimeMs time : out.kept.times) kept.push_back(time.ms / 30'000);
  EXPECT_EQ(kept, (std::vector<int64_t>{1, 3, 4, 6, 7}));
  EXPECT_TRUE(is_stale(out.kept.values.back()));
  EXPECT_EQ(out.windows.size(), 0U);
}

TEST(Rollup, AStalenessMarkerInTheMiddleOfAWindowGoes) {
  SampleColumns samples;
  push(samples, {1000}, 1, nullptr);
  push(samples, {2000}, kStale, nullptr);
  push(samples, {3000}, 2, nullptr);
  RolledUp out;
  roll_up(samples, kFive, out);
  EXPECT_EQ(out.kept.size(), 0U);
  ASSERT_EQ(out.windows.size(), 1U);
  EXPECT_EQ(out.windows.count[0], 2);
}

TEST(Rollup, ReadsBackFromABlock) {
  Rng rng(4);
  io::MemoryFileSystem files;
  std::map<Labels, RolledUp> model;
  auto writer = BlockWriter::create(files, "b").value();
  for (uint64_t n = 0; n < 60; ++n) {
    RolledUp& series = model[Labels{{"n", fmt::format("{:02}", n)}}];
    roll_up(random_samples(rng), kFive, series);
  }
  for (const auto& [labels, series] : model) {
    ASSERT_TRUE(write_rollups(labels, series, *writer));
  }
  ASSERT_TRUE(writer->finish({}));
  const auto block = Block::open(files, "b", 1).value();
  std::erase_if(model, [](const auto& entry) {
    return entry.second.windows.size() == 0 && entry.second.kept.size() == 0;
  });
  ASSERT_EQ(block->info().series, model.size());
  TimesCache times;
  uint32_t number = 0;
  for (const auto& [labels, series] : model) {
    const auto read = block->series(number).value();
    EXPECT_EQ(read.labels, labels);
    Rollups windows;
    const auto damaged = [](const Error& error) { FAIL() << error.message; };
    read_rollups(*block, {}, read, kFive, {}, times, damaged, windows);
    finish_rollups(windows);
    expect_same(windows, series.windows);
    SampleColumns kept;
    block->read({}, read, Column::Samples, {}, times, damaged, kept);
    EXPECT_EQ(kept.times, series.kept.times);
    ++number;
  }
}

/// One damaged column of a series takes the windows with it, whichever it is: what is left would
/// look as if the column followed from others.
TEST(Rollup, ADamagedColumnGivesNoWrongWindow) {
  Rng rng(5);
  SampleColumns samples;
  for (int64_t i = 0; i < 200; ++i) {
    push(samples, {i * 15'000}, static_cast<double>(rng.below(1000)), nullptr);
  }
  RolledUp series;
  roll_up(samples, kFive, series);
  for (size_t chunk = 0; chunk < 7; ++chunk) {
    io::MemoryFileSystem files;
    auto writer = BlockWriter::create(files, "b").value();
    ASSERT_TRUE(write_rollups(Labels{{"n", "1"}}, series, *writer));
    ASSERT_TRUE(writer->finish({}));
    const auto good = Block::open(files, "b", 1).value();
    const auto entry = good->series(0).value();
    ASSERT_EQ(entry.chunks.size(), 7U);
    std::string bytes = files.read("b").value();
    bytes[entry.chunks[chunk].offset] ^= 1;
    ASSERT_TRUE(files.write_atomically("b", bytes));
    const auto block = Block::open(files, "b", 1).value();
    TimesCache times;
    Rollups windows;
    size_t told = 0;
    read_rollups(*block, {}, entry, kFive, {}, times, [&](const Error&) { ++told; }, windows);
    finish_rollups(windows);
    EXPECT_EQ(told, 1U);
    EXPECT_EQ(windows.size(), 0U);
  }
}

}  // namespace prom5::tsdb
