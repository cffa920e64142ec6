#include "ask/llm/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "ask/llm/coverage_words.h"
#include "ask/llm/direction_words.h"
#include "ask/llm/forecast_words.h"
#include "ask/llm/outage_words.h"
#include "ask/llm/telling.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using texts::TextCatalogue;

/// How far back a proposed alert is tried.
constexpr uint64_t kTestedHours = 24;
/// Of fewer moments that two things have in common nothing is said.
constexpr size_t kComparable = 10;

std::string name_of_row(const Row& row) { return row.name; }

std::string say_status(const Telling& told, const std::vector<Row>& rows, size_t total) {
  const TextCatalogue& texts = told.texts;
  const std::string& window = told.plan.window;
  if (rows.empty()) return texts.say("status.no_target");
  std::vector<Row> down;
  for (const Row& row : rows) {
    if (row.value == 0) down.push_back(row);
  }
  const bool now = window.empty();
  if (down.empty() && rows.size() == 1) {
    return now ? texts.say("status.up", {{"name", rows[0].name}})
               : texts.say("status.up_throughout", {{"name", rows[0].name}, {"window", window}});
  }
  if (down.empty()) {
    return now ? texts.say("status.all_up", {{"total", total}})
               : texts.say("status.all_up_throughout", {{"total", total}, {"window", window}});
  }
  const std::string names = some_of(texts, down, name_of_row);
  if (!now) return texts.say("status.was_down", {{"window", window}, {"names", names}});
  return texts.say("status.down", {{"down", down.size()}, {"total", total}, {"names", names}});
}

std::string say_problems(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  const std::vector<Row> alerts =
      rows_of({"alertname", "service", "instance", "pod", "consumergroup"},
              result_of(told.results, "alerts"));
  const std::vector<Row> down = rows_of({"job", "instance"}, result_of(told.results, "down"));
  const std::string firing =
      alerts.empty()
          ? texts.say("problems.no_alert")
          : texts.say("problems.alerts", {{"count", alerts.size()},
                                          {"alerts", some_of(texts, alerts, name_of_row, 10)}});
  return firing + " " +
         (down.empty()
              ? texts.say("problems.no_target_down")
              : texts.say("problems.down", {{"names", some_of(texts, down, name_of_row)}}));
}

/// A value, of a range with its course.
std::string say_course(const Telling& told, const Row& row) {
  std::string value = told.value(row.value);
  if (!told.plan.range) return value;
  return told.texts.say("row.range", {{"value", std::move(value)},
                                      {"lowest", told.value(row.lowest)},
                                      {"highest", told.value(row.highest)},
                                      {"first", told.value(row.first)}});
}

std::string say_row(const Telling& told, const Row& row) {
  std::string value = say_course(told, row);
  if (row.name.empty()) return value;
  return told.texts.say("row.named", {{"name", row.name}, {"value", std::move(value)}});
}

void sort_rows(const Plan& plan, std::vector<Row>& rows) {
  const bool least = plan.wording == "bottom" || plan.least_is_worst || plan.wording == "left";
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (std::isnan(a.value) != std::isnan(b.value)) return std::isnan(b.value);
    return least ? a.value < b.value : a.value > b.value;
  });
}

/// Why there may be nothing to say.
std::string say_nothing(const Telling& told) {
  const Plan& plan = told.plan;
  const TextCatalogue& texts = told.texts;
  // Of a time without data it is not known that nothing was found in it.
  const Json& known = result_of(told.results, "coverage");
  const bool without =
      known.value("asked_s", 0.0) > kRateWindow.as_seconds() && !known.contains("since");
  if (without) return texts.say("value.no_data_then", {{"subject", plan.subject}});
  if (plan.wording == "beyond") return texts.say("value.none_beyond", {{"subject", plan.subject}});
  if (plan.finding) return texts.say("value.all_well", {{"subject", plan.subject}});
  if (plan.promql.starts_with("count(")) {
    return texts.say("value.zero", {{"subject", plan.subject}});
  }
  const Json& why = result_of(told.results, "doctor");
  const bool then = plan.range || plan.promql.find(" offset ") != std::string::npos ||
                    (plan.covers.end.ms > 0 && plan.covers.end < told.now);
  std::string out = then ? texts.say("value.no_data_then", {{"subject", plan.subject}})
                         : texts.say("value.no_data", {{"subject", plan.subject}});
  if (why.contains("findings") && !why["findings"].empty()) {
    out += " " + why["findings"][0].value("text", "");
  }
  return out;
}

