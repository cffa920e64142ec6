// The nearest rows of vectors that are looked at one by one.

#include <benchmark/benchmark.h>

#include <vector>

#include "ask/catalogue/flat_search.h"
#include "base/rng.h"

namespace prom5::catalogue {
namespace {

Embedding random_row(Rng& rng) {
  Embedding out{};
  for (float& cell : out) cell = static_cast<float>(rng.unit()) - 0.5F;
  return out;
}

/// As many rows as the argument says, the nearest 50 of them.
void nearest(benchmark::State& state) {
  constexpr size_t kWanted = 50;
  Rng rng(1);
  std::vector<Embedding> rows(static_cast<size_t>(state.range(0)));
  for (Embedding& row : rows) row = random_row(rng);
  const Embedding query = random_row(rng);
  for (auto _ : state) benchmark::DoNotOptimize(nearest_rows(rows, query, kWanted));
}
BENCHMARK(nearest)->Arg(1000)->Arg(20000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace prom5::catalogue
