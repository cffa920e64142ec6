#include "store/tsdb/exemplars.h"

#include <algorithm>
#include <map>

#include "io/codec/utf8.h"
#include "model/sample.h"

namespace prom5::tsdb {

Result<void> ExemplarStore::check(const Labels& series, const Exemplar& exemplar) const {
  size_t characters = 0;
  for (const LabelView label : exemplar.labels) {
    characters += codec::utf8_length(label.name) + codec::utf8_length(label.value);
  }
  if (characters > kMaxLabelCharacters) {
    return fail(ErrorCode::LimitExceeded,
                "label length for exemplar exceeds maximum of {} UTF-8 characters",
                kMaxLabelCharacters);
  }
  const MutexLock lock(mutex_);
  const auto known = series_.find(series);
  return known == series_.end() ? Result<void>() : check_order(known->second.last, exemplar);
}

Result<void> ExemplarStore::check_order(const Exemplar& last, const Exemplar& next) {
  if (next.time < last.time) return fail(ErrorCode::OutOfOrder, "out of order exemplar");
  const bool same =
      next.time == last.time && next.labels == last.labels && same_bits(next.value, last.value);
  if (same) return fail(ErrorCode::DuplicateSample, "duplicate exemplar");
  return {};
}

bool ExemplarStore::add(const Labels& series, Exemplar exemplar) {
  const MutexLock lock(mutex_);
  if (capacity_ == 0) return false;
  const auto before = series_.find(series);
  if (before != series_.end() && !check_order(before->second.last, exemplar)) return false;
  Known& known = series_[series];
  known.last = exemplar;
  ++known.count;
  if (ring_.size() < capacity_) {
    ring_.push_back({series, std::move(exemplar)});
    return true;
  }
  // The series itself has one more now, so that it does not go with its oldest.
  drop_oldest();
  ring_[oldest_] = {series, std::move(exemplar)};
  oldest_ = (oldest_ + 1) % ring_.size();
  return true;
}

/// Forgets the series of the oldest one when it was its last.
void ExemplarStore::drop_oldest() {
  const auto known = series_.find(ring_[oldest_].series);
  if (known != series_.end() && --known->second.count == 0) series_.erase(known);
}

void ExemplarStore::set_capacity(size_t capacity) {
  const MutexLock lock(mutex_);
  if (capacity == capacity_) return;
  std::rotate(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(oldest_), ring_.end());
  oldest_ = 0;
  const size_t gone = ring_.size() > capacity ? ring_.size() - capacity : 0;
  for (; oldest_ < gone; ++oldest_) drop_oldest();
  ring_.erase(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(gone));
  oldest_ = 0;
  capacity_ = capacity;
}

std::vector<SeriesExemplars> ExemplarStore::select(
    TimeRange range, std::span<const std::vector<Matcher>> selectors) const {
  std::map<Labels, std::vector<Exemplar>> found;
  const MutexLock lock(mutex_);
  for (size_t i = 0; i < ring_.size(); ++i) {
    const Entry& entry = ring_[(oldest_ + i) % ring_.size()];
    if (!range.contains(entry.exemplar.time)) continue;
    const bool wanted = std::ranges::any_of(selectors, [&](const std::vector<Matcher>& matchers) {
      return matches_all(matchers, entry.series);
    });
    if (wanted) found[entry.series].push_back(entry.exemplar);
  }
  std::vector<SeriesExemplars> out;
  for (auto& [labels, exemplars] : found) out.push_back({labels, std::move(exemplars)});
  return out;
}

ExemplarStore::Stats ExemplarStore::stats() const {
  const MutexLock lock(mutex_);
  Stats out{.capacity = capacity_, .exemplars = ring_.size(), .series = series_.size(), .last = {}};
  for (const auto& [labels, known] : series_) out.last = std::max(out.last, known.last.time);
  return out;
}

}  // namespace prom5::tsdb