/// All that there is of a kind.
std::string say_things(const Telling& told, std::vector<Row>& rows, size_t total) {
  constexpr size_t kMost = 30;
  const TextCatalogue& texts = told.texts;
  const std::string& kind = told.plan.subject;
  std::ranges::sort(rows, {}, &Row::name);
  const std::initializer_list<texts::Filling> places = {
      {"total", total}, {"names", some_of(texts, rows, name_of_row, kMost, total)}};
  if (kind == "services") return texts.say("things.services", places);
  if (kind == "jobs") return texts.say("things.jobs", places);
  if (kind == "namespaces") return texts.say("things.namespaces", places);
  if (kind == "pods") return texts.say("things.pods", places);
  if (kind == kLabelValues) {
    return texts.say("things.values", {{"total", total},
                                       {"label", told.plan.entity_labels.front()},
                                       {"names", some_of(texts, rows, name_of_row, kMost, total)}});
  }
  if (kind == "targets") return texts.say("things.targets", places);
  return texts.say("things.hosts", places);
}

/// What lay between the points of a chart, too.
void widen(const Telling& told, const std::vector<std::string>& labels, std::vector<Row>& rows) {
  for (const std::string_view side : {"max", "min"}) {
    for (const Row& extreme : rows_of(labels, result_of(told.results, side))) {
      const auto row = std::ranges::find(rows, extreme.name, &Row::name);
      if (row == rows.end()) continue;
      row->lowest = std::min(row->lowest, extreme.value);
      row->highest = std::max(row->highest, extreme.value);
    }
  }
}

/// The labels that tell the rows of an asker's own query apart: what is the same of all is not
/// told of each. Of one row, all.
std::vector<std::string> labels_of_written(const Json& data) {
  std::map<std::string, std::set<std::string>> values;
  const Json series = data.value("result", Json::array());
  for (const Json& one : series) {
    if (!one.is_object() || !one.contains("metric")) continue;
    for (const auto& [name, value] : one["metric"].items()) {
      values[name].insert(value.get<std::string>());
    }
  }
  std::vector<std::string> out;
  for (const auto& [name, different] : values) {
    const bool of_all = std::ranges::all_of(series, [&](const Json& one) {
      return one.is_object() && one.contains("metric") && one["metric"].contains(name);
    });
    if (different.size() > 1 || !of_all) out.push_back(name);
  }
  return out;
}

/// "queue=mail job=shop" of these labels; of all where none are named.
std::string name_as_written(const Json& labels, const std::vector<std::string>& wanted) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : labels.items()) {
    const bool metric = name == "__name__";
    const bool is_wanted =
        wanted.empty() ? !metric : std::ranges::find(wanted, name) != wanted.end();
    if (is_wanted) parts.push_back((metric ? "" : name + "=") + value.get<std::string>());
  }
  return join_words(parts, " ");
}

std::vector<Row> rows_of_values(const Telling& told, const Json& data) {
  if (!told.plan.written) {
    const std::vector<std::string> labels = labels_apart(told.plan.entity_labels, data);
    std::vector<Row> rows = rows_of(labels, data, filling(told.plan, told.results));
    widen(told, labels, rows);
    return rows;
  }
  const std::vector<std::string> labels = labels_of_written(data);
  Json named = data;
  if (named.value("resultType", "") != "vector") return rows_of({}, data);
  for (Json& series : named["result"]) {
    series["metric"] = {{"name", name_as_written(series["metric"], labels)}};
  }
  return rows_of({"name"}, named);
}

