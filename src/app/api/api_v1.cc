#include "app/api/api_v1.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "app/api/answer.h"
#include "app/api/parameters.h"
#include "app/api/query_answer.h"
#include "app/api/result_json.h"
#include "base/loop_turn.h"
#include "io/codec/utf8.h"
#include "io/file/control_group.h"
#include "model/quote.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;
using io::HttpRequest;
using io::HttpResponse;

template <typename List>
void write_strings(JsonWriter& json, const List& list) {
  json.begin_array();
  for (const auto& text : list) json.string(text);
  json.end_array();
}

/// U__ names stand for names that a URL or an old client cannot carry: "U__a_2e_b" is "a.b".
std::string unescape_label_name(const std::string& name) {
  if (!name.starts_with("U__")) return name;
  std::string out;
  const std::string_view rest = std::string_view(name).substr(3);
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '_') {
      out += rest[i];
    } else if (rest.substr(i, 2) == "__") {
      out += '_';
      ++i;
    } else {
      const size_t end = rest.find('_', i + 1);
      if (end == std::string_view::npos) return name;
      const std::string_view hex = rest.substr(i + 1, end - i - 1);
      uint32_t code = 0;
      const auto [parsed, error] = std::from_chars(hex.begin(), hex.end(), code, 16);
      const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
      // At most five digits, as model.UnescapeName of prometheus/common has it.
      if (error != std::errc() || parsed != hex.end() || hex.size() > 5 || code > 0x10FFFF ||
          surrogate) {
        return name;
      }
      codec::utf8_append(out, code);
      i = end;
    }
  }
  return out;
}

void write_counts(JsonWriter& json, std::string_view name,
                  const std::vector<tsdb::NamedCount>& counts) {
  json.key(name).begin_array();
  for (const tsdb::NamedCount& c : counts) {
    json.begin_object().field("name", c.name).key("value").integer(static_cast<int64_t>(c.count));
    json.end_object();
  }
  json.end_array();
}

Result<DurationMs> lookback_parameter(const HttpRequest& request) {
  const std::string_view text = request.parameter("lookback_delta");
  if (text.empty()) return DurationMs{0};
  auto duration = parse_step(text);
  if (duration) return *duration;
  return fail(ErrorCode::BadData, "error parsing lookback delta duration: {}",
              duration.error().message);
}

}  // namespace

std::string_view version() { return "5.0.0-dev"; }

ApiV1::ApiV1(Services services, StatusInfo status)
    : services_(services), status_(std::move(status)) {}

bool ApiV1::is_likely_short(const HttpRequest& request) {
  constexpr size_t kShortText = 4096;
  constexpr std::array<std::string_view, 4> kPaths = {"/api/v1/query", "/api/v1/query_range",
                                                      "/api/v1/labels", "/api/v1/series"};
  if (request.query.size() + request.body.size() > kShortText) return false;
  return std::ranges::find(kPaths, request.path) != kPaths.end() ||
         (request.path.starts_with("/api/v1/label/") && request.path.ends_with("/values"));
}

