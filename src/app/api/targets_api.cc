#include "app/api/targets_api.h"

#include <algorithm>
#include <set>

#include "app/api/parameters.h"
#include "app/api/result_json.h"
#include "base/ascii.h"
#include "collect/scrape/advice.h"
#include "io/codec/json.h"
#include "query/engine.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;
using io::HttpRequest;

void write_target(JsonWriter& json, const scrape::TargetStatus& status, const io::Url& own) {
  json.begin_object().key("discoveredLabels");
  write_labels(json, status.target.discovered);
  json.key("labels");
  write_labels(json, status.target.labels);
  json.field("scrapePool", status.job)
      .field("scrapeUrl", status.target.url)
      .field("globalUrl", global_url(status.target.url, own))
      .field("lastError", status.last_error);
  if (const auto advice = scrape::advice_on(status.last_error); !advice.empty()) {
    json.field("advice", advice);
  }
  const TimeMs time = status.last_scrape;
  json.field("lastScrape", time.ms == 0 ? "0001-01-01T00:00:00Z" : format_rfc3339(time));
  json.key("lastScrapeDuration").number(status.last_duration_seconds);
  json.field("health", status.health)
      .field("scrapeInterval", format_duration(status.target.interval))
      .field("scrapeTimeout", format_duration(status.target.timeout));
  json.key("lastSamples").integer(static_cast<int64_t>(status.last_samples));
  json.key("lastBodyBytes").integer(static_cast<int64_t>(status.last_bytes));
  json.end_object();
}

void write_rule(JsonWriter& json, const RelabelConfig& rule) {
  json.begin_object();
  if (!rule.source_labels.empty()) {
    json.key("source_labels").begin_array();
    for (const std::string& name : rule.source_labels) json.string(name);
    json.end_array();
  }
  json.field("separator", rule.separator);
  json.field("regex", rule.regex ? rule.regex->pattern() : "(.*)");
  if (rule.modulus > 0) json.key("modulus").integer(static_cast<int64_t>(rule.modulus));
  if (!rule.target_label.empty()) json.field("target_label", rule.target_label);
  json.field("replacement", rule.replacement);
  json.field("action", to_string(rule.action)).end_object();
}

/// The family that a series belongs to: its own name, or that of a histogram or summary.
std::string family_of(const std::string& name, const Storage::MetadataMap& known) {
  if (known.contains(name)) return name;
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (!name.ends_with(suffix)) continue;
    std::string family = name.substr(0, name.size() - suffix.size());
    if (known.contains(family)) return family;
  }
  return name;
}

}  // namespace

std::string global_url(const std::string& url, const io::Url& own) {
  auto parsed = io::parse_url(url);
  if (!parsed) return url;
  constexpr std::string_view kHere[] = {"127.0.0.1", "localhost", "::1"};
  if (std::ranges::find(kHere, parsed->host) == std::end(kHere)) return url;
  const bool is_own = parsed->port == own.port;
  parsed->host = own.host;
  if (is_own) parsed->scheme = own.scheme;
  return fmt::format("{}://{}{}", parsed->scheme, parsed->authority(), parsed->target);
}

void TargetsApi::add_routes(io::Router& router) {
  using R = const HttpRequest&;
  using A = const io::PathArguments&;
  const auto add = [&](std::string path, std::string summary, auto handler) {
    router.add("GET", "/api/v1/" + std::move(path), std::move(summary), answering(handler));
  };
  add("targets", "Scrape targets, how they fare, and what to do about those that fail.",
      [this](R r, A) { return targets(r); });
  add("targets/metadata", "Metadata of metrics by target.", [this](R r, A) { return metadata(r); });
  add("targets/relabel_steps", "What each relabelling rule of a job makes of labels.",
      [this](R r, A) { return relabel_steps(r); });
  router.add("GET", "/api/v5/discovery",
             "Sources of targets, and what keeps them from finding any.",
             answering([this](R, A) { return sources(); }));
  add("scrape_pools", "Names of the scrape jobs.", [this](R, A) { return pools(); });
  add("scrape_pools/config", "The configuration of a scrape job, secrets hidden.",
      [this](R r, A) { return pool_config(r); });
}

TargetsApi::Answer TargetsApi::targets(const HttpRequest& request) const {
  const std::string state = to_lower(request.parameter("state"));
  const std::string_view pool = request.parameter("scrapePool");
  const bool active = state.empty() || state == "any" || state == "active";
  const bool dropped = state.empty() || state == "any" || state == "dropped";
  const auto statuses = scrapes_.active_targets();
  const auto gone = scrapes_.dropped_targets();
  const auto dropped_counts = scrapes_.dropped_counts();
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("activeTargets").begin_array();
    for (const auto& status : statuses) {
      if (active && (pool.empty() || status.job == pool)) write_target(json, status, own_);
    }
    json.end_array().key("droppedTargets").begin_array();
    for (const auto& target : gone) {
      if (!dropped || (!pool.empty() && target.job != pool)) continue;
      json.begin_object().key("discoveredLabels");
      write_labels(json, target.discovered);
      json.field("scrapePool", target.job).field("reason", target.reason).end_object();
    }
    json.end_array().key("droppedTargetCounts");
    if (dropped) {
      json.begin_object();
      for (const auto& [name, count] : dropped_counts) {
        json.key(name).integer(static_cast<int64_t>(count));
      }
      json.end_object();
    } else {
      json.null();
    }
    json.end_object();
  });
}

