#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/metadata.h"
#include "model/sample.h"
#include "store/change_history.h"

namespace prom5 {

/// Names a series inside one Storage, so that its second sample needs no label set. 0 is none.
using SeriesRef = uint64_t;

/// A sample of a series that is known by its reference.
struct RefSample {
  SeriesRef ref = 0;
  Sample sample;
};

/// An observation that stands for others of its series: the trace of a request, say.
struct Exemplar {
  Labels labels;
  double value = 0;
  TimeMs time;
};

struct SeriesExemplars {
  Labels series;
  std::vector<Exemplar> exemplars;
};

/// One batch of samples on its way in. One thread; not to outlive its Storage.
/// Without commit(), destruction throws the batch away.
class Appender {
 public:
  virtual ~Appender() = default;

  /// Adds a float sample. `ref` from an earlier call for the same labels, or 0; a ref that is no
  /// longer known falls back to the labels; NotFound when these are empty.
  /// `start`: since when a counter counts, after 1970; kNoStart otherwise.
  /// Errors: OutOfOrder, DuplicateSample, TooOld (the batch goes on without the sample);
  /// LimitExceeded when a new series is refused.
  virtual Result<SeriesRef> append(SeriesRef ref, const Labels& labels, Sample sample,
                                   TimeMs start) = 0;
  Result<SeriesRef> append(SeriesRef ref, const Labels& labels, Sample sample) {
    return append(ref, labels, sample, kNoStart);
  }

  /// Adds many samples of known series. `starts`: of each, or none at all. `refused` gets the place
  /// in `samples` of each that append() without labels would refuse.
  virtual void append_known(std::span<const RefSample> samples, std::span<const TimeMs> starts,
                            std::vector<size_t>& refused) {
    for (size_t i = 0; i < samples.size(); ++i) {
      const TimeMs start = starts.empty() ? kNoStart : starts[i];
      if (!append(samples[i].ref, {}, samples[i].sample, start)) refused.push_back(i);
    }
  }

  /// What append() does, for a native histogram, which must be valid (Histogram::validate).
  virtual Result<SeriesRef> append_histogram(SeriesRef ref, const Labels& labels, TimeMs time,
                                             const Histogram& histogram, TimeMs start) = 0;
  Result<SeriesRef> append_histogram(SeriesRef ref, const Labels& labels, TimeMs time,
                                     const Histogram& histogram) {
    return append_histogram(ref, labels, time, histogram, kNoStart);
  }

  /// Keeps an exemplar of a series. Takes effect with commit().
  /// Errors: LimitExceeded for labels that are too long, OutOfOrder, DuplicateSample.
  virtual Result<void> append_exemplar(const Labels& /*series*/, const Exemplar& /*exemplar*/) {
    return {};
  }

  /// Remembers what a metric family is. Takes effect with commit().
  virtual void set_metadata(std::string_view family, const Metadata& metadata) = 0;

  /// On return without error the batch is in the write-ahead log and visible to queriers opened
  /// from now on. Io: nothing of the batch was stored.
  virtual Result<void> commit() = 0;
};

/// Samples of one series as parallel columns, ascending by time, no time twice.
struct SampleColumns {
  std::vector<TimeMs> times;
  std::vector<double> values;
  /// Empty when the series has no histogram in range; else one entry for each time, null where the
  /// sample is a float (then `values` holds it).
  std::vector<std::shared_ptr<const Histogram>> histograms;

  void clear() {
    times.clear();
    values.clear();
    histograms.clear();
  }
  [[nodiscard]] size_t size() const { return times.size(); }
};

/// The float samples of one series summed up over windows (end - width, end], ends being multiples
/// of the width: parallel columns, an entry for each window that has a sample, ascending. Staleness
/// markers are no samples here.
struct Rollups {
  std::vector<TimeMs> ends;
  std::vector<TimeMs> first_times;
  std::vector<TimeMs> last_times;
  std::vector<double> first;
  std::vector<double> last;
  std::vector<double> min;  ///< NaN when all are
  std::vector<double> max;
  std::vector<double> sum;
  std::vector<double> count;
  /// What a counter lost by beginning again: the values before each fall. From the window's first
  /// sample to its last a counter grows by last - first + resets.
  std::vector<double> resets;

  // Of windows that have native histograms which can be added: parallel columns of their own.
  std::vector<TimeMs> histogram_ends;
  std::vector<double> histogram_counts;
  std::vector<std::shared_ptr<const Histogram>> histogram_sums;

