// Work on many series, in parts that other threads may take over.

#include <algorithm>
#include <optional>
#include <utility>

#include "base/loop_turn.h"
#include "base/mutex.h"
#include "query/promql/evaluator.h"

namespace prom5::promql {

std::unique_ptr<QueryContext> QueryContext::part() {
  Options own = options;
  own.trace = nullptr;  // the whole is traced
  own.repeated = nullptr;
  own.workers = nullptr;
  auto out = std::make_unique<QueryContext>(storage, query, start, end, step, own, nullptr);
  out->is_part_ = true;
  out->parts_ = parts_;
  parts_->given_up = false;
  parts_->held_by_whole = held_;
  out->stats_.per_step.resize(stats_.per_step.size());
  return out;
}

void QueryContext::take_part(QueryContext& part) {
  for (const std::string& text : part.annotations.warnings()) annotations.warn(text);
  for (const std::string& text : part.annotations.infos()) annotations.inform(text);
  const query::QueryStats& stats = part.stats_;
  count_samples(stats.samples);
  for (size_t i = 0; i < stats.per_step.size(); ++i) {
    stats_.per_step[i].queryable += stats.per_step[i].queryable;
    stats_.per_step[i].read += stats.per_step[i].read;
  }
  stats_.peak_samples = std::max(stats_.peak_samples, stats.peak_samples);
  stats_.samples_loaded += stats.samples_loaded;
  stats_.series_loaded += stats.series_loaded;
  if (ticket_ != nullptr) ticket_->count_samples(stats_.samples_loaded);
  parts_->held_by_whole = held_;
  parts_->granted -= std::exchange(part.granted_, 0);
}

namespace {

/// How many parts: so many that none has to wait long for the last, and each with milliseconds of
/// work, beside which it is little to wake a thread and to decode times that the part before had.
size_t parts_for(size_t series, uint64_t samples, size_t steps, size_t threads) {
  constexpr uint64_t kOfSeries = 32;        // what finding one costs beside its samples
  constexpr uint64_t kLeastWork = 131'072;  // samples and points
  constexpr size_t kOfThread = 2;
  const uint64_t work = series * (kOfSeries + samples + steps);
  return std::min({kOfThread * threads, static_cast<size_t>(work / kLeastWork), series / 8});
}

}  // namespace

Result<void> Evaluator::each_in_parts(SeriesSet& set, uint64_t samples, const PartReader& read,
                                      SeriesSink& sink) {
  query::PartWorkers* const workers = context_.options.workers;
  if (workers == nullptr || workers->threads() == 0) return read(*this, set, sink);
  const size_t wanted = parts_for(set.series_count(), samples, grid_.count, workers->threads() + 1);
  if (wanted < 2) return read(*this, set, sink);
  leave_event_loop();
  std::vector<std::unique_ptr<SeriesSet>> sets = set.split(wanted);
  if (sets.empty()) return read(*this, set, sink);
  struct Part {
    Part(std::unique_ptr<QueryContext> of_part, StepGrid grid, const SeriesSink& whole)
        : context(std::move(of_part)), on(*context, grid), sink(whole.part(on)) {}
    std::unique_ptr<QueryContext> context;
    Evaluator on;
    std::unique_ptr<SeriesSink> sink;
  };
  std::vector<std::unique_ptr<Part>> parts;
  for (size_t i = 0; i < sets.size(); ++i) {
    parts.push_back(std::make_unique<Part>(context_.part(), grid_, sink));
    parts.back()->on.reset_hints_ = reset_hints_;
  }
  Mutex mutex;
  std::optional<Error> cause;  // of a part's failure, which may come before those it is told to
  const Result<void> done = workers->run(
      parts.size(),
      [&](size_t i) {
        Result<void> read_part = read(parts[i]->on, *sets[i], *parts[i]->sink);
        if (!read_part && read_part.error().message != kGivenUp) {
          const MutexLock lock(mutex);
          if (!cause) cause = read_part.error();
          context_.give_up_parts();
        }
        return read_part;
      },
      [&](size_t i) {
        const std::unique_ptr<Part> part = std::move(parts[i]);
        sets[i].reset();
        context_.take_part(*part->context);
        Result<void> joined = sink.join(*part->sink);
        if (!joined) context_.give_up_parts();
        return joined;
      });
  // Of those that were given up.
  for (const auto& part : parts) {
    if (part) context_.take_part(*part->context);
  }
  if (!done && cause) return std::unexpected(*cause);
  return done;
}

}  // namespace prom5::promql
