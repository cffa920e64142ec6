#include "ask/llm/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "io/codec/number.h"

namespace prom5::llm {

namespace {

constexpr size_t kMaxNamed = 5;

struct Row {
  std::string name;
  double value = 0;
  double first = 0;  ///< of a range
  double lowest = 0;
  double highest = 0;
  std::string_view course;  ///< of a range: rising, falling or steady
};

/// Which way values go: the last quarter of them against the first.
std::string_view course_of(const Json& values) {
  constexpr double kSteady = 0.1;
  const size_t part = std::max<size_t>(1, values.size() / 4);
  double early = 0;
  double late = 0;
  for (size_t i = 0; i < part; ++i) {
    early += codec::parse_double(values[i][1].get<std::string>()).value_or(NAN);
    late += codec::parse_double(values[values.size() - 1 - i][1].get<std::string>()).value_or(NAN);
  }
  const double change = late - early;
  if (!(std::fabs(change) > kSteady * std::max(std::fabs(early), std::fabs(late)))) return "steady";
  return change > 0 ? "rising" : "falling";
}

/// At most three significant digits, no exponent.
std::string short_number(double value) {
  if (!std::isfinite(value)) return codec::format_fixed(value);
  const double magnitude = std::fabs(value);
  if (magnitude != 0 && magnitude < 0.001) return fmt::format("{:.2g}", value);
  if (magnitude >= 1e15) return fmt::format("{:.3g}", value);
  const int decimals = magnitude >= 100 || value == std::floor(value) ? 0 : magnitude >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string say_bytes(double value) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  // What would be rounded to 1024 is one of the next unit.
  while (std::fabs(value) >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", short_number(value), kUnits[unit]);
}

std::string say_seconds(double value) {
  if (value < 0) return "-" + say_seconds(-value);
  if (value < 0.9995) return fmt::format("{} ms", short_number(value * 1000));
  if (value < 59.95) return fmt::format("{} s", short_number(value));
  if (value > 1e9) return "more than 30 years";
  const auto seconds = static_cast<int64_t>(std::round(value));
  const int64_t days = seconds / 86'400;
  const int64_t hours = seconds / 3600 % 24;
  const int64_t minutes = seconds / 60 % 60;
  if (days > 0) return fmt::format("{} d {} h", days, hours);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes);
  return fmt::format("{} min {} s", minutes, seconds % 60);
}

std::string name_of(const Json& labels, const std::vector<std::string>& wanted) {
  std::vector<std::string> parts;
  for (const std::string& label : wanted) {
    if (labels.contains(label)) parts.push_back(labels[label].get<std::string>());
  }
  if (parts.empty()) {
    for (const auto& [key, value] : labels.items()) {
      if (key != "__name__") parts.push_back(key + "=" + value.get<std::string>());
    }
  }
  return join_words(parts, " ");
}

double number_at(const Json& point) {
  return codec::parse_double(point[1].get<std::string>()).value_or(NAN);
}

std::vector<Row> rows_of(const std::vector<std::string>& labels, const Json& data) {
  std::vector<Row> rows;
  if (!data.contains("result")) return rows;
  const Json& result = data["result"];
  if (data["resultType"] == "scalar") {
    rows.push_back({"", number_at(result), 0, 0, 0, ""});
    return rows;
  }
  if (!result.is_array()) return rows;
  for (const Json& series : result) {
    Row row;
    row.name = name_of(series["metric"], labels);
    if (series.contains("value")) {
      row.value = number_at(series["value"]);
    } else if (series.contains("values")) {
      const Json& values = series["values"];
      row.first = number_at(values.front());
      row.value = number_at(values.back());
      row.lowest = row.highest = row.first;
      row.course = course_of(values);
      for (const Json& point : values) {
        row.lowest = std::min(row.lowest, number_at(point));
        row.highest = std::max(row.highest, number_at(point));
      }
    } else {
      continue;  // a histogram, which has no single number to say
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

const Json& result_of(const Results& results, std::string_view id) {
  static const Json none = Json::object();
  const auto found = results.find(id);
  return found == results.end() ? none : found->second;
}

/// "a; b; c; and 4 more"
template <typename Say>
std::string some_of(const std::vector<Row>& rows, Say say, size_t most = kMaxNamed,
                    size_t total = 0) {
  std::string out;
  for (size_t i = 0; i < rows.size() && i < most; ++i) out += (i > 0 ? "; " : "") + say(rows[i]);
  total = std::max(total, rows.size());
  if (total > most) out += fmt::format("; and {} more", total - most);
  return out;
}

std::string say_status(const Plan& plan, const std::vector<Row>& rows, size_t total) {
  if (rows.empty()) return "There is no target to be up or down.";
  std::vector<Row> down;
  for (const Row& row : rows) {
    if (row.value == 0) down.push_back(row);
  }
  const std::string when = plan.window.empty() ? "" : " in the last " + plan.window;
  if (down.empty()) {
    return rows.size() == 1
               ? fmt::format("{} is up{}.", rows[0].name, when.empty() ? "" : " all" + when)
               : fmt::format("Nothing is down: all {} are up{}.", total,
                             when.empty() ? "" : ", and were all" + when);
  }
  const std::string names = some_of(down, [](const Row& r) { return r.name; });
  if (!when.empty()) return fmt::format("Down at some time{}: {}.", when, names);
  return fmt::format("{} of {} {} down: {}.", down.size(), total, down.size() == 1 ? "is" : "are",
                     names);
}

std::string say_problems(const Results& results) {
  const std::vector<Row> alerts = rows_of(
      {"alertname", "service", "instance", "pod", "consumergroup"}, result_of(results, "alerts"));
  const std::vector<Row> down = rows_of({"job", "instance"}, result_of(results, "down"));
  const auto name = [](const Row& r) { return r.name; };
  std::string out =
      alerts.empty() ? "No alert fires."
                     : fmt::format("{} alerts fire: {}.", alerts.size(), some_of(alerts, name, 10));
  return out +
         (down.empty() ? " No target is down." : fmt::format(" Down: {}.", some_of(down, name)));
}

std::string say_row(const Plan& plan, const Row& row) {
  std::string value = say_value(row.value, plan.unit);
  if (plan.wording == "direction") value = fmt::format("{}, now {}", row.course, value);
  std::string out = row.name.empty() ? value : row.name + ": " + value;
  if (plan.range) {
    out += fmt::format(" (between {} and {}, at first {})", say_value(row.lowest, plan.unit),
                       say_value(row.highest, plan.unit), say_value(row.first, plan.unit));
  }
  return out;
}

void sort_rows(const Plan& plan, std::vector<Row>& rows) {
  const bool least = plan.wording == "bottom" || plan.least_is_worst || plan.wording == "left";
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (std::isnan(a.value) != std::isnan(b.value)) return std::isnan(b.value);
    return least ? a.value < b.value : a.value > b.value;
  });
}

std::string say_values(const Plan& plan, const Results& results) {
  const Json& data = result_of(results, "query");
  std::vector<Row> rows = rows_of(plan.entity_labels, data);
  const size_t total = data.value("total", rows.size());
  if (plan.wording == "status") return say_status(plan, rows, total);
  if (rows.empty()) {
    if (plan.wording == "beyond") return fmt::format("{}: none is beyond that now.", plan.subject);
    if (plan.finding) return fmt::format("{}: none, all is well.", plan.subject);
    if (plan.promql.starts_with("count(")) return fmt::format("{}: 0.", plan.subject);
    const Json& why = result_of(results, "doctor");
    std::string out = fmt::format("{}: there is no data for that now.", plan.subject);
    if (why.contains("findings") && !why["findings"].empty()) {
      out += " " + why["findings"][0].value("text", "");
    }
    return out;
  }
  if (plan.wording == "things") {
    constexpr size_t kMost = 30;
    std::ranges::sort(rows, {}, &Row::name);
    return fmt::format("{} {}: {}.", total, plan.subject,
                       some_of(rows, [](const Row& r) { return r.name; }, kMost, total));
  }
  sort_rows(plan, rows);
  const auto say = [&](const Row& row) {
    return plan.finding && (plan.unit == "flag" || plan.unit == "none") ? row.name
                                                                        : say_row(plan, row);
  };
  if (plan.finding || plan.wording == "beyond") {
    return fmt::format("{}: {} found. {}.", plan.subject, total,
                       some_of(rows, say, kMaxNamed, total));
  }
  if (rows.size() == 1) {
    return fmt::format("{}{}{}.", plan.subject, rows[0].name.empty() ? ": " : " of ",
                       say_row(plan, rows[0]));
  }
  return fmt::format("{}: {}.", plan.subject, some_of(rows, say, kMaxNamed, total));
}

/// "p50 … p99 …": each query's values one after another.
std::string say_several(const Plan& plan, const Results& results) {
  std::string out = plan.subject + ":";
  for (size_t i = 0; i < plan.more.size(); ++i) {
    const std::vector<Row> rows =
        rows_of(plan.entity_labels, result_of(results, "query" + std::to_string(i)));
    out += fmt::format("{} {}: {}", i > 0 ? ";" : "", plan.names.at(i),
                       some_of(rows, [&](const Row& r) { return say_row(plan, r); }));
  }
  return out + ".";
}

std::string say_comparison(const Plan& plan, const Results& results) {
  const std::vector<Row> now = rows_of(plan.entity_labels, result_of(results, "now"));
  const std::vector<Row> then = rows_of(plan.entity_labels, result_of(results, "then"));
  if (now.empty() || then.empty()) {
    return fmt::format("{}: there is no data {}.", plan.subject,
                       now.empty() ? "now" : plan.window + " ago");
  }
  std::vector<std::string> parts;
  for (const Row& a : now) {
    const auto b =
        std::find_if(then.begin(), then.end(), [&](const Row& r) { return r.name == a.name; });
    if (b == then.end() || parts.size() == kMaxNamed) continue;
    std::string part = a.name.empty() ? "" : a.name + " ";
    part += fmt::format("{} now, {} {} ago", say_value(a.value, plan.unit),
                        say_value(b->value, plan.unit), plan.window);
    if (b->value != 0 && std::isfinite(a.value / b->value)) {
      const double change = (a.value / b->value - 1) * 100;
      part += fmt::format(" ({}{} %)", change >= 0 ? "+" : "", short_number(change));
    }
    parts.push_back(std::move(part));
  }
  std::string out = fmt::format("{}: {}", plan.subject, join_words(parts, "; "));
  if (now.size() > parts.size()) out += fmt::format("; and {} more", now.size() - parts.size());
  return out + ".";
}

/// Keeps those whose course has a trend that leads there, and the time that the trend gives.
void keep_trends(const Plan& plan, const Json& forecast, bool times, std::vector<Row>& rows) {
  if (!forecast.contains("series")) return;
  std::map<std::string, double> reached;
  for (const Json& series : forecast["series"]) {
    if (!series.contains("reached_in_s")) continue;
    reached[name_of(series["labels"], plan.entity_labels)] = series["reached_in_s"].get<double>();
  }
  std::erase_if(rows, [&](const Row& r) { return !reached.contains(r.name); });
  for (Row& row : rows) {
    if (times) row.value = reached[row.name];
  }
}

std::string say_forecast(const Plan& plan, const Results& results, TimeMs now) {
  std::vector<Row> rows = rows_of(plan.entity_labels, result_of(results, "query"));
  const bool any = !rows.empty();
  keep_trends(plan, result_of(results, "forecast"), plan.wording == "time_to", rows);
  if (any && rows.empty() && plan.wording == "time_to") {
    return fmt::format("{}: no, there is no steady trend that leads there.", plan.subject);
  }
  if (plan.wording == "runs_out") {
    if (rows.empty()) {
      return fmt::format("No: {} lasts for {} if it goes on like this.", plan.subject, plan.window);
    }
    return fmt::format("Within {}, if it goes on like this: {}.", plan.window,
                       some_of(rows, [](const Row& r) { return r.name; }));
  }
  std::erase_if(rows, [](const Row& r) { return std::isnan(r.value); });
  if (rows.empty()) return fmt::format("{}: there is no data for that now.", plan.subject);
  if (plan.wording == "time_to") {
    std::erase_if(rows, [](const Row& r) { return r.value < 0 || r.value > 3.2e9; });
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a.value < b.value; });
    if (rows.empty()) {
      return fmt::format("{}: no, there is no steady trend that leads there.", plan.subject);
    }
    return fmt::format(
        "{}: {}, if it goes on like this.", plan.subject, some_of(rows, [&](const Row& r) {
          const TimeMs at{now.ms + static_cast<int64_t>(r.value * 1000)};
          return fmt::format("{}{} ({} h), at about {}", r.name.empty() ? "" : r.name + " in ",
                             say_seconds(r.value), short_number(r.value / 3600), say_time(at, now));
        }));
  }
  sort_rows(plan, rows);
  return fmt::format("{} in {}, if it goes on like this: {}.", plan.subject, plan.window,
                     some_of(rows, [&](const Row& r) { return say_row(plan, r); }));
}

std::string say_alert(const Plan& plan, const Results& results, TimeMs now) {
  const Json& test = result_of(results, "backtest");
  const int64_t hold_s = plan.action->value("for_s", int64_t{0});
  std::string out = fmt::format(
      "Proposed alert {}: {}, for {}, severity {}.", plan.action->value("alert", ""), plan.promql,
      format_duration(DurationMs::seconds(hold_s)), plan.action->value("severity", ""));
  if (!test.contains("episodes")) return out;
  const size_t count = test.value("count", size_t{0});
  if (count == 0) return out + " It would not have fired in the last 24 hours.";
  out += fmt::format(" It would have fired {} {} in the last 24 hours", count,
                     count == 1 ? "time" : "times");
  std::vector<std::string> parts;
  for (const Json& episode : test["episodes"]) {
    if (parts.size() == 3) break;
    const TimeMs from{static_cast<int64_t>(episode.value("start", 0.0) * 1000)};
    const std::string name = name_of(episode["labels"], plan.entity_labels);
    parts.push_back(fmt::format("{}from {}{}", name.empty() ? "" : name + " ", say_time(from, now),
                                episode.value("open", false) ? " until now" : ""));
  }
  return out + ": " + join_words(parts, "; ") +
         (count > parts.size() ? fmt::format("; and {} more", count - parts.size()) : "") + ".";
}

std::string say_silence(const Plan& plan, const Results& results) {
  const Json& hits = result_of(results, "hits");
  std::vector<std::string> matchers;
  for (const auto& [name, value] : (*plan.action)["matchers"].items()) {
    matchers.push_back(name + "=" + value.get<std::string>());
  }
  std::string out =
      fmt::format("Proposed silence of {} for {}.", join_words(matchers, ", "), plan.window);
  if (!hits.contains("alerts")) return out;
  if (hits["alerts"].empty()) return out + " No alert that fires now is hit by it.";
  std::vector<std::string> names;
  for (const Json& alert : hits["alerts"]) {
    if (names.size() == kMaxNamed) break;
    names.push_back(name_of(alert["labels"], {"alertname", "instance", "service"}));
  }
  return out + fmt::format(" It hits {} now: {}.", hits["alerts"].size(), join_words(names, "; "));
}

std::string say_correlation(const Plan& plan, const Results& results) {
  const Json& found = result_of(results, "correlation");
  const Json pairs = found.value("pairs", Json::array());
  if (pairs.empty()) {
    return fmt::format("{}: nothing was found that moves with it in that time.", plan.subject);
  }
  std::vector<std::string> parts;
  for (const Json& pair : pairs) {
    if (parts.size() == kMaxNamed) break;
    const double r = pair.value("r", 0.0);
    const double lag = pair.value("lag_s", 0.0);
    const std::string_view strength = std::fabs(r) >= 0.8   ? "strong"
                                      : std::fabs(r) >= 0.5 ? "moderate"
                                      : std::fabs(r) >= 0.3 ? "weak"
                                                            : "no";
    std::string part = fmt::format("{} and {}: {}{} correlation, r = {:.2f}", pair.value("a", ""),
                                   pair.value("b", ""), strength,
                                   std::fabs(r) < 0.3 ? ""
                                   : r > 0            ? " positive"
                                                      : " negative",
                                   r);
    if (lag != 0 && std::fabs(r) >= 0.3) {
      part += fmt::format(", {} follows by {}", lag > 0 ? pair.value("b", "") : pair.value("a", ""),
                          say_seconds(std::fabs(lag)));
    }
    if (pair.value("p", 0.0) > 0.05) part += " (may be chance)";
    parts.push_back(std::move(part));
  }
  return join_words(parts, "; ") + ".";
}

std::string say_finding(const Json& f) {
  const std::string unit = f.value("unit", "none");
  const std::string name = name_of(f.value("labels", Json::object()), {});
  std::string out = f.value("name", "");
  if (!name.empty()) out += " of " + name;
  if (f.value("kind", "") == "peer") {
    return out + fmt::format(": {}, others {}", say_value(f.value("observed", 0.0), unit),
                             say_value(f.value("expected", 0.0), unit));
  }
  if (f.value("kind", "") == "alert") return out + ": alert fires";
  if (unit == "up" && f.value("observed", 1.0) == 0) {
    return out + ": it is down, scrapes do not reach it";
  }
  out += fmt::format(": {}, {} than usual ({})", say_value(f.value("observed", 0.0), unit),
                     f.value("up", true) ? "higher" : "lower",
                     say_value(f.value("expected", 0.0), unit));
  return out;
}

std::string say_anomalies(const Plan& plan, const Results& results, TimeMs now) {
  const Json& found = result_of(results, "anomalies");
  const Json findings = found.value("findings", Json::array());
  const size_t looked_at = found.value("series", size_t{0});
  if (findings.empty()) {
    return fmt::format("Nothing unusual in {}: {} series looked at.", plan.subject, looked_at);
  }
  std::vector<std::string> parts;
  for (const Json& f : findings) {
    if (parts.size() == 10) break;
    std::string part = say_finding(f);
    if (f.contains("since")) {
      part += ", since " + say_time({static_cast<int64_t>(f.value("since", 0.0) * 1000)}, now);
      if (f.value("growing", false)) part += ", and growing steadily";
    }
    parts.push_back(std::move(part));
  }
  return fmt::format("Unusual ({} of {} series): {}.", findings.size(), looked_at,
                     join_words(parts, "; "));
}

std::string say_causes(const Plan& plan, const Results& results, TimeMs now) {
  const Json& found = result_of(results, "causes");
  std::string out;
  if (const Json alerts = found.value("alerts", Json::array()); !alerts.empty()) {
    std::vector<std::string> names;
    for (const Json& alert : alerts) {
      if (names.size() == 3) break;
      const Json labels = alert.value("labels", Json::object());
      names.push_back(labels.value("alertname", "") + " (" + name_of(labels, {}) + ")");
    }
    out += "Firing: " + join_words(names, "; ") + ". ";
  }
  if (found.contains("effect")) out += say_finding(found["effect"]) + ". ";
  const Json causes = found.value("causes", Json::array());
  if (causes.empty()) {
    return out + fmt::format("I found nothing else unusual at that time that would explain {}.",
                             plan.subject.empty() ? "it" : plan.subject);
  }
  std::vector<std::string> parts;
  for (const Json& f : causes) {
    if (parts.size() == 6) break;
    std::string part = say_finding(f);
    if (f.contains("since")) {
      part += ", since " + say_time({static_cast<int64_t>(f.value("since", 0.0) * 1000)}, now);
    }
    parts.push_back(std::move(part));
  }
  return out + "Likeliest causes, the first to change first: " + join_words(parts, "; ") + ".";
}

std::string say_description(const Plan& plan, const Results& results) {
  const Json& series = result_of(results, "series");
  const std::string help = series.value("help", "");
  std::string out = fmt::format("{} is a {}", series.value("metric", plan.subject),
                                series.value("type", "metric"));
  if (!help.empty()) out += ": " + help;
  if (!plan.explanation.empty() && plan.explanation != help) out += " " + plan.explanation;
  if (!out.ends_with('.')) out += ".";
  const Json labels = series.value("labels", Json::array());
  std::vector<std::string> names;
  for (const Json& label : labels) names.push_back(label.value("name", ""));
  out += fmt::format(" {} series", series.value("series", 0));
  if (!names.empty()) out += ", told apart by " + join_words(names, ", ");
  return out + ".";
}

std::string say_list(const Results& results) {
  const Json& found = result_of(results, "found");
  const Json metrics = found.value("metrics", Json::array());
  if (metrics.empty()) return "There are no such metrics.";
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
  if (!has_words) {
    return fmt::format("No metric has these words. The nearest by meaning: {}.",
                       join_words(names, ", "));
  }
  return fmt::format("{} metrics: {}{}.", total, join_words(names, ", "),
                     total > names.size() ? fmt::format(" and {} more", total - names.size()) : "");
}

std::string say_silences(const Results& results) {
  constexpr size_t kMost = 10;
  const Json& found = result_of(results, "silences");
  if (!found.value("configured", false)) {
    return "I know of no Alertmanager whose silences I could look at: none is configured under "
           "alerting: alertmanagers.";
  }
  if (found["silences"].empty()) return "No such silence is in force, and none is to come.";
  std::vector<std::string> parts;
  for (const Json& silence : found["silences"]) {
    if (parts.size() == kMost) break;
    const TimeMs ends{static_cast<int64_t>(silence.value("ends", 0.0) * 1000)};
    std::string part = join_words(silence.value("matchers", std::vector<std::string>{}), " and ") +
                       " until " + format_rfc3339(ends);
    if (silence.value("state", "") == "pending") part += ", not yet begun";
    if (const std::string by = silence.value("created_by", ""); !by.empty()) part += ", by " + by;
    if (const std::string why = silence.value("comment", ""); !why.empty()) part += ": " + why;
    parts.push_back(std::move(part));
  }
  const size_t total = found.value("total", parts.size());
  return fmt::format(
      "{} {}: {}{}.", total, total == 1 ? "silence" : "silences", join_words(parts, "; "),
      total > parts.size() ? fmt::format("; and {} more", total - parts.size()) : "");
}

std::string say_rules(const Results& results) {
  constexpr size_t kMost = 10;
  const Json& found = result_of(results, "rules");
  if (!found.contains("rules") || found["rules"].empty()) {
    return "There are no such rules in the server's rule_files.";
  }
  std::vector<std::string> parts;
  for (const Json& rule : found["rules"]) {
    if (parts.size() == kMost) break;
    parts.push_back(fmt::format("{} ({}): {}", rule.value("name", ""), rule.value("kind", ""),
                                rule.value("promql", "")));
  }
  const size_t total = found.value("total", parts.size());
  return fmt::format(
      "{} {}: {}{}.", total, total == 1 ? "rule" : "rules", join_words(parts, "; "),
      total > parts.size() ? fmt::format("; and {} more", total - parts.size()) : "");
}

/// Since when each series has values without a gap, up to the end.
std::string say_onset(const Plan& plan, const Results& results, TimeMs now) {
  const std::string state = plan.subject == "alerts" ? "fires" : "is down";
  std::vector<std::string> parts;
  const Json& data = result_of(results, "query");
  const Json series = data.value("result", Json::array());
  for (const Json& one : series) {
    const Json& values = one["values"];
    size_t first = values.size() - 1;
    const auto time_at = [&](size_t i) {
      return TimeMs{static_cast<int64_t>(values[i][0].get<double>() * 1000)};
    };
    while (first > 0 && time_at(first) - time_at(first - 1) <= plan.step * 2) --first;
    if (parts.size() == kMaxNamed) break;
    const std::string name = name_of(one["metric"], plan.entity_labels);
    const TimeMs last = time_at(values.size() - 1);
    const bool before = time_at(first) - plan.start <= plan.step;
    const std::string since =
        fmt::format("{}{}", before ? "before " : "", say_time(time_at(first), now));
    parts.push_back(
        plan.end - last <= plan.step * 2
            ? fmt::format("{} {} since {}", name, state, since)
            : fmt::format("{}: last from {} to {}, not now", name, since, say_time(last, now)));
  }
  if (parts.empty()) {
    return plan.subject == "alerts" ? "No such alert fired in the last day."
                                    : "It was not down in the last day.";
  }
  return join_words(parts, "; ") +
         (series.size() > parts.size() ? fmt::format("; and {} more", series.size() - parts.size())
                                       : "") +
         ".";
}

}  // namespace

