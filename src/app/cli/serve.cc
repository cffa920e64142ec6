#include <fmt/core.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "app/cli/command.h"
#include "app/cli/features.h"
#include "app/server.h"

namespace prom5::cli {

namespace {

using enum FlagKind;

constexpr std::array kFlags = std::to_array<Flag>({
    {"config.file", Text, "",
     "Configuration file; without it the server scrapes itself and this host."},
    {"config.auto-reload", Switch, "false",
     "Reload the configuration when it, or a file that it includes, changes."},
    {"config.auto-reload-interval", Duration, "30s", "How often that is looked for."},
    {"web.listen-address", List, "127.0.0.1:9090",
     "Address to listen on; may be given several times."},
    {"web.config.file", Text, "", "File with TLS certificates and users."},
    {"web.enable-lifecycle", Switch, "false", "Allow reload and shutdown by HTTP request."},
    {"web.enable-admin-api", Switch, "false",
     "Allow administration of the database by HTTP request."},
    {"web.enable-remote-write-receiver", Switch, "false",
     "Accept remote write requests at /api/v1/write."},
    {"web.enable-push-gateway", Switch, "false",
     "Take pushes of short jobs at /metrics/job/…, as a Pushgateway, and show them at "
     "/push/metrics."},
    {"push.persistence-file", Text, "",
     "File that keeps what was pushed; without it, pushed-metrics.json in the database's folder."},
    {"web.enable-otlp-receiver", Switch, "false",
     "Accept OTLP metrics at /api/v1/otlp/v1/metrics and /v1/metrics."},
    {"web.remote-write-receiver.accepted-protobuf-messages", List,
     "prometheus.WriteRequest,io.prometheus.write.v2.Request",
     "Messages that remote write requests may have; separated by commas, or given several times."},
    {"web.cors.origin", Text, ".*",
     "Regular expression of the origins whose pages may read /api/v1; matched as a whole."},
    {"web.search.max-limit", Number, "10000", "Most results that a search for names may ask for."},
    {"web.max-connections", Number, "512", "Most connections at one time."},
    {"web.max-notifications-subscribers", Number, "16",
     "Most streams at one time of /api/v1/notifications/live."},
    {"web.max-body-size", Size, "64MB", "Longest request body."},
    {"web.read-timeout", Duration, "5m",
     "How long a request may take to arrive, and an idle connection may stay."},
    {"storage.tsdb.path", Text, "data/", "Directory of the database."},
    {"storage.tsdb.retention.time", Duration, "15d",
     "How long samples are kept; 0s keeps them as long as there is room."},
    {"storage.tsdb.retention", Duration, "", "Former name of --storage.tsdb.retention.time.", "",
     "storage.tsdb.retention.time"},
    {"storage.tsdb.retention.size", Size, "0",
     "Most bytes of blocks and log; beyond it the oldest blocks go. 0: no limit."},
    {"storage.tsdb.downsampling", Switch, "true",
     "Sum up each day that is over in windows of 5m, 1h and 1d; only with a retention of samples "
     "of "
     "two days or more."},
    {"storage.tsdb.retention.5m", Duration, "60d",
     "How long windows of five minutes are kept; 0s keeps them as long as there is room."},
    {"storage.tsdb.retention.1h", Duration, "1y", "How long windows of an hour are kept."},
    {"storage.tsdb.retention.1d", Duration, "3y", "How long windows of a day are kept."},
    {"storage.tsdb.wal-sync-interval", Duration, "1s",
     "How often the write-ahead log is synced to disk, and so the most that a power cut takes; 0s "
     "syncs always, before every answer."},
    {"storage.tsdb.wal-segment-size", Size, "64MB", "Size of a segment of the write-ahead log."},
    {"storage.tsdb.max-series", Number, "10000000",
     "Most series in memory; beyond it new ones are refused."},
    {"storage.tsdb.memory-budget", Size, "0",
     "Memory beyond which new series are refused. 0: 60 % of what the cgroup or machine has."},
    {"storage.tsdb.max-head-bytes", Size, "4GB",
     "Most memory for samples; beyond it the older half goes into a block."},
    {"storage.tsdb.reserve-size", Size, "4MB",
     "Size of a file that gives its room to the next block when the disk is full. 0: none."},
    {"scrape.max-body-size", Size, "64MB", "Longest page of a target, as decoded."},
    {"scrape.sample-limit", Number, "200000",
     "Most samples of a target where the configuration has no sample_limit; 0: no limit."},
    {"scrape.label-limit", Number, "64",
     "Most labels of a scraped series where the configuration has no label_limit; 0: no limit."},
    {"scrape.label-name-length-limit", Number, "1024",
     "Longest name of a scraped label, in bytes, where the configuration has no "
     "label_name_length_limit; 0: no limit."},
    {"scrape.label-value-length-limit", Number, "4096",
     "Longest value of a scraped label, in bytes, where the configuration has no "
     "label_value_length_limit; 0: no limit."},
    {"query.lookback-delta", Duration, "5m", "How far back a sample is looked for."},
    {"query.timeout", Duration, "2m", "Longest time a query may take."},
    {"query.max-concurrency", Number, "20", "Most queries at one time."},
    {"rules.max-concurrent-rule-evals", Number, "4",
     "Most queries of rules at one time, beside the others."},
    {"query.range-cache-size", Size, "64MB",
     "Memory for answers of range queries, of which the next asker needs only the new steps. 0: "
     "none."},
    {"query.max-samples", Number, "50000000", "Most samples that a query may hold in memory."},
    {"storage.remote.max-log-size", Size, "2GB",
     "Size up to which the write-ahead log keeps what was not sent by remote write yet."},
    {"storage.remote.read-sample-limit", Number, "50000000",
     "Most samples that another server gets by one remote read."},
    {"enable-feature", List, "",
     "Names of features that change what the server does, separated by commas: "
     "promql-delayed-name-removal, otlp-deltatocumulative, use-start-timestamps, st-storage, "
     "created-timestamp-zero-ingestion, type-and-unit-labels."},
    {"log.level", Text, "info", "Least severity that is logged: debug, info, warn or error."},
    {"log.format", Text, "logfmt", "Form of the log: logfmt or json."},
    {"web.external-url", Text, "", "", "Paths begin at / in this version."},
    {"web.route-prefix", Text, "", "", "Paths begin at / in this version."},
    {"web.page-title", Text, "", "", "The pages have a title of their own."},
    {"web.user-assets", Text, "", "", "No files are served beside the program's own."},
    {"web.console.templates", Text, "", "", "There are no console templates."},
    {"web.console.libraries", Text, "", "", "There are no console templates."},
    {"auto-gomaxprocs", Switch, "false", "", "There is no Go in this program."},
    {"auto-gomemlimit", Switch, "false", "",
     "There is no Go in this program; see --storage.tsdb.memory-budget."},
    {"auto-gomemlimit.ratio", Real, "", "",
     "There is no Go in this program; see --storage.tsdb.memory-budget."},
    {"scrape.adjust-timestamps", Switch, "false", "", "Timestamps are always aligned within 2ms."},
    {"storage.tsdb.no-lockfile", Switch, "false", "", "The directory is always locked."},
    {"storage.tsdb.wal-compression", Switch, "false", "", "The log is always compressed."},
    {"storage.tsdb.wal-compression-type", Text, "", "", "The log is always compressed."},
    {"storage.tsdb.min-block-duration", Duration, "", "",
     "Blocks are cut by this program's own rules."},
    {"storage.tsdb.max-block-duration", Duration, "", "",
     "Blocks are cut by this program's own rules."},
    {"storage.tsdb.max-block-chunk-segment-size", Size, "", "",
     "Blocks are cut by this program's own rules."},
    {"storage.tsdb.samples-per-chunk", Number, "", "",
     "Blocks are cut by this program's own rules."},
    {"storage.tsdb.head-chunks-write-queue-size", Number, "", "",
     "Chunks of the head are not written to files."},
    {"storage.tsdb.allow-overlapping-blocks", Switch, "false", "", "Blocks may always overlap."},
    {"storage.tsdb.allow-overlapping-compaction", Switch, "false", "",
     "Blocks may always overlap."},
    {"storage.tsdb.block-reload-interval", Duration, "", "",
     "Blocks are seen as soon as they are there."},
    {"storage.tsdb.delay-compact-file.path", Text, "", "",
     "Blocks are cut by this program's own rules."},
    {"storage.remote.flush-deadline", Duration, "", "",
     "What was not sent at the end is sent after the next start."},
    {"storage.remote.read-concurrent-limit", Number, "", "", "See --query.max-concurrency."},
    {"storage.remote.read-max-bytes-in-frame", Number, "", "", "Frames have a size of their own."},
    {"rules.max-concurrent-evals", Number, "", "", "See --rules.max-concurrent-rule-evals."},
    {"rules.alert.for-outage-tolerance", Duration, "", "",
     "Rules are not evaluated in this version."},
    {"rules.alert.for-grace-period", Duration, "", "", "Rules are not evaluated in this version."},
    {"rules.alert.resend-delay", Duration, "", "", "Rules are not evaluated in this version."},
    {"alertmanager.notification-queue-capacity", Number, "", "",
     "Rules are not evaluated in this version."},
    {"alertmanager.notification-batch-size", Number, "", "",
     "Rules are not evaluated in this version."},
    {"alertmanager.drain-notification-queue-on-shutdown", Switch, "false", "",
     "Rules are not evaluated in this version."},
});

Result<Log> make_log(const Flags& flags) {
  LogLevel level = LogLevel::Info;
  const std::string& name = flags.text("log.level");
  if (name == "debug")
    level = LogLevel::Debug;
  else if (name == "warn")
    level = LogLevel::Warn;
  else if (name == "error")
    level = LogLevel::Error;
  else if (name != "info") {
    return fail(ErrorCode::BadData, "--log.level: \"{}\" is none of debug, info, warn, error",
                name);
  }
  const std::string& format = flags.text("log.format");
  if (format != "logfmt" && format != "json") {
    return fail(ErrorCode::BadData, "--log.format: \"{}\" is neither logfmt nor json", format);
  }
  return Log(level, format == "json" ? LogFormat::Json : LogFormat::Logfmt);
}

/// The words of a flag that takes several, separated by commas or given several times.
std::vector<std::string> words_of(const Flags& flags, std::string_view name) {
  std::vector<std::string> out;
  for (std::string list : flags.list(name)) {
    while (!list.empty()) {
      const size_t comma = std::min(list.find(','), list.size());
      if (comma > 0) out.push_back(list.substr(0, comma));
      list.erase(0, std::min(comma + 1, list.size()));
    }
  }
  return out;
}

/// BadData naming the one that is not known.
Result<std::vector<ingest::RemoteWriteMessage>> accepted_messages(const Flags& flags) {
  std::vector<ingest::RemoteWriteMessage> out;
  for (const std::string& name :
       words_of(flags, "web.remote-write-receiver.accepted-protobuf-messages")) {
    if (name == "prometheus.WriteRequest") {
      out.push_back(ingest::RemoteWriteMessage::V1);
    } else if (name == "io.prometheus.write.v2.Request") {
      out.push_back(ingest::RemoteWriteMessage::V2);
    } else {
      return fail(ErrorCode::BadData,
                  "--web.remote-write-receiver.accepted-protobuf-messages: \"{}\" is neither "
                  "prometheus.WriteRequest nor io.prometheus.write.v2.Request",
                  name);
    }
  }
  return out;
}

ServerOptions server_options(const Flags& flags) {
  ServerOptions o;
  o.config_file = flags.text("config.file");
  o.web_config_file = flags.text("web.config.file");
  o.enable_lifecycle = flags.on("web.enable-lifecycle");
  o.enable_admin_api = flags.on("web.enable-admin-api");
  o.enable_remote_write = flags.on("web.enable-remote-write-receiver");
  o.scrape_limits.body_size = flags.number("scrape.max-body-size");
  o.scrape_limits.samples = flags.number("scrape.sample-limit");
  o.scrape_limits.labels = flags.number("scrape.label-limit");
  o.scrape_limits.label_name_length = flags.number("scrape.label-name-length-limit");
  o.scrape_limits.label_value_length = flags.number("scrape.label-value-length-limit");
  if (flags.on("config.auto-reload")) {
    o.auto_reload = flags.duration("config.auto-reload-interval");
  }
  o.flags = flags.all();
  o.storage.path = flags.text("storage.tsdb.path");
  while (o.storage.path.size() > 1 && o.storage.path.ends_with('/')) o.storage.path.pop_back();
  o.storage.retention = flags.duration("storage.tsdb.retention.time");
  o.storage.downsampling = flags.on("storage.tsdb.downsampling");
  for (size_t tier = 0; tier < tsdb::kTiers; ++tier) {
    o.storage.tier_retention[tier] =
        flags.duration(fmt::format("storage.tsdb.retention.{}", tsdb::tier_name(tier)));
  }
  o.storage.retention_bytes = flags.number("storage.tsdb.retention.size");
  o.storage.wal_sync_interval = flags.duration("storage.tsdb.wal-sync-interval");
  o.storage.wal_segment_bytes = flags.number("storage.tsdb.wal-segment-size");
  o.storage.max_series = flags.number("storage.tsdb.max-series");
  o.storage.memory_budget = flags.number("storage.tsdb.memory-budget");
  o.storage.reserve_bytes = flags.number("storage.tsdb.reserve-size");
  o.storage.max_head_bytes = flags.number("storage.tsdb.max-head-bytes");
  o.query.lookback_delta = flags.duration("query.lookback-delta");
  o.query.timeout = flags.duration("query.timeout");
  o.query.max_concurrency = flags.number("query.max-concurrency");
  o.query.max_rule_concurrency = flags.number("rules.max-concurrent-rule-evals");
  o.query.range_cache_bytes = flags.number("query.range-cache-size");
  o.query.max_samples = flags.number("query.max-samples");
  o.max_search_limit = flags.number("web.search.max-limit");
  o.max_notification_subscribers = flags.number("web.max-notifications-subscribers");
  o.cors_origin = flags.text("web.cors.origin");
  o.remote_read_samples = flags.number("storage.remote.read-sample-limit");
  o.http.listen_addresses = flags.list("web.listen-address");
  o.http.max_connections = flags.number("web.max-connections");
  o.http.max_body_bytes = flags.number("web.max-body-size");
  o.http.read_timeout_seconds = static_cast<int>(flags.duration("web.read-timeout").ms / 1000);
  o.http.worker_threads = o.query.max_concurrency + 12;
  o.storage.max_held_log_bytes = flags.number("storage.remote.max-log-size");
  o.enable_push_gateway = flags.on("web.enable-push-gateway");
  o.push_persistence_file = flags.text("push.persistence-file");
  if (o.push_persistence_file.empty()) {
    o.push_persistence_file = o.storage.path + "/pushed-metrics.json";
  }
  o.enable_otlp = flags.on("web.enable-otlp-receiver");
  const auto messages = accepted_messages(flags);
  if (messages) o.remote_write.messages = *messages;
  const auto enabled = words_of(flags, "enable-feature");
  const auto has = [&](std::string_view name) {
    return std::find(enabled.begin(), enabled.end(), name) != enabled.end();
  };
  o.query.delayed_name_removal = has("promql-delayed-name-removal");
  o.query.use_start_timestamps = has("use-start-timestamps");
  o.storage.zero_at_start = has("created-timestamp-zero-ingestion");
  o.scrape_limits.created_as_start = o.storage.zero_at_start || has("st-storage");
  o.otlp_delta_to_cumulative = has("otlp-deltatocumulative");
  o.type_and_unit_labels = has("type-and-unit-labels");
  o.scrape_limits.type_and_unit_labels = o.type_and_unit_labels;
  o.remote_write.type_and_unit_labels = o.type_and_unit_labels;
  o.query.type_and_unit_labels = o.type_and_unit_labels;
  return o;
}

sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

void serve_until_told(Server& server, const Log& log, const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) {
      log.info("Stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      return;
    }
    // What is wrong with the file is in the log; the server goes on with the one before.
    static_cast<void>(server.reload());
  }
}

/// The least values with which a server can do its work.
std::optional<std::string> out_of_bounds(const Flags& flags) {
  constexpr std::pair<std::string_view, uint64_t> kLeastNumbers[] = {
      {"query.max-concurrency", 1},
      {"rules.max-concurrent-rule-evals", 1},
      {"query.max-samples", 1},
      {"storage.remote.read-sample-limit", 1},
      {"web.max-connections", 1},
      {"web.search.max-limit", 1},
      {"web.max-body-size", 1},
      {"scrape.max-body-size", 1},
      {"storage.tsdb.max-series", 1},
      {"storage.tsdb.wal-segment-size", uint64_t{64} << 10},
      {"storage.tsdb.max-head-bytes", uint64_t{64} << 10},
  };
  constexpr std::pair<std::string_view, DurationMs> kLeastDurations[] = {
      {"web.read-timeout", DurationMs::seconds(1)},
      {"query.timeout", DurationMs::millis(1)},
      {"config.auto-reload-interval", DurationMs::seconds(1)},
      {"query.lookback-delta", DurationMs::millis(1)},
  };
  for (const auto& [name, least] : kLeastNumbers) {
    if (flags.number(name) >= least) continue;
    return fmt::format("--{} must be at least {}", name, least);
  }
  for (const auto& [name, least] : kLeastDurations) {
    if (flags.duration(name) >= least) continue;
    return fmt::format("--{} must be at least {}", name, format_duration(least));
  }
  // Shorter, samples would go while they are being looked at.
  constexpr DurationMs kLeastRetention = DurationMs::minutes(1);
  const DurationMs retention = flags.duration("storage.tsdb.retention.time");
  if (retention.ms > 0 && retention < kLeastRetention) {
    return "--storage.tsdb.retention.time must be at least 1m, or 0s for no limit";
  }
  if (const auto messages = accepted_messages(flags); !messages) return messages.error().message;
  if (flags.text("storage.tsdb.path").empty()) return "--storage.tsdb.path is empty";
  return std::nullopt;
}

void log_feature(std::string_view name, const Log& log) {
  if (const Feature* const feature = find_feature(name)) {
    if (feature->no_effect.empty()) return;
    log.warn("A feature has no effect", {{"feature", name}, {"why", feature->no_effect}});
    return;
  }
  constexpr std::string_view kUnknown = "Unknown feature in --enable-feature";
  const std::string_view near = nearest_feature(name);
  if (near.empty()) {
    log.warn(kUnknown, {{"feature", name}});
  } else {
    log.warn(kUnknown, {{"feature", name}, {"did_you_mean", near}});
  }
}

/// What of the command line is not as whoever wrote it may think.
void log_notes(const Flags& flags, const Log& log) {
  for (const Flag& flag : kFlags) {
    if (!flags.given(flag.name)) continue;
    if (!flag.no_effect.empty()) {
      log.warn("A flag has no effect", {{"flag", flag.name}, {"why", flag.no_effect}});
    }
    if (!flag.stands_for.empty()) {
      log.warn("A flag has another name now", {{"flag", flag.name}, {"use", flag.stands_for}});
    }
  }
  for (const std::string& feature : words_of(flags, "enable-feature")) {
    log_feature(feature, log);
  }
}

int fail_to_start(const Error& error) {
  return complain(error.message, error.code == ErrorCode::BadData ? kWrongUse : kFailure);
}

}  // namespace

