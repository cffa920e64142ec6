#pragma once

#include <memory>
#include <utility>

#include "query/promql/evaluator.h"

namespace prom5::promql {

/// Keeps the series that come. One thread.
class SeriesCollector final : public SeriesSink {
 public:
  explicit SeriesCollector(QueryContext& context) : context_(context) {}

  Result<void> take(StepSeries& series, uint64_t points) override {
    const uint64_t weight = weight_of(series, points);
    TRY(context_.hold_samples(weight));
    held_ += weight;
    series_.push_back(std::move(series));
    return {};
  }

  [[nodiscard]] std::unique_ptr<SeriesSink> part(Evaluator& on) const override {
    return std::make_unique<SeriesCollector>(on.context());
  }

  Result<void> join(SeriesSink& part) override {
    auto& other = static_cast<SeriesCollector&>(part);
    TRY(context_.hold_samples(other.held_));
    held_ += other.held_;
    series_.insert(series_.end(), std::make_move_iterator(other.series_.begin()),
                   std::make_move_iterator(other.series_.end()));
    return {};
  }

  [[nodiscard]] StepVector series() && { return std::move(series_); }

 private:
  QueryContext& context_;
  StepVector series_;
  uint64_t held_ = 0;
};

}  // namespace prom5::promql
