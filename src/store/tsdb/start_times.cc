#include "store/tsdb/start_times.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

constexpr DurationMs kNext{1};  // there is no time between two milliseconds

bool is_before(const StartTimes::Change& change, TimeMs time) { return change.from < time; }
bool is_after(TimeMs time, const StartTimes::Change& change) { return time < change.from; }

}  // namespace

StartTimes::StartTimes(const SampleColumns& columns) {
  for (size_t i = 0; i < columns.size(); ++i) {
    changes_.push_back({columns.times[i], TimeMs{static_cast<int64_t>(columns.values[i])}});
  }
  unite();
}

SampleColumns StartTimes::columns() const {
  SampleColumns out;
  for (const Change& change : changes_) {
    out.times.push_back(change.from);
    out.values.push_back(static_cast<double>(change.start.ms));
  }
  return out;
}

/// Changes that say what the one before says are none.
void StartTimes::unite() {
  TimeMs before = kUnsaid;
  std::erase_if(changes_, [&](const Change& change) {
    return std::exchange(before, change.start) == change.start;
  });
}

/// Makes a change of what holds from `from` on, unless the one before it says the same. The change
/// after it may say the same then. Most come at the end, where this costs nothing.
void StartTimes::put(TimeMs from, TimeMs start) {
  auto place = changes_.end();
  if (!changes_.empty() && changes_.back().from >= from) {
    place = std::lower_bound(changes_.begin(), changes_.end(), from, is_before);
  }
  const TimeMs before = place == changes_.begin() ? kUnsaid : std::prev(place)->start;
  if (place != changes_.end() && place->from == from) place = changes_.erase(place);
  if (before != start) changes_.insert(place, {from, start});
}

/// Lets go of the change at `from` where the one before it says the same.
void StartTimes::unite_at(TimeMs from) {
  const auto place = std::lower_bound(changes_.begin(), changes_.end(), from, is_before);
  if (place == changes_.end() || place->from != from) return;
  const TimeMs before = place == changes_.begin() ? kUnsaid : std::prev(place)->start;
  if (place->start == before) changes_.erase(place);
}

void StartTimes::set_from(TimeMs time, TimeMs start) {
  if (at(time) == start) return;
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), time, is_after);
  const TimeMs next_from = next == changes_.end() ? TimeMs::max() : next->from;
  put(time, start);
  unite_at(next_from);
}

void StartTimes::set_at(TimeMs time, TimeMs start) {
  if (at(time) == start) return;
  const TimeMs after = at(time + kNext);
  put(time, start);
  if (at(time + kNext) != after) put(time + kNext, after);
  unite_at(time + kNext);
}

TimeMs StartTimes::at(TimeMs time) const {
  if (changes_.empty()) return kUnsaid;
  if (changes_.back().from <= time) return changes_.back().start;
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), time, is_after);
  return after == changes_.begin() ? kUnsaid : std::prev(after)->start;
}

void StartTimes::overlay(const StartTimes& above, TimeRange range) {
  if (above.empty() || range.start > range.end) return;
  std::vector<TimeMs> borders;
  for (const Change& change : changes_) borders.push_back(change.from);
  const StartTimes upper = above.within(range);
  for (const Change& change : upper.changes_) borders.push_back(change.from);
  std::ranges::sort(borders);
  std::vector<Change> both;
  for (const TimeMs border : borders) {
    const TimeMs said = upper.at(border);
    both.push_back({border, said == kUnsaid ? at(border) : said});
  }
  changes_ = std::move(both);
  unite();
}

StartTimes StartTimes::within(TimeRange range) const {
  StartTimes out;
  out.changes_.push_back({range.start, at(range.start)});
  for (const Change& change : changes_) {
    if (change.from > range.start && change.from <= range.end) out.changes_.push_back(change);
  }
  if (range.end < TimeMs::max()) out.changes_.push_back({range.end + kNext, kUnsaid});
  out.unite();
  return out;
}

void StartTimes::drop_before(TimeMs cutoff) {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), cutoff, is_after);
  // The one before it holds at the cutoff.
  if (after != changes_.begin()) changes_.erase(changes_.begin(), std::prev(after));
}

void StartTimes::of(std::span<const TimeMs> times, std::vector<TimeMs>& out) const {
  out.clear();
  if (changes_.empty()) return;
  out.resize(times.size(), kNoStart);
  bool any = false;
  auto next = changes_.begin();
  TimeMs start = kUnsaid;
  for (size_t i = 0; i < times.size(); ++i) {
    for (; next != changes_.end() && next->from <= times[i]; ++next) start = next->start;
    if (start == kUnsaid || start == kNoStart) continue;
    out[i] = start;
    any = true;
  }
  if (!any) out.clear();
}

}  // namespace prom5::tsdb