std::string say_values(const Telling& told) {
  const Plan& plan = told.plan;
  const TextCatalogue& texts = told.texts;
  const Json& data = result_of(told.results, "query");
  std::vector<Row> rows = rows_of_values(told, data);
  const size_t total = data.value("total", rows.size());
  if (plan.wording == "status") return say_status(told, rows, total);
  if (rows.empty()) return say_nothing(told);
  if (plan.wording == "things") return say_things(told, rows, total);
  sort_rows(plan, rows);
  if (plan.finding || plan.wording == "beyond") {
    const bool plain = plan.finding && (plan.unit == "flag" || plan.unit == "none");
    const auto say = [&](const Row& row) { return plain ? row.name : say_row(told, row); };
    return texts.say("value.found", {{"subject", plan.subject},
                                     {"total", total},
                                     {"rows", some_of(texts, rows, say, kMaxNamed, total)}});
  }
  const auto say = [&](const Row& row) { return say_row(told, row); };
  if (rows.size() == 1 && !rows[0].name.empty()) {
    return texts.say(
        "value.of_one",
        {{"subject", plan.subject}, {"name", rows[0].name}, {"value", say_course(told, rows[0])}});
  }
  std::string list = rows.size() == 1 ? say(rows[0]) : some_of(texts, rows, say, kMaxNamed, total);
  return texts.say("value.said", {{"subject", plan.subject}, {"rows", std::move(list)}});
}

/// "p50 … p99 …": each query's values one after another.
std::string say_several(const Telling& told) {
  const Plan& plan = told.plan;
  std::vector<std::string> parts;
  for (size_t i = 0; i < plan.more.size(); ++i) {
    const Json& data = result_of(told.results, "query" + std::to_string(i));
    const std::vector<Row> rows = rows_of(labels_apart(plan.entity_labels, data), data);
    const auto say = [&](const Row& row) { return say_row(told, row); };
    parts.push_back(told.texts.say(
        "row.named", {{"name", plan.names.at(i)}, {"value", some_of(told.texts, rows, say)}}));
  }
  return told.texts.say("value.said",
                        {{"subject", plan.subject}, {"rows", join_words(parts, "; ")}});
}

/// What one thing had then and has now.
std::string say_change(const Telling& told, const Row& now, const Row& then) {
  const TextCatalogue& texts = told.texts;
  const std::string now_value = told.value(now.value);
  const std::string then_value = told.value(then.value);
  const std::string& window = told.plan.window;
  std::string row;
  if (then.value != 0 && std::isfinite(now.value / then.value)) {
    const double change = (now.value / then.value - 1) * 100;
    row = texts.say("compare.changed_row",
                    {{"now", now_value},
                     {"then", then_value},
                     {"window", window},
                     {"change", (change >= 0 ? "+" : "") + short_number(change)}});
  } else {
    row = texts.say("compare.row", {{"now", now_value}, {"then", then_value}, {"window", window}});
  }
  if (now.name.empty()) return row;
  return texts.say("compare.named_row", {{"name", now.name}, {"row", std::move(row)}});
}

std::string say_comparison(const Telling& told) {
  const Plan& plan = told.plan;
  const TextCatalogue& texts = told.texts;
  const std::vector<std::string> labels =
      labels_apart(plan.entity_labels, result_of(told.results, "now"));
  const std::vector<Row> now = rows_of(labels, result_of(told.results, "now"));
  const std::vector<Row> then = rows_of(labels, result_of(told.results, "then"));
  if (now.empty()) return texts.say("compare.no_data_now", {{"subject", plan.subject}});
  if (then.empty()) {
    return texts.say("compare.no_data_then", {{"subject", plan.subject}, {"window", plan.window}});
  }
  std::vector<std::string> parts;
  for (const Row& a : now) {
    const auto b =
        std::find_if(then.begin(), then.end(), [&](const Row& r) { return r.name == a.name; });
    if (b == then.end() || parts.size() == kMaxNamed) continue;
    parts.push_back(say_change(told, a, *b));
  }
  std::string list = with_rest(texts, join_words(parts, "; "), now.size(), parts.size());
  return texts.say("value.said", {{"subject", plan.subject}, {"rows", std::move(list)}});
}

