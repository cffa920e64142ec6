#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include "base/rng.h"
#include "query/promql/functions.h"
#include "query/promql/range_window.h"

// sum_over_time and avg_over_time of native histograms from what is kept of all windows, beside the
// same from each window by itself.

namespace prom5::promql {

namespace {

enum class Odd : uint8_t { None, Schemas, ZeroThresholds, Huge, Bounds };

HistogramPtr random_histogram(Rng& rng, Odd odd) {
  auto h = std::make_shared<Histogram>();
  constexpr std::array kHints = {CounterResetHint::Unknown, CounterResetHint::Reset,
                                 CounterResetHint::NotReset, CounterResetHint::Gauge};
  h->reset_hint = kHints[rng.below(20) == 0 ? rng.below(kHints.size()) : 0];
  h->schema = odd == Odd::Bounds ? Histogram::kCustomSchema : 2;
  if (odd == Odd::Schemas && rng.below(9) == 0) h->schema = 1;
  if (odd == Odd::ZeroThresholds && rng.below(9) == 0) h->zero_threshold = 1e-6;
  if (odd == Odd::Bounds) {
    h->custom_bounds = rng.below(9) == 0 ? std::vector<double>{1, 5} : std::vector<double>{1, 2, 5};
  }
  for (int bucket = 0; bucket < 3; ++bucket) {
    const double count = rng.below(4) == 0 ? 0 : static_cast<double>(rng.below(1000)) / 10;
    h->positive_counts.push_back(odd == Odd::Huge && rng.below(9) == 0 ? 1e300 : count);
    h->count += count;
  }
  const int32_t offset = odd == Odd::Bounds ? 0 : static_cast<int32_t>(rng.below(5)) - 2;
  h->positive_spans = {{offset, 3}};
  h->sum = static_cast<double>(rng.below(100'000)) / 7 - 5000;
  return h;
}

struct Answer {
  std::string histogram;
  double count = 0;
  double sum = 0;
  std::vector<double> buckets;
  std::set<std::string> said;
};

Answer answer_of(const Function& function, Window window, WindowFolds* folds) {
  Answer out;
  const std::function<void(std::string)> note = [&](std::string text) {
    out.said.insert(std::move(text));
  };
  window.warn = window.inform = &note;
  window.folds = folds;
  const Histogram h = *function.range(window)->histogram;
  out.histogram =
      fmt::format("{} {} {}", static_cast<int>(h.reset_hint), h.schema, h.positive_spans.size());
  out.count = h.count;
  out.sum = h.sum;
  out.buckets = h.positive_counts;
  return out;
}

void expect_near(double a, double b) { EXPECT_NEAR(a, b, std::fabs(b) * 1e-15); }

/// Whether there was something to compare.
bool compare(std::string_view name, Odd odd, uint64_t seed) {
  Rng rng(seed);
  const Function& function = *find_function(name);
  RangeSamples samples;
  for (int64_t i = 0; i < 200; ++i) {
    samples.histogram_times.push_back({(i * 15'000) + static_cast<int64_t>(rng.below(4000))});
    samples.histograms.push_back(random_histogram(rng, odd));
  }
  const WindowFolds::Plan plan{250, DurationMs::minutes(10), DurationMs{13'000}};
  WindowFolds folds(function.folds, samples, plan);
  if (folds.histogram_sums() == nullptr) return false;
  SlidingRange histograms(samples.histogram_times);
  for (size_t i = 0; i < plan.steps; ++i) {
    Window window;
    window.end = TimeMs{0} + plan.step * static_cast<int64_t>(i);
    window.start = window.end - plan.range;
    histograms.move(window.start, window.end);
    if (histograms.count() == 0) continue;
    window.first_histogram = histograms.first();
    window.histogram_times =
        std::span(samples.histogram_times).subspan(histograms.first(), histograms.count());
    window.histograms =
        std::span(samples.histograms).subspan(histograms.first(), histograms.count());
    const Answer folded = answer_of(function, window, &folds);
    const Answer plain = answer_of(function, window, nullptr);
    EXPECT_EQ(folded.histogram, plain.histogram);
    EXPECT_EQ(folded.said, plain.said);
    expect_near(folded.count, plain.count);
    expect_near(folded.sum, plain.sum);
    EXPECT_EQ(folded.buckets.size(), plain.buckets.size());
    for (size_t b = 0; b < std::min(folded.buckets.size(), plain.buckets.size()); ++b) {
      expect_near(folded.buckets[b], plain.buckets[b]);
    }
  }
  return true;
}

TEST(HistogramWindows, AreSummedAsEachByItself) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    EXPECT_TRUE(compare("sum_over_time", Odd::None, seed));
    EXPECT_TRUE(compare("avg_over_time", Odd::None, seed));
  }
}

TEST(HistogramWindows, ThatDifferAreLookedAtEachByItself) {
  for (const Odd odd : {Odd::Schemas, Odd::ZeroThresholds, Odd::Huge, Odd::Bounds}) {
    EXPECT_FALSE(compare("sum_over_time", odd, 1)) << static_cast<int>(odd);
    EXPECT_FALSE(compare("avg_over_time", odd, 1)) << static_cast<int>(odd);
  }
}

TEST(HistogramWindows, ThatWouldTakeMuchMemoryAreLookedAtEachByItself) {
  const auto has_sums = [](size_t buckets) {
    RangeSamples samples;
    const auto h = std::make_shared<Histogram>();
    h->positive_spans = {{0, static_cast<uint32_t>(buckets)}};
    h->positive_counts.assign(buckets, 1);
    for (int64_t i = 0; i < 200; ++i) {
      samples.histogram_times.push_back({i * 15'000});
      samples.histograms.push_back(h);
    }
    const WindowFolds::Plan plan{250, DurationMs::minutes(10), DurationMs{13'000}};
    return WindowFolds(WindowFolds::Kind::Sum, samples, plan).histogram_sums() != nullptr;
  };
  EXPECT_TRUE(has_sums(100));
  EXPECT_FALSE(has_sums(10'000));
}

}  // namespace

}  // namespace prom5::promql
