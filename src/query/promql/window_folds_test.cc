#include "query/promql/window_folds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "query/promql/functions.h"
#include "query/promql/range_window.h"

// Functions of ranges with what is kept of all windows, beside the same functions that look at each
// window by itself, and beside sums in long doubles.

namespace prom5::promql {

namespace {

using Kind = WindowFolds::Kind;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr size_t kSamples = 600;

/// Times that are not even, with gaps.
RangeSamples random_samples(Rng& random, const std::function<double(size_t)>& value) {
  RangeSamples out;
  int64_t ms = 1'700'000'000'000 + static_cast<int64_t>(random.below(1000));
  for (size_t i = 0; i < kSamples; ++i) {
    ms += 10'000 + static_cast<int64_t>(random.below(3)) * 777;
    if (random.below(40) == 0) ms += 400'000;
    out.times.push_back({ms});
    out.values.push_back(value(i));
  }
  return out;
}

struct Column {
  std::string_view name;
  std::function<double(size_t)> value;
  bool good = true;   ///< all functions have folds for it
  bool exact = true;  ///< the plain functions lose no digits
};

std::vector<Column> columns(Rng& random) {
  const auto few_bits = [&] { return static_cast<double>(random.below(20'000)) / 64 - 100; };
  return {
      {"few bits", [=](size_t) { return few_bits(); }},
      {"few different", [&](size_t) { return static_cast<double>(random.below(3)); }},
      {"wandering", [v = 7000.0, &random](size_t) mutable { return v += random.unit() - 0.5; }},
      {"constant", [](size_t) { return 0.1; }},
      {"constant, then not", [=](size_t i) { return i < 300 ? 1e9 + 0.1 : few_bits(); }},
      {"zeros", [&](size_t) { return random.below(2) == 0 ? 0.0 : -0.0; }},
      {"far from zero", [&](size_t) { return 1e9 + random.unit(); }, true, false},
      {"one far out", [=](size_t i) { return i % 90 == 45 ? -1e15 : few_bits(); }, true, false},
      {"of all sizes",
       [&](size_t) {
         return (random.unit() - 0.5) * std::pow(10, static_cast<double>(random.below(25)) - 12);
       },
       true, false},
      {"large", [=](size_t) { return few_bits() * 1e130; }},
      {"small", [=](size_t) { return few_bits() * 1e-110; }},
      {"with NaN", [=](size_t i) { return i % 50 == 3 ? std::nan("") : few_bits(); }, false},
      {"with infinities",
       [=](size_t i) { return i % 50 == 3 ? (i % 100 == 3 ? kInf : -kInf) : few_bits(); }, false},
      {"huge", [=](size_t) { return few_bits() * 1e300; }, false},
      {"tiny", [=](size_t) { return few_bits() * 1e-300; }, false},
  };
}

/// Calls `check(window)` at each step, as the evaluator goes through them.
void slide(const RangeSamples& samples, const WindowFolds::Plan& plan,
           const std::function<void(Window&)>& check) {
  SlidingRange floats(samples.times);
  const std::function<void(std::string)> ignore = [](std::string) {};
  for (size_t i = 0; i < plan.steps; ++i) {
    Window window;
    window.warn = window.inform = &ignore;
    window.now = samples.times.front() + plan.step * static_cast<int64_t>(i);
    window.end = window.now - DurationMs{1234};
    window.start = window.end - plan.range;
    floats.move(window.start, window.end);
    if (floats.count() == 0) continue;
    window.times = std::span(samples.times).subspan(floats.first(), floats.count());
    window.values = std::span(samples.values).subspan(floats.first(), floats.count());
    window.first = floats.first();
    check(window);
  }
}

WindowFolds::Plan plan_over(const RangeSamples& samples, DurationMs range, DurationMs step) {
  const int64_t span = (samples.times.back() - samples.times.front()).ms + 2 * range.ms;
  return {static_cast<size_t>(span / step.ms), range, step};
}

const std::vector<WindowFolds::Plan>& plans_over(const RangeSamples& samples) {
  static std::vector<WindowFolds::Plan> out;
  out = {plan_over(samples, DurationMs::minutes(5), DurationMs{11'000}),
         plan_over(samples, DurationMs::minutes(30), DurationMs::minutes(1)),
         plan_over(samples, DurationMs::minutes(100), DurationMs::minutes(13))};
  return out;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// The spread of a window, by long doubles.
struct Spread {
  long double mean_s = 0;  ///< after the window's first sample
  long double mean = 0;
  long double ss = 0;
  long double sv = 0;
  long double vv = 0;

  explicit Spread(const Window& w) {
    const auto n = static_cast<long double>(w.values.size());
    const auto seconds = [&](size_t i) {
      return static_cast<long double>((w.times[i] - w.times.front()).ms) / 1000;
    };
    for (size_t i = 0; i < w.values.size(); ++i) {
      mean += w.values[i] / n;
      mean_s += seconds(i) / n;
    }
    for (size_t i = 0; i < w.values.size(); ++i) {
      const long double s = seconds(i) - mean_s;
      const long double v = w.values[i] - mean;
      ss += s * s;
      sv += s * v;
      vv += v * v;
    }
  }
};

bool has_any(WindowFolds& folds) {
  return folds.get<SlidingFold<SumPart>>() != nullptr ||
         folds.get<SlidingFold<LeastPart>>() != nullptr ||
         folds.get<SlidingFold<GreatestPart>>() != nullptr ||
         folds.get<SlidingFold<MomentsPart>>() != nullptr ||
         folds.get<SlidingFold<LinePart>>() != nullptr || folds.get<RankWindow>() != nullptr ||
         folds.get<PairCounts>() != nullptr;
}

/// Runs a function folded and plain over all columns and calls `check(column, window, folded,
/// plain)` where there is a fold; elsewhere the two are the same.
using Check = std::function<void(const Column&, const Window&, double, double)>;

void compare(std::string_view name, std::span<const double> parameters, const Check& check) {
  const Function& function = *find_function(name);
  Rng random(20);
  for (const Column& column : columns(random)) {
    const RangeSamples samples = random_samples(random, column.value);
    for (const WindowFolds::Plan& plan : plans_over(samples)) {
      SCOPED_TRACE(testing::Message() << name << " of " << column.name << ", " << plan.range.ms);
      WindowFolds folds(function.folds, samples, plan);
      size_t windows = 0;
      slide(samples, plan, [&](Window& window) {
        window.parameters = parameters;
        window.folds = &folds;
        const auto folded = function.range(window);
        window.folds = nullptr;
        const auto plain = function.range(window);
        ASSERT_EQ(folded.has_value(), plain.has_value());
        if (!plain) return;
        ++windows;
        if (has_any(folds)) {
          check(column, window, folded->value, plain->value);
        } else {
          EXPECT_TRUE(same(folded->value, plain->value));
        }
      });
      EXPECT_GT(windows, 15U);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

void are_the_same(std::string_view name, std::vector<double> parameters = {}) {
  compare(name, parameters, [](const Column&, const Window& w, double folded, double plain) {
    EXPECT_TRUE(same(folded, plain)) << folded << " not " << plain << " at " << w.now.ms;
  });
}

bool has_fold(std::string_view name, const RangeSamples& samples, const WindowFolds::Plan& plan) {
  WindowFolds folds(find_function(name)->folds, samples, plan);
  return has_any(folds);
}

constexpr std::string_view kOfGoodValues[] = {
    "sum_over_time",    "avg_over_time",       "min_over_time",
    "max_over_time",    "ts_of_min_over_time", "ts_of_max_over_time",
    "stddev_over_time", "stdvar_over_time",    "deriv",
    "predict_linear",   "quantile_over_time",  "mad_over_time"};

}  // namespace

TEST(WindowFolds, GiveExactlyWhatIsNotRounded) {
  for (const char* name : {"min_over_time", "max_over_time", "ts_of_min_over_time",
                           "ts_of_max_over_time", "changes", "resets", "mad_over_time"}) {
    are_the_same(name);
  }
  for (const double q : {0.0, 0.25, 0.5, 0.9, 0.99, 1.0, -1.0, 2.0, std::nan("")}) {
    are_the_same("quantile_over_time", {q});
  }
}

TEST(WindowFolds, SumWithinTheErrorOfKahan) {
  for (const bool mean : {false, true}) {
    compare(
        mean ? "avg_over_time" : "sum_over_time", {},
        [&](const Column&, const Window& w, double folded, double plain) {
          // The 64 bits of a long double's mantissa hold what Kahan's sum keeps.
          long double exact = 0;
          long double size = 0;
          for (const double v : w.values) {
            exact += v;
            size += std::fabs(v);
          }
          const auto n = static_cast<long double>(mean ? w.values.size() : 1);
          EXPECT_LE(std::fabs(folded - exact / n), (size * 1e-17L + std::fabs(exact) * 4e-16L) / n)
              << folded << " not " << plain;
        });
  }
}

TEST(WindowFolds, KeepTheDigitsOfVariances) {
  for (const bool root : {false, true}) {
    compare(root ? "stddev_over_time" : "stdvar_over_time", {},
            [&](const Column& column, const Window& w, double folded, double plain) {
              if (std::ranges::all_of(w.values, [&](double v) { return v == w.values[0]; })) {
                EXPECT_EQ(folded, 0);
                return;
              }
              const auto n = static_cast<long double>(w.values.size());
              const long double variance = Spread(w).vv / n;
              const long double exact = root ? std::sqrt(variance) : variance;
              EXPECT_LE(std::fabs(folded - exact), exact * 1e-13L) << plain;
              if (column.exact) {
                EXPECT_LE(std::fabs(folded - plain), plain * 1e-9);
              }
            });
  }
}

TEST(WindowFolds, KeepTheDigitsOfSlopes) {
  compare("deriv", {}, [](const Column& column, const Window& w, double folded, double plain) {
    if (std::ranges::all_of(w.values, [&](double v) { return v == w.values[0]; })) {
      EXPECT_EQ(folded, 0);
      return;
    }
    const Spread spread(w);
    // Where values scatter, the slope is a small rest of what they differ by.
    const long double scale = std::sqrt(spread.vv / spread.ss);
    EXPECT_LE(std::fabs(folded - spread.sv / spread.ss), scale * 1e-13L) << plain;
    if (column.exact) {
      EXPECT_LE(std::fabs(folded - plain), scale * 1e-9L);
    }
  });
}

TEST(WindowFolds, KeepTheDigitsOfForecasts) {
  constexpr double kAhead = 3600;
  compare("predict_linear", std::array{kAhead},
          [&](const Column& column, const Window& w, double folded, double plain) {
            if (std::ranges::all_of(w.values, [&](double v) { return v == w.values[0]; })) {
              EXPECT_EQ(folded, w.values[0]);
              return;
            }
            const Spread spread(w);
            const long double seconds =
                static_cast<long double>((w.now - w.times.front()).ms) / 1000 + kAhead -
                spread.mean_s;
            const long double exact = spread.mean + seconds * (spread.sv / spread.ss);
            const long double scale =
                std::fabs(spread.mean) + seconds * std::sqrt(spread.vv / spread.ss);
            EXPECT_LE(std::fabs(folded - exact), scale * 1e-13L) << plain;
            if (column.exact) {
              EXPECT_LE(std::fabs(folded - plain), scale * 1e-9L);
            }
          });
}

TEST(WindowFolds, AreNotForOddValues) {
  Rng random(21);
  for (const Column& column : columns(random)) {
    const RangeSamples samples = random_samples(random, column.value);
    const auto plan = plan_over(samples, DurationMs::minutes(30), DurationMs::minutes(1));
    if (column.good) {
      for (const auto name : kOfGoodValues) {
        EXPECT_TRUE(has_fold(name, samples, plan)) << name << " of " << column.name;
      }
    } else {
      EXPECT_FALSE(has_fold("stddev_over_time", samples, plan)) << column.name;
      EXPECT_FALSE(has_fold("deriv", samples, plan)) << column.name;
      EXPECT_FALSE(has_fold("mad_over_time", samples, plan)) << column.name;
    }
    EXPECT_TRUE(has_fold("changes", samples, plan)) << column.name;
    EXPECT_TRUE(has_fold("resets", samples, plan)) << column.name;
  }
}

TEST(WindowFolds, AreNotForWindowsThatShareNothing) {
  Rng random(22);
  const RangeSamples samples = random_samples(random, [](size_t) { return 1.0; });
  const DurationMs range = DurationMs::minutes(30);
  for (const auto name : kOfGoodValues) {
    EXPECT_FALSE(has_fold(name, samples, {1, range, DurationMs{0}})) << name;
    EXPECT_FALSE(has_fold(name, samples, {1, range, DurationMs{1000}})) << name;
    EXPECT_FALSE(has_fold(name, samples, {100, range, range})) << name;
    EXPECT_FALSE(has_fold(name, samples, {100'000, DurationMs{15'000}, DurationMs{100}})) << name;
  }
  EXPECT_FALSE(has_fold("last_over_time", samples, {100, range, DurationMs{1000}}));
}

}  // namespace prom5::promql