std::string say_episode(const Telling& told, const Json& episode) {
  const TextCatalogue& texts = told.texts;
  const std::string name = name_of(episode["labels"], told.plan.entity_labels);
  const std::string from = told.time_of(episode, "start");
  const bool open = episode.value("open", false);
  if (name.empty()) {
    return open ? texts.say("alert.open_episode", {{"time", from}})
                : texts.say("alert.episode", {{"time", from}});
  }
  return open ? texts.say("alert.open_episode_of", {{"name", name}, {"time", from}})
              : texts.say("alert.episode_of", {{"name", name}, {"time", from}});
}

/// Where the data begins that an alert was tried on; empty where nearly all its hours have some.
std::string tested_since(const Telling& told, const Json& test) {
  constexpr double kEnough = 0.9;
  const double seconds = test.value("tested_s", 3600.0 * kTestedHours);
  if (seconds >= kEnough * 3600 * kTestedHours) return "";
  return told.time_of(test, "data_since");
}

std::string say_alert(const Telling& told) {
  const Json& action = *told.plan.action;
  const TextCatalogue& texts = told.texts;
  const Json& test = result_of(told.results, "backtest");
  const int64_t hold_s = action.value("for_s", int64_t{0});
  const std::string out =
      texts.say("alert.proposed", {{"alert", action.value("alert", "")},
                                   {"promql", told.plan.promql},
                                   {"hold", format_duration(DurationMs::seconds(hold_s))},
                                   {"severity", action.value("severity", "")}});
  if (!test.contains("episodes")) return out;
  const size_t count = test.value("count", size_t{0});
  const std::string since = tested_since(told, test);
  if (count == 0) {
    return out + " " +
           (since.empty() ? texts.say("alert.quiet", {{"hours", kTestedHours}})
                          : texts.say("alert.quiet_since", {{"time", since}}));
  }
  std::vector<std::string> parts;
  for (const Json& episode : test["episodes"]) {
    if (parts.size() == 3) break;
    parts.push_back(say_episode(told, episode));
  }
  std::string list = with_rest(texts, join_words(parts, "; "), count, parts.size());
  if (!since.empty()) {
    return out + " " +
           texts.say("alert.would_have_fired_since",
                     {{"count", count}, {"time", since}, {"episodes", std::move(list)}});
  }
  return out + " " +
         texts.say("alert.would_have_fired",
                   {{"count", count}, {"hours", kTestedHours}, {"episodes", std::move(list)}});
}

std::string say_silence(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  const Json& hits = result_of(told.results, "hits");
  const bool all = told.plan.wording == "silence_all";
  if (all && !told.plan.action) return texts.say("silence.none_fires");
  std::vector<std::string> matchers;
  for (const auto& [name, value] : (*told.plan.action)["matchers"].items()) {
    matchers.push_back(name + "=" + value.get<std::string>());
  }
  std::string out = all ? texts.say("silence.of_all", {{"window", told.plan.window}})
                        : texts.say("silence.proposed", {{"matchers", join_words(matchers, ", ")},
                                                         {"window", told.plan.window}});
  if (const std::string starts = told.plan.frame.value("starts", ""); !starts.empty()) {
    out += " " + texts.say("silence.begins", {{"time", starts}});
  }
  if (!hits.contains("alerts")) return out;
  if (hits["alerts"].empty()) return out + " " + texts.say("silence.hits_none");
  std::vector<std::string> names;
  for (const Json& alert : hits["alerts"]) {
    if (names.size() == kMaxNamed) break;
    names.push_back(name_of(alert["labels"], {"alertname", "instance", "service"}));
  }
  return out + " " +
         texts.say("silence.hits",
                   {{"count", hits["alerts"].size()}, {"alerts", join_words(names, "; ")}});
}

/// "latency of web-01", or the name alone.
std::string say_name(const TextCatalogue& texts, const std::string& name,
                     const std::string& thing) {
  return thing.empty() ? name : texts.say("name.of", {{"name", name}, {"thing", thing}});
}