std::string say_value(double value, std::string_view unit) {
  if (!std::isfinite(value)) return codec::format_fixed(value);
  if (unit == "percent") return short_number(value) + " %";
  if (unit == "ratio") return short_number(value * 100) + " %";
  if (unit == "bytes") return say_bytes(value);
  if (unit == "bytes_per_second") return say_bytes(value) + "/s";
  if (unit == "bits_per_second") return short_number(value) + " bit/s";
  if (unit == "seconds") return say_seconds(value);
  if (unit == "per_second") return short_number(value) + "/s";
  if (unit == "celsius") return short_number(value) + " °C";
  if (unit == "timestamp") {
    if (std::fabs(value) > 1e11) return short_number(value);  // no time that anybody means
    return format_rfc3339({static_cast<int64_t>(value * 1000)});
  }
  if (unit == "none" || unit == "count" || unit == "up" || unit == "flag")
    return short_number(value);
  return short_number(value) + " " + std::string(unit);
}

std::string say_time(TimeMs time, TimeMs now) {
  const std::string text = format_rfc3339(time);
  const std::string clock = text.substr(11, 5);
  return text.substr(0, 10) == format_rfc3339(now).substr(0, 10) ? clock
                                                                 : text.substr(0, 10) + " " + clock;
}

std::string say_coverage(const Plan& plan, const Results& results, TimeMs now) {
  constexpr double kEnough = 0.9;
  const std::vector<Row> first = rows_of({}, result_of(results, "coverage"));
  if (first.empty() || !std::isfinite(first[0].value)) return "";
  const TimeMs begins{static_cast<int64_t>(first[0].value * 1000)};
  const DurationMs length = plan.covers.end - plan.covers.start;
  const DurationMs covered = plan.covers.end - begins;
  if (covered.as_seconds() >= kEnough * length.as_seconds()) return "";
  return fmt::format(" There is no data before {}.", say_time(begins, now));
}

std::string say_answer(const Plan& plan, const Results& results, TimeMs now) {
  const std::string& how = plan.wording;
  if (how == "several") return say_several(plan, results);
  if (how == "compare") return say_comparison(plan, results);
  if (how == "runs_out" || how == "time_to" || how == "predicted") {
    return say_forecast(plan, results, now);
  }
  if (how == "alert") return say_alert(plan, results, now);
  if (how == "silence") return say_silence(plan, results);
  if (how == "correlate") return say_correlation(plan, results);
  if (how == "onset") return say_onset(plan, results, now);
  if (how == "anomaly") return say_anomalies(plan, results, now);
  if (how == "why") return say_causes(plan, results, now);
  if (how == "describe") return say_description(plan, results);
  if (how == "list") return say_list(results);
  if (how == "rules") return say_rules(results);
  if (how == "silences") return say_silences(results);
  if (how == "problems") return say_problems(results);
  if (how == "functions") return plan.explanation;
  if (how == "explain_query") return result_of(results, "query").value("words", "");
  return say_values(plan, results);
}

}  // namespace prom5::llm
