#include "model/histogram_arithmetic.h"

#include <gtest/gtest.h>

namespace prom5 {

namespace {

Histogram make(int32_t schema, HistogramSpan span, std::vector<double> counts) {
  Histogram h;
  h.schema = schema;
  h.positive_spans = {span};
  for (const double c : counts) h.count += c;
  h.sum = h.count;
  h.positive_counts = std::move(counts);
  return h;
}

}  // namespace

TEST(HistogramArithmetic, AddTakesTheLowerResolution) {
  const auto got = add(make(1, {1, 2}, {1, 2}), make(0, {1, 1}, {4})).value().histogram;
  EXPECT_EQ(got.schema, 0);
  EXPECT_EQ(got.positive_counts, (std::vector<double>{7}));
  EXPECT_EQ(got.positive_spans, (std::vector<HistogramSpan>{{1, 1}}));
  EXPECT_EQ(got.count, 7);
}

TEST(HistogramArithmetic, SubtractUndoesAdd) {
  const Histogram a = make(0, {0, 3}, {1, 2, 3});
  const Histogram b = make(0, {5, 2}, {4, 5});
  const Histogram back = subtract(add(a, b).value().histogram, b).value().histogram;
  EXPECT_TRUE(same_observations(back, a));
}

TEST(HistogramArithmetic, CustomAndExponentialDoNotMix) {
  Histogram custom = make(Histogram::kCustomSchema, {0, 1}, {1});
  custom.custom_bounds = {1};
  EXPECT_EQ(add(custom, make(0, {0, 1}, {1})).error().code, ErrorCode::Execution);
}

TEST(HistogramArithmetic, ScaledAndReset) {
  const Histogram h = make(0, {0, 1}, {4});
  EXPECT_EQ(scaled(h, 2).positive_counts[0], 8);
  EXPECT_EQ(scaled(h, -1).reset_hint, CounterResetHint::Gauge);
  EXPECT_FALSE(is_counter_reset(scaled(h, 2), h));
  EXPECT_TRUE(is_counter_reset(h, scaled(h, 2)));
  EXPECT_EQ(h.to_string(), "{count:4, sum:4, (0.5,1]:4}");
}

TEST(Histogram, Validate) {
  EXPECT_TRUE(make(0, {0, 1}, {4}).validate());
  EXPECT_FALSE(make(9, {0, 1}, {4}).validate());
  EXPECT_FALSE(make(0, {0, 2}, {4}).validate());
  EXPECT_FALSE(make(0, {0, 1}, {-4}).validate());
  EXPECT_EQ(exponential_bound(0, 0), 1);
  EXPECT_EQ(exponential_bound(3, 0), 8);
  EXPECT_EQ(exponential_bound(1, -1), 4);
}

}  // namespace prom5
