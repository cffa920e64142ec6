#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string_view>

#include "query/annotations.h"
#include "query/engine.h"
#include "query/part_workers.h"
#include "query/promql/ast.h"
#include "query/promql/functions.h"
#include "query/promql/repeated.h"
#include "query/promql/step_series.h"
#include "query/promql/trace.h"
#include "store/storage.h"

namespace prom5::promql {

inline constexpr std::string_view kTooManySamples =
    "query processing would load too many samples into memory in query execution";

inline constexpr std::string_view kDuplicateLabels =
    "vector cannot contain metrics with the same labelset";

/// Of a part whose work is in vain, as another one failed.
inline constexpr std::string_view kGivenUp = "another part of the query failed";

inline constexpr std::string_view kNeedsAll = "all series are needed at once";

/// What all evaluators of one query share: its data, its limits, what is to be said about it.
/// One thread; parts of the work that others take over have one of their own.
class QueryContext {
 public:
  struct Options {
    DurationMs lookback;
    DurationMs default_subquery_step;
    bool delayed_name_removal = false;
    bool use_start_timestamps = false;
    bool type_and_unit_labels = false;
    uint64_t max_samples = 0;
    std::chrono::steady_clock::time_point deadline;
    std::stop_token stop;
    AskedServers* asked = nullptr;            ///< what this question knows of other servers
    Trace* trace = nullptr;                   ///< where given, evaluate() writes into it
    const RepeatedExprs* repeated = nullptr;  ///< where given, these are evaluated once
    query::PartWorkers* workers = nullptr;    ///< where given, they take parts of the work over
  };

  QueryContext(Storage& storage, std::string_view query, TimeMs start, TimeMs end, DurationMs step,
               Options options, query::ActiveQueries::Ticket* ticket)
      : storage(storage),
        query(query),
        start(start),
        end(end),
        step(step),
        options(options),
        ticket_(ticket) {}

  Storage& storage;
  const std::string_view query;
  const TimeMs start;  ///< of the whole query, not of a subquery
  const TimeMs end;
  const DurationMs step;
  const Options options;
  query::Annotations annotations;

  /// For a part of the work, which another thread may do. The limits hold for the whole and its
  /// parts together.
  [[nodiscard]] std::unique_ptr<QueryContext> part();
  /// Takes over what a part counted and said. What it holds is not held from now on.
  void take_part(QueryContext& part);
  /// Parts end as soon as they look; until parts are made again.
  void give_up_parts() { parts_->given_up = true; }

  /// Opened on the storage, and waiting no longer than the query does.
  Result<std::unique_ptr<Querier>> querier(TimeRange range) const;

  /// Canceled or Timeout.
  Result<void> check_alive() const;
  /// The same after work on so many samples, for loops whose rounds take a microsecond or a second:
  /// looks once in a fraction of a millisecond.
  Result<void> check_alive_after(uint64_t samples) {
    constexpr uint64_t kBetweenChecks = 10'000;
    constexpr uint64_t kOfARound = 64;  // what it costs beside its samples
    unchecked_ += samples + kOfARound;
    if (unchecked_ < kBetweenChecks) return {};
    unchecked_ = 0;
    return check_alive();
  }
  /// Counts samples in memory. LimitExceeded when there are too many.
  Result<void> hold_samples(uint64_t n);
  /// With a good part to spare, so that what is kept for speed is no cause of a failure.
  [[nodiscard]] bool has_room_for(uint64_t n) const {
    return (held_ + n) * 2 <= options.max_samples;
  }
  void release_samples(uint64_t n) { held_ -= n; }
  /// The same for what is no sample: each counts for 16 bytes.
  Result<void> hold_bytes(uint64_t n) { return hold_samples(n / 16); }

  void warn(const std::string& text, PositionRange at);
  void inform(const std::string& text, PositionRange at);

  /// A series was decoded.
  void count_loaded(uint64_t samples) {
    stats_.samples_loaded += samples;
    ++stats_.series_loaded;
    if (ticket_ != nullptr) ticket_->count_samples(stats_.samples_loaded);
  }
  /// So many samples were looked at for all steps together.
  void count_samples(query::SampleCounts n) {
    stats_.samples.queryable += n.queryable;
    stats_.samples.read += n.read;
  }
  /// Whoever looks at samples tells for each step as well from now on, if it wants().
  void count_per_step(size_t steps) { stats_.per_step.resize(steps); }
  [[nodiscard]] query::SampleCounts samples() const { return stats_.samples; }
  [[nodiscard]] uint64_t loaded() const { return stats_.samples_loaded; }
  [[nodiscard]] bool wants_per_step() const { return !stats_.per_step.empty(); }
  /// Samples looked at, at a time that may be a subquery's: they count for the query's step then
  /// or before.
  void count_at(TimeMs time, query::SampleCounts n);

