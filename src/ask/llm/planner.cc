#include "ask/llm/planner.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/spelling.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

using catalogue::Catalogue;
using catalogue::Concept;
using catalogue::Recipe;

constexpr std::string_view kRateWindow = "5m";
constexpr DurationMs kForecastBase = DurationMs::hours(1);
constexpr DurationMs kForecastAhead = DurationMs::days(7);
constexpr size_t kMaxOptions = 4;

/// Words that only say more about a thing already named.
const std::set<std::string_view>& filler_words() {
  static const std::set<std::string_view> words = {
      "usage", "used", "total", "current", "space",      "busy",        "high",
      "low",   "full", "size",  "byte",    "throughput", "utilisation", "time"};
  return words;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += separator;
    out += word;
  }
  return out;
}

std::string quote_regex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string inside_braces(const std::vector<Matcher>& filters) {
  std::string out;
  for (const Matcher& m : filters) out += (out.empty() ? "" : ",") + m.to_string();
  return out;
}

std::string by_clause(const std::vector<std::string>& labels) {
  return labels.empty() ? "" : "by (" + join(labels, ", ") + ")";
}

bool has_all(const std::set<std::string>& words, const std::vector<std::string>& phrase) {
  return std::all_of(phrase.begin(), phrase.end(),
                     [&](const std::string& w) { return words.contains(w); });
}

/// The words of a metric's name.
std::vector<std::string> name_words(std::string_view name) {
  std::vector<std::string> out;
  while (!name.empty()) {
    const size_t end = std::min(name.find_first_of("_:."), name.size());
    if (end > 0) {
      std::string word(name.substr(0, end));
      for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      }
      out.push_back(singular(word));
    }
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return out;
}

std::string unit_of(const Catalogue::Metric& metric, bool rate) {
  const auto has = [&](std::string_view word) {
    return metric.name.find(word) != std::string::npos;
  };
  if (has("_bytes")) return rate ? "bytes_per_second" : "bytes";
  if (has("_seconds") && !rate) return "seconds";
  if (has("_ratio")) return "ratio";
  return rate ? "per_second" : "none";
}

