#include "query/range_cache.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>

#include "base/loop_turn.h"
#include "query/promql/functions.h"

namespace prom5::query {

namespace {

using promql::Expr;

/// Hashes remembered of questions asked once; then all are forgotten.
constexpr size_t kMaxAsked = 4096;
/// Longer questions are not kept: keys take room, too.
constexpr size_t kMaxText = 8192;
constexpr size_t kSlotBytes = 256;

bool depends_on_query(const promql::TimeModifiers& time) {
  return time.at == promql::AtKind::Start || time.at == promql::AtKind::End || time.offset_expr;
}

/// Adds what a subexpression whose times are shifted looks at.
void add_shifted(const promql::TimeModifiers& time, const Reach& inner, Reach& out) {
  if (time.at == promql::AtKind::Time) {
    out.fixed = std::max(out.fixed, time.at_time - time.offset + inner.ahead);
  } else {
    out.ahead = std::max(out.ahead, inner.ahead - time.offset);
  }
  out.fixed = std::max(out.fixed, inner.fixed);
}

bool has_name(const Expr& expr) {
  if (const auto* selector = expr.as<promql::VectorSelector>()) return names_metric(*selector);
  if (const auto* binary = expr.as<promql::Binary>()) {
    if (binary->op == promql::TokenType::Or) return false;
  }
  return std::ranges::all_of(promql::children(expr),
                             [](const Expr* inner) { return has_name(*inner); });
}

/// Whether a function's ranges are all of one metric.
bool one_name(const promql::Call& call) {
  return std::ranges::all_of(call.arguments, [](const promql::ExprPtr& argument) {
    return promql::type_of(*argument) != ValueType::RangeVector || has_name(*argument);
  });
}

/// False when the expression depends on the query's own start or end.
bool add_reach(const Expr& expr, DurationMs lookback, Reach& out) {
  if (const auto* selector = expr.as<promql::VectorSelector>()) {
    if (depends_on_query(selector->time)) return false;
    Reach own;
    if (selector->extended == promql::ExtendedRange::Smoothed) own.ahead = lookback;
    add_shifted(selector->time, own, out);
    return true;
  }
  if (const auto* matrix = expr.as<promql::MatrixSelector>()) {
    return !matrix->range_expr && add_reach(*matrix->vector, lookback, out);
  }
  if (const auto* subquery = expr.as<promql::Subquery>()) {
    if (depends_on_query(subquery->time) || subquery->range_expr || subquery->step_expr) {
      return false;
    }
    Reach inner;
    if (!add_reach(*subquery->expr, lookback, inner)) return false;
    add_shifted(subquery->time, inner, out);
    return true;
  }
  if (const auto* call = expr.as<promql::Call>()) {
    const std::string_view name = call->function->info.name;
    if (name == "start" || name == "end" || name == "range") return false;
    // Series that share their labels without the name are an error, whichever steps they are at.
    if (call->function->range != nullptr && !one_name(*call)) return false;
  }
  return std::ranges::all_of(promql::children(expr),
                             [&](const Expr* inner) { return add_reach(*inner, lookback, out); });
}

}  // namespace

std::optional<Reach> reach_of(const Expr& expr, DurationMs lookback) {
  Reach out;
  if (!add_reach(expr, lookback, out)) return std::nullopt;
  return out;
}

RangeCache::RangeCache(size_t max_bytes, MetricRegistry& metrics)
    : max_bytes_(max_bytes),
      hits_(metrics.counter("prom5_query_range_cache_hits_total",
                            "Range queries answered from the answer before.", {{"steps", "all"}})),
      partial_hits_(metrics.counter("prom5_query_range_cache_hits_total",
                                    "Range queries answered from the answer before.",
                                    {{"steps", "some"}})),
      misses_(metrics.counter("prom5_query_range_cache_misses_total",
                              "Range queries that were evaluated whole.")),
      evicted_(metrics.counter("prom5_query_range_cache_evicted_total",
                               "Answers that made room for others.")) {
  metrics.on_collect("prom5_query_range_cache_bytes", "Bytes of kept answers.",
                     MetricRegistry::Type::Gauge,
                     [this] { return static_cast<double>(bytes_.load()); });
}

namespace {

using Entry = RangeCache::Entry;

/// How many of the entry's steps, from its first, are as they would be now.
size_t steps_that_hold(const Entry& entry, TimeMs changed, const Reach& reach) {
  if (changed == TimeMs::max()) return entry.steps;
  if (reach.fixed >= changed || changed == TimeMs::min()) return 0;
  // Those that look at nothing as late as `changed`. Unsigned, where the two may be far apart.
  const TimeMs looks_from = entry.start + reach.ahead;
  if (looks_from >= changed) return 0;
  const auto before = static_cast<int64_t>(
      std::min<uint64_t>(static_cast<uint64_t>(changed.ms) - static_cast<uint64_t>(looks_from.ms),
                         static_cast<uint64_t>(INT64_MAX) - static_cast<uint64_t>(entry.step.ms)));
  const int64_t n = (before + entry.step.ms - 1) / entry.step.ms;
  return std::min(entry.steps, static_cast<size_t>(n));
}

/// Adds a line's points at the steps [first, first + count) to none.
void add_points(const Entry& entry, const Entry::Line& line, size_t first, size_t count,
                std::vector<Point>& out) {
  if (line.has.empty()) {
    out.resize(count);
    for (size_t i = 0; i < count; ++i) out[i] = {entry.at(first + i), line.values[first + i]};
    return;
  }
  for (size_t i = first; i < first + count; ++i) {
    if (line.has[i]) out.push_back({entry.at(i), line.values[i]});
  }
}

/// The entry's steps [first, first + count), then what was evaluated after them; both are in order
/// of their labels.
std::vector<Series> joined(const Entry& entry, size_t first, size_t count,
                           std::vector<Series> after) {
  std::vector<Series> out;
  out.reserve(std::max(entry.lines.size(), after.size()));
  auto next = after.begin();
  const auto take_after = [&] {
    out.push_back(std::move(*next));
    ++next;
  };
  for (const Entry::Line& line : entry.lines) {
    leave_event_loop_when_long();
    while (next != after.end() && next->labels < line.labels) take_after();
    Series series{line.labels, {}, {}};
    const bool goes_on = next != after.end() && next->labels == line.labels;
    series.points.reserve(count + (goes_on ? next->points.size() : 0));
    add_points(entry, line, first, count, series.points);
    if (goes_on) {
      if (!next->histograms.empty()) {
        series.histograms.resize(series.points.size());
        std::ranges::move(next->histograms, std::back_inserter(series.histograms));
      }
      std::ranges::copy(next->points, std::back_inserter(series.points));
      ++next;
    }
    if (!series.points.empty()) out.push_back(std::move(series));
  }
  while (next != after.end()) take_after();
  return out;
}

size_t steps_in(const QueryRequest& request) {
  return static_cast<size_t>((request.end - request.start).ms / request.step.ms) + 1;
}

/// Roughly what an entry takes.
size_t bytes_of(const QueryRequest& request, const std::vector<Series>& series) {
  const size_t steps = steps_in(request);
  size_t bytes = sizeof(Entry) + (2 * request.text.size()) + kSlotBytes;
  for (const Series& one : series) {
    bytes += sizeof(Entry::Line) + one.labels.bytes().size() + (steps * 9);
  }
  return bytes;
}

/// Null when it is not to be kept.
std::shared_ptr<const Entry> entry_of(const QueryRequest& request, const QueryResult& result,
                                      ChangeHistory::Mark mark, size_t max_bytes) {
  if (!result.annotations.warnings().empty() || !result.annotations.infos().empty()) return nullptr;
  const std::vector<Series>& all = std::get<MatrixValue>(result.value).series;
  const size_t bytes = bytes_of(request, all);
  if (bytes > max_bytes) return nullptr;
  auto entry = std::make_shared<Entry>();
  entry->start = request.start;
  entry->step = request.step;
  entry->steps = steps_in(request);
  entry->mark = mark;
  entry->bytes = bytes;
  for (const Series& series : all) {
    Entry::Line line{series.labels, {}, std::vector<double>(entry->steps)};
    if (!series.histograms.empty()) return nullptr;
    if (series.points.size() < entry->steps) line.has.resize(entry->steps);
    for (const Point& point : series.points) {
      const auto i = static_cast<size_t>((point.time - request.start).ms / request.step.ms);
      if (!line.has.empty()) line.has[i] = true;
      line.values[i] = point.value;
    }
    entry->lines.push_back(std::move(line));
  }
  return entry;
}

}  // namespace

bool RangeCache::takes(const QueryRequest& request) const {
  if (max_bytes_ == 0 || request.step.ms <= 0 || request.end < request.start) return false;
  // Times that are further apart than a duration can say are nobody's dashboard.
  constexpr TimeMs kFarthest{INT64_MAX / 4};
  return request.start.ms > -kFarthest.ms && request.end < kFarthest &&
         request.text.size() <= kMaxText && !request.no_cache && !request.per_step_stats;
}

Result<QueryResult> RangeCache::answer(Storage& storage, const QueryRequest& request,
                                       const Question& question, const Evaluate& evaluate) {
  const size_t wanted = steps_in(request);
  // By its length as well, or a short range would take the place of a long one in turn with it.
  const std::string key = fmt::format(
      "{} {} {} {} {} {}", request.step.ms, request.start.ms % request.step.ms,
      std::bit_width(wanted), question.lookback.ms, question.subquery_step.ms, request.text);
  const ChangeHistory::Mark mark = storage.mark_changes();
  const std::shared_ptr<const Entry> entry = find(key);
  size_t first = 0;
  size_t taken = 0;
  if (entry != nullptr && entry->start <= request.start) {
    first = static_cast<size_t>((request.start - entry->start).ms / request.step.ms);
    const size_t good = steps_that_hold(*entry, storage.changed_since(entry->mark), question.reach);
    if (first < good) taken = std::min(good - first, wanted);
  }
  QueryResult result;
  QueryRequest rest = request;
  rest.start = request.start + request.step * static_cast<int64_t>(taken);
  if (taken < wanted) {
    result = TRY(evaluate(rest));
  } else {
    result.value = MatrixValue{};
  }
  if (taken > 0) {
    (taken == wanted ? hits_ : partial_hits_).add();
    auto& series = std::get<MatrixValue>(result.value).series;
    series = joined(*entry, first, taken, std::move(series));
  } else {
    misses_.add();
  }
  if (taken < wanted && asked_before(key)) {
    if (auto kept = entry_of(request, result, mark, max_bytes_)) keep(key, std::move(kept));
  }
  return result;
}

std::shared_ptr<const RangeCache::Entry> RangeCache::find(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  slots_.splice(slots_.begin(), slots_, found->second);
  return found->second->entry;
}

bool RangeCache::asked_before(const std::string& key) {
  const MutexLock lock(mutex_);
  if (by_key_.contains(key)) return true;
  if (asked_.size() >= kMaxAsked) asked_.clear();
  return !asked_.insert(std::hash<std::string>()(key)).second;
}

void RangeCache::keep(const std::string& key, std::shared_ptr<const Entry> entry) {
  const MutexLock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    bytes_ -= found->second->entry->bytes;
    const auto slot = found->second;
    by_key_.erase(found);
    slots_.erase(slot);
  }
  bytes_ += entry->bytes;
  slots_.push_front({key, std::move(entry)});
  by_key_.emplace(slots_.front().key, slots_.begin());
  while (bytes_ > max_bytes_) {
    by_key_.erase(slots_.back().key);
    bytes_ -= slots_.back().entry->bytes;
    slots_.pop_back();
    evicted_.add();
  }
}

}  // namespace prom5::query
