#include "store/memory_storage.h"

#include <set>
#include <utility>

namespace prom5 {

namespace {

struct MemorySeries {
  Labels labels;
  SampleColumns samples;
  std::map<TimeMs, TimeMs> starts;  ///< of the samples that have one
};

class MemorySeriesSet final : public SeriesSet {
 public:
  explicit MemorySeriesSet(std::vector<const MemorySeries*> series) : series_(std::move(series)) {}

  bool next() override { return ++at_ <= series_.size(); }
  [[nodiscard]] const Labels& labels() const override { return series_[at_ - 1]->labels; }
  Result<void> read(SampleColumns& out) override {
    out = series_[at_ - 1]->samples;
    return {};
  }
  Result<void> read_starts(std::span<const TimeMs> times, std::vector<TimeMs>& out) override {
    const std::map<TimeMs, TimeMs>& starts = series_[at_ - 1]->starts;
    out.assign(starts.empty() ? 0 : times.size(), kNoStart);
    for (size_t i = 0; i < out.size(); ++i) {
      if (const auto known = starts.find(times[i]); known != starts.end()) out[i] = known->second;
    }
    return {};
  }

 private:
  std::vector<const MemorySeries*> series_;
  size_t at_ = 0;
};

class MemoryQuerier final : public Querier {
 public:
  explicit MemoryQuerier(std::vector<MemorySeries> series) : series_(std::move(series)) {}

  Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers,
                                            const Tier& /*tier*/) override {
    return std::make_unique<MemorySeriesSet>(matching(matchers));
  }
  Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) override {
    std::set<std::string> names;
    for (const MemorySeries* series : matching(matchers)) {
      for (const LabelView label : series->labels) names.emplace(label.name);
    }
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<std::vector<std::string>> label_values(std::string_view name,
                                                std::span<const Matcher> matchers) override {
    std::set<std::string> values;
    for (const MemorySeries* series : matching(matchers)) {
      if (series->labels.has(name)) values.emplace(series->labels.get(name));
    }
    return std::vector<std::string>(values.begin(), values.end());
  }

 private:
  [[nodiscard]] std::vector<const MemorySeries*> matching(std::span<const Matcher> matchers) const {
    std::vector<const MemorySeries*> out;
    for (const MemorySeries& series : series_) {
      if (matches_all(matchers, series.labels)) out.push_back(&series);
    }
    return out;
  }

  std::vector<MemorySeries> series_;
};

}  // namespace

/// Series are found by their labels; the reference only tells them apart.
SeriesRef ref_of(const Labels& labels) { return labels.hash() | 1; }

class MemoryAppender final : public Appender {
 public:
  explicit MemoryAppender(MemoryStorage& storage) : storage_(storage) {}

  Result<SeriesRef> append(SeriesRef /*ref*/, const Labels& labels, Sample sample,
                           TimeMs start) override {
    if (labels.empty()) return fail(ErrorCode::NotFound, "references are not kept here");
    samples_.push_back({labels, sample.time, {sample.value, nullptr, start}});
    return ref_of(labels);
  }
  Result<SeriesRef> append_histogram(SeriesRef /*ref*/, const Labels& labels, TimeMs time,
                                     const Histogram& histogram, TimeMs start) override {
    if (labels.empty()) return fail(ErrorCode::NotFound, "references are not kept here");
    samples_.push_back(
        {labels, time, {histogram.sum, std::make_shared<Histogram>(histogram), start}});
    return ref_of(labels);
  }
  void set_metadata(std::string_view family, const Metadata& metadata) override {
    metadata_.emplace_back(family, metadata);
  }
  Result<void> commit() override {
    const MutexLock lock(storage_.mutex_);
    for (Pending& p : samples_) storage_.series_[p.labels][p.time] = std::move(p.point);
    for (auto& [family, m] : metadata_) storage_.metadata_[family] = {std::move(m)};
    samples_.clear();
    metadata_.clear();
    return {};
  }

 private:
  struct Pending {
    Labels labels;
    TimeMs time;
    MemoryStorage::Point point;
  };

  MemoryStorage& storage_;
  std::vector<Pending> samples_;
  std::vector<std::pair<std::string, Metadata>> metadata_;
};

std::unique_ptr<Appender> MemoryStorage::appender() {
  return std::make_unique<MemoryAppender>(*this);
}

Result<std::unique_ptr<Querier>> MemoryStorage::querier(TimeRange range) {
  std::vector<MemorySeries> out;
  const MutexLock lock(mutex_);
  for (const auto& [labels, points] : series_) {
    MemorySeries series{labels, {}, {}};
    bool has_histogram = false;
    for (auto it = points.lower_bound(range.start); it != points.end() && it->first <= range.end;
         ++it) {
      series.samples.times.push_back(it->first);
      series.samples.values.push_back(it->second.value);
      series.samples.histograms.push_back(it->second.histogram);
      has_histogram = has_histogram || it->second.histogram;
      if (it->second.start != kNoStart) series.starts.emplace(it->first, it->second.start);
    }
    if (!has_histogram) series.samples.histograms.clear();
    if (series.samples.size() > 0) out.push_back(std::move(series));
  }
  return std::make_unique<MemoryQuerier>(std::move(out));
}

Storage::MetadataMap MemoryStorage::metadata() const {
  const MutexLock lock(mutex_);
  return metadata_;
}

void MemoryStorage::clear() {
  const MutexLock lock(mutex_);
  series_.clear();
  metadata_.clear();
}

}  // namespace prom5