/// What names begin and end with, whatever they measure.
const std::set<std::string_view>& common_name_words() {
  static const std::set<std::string_view> words = {"node", "total", "second", "byte",  "ratio",
                                                   "info", "count", "sum",    "bucket"};
  return words;
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

Plan refuse(std::string code, std::string message) {
  Plan plan;
  plan.intent = "refuse";
  plan.refuse_code = std::move(code);
  plan.refuse_message = std::move(message);
  return plan;
}

/// A metric that a question's words may mean.
struct Candidate {
  const Catalogue::Metric* metric;
  double score;
  std::vector<std::string> unmatched;
  size_t name_words = 0;   ///< of the metric,
  size_t named_words = 0;  ///< and how many of them the question says
};

/// Fewer words of a name than one in this many are no more than a hint: ask back.
constexpr size_t kHintBelowOneIn = 3;

constexpr double kExactName = 10;

/// The metrics with a word of the question in their name, best first.
std::vector<Candidate> rank_metrics(const Catalogue::Snapshot& snapshot,
                                    const ParsedQuestion& question) {
  std::vector<Candidate> ranked;
  for (const Catalogue::Metric& metric : snapshot.metrics) {
    const std::vector<std::string> in_name = name_words(metric.name);
    std::set<std::string> in_help;
    for (const std::string& word : words_of(metric.help)) in_help.insert(singular(word));
    const auto telling = std::count_if(in_name.begin(), in_name.end(), [](const std::string& w) {
      return !common_name_words().contains(w);
    });
    Candidate candidate{&metric, 0, {}, static_cast<size_t>(telling), 0};
    size_t& found_in_name = candidate.named_words;
    for (size_t i = 0; i < question.content.size(); ++i) {
      const std::string word = singular(question.content[i]);
      const std::string raw = singular(question.raw[i]);
      const auto in = [&](const auto& list) {
        return std::find(list.begin(), list.end(), word) != list.end() ||
               std::find(list.begin(), list.end(), raw) != list.end();
      };
      if (lower_case(metric.name) == question.raw[i]) {
        candidate.score += kExactName;
        ++found_in_name;
      } else if (in(in_name)) {
        candidate.score += 1;
        ++found_in_name;
      } else if (in(in_help)) {
        candidate.score += 0.4;
      } else {
        if (!filler_words().contains(word)) candidate.unmatched.push_back(question.raw[i]);
      }
    }
    if (found_in_name == 0) continue;
    candidate.score -= 0.05 * static_cast<double>(in_name.size());
    ranked.push_back(std::move(candidate));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  return ranked;
}

/// What one asks of a metric of its type: a counter's rate, a histogram's quantile, a gauge's
/// value.
Plan query_metric(const Catalogue::Metric& metric, const std::vector<Matcher>& filters,
                  const ParsedQuestion& question) {
  const std::string selector =
      metric.name + (filters.empty() ? "" : "{" + inside_braces(filters) + "}");
  const bool counter = metric.type == MetricType::Counter;
  const std::string by = question.by.empty() ? "" : by_clause(question.by) + " ";
  Plan plan;
  plan.subject = metric.name;
  plan.unit = unit_of(metric, counter);
  plan.entity_labels = question.by;
  plan.explanation = metric.help.empty()
                         ? fmt::format("{} ({}).", metric.name, to_string(metric.type))
                         : fmt::format("{}: {}", metric.name, metric.help);
  if (metric.name.ends_with("_bucket")) {
    plan.promql = fmt::format("histogram_quantile({}, sum by ({}) (rate({}[{}])))",
                              codec::format_general(question.quantile.value_or(0.95)),
                              question.by.empty() ? "le" : "le, " + join(question.by, ", "),
                              selector, kRateWindow);
    plan.unit = unit_of(metric, false);
  } else if (counter) {
    plan.promql = fmt::format("sum {}(rate({}[{}]))", by, selector, kRateWindow);
  } else {
    // Where the question says how to join the series, finish() does.
    const bool joined = by.empty() || !question.aggregation.empty();
    plan.promql = joined ? selector : fmt::format("sum {}({})", by, selector);
  }
  if (counter)
    plan.explanation += fmt::format(" A counter: its growth per second over {}.", kRateWindow);
  return plan;
}

}  // namespace

struct Planner::Choice {
  const Concept* subject = nullptr;
  const std::vector<std::string>* phrase = nullptr;
};

/// A label value that a word stands for: the value itself, an instance without its port, a mount
/// point without its slash.
bool stands_for(const std::string& word, const std::string& value) {
  std::string lower = value;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower == word || lower.starts_with(word + ":") || lower == "/" + word;
}

Result<std::vector<Matcher>> Planner::bind_filters(const std::string& metric,
                                                   const std::vector<std::string>& words,
                                                   std::vector<std::string>& leftover) {
  std::map<std::string, std::vector<std::string>> values_of;
  const Catalogue::LabelValues labels = TRY(catalogue_.labels_of(metric));
  for (const std::string& word : words) {
    bool bound = false;
    for (const auto& [name, values] : labels) {
      for (const std::string& value : values) {
        if (bound || !stands_for(word, value)) continue;
        values_of[name].push_back(value);
        bound = true;
      }
    }
    if (!bound) leftover.push_back(word);
  }
  std::vector<Matcher> filters;
  for (const auto& [name, values] : values_of) {
    if (values.size() == 1) {
      filters.push_back(Matcher::equal(name, values[0]));
      continue;
    }
    // "lo and eth0": either of them.
    std::vector<std::string> quoted;
    for (const std::string& value : values) quoted.push_back(quote_regex(value));
    filters.push_back(TRY(Matcher::make(MatchType::Regex, name, join(quoted, "|"))));
  }
  return filters;
}

Plan Planner::ask_back(const Catalogue::Snapshot& snapshot) const {
  Plan plan;
  plan.intent = "clarify";
  plan.clarify = "Of what?";
  for (const Concept& subject : pack_.concepts) {
    const bool known =
        std::any_of(subject.recipes.begin(), subject.recipes.end(), [&](const Recipe& recipe) {
          return std::all_of(recipe.needs.begin(), recipe.needs.end(),
                             [&](const std::string& m) { return snapshot.find(m) != nullptr; });
        });
    if (known) plan.options.push_back(subject.name);
    if (plan.options.size() == kMaxOptions) break;
  }
  return plan;
}

Plan Planner::unknown_words(const std::vector<std::string>& words,
                            const std::vector<std::string>& suggestions) const {
  Plan plan;
  plan.intent = "refuse";
  plan.refuse_code = "unknown";
  std::string shown;
  for (const std::string& word : words) {
    shown += (shown.empty() ? "\"" : ", \"") + word + "\"";
  }
  plan.refuse_message =
      fmt::format("I find nothing here that is called {}: no metric, label or value.", shown);
  plan.suggestions = suggestions;
  return plan;
}

/// Words of metrics and concepts that are spelt almost so: what a mistyped word may have meant.
std::vector<std::string> Planner::similar_words(const Catalogue::Snapshot& snapshot,
                                                const std::vector<std::string>& words) const {
  std::set<std::string> known;
  for (const Catalogue::Metric& metric : snapshot.metrics) {
    for (std::string& word : name_words(metric.name)) known.insert(std::move(word));
  }
  for (const Concept& subject : pack_.concepts) {
    for (const auto& phrase : subject.phrases) known.insert(phrase.begin(), phrase.end());
  }
  const std::vector<std::string_view> views(known.begin(), known.end());
  std::vector<std::string> out;
  for (const std::string& word : words) {
    const std::string_view near = word.size() < 4 ? std::string_view() : nearest(word, views);
    if (!near.empty() && near != word) out.emplace_back(near);
  }
  return out;
}

Result<Plan> Planner::plan(const ParsedQuestion& question) {
  const auto snapshot = TRY(catalogue_.snapshot());
  if (question.changes_something) {
    return refuse("not_allowed", "I only read. I cannot delete, restart or change anything.");
  }
  if (question.is_promql) {
    return refuse("promql",
                  "This looks like PromQL. Run it with prom5 query instant, or in Explore.");
  }
  if (question.bad_top) return refuse("bad_number", "\"top\" needs a number of at least 1.");
  if (question.list_metrics) return plan_list(question);
  if (question.status) return plan_status(question);
  if (auto plan = TRY(plan_concept(question))) return *std::move(plan);
  if (question.vague) return ask_back(*snapshot);
  return plan_metric(question);
}

Result<Plan> Planner::plan_status(const ParsedQuestion& question) {
  Plan plan;
  plan.intent = "status";
  plan.subject = "targets";
  plan.entity_labels = {"job", "instance"};
  std::vector<std::string> leftover;
  std::vector<Matcher> filters = TRY(bind_filters("up", question.content, leftover));
  const auto labels = TRY(catalogue_.labels_of("up"));
  std::set<std::string> jobs;
  if (const auto found = labels.find("job"); found != labels.end()) jobs = found->second;
  if (!leftover.empty()) return unknown_words(leftover, {jobs.begin(), jobs.end()});
  // "host" and "node" say nothing in other questions; here they may name a job.
  for (const std::string& word : question.words) {
    if (filters.empty() && jobs.contains(word)) filters.push_back(Matcher::equal("job", word));
  }
  const std::string where = filters.empty() ? "" : "{" + inside_braces(filters) + "}";
  plan.promql = "up" + where;
  plan.confidence = 0.95;
  if (question.window || question.past) {
    plan.window = question.window.value_or(DurationMs::days(1));
    plan.promql = fmt::format("min_over_time(up{}[{}])", where, format_duration(plan.window));
    plan.explanation = fmt::format(
        "up is 0 at each scrape that failed; its least value over {} tells whether any did.",
        format_duration(plan.window));
    return plan;
  }
  plan.explanation =
      "up is 1 for each target whose last scrape succeeded and 0 for each that is "
      "down.";
  plan.alternatives = {"up" + where + " == 0", "count by (job) (up" + where + " == 0)"};
  return plan;
}

Result<Plan> Planner::plan_list(const ParsedQuestion& question) {
  const auto snapshot = TRY(catalogue_.snapshot());
  std::string pattern;
  for (const std::string& word : question.raw) pattern += ".*" + word;
  Plan plan;
  plan.intent = "list";
  plan.subject = "metrics";
  plan.entity_labels = {"__name__"};
  plan.promql = pattern.empty()
                    ? "count by (__name__) ({__name__!=\"\"})"
                    : fmt::format("count by (__name__) ({{__name__=~\"{}.*\"}})", pattern);
  const bool any = std::any_of(
      snapshot->metrics.begin(), snapshot->metrics.end(), [&](const Catalogue::Metric& m) {
        return std::all_of(question.raw.begin(), question.raw.end(), [&](const std::string& word) {
          return m.name.find(word) != std::string::npos;
        });
      });
  if (!any) return unknown_words(question.raw, {});
  plan.unit = "count";
  plan.confidence = 0.8;
  plan.explanation = "Each metric with the number of its series.";
  return plan;
}

/// The concept whose phrase covers most of the question and whose metrics are there.
Result<std::optional<Plan>> Planner::plan_concept(const ParsedQuestion& question) {
  const auto snapshot = TRY(catalogue_.snapshot());
  const std::set<std::string> words(question.content.begin(), question.content.end());
  Choice best;
  const Recipe* best_recipe = nullptr;
  for (const Concept& subject : pack_.concepts) {
    const auto recipe =
        std::find_if(subject.recipes.begin(), subject.recipes.end(), [&](const Recipe& r) {
          return std::all_of(r.needs.begin(), r.needs.end(),
                             [&](const std::string& m) { return snapshot->find(m) != nullptr; });
        });
    if (recipe == subject.recipes.end()) continue;
    for (const auto& phrase : subject.phrases) {
      if (!has_all(words, phrase)) continue;
      if (best.phrase == nullptr || phrase.size() > best.phrase->size()) {
        best = {&subject, &phrase};
        best_recipe = &*recipe;
      }
    }
  }
  if (best.subject == nullptr) return std::nullopt;
  // "How many CPUs" does not ask how busy they are.
  if (question.counts && best_recipe->unit != "count" && best_recipe->unit != "none") {
    return std::nullopt;
  }
  std::vector<std::string> rest;
  for (size_t i = 0; i < question.content.size(); ++i) {
    const std::string& word = question.content[i];
    const bool named =
        std::find(best.phrase->begin(), best.phrase->end(), word) != best.phrase->end();
    if (!named && !filler_words().contains(word)) rest.push_back(question.raw[i]);
  }
  // A label that the recipe chooses itself cannot be asked for on top of it.
  std::vector<std::string> unbound;
  for (const Matcher& filter : TRY(bind_filters(best_recipe->needs[0], rest, unbound))) {
    if (best_recipe->promql.find(filter.name() + "=") != std::string::npos) return std::nullopt;
  }
  for (const std::string& label : question.by) {
    if (best_recipe->promql.find(label + "=") != std::string::npos) return std::nullopt;
  }
  return TRY(compose(question, *best.subject, *best_recipe, rest));
}

Result<Plan> Planner::compose(const ParsedQuestion& question, const Concept& subject,
                              const Recipe& recipe, const std::vector<std::string>& rest) {
  std::vector<std::string> leftover;
  const std::vector<Matcher> filters = TRY(bind_filters(recipe.needs[0], rest, leftover));
  const Catalogue::LabelValues labels = TRY(catalogue_.labels_of(recipe.needs[0]));
  if (!leftover.empty()) {
    std::vector<std::string> near;
    std::vector<std::string_view> known;
    for (const auto& [name, values] : labels)
      known.insert(known.end(), values.begin(), values.end());
    for (const std::string& word : leftover) {
      const std::string_view found = nearest(word, known);
      if (!found.empty()) near.emplace_back(found);
    }
    return unknown_words(leftover, near);
  }
  Plan plan;
  plan.subject = subject.name;
  plan.unit = recipe.unit;
  std::vector<std::string> by = recipe.by;
  for (const std::string& label : question.by) {
    if (!labels.contains(label)) return unknown_words({label}, {});
    by = question.by;
  }
  const bool single_things = by.empty() && question.top.has_value();
  if (single_things) {
    for (const std::string& label : recipe.entity) {
      if (labels.contains(label)) {
        by = {label};
        break;
      }
    }
  }
  plan.entity_labels = by;
  plan.promql = recipe.promql;
  const std::string inside = inside_braces(filters);
  replace_all(plan.promql, "$where", inside.empty() ? "" : "{" + inside + "}");
  replace_all(plan.promql, "$and", inside.empty() ? "" : "," + inside);
  replace_all(plan.promql, "$by ", by.empty() ? "" : by_clause(by) + " ");
  replace_all(plan.promql, "$labels ", by.empty() ? "" : join(by, ", ") + ", ");
  replace_all(plan.promql, "$window", kRateWindow);
  replace_all(plan.promql, "$quantile", codec::format_general(question.quantile.value_or(0.95)));
  plan.confidence = 0.9;
  plan.explanation = fmt::format("{} from {}.", subject.name, join(recipe.needs, ", "));
  if (question.forecast) {
    if (recipe.needs[0] != "node_filesystem_avail_bytes") {
      plan.refuse_code = "not_supported";
      plan.refuse_message = "I can forecast when filesystems fill up, and nothing else yet.";
      plan.intent = "refuse";
      plan.promql.clear();
      return plan;
    }
    plan.intent = "forecast";
    plan.unit = "bytes";
    plan.promql = fmt::format("predict_linear(node_filesystem_avail_bytes{}[{}], {})",
                              inside.empty() ? "" : "{" + inside + "}",
                              format_duration(kForecastBase), kForecastAhead.ms / 1000);
    plan.explanation =
        "Free space in seven days if it goes on as in the last hour; below zero "
        "means full.";
    return plan;
  }
  finish(question, subject.least_is_worst, plan);
  return plan;
}

void Planner::ask_instead(Plan& plan, std::string question) {
  plan = {};
  plan.intent = "clarify";
  plan.clarify = std::move(question);
}

/// What holds for every query: aggregation, top, threshold, alert, trend.
void Planner::finish(const ParsedQuestion& question, bool least_is_worst, Plan& plan) const {
  plan.intent = "query";
  const bool share = plan.unit == "percent" || plan.unit == "ratio";
  if (question.threshold && question.threshold->percent && !share) {
    return ask_instead(plan, fmt::format("Percent of what? {} is no percentage.", plan.subject));
  }
  if (question.proposes_alert && !question.threshold && !share) {
    return ask_instead(plan, fmt::format("Beyond which value of {}?", plan.subject));
  }
  if (!question.aggregation.empty() && question.by.empty() && question.window) {
    // "The highest in the last hour" is one number over time, not a line.
    plan.window = *question.window;
    plan.promql = fmt::format("{}_over_time(({})[{}:])", question.aggregation, plan.promql,
                              format_duration(plan.window));
    return;
  }
  if (!question.aggregation.empty()) {
    plan.promql = fmt::format("{} {}({})", question.aggregation,
                              question.by.empty() ? "" : by_clause(question.by) + " ", plan.promql);
    if (question.by.empty()) plan.entity_labels.clear();
  }
  if (question.proposes_alert) {
    // A share that must not grow is worth a look at nine tenths; one that must not shrink, at one.
    Threshold limit = question.threshold.value_or(least_is_worst ? Threshold{"<", 10, true}
                                                                 : Threshold{">", 90, true});
    double value = limit.value;
    if (limit.percent && plan.unit == "ratio") value /= 100;
    const std::string expression =
        fmt::format("{} {} {}", plan.promql, limit.op, codec::format_general(value));
    plan.intent = "alert";
    plan.promql = expression;
    plan.action =
        Json{{"kind", "alert"}, {"expr", expression}, {"for_s", 300}, {"severity", "warning"}};
    return;
  }
  if (question.threshold) {
    double value = question.threshold->value;
    if (question.threshold->percent && plan.unit == "ratio") value /= 100;
    plan.promql =
        fmt::format("{} {} {}", plan.promql, question.threshold->op, codec::format_general(value));
  }
  if (question.top) {
    plan.intent = "top";
    const bool bottom = question.least != least_is_worst && question.least;
    const bool smallest = least_is_worst ? !question.least : bottom;
    plan.promql =
        fmt::format("{}({}, {})", smallest ? "bottomk" : "topk", *question.top, plan.promql);
  }
  if (question.trend || question.window) {
    plan.range = true;
    plan.window = question.window.value_or(DurationMs::hours(1));
    if (plan.intent == "query") plan.intent = "trend";
  }
}

/// By the words of names and help texts. Every word of the question must be found.
Result<Plan> Planner::plan_metric(const ParsedQuestion& question) {
  const auto snapshot = TRY(catalogue_.snapshot());
  const std::vector<Candidate> candidates = rank_metrics(*snapshot, question);
  // What the words of the name leave must be values of the metric's labels.
  std::vector<Matcher> filters;
  const Candidate* best = nullptr;
  std::vector<std::string> missing;
  for (const std::string& word : question.raw) {
    if (!filler_words().contains(word)) missing.push_back(word);
  }
  for (size_t i = 0; i < candidates.size() && i < 20 && best == nullptr; ++i) {
    std::vector<std::string> leftover;
    filters = TRY(bind_filters(candidates[i].metric->name, candidates[i].unmatched, leftover));
    if (leftover.empty())
      best = &candidates[i];
    else if (leftover.size() < missing.size())
      missing = leftover;
  }
  if (best == nullptr) {
    std::vector<std::string> near = similar_words(*snapshot, missing);
    for (size_t i = 0; i < candidates.size() && i < 3; ++i)
      near.push_back(candidates[i].metric->name);
    return unknown_words(missing, near);
  }
  std::vector<std::string> rivals;
  for (const Candidate& other : candidates) {
    const bool close =
        other.score >= best->score - 0.01 && other.unmatched.size() <= best->unmatched.size();
    if (close && rivals.size() < kMaxOptions) rivals.push_back(other.metric->name);
  }
  const bool only_a_hint = best->named_words * kHintBelowOneIn < best->name_words;
  if ((rivals.size() > 1 || only_a_hint) && best->score < kExactName / 2) {
    Plan plan;
    plan.intent = "clarify";
    plan.clarify = rivals.size() > 1 ? "Several metrics fit. Which one do you mean?"
                                     : "I am not sure. Do you mean this metric?";
    plan.options = rivals;
    return plan;
  }
  const Catalogue::LabelValues labels = TRY(catalogue_.labels_of(best->metric->name));
  for (const std::string& label : question.by) {
    if (!labels.contains(label)) return unknown_words({label}, {});
  }
  if (question.quantile && !best->metric->name.ends_with("_bucket")) {
    return refuse("no_histogram",
                  fmt::format("{} is no histogram: it has no percentiles.", best->metric->name));
  }
  Plan plan = query_metric(*best->metric, filters, question);
  plan.confidence = best->unmatched.empty() ? 0.75 : 0.65;
  finish(question, false, plan);
  return plan;
}

}  // namespace prom5::llm