  void take_stats(query::QueryStats& out);
  [[nodiscard]] const query::QueryStats& stats() const { return stats_; }
  /// Back to an earlier state, for work that begins anew.
  void set_stats(query::QueryStats stats) { stats_ = std::move(stats); }

  /// What an expression gave that stands in the query again; by its group and where and how it was
  /// evaluated.
  struct KnownKey {
    size_t group = 0;
    int64_t start_ms = 0;
    int64_t step_ms = 0;
    size_t steps = 0;
    int reset_hints = 0;
    friend auto operator<=>(const KnownKey&, const KnownKey&) = default;
  };
  struct Known {
    StepValue value;
    query::SampleCounts samples;  ///< that were looked at for it; they count each time
  };
  std::map<KnownKey, Known> known;

 private:
  const std::string& place(PositionRange at);

  std::map<int, std::string> places_;  // of annotations: a long query is counted through once
  query::ActiveQueries::Ticket* const ticket_;  ///< null in a part
  query::QueryStats stats_;
  uint64_t unchecked_ = 0;
  uint64_t held_ = 0;

  /// What the whole and its parts know of each other. Any thread.
  struct Parts {
    std::atomic<uint64_t> held_by_whole{0};
    std::atomic<uint64_t> granted{0};  ///< to all parts
    std::atomic<bool> given_up{false};
  };
  std::shared_ptr<Parts> parts_ = std::make_shared<Parts>();
  bool is_part_ = false;
  uint64_t granted_ = 0;  ///< to this part: as much as it ever held, and some to spare
};

/// Where a selector's or subquery's window ends at each step, after @ and offset.
struct TimeShift {
  bool fixed = false;  ///< by @: the same time at every step
  TimeMs at;
  DurationMs offset;

  [[nodiscard]] TimeMs apply(TimeMs step_time) const { return (fixed ? at : step_time) - offset; }
};

/// What of a range's samples a function looks at.
struct RangeWants {
  bool rollups = false;  ///< they may come summed up
  bool starts = false;   ///< their start timestamps, too
};

class Evaluator;

/// Where series go. One thread; those of a part of the work go to a sink of its own.
class SeriesSink {
 public:
  virtual ~SeriesSink() = default;
  /// A series, which may be moved away, and the number of its points.
  virtual Result<void> take(StepSeries& series, uint64_t points) = 0;
  /// For a part of the series, which `on` gives, maybe on another thread.
  [[nodiscard]] virtual std::unique_ptr<SeriesSink> part(Evaluator& on) const = 0;
  /// Takes over what a part of it has, of series that come after all that came before.
  virtual Result<void> join(SeriesSink& part) = 0;
};

/// Evaluates an expression at all steps of a grid at once, one series after another, so that a
/// series is decoded once and memory follows the result. One thread.
class Evaluator {
 public:
  Evaluator(QueryContext& context, StepGrid grid) : context_(context), grid_(grid) {}

  /// The error codes of query::Engine::run.
  Result<StepValue> eval(const Expr& expr);

  /// Gives each series that eval_vector() would give to `sink`, in its order. What selectors and
  /// functions of ranges give comes one by one, so that memory need not follow the input, and where
  /// there are many in parts that several threads work on.
  /// Unavailable with kNeedsAll, by itself or from the sink: it is to be done with eval_vector().
  Result<void> each_series(const Expr& expr, SeriesSink& sink);

  // For the evaluators of functions:
  Result<StepVector> eval_vector(const Expr& expr);
  Result<std::vector<double>> eval_scalar(const Expr& expr);

  /// A range vector at this evaluator's single step, for an instant query that asks for one.
  Result<std::vector<query::Series>> eval_matrix(const Expr& expr);

  /// Calls `visit` for each series of a range vector argument with the samples of all windows.
  /// It may change them.
  using SeriesVisitor =
      std::function<Result<void>(const Labels& labels, bool drop_name, RangeSamples& samples)>;
  struct RangeShape {
    DurationMs range;
    TimeShift shift;
    ExtendedRange extended = ExtendedRange::None;
  };
  Result<RangeShape> shape_of(const Expr& range_vector);
  /// When a subquery evaluates its expression; nothing when that is at no time.
  Result<std::optional<StepGrid>> grid_of(const Subquery& subquery, const RangeShape& shape);
  Result<void> each_range_series(const Expr& range_vector, const RangeShape& shape,
                                 const SeriesVisitor& visit);

  /// Like a selector, but each value is the time of the sample, in seconds.
  enum class Select : uint8_t { Values, Timestamps, TimestampsOfFloats, StartTimestamps };
  /// TimestampsOfFloats: Execution where a sample is a histogram. StartTimestamps: 0 where it is
  /// not known.
  Result<StepVector> select_timestamps(const Expr& selector, Select what = Select::Timestamps);

