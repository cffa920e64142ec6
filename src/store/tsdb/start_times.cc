#include "store/tsdb/start_times.h"

#include <algorithm>

namespace prom5::tsdb {

namespace {

constexpr DurationMs kNext{1};  // there is no time between two milliseconds

bool is_before(const StartTimes::Change& change, TimeMs time) { return change.from < time; }

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

/// Neighbours may be the same then, until unite().
void StartTimes::put(TimeMs from, TimeMs start) {
  const auto place = std::lower_bound(changes_.begin(), changes_.end(), from, is_before);
  if (place != changes_.end() && place->from == from) {
    place->start = start;
  } else {
    changes_.insert(place, {from, start});
  }
}

void StartTimes::set_from(TimeMs time, TimeMs start) {
  if (at(time) == start) return;
  put(time, start);
  unite();
}

void StartTimes::set_at(TimeMs time, TimeMs start) {
  if (at(time) == start) return;
  put(time + kNext, at(time + kNext));
  put(time, start);
  unite();
}

TimeMs StartTimes::at(TimeMs time) const {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), time,
                                      [](TimeMs t, const Change& c) { return t < c.from; });
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
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), cutoff,
                                      [](TimeMs t, const Change& c) { return t < c.from; });
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
