#include "app/api/search_api.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "app/api/answer.h"
#include "app/api/parameters.h"
#include "model/quote.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;
using io::HttpRequest;
using io::HttpResponse;

constexpr int64_t kDefaultLimit = 100;
constexpr size_t kMaxTerms = 32;
constexpr size_t kMaxTerm = 256;

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end != text.end()) return std::nullopt;
  return value;
}

Result<size_t> positive(const HttpRequest& request, std::string_view name, int64_t otherwise) {
  const std::string_view text = request.parameter(name);
  if (text.empty()) return static_cast<size_t>(otherwise);
  const auto value = whole_number(text);
  if (value && *value > 0) return static_cast<size_t>(*value);
  return fail(ErrorCode::BadData, "invalid {} {}: must be a positive integer", name, quoted(text));
}

Result<bool> boolean(const HttpRequest& request, std::string_view name, bool otherwise) {
  const std::string_view text = request.parameter(name);
  if (text.empty()) return otherwise;
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return fail(ErrorCode::BadData, "invalid {} {}: must be boolean", name, quoted(text));
}

Result<query::NameFilter> filter_of(const HttpRequest& request) {
  const std::vector<std::string> terms = request.parameters_named("search[]");
  if (terms.size() > kMaxTerms) {
    return fail(ErrorCode::BadData, "too many search[] terms: got {}, maximum is {}", terms.size(),
                kMaxTerms);
  }
  for (const std::string& term : terms) {
    if (term.size() <= kMaxTerm) continue;
    return fail(ErrorCode::BadData, "search[] term too long: {} bytes, maximum is {}", term.size(),
                kMaxTerm);
  }
  query::NameFilter::Options options;
  if (const std::string_view text = request.parameter("fuzz_threshold"); !text.empty()) {
    const auto threshold = whole_number(text);
    if (!threshold || *threshold < 0 || *threshold > 100) {
      return fail(ErrorCode::BadData, "invalid fuzz_threshold {}: must be 0-100", quoted(text));
    }
    options.threshold = static_cast<double>(*threshold) / 100;
  }
  if (const std::string_view text = request.parameter("fuzz_alg"); text == "jarowinkler") {
    options.algorithm = query::NameFilter::Algorithm::JaroWinkler;
  } else if (!text.empty() && text != "subsequence") {
    return fail(ErrorCode::BadData,
                "unsupported fuzz_alg {}: must be one of [subsequence jarowinkler]", quoted(text));
  }
  options.case_sensitive = TRY(boolean(request, "case_sensitive", true));
  return query::NameFilter(terms, options);
}

/// Only what is known, unlike /api/v1/metadata.
void write_known_metadata(JsonWriter& json, const Metadata& metadata) {
  json.field("type", to_string(metadata.type));
  if (!metadata.help.empty()) json.field("help", metadata.help);
  if (!metadata.unit.empty()) json.field("unit", metadata.unit);
}

struct Order {
  bool by_score = false;
  bool descending = false;
};
Result<Order> order_of(const HttpRequest& request, std::string_view endpoint) {
  const std::string_view by = request.parameter("sort_by");
  const std::string_view direction = request.parameter("sort_dir");
  if (!direction.empty() && by.empty()) {
    return fail(ErrorCode::BadData, "sort_dir is only valid when sort_by is set");
  }
  if (!direction.empty() && by == "score") {
    return fail(ErrorCode::BadData, "sort_dir is not supported for sort_by=score");
  }
  if (!direction.empty() && direction != "asc" && direction != "dsc") {
    return fail(ErrorCode::BadData, "invalid sort_dir {}: must be \"asc\" or \"dsc\"",
                quoted(direction));
  }
  if (by == "score" && request.parameters_named("search[]").empty()) {
    return fail(ErrorCode::BadData, "sort_by=score requires search[] to be set");
  }
  if (!by.empty() && by != "alpha" && by != "score") {
    return fail(ErrorCode::BadData, "invalid sort_by {} for {}: must be \"alpha\" or \"score\"",
                quoted(by), endpoint);
  }
  return Order{by == "score", direction == "dsc"};
}

}  // namespace