TargetsApi::Answer TargetsApi::metadata(const HttpRequest& request) const {
  std::vector<Matcher> matchers;
  if (const std::string_view text = request.parameter("match_target"); !text.empty()) {
    auto parsed = query::parse_series_selector(text);
    if (!parsed) return std::unexpected(invalid_parameter("match_target", parsed.error()));
    matchers = *std::move(parsed);
  }
  const auto limit = TRY(count_parameter(request, "limit"));
  const std::string_view metric = request.parameter("metric");
  const Storage::MetadataMap all = storage_.metadata();
  std::vector<std::pair<Labels, std::string>> found;
  for (const auto& status : scrapes_.active_targets()) {
    if (!matches_all(matchers, status.target.labels)) continue;
    // Which of the families a target has shows in its series.
    std::vector<Matcher> of_target;
    for (const LabelView label : status.target.labels) {
      of_target.push_back(Matcher::equal(label.name, label.value));
    }
    const auto querier = TRY(storage_.querier({}));
    std::set<std::string> families;
    const std::vector<std::string> names = TRY(querier->label_values(kMetricName, of_target));
    for (const std::string& name : names) families.insert(family_of(name, all));
    if (limit && *limit >= 0 && found.size() >= static_cast<size_t>(*limit)) break;
    for (const std::string& family : families) {
      if ((metric.empty() || family == metric) && all.contains(family)) {
        found.emplace_back(status.target.labels, family);
      }
    }
  }
  return success_answer([&](JsonWriter& json) {
    json.begin_array();
    for (const auto& [labels, name] : found) {
      json.begin_object().key("target");
      write_labels(json, labels);
      if (metric.empty()) json.field("metric", name);
      write_metadata(json, all.find(name)->second.back());
      json.end_object();
    }
    json.end_array();
  });
}

TargetsApi::Answer TargetsApi::relabel_steps(const HttpRequest& request) const {
  const std::string pool(request.parameter("scrapePool"));
  if (pool.empty()) return fail(ErrorCode::BadData, "no scrapePool parameter provided");
  const std::string_view text = request.parameter("labels");
  if (text.empty()) return fail(ErrorCode::BadData, "no labels parameter provided");
  const auto parsed = codec::parse_json(text);
  if (!parsed || !parsed->is_object()) {
    return fail(ErrorCode::BadData, "error parsing labels: {}",
                parsed ? "expected a JSON object of names to texts" : parsed.error().message);
  }
  LabelsBuilder labels;
  for (const auto& [name, value] : parsed->items()) {
    if (!value.is_string()) {
      return fail(ErrorCode::BadData, "error parsing labels: the value of \"{}\" is no text", name);
    }
    labels.set(name, value.get<std::string>());
  }
  const auto options = scrapes_.options_of(pool);
  if (!options) {
    return fail(ErrorCode::BadData, "error retrieving scrape config: scrape pool \"{}\" not found",
                pool);
  }
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("steps").begin_array();
    bool keep = true;
    for (const RelabelConfig& rule : options->relabel_configs) {
      keep = keep && relabel({&rule, 1}, labels);
      json.begin_object().key("rule");
      write_rule(json, rule);
      json.key("output");
      write_labels(json, keep ? LabelsBuilder(labels).build() : Labels{});
      json.key("keep").boolean(keep).end_object();
    }
    json.end_array().end_object();
  });
}

TargetsApi::Answer TargetsApi::sources() const {
  const auto sources = discovery_.sources();
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("sources").begin_array();
    for (const auto& source : sources) {
      json.begin_object().field("scrapePool", source.job).field("mechanism", source.mechanism);
      json.field("subject", source.subject);
      json.key("targets").integer(static_cast<int64_t>(source.targets));
      json.key("problems").begin_array();
      for (const std::string& problem : source.problems) json.string(problem);
      json.end_array().end_object();
    }
    json.end_array().end_object();
  });
}

TargetsApi::Answer TargetsApi::pools() const {
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("scrapePools").begin_array();
    auto names = scrapes_.pools();
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) json.string(name);
    json.end_array().end_object();
  });
}

TargetsApi::Answer TargetsApi::pool_config(const HttpRequest& request) const {
  const std::string pool(request.parameter("scrapePool"));
  if (pool.empty()) return fail(ErrorCode::BadData, "no scrapePool parameter provided");
  const auto text = pool_config_(pool);
  if (!text) {
    return fail(ErrorCode::BadData, "error retrieving scrape config: scrape pool \"{}\" not found",
                pool);
  }
  return success_answer(
      [&](JsonWriter& json) { json.begin_object().field("yaml", *text).end_object(); });
}

}  // namespace prom5::api