const std::span<const Flag> kServeFlags = kFlags;

int run_serve(const Flags& flags) {
  // By default each thread gets an arena of its own, and each keeps what the others could use.
  mallopt(M_ARENA_MAX, 4);
  // And what is free at the end of one goes back to the system, however large it was once.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  const auto log = make_log(flags);
  if (!log) return complain(log.error().message, kWrongUse);
  // All threads inherit the mask, so that signals reach only this one.
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  if (const auto wrong = out_of_bounds(flags)) return complain(*wrong, kWrongUse);
  log_notes(flags, *log);
  ServerOptions options = server_options(flags);
  std::optional<Error> not_started;  // written by the thread that the server's end waits for
  options.on_started = [&](const Result<void>& started) {
    if (started) {
      for (const std::string& address : flags.list("web.listen-address")) {
        std::fputs(fmt::format("prom5 is ready: http://{}\n", address).c_str(), stderr);
      }
    } else {
      not_started = started.error();
      ::kill(::getpid(), SIGTERM);
    }
  };
  auto server = Server::start(std::move(options), *log);
  if (!server) return fail_to_start(server.error());
  (*server)->on_quit([] { ::kill(::getpid(), SIGTERM); });
  serve_until_told(**server, *log, signals);
  server->reset();
  if (not_started && not_started->code != ErrorCode::Unavailable)
    return fail_to_start(*not_started);
  log->info("Stopped");
  return kGood;
}

}  // namespace prom5::cli
