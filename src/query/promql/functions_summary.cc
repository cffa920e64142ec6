#include <cmath>
#include <numeric>

#include "query/promql/functions.h"

namespace prom5::promql {

// Functions over ranges of which rollups tell a part. Where ranges lie on the rollups' borders the
// answers are those of the samples; where a range had to be widened to them, what adds up is scaled
// down to it.

namespace {

std::optional<StepPoint> point(double value) { return StepPoint{value, nullptr}; }

void note_ignored_histograms(const Window& w) {
  if (w.histograms.empty()) return;
  (*w.inform)(
      fmt::format("ignored histograms in a range containing both floats and histograms for "
                  "metric name \"{}\"",
                  w.metric));
}

bool mixed(const Window& w) {
  if (w.histograms.empty() && w.summed.counts.empty()) return false;
  (*w.warn)(
      fmt::format("encountered a mix of histograms and floats for metric name \"{}\"", w.metric));
  return true;
}

/// What increase and delta give for the window.
std::optional<double> change(const Window& w, const WindowSummary& s, bool counter) {
  if (mixed(w) || s.count < 2) return std::nullopt;
  return extrapolated(w,
                      {.first_time = s.first_time,
                       .last_time = s.last_time,
                       .samples = s.count,
                       .first = s.first,
                       .change = s.last - s.first + (counter ? s.resets : 0)},
                      counter);
}

}  // namespace

std::optional<StepPoint> summary_avg(const Window& w, const WindowSummary& s) {
  return mixed(w) ? std::nullopt : point(s.sum / s.count);
}

std::optional<StepPoint> summary_min(const Window& w, const WindowSummary& s) {
  note_ignored_histograms(w);
  return point(s.min);
}

std::optional<StepPoint> summary_max(const Window& w, const WindowSummary& s) {
  note_ignored_histograms(w);
  return point(s.max);
}

std::optional<StepPoint> summary_sum(const Window& w, const WindowSummary& s) {
  return mixed(w) ? std::nullopt : point(s.sum * w.share);
}

std::optional<StepPoint> summary_count(const Window& w, const WindowSummary& s) {
  const double summed = std::accumulate(w.summed.counts.begin(), w.summed.counts.end(), s.count);
  return point(std::round(summed * w.share) + static_cast<double>(w.histograms.size()));
}

std::optional<StepPoint> summary_first(const Window& w, const WindowSummary& s) {
  if (!w.histograms.empty() && w.histogram_times.front() < s.first_time) {
    return StepPoint{0, w.histograms.front()};
  }
  return point(s.first);
}

std::optional<StepPoint> summary_last(const Window& w, const WindowSummary& s) {
  if (!w.histograms.empty() && w.histogram_times.back() > s.last_time) {
    return StepPoint{0, w.histograms.back()};
  }
  return point(s.last);
}

std::optional<StepPoint> summary_present(const Window& /*w*/, const WindowSummary& /*s*/) {
  return point(1);
}

std::optional<StepPoint> summary_rate(const Window& w, const WindowSummary& s) {
  const auto grown = change(w, s, true);
  return grown ? point(*grown / w.range_seconds()) : std::nullopt;
}

std::optional<StepPoint> summary_increase(const Window& w, const WindowSummary& s) {
  const auto grown = change(w, s, true);
  return grown ? point(*grown * w.share) : std::nullopt;
}

std::optional<StepPoint> summary_delta(const Window& w, const WindowSummary& s) {
  const auto changed = change(w, s, false);
  return changed ? point(*changed * w.share) : std::nullopt;
}

}  // namespace prom5::promql