void ApiV1::add_routes(io::Router& router) {
  using io::PathArguments;
  const auto add = [&](std::string methods, std::string path, std::string summary, auto handler) {
    router.add(std::move(methods), "/api/v1/" + std::move(path), std::move(summary),
               answering(handler));
  };
  const auto list_of = [](std::string_view key) {
    return [key](const HttpRequest&, const PathArguments&) -> Answer {
      return success_answer([&](JsonWriter& json) {
        json.begin_object().key(key).begin_array().end_array().end_object();
      });
    };
  };
  using R = const HttpRequest&;
  using A = const PathArguments&;
  add("GET|POST", "query", "Evaluates an expression at one instant.",
      [this](R r, A) { return query(r); });
  add("GET|POST", "query_range", "Evaluates an expression over a range of time.",
      [this](R r, A) { return query_range(r); });
  add("GET|POST", "query_exemplars", "Lists exemplars of the series that a query looks at.",
      [this](R r, A) { return query_exemplars(r); });
  add("GET|POST", "format_query", "Prints an expression in its standard form.",
      [this](R r, A) { return format_query(r); });
  add("GET|POST", "parse_query", "Gives an expression's syntax tree.",
      [this](R r, A) { return parse_query(r); });
  add("GET|POST", "series", "Lists the series that selectors match.",
      [this](R r, A) { return series(r); });
  add("GET|POST", "labels", "Lists label names.", [this](R r, A) { return labels(r); });
  add("GET", "label/{name}/values", "Lists the values of a label.",
      [this](R r, A a) { return label_values(r, a[0]); });
  add("GET", "metadata", "Type, unit and help text of metrics.",
      [this](R r, A) { return metadata(r); });
  add("GET", "status/config", "The configuration in use, secrets hidden.",
      [this](R, A) { return status_config(); });
  add("GET", "status/flags", "The flags in use.", [this](R, A) { return status_flags(); });
  add("GET", "status/runtimeinfo", "Start time, reloads, series, resources.",
      [this](R, A) { return status_runtime(); });
  add("GET", "status/buildinfo", "Version and build.", [this](R, A) { return status_build(); });
  add("GET", "status/tsdb", "What the database holds, greatest first.",
      [this](R r, A) { return status_tsdb(r); });
  // Nothing evaluates rules or sends alerts yet, so there are none; dashboards ask all the same.
  add("GET", "rules", "Rule groups; there are none yet.", list_of("groups"));
  add("GET", "alerts", "Active alerts; there are none yet.", list_of("alerts"));
  add("GET", "alertmanagers", "Alertmanagers; there are none yet.", [](R, A) -> Answer {
    return success_answer([](JsonWriter& json) {
      json.begin_object().key("activeAlertmanagers").begin_array().end_array();
      json.key("droppedAlertmanagers").begin_array().end_array().end_object();
    });
  });
  add("POST", "write", "Takes samples by remote write 1.0.", [this](R r, A) -> Answer {
    if (services_.remote_write != nullptr) return services_.remote_write->handle(r);
    return HttpResponse::text(404,
                              "remote write receiver needs to be enabled with "
                              "--web.enable-remote-write-receiver\n");
  });
}

ApiV1::Answer ApiV1::evaluate(query::QueryRequest request, const HttpRequest& http) {
  const size_t limit = TRY(limit_parameter(http));
  request.timeout = TRY(duration_parameter(http, "timeout"));
  if (!http.parameter("timeout").empty() && request.timeout.ms <= 0) {
    return fail(ErrorCode::Timeout, "query timed out in expression evaluation");
  }
  request.lookback_delta = TRY(lookback_parameter(http));
  request.text = http.parameter("query");
  request.stop = http.stop;
  request.no_cache = http.parameter("nocache") == "1";
  request.per_step_stats = http.parameter("stats") == "all";
  request.origin = {http.peer.substr(0, http.peer.rfind(':')), http.method, http.path};
  auto result = services_.engine.run(request);
  if (!result) {
    // A parse error is an error of the parameter; what comes up in the evaluation is not.
    const bool parse = result.error().code == ErrorCode::BadData;
    return std::unexpected(parse ? invalid_parameter("query", result.error())
                                 : std::move(result).error());
  }
  const std::string_view stats = http.parameter("stats");
  const bool with_stats = !stats.empty();
  if (with_stats && stats != "true" && stats != "all") {
    result->annotations.warn(
        fmt::format("value {} for parameter \"stats\" is deprecated and will be rejected in the "
                    "next major release, use \"true\" or \"all\"",
                    quoted(stats)));
  }
  return query_answer(*std::move(result), limit, with_stats);
}

ApiV1::Answer ApiV1::query(const HttpRequest& request) {
  query::QueryRequest q;
  q.start = q.end = TRY(time_parameter(request, "time", services_.clock.now()));
  return evaluate(std::move(q), request);
}

ApiV1::Answer ApiV1::query_range(const HttpRequest& request) {
  query::QueryRequest q;
  const RangeParameters range = TRY(range_parameters(request));
  q.start = range.start;
  q.end = range.end;
  q.step = range.step;
  return evaluate(std::move(q), request);
}

ApiV1::Answer ApiV1::format_query(const HttpRequest& request) {
  const auto formatted = query::format_query(request.parameter("query"));
  if (!formatted) return std::unexpected(invalid_parameter("query", formatted.error()));
  return success_answer([&](JsonWriter& json) { json.string(*formatted); });
}

ApiV1::Answer ApiV1::parse_query(const HttpRequest& request) {
  const auto tree = query::parse_query(request.parameter("query"));
  if (!tree) return std::unexpected(invalid_parameter("query", tree.error()));
  return success_answer([&](JsonWriter& json) { json.raw(*tree); });
}

Result<ApiV1::LabelQuery> ApiV1::label_query(const HttpRequest& request) {
  LabelQuery out;
  out.limit = TRY(limit_parameter(request));
  out.range.start = TRY(time_parameter(request, "start", TimeMs::min()));
  out.range.end = TRY(time_parameter(request, "end", TimeMs::max()));
  return out;
}

