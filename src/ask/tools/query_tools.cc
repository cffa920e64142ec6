#include "ask/tools/query_tools.h"

#include <map>

#include "ask/tools/range_frame.h"
#include "ask/tools/run_query.h"

namespace prom5::tools {

namespace {

constexpr size_t kMaxListed = 200;
/// Scrapes of the moment itself count still.
constexpr DurationMs kLatest = DurationMs::seconds(5);

query::QueryRequest instant(std::string promql, const ToolContext& context) {
  query::QueryRequest request;
  request.text = std::move(promql);
  request.start = request.end = context.now;
  return request;
}

/// The whole in one sentence, then its parts, each once.
std::string words_of(const query::ExplainedExpr& expr) {
  std::string out = expr.words;
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

void add_parts(const query::ExplainedExpr& expr, Json& parts) {
  constexpr size_t kMaxParts = 50;
  for (const query::ExplainedExpr& inner : expr.inner) {
    if (parts.size() < kMaxParts) {
      parts.push_back({{"expression", inner.expression}, {"words", inner.words}});
    }
    add_parts(inner, parts);
  }
}

/// The series of an instant query, with state and name of the labels that matter.
Result<Json> list(query::Engine& engine, const std::string& promql, const char* field,
                  const ToolContext& context) {
  const query::QueryResult result = TRY(run_query(engine, instant(promql, context), context));
  const auto& series = std::get<query::VectorValue>(result.value).series;
  Json out = Json::array();
  for (const query::Series& one : series) {
    if (out.size() == kMaxListed) break;
    out.push_back({{"labels", labels_json(one.labels)}, {"value", one.points[0].value}});
  }
  return Json{{field, std::move(out)}, {"total", series.size()}};
}

}  // namespace

ToolSpec ExplainQuery::spec() const {
  return {"explain_query", "Says in words what a query computes, and what it reads.",
          object_schema({{"promql", "string", "the query"}})};
}

Result<Json> ExplainQuery::call(const Json& arguments, const ToolContext& context) {
  const std::string promql = TRY(text_of(arguments, "promql", "explain_query"));
  query::QueryRequest request = instant(promql, context);
  TRY(within_budget(request, context));
  const query::Explanation found = TRY(engine_.explain(request, false));
  Json parts = Json::array();
  add_parts(found.root, parts);
  std::string words = words_of(found.root) + ".";
  for (const std::string& advice : found.advice) words += " " + advice;
  return Json{{"words", words},
              {"parts", std::move(parts)},
              {"advice", found.advice},
              {"series", found.root.estimate.series},
              {"samples", found.root.estimate.samples}};
}

ToolSpec DiagnoseQuery::spec() const {
  return {"diagnose_query", "Finds out why a query's result is empty.",
          object_schema({{"promql", "string", "the query"}})};
}

Result<Json> DiagnoseQuery::call(const Json& arguments, const ToolContext& context) {
  const std::string promql = TRY(text_of(arguments, "promql", "diagnose_query"));
  query::QueryRequest request = instant(promql, context);
  TRY(within_budget(request, context));
  const query::Diagnosis found = TRY(doctor_.diagnose(request));
  Json findings = Json::array();
  for (const query::Finding& finding : found.findings) {
    findings.push_back({{"cause", std::string(query::to_string(finding.cause))},
                        {"expression", finding.expression},
                        {"text", finding.text},
                        {"fix", finding.fix}});
  }
  return Json{{"empty", found.empty}, {"findings", std::move(findings)}};
}

ToolSpec ListAlerts::spec() const {
  return {"alerts", "Lists the alerts that fire or are pending, with their labels.",
          object_schema({})};
}

Result<Json> ListAlerts::call(const Json& /*arguments*/, const ToolContext& context) {
  return list(engine_, "ALERTS", "alerts", context);
}

ToolSpec ListTargets::spec() const {
  return {"targets",
          "Lists the scraped targets; value 1 is up, 0 is down; and why the last scrape failed and "
          "when it was (error, scraped).",
          object_schema({})};
}

Result<Json> ListTargets::call(const Json& /*arguments*/, const ToolContext& context) {
  Json out = TRY(list(engine_, "sort(up)", "targets", context));
  if (!scrapes_) return out;
  const std::vector<ScrapeInfo> scrapes = scrapes_();
  std::map<Json, const ScrapeInfo*> failed;
  for (const ScrapeInfo& scrape : scrapes) {
    if (!scrape.error.empty()) failed.emplace(labels_json(scrape.labels), &scrape);
  }
  for (Json& target : out["targets"]) {
    const auto same = failed.find(target["labels"]);
    // What is of a later scrape than the question's time tells nothing of it.
    if (same == failed.end() || same->second->time > context.now + kLatest) continue;
    target["error"] = same->second->error;
    target["scraped"] = same->second->time.as_seconds();
  }
  return out;
}

}  // namespace prom5::tools
