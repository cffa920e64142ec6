#include "ask/tools/find_causes.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/correlation.h"
#include "ask/catalogue/recipe_query.h"
#include "ask/tools/run_query.h"
#include "ask/tools/scan.h"

namespace prom5::tools {

namespace {

constexpr double kLeastScore = 4;
constexpr size_t kMaxCauses = 12;
/// What began this long before the effect, or little after it, may be its cause.
constexpr DurationMs kBefore = DurationMs::minutes(30);
constexpr DurationMs kAfter = DurationMs::minutes(10);

/// A stretch around a moment: an hour and more before it is what is usual.
ScanWindow around(TimeMs at, TimeMs now, bool past) {
  ScanWindow out;
  out.end = past ? std::min(now, at + DurationMs::minutes(30)) : at;
  out.recent = out.end - DurationMs::minutes(past ? 70 : 60);
  out.step = DurationMs::minutes(1);
  out.start = out.end - DurationMs::hours(5);
  return out;
}

struct Suspect {
  const Oddity* oddity = nullptr;
  double weight = 0;
  double r = 0;
};

}  // namespace

ToolSpec FindCauses::spec() const {
  return {"find_causes",
          "Looks for what else became unusual around a time, and ranks it as a cause of the given "
          "query's course or of the alerts that fire.",
          object_schema({{"promql?", "string", "the effect"},
                         {"name?", "string", "what the effect is called"},
                         {"alert?", "boolean", "explain a firing alert"},
                         {"words?", "array", "words of the question, to find the alert by"},
                         {"filters?", "array", "[{text, kind}]: names of things it is about"},
                         {"at?", "number", "Unix seconds, default now"},
                         {"past?", "boolean", "it is over"},
                         {"from?", "number", "Unix seconds: it was at some time since then"},
                         {"to?", "number", "and before then"},
                         {"unit?", "string", "of the effect"},
                         {"rise?", "boolean", "whether the effect is a rise or a fall; either"}})};
}

/// The firing alert that the words name best; all of them when they name none.
Result<Json> FindCauses::firing(const Json& words, TimeMs at, const ToolContext& context) {
  query::QueryRequest request;
  request.text = R"(ALERTS{alertstate="firing"})";
  request.start = request.end = at;
  const query::QueryResult result = TRY(run_query(engine_, request, context));
  Json out = Json::array();
  size_t most = 0;
  for (const query::Series& series : std::get<query::VectorValue>(result.value).series) {
    std::set<std::string> said;
    for (const LabelView label : series.labels) {
      for (const std::string& word : pack_.lexicon.words_of_name(label.value)) said.insert(word);
      said.insert(catalogue::fold(label.value));
    }
    size_t found = 0;
    for (const Json& word : words) {
      if (word.is_string() && said.contains(word.get<std::string>())) ++found;
    }
    if (found < most) continue;
    if (found > most) out = Json::array();
    most = found;
    out.push_back({{"labels", labels_json(series.labels)}});
  }
  return out;
}

/// A little after the effect began, where only a stretch of time is known.
Result<TimeMs> FindCauses::when(const Json& arguments, TimeMs at, const ToolContext& context) {
  const TimeMs from = time_of(arguments, "from", at);
  const TimeMs to = time_of(arguments, "to", at);
  const std::string promql = text_or(arguments, "promql", "");
  if (from >= to || promql.empty()) return at;
  VitalSign own;
  own.promql = promql;
  const std::vector<VitalSign> signs{own};
  const DurationMs length = to - from;
  const ScanWindow window{
      from - length, from, to, {std::max<int64_t>(60'000, length.ms / 180 / 1000 * 1000)}};
  const Scan found = TRY(scan(engine_, signs, window, 2, context));
  return found.oddities.empty() ? at : found.oddities.front().since + DurationMs::minutes(20);
}

/// What is to be explained, as far as it happened; `out` is told of it.
Result<std::optional<Oddity>> FindCauses::effect_of(const VitalSign& sign, const Json& arguments,
                                                    const ScanWindow& window,
                                                    const ToolContext& context, Json& out) {
  const std::vector<VitalSign> only{sign};
  Scan course = TRY(scan(engine_, only, window, 2, context));
  std::optional<Oddity> effect;
  if (!course.oddities.empty()) {
    effect = std::move(course.oddities.front());
    effect->sign = &sign;
    out["effect"] = oddity_json(*effect);
  }
  // What moved the other way is nothing to explain a rise by.
  const bool other_way =
      effect && arguments.contains("rise") && flag_of(arguments, "rise") != effect->deviation.up;
  if (course.judged > 0) out["happened"] = effect && !other_way;
  if (other_way) effect.reset();
  return effect;
}

Result<Json> FindCauses::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object()) return fail(ErrorCode::BadData, "find_causes takes an object");
  const TimeMs at = time_of(arguments, "at", context.now);
  const bool past = flag_of(arguments, "past");
  const std::string promql = text_or(arguments, "promql", "");
  Json filters = array_of(arguments, "filters");
  Json out = Json::object();
  if (flag_of(arguments, "alert")) {
    out["alerts"] = TRY(firing(array_of(arguments, "words"), at, context));
    if (out["alerts"].size() == 1) {
      for (const auto& [name, value] : out["alerts"][0]["labels"].items()) {
        if (name == "alertname" || name == "severity" || name == "alertstate" || name == "env") {
          continue;
        }
        filters.push_back({{"text", value}, {"kind", name}});
      }
    }
  }
  const TimeMs moment = TRY(when(arguments, at, context));
  const ScanWindow window = around(moment, context.now, past || moment < at);
  const auto snapshot = TRY(catalogue_.snapshot(context.now));
  VitalSign own;
  own.promql = promql;
  own.name = text_or(arguments, "name", promql);
  own.unit = text_or(arguments, "unit", "none");
  std::optional<Oddity> effect;
  if (!promql.empty()) effect = TRY(effect_of(own, arguments, window, context, out));
  // What an alert is about is looked at alone; a question about a course, among everything.
  const bool narrow = promql.empty() && !filters.empty();
  const std::vector<VitalSign> signs =
      vital_signs(pack_, *snapshot, narrow ? filters : Json::array());
  const Scan found = TRY(scan(engine_, signs, window, kLeastScore, context));
  std::vector<Suspect> suspects;
  for (const Oddity& oddity : found.oddities) {
    Suspect suspect{&oddity, std::min(oddity.deviation.score, 20.0), 0};
    if (!promql.empty() && reads_of(*oddity.sign, promql)) continue;  // a symptom, no cause
    if (effect) {
      if (oddity.since < effect->since - kBefore || oddity.since > effect->since + kAfter) continue;
      const auto r = analysis::best_lag(oddity.values, effect->values, 10);
      suspect.r = r.correlation.coefficient;
      suspect.weight *= std::fabs(suspect.r) * (oddity.since <= effect->since ? 2 : 1);
    }
    suspects.push_back(suspect);
  }
  std::stable_sort(suspects.begin(), suspects.end(),
                   [](const Suspect& a, const Suspect& b) { return a.weight > b.weight; });
  std::set<std::string> told;
  Json causes = Json::array();
  for (const Suspect& suspect : suspects) {
    if (causes.size() == kMaxCauses) break;
    if (!told.insert(suspect.oddity->sign->needs.front()).second) continue;
    show(*suspect.oddity, window, context);
    Json cause = oddity_json(*suspect.oddity);
    if (effect) cause["r"] = suspect.r;
    causes.push_back(std::move(cause));
  }
  if (effect) show(*effect, window, context);
  out["causes"] = std::move(causes);
  out["series"] = found.series;
  out["judged"] = found.judged;
  return out;
}

}  // namespace prom5::tools