ApiV1::Answer ApiV1::series(const HttpRequest& request) {
  if (!request.form_error.empty()) {
    return fail(ErrorCode::BadData, "error parsing form values: {}", request.form_error);
  }
  if (request.parameters_named("match[]").empty()) {
    return fail(ErrorCode::BadData, "no match[] parameter provided");
  }
  const LabelQuery asked = TRY(label_query(request));
  const auto selectors = match_parameters(request);
  if (!selectors) return std::unexpected(invalid_parameter("match[]", selectors.error()));
  const auto querier = TRY(services_.storage.querier(asked.range));
  querier->set_patience({request.stop});
  std::vector<Labels> found;
  for (const auto& matchers : *selectors) {
    if (request.stop.stop_requested()) return fail(ErrorCode::Canceled, "the client went away");
    const auto set = TRY(querier->select(matchers, querier->tier({})));
    const auto known = static_cast<ptrdiff_t>(found.size());
    while (set->next()) {
      leave_event_loop_when_long();
      found.push_back(set->labels());
    }
    if (known == 0) continue;
    // Each one's are in order; with many selectors most are there already.
    std::ranges::inplace_merge(found, found.begin() + known);
    const auto twice = std::ranges::unique(found);
    found.erase(twice.begin(), twice.end());
  }
  query::Annotations annotations;
  for (std::string& text : querier->warnings()) annotations.warn(std::move(text));
  const bool cut = asked.limit > 0 && found.size() > asked.limit;
  if (cut) annotations.warn(std::string(kTruncated));
  return success_answer(
      [&](JsonWriter& json) {
        json.begin_array();
        size_t n = 0;
        for (const Labels& labels : found) {
          if (cut && n++ == asked.limit) break;
          write_labels(json, labels);
        }
        json.end_array();
      },
      annotations);
}

ApiV1::Answer ApiV1::query_exemplars(const HttpRequest& request) {
  TimeRange range;
  range.start = TRY(time_parameter(request, "start", TimeMs::min()));
  range.end = TRY(time_parameter(request, "end", TimeMs::max()));
  if (range.end < range.start) {
    return fail(ErrorCode::BadData, "end timestamp must not be before start timestamp");
  }
  const auto selectors = TRY(query::selectors_in(request.parameter("query")));
  if (selectors.empty()) {
    HttpResponse nothing;  // as Prometheus answers
    nothing.status = 204;
    return nothing;
  }
  const auto found = services_.db.exemplars(range, selectors);
  return success_answer([&](JsonWriter& json) {
    json.begin_array();
    for (const SeriesExemplars& series : found) {
      json.begin_object().key("seriesLabels");
      write_labels(json, series.series);
      json.key("exemplars").begin_array();
      for (const Exemplar& exemplar : series.exemplars) {
        json.begin_object().key("labels");
        write_labels(json, exemplar.labels);
        json.key("value");
        write_number(json, exemplar.value);
        json.key("timestamp");
        write_time(json, exemplar.time);
        json.end_object();
      }
      json.end_array().end_object();
    }
    json.end_array();
  });
}

/// Names or values, joined over all selectors: `ask(querier, matchers)`.
template <typename Ask>
ApiV1::Answer ApiV1::label_list(const HttpRequest& request, Ask ask) {
  const LabelQuery asked = TRY(label_query(request));
  const auto selectors = TRY(match_parameters(request));
  const auto querier = TRY(services_.db.querier(asked.range));
  std::set<std::string> found;
  const auto add = [&](std::vector<std::string> list) {
    found.insert(std::make_move_iterator(list.begin()), std::make_move_iterator(list.end()));
  };
  if (selectors.empty()) add(TRY(ask(*querier, std::span<const Matcher>())));
  for (const auto& matchers : selectors) add(TRY(ask(*querier, matchers)));
  leave_event_loop_when_long();
  query::Annotations annotations;
  for (std::string& text : querier->warnings()) annotations.warn(std::move(text));
  std::vector<std::string> list(found.begin(), found.end());
  if (asked.limit > 0 && list.size() > asked.limit) {
    list.resize(asked.limit);
    annotations.warn(std::string(kTruncated));
  }
  return success_answer([&](JsonWriter& json) { write_strings(json, list); }, annotations);
}

ApiV1::Answer ApiV1::labels(const HttpRequest& request) {
  return label_list(request, [](Querier& querier, std::span<const Matcher> matchers) {
    return querier.label_names(matchers);
  });
}