void SearchApi::add_routes(io::Router& router) {
  const auto add = [&](const char* path, const char* summary, auto handler) {
    router.add("GET|POST", std::string("/api/v1/search/") + path, summary,
               answering([handler](const HttpRequest& request, const io::PathArguments&) {
                 return handler(request);
               }));
  };
  const auto values_of = [](std::string name) -> Find {
    return [name](Querier& querier, std::span<const Matcher> matchers) {
      return querier.label_values(name, matchers);
    };
  };
  add("metric_names", "Metric names that fit what was typed.",
      [this, values_of](const HttpRequest& request) {
        return answer(request, "metric_names", "name", values_of(std::string(kMetricName)));
      });
  add("label_names", "Label names that fit what was typed.", [this](const HttpRequest& request) {
    return answer(request, "label_names", "name",
                  [](Querier& querier, std::span<const Matcher> matchers) {
                    return querier.label_names(matchers);
                  });
  });
  add("label_values", "Values of a label that fit what was typed.",
      [this, values_of](const HttpRequest& request) -> Answer {
        const std::string_view label = request.parameter("label");
        if (label.empty()) {
          TRY(search_of(request, "label_values"));
          return fail(ErrorCode::BadData, "missing required parameter \"label\"");
        }
        return answer(request, "label_values", "value", values_of(std::string(label)));
      });
}

Result<SearchApi::Search> SearchApi::search_of(const HttpRequest& request,
                                               std::string_view endpoint) const {
  if (!request.form_error.empty()) {
    return fail(ErrorCode::BadData, "error parsing form values: {}", request.form_error);
  }
  const TimeMs now = clock_.now();
  TimeRange range;
  range.start = TRY(time_parameter(request, "start", now - DurationMs::hours(1)));
  range.end = TRY(time_parameter(request, "end", now));
  if (range.end < range.start) {
    return fail(ErrorCode::BadData, "end timestamp must not be before start timestamp");
  }
  auto selectors = TRY(match_parameters(request));
  auto filter = TRY(filter_of(request));
  const bool with_score = TRY(boolean(request, "include_score", false));
  const Order order = TRY(order_of(request, endpoint));
  const auto most = static_cast<int64_t>(max_limit_);
  const size_t limit = TRY(positive(request, "limit", std::min(kDefaultLimit, most)));
  if (limit > max_limit_) {
    return fail(ErrorCode::BadData,
                "limit {} exceeds the configured maximum ({}, see --web.search.max-limit)", limit,
                max_limit_);
  }
  const size_t batch_size = TRY(positive(request, "batch_size", kDefaultLimit));
  const bool with_metadata =
      endpoint == "metric_names" && TRY(boolean(request, "include_metadata", false));
  return Search{range,
                std::move(selectors),
                std::move(filter),
                order.by_score,
                order.descending,
                with_score,
                with_metadata,
                limit,
                batch_size};
}

SearchApi::Answer SearchApi::answer(const HttpRequest& request, std::string_view endpoint,
                                    std::string_view field, const Find& find) {
  const Search search = TRY(search_of(request, endpoint));
  const auto querier = TRY(storage_.querier(search.range));
  std::set<std::string> names;
  const auto take = [&](std::span<const Matcher> matchers) -> Result<void> {
    std::vector<std::string> more = TRY(find(*querier, matchers));
    names.insert(std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return {};
  };
  if (search.selectors.empty()) TRY(take({}));
  for (const auto& matchers : search.selectors) TRY(take(matchers));

  std::vector<Found> found;
  for (const std::string& name : names) {
    if (request.stop.stop_requested()) return fail(ErrorCode::Canceled, "the client went away");
    if (const auto score = search.filter.score(name)) found.push_back({name, *score});
  }
  if (search.descending) std::ranges::reverse(found);
  if (search.by_score) {
    std::ranges::stable_sort(found,
                             [](const Found& a, const Found& b) { return a.score > b.score; });
  }
  const bool has_more = found.size() > search.limit;
  if (has_more) found.resize(search.limit);

  HttpResponse response;
  response.headers.add("Content-Type", "application/x-ndjson; charset=utf-8");
  const std::vector<std::string> warnings = querier->warnings();
  const Storage::MetadataMap known =
      search.with_metadata ? storage_.metadata() : Storage::MetadataMap();
  std::span<const Found> rest(found);
  // There is always a first line, for its warnings.
  for (bool first = true; first || !rest.empty(); first = false) {
    const auto batch = rest.first(std::min(search.batch_size, rest.size()));
    rest = rest.subspan(batch.size());
    JsonWriter json(response.body);
    json.begin_object().key("results").begin_array();
    for (const Found& one : batch) {
      json.begin_object().field(field, one.name);
      if (search.with_score) json.key("score").number(one.score);
      if (const auto metadata = known.find(one.name); metadata != known.end()) {
        write_known_metadata(json, metadata->second.front());
      }
      json.end_object();
    }
    json.end_array();
    if (first && !warnings.empty()) {
      json.key("warnings").begin_array();
      for (const std::string& text : warnings) json.string(text);
      json.end_array();
    }
    json.end_object();
    response.body += '\n';
  }
  JsonWriter json(response.body);
  json.begin_object().field("status", "success").key("has_more").boolean(has_more).end_object();
  response.body += '\n';
  return response;
}

}  // namespace prom5::api