std::string say_strength(const TextCatalogue& texts, const std::string& a, const std::string& b,
                         double r) {
  const std::initializer_list<texts::Filling> places = {
      {"a", a}, {"b", b}, {"r", fmt::format("{:.2f}", r)}};
  const double strength = std::fabs(r);
  if (strength >= 0.8) {
    return r > 0 ? texts.say("correlation.strong_positive", places)
                 : texts.say("correlation.strong_negative", places);
  }
  if (strength >= 0.5) {
    return r > 0 ? texts.say("correlation.moderate_positive", places)
                 : texts.say("correlation.moderate_negative", places);
  }
  if (strength >= 0.3) {
    return r > 0 ? texts.say("correlation.weak_positive", places)
                 : texts.say("correlation.weak_negative", places);
  }
  return texts.say("correlation.no", places);
}

std::string say_pair(const Telling& told, const Json& pair) {
  const TextCatalogue& texts = told.texts;
  const double r = pair.value("r", 0.0);
  const double lag = pair.value("lag_s", 0.0);
  const auto side = [&](const std::string& key) {
    return say_name(texts, texts.name(pair.value(key + "_name", pair.value(key, ""))),
                    pair.value(key + "_thing", ""));
  };
  const std::string a = side("a");
  const std::string b = side("b");
  if (pair.value("count", kComparable) < kComparable) {
    return texts.say("correlation.unknown", {{"a", a}, {"b", b}});
  }
  std::string out = say_strength(texts, a, b, r);
  if (lag != 0 && std::fabs(r) >= 0.3) {
    out = texts.say("correlation.follows", {{"pair", std::move(out)},
                                            {"follower", lag > 0 ? b : a},
                                            {"lag", say_seconds(std::fabs(lag), texts)}});
  }
  if (pair.value("p", 0.0) <= 0.05) return out;
  return texts.say("correlation.chance", {{"pair", std::move(out)}});
}

std::string say_correlation(const Telling& told) {
  const Json& found = result_of(told.results, "correlation");
  const Json pairs = found.value("pairs", Json::array());
  if (pairs.empty()) return told.texts.say("correlation.none", {{"subject", told.plan.subject}});
  std::vector<std::string> parts;
  for (const Json& pair : pairs) {
    if (parts.size() == kMaxNamed) break;
    parts.push_back(say_pair(told, pair));
  }
  std::string said = join_words(parts, "; ") + ".";
  const auto part = partial_data(told.plan, told.results);
  if (!part || !part->is_little()) return said;
  return say_of_little(*part, std::move(said), told.texts);
}

std::string say_finding(const TextCatalogue& texts, const Json& f) {
  const std::string unit = f.value("unit", "none");
  const std::string name = say_name(texts, texts.name(f.value("name", "")),
                                    name_of(f.value("labels", Json::object()), {}));
  const std::string kind = f.value("kind", "");
  if (kind == "alert") return texts.say("finding.alert", {{"name", name}});
  const bool is_down = unit == "up" && f.value("observed", 1.0) == 0;
  if (kind != "peer" && is_down) return texts.say("finding.down", {{"name", name}});
  const std::initializer_list<texts::Filling> places = {
      {"name", name},
      {"observed", say_value(f.value("observed", 0.0), unit, texts)},
      {"expected", say_value(f.value("expected", 0.0), unit, texts)}};
  if (kind == "peer") return texts.say("finding.peer", places);
  return f.value("up", true) ? texts.say("finding.higher", places)
                             : texts.say("finding.lower", places);
}

/// With since when it is so, where that is known.
std::string say_dated_finding(const Telling& told, const Json& f, bool growing) {
  std::string out = say_finding(told.texts, f);
  if (!f.contains("since")) return out;
  const std::string since = told.time_of(f, "since");
  return growing ? told.texts.say("finding.growing", {{"finding", std::move(out)}, {"time", since}})
                 : told.texts.say("finding.since", {{"finding", std::move(out)}, {"time", since}});
}