ApiV1::Answer ApiV1::label_values(const HttpRequest& request, const std::string& escaped) {
  const std::string name = unescape_label_name(escaped);
  if (name.empty() || !codec::utf8_valid(name)) {
    return fail(ErrorCode::BadData, "invalid label name: {}", quoted(name));
  }
  return label_list(request, [&](Querier& querier, std::span<const Matcher> matchers) {
    return querier.label_values(name, matchers);
  });
}

ApiV1::Answer ApiV1::metadata(const HttpRequest& request) {
  const auto limit = TRY(count_parameter(request, "limit"));
  const std::string_view metric = request.parameter("metric");
  const auto given = TRY(count_parameter(request, "limit_per_metric"));
  const size_t per_metric = given && *given > 0 ? static_cast<size_t>(*given) : SIZE_MAX;
  const Storage::MetadataMap all = services_.db.metadata();
  return success_answer([&](JsonWriter& json) {
    json.begin_object();
    int64_t n = 0;
    for (const auto& [name, entries] : all) {
      if (!metric.empty() && name != metric) continue;
      if (limit && *limit >= 0 && n++ >= *limit) break;
      json.key(name).begin_array();
      for (size_t i = 0; i < std::min(entries.size(), per_metric); ++i) {
        json.begin_object();
        write_metadata(json, entries[i]);
        json.end_object();
      }
      json.end_array();
    }
    json.end_object();
  });
}

ApiV1::Answer ApiV1::status_config() {
  return success_answer([&](JsonWriter& json) {
    json.begin_object().field("yaml", status_.config_text()).end_object();
  });
}

ApiV1::Answer ApiV1::status_flags() {
  return success_answer([&](JsonWriter& json) {
    json.begin_object();
    for (const auto& [name, value] : status_.flags) json.field(name, value);
    json.end_object();
  });
}

ApiV1::Answer ApiV1::status_runtime() {
  const auto [reloaded, reload_time] = status_.last_reload();
  return success_answer([&, reloaded = reloaded, reload_time = reload_time](JsonWriter& json) {
    json.begin_object()
        .field("startTime", format_rfc3339(status_.started))
        .field("CWD", status_.working_directory)
        .field("hostname", status_.host_name)
        .field("serverTime", format_rfc3339(services_.clock.now()));
    json.key("reloadConfigSuccess").boolean(reloaded);
    json.field("lastConfigTime", format_rfc3339(reload_time));
    json.key("corruptionCount").integer(0);
    json.key("goroutineCount").integer(0);
    json.key("GOMAXPROCS").integer(static_cast<int64_t>(io::usable_cores()));
    json.key("GOMEMLIMIT").integer(0);
    json.field("GOGC", "").field("GODEBUG", "");
    json.field("storageRetention", services_.db.retention_text()).end_object();
  });
}

ApiV1::Answer ApiV1::status_build() {
  return success_answer([](JsonWriter& json) {
    json.begin_object()
        .field("version", version())
        .field("revision", "")
        .field("branch", "")
        .field("buildUser", "")
        .field("buildDate", "")
        .field("goVersion", "")
        .end_object();
  });
}

ApiV1::Answer ApiV1::status_tsdb(const HttpRequest& request) {
  constexpr int64_t kMaxLimit = 10'000;
  const auto limit = count_parameter(request, "limit");
  if (!limit || limit->value_or(1) < 1) {
    return fail(ErrorCode::BadData, "limit must be a positive number");
  }
  if (limit->value_or(1) > kMaxLimit) {
    return fail(ErrorCode::BadData, "limit must not exceed {}", kMaxLimit);
  }
  const tsdb::HeadStats stats = services_.db.stats(static_cast<size_t>(limit->value_or(10)));
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("headStats").begin_object();
    json.key("numSeries").integer(static_cast<int64_t>(stats.series));
    json.key("numLabelPairs").integer(static_cast<int64_t>(stats.label_pairs));
    json.key("chunkCount").integer(static_cast<int64_t>(stats.chunks));
    json.key("minTime").integer(stats.range.start.ms);
    json.key("maxTime").integer(stats.range.end.ms).end_object();
    write_counts(json, "seriesCountByMetricName", stats.series_by_metric);
    write_counts(json, "labelValueCountByLabelName", stats.values_by_label);
    write_counts(json, "memoryInBytesByLabelName", stats.bytes_by_label);
    write_counts(json, "seriesCountByLabelValuePair", stats.series_by_pair);
    json.end_object();
  });
}

}  // namespace prom5::api
