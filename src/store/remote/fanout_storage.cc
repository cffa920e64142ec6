#include "store/remote/fanout_storage.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/loop_turn.h"
#include "store/tsdb/columns.h"

namespace prom5::remote {

namespace {

/// A reader and what of the querier's range it is asked for.
struct Asked {
  std::shared_ptr<const RemoteReader> reader;
  TimeRange range;
};

/// Sets of series as one. The first is the local one.
class FanoutSeriesSet final : public SeriesSet {
 public:
  FanoutSeriesSet(std::vector<std::unique_ptr<SeriesSet>> sets, const Tier& tier) : tier_(tier) {
    for (auto& set : sets) sources_.push_back({std::move(set)});
  }

  bool next() override {
    least_ = nullptr;
    for (Source& source : sources_) {
      if (source.here) source.more = source.set->next();
      source.here = false;
      if (!source.more) continue;
      const Labels& labels = source.set->labels();
      if (least_ == nullptr || labels < *least_) least_ = &labels;
    }
    if (least_ == nullptr) return false;
    for (Source& source : sources_) source.here = source.more && source.set->labels() == *least_;
    rolled_up_ = false;
    return true;
  }

  [[nodiscard]] const Labels& labels() const override { return *least_; }

  /// Those of the local samples that read() gave: the protocol has none.
  Result<void> read_starts(std::span<const TimeMs> times, std::vector<TimeMs>& out) override {
    out.clear();
    if (!sources_[0].here) return {};
    std::vector<TimeMs> local;
    TRY(sources_[0].set->read_starts(local_times_, local));
    if (local.empty()) return {};
    out.assign(times.size(), kNoStart);
    size_t next = 0;
    for (size_t i = 0; i < times.size(); ++i) {
      while (next < local.size() && local_times_[next] < times[i]) ++next;
      if (next < local.size() && local_times_[next] == times[i]) out[i] = local[next];
    }
    return {};
  }

  /// The local rollups, where it has some: samples of others in the same windows would count twice.
  Result<void> read_rollups(Rollups& out) override {
    out.clear();
    if (!sources_[0].here) return {};
    TRY(sources_[0].set->read_rollups(out));
    rolled_up_ = out.size() > 0 || !out.histogram_ends.empty();
    return {};
  }

  Result<void> read(SampleColumns& out) override {
    out.clear();
    TimeRange of_others;
    if (rolled_up_) of_others.start = tier_.until + DurationMs{1};
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (!sources_[i].here) continue;
      if (i == 0) {
        TRY(sources_[i].set->read(out));
        local_times_ = out.times;
      } else {
        TRY(sources_[i].set->read(more_));
        tsdb::merge(out, more_, of_others);
      }
    }
    return {};
  }

 private:
  struct Source {
    std::unique_ptr<SeriesSet> set;
    bool here = true;  ///< it has the current series, and moves on with it
    bool more = true;
  };

  const Tier tier_;
  std::vector<Source> sources_;
  const Labels* least_ = nullptr;  // of the source that has it
  bool rolled_up_ = false;
  SampleColumns more_;
  std::vector<TimeMs> local_times_;  ///< of the samples of the current series, where it is local
};

class FanoutQuerier final : public Querier {
 public:
  FanoutQuerier(std::unique_ptr<Querier> local, std::vector<Asked> asked)
      : local_(std::move(local)), asked_(std::move(asked)) {}

  void set_patience(const Patience& patience) override {
    local_->set_patience(patience);
    patience_ = patience;
  }

  [[nodiscard]] Tier tier(const TierRequest& request) const override {
    return local_->tier(request);
  }

  using Querier::select;
  /// All are asked at once, and the local part is found meanwhile.
  Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers,
                                            const Tier& tier) override {
    std::vector<std::pair<const RemoteReader*, std::unique_ptr<ReadInFlight>>> in_flight;
    for (const Asked& asked : asked_) {
      if (gave_up(asked.reader.get())) continue;
      if (auto read = asked.reader->start(asked.range, matchers)) {
        in_flight.emplace_back(asked.reader.get(), std::move(read));
      }
    }
    std::vector<std::unique_ptr<SeriesSet>> sets;
    sets.push_back(TRY(local_->select(matchers, tier)));
    if (!in_flight.empty()) leave_event_loop();
    for (const auto& [reader, read] : in_flight) {
      auto set = read->wait(half_of(patience_), warnings_);
      note(reader, set != nullptr);
      if (set) sets.push_back(std::move(set));
    }
    if (sets.size() == 1) return std::move(sets[0]);
    return std::make_unique<FanoutSeriesSet>(std::move(sets), tier);
  }

