#include "collect/ingest/otlp_delta.h"

#include <algorithm>

namespace prom5::ingest {

namespace {

/// Halves the resolution of exponential buckets `times` over.
void coarsen(OtlpBuckets& buckets, int32_t times) {
  if (times <= 0 || buckets.counts.empty()) return;
  const int32_t first = buckets.offset >> times;
  std::vector<uint64_t> out;
  for (size_t i = 0; i < buckets.counts.size(); ++i) {
    const auto at =
        static_cast<size_t>(((buckets.offset + static_cast<int32_t>(i)) >> times) - first);
    if (out.size() <= at) out.resize(at + 1);
    out[at] += buckets.counts[i];
  }
  buckets = {first, std::move(out)};
}

void add_to(OtlpBuckets& total, const OtlpBuckets& more) {
  if (more.counts.empty()) return;
  if (total.counts.empty()) {
    total = more;
    return;
  }
  const int32_t first = std::min(total.offset, more.offset);
  const auto end_of = [](const OtlpBuckets& b) {
    return b.offset + static_cast<int32_t>(b.counts.size());
  };
  std::vector<uint64_t> sum(static_cast<size_t>(std::max(end_of(total), end_of(more)) - first));
  for (const OtlpBuckets* b : {static_cast<const OtlpBuckets*>(&total), &more}) {
    for (size_t i = 0; i < b->counts.size(); ++i) {
      sum[static_cast<size_t>(b->offset - first) + i] += b->counts[i];
    }
  }
  total = {first, std::move(sum)};
}

/// Buckets so far apart that their sum would not fit are no real ones.
bool fits(const OtlpBuckets& a, const OtlpBuckets& b) {
  constexpr int64_t kMost = 100'000;
  if (a.counts.empty() || b.counts.empty()) return true;
  const int64_t first = std::min(a.offset, b.offset);
  const int64_t last = std::max(int64_t{a.offset} + static_cast<int64_t>(a.counts.size()),
                                int64_t{b.offset} + static_cast<int64_t>(b.counts.size()));
  return last - first <= kMost;
}

}  // namespace

Result<bool> DeltaSums::add(const std::string& key, OtlpKind kind, OtlpPoint& point, TimeMs now) {
  const MutexLock lock(mutex_);
  if (now - swept_ > kStale) {
    std::erase_if(streams_, [&](const auto& s) { return now - s.second.seen > kStale; });
    swept_ = now;
  }
  const auto found = streams_.find(key);
  if (found == streams_.end()) {
    if (streams_.size() >= kMaxStreams) {
      return fail(ErrorCode::LimitExceeded, "more than {} streams of deltas", kMaxStreams);
    }
    streams_.emplace(key, Stream{point, now});
    return true;
  }
  OtlpPoint& total = found->second.total;
  if (point.time <= total.time || (point.start != 0 && point.start < total.start)) return false;
  found->second.seen = now;
  if (kind == OtlpKind::ExponentialHistogram) {
    const int32_t scale = std::min(total.scale, point.scale);
    for (OtlpPoint* p : {&total, &point}) {
      const int32_t times = std::min(p->scale - scale, 31);
      coarsen(p->positive, times);
      coarsen(p->negative, times);
      p->scale = scale;
    }
  }
  const bool other_layout =
      (kind == OtlpKind::Histogram && (point.explicit_bounds != total.explicit_bounds ||
                                       point.bucket_counts.size() != total.bucket_counts.size())) ||
      !fits(total.positive, point.positive) || !fits(total.negative, point.negative);
  if (other_layout) {
    total = point;
    return true;
  }
  total.time = point.time;
  total.no_recorded_value = point.no_recorded_value;
  total.exemplars = point.exemplars;
  total.value += point.value;
  total.count += point.count;
  if (point.sum) total.sum = total.sum.value_or(0) + *point.sum;
  for (size_t i = 0; i < point.bucket_counts.size(); ++i) {
    total.bucket_counts[i] += point.bucket_counts[i];
  }
  if (kind == OtlpKind::ExponentialHistogram) {
    total.zero_count += point.zero_count;
    add_to(total.positive, point.positive);
    add_to(total.negative, point.negative);
  }
  point = total;
  return true;
}

}  // namespace prom5::ingest
