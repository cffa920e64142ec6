#include "model/histogram_sum.h"

#include <algorithm>
#include <cmath>

namespace prom5 {

namespace {

bool overflows(buckets::Unpacked<KahanSum>& h) {
  bool any = false;
  h.change_all([&](const KahanSum& v) { any = any || std::isinf(v.sum); });
  return any;
}

void multiply(buckets::Unpacked<KahanSum>& h, double factor) {
  h.change_all([&](KahanSum& v) {
    v.sum *= factor;
    v.lost *= factor;
  });
}

// Rounds otherwise than multiplying by the inverse.
void divide(buckets::Unpacked<KahanSum>& h, double divisor) {
  h.change_all([&](KahanSum& v) {
    v.sum /= divisor;
    v.lost /= divisor;
  });
}

}  // namespace

HistogramFold::HistogramFold(Kind kind, const Histogram& first) : kind_(kind), total_(first) {
  note_hint(first.reset_hint);
}

void HistogramFold::note_hint(CounterResetHint hint) {
  reset_ = reset_ || hint == CounterResetHint::Reset;
  not_reset_ = not_reset_ || hint == CounterResetHint::NotReset;
}

Result<void> HistogramFold::add(const Histogram& h) {
  note_hint(h.reset_hint);
  if (h.custom() != total_.custom()) {
    return fail(ErrorCode::Execution,
                "histograms with exponential and custom buckets cannot be combined");
  }
  ++count_;
  Unpacked other(h);
  if (incremental_) {
    add_weighted(std::move(other));
    return {};
  }
  if (kind_ == Kind::Sum) {
    buckets::combine_hints(total_.reset_hint, other.reset_hint);
    if (buckets::add_to(total_, std::move(other))) bounds_reconciled_ = true;
    return {};
  }
  Unpacked next = total_;
  buckets::combine_hints(next.reset_hint, other.reset_hint);
  const bool reconciled = buckets::add_to(next, other);
  if (overflows(next)) {
    incremental_ = true;
    divide(total_, count_ - 1);
    add_weighted(std::move(other));
    return {};
  }
  bounds_reconciled_ = bounds_reconciled_ || reconciled;
  total_ = std::move(next);
  return {};
}

void HistogramFold::add_weighted(Unpacked h) {
  multiply(total_, (count_ - 1) / count_);
  divide(h, count_);
  buckets::combine_hints(total_.reset_hint, h.reset_hint);
  if (buckets::add_to(total_, std::move(h))) bounds_reconciled_ = true;
}

void HistogramFold::join(const HistogramFold& other) {
  CHECK(kind_ == Kind::Sum && other.kind_ == Kind::Sum);
  count_ += other.count_;
  reset_ = reset_ || other.reset_;
  not_reset_ = not_reset_ || other.not_reset_;
  buckets::combine_hints(total_.reset_hint, other.total_.reset_hint);
  buckets::add_to(total_, other.total_);
}

Histogram HistogramFold::result() const {
  return kind_ == Kind::Sum || incremental_ ? total_.packed() : mean();
}

Histogram HistogramFold::mean() const {
  Unpacked mean = total_;
  divide(mean, count_);
  return mean.packed();
}

bool alike(std::span<const std::shared_ptr<const Histogram>> histograms) {
  constexpr double kModerate = 1e280;
  const auto is_moderate = [](double v) { return std::fabs(v) < kModerate; };
  return std::ranges::all_of(histograms, [&](const auto& h) {
    const Histogram& first = *histograms.front();
    return h->schema == first.schema && h->zero_threshold == first.zero_threshold &&
           h->custom_bounds == first.custom_bounds && is_moderate(h->count) &&
           is_moderate(h->sum) && is_moderate(h->zero_count) &&
           std::ranges::all_of(h->positive_counts, is_moderate) &&
           std::ranges::all_of(h->negative_counts, is_moderate);
  });
}

}  // namespace prom5