std::string say_anomalies(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  const Json& found = result_of(told.results, "anomalies");
  const Json findings = found.value("findings", Json::array());
  const size_t looked_at = found.value("series", size_t{0});
  const size_t judged = found.value("judged", looked_at);
  if (findings.empty() && judged * 2 < looked_at) {
    return judged == 0 ? texts.say("anomaly.too_early", {{"series", looked_at}})
                       : texts.say("anomaly.none_of_judged",
                                   {{"judged", judged}, {"rest", looked_at - judged}});
  }
  if (findings.empty()) {
    return told.plan.subject == kEverything
               ? texts.say("anomaly.none_at_all", {{"series", looked_at}})
               : texts.say("anomaly.none", {{"subject", told.plan.subject}, {"series", looked_at}});
  }
  std::vector<std::string> parts;
  for (const Json& f : findings) {
    if (parts.size() == 10) break;
    parts.push_back(say_dated_finding(told, f, f.value("growing", false)));
  }
  return texts.say(
      "anomaly.found",
      {{"found", findings.size()}, {"series", looked_at}, {"findings", join_words(parts, "; ")}});
}

std::string say_causes(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  const Json& found = result_of(told.results, "causes");
  std::string out;
  if (const Json alerts = found.value("alerts", Json::array()); !alerts.empty()) {
    std::vector<std::string> names;
    for (const Json& alert : alerts) {
      if (names.size() == 3) break;
      const Json labels = alert.value("labels", Json::object());
      names.push_back(texts.say("cause.alert", {{"alert", labels.value("alertname", "")},
                                                {"labels", name_of(labels, {})}}));
    }
    out += texts.say("cause.firing", {{"alerts", join_words(names, "; ")}}) + " ";
  }
  // That it is down is said already.
  if (found.contains("effect") && told.plan.wording != "why_down") {
    out += texts.say("cause.effect", {{"finding", say_finding(texts, found["effect"])}}) + " ";
  }
  const bool happened = found.value("happened", true);
  if (!happened && !found.contains("effect")) {
    out += texts.say("cause.no_effect", {{"subject", told.plan.subject}}) + " ";
  }
  const Json causes = found.value("causes", Json::array());
  const size_t looked_at = found.value("series", size_t{0});
  if (causes.empty() && found.value("judged", looked_at) * 2 < looked_at) {
    return out + texts.say("cause.too_early");
  }
  if (causes.empty() && !happened) return out + texts.say("cause.nothing_else");
  if (causes.empty()) {
    return out + (told.plan.subject.empty()
                      ? texts.say("cause.none")
                      : texts.say("cause.none_of", {{"subject", told.plan.subject}}));
  }
  std::vector<std::string> parts;
  for (const Json& f : causes) {
    if (parts.size() == 6) break;
    parts.push_back(say_dated_finding(told, f, false));
  }
  const std::string findings = join_words(parts, "; ");
  return out + (happened ? texts.say("cause.likeliest", {{"findings", findings}})
                         : texts.say("cause.elsewhere", {{"findings", findings}}));
}

std::string say_description(const Telling& told) {
  const Plan& plan = told.plan;
  const TextCatalogue& texts = told.texts;
  const Json& series = result_of(told.results, "series");
  const std::string help = series.value("help", "");
  const std::string metric = series.value("metric", plan.subject);
  const std::string type = series.value("type", "");
  std::string out = type.empty() ? texts.say("describe.metric", {{"metric", metric}})
                                 : texts.say("describe.type", {{"metric", metric}, {"type", type}});
  if (!help.empty()) {
    out = texts.say("describe.helped", {{"words", std::move(out)}, {"help", help}});
  }
  if (!plan.explanation.empty() && plan.explanation != help) out += " " + plan.explanation;
  if (!out.ends_with('.')) out += ".";
  if (const Json bounds = series.value("bounds", Json::array()); !bounds.empty()) {
    const std::string unit = metric.ends_with("_seconds") ? "seconds" : "none";
    out += " " + texts.say("describe.bounds",
                           {{"buckets", bounds.size()},
                            {"lowest", say_value(bounds.front().get<double>(), unit, texts)},
                            {"highest", say_value(bounds.back().get<double>(), unit, texts)}});
  }
  const Json labels = series.value("labels", Json::array());
  std::vector<std::string> names;
  for (const Json& label : labels) names.push_back(label.value("name", ""));
  const size_t count = series.value("series", size_t{0});
  return out + " " +
         (names.empty() ? texts.say("describe.series", {{"series", count}})
                        : texts.say("describe.series_by",
                                    {{"series", count}, {"labels", join_words(names, ", ")}}));
}

