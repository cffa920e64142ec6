// PromQL typed as a question: what is run as it stands, and what is said where that cannot be.
#include <algorithm>

#include "ask/llm/planner.h"
#include "base/ascii.h"
#include "base/spelling.h"

namespace prom5::llm {

namespace {

using catalogue::Metric;
using catalogue::Snapshot;
using query::TypedQuery;

constexpr size_t kMostNear = 4;

/// The metrics that a name may have meant: those of a histogram so called, the nearest by letters,
/// else those with most of its words.
std::vector<std::string> near_metrics(const std::string& name, const Snapshot& snapshot,
                                      const catalogue::Lexicon& lexicon) {
  std::vector<std::pair<size_t, std::string>> near;
  const std::string small = to_lower(name);
  const size_t allowed = std::max<size_t>(name.size() / 4, 1);
  for (const Metric& metric : snapshot.metrics()) {
    if (catalogue::family_of(metric.name) == name) near.emplace_back(0, metric.name);
    const size_t longer = std::max(metric.name.size(), name.size());
    const size_t shorter = std::min(metric.name.size(), name.size());
    if (longer - shorter > allowed) continue;
    const size_t distance = edit_distance(small, to_lower(metric.name));
    if (distance <= allowed) near.emplace_back(distance, metric.name);
  }
  if (near.empty()) {
    std::map<uint32_t, size_t> common;
    std::string word;
    for (const char c : small + "_") {
      if (c != '_' && c != ':') {
        word += c;
        continue;
      }
      const std::string canonical = lexicon.canonical(word);
      word.clear();
      if (canonical.empty() || lexicon.is_weak(canonical)) continue;
      for (const uint32_t index : snapshot.with_word(canonical)) ++common[index];
    }
    for (const auto& [index, count] : common) {
      const size_t rank = name.size() - std::min(count, name.size());
      near.emplace_back(rank, snapshot.metrics()[index].name);
    }
  }
  std::ranges::sort(near);
  std::vector<std::string> out;
  for (auto& [distance, metric] : near) {
    if (out.size() < kMostNear) out.push_back(std::move(metric));
  }
  return out;
}

/// The query with another metric wherever it reads `name`.
std::string with_metric(const TypedQuery& query, const std::string& name,
                        const std::string& metric) {
  std::string out = query.promql;
  std::vector<size_t> places;
  for (const TypedQuery::Name& each : query.names) {
    if (each.name == name && out.compare(each.at, name.size(), name) == 0) {
      places.push_back(each.at);
    }
  }
  std::ranges::sort(places, std::greater<>());
  for (const size_t at : places) out.replace(at, name.size(), metric);
  return out;
}

}  // namespace

std::optional<Plan> Planner::plan_promql(const std::string& said) const {
  const TypedQuery query = query::typed_query(said);
  if (query.kind == TypedQuery::Kind::Words) return std::nullopt;
  if (query.kind == TypedQuery::Kind::Broken) {
    return refusal("bad_query", texts_.say("refuse.not_promql", {{"reason", query.error}}), {});
  }
  // "web-01" is a host, though it could be a difference.
  if (!snapshot_.places(catalogue::fold(query.promql)).empty()) return std::nullopt;
  // What is absent is what absent() is asked of; of several names one may have no series now.
  const bool of_absence = query.promql.find("absent") != std::string::npos;
  const bool some_known = std::ranges::any_of(query.names, [&](const TypedQuery::Name& each) {
    return snapshot_.find(each.name) != nullptr;
  });
  for (const TypedQuery::Name& each : query.names) {
    if (snapshot_.find(each.name) != nullptr) continue;
    if (query.surely &&
        (of_absence || (some_known && query.promql.find(" or ") != std::string::npos))) {
      continue;
    }
    // "max(cpu)" may be words.
    if (!query.surely || knowledge_.vocabulary.knows(to_lower(each.name))) return std::nullopt;
    return refuse_metric(query, each.name);
  }
  if (query.type == query::ValueType::String) return std::nullopt;
  if (query.type == query::ValueType::RangeVector) return refuse_range(query);
  Plan plan;
  plan.intent = Intent::Query;
  plan.subject = plan.promql = query.promql;
  plan.written = true;
  plan.wording = query.filters ? "beyond" : query.least_first ? "bottom" : "value";
  plan.explanation = query.in_words;
  plan.confidence = 0.95;
  plan.frame = {{"intent", "query"}, {"promql", plan.promql}};  // nothing goes on from it in words
  return plan;
}

Plan Planner::refuse_metric(const TypedQuery& query, const std::string& name) const {
  std::vector<std::string> near = near_metrics(name, snapshot_, knowledge_.pack.lexicon);
  std::string message = texts_.say("refuse.no_metric", {{"name", name}});
  if (!near.empty()) {
    message += " " + texts_.say("refuse.nearest", {{"names", join_words(near, ", ")}});
  }
  for (std::string& metric : near) metric = with_metric(query, name, metric);
  std::erase(near, query.promql);
  return refusal("unknown_metric", std::move(message), std::move(near));
}

/// "orders_total[5m]": samples, of which a function makes a value.
Plan Planner::refuse_range(const TypedQuery& query) const {
  const Metric* metric = query.names.empty() ? nullptr : snapshot_.find(query.names.front().name);
  const bool counts = metric != nullptr && (metric->type == MetricType::Counter ||
                                            metric->type == MetricType::Histogram ||
                                            metric->type == MetricType::Summary);
  const std::string example =
      (counts && query.plain_range ? "rate(" : "avg_over_time(") + query.promql + ")";
  return refusal(
      "bad_query",
      texts_.say("refuse.range_vector", {{"promql", query.promql}, {"example", example}}),
      {example});
}

}  // namespace prom5::llm