  [[nodiscard]] std::vector<std::string> warnings() const override {
    std::vector<std::string> out = local_->warnings();
    std::ranges::copy(*warnings_, std::back_inserter(out));
    return out;
  }

  Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) override {
    return local_->label_names(matchers);
  }
  Result<std::vector<std::string>> label_values(std::string_view name,
                                                std::span<const Matcher> matchers) override {
    return local_->label_values(name, matchers);
  }

 private:
  /// So that what is stored here can be answered with, should the other server not come back.
  static Patience half_of(Patience patience) {
    const auto now = std::chrono::steady_clock::now();
    if (patience.until == std::chrono::steady_clock::time_point::max()) return patience;
    patience.until = now + (patience.until - now) / 2;
    return patience;
  }

  /// Whether the server failed for another selection of the question; says so again.
  bool gave_up(const RemoteReader* reader) {
    if (patience_.asked == nullptr) return false;
    const auto failed = patience_.asked->failed.find(reader);
    if (failed == patience_.asked->failed.end()) return false;
    warnings_->push_back(failed->second);
    return true;
  }

  void note(const RemoteReader* reader, bool answered) {
    AskedServers* asked = patience_.asked;
    if (asked == nullptr) return;
    if (answered) {
      asked->answered.insert(reader);
      return;
    }
    asked->failed.emplace(reader, warnings_->back());
    asked->in_part = asked->in_part || asked->answered.contains(reader);
  }

  const std::unique_ptr<Querier> local_;
  const std::vector<Asked> asked_;
  Patience patience_;
  const Warnings warnings_ = std::make_shared<std::vector<std::string>>();
};

}  // namespace

FanoutStorage::FanoutStorage(Storage& local, std::function<TimeMs()> local_from,
                             const RemoteReader::Services& services)
    : local_(local),
      local_from_(std::move(local_from)),
      services_(services),
      readers_(std::make_shared<const Readers>()) {}

void FanoutStorage::apply(const std::vector<ReadOptions>& options, const ExternalLabels& external) {
  std::shared_ptr<const Readers> before;
  {
    const MutexLock lock(mutex_);
    before = readers_;
  }
  const bool same = std::ranges::equal(*before, options, [&](const auto& reader, const auto& o) {
    return reader->options().fingerprint == o.fingerprint && reader->options().name == o.name &&
           reader->external() == external;
  });
  if (same) return;
  // First, as one that stays is shown again by the next.
  for (const auto& reader : *before) ReadMetrics::hide(services_.metrics, reader->options());
  auto readers = std::make_shared<Readers>();
  for (const ReadOptions& o : options) {
    readers->push_back(std::make_shared<const RemoteReader>(o, external, services_));
  }
  // Answers that were kept are of other servers. They are good for nobody as long as there may be
  // servers, so that comes first and goes last.
  any_ = true;
  {
    const MutexLock lock(mutex_);
    readers_ = std::move(readers);
  }
  marks_from_ = local_.mark_changes() + 1;
  any_ = !options.empty();
}

Result<std::unique_ptr<Querier>> FanoutStorage::querier(TimeRange range) {
  if (!any_) return local_.querier(range);
  std::shared_ptr<const Readers> readers;
  {
    const MutexLock lock(mutex_);
    readers = readers_;
  }
  const TimeMs local_from = local_from_();
  std::vector<Asked> asked;
  for (const auto& reader : *readers) {
    const auto part = reader->part_of(range, local_from);
    if (part) asked.push_back({reader, *part});
  }
  auto local = TRY(local_.querier(range));
  if (asked.empty()) return local;
  return std::make_unique<FanoutQuerier>(std::move(local), std::move(asked));
}

TimeMs FanoutStorage::changed_since(ChangeHistory::Mark mark) const {
  if (any_ || mark < marks_from_) return TimeMs::min();
  return local_.changed_since(mark);
}

}  // namespace prom5::remote
