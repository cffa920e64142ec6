#include "store/tsdb/columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/rng.h"

namespace prom5::tsdb {

namespace {

struct Value {
  double number = 0;
  std::shared_ptr<const Histogram> histogram;
  friend bool operator==(const Value&, const Value&) = default;
};
using Model = std::map<int64_t, Value>;

SampleColumns columns_of(const Model& model) {
  SampleColumns out;
  for (const auto& [ms, value] : model) push(out, {ms}, value.number, value.histogram);
  return out;
}

Model model_of(const SampleColumns& columns) {
  Model out;
  EXPECT_TRUE(columns.histograms.empty() || columns.histograms.size() == columns.size());
  EXPECT_EQ(columns.values.size(), columns.times.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    out[columns.times[i].ms] = {columns.values[i],
                                columns.histograms.empty() ? nullptr : columns.histograms[i]};
  }
  return out;
}

Model random_model(Rng& rng) {
  Model out;
  const uint64_t histograms_one_in = rng.below(3) + 1;
  for (uint64_t n = rng.below(12); n > 0; --n) {
    auto histogram = rng.below(histograms_one_in) == 0 ? std::make_shared<Histogram>() : nullptr;
    out[static_cast<int64_t>(rng.below(20))] = {static_cast<double>(rng.below(9)),
                                                std::move(histogram)};
  }
  return out;
}

TimeRange random_range(Rng& rng) {
  const auto start = static_cast<int64_t>(rng.below(22));
  return {{start}, {start + static_cast<int64_t>(rng.below(22))}};
}

bool any_histogram(const Model& model) {
  return std::ranges::any_of(model, [](const auto& e) { return e.second.histogram != nullptr; });
}

}  // namespace

TEST(Columns, DoWhatAMapDoes) {
  Rng rng(6);
  for (int round = 0; round < 5'000; ++round) {
    SCOPED_TRACE(round);
    Model model = random_model(rng);
    SampleColumns columns = columns_of(model);
    ASSERT_EQ(model_of(columns), model);
    const Model more = random_model(rng);
    const TimeRange range = random_range(rng);
    merge(columns, columns_of(more), range);
    for (const auto& [ms, value] : more) {
      if (range.contains({ms})) model.try_emplace(ms, value);
    }
    ASSERT_EQ(model_of(columns), model);
    const TimeRange kept = random_range(rng);
    clip(columns, kept);
    std::erase_if(model, [&](const auto& e) { return !kept.contains({e.first}); });
    ASSERT_EQ(model_of(columns), model);
    ASSERT_EQ(columns.histograms.empty(), !any_histogram(model));
    const std::vector<TimeRange> gone = {{{3}, {6}}, {{9}, {9}}};
    erase(columns, gone);
    std::erase_if(model, [&](const auto& e) {
      return gone[0].contains({e.first}) || gone[1].contains({e.first});
    });
    ASSERT_EQ(model_of(columns), model);
    ASSERT_EQ(columns.histograms.empty(), !any_histogram(model));
  }
}

}  // namespace prom5::tsdb
