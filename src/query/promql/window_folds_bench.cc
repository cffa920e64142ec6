// Functions of ranges over windows that overlap, each window by itself and by what is kept of all:
// seconds for a step of one series. Where a fold is not worth it (window_folds.cc), both are the
// same.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/rng.h"
#include "query/promql/falls.h"
#include "query/promql/functions.h"
#include "query/promql/range_window.h"
#include "query/promql/window_folds.h"

namespace prom5::promql {
namespace {

constexpr int64_t kInterval = 15'000;
constexpr size_t kSteps = 1000;

/// A gauge that wanders.
RangeSamples samples_of(size_t n) {
  Rng rng(7);
  RangeSamples out;
  double value = 1000;
  for (size_t i = 0; i < n; ++i) {
    value += (rng.unit() - 0.5) * 10;
    out.times.push_back({static_cast<int64_t>(i) * kInterval});
    out.values.push_back(rng.below(4) == 0 ? out.values.empty() ? value : out.values.back()
                                           : value);
  }
  return out;
}

/// A function at all steps, as the evaluator goes through them.
double all_steps(const Function& function, const RangeSamples& samples, Window window,
                 const WindowFolds::Plan& plan, bool folded) {
  WindowFolds folds;
  if (folded) folds = WindowFolds(function.folds, samples, plan);
  window.folds = &folds;
  std::optional<Falls> falls;
  if (function.counter) falls.emplace(samples.times, samples.values, samples.starts);
  window.falls = falls ? &*falls : nullptr;
  SlidingRange floats(samples.times);
  double total = 0;
  for (size_t i = 0; i < plan.steps; ++i) {
    window.end = TimeMs{plan.range.ms + (static_cast<int64_t>(i) * plan.step.ms)};
    window.now = window.end;
    window.start = window.end - plan.range;
    floats.move(window.start, window.end);
    window.times = std::span(samples.times).subspan(floats.first(), floats.count());
    window.values = std::span(samples.values).subspan(floats.first(), floats.count());
    window.first = floats.first();
    if (const auto point = function.range(window)) total += point->value;
  }
  return total;
}

void windows(benchmark::State& state, const std::string& name, bool folded) {
  const Function& function = *find_function(name);
  const auto in_window = static_cast<int64_t>(state.range(0));
  const auto apart = static_cast<int64_t>(state.range(1));
  const RangeSamples samples =
      samples_of(static_cast<size_t>(in_window + (apart * static_cast<int64_t>(kSteps))));
  const std::vector<double> parameters = {0.9};
  Window window;
  window.parameters = parameters;
  const WindowFolds::Plan plan{kSteps, DurationMs{in_window * kInterval},
                               DurationMs{apart * kInterval}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(all_steps(function, samples, window, plan, folded));
  }
  state.counters["per_step"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kSteps),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const char* name : {"sum_over_time", "avg_over_time", "min_over_time", "ts_of_max_over_time",
                           "stddev_over_time", "quantile_over_time", "mad_over_time", "deriv",
                           "predict_linear", "changes", "resets", "rate"}) {
    for (const bool folded : {false, true}) {
      auto* bench = benchmark::RegisterBenchmark(
          (std::string(name) + (folded ? "/folded" : "/plain")).c_str(),
          [name, folded](benchmark::State& state) { windows(state, name, folded); });
      for (const int64_t in_window : {4, 20, 240, 1000}) {
        for (const int64_t apart : {1, 4}) {
          if (in_window > apart) bench->Args({in_window, apart});
        }
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace prom5::promql
