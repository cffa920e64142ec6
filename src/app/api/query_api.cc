#include "app/api/query_api.h"

#include <charconv>

#include "app/api/answer.h"
#include "app/api/parameters.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;
using io::HttpRequest;
using io::HttpResponse;

void write_cost(JsonWriter& json, std::string_view name, const query::Cost& cost) {
  json.key(name).begin_object();
  json.key("series").integer(static_cast<int64_t>(cost.series));
  json.key("samples").integer(static_cast<int64_t>(cost.samples));
  json.key("seconds").number(cost.seconds).end_object();
}

void write_expr(JsonWriter& json, const query::ExplainedExpr& expr) {
  json.begin_object().field("expression", expr.expression).field("words", expr.words);
  write_cost(json, "estimate", expr.estimate);
  if (expr.actual) write_cost(json, "actual", *expr.actual);
  json.key("inner").begin_array();
  for (const query::ExplainedExpr& inner : expr.inner) write_expr(json, inner);
  json.end_array().end_object();
}

/// What does not parse is an error of the parameter; what comes up in the evaluation is not.
Error about_query(const Error& error) {
  return error.code == ErrorCode::BadData ? invalid_parameter("query", error) : error;
}

}  // namespace

void QueryApi::add_routes(io::Router& router) {
  using io::PathArguments;
  const auto add = [&](std::string methods, std::string path, std::string summary, auto handler) {
    router.add(std::move(methods), "/api/v5/query/" + std::move(path), std::move(summary),
               answering(handler));
  };
  using R = const HttpRequest&;
  using A = const PathArguments&;
  add("GET|POST", "explain", "What a query computes and will cost; run=true: what it did cost.",
      [this](R r, A) { return explain(r); });
  add("GET|POST", "doctor", "Why a query's answer is empty.",
      [this](R r, A) { return diagnose(r); });
  add("GET", "active", "Queries that run or wait now.", [this](R, A) { return active(); });
  add("DELETE", "active/{id}", "Cancels a query.", [this](R, A a) { return cancel(a[0]); });
}

/// An instant query, or with start, end and step a range query.
Result<query::QueryRequest> QueryApi::query_of(const HttpRequest& request) const {
  query::QueryRequest q;
  q.text = request.parameter("query");
  if (q.text.empty()) return fail(ErrorCode::BadData, "no query parameter provided");
  q.timeout = TRY(duration_parameter(request, "timeout"));
  q.stop = request.stop;
  q.origin = {request.peer.substr(0, request.peer.rfind(':')), request.method, request.path};
  if (request.parameter("start").empty()) {
    q.start = q.end = TRY(time_parameter(request, "time", clock_.now()));
    return q;
  }
  const RangeParameters range = TRY(range_parameters(request, clock_.now()));
  q.start = range.start;
  q.end = range.end;
  q.step = range.step;
  return q;
}

QueryApi::Answer QueryApi::explain(const HttpRequest& request) {
  const query::QueryRequest q = TRY(query_of(request));
  const auto explained = engine_.explain(q, request.parameter("run") == "true");
  if (!explained) return std::unexpected(about_query(explained.error()));
  return success_answer(
      [&](JsonWriter& json) {
        json.begin_object()
            .field("type", query::describe(explained->type))
            .field("words", explained->root.words);
        json.key("steps").integer(static_cast<int64_t>(explained->steps));
        json.key("seriesCut").boolean(explained->series_cut);
        json.key("tree");
        write_expr(json, explained->root);
        json.key("advice").begin_array();
        for (const std::string& text : explained->advice) json.string(text);
        json.end_array();
        if (explained->stats) query::write_stats(json.key("stats"), *explained->stats);
        json.end_object();
      },
      explained->annotations);
}

QueryApi::Answer QueryApi::diagnose(const HttpRequest& request) {
  const query::QueryRequest q = TRY(query_of(request));
  const auto diagnosis = doctor_.diagnose(q);
  if (!diagnosis) return std::unexpected(about_query(diagnosis.error()));
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("empty").boolean(diagnosis->empty);
    json.key("findings").begin_array();
    for (const query::Finding& finding : diagnosis->findings) {
      json.begin_object()
          .field("cause", query::to_string(finding.cause))
          .field("expression", finding.expression)
          .field("text", finding.text);
      if (!finding.fix.empty()) json.field("fix", finding.fix);
      json.end_object();
    }
    json.end_array().end_object();
  });
}

QueryApi::Answer QueryApi::active() {
  const auto queries = engine_.active().list();
  return success_answer([&](JsonWriter& json) {
    json.begin_array();
    for (const query::ActiveQuery& q : queries) {
      json.begin_object().key("id").integer(static_cast<int64_t>(q.id));
      json.field("query", q.text)
          .field("start", format_rfc3339(q.start))
          .field("end", format_rfc3339(q.end))
          .field("step", format_duration(q.step))
          .field("lane", query::to_string(q.lane))
          .field("client", q.client)
          .field("state", q.running ? "running" : "waiting");
      json.key("seconds").number(q.seconds);
      json.key("samples").integer(static_cast<int64_t>(q.samples)).end_object();
    }
    json.end_array();
  });
}

QueryApi::Answer QueryApi::cancel(const std::string& id) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) {
    return fail(ErrorCode::BadData, "\"{}\" is no query's id: they are whole numbers", id);
  }
  if (!engine_.active().cancel(number)) {
    return fail(ErrorCode::NotFound, "no query {} runs or waits", number);
  }
  HttpResponse response;
  response.status = 204;
  return response;
}

}  // namespace prom5::api