std::string say_list(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  const Json& found = result_of(told.results, "found");
  const Json metrics = found.value("metrics", Json::array());
  if (metrics.empty()) return texts.say("metrics.none");
  // What has the words is what was asked for; what only means the like, where nothing has them.
  const bool has_words = std::any_of(metrics.begin(), metrics.end(), [](const Json& metric) {
    return metric.value("by", "words") == "words";
  });
  std::vector<std::string> names;
  for (const Json& metric : metrics) {
    if (has_words && metric.value("by", "words") != "words") continue;
    if (names.size() < 25) names.push_back(metric.value("name", ""));
  }
  const size_t total = found.value("total", metrics.size());
  std::string list = join_words(names, ", ");
  if (!has_words) return texts.say("metrics.nearest", {{"names", std::move(list)}});
  if (total > names.size()) {
    list = texts.say("list.rest_of_names",
                     {{"list", std::move(list)}, {"more", total - names.size()}});
  }
  return texts.say("metrics.list", {{"total", total}, {"names", std::move(list)}});
}

std::string say_one_silence(const TextCatalogue& texts, const Json& silence) {
  const TimeMs ends{static_cast<int64_t>(silence.value("ends", 0.0) * 1000)};
  const auto matchers = silence.value("matchers", std::vector<std::string>{});
  std::string out = texts.say(
      "silences.one", {{"matchers", say_and(matchers, texts)}, {"time", format_rfc3339(ends)}});
  if (silence.value("state", "") == "pending") {
    out = texts.say("silences.pending", {{"silence", std::move(out)}});
  }
  if (const std::string by = silence.value("created_by", ""); !by.empty()) {
    out = texts.say("silences.by", {{"silence", std::move(out)}, {"by", by}});
  }
  if (const std::string why = silence.value("comment", ""); !why.empty()) {
    out = texts.say("silences.why", {{"silence", std::move(out)}, {"comment", why}});
  }
  return out;
}

std::string say_silences(const Telling& told) {
  constexpr size_t kMost = 10;
  const TextCatalogue& texts = told.texts;
  const Json& found = result_of(told.results, "silences");
  if (!found.value("configured", false)) return texts.say("silences.not_configured");
  if (found["silences"].empty()) return texts.say("silences.none");
  std::vector<std::string> parts;
  for (const Json& silence : found["silences"]) {
    if (parts.size() == kMost) break;
    parts.push_back(say_one_silence(texts, silence));
  }
  const size_t total = found.value("total", parts.size());
  std::string list = with_rest(texts, join_words(parts, "; "), total, parts.size());
  return texts.say("silences.list", {{"total", total}, {"silences", std::move(list)}});
}

std::string say_rules(const Telling& told) {
  constexpr size_t kMost = 10;
  const TextCatalogue& texts = told.texts;
  const Json& found = result_of(told.results, "rules");
  if (!found.contains("rules") || found["rules"].empty()) return texts.say("rules.none");
  std::vector<std::string> parts;
  for (const Json& rule : found["rules"]) {
    if (parts.size() == kMost) break;
    parts.push_back(texts.say("rules.one", {{"name", rule.value("name", "")},
                                            {"kind", rule.value("kind", "")},
                                            {"promql", rule.value("promql", "")}}));
  }
  const size_t total = found.value("total", parts.size());
  std::string list = with_rest(texts, join_words(parts, "; "), total, parts.size());
  return texts.say("rules.list", {{"total", total}, {"rules", std::move(list)}});
}

