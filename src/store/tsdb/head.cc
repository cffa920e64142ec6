#include "store/tsdb/head.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/loop_turn.h"

namespace prom5::tsdb {

namespace {

void keep_greatest(std::vector<NamedCount>& counts, size_t limit) {
  std::sort(counts.begin(), counts.end(), [](const NamedCount& a, const NamedCount& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  });
  if (counts.size() > limit) counts.resize(limit);
}

}  // namespace

Head::Found Head::find_or_create(const Labels& labels, uint64_t max_series,
                                 const std::function<bool()>& refuse) {
  const uint64_t hash = labels.hash();
  LabelShard& shard = by_labels_[shard_of(hash)];
  const MutexLock lock(shard.mutex);
  if (Series* known = shard.table.find(hash, labels, by_ref_)) return {known, false};
  if (series_count_.load() >= max_series || refuse()) return {};
  Series* series = nullptr;
  {
    const MutexLock create(create_mutex_);
    if (next_ref_ > RefTable::kMaxRef) return {};
    auto created = std::make_unique<Series>(next_ref_++, labels);
    series = created.get();
    by_ref_.insert(std::move(created));
  }
  shard.table.insert(hash, series->ref());
  {
    const MutexLock index(postings_mutex_);
    postings_.add(static_cast<index::SeriesId>(series->ref()), labels);
  }
  series_count_.fetch_add(1);
  return {series, true};
}

namespace {

bool before(const Series* a, const Series* b) { return a->labels() < b->labels(); }

void sort_by_labels(std::vector<Series*>& series) {
  std::sort(series.begin(), series.end(), before);
}

}  // namespace

void SortedSeries::sort(std::vector<Series*>& series, const RefTable& refs, SeriesRef newest) {
  // Few are compared sooner than all are walked.
  constexpr size_t kMany = 64;
  constexpr size_t kShareOfAll = 8;
  if (series.size() < kMany) return sort_by_labels(series);
  const MutexLock lock(mutex_);
  if (newest > newest_) {
    if (series.size() <= std::max<size_t>(sorted_.size(), newest - newest_) / kShareOfAll) {
      return sort_by_labels(series);
    }
    add_up_to(newest, refs);
  }
  // A series may have come or gone a moment ago.
  const auto has_rank = [&](const Series* s) REQUIRES(mutex_) {
    return s->rank < sorted_.size() && sorted_[s->rank] == s;
  };
  for (const Series* s : series) {
    if (!has_rank(s)) return sort_by_labels(series);
  }
  if (series.size() < sorted_.size() / kShareOfAll) {
    std::sort(series.begin(), series.end(),
              [](const Series* a, const Series* b) { return a->rank < b->rank; });
    return;
  }
  std::vector<Series*> places(sorted_.size());
  for (Series* s : series) places[s->rank] = s;
  size_t filled = 0;
  for (Series* s : places) {
    if (s != nullptr) series[filled++] = s;
  }
}

void SortedSeries::add_up_to(SeriesRef newest, const RefTable& refs) {
  std::vector<Series*> fresh;
  for (SeriesRef ref = newest_ + 1; ref <= newest; ++ref) {
    if (Series* s = refs.find(ref)) fresh.push_back(s);
  }
  newest_ = newest;
  sort_by_labels(fresh);
  std::vector<Series*> all;
  all.reserve(sorted_.size() + fresh.size());
  auto from = sorted_.begin();
  for (Series* s : fresh) {
    const auto to = std::lower_bound(from, sorted_.end(), s, before);
    all.insert(all.end(), from, to);
    all.push_back(s);
    from = to;
  }
  all.insert(all.end(), from, sorted_.end());
  sorted_ = std::move(all);
  for (size_t i = 0; i < sorted_.size(); ++i) sorted_[i]->rank = static_cast<uint32_t>(i);
}

void SortedSeries::forget_gone() {
  const MutexLock lock(mutex_);
  std::erase_if(sorted_, [](const Series* s) { return s->gone; });
  for (size_t i = 0; i < sorted_.size(); ++i) sorted_[i]->rank = static_cast<uint32_t>(i);
}

/// In any order.
std::vector<Series*> Head::find_all(std::span<const Matcher> matchers) const {
  index::PostingList ids;
  {
    const MutexLock lock(postings_mutex_);
    ids = postings_.select(matchers);
  }
  constexpr size_t kManySeries = 4096;
  if (ids.size() > kManySeries) leave_event_loop();
  std::vector<Series*> out;
  out.reserve(ids.size());
  for (const index::SeriesId id : ids) {
    if (Series* series = find(id)) out.push_back(series);
  }
  return out;
}

std::vector<Series*> Head::select(std::span<const Matcher> matchers) const {
  std::vector<Series*> out = find_all(matchers);
  sort(out);
  return out;
}

void Head::sort(std::vector<Series*>& series) const {
  SeriesRef newest = 0;
  {
    const MutexLock create(create_mutex_);
    newest = next_ref_ - 1;
  }
  sorted_.sort(series, by_ref_, newest);
}

std::vector<std::string> Head::label_names(std::span<const Matcher> matchers) const {
  const MutexLock lock(postings_mutex_);
  return postings_.label_names(matchers);
}

std::vector<std::string> Head::label_values(std::string_view name,
                                            std::span<const Matcher> matchers) const {
  const MutexLock lock(postings_mutex_);
  return postings_.label_values(name, matchers);
}

std::vector<Series*> Head::sorted_series() const {
  std::vector<Series*> out;
  out.reserve(series_count());
  by_ref_.each([&](Series& series) { out.push_back(&series); });
  sort(out);
  return out;
}

std::vector<Series*> Head::drop_before(TimeMs cutoff) {
  std::vector<Series*> empty;
  // Of the series that are looked at, and of what is committed meanwhile.
  next_min_time_.store(TimeMs::max().ms);
  TimeMs first = TimeMs::max();
  by_ref_.each([&](Series& series) {
    if (series.drop_before(cutoff)) {
      empty.push_back(&series);
    } else {
      first = std::min(first, series.first_time());
    }
  });
  chunks_.arena.drop_before(cutoff);
  lower(next_min_time_, first);
  return empty;
}

void Head::erase_before(TimeMs cutoff) {
  if (cutoff == TimeMs::min()) return;
  by_ref_.each([&](Series& series) {
    if (series.first_time() < cutoff) series.erase({TimeMs::min(), cutoff - DurationMs{1}});
  });
}

void Head::erase(std::span<const Matcher> matchers, TimeRange range) {
  for (Series* series : find_all(matchers)) series->erase(range);
}

std::vector<std::unique_ptr<Series>> Head::remove(std::span<Series* const> empty) {
  std::vector<std::unique_ptr<Series>> out;
  min_time_.store(next_min_time_.load());
  for (Series* series : empty) {
    if (!series->drop_before(TimeMs::min())) continue;
    const uint64_t hash = series->labels().hash();
    LabelShard& shard = by_labels_[shard_of(hash)];
    const MutexLock lock(shard.mutex);
    series->gone = true;
    shard.table.remove(hash, series->ref());
    const MutexLock create(create_mutex_);
    out.push_back(by_ref_.remove(series->ref()));
  }
  series_count_.fetch_sub(out.size());
  return out;
}

void Head::forget(std::span<const std::unique_ptr<Series>> removed) {
  std::unordered_set<index::SeriesId> gone;
  for (const auto& series : removed) gone.insert(static_cast<index::SeriesId>(series->ref()));
  if (gone.empty()) return;
  sorted_.forget_gone();
  const MutexLock lock(postings_mutex_);
  postings_.remove_if([&](index::SeriesId id) { return gone.contains(id); });
}

void Head::lower(std::atomic<int64_t>& to, TimeMs time) {
  int64_t seen = to.load(std::memory_order_relaxed);
  while (time.ms < seen && !to.compare_exchange_weak(seen, time.ms)) {
  }
}

void Head::note_time(TimeMs time) {
  lower(min_time_, time);
  lower(next_min_time_, time);
  int64_t seen = max_time_.load(std::memory_order_relaxed);
  while (time.ms > seen && !max_time_.compare_exchange_weak(seen, time.ms)) {
  }
}

HeadStats Head::stats(size_t limit) const {
  HeadStats out;
  out.series = series_count();
  out.range = {{min_time_.load()}, {max_time_.load()}};
  by_ref_.each([&](const Series& series) { out.chunks += series.chunk_count(); });
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
  by_ref_.each([&](const Series& series) { total += series.size_bytes(); });
  return total;
}

NamedCount Head::largest_metric() const {
  NamedCount out;
  const MutexLock lock(postings_mutex_);
  postings_.each_value(kMetricName, [&](const std::string& value, size_t series) {
    if (series > out.count) out = {value, series};
  });
  return out;
}

}  // namespace prom5::tsdb