  void clear() { *this = {}; }
  [[nodiscard]] size_t size() const { return ends.size(); }
};

/// What a selection is for, so that a storage which keeps rollups can answer from them.
struct TierRequest {
  /// How many milliseconds divide every border of the ranges looked at; 0: nothing to be relied on.
  int64_t borders_divide_by = 0;
  /// Rollups are taken; else samples: of each window its last one.
  bool rollups = false;
};

/// Rollups that stand in for samples up to `until`; no width: none do.
struct Tier {
  DurationMs width;
  TimeMs until = TimeMs::min();
  bool rollups = false;
  /// The samples are there as well: the answer is the same with them.
  bool exact = false;

  [[nodiscard]] bool used() const { return width.ms > 0; }
};

/// Series in ascending order of their labels. One thread.
class SeriesSet {
 public:
  virtual ~SeriesSet() = default;

  // For a set that was not moved yet, and that several threads shall read:
  /// About how many series it has; 0 when it cannot be split.
  [[nodiscard]] virtual size_t series_count() const { return 0; }
  /// So many sets, at most series_count(), which together have its series in its order, each for a
  /// thread of its own; not to outlive their querier. Empty when it cannot be: then it is as it
  /// was.
  virtual std::vector<std::unique_ptr<SeriesSet>> split(size_t /*parts*/) { return {}; }

  virtual bool next() = 0;
  [[nodiscard]] virtual const Labels& labels() const = 0;
  /// Replaces `out` by the current series' samples in the querier's range, staleness markers
  /// included. What is damaged is left out, and among the querier's warnings.
  virtual Result<void> read(SampleColumns& out) = 0;
  /// Replaces `out` by the start timestamps of the current series' samples at these times, which
  /// ascend; by nothing when none has one.
  virtual Result<void> read_starts(std::span<const TimeMs> /*times*/, std::vector<TimeMs>& out) {
    out.clear();
    return {};
  }
  /// Replaces `out` by what stands in for the samples that read() leaves out.
  virtual Result<void> read_rollups(Rollups& out) {
    out.clear();
    return {};
  }
};

/// What the queriers of one question know together of the other servers that they ask: a server's
/// samples belong into all of an answer or into nothing of it. One thread.
struct AskedServers {
  std::set<const void*> answered;
  std::map<const void*, std::string> failed;  ///< and what is to be said of each
  bool in_part = false;                       ///< one failed that had answered before
};

/// How long whoever asks waits for an answer.
struct Patience {
  std::stop_token stop;  ///< requested when nobody wants it any more
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
  AskedServers* asked = nullptr;  ///< null: each selection stands for itself
};

/// A view of the data in a range of time. One thread; sees every batch committed before it was
/// opened.
class Querier {
 public:
  virtual ~Querier() = default;

  /// Of those who select next. A querier that asks other servers waits no longer for them; what
  /// they did not say by then is among its warnings.
  virtual void set_patience(const Patience& /*patience*/) {}

  /// The tier that serves best: the widest that changes nothing, else, for what is no longer there
  /// as samples, the finest that reaches as far back.
  [[nodiscard]] virtual Tier tier(const TierRequest& /*request*/) const { return {}; }

  /// With a tier, from tier(): its rollups up to its time, samples after it. Windows that begin
  /// before the querier's range are whole.
  virtual Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers,
                                                    const Tier& tier) = 0;
  Result<std::unique_ptr<SeriesSet>> select(std::span<const Matcher> matchers) {
    return select(matchers, Tier{});
  }
  /// What is missing in what was read so far, in words; empty when nothing is.
  [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }

  /// Sorted; of the series that match when matchers are given.
  virtual Result<std::vector<std::string>> label_names(std::span<const Matcher> matchers) = 0;
  virtual Result<std::vector<std::string>> label_values(std::string_view name,
                                                        std::span<const Matcher> matchers) = 0;
};

/// Where series live. Any thread.
class Storage {
 public:
  virtual ~Storage() = default;

  virtual std::unique_ptr<Appender> appender() = 0;
  virtual Result<std::unique_ptr<Querier>> querier(TimeRange range) = 0;
  /// Whether its queriers may ask other servers.
  [[nodiscard]] virtual bool asks_other_servers() const { return false; }

  // For those who keep what they computed from the data (store/change_history.h). A storage that
  // does not know may say that anything may have changed.
  virtual ChangeHistory::Mark mark_changes() { return 0; }
  [[nodiscard]] virtual TimeMs changed_since(ChangeHistory::Mark /*mark*/) const {
    return TimeMs::min();
  }

  /// Of the series for which any selector holds, in order of their labels, ascending by time.
  [[nodiscard]] virtual std::vector<SeriesExemplars> exemplars(
      TimeRange /*range*/, std::span<const std::vector<Matcher>> /*selectors*/) const {
    return {};
  }

  /// By metric family; more than one entry where sources disagree.
  using MetadataMap = std::map<std::string, std::vector<Metadata>, std::less<>>;
  [[nodiscard]] virtual MetadataMap metadata() const = 0;
};

}  // namespace prom5
