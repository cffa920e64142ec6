#include "app/api/tsdb_api.h"

#include <algorithm>
#include <iterator>

#include "app/api/answer.h"
#include "app/api/parameters.h"
#include "io/codec/json_writer.h"
#include "model/quote.h"

namespace prom5::api {

using codec::JsonWriter;
using io::HttpRequest;
using io::HttpResponse;

namespace {

HttpResponse no_content() {
  HttpResponse done;
  done.status = 204;
  return done;
}

/// `tier`: the width of its rollups; empty for a block of samples.
void write_block(JsonWriter& json, const tsdb::Block& block, std::string_view tier) {
  const tsdb::BlockInfo& info = block.info();
  json.begin_object().field("ulid", fmt::format("{:08}", block.number()));
  json.key("minTime").integer(info.range.start.ms);
  json.key("maxTime").integer(info.range.end.ms + 1);  // exclusive, as Prometheus has it
  json.key("stats").begin_object();
  json.key("numSamples").integer(static_cast<int64_t>(info.samples));
  json.key("numSeries").integer(static_cast<int64_t>(info.series));
  json.key("numTombstones").integer(static_cast<int64_t>(block.tombstones()->series()));
  json.end_object();
  json.key("compaction").begin_object();
  json.key("level").integer(info.replaces.empty() ? 1 : 2);
  json.key("parents").begin_array();
  for (const uint64_t number : info.replaces) json.string(fmt::format("{:08}", number));
  json.end_array().end_object();
  if (!tier.empty()) json.field("tier", tier);
  json.key("bytes").integer(static_cast<int64_t>(block.size_bytes()));
  json.end_object();
}

}  // namespace

void TsdbApi::add_routes(io::Router& router) {
  using Handler = std::function<Answer(const HttpRequest&)>;
  const auto add = [&](std::string methods, std::string path, std::string summary,
                       Handler handler) {
    router.add(std::move(methods), "/api/v1/" + std::move(path), std::move(summary),
               answering([handler = std::move(handler)](const HttpRequest& request,
                                                        const io::PathArguments&) {
                 return handler(request);
               }));
  };
  const auto add_admin = [&](std::string path, std::string summary, Handler handler) {
    add("POST|PUT", "admin/tsdb/" + std::move(path), std::move(summary),
        [this, handler = std::move(handler)](const HttpRequest& request) -> Answer {
          if (!admin_enabled_) return fail(ErrorCode::Unavailable, "admin APIs disabled");
          return logged(request, handler(request));
        });
  };
  add("GET", "status/tsdb/blocks", "The blocks on disk: range of time, contents, size.",
      [this](const HttpRequest&) { return blocks(); });
  add("GET", "status/walreplay", "How far the replay of the write-ahead log has come.",
      [this](const HttpRequest&) { return wal_replay(); });
  add_admin("delete_series", "Deletes samples of the series that match.",
            [this](const HttpRequest& r) { return delete_series(r); });
  add_admin("clean_tombstones", "Frees the room of what is deleted.",
            [this](const HttpRequest&) { return clean_tombstones(); });
  add_admin("snapshot", "Makes a copy of the data under snapshots/.",
            [this](const HttpRequest& r) { return snapshot(r); });
}

TsdbApi::Answer TsdbApi::blocks() {
  return success_answer([&](JsonWriter& json) {
    json.begin_object().key("blocks").begin_array();
    for (const auto& block : db_.blocks()) write_block(json, *block, {});
    for (size_t tier = 0; tier < tsdb::kTiers; ++tier) {
      for (const auto& block : db_.tiers().blocks(tier).blocks()) {
        write_block(json, *block, tsdb::tier_name(tier));
      }
    }
    json.end_array().end_object();
  });
}

/// What an operator did to the data is in the log, and when it did not work, why.
TsdbApi::Answer TsdbApi::logged(const HttpRequest& request, Answer answer) const {
  if (answer) {
    std::string what;
    for (const auto& [name, value] : request.parameters) {
      what += fmt::format("{}{}={}", what.empty() ? "" : "&", name, value);
    }
    log_.info("The database was changed by request", {{"path", request.path}, {"with", what}});
    return answer;
  }
  log_.error("A change of the database by request failed",
             {{"path", request.path}, {"err", answer.error().message}});
  // A file that is gone is no path that the client got wrong.
  if (answer.error().code == ErrorCode::NotFound) answer.error().code = ErrorCode::Io;
  return answer;
}

TsdbApi::Answer TsdbApi::wal_replay() {
  const tsdb::ReplayProgress progress = db_.replay_progress();
  return success_answer([&](JsonWriter& json) {
    json.begin_object();
    json.key("min").integer(static_cast<int64_t>(progress.first_segment));
    json.key("max").integer(static_cast<int64_t>(progress.last_segment));
    json.key("current").integer(static_cast<int64_t>(progress.segment));
    json.field("state", progress.done ? "done" : "in progress");
    json.end_object();
  });
}

TsdbApi::Answer TsdbApi::delete_series(const HttpRequest& request) {
  if (!request.form_error.empty()) {
    return fail(ErrorCode::BadData, "error parsing form values: {}", request.form_error);
  }
  if (request.parameters_named("match[]").empty()) {
    return fail(ErrorCode::BadData, "no match[] parameter provided");
  }
  TimeRange range;
  range.start = TRY(time_parameter(request, "start", TimeMs::min()));
  range.end = TRY(time_parameter(request, "end", TimeMs::max()));
  if (range.end < range.start) {
    // Prometheus deletes nothing then, and says that it is done.
    return fail(ErrorCode::BadData,
                "invalid parameter \"end\": end timestamp must not be before start time");
  }
  // Prometheus takes {a=""} and deletes everything. Here who means that says {__name__=~".+"}.
  const auto selectors = match_parameters(request);
  if (!selectors) return std::unexpected(invalid_parameter("match[]", selectors.error()));
  TRY(db_.delete_series(*selectors, range));
  return no_content();
}

TsdbApi::Answer TsdbApi::clean_tombstones() {
  TRY(db_.clean_tombstones());
  return no_content();
}

TsdbApi::Answer TsdbApi::snapshot(const HttpRequest& request) {
  const std::string_view skip = request.parameter("skip_head");
  constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::string_view kFalse[] = {"", "0", "f", "F", "false", "FALSE", "False"};
  const bool skip_head = std::ranges::find(kTrue, skip) != std::end(kTrue);
  if (!skip_head && std::ranges::find(kFalse, skip) == std::end(kFalse)) {
    return fail(ErrorCode::BadData,
                "invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: "
                "parsing {}: invalid syntax",
                quoted(skip));
  }
  const std::string name = TRY(db_.snapshot(skip_head));
  return success_answer(
      [&](JsonWriter& json) { json.begin_object().field("name", name).end_object(); });
}

}  // namespace prom5::api
