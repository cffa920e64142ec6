#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "query/engine_request.h"
#include "query/promql/ast.h"
#include "store/storage.h"

namespace prom5::query {

/// How far a step's value looks beyond the step: what a change of data can reach.
struct Reach {
  DurationMs ahead;              ///< into its future: negative offsets, `smoothed`
  TimeMs fixed = TimeMs::min();  ///< the latest time that all steps look at, by @
};

/// Nothing when steps depend on the query's own start or end, by start(), @ end(), range() and
/// their like: then no other query's steps are the same.
std::optional<Reach> reach_of(const promql::Expr& expr, DurationMs lookback);

/// Answers of range queries, kept for the next one that asks the same a little later: a dashboard
/// refreshing. Steps are the same as long as nothing that they look at has changed; what changes is
/// known from Storage::changed_since(). Any thread.
///
/// A query is kept from its second time on, because most are asked once. Answers with warnings,
/// notes or histograms are not kept, nor those to questions of many kilobytes.
class RangeCache {
 public:
  RangeCache(size_t max_bytes, MetricRegistry& metrics);

  /// An answer, all its series over the same steps.
  struct Entry {
    struct Line {
      Labels labels;
      std::vector<bool> has;       ///< empty: a value at every step
      std::vector<double> values;  ///< 0 where there is none
    };
    TimeMs start;
    DurationMs step;
    size_t steps = 0;
    ChangeHistory::Mark mark = 0;  ///< taken before it was computed
    std::vector<Line> lines;       ///< ascending by labels
    size_t bytes = 0;

    [[nodiscard]] TimeMs at(size_t i) const { return start + step * static_cast<int64_t>(i); }
  };

  /// What an answer depends on beside the request.
  struct Question {
    Reach reach;
    DurationMs lookback;
    DurationMs subquery_step;
  };
  using Evaluate = std::function<Result<QueryResult>(const QueryRequest&)>;

  /// The request's answer: a matrix in order of its labels. `evaluate` is asked for the steps that
  /// are not known, if any.
  Result<QueryResult> answer(Storage& storage, const QueryRequest& request,
                             const Question& question, const Evaluate& evaluate);

  /// Whether the answer to a range query may be kept at all.
  [[nodiscard]] bool takes(const QueryRequest& request) const;

 private:
  /// The last answer to the same question at other times, or null.
  std::shared_ptr<const Entry> find(const std::string& key);
  /// Whether the question was asked before, so that its answer is worth keeping.
  bool asked_before(const std::string& key);
  void keep(const std::string& key, std::shared_ptr<const Entry> entry);

  struct Slot {
    std::string key;
    std::shared_ptr<const Entry> entry;  // shared with queries that read it
  };

  const size_t max_bytes_;
  Mutex mutex_;
  std::list<Slot> slots_ GUARDED_BY(mutex_);  // the last used first
  std::unordered_map<std::string_view, std::list<Slot>::iterator> by_key_ GUARDED_BY(mutex_);
  std::unordered_set<size_t> asked_ GUARDED_BY(mutex_);  // hashes of keys
  std::atomic<size_t> bytes_{0};

  Counter& hits_;
  Counter& partial_hits_;
  Counter& misses_;
  Counter& evicted_;
};

}  // namespace prom5::query
