#include "ask/tools/scan.h"

#include <algorithm>
#include <cmath>

namespace prom5::tools {

namespace {

constexpr int64_t kPoints = 180;
/// How many times the recent part the past is to be.
constexpr int64_t kPastShare = 5;
constexpr ptrdiff_t kMaxOddities = 500;
constexpr DurationMs kLeastStep = DurationMs::seconds(30);
/// As unusual_window() has it.
constexpr ptrdiff_t kLeastPast = 8;

/// Whether there are values of before that tell what is usual.
bool is_known(std::span<const double> values, size_t first_recent) {
  const auto past = values.first(std::min(first_recent, values.size()));
  return std::ranges::count_if(past, [](double v) { return std::isfinite(v); }) >= kLeastPast;
}

}  // namespace

ScanWindow ScanWindow::before(TimeMs end, DurationMs recent) {
  ScanWindow out;
  const DurationMs length = recent * (kPastShare + 1);
  out.step = std::max(kLeastStep, DurationMs{length.ms / kPoints / 1000 * 1000});
  out.end = end;
  out.start = end - DurationMs{length.ms / out.step.ms * out.step.ms};
  out.recent = end - recent;
  return out;
}

Result<Scan> scan(query::Engine& engine, const std::vector<VitalSign>& signs,
                  const ScanWindow& window, double least_score, const ToolContext& context) {
  Scan out;
  for (const VitalSign& sign : signs) {
    TRY(context.may_go_on());
    const auto frame =
        range_frame(engine, sign.promql, {window.start, window.end, window.step}, context);
    if (!frame) {
      ++out.failed;
      continue;
    }
    look_at(sign, *frame, window, least_score, out);
  }
  return out;
}

void look_at(const VitalSign& sign, const RangeFrame& frame, const ScanWindow& window,
             double least_score, Scan& out) {
  const auto first_recent = static_cast<size_t>((window.recent - window.start).ms / window.step.ms);
  for (const FrameSeries& series : frame.series) {
    ++out.series;
    if (is_known(series.values, first_recent)) ++out.judged;
    const auto deviation = analysis::unusual_window(series.values, first_recent, least_score);
    if (!deviation) continue;
    out.oddities.push_back(
        {&sign, series.labels, *deviation, frame.time_of(deviation->onset), series.values});
  }
  std::ranges::stable_sort(out.oddities, std::greater(),
                           [](const Oddity& o) { return o.deviation.score; });
  if (std::ssize(out.oddities) > kMaxOddities) {
    out.oddities.erase(out.oddities.begin() + kMaxOddities, out.oddities.end());
  }
}

void show(const Oddity& oddity, const ScanWindow& window, const ToolContext& context) {
  const SeriesView series{oddity.labels, oddity.values};
  show(oddity.sign->promql, {window.start, window.end, window.step}, {&series, 1}, context);
}

Json oddity_json(const Oddity& oddity) {
  const analysis::Deviation& d = oddity.deviation;
  return {{"name", oddity.sign->name},
          {"promql", oddity.sign->promql},
          {"labels", labels_json(oddity.labels)},
          {"observed", d.observed},
          {"expected", d.expected},
          {"low", d.expected_low},
          {"high", d.expected_high},
          {"score", d.score},
          {"up", d.up},
          {"kind", d.kind == analysis::Deviation::Kind::Shift ? "shift" : "spike"},
          {"since", oddity.since.as_seconds()},
          {"unit", oddity.sign->unit}};
}

}  // namespace prom5::tools