/// "db-01 is down since 10:20"; "before" where it began earlier than was looked at.
std::string say_ongoing(const Telling& told, const std::string& name, const std::string& since,
                        bool before) {
  const TextCatalogue& texts = told.texts;
  const std::initializer_list<texts::Filling> places = {{"name", name}, {"time", since}};
  if (told.plan.subject == "up") {
    return before ? texts.say("onset.up_since_before", places)
                  : texts.say("onset.up_since", places);
  }
  if (told.plan.subject == "alerts") {
    return before ? texts.say("onset.fires_since_before", places)
                  : texts.say("onset.fires_since", places);
  }
  return before ? texts.say("onset.down_since_before", places)
                : texts.say("onset.down_since", places);
}

/// Since when a series has values without a gap, up to the last.
std::string say_onset_of(const Telling& told, const Json& series) {
  const Plan& plan = told.plan;
  const Json& values = series["values"];
  size_t first = values.size() - 1;
  const auto time_at = [&](size_t i) {
    return TimeMs{static_cast<int64_t>(values[i][0].get<double>() * 1000)};
  };
  while (first > 0 && time_at(first) - time_at(first - 1) <= plan.step * 2) --first;
  const std::string name = name_of(series["metric"], plan.entity_labels);
  const TimeMs last = time_at(values.size() - 1);
  const bool before = time_at(first) - plan.start <= plan.step;
  const std::string since = say_time(time_at(first), told.now);
  if (plan.end - last <= plan.step * 2) return say_ongoing(told, name, since, before);
  const std::initializer_list<texts::Filling> places = {
      {"name", name}, {"from", since}, {"to", say_time(last, told.now)}};
  return before ? told.texts.say("onset.past_since_before", places)
                : told.texts.say("onset.past", places);
}

std::string say_onset(const Telling& told) {
  const TextCatalogue& texts = told.texts;
  const Json series = result_of(told.results, "query").value("result", Json::array());
  if (series.empty()) {
    if (told.plan.subject == "up") return texts.say("onset.not_up");
    if (told.plan.subject == "alerts") return texts.say("onset.none_fired");
    const std::vector<Row> brief =
        rows_of(told.plan.entity_labels, result_of(told.results, "briefly"));
    if (brief.empty()) return texts.say("onset.not_down");
    return texts.say("onset.briefly_down", {{"names", some_of(texts, brief, name_of_row)}});
  }
  std::vector<std::string> parts;
  for (const Json& one : series) {
    if (parts.size() == kMaxNamed) break;
    parts.push_back(say_onset_of(told, one));
  }
  return with_rest(texts, join_words(parts, "; "), series.size(), parts.size()) + ".";
}

}  // namespace

std::string say_and(const std::vector<std::string>& words, const TextCatalogue& texts) {
  std::string out;
  for (const std::string& word : words) {
    out = out.empty() ? word : texts.say("list.and", {{"list", std::move(out)}, {"last", word}});
  }
  return out;
}

std::string say_answer(const Plan& plan, const Results& results, TimeMs now,
                       const TextCatalogue& texts) {
  const Telling told{plan, results, now, texts};
  const std::string& how = plan.wording;
  if (how == "several") return say_several(told);
  if (how == "compare") return say_comparison(told);
  if (how == "runs_out" || how == "time_to" || how == "predicted") {
    return say_forecast(told);
  }
  if (how == "alert") return say_alert(told);
  if (how == "silence" || how == "silence_all") return say_silence(told);
  if (how == "correlate") return say_correlation(told);
  if (how == "onset") return say_onset(told);
  if (how == "outages") return say_outages(told);
  if (how == "since") return say_since(told);
  if (how == "why_down") return say_why_down(told, say_causes(told));
  if (how == "restarts") return say_restarts(told);
  if (how == "crossing" || how == "crossings") return say_crossing(told);
  if (how == "direction") return say_direction(told);
  if (how == "anomaly") return say_anomalies(told);
  if (how == "why") return say_causes(told);
  if (how == "describe") return say_description(told);
  if (how == "list") return say_list(told);
  if (how == "rules") return say_rules(told);
  if (how == "silences") return say_silences(told);
  if (how == "problems") return say_problems(told);
  if (how == "functions") return plan.explanation;
  if (how == "explain_query") return result_of(results, "query").value("words", "");
  return say_values(told);
}

}  // namespace prom5::llm
