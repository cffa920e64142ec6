#include "ask/tools/anomalies.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/trend.h"
#include "ask/tools/scan.h"

namespace prom5::tools {

namespace {

/// Of a thousand series of plain noise about one exceeds 6; where one query is asked about, less
/// is worth telling.
constexpr double kScoreAmongAll = 6;
constexpr double kScoreOfOne = 4;
constexpr size_t kMaxFindings = 30;
constexpr size_t kMaxPeers = 8;
constexpr double kRecentSeconds = 3600;
constexpr size_t kMaxQueries = 20;
/// A course that only rises, by this share of its level, is told though every value was to be
/// expected from the ones before.
constexpr double kGrowth = 0.15;
constexpr double kMonotony = 0.7;
/// What has values of less than a third of the time has no course yet.
constexpr size_t kPartOfTime = 3;

Json growth_of(const VitalSign& sign, const RangeFrame& frame, const FrameSeries& series,
               std::span<const double> times) {
  const auto first = std::ranges::find_if(series.values, [](double v) { return std::isfinite(v); });
  const auto line = analysis::trend(series.values, times);
  if (!line || std::fabs(line->monotony) < kMonotony) return {};
  if (line->count * kPartOfTime < frame.steps) return {};
  const double level = std::max(std::fabs(line->start), std::fabs(line->end));
  if (level == 0 || std::fabs(line->end - line->start) < kGrowth * level) return {};
  return {{"name", sign.name},
          {"labels", labels_json(series.labels)},
          {"observed", line->end},
          {"expected", line->start},
          {"score", kScoreOfOne},
          {"up", line->end > line->start},
          {"kind", "growth"},
          {"growing", line->end > line->start},
          {"since", frame.time_of(static_cast<size_t>(first - series.values.begin())).as_seconds()},
          {"unit", sign.unit}};
}

/// What differs from its like at the end.
void add_peers(const VitalSign& sign, const RangeFrame& frame, Json& findings) {
  std::vector<double> last;
  for (const FrameSeries& series : frame.series) {
    const auto recent = std::span(series.values).last(std::min<size_t>(5, frame.steps));
    const auto found =
        std::find_if(recent.rbegin(), recent.rend(), [](double v) { return !std::isnan(v); });
    last.push_back(found == recent.rend() ? NAN : *found);
  }
  for (const analysis::PeerOutlier& outlier : analysis::peer_outliers(last)) {
    if (findings.size() >= kMaxFindings) return;
    const Json labels = labels_json(frame.series[outlier.index].labels);
    const bool told = std::any_of(findings.begin(), findings.end(),
                                  [&](const Json& f) { return f["labels"] == labels; });
    if (told) continue;
    findings.push_back({{"name", sign.name},
                        {"labels", labels},
                        {"observed", last[outlier.index]},
                        {"expected", outlier.typical},
                        {"score", std::fabs(outlier.score)},
                        {"up", outlier.score > 0},
                        {"kind", "peer"},
                        {"unit", sign.unit}});
  }
}

}  // namespace

ToolSpec Anomalies::spec() const {
  return {"anomalies",
          "Finds what is unusual in the last recent_s seconds before end, compared with the hours "
          "before and with its peers: in the given queries, or else in everything known.",
          object_schema({{"queries?", "array", "[{name, promql, unit}]; left out: everything"},
                         {"filters?", "array", "[{text, kind}]: names of things to look at"},
                         {"things?", "array", "labels: only what is told apart by one of them"},
                         {"recent_s?", "number", "default 3600"},
                         {"end?", "number", "Unix seconds, default now"}})};
}

Result<Json> Anomalies::of_query(const Json& query, const Json& arguments,
                                 const ToolContext& context) {
  VitalSign sign;
  sign.promql = TRY(text_of(query, "promql", "anomalies"));
  sign.name = text_or(query, "name", sign.promql);
  sign.unit = text_or(query, "unit", "none");
  const TimeMs end = time_of(arguments, "end", context.now);
  const auto recent = static_cast<int64_t>(
      std::clamp(number_of(arguments, "recent_s", kRecentSeconds), 60.0, 864'000.0));
  const ScanWindow window = ScanWindow::before(end, DurationMs::seconds(recent));
  const FrameRequest request{window.start, window.end, window.step};
  const RangeFrame frame = TRY(range_frame(engine_, sign.promql, request, context));
  show(sign.promql, request, frame, context);
  Scan found;
  look_at(sign, frame, window, kScoreOfOne, found);
  Json findings = Json::array();
  for (const Oddity& oddity : found.oddities) {
    if (findings.size() == kMaxFindings) break;
    findings.push_back(oddity_json(oddity));
  }
  std::vector<double> times(frame.steps);
  for (size_t i = 0; i < frame.steps; ++i) times[i] = frame.time_of(i).as_seconds();
  for (const FrameSeries& series : frame.series) {
    const Json labels = labels_json(series.labels);
    const auto told = std::find_if(findings.begin(), findings.end(),
                                   [&](const Json& f) { return f["labels"] == labels; });
    if (told == findings.end() && findings.size() == kMaxFindings) continue;
    const Json growth = growth_of(sign, frame, series, times);
    if (growth.is_null()) continue;
    if (told == findings.end()) {
      findings.push_back(growth);
    } else {
      (*told)["growing"] = growth["growing"];
    }
  }
  add_peers(sign, frame, findings);
  return Json{
      {"findings", std::move(findings)}, {"series", found.series}, {"judged", found.judged}};
}

/// Those that are given.
Result<Json> Anomalies::of_queries(const Json& arguments, const ToolContext& context) {
  if (!arguments["queries"].is_array()) {
    return fail(ErrorCode::BadData, "anomalies: \"queries\" must be an array");
  }
  if (arguments["queries"].size() > kMaxQueries) {
    return fail(ErrorCode::BadData, "anomalies: at most {} queries at once", kMaxQueries);
  }
  Json findings = Json::array();
  size_t series = 0;
  size_t judged = 0;
  for (const Json& query : arguments["queries"]) {
    Json one = TRY(of_query(query, arguments, context));
    series += one["series"].get<size_t>();
    judged += one["judged"].get<size_t>();
    for (Json& finding : one["findings"]) findings.push_back(std::move(finding));
  }
  return Json{{"findings", std::move(findings)},
              {"series", series},
              {"judged", judged},
              {"unjudged", series - judged}};
}

Result<Json> Anomalies::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object()) return fail(ErrorCode::BadData, "anomalies takes an object");
  if (arguments.contains("queries")) return of_queries(arguments, context);
  const TimeMs end = time_of(arguments, "end", context.now);
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  std::vector<VitalSign> signs = vital_signs(pack_, *snapshot, array_of(arguments, "filters"));
  if (arguments.contains("things") && arguments["things"].is_array()) {
    std::set<std::string> labels;
    for (const Json& label : arguments["things"]) {
      if (label.is_string()) labels.insert(label.get<std::string>());
    }
    std::erase_if(signs, [&](const VitalSign& sign) {
      return std::none_of(sign.by.begin(), sign.by.end(),
                          [&](const std::string& label) { return labels.contains(label); });
    });
  }
  const auto recent = static_cast<int64_t>(
      std::clamp(number_of(arguments, "recent_s", kRecentSeconds), 60.0, 864'000.0));
  const ScanWindow window = ScanWindow::before(end, DurationMs::seconds(recent));
  const Scan found = TRY(scan(engine_, signs, window, kScoreAmongAll, context));
  Json findings = Json::array();
  if (arguments.contains("things")) {
    // What is asked about things of a kind is asked about them among their like.
    for (const VitalSign& sign : signs) {
      if (findings.size() >= kMaxFindings) break;
      TRY(context.may_go_on());
      const FrameRequest request{end - DurationMs::minutes(5), end, DurationMs::minutes(1)};
      const auto frame = range_frame(engine_, sign.promql, request, context);
      if (!frame) continue;
      const size_t before = findings.size();
      add_peers(sign, *frame, findings);
      if (findings.size() > before) show(sign.promql, request, *frame, context);
    }
    std::stable_sort(findings.begin(), findings.end(), [](const Json& a, const Json& b) {
      return a["score"].get<double>() > b["score"].get<double>();
    });
    if (findings.size() > kMaxPeers) findings.erase(findings.begin() + kMaxPeers, findings.end());
  }
  // Of each metric the strangest thing: many signs say the same of it.
  std::set<std::string> told;
  for (const Oddity& oddity : found.oddities) {
    if (findings.size() == kMaxFindings) break;
    if (!told.insert(oddity.sign->needs.front()).second) continue;
    findings.push_back(oddity_json(oddity));
    show(oddity, window, context);
  }
  return Json{{"findings", std::move(findings)}, {"series", found.series},
              {"judged", found.judged},          {"unjudged", found.series - found.judged},
              {"signs", signs.size()},           {"failed", found.failed}};
}

}  // namespace prom5::tools