  /// Removes the metric name now, or marks the series for removal at the end.
  void drop_name(StepSeries& series) const;
  /// Sets its labels, and does the same.
  void label_without_name(StepSeries& series, const Labels& labels) const;
  /// Joins series that have one label set and no step in common. Execution when they collide.
  Result<StepVector> merge_same_labels(StepVector vector) const;

  /// Works out the durations of the whole expression, also of what may never be evaluated; BadData
  /// for those that are none.
  Result<void> check_durations(const Expr& expr);

  /// @ and offset, with duration expressions worked out.
  Result<TimeShift> shift_of(const TimeModifiers& time);

  [[nodiscard]] QueryContext& context() { return context_; }
  [[nodiscard]] const StepGrid& grid() const { return grid_; }

 private:
  Result<StepValue> eval_once(const Expr& expr, size_t group);
  Result<StepValue> eval_traced(const Expr& expr);
  Result<StepValue> eval_node(const Expr& expr);
  Result<StepValue> eval_call(const Expr& expr, const Call& call);
  Result<StepVector> eval_element(const Call& call);
  /// Reads all series of a set and gives what becomes of each to a sink, on an evaluator that may
  /// be another thread's.
  using PartReader = std::function<Result<void>(Evaluator& on, SeriesSet& set, SeriesSink& sink)>;
  /// `samples`: about how many each series has.
  Result<void> each_in_parts(SeriesSet& set, uint64_t samples, const PartReader& read,
                             SeriesSink& sink);

  /// A range selector whose series are yet to be read.
  struct OpenedRange {
    std::unique_ptr<Querier> querier;
    std::unique_ptr<SeriesSet> set;
    Tier tier;
    RangeWants wants;
  };
  Result<OpenedRange> open_range(const Expr& expr, const RangeShape& shape, RangeWants wants);
  Result<void> read_range(SeriesSet& set, const OpenedRange& range, const SeriesVisitor& visit);
  Result<void> each_subquery_series(const Expr& expr, const RangeShape& shape,
                                    const SeriesVisitor& visit);

  Result<StepVector> eval_range_function(const Call& call);
  /// `unique`: no two series may become the same without their names.
  Result<void> each_of_range_function(const Call& call, bool unique, SeriesSink& sink);
  Result<StepVector> select(const Expr& expr, const VectorSelector& selector, Select what);
  struct Selected;
  Result<void> read_selected(SeriesSet& set, const Selected& how, SeriesSink& sink);
  Result<void> each_selected(const Expr& expr, const VectorSelector& selector, Select what,
                             SeriesSink& sink);
  void take_warnings(const Querier& querier);
  /// A selector looked at one sample for each of its `found` points.
  void count_points(const StepSeries& series, uint64_t found);
  void tell_of(const Tier& tier, int64_t divisor, PositionRange at);
  Result<StepVector> select_smoothed(const Expr& expr, const VectorSelector& selector);
  void set_reset_hints(std::string_view function);
  Result<StepValue> eval_unary(const Unary& unary);

  Result<DurationMs> resolve(DurationMs literal, const ExprPtr& expr, bool may_be_negative);
  Result<double> duration_seconds(const Expr& expr);

  /// Whether selectors work out where counters of histograms were reset. Under functions that look
  /// at counts and sums alone Prometheus reads histograms without their buckets and does so then,
  /// which warnings about conflicting resets tell of; not in subqueries, nor where buckets count.
  enum class ResetHints : uint8_t { AsStored, Detected, NeverDetected };
  /// Puts them back when an expression is evaluated.
  class KeepResetHints {
   public:
    explicit KeepResetHints(ResetHints& hints) : hints_(hints), before_(hints) {}
    ~KeepResetHints() { hints_ = before_; }
    KeepResetHints(const KeepResetHints&) = delete;
    KeepResetHints& operator=(const KeepResetHints&) = delete;

   private:
    ResetHints& hints_;
    const ResetHints before_;
  };

  QueryContext& context_;
  const StepGrid grid_;
  ResetHints reset_hints_ = ResetHints::AsStored;
};

/// Takes the columns apart, floats and histograms, staleness markers left out; they are used up.
void split(SampleColumns& columns, RangeSamples& out);
/// Gives histograms without a hint the one that a look at the histogram before them tells.
void detect_resets(SampleColumns& columns);

/// About how many samples a series has in such a time, for work to be divided.
inline uint64_t guessed_samples(DurationMs span) {
  constexpr int64_t kUsualIntervalMs = 15'000;
  return static_cast<uint64_t>(span.ms / kUsualIntervalMs);
}

/// Operators between expressions, in binary.cc.
Result<StepValue> eval_binary(Evaluator& evaluator, const Expr& expr, const Binary& binary);
/// Aggregations, in aggregate.cc.
Result<StepVector> eval_aggregate(Evaluator& evaluator, const Expr& expr, const Aggregate& node);

/// `labels` without __name__ and what else is said of the metric: __type__ and __unit__.
Labels without_name(const Labels& labels);

}  // namespace prom5::promql
