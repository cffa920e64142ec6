#include "store/tsdb/head.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

namespace prom5::tsdb {

namespace {

void keep_greatest(std::vector<NamedCount>& counts, size_t limit) {
  std::sort(counts.begin(), counts.end(), [](const NamedCount& a, const NamedCount& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  });
  if (counts.size() > limit) counts.resize(limit);
}

}  // namespace

Head::Found Head::find_or_create(const Labels& labels, uint64_t max_series) {
  const uint64_t hash = labels.hash();
  LabelShard& shard = by_labels_[hash % kShards];
  const MutexLock lock(shard.mutex);
  const auto [first, last] = shard.series.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (it->second->labels() == labels) return {it->second, false};
  }
  if (series_count_.load() >= max_series) return {};
  return {insert(shard, next_ref_.fetch_add(1), labels, hash), true};
}

std::shared_ptr<Series> Head::restore(SeriesRef ref, const Labels& labels) {
  const uint64_t hash = labels.hash();
  LabelShard& shard = by_labels_[hash % kShards];
  // Also when the series is known: no reference of the log is handed out again.
  SeriesRef next = next_ref_.load();
  while (next <= ref && !next_ref_.compare_exchange_weak(next, ref + 1)) {
  }
  const MutexLock lock(shard.mutex);
  const auto [first, last] = shard.series.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (it->second->labels() == labels) return it->second;
  }
  if (find(ref) != nullptr) ref = next_ref_.fetch_add(1);  // a damaged log names two series so
  return insert(shard, ref, labels, hash);
}

std::shared_ptr<Series> Head::insert(LabelShard& shard, SeriesRef ref, const Labels& labels,
                                     uint64_t hash) {
  auto series = std::make_shared<Series>(ref, labels);
  shard.series.emplace(hash, series);
  {
    RefShard& refs = by_ref_[ref % kShards];
    const MutexLock lock(refs.mutex);
    refs.series.emplace(ref, series);
  }
  {
    const MutexLock lock(postings_mutex_);
    postings_.add(ref, labels);
  }
  series_count_.fetch_add(1);
  return series;
}

std::shared_ptr<Series> Head::find(SeriesRef ref) const {
  const RefShard& shard = by_ref_[ref % kShards];
  const MutexLock lock(shard.mutex);
  const auto found = shard.series.find(ref);
  return found == shard.series.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Series>> Head::select(std::span<const Matcher> matchers) const {
  index::PostingList ids;
  {
    const MutexLock lock(postings_mutex_);
    ids = postings_.select(matchers);
  }
  std::vector<std::shared_ptr<Series>> out;
  out.reserve(ids.size());
  for (const SeriesRef ref : ids) {
    if (auto series = find(ref)) out.push_back(std::move(series));
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a->labels() < b->labels(); });
  return out;
}

std::vector<std::string> Head::label_names(std::span<const Matcher> matchers) const {
  if (matchers.empty()) {
    const MutexLock lock(postings_mutex_);
    return postings_.label_names();
  }
  std::set<std::string, std::less<>> names;
  for (const auto& series : select(matchers)) {
    for (const LabelView label : series->labels()) {
      if (!names.contains(label.name)) names.emplace(label.name);
    }
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> Head::label_values(std::string_view name,
                                            std::span<const Matcher> matchers) const {
  if (matchers.empty()) {
    const MutexLock lock(postings_mutex_);
    return postings_.label_values(name);
  }
  std::set<std::string, std::less<>> values;
  for (const auto& series : select(matchers)) {
    const std::string_view value = series->labels().get(name);
    if (!value.empty() && !values.contains(value)) values.emplace(value);
  }
  return {values.begin(), values.end()};
}

std::vector<std::shared_ptr<Series>> Head::all_series() const {
  std::vector<std::shared_ptr<Series>> out;
  for (const RefShard& shard : by_ref_) {
    const MutexLock lock(shard.mutex);
    for (const auto& [ref, series] : shard.series) out.push_back(series);
  }
  return out;
}

std::vector<std::shared_ptr<Series>> Head::sorted_series() const {
  auto out = all_series();
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a->labels() < b->labels(); });
  return out;
}

uint64_t Head::drop_before(TimeMs cutoff) {
  std::unordered_set<SeriesRef> gone;
  TimeMs first = TimeMs::max();
  for (LabelShard& shard : by_labels_) {
    const MutexLock lock(shard.mutex);
    std::erase_if(shard.series, [&](const auto& entry) {
      // A series that somebody else holds may be about to get a sample.
      if (entry.second->drop_before(cutoff) && entry.second.use_count() <= 2) {
        gone.insert(entry.second->ref());
        return true;
      }
      first = std::min(first, entry.second->first_time());
      return false;
    });
  }
  for (const SeriesRef ref : gone) {
    RefShard& shard = by_ref_[ref % kShards];
    const MutexLock lock(shard.mutex);
    shard.series.erase(ref);
  }
  if (!gone.empty()) {
    const MutexLock lock(postings_mutex_);
    postings_.remove_if([&](index::SeriesId id) { return gone.contains(id); });
  }
  series_count_.fetch_sub(gone.size());
  min_time_.store(first.ms);
  return gone.size();
}

void Head::note_time(TimeMs time) {
  int64_t seen = min_time_.load(std::memory_order_relaxed);
  while (time.ms < seen && !min_time_.compare_exchange_weak(seen, time.ms)) {
  }
  seen = max_time_.load(std::memory_order_relaxed);
  while (time.ms > seen && !max_time_.compare_exchange_weak(seen, time.ms)) {
  }
}

HeadStats Head::stats(size_t limit) const {
  HeadStats out;
  out.series = series_count();
  out.range = {{min_time_.load()}, {max_time_.load()}};
  for (const auto& series : all_series()) out.chunks += series->chunk_count();
  std::map<std::string, NamedCount> values;
  std::map<std::string, NamedCount> bytes;
  {
    const MutexLock lock(postings_mutex_);
    postings_.each_pair([&](const std::string& name, const std::string& value, size_t series) {
      ++out.label_pairs;
      if (name == kMetricName) out.series_by_metric.push_back({value, series});
      out.series_by_pair.push_back({name + "=" + value, series});
      values[name].count += 1;
      bytes[name].count += value.size();
    });
  }
  for (auto& [name, count] : values) out.values_by_label.push_back({name, count.count});
  for (auto& [name, count] : bytes) out.bytes_by_label.push_back({name, count.count});
  for (auto* list :
       {&out.series_by_metric, &out.series_by_pair, &out.values_by_label, &out.bytes_by_label}) {
    keep_greatest(*list, limit);
  }
  return out;
}

size_t Head::size_bytes() const {
  size_t total = 0;
  for (const auto& series : all_series()) total += series->size_bytes();
  return total;
}

}  // namespace prom5::tsdb
