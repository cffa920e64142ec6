#include "app/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>
#include <thread>

#include "app/alertmanager_client.h"
#include "app/api/answer.h"
#include "app/api/mcp_resources.h"
#include "app/api/openapi.h"
#include "app/api/self_metrics.h"
#include "app/api/web_ui.h"
#include "app/assistant.h"
#include "app/config/discovery_schema.h"
#include "base/ascii.h"
#include "io/file/control_group.h"
#include "model/exposition/text_writer.h"

namespace prom5 {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("localhost:") ||
         address.starts_with("[::1]:");
}

constexpr std::string_view kTextFormat = "text/plain; version=0.0.4; charset=utf-8";

io::HttpResponse metrics_answer(std::string page) {
  io::HttpResponse response;
  response.headers.add("Content-Type", std::string(kTextFormat));
  response.body = std::move(page);
  return response;
}

/// Resident bytes, from /proc/self/statm.
double resident_bytes(io::FileSystem& files) {
  const auto text = files.read("/proc/self/statm");
  if (!text) return 0;
  const auto fields = exporters::fields_of(*text);
  if (fields.size() < 2) return 0;
  return exporters::number_of(fields[1]) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// From when on other servers have nothing to add, as Prometheus has it: two blocks' time after the
/// first block begins, as targets do not all come at once; without blocks nothing is complete.
TimeMs samples_complete_from(const tsdb::Db& db, const Clock& clock) {
  constexpr DurationMs kTwoBlocks = DurationMs::hours(4);
  const auto blocks = db.blocks();
  return (blocks.empty() ? clock.now() : blocks.front()->info().range.start) + kTwoBlocks;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

namespace {

std::string random_token() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 8; ++i) out += fmt::format("{:08x}", random());
  return out;
}

}  // namespace

Server::Server(ServerOptions options, const Log& log)
    : options_(std::move(options)),
      log_(log),
      own_token_(random_token()),
      started_(clock_.now()),
      query_log_(files_, metrics_),
      reload_time_(started_),
      reload_success_(metrics_.gauge("prometheus_config_last_reload_successful",
                                     "Whether the last configuration reload attempt was "
                                     "successful.")),
      reload_success_time_(
          metrics_.gauge("prometheus_config_last_reload_success_timestamp_seconds",
                         "Timestamp of the last successful configuration reload.")) {
  using Type = MetricRegistry::Type;
  metrics_.on_collect("process_cpu_seconds_total",
                      "Total user and system CPU time spent in seconds.", Type::Counter,
                      cpu_seconds);
  metrics_.on_collect("process_resident_memory_bytes", "Resident memory size in bytes.",
                      Type::Gauge, [this] { return resident_bytes(files_); });
  metrics_.on_collect("process_open_fds", "Number of open file descriptors.", Type::Gauge, [this] {
    const auto names = files_.list("/proc/self/fd");
    return names ? static_cast<double>(names->size()) : 0;
  });
  metrics_.on_collect("process_start_time_seconds",
                      "Start time of the process since unix epoch in seconds.", Type::Gauge,
                      [this] { return started_.as_seconds(); });
  metrics_
      .gauge("prom5_build_info", "A metric with a constant '1' value labeled by version.",
             {{"version", std::string(api::version())}})
      .set(1);
}

Server::~Server() {
  stopping_ = true;
  if (notifications_) notifications_->raise(api::kShuttingDown);
  if (starting_.joinable()) {
    db_->stop_opening();
    starting_.join();
  }
  watching_ = {};
  if (live_updates_) live_updates_->stop();  // its sinks are the server's
  if (notifications_) notifications_->stop();
  http_server_.reset();
  remote_writers_.reset();
  discovery_.reset();
  if (scrapes_) scrapes_->stop();
  // Requests under way end before the manager whose targets they belong to.
  http_client_.reset();
  scrapes_.reset();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const Log& log) {
  std::unique_ptr<Server> server(new Server(std::move(options), log));
  TRY(server->open());
  return server;
}

/// Without a password nobody but this machine may come in.
Result<void> Server::refuse_open_door() const {
  for (const std::string& address : options_.http.listen_addresses) {
    if (address.find(':') == std::string::npos) {
      return fail(ErrorCode::BadData, "--web.listen-address={}: expected HOST:PORT", address);
    }
  }
  if (web_config_.authenticates()) return {};
  for (const std::string& address : options_.http.listen_addresses) {
    if (is_loopback(address)) continue;
    return fail(ErrorCode::BadData,
                "refusing to listen on {} without authentication. Make a password hash with\n"
                "    htpasswd -nBC 10 admin\n"
                "put it into a file web.yml as\n"
                "    basic_auth_users:\n"
                "      admin: '<hash>'\n"
                "and start with --web.config.file=web.yml; or listen on this machine alone with "
                "--web.listen-address=127.0.0.1:9090",
                address);
  }
  return {};
}

Result<void> Server::open() {
  if (!options_.web_config_file.empty()) {
    web_config_ = TRY(config::load_web_config(options_.web_config_file));
    options_.http.tls_certificate_file = web_config_.certificate_file;
    options_.http.tls_key_file = web_config_.key_file;
  }
  TRY(refuse_open_door());
  auto origin = Regex::compile(options_.cors_origin);
  if (!origin) return fail(ErrorCode::BadData, "--web.cors.origin: {}", origin.error().message);
  cors_origin_ = *std::move(origin);
  own_names_ = {.names = {to_lower(host_name())}, .any = web_config_.authenticates()};
  const config::Config config = TRY(read_config());
  options_.storage.out_of_order_window = config.out_of_order_time_window;

  options_.http.is_likely_short = api::ApiV1::is_likely_short;
  options_.http.is_long = api::AssistantApi::is_question;
  options_.http.long_worker_threads = config.assistant.agent.max_concurrent;
  // The address first: it tells at once when another server runs here.
  http_server_ = TRY(io::HttpServer::open(
      options_.http, [this](io::HttpRequest& request) { return handle(request); }, metrics_, log_));
  db_ = TRY(tsdb::Db::begin(options_.storage, clock_, files_, metrics_, log_));
  http_client_ = io::make_http_client(fmt::format("prom5/{}", api::version()));
  fanout_ = std::make_unique<remote::FanoutStorage>(
      *db_, [this] { return samples_complete_from(*db_, clock_); },
      remote::RemoteReader::Services{*http_client_, metrics_});
  options_.query.default_subquery_step = config.global.evaluation_interval;
  engine_ =
      std::make_unique<query::Engine>(*fanout_, options_.query, metrics_, clock_, &query_log_);
  scrapes_ = std::make_unique<scrape::ScrapeManager>(
      scrape::ScrapeManager::Services{*db_, *http_client_, clock_, metrics_, log_},
      std::max(size_t{2}, io::usable_cores()));
  discovery_ = std::make_unique<discovery::DiscoveryManager>(
      discovery::DiscoveryManager::Needs{*http_client_, clock_, metrics_, log_},
      discovery::DiscoveryManager::Sinks{
          .found =
              [this](const std::string& job, const std::string& source,
                     std::vector<TargetGroup> groups) {
                scrapes_->set_groups(job, source, std::move(groups));
              },
          .removed = [this](const std::string& job,
                            const std::string& source) { scrapes_->remove_source(job, source); }});
  remote_writers_ = std::make_unique<remote::RemoteWriters>(
      remote::WriterServices{files_, *http_client_, clock_, metrics_, log_, *db_},
      options_.storage.path, [this](uint64_t segment) { db_->keep_log_from(segment); });
  if (options_.enable_remote_write) {
    remote_write_ = std::make_unique<ingest::RemoteWriteReceiver>(*db_, options_.remote_write,
                                                                  clock_, metrics_);
  }
  otlp_ = std::make_unique<ingest::OtlpReceiver>(*db_, options_.query.lookback_delta,
                                                 options_.http.max_body_bytes, clock_, metrics_);
  if (options_.enable_push_gateway) {
    ingest::PushGateway::Options push{.persistence_file = options_.push_persistence_file,
                                      .max_body_bytes = options_.http.max_body_bytes};
    push_gateway_ = TRY(ingest::PushGateway::open(std::move(push), files_, clock_, metrics_, log_));
  }
  host_exporter_ = std::make_unique<exporters::HostExporter>(files_);
  make_agent(config.assistant);
  notifications_ =
      std::make_unique<api::Notifications>(clock_, metrics_, options_.max_notification_subscribers);
  notifications_->raise(api::kStartingUp);
  add_routes();
  live_updates_->start();
  http_server_->start();
  for (const std::string& note : config.notes) log_.warn("Configuration", {{"note", note}});
  for (const std::string& address : options_.http.listen_addresses) {
    log_.info("Listening", {{"address", address}, {"tls", web_config_.tls() ? "yes" : "no"}});
  }
  starting_ = std::jthread([this, config] { options_.on_started(finish_start(config)); });
  return {};
}

std::vector<tools::ScrapeInfo> Server::last_scrapes() const {
  std::vector<tools::ScrapeInfo> out;
  for (scrape::TargetStatus& status : scrapes_->active_targets()) {
    out.push_back(
        {std::move(status.target.labels), std::move(status.last_error), status.last_scrape});
  }
  return out;
}

void Server::make_agent(const config::AssistantConfig& config) {
  auto rule_files = [this] {
    const MutexLock lock(reload_mutex_);
    return rule_files_;
  };
  auto alertmanagers = [this] {
    const MutexLock lock(reload_mutex_);
    return alertmanagers_;
  };
  const AssistantNeeds needs{.storage = *db_,
                             .engine = *engine_,
                             .http = *http_client_,
                             .clock = clock_,
                             .metrics = metrics_,
                             .log = log_,
                             .files = files_,
                             .rules = rules_of(std::move(rule_files)),
                             .silences = silences_of(*http_client_, std::move(alertmanagers)),
                             .scrapes = [this] { return last_scrapes(); },
                             .directory = options_.storage.path + "/assistant"};
  agent_ = make_assistant(needs, config);
  assistant_fingerprint_ = config.fingerprint;
  pack_api_ =
      std::make_unique<api::PackApi>(*agent_, files_,
                                     api::PackApi::Options{.file = pack_file(needs, config),
                                                           .enabled = options_.enable_admin_api});
}

/// Scrapes begin when the log is replayed; until then there are the blocks to ask.
Result<void> Server::finish_start(const config::Config& config) {
  TRY(db_->wait_until_open());
  {
    const MutexLock lock(applying_);
    TRY(apply(config));
  }
  ready_ = true;
  notifications_->withdraw(api::kStartingUp);
  if (options_.auto_reload && !options_.config_file.empty()) {
    watching_ = std::jthread([this](const std::stop_token& stop) { watch_config(stop); });
  }
  return {};
}

/// Reloads when the configuration, or a file that it includes, has other bytes than before.
void Server::watch_config(const std::stop_token& stop) {
  const auto read_all = [this] {
    std::vector<std::string> names;
    {
      const MutexLock lock(reload_mutex_);
      names = config_files_;
    }
    std::string all;
    for (const std::string& name : names) all += files_.read(name).value_or("") + '\0';
    return all;
  };
  std::string before = read_all();
  while (discovery::wait_for(*options_.auto_reload, stop)) {
    std::string now = read_all();
    if (now == before) continue;
    before = std::move(now);
    if (reload()) before = read_all();  // it may include other files now
  }
}

std::string Server::own_address() const {
  const std::vector<uint16_t> ports = http_server_->ports();
  return fmt::format("127.0.0.1:{}", ports.empty() ? 9090 : ports[0]);
}

Result<config::Config> Server::read_config() const {
  if (!options_.config_file.empty()) {
    return config::load_config(options_.config_file, config::Check::Whole, options_.scrape_limits);
  }
  const std::string& address = options_.http.listen_addresses[0];
  std::string host = address.substr(0, address.rfind(':'));
  if (host.empty() || host == "0.0.0.0" || host == "localhost") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  const std::string own = host + address.substr(address.rfind(':'));
  return config::parse_config(config::embedded_config(own, host_name()), "embedded default",
                              config::Check::Whole, options_.scrape_limits);
}

Result<void> Server::apply(const config::Config& config) {
  std::vector<scrape::ScrapeOptions> scrapes;
  discovery::DiscoveryManager::Jobs jobs;
  for (const config::ScrapeJob& job : config.scrapes) {
    scrapes.push_back(job.options);
    discovery::DiscoveryManager::Sources& sources = jobs[job.options.job_name];
    sources.discoveries = job.discoveries;
    for (const auto& group : job.options.static_groups) {
      sources.static_targets += group.targets.size();
    }
    if (!options_.config_file.empty()) continue;
    // Where the server asks for users, its own pages let its own scraper in.
    auto security = std::make_shared<io::HttpClientSecurity>(*job.options.security);
    if (web_config_.authenticates()) security->credentials.text = own_token_;
    if (web_config_.tls()) {
      scrapes.back().scheme = "https";
      security->tls.insecure_skip_verify = true;  // it is this process
    }
    scrapes.back().security = std::move(security);
  }
  TRY(query_log_.open(config.global.query_log_file));
  scrapes_->apply(scrapes);
  discovery_->apply(jobs);
  ingest::OtlpOptions otlp = config.otlp;
  otlp.delta_to_cumulative = options_.otlp_delta_to_cumulative;
  otlp.type_and_unit_labels = options_.type_and_unit_labels;
  otlp_->set_options(std::move(otlp));
  auto remote_writes = config.remote_writes;
  for (remote::WriteOptions& one : remote_writes) {
    one.type_and_unit_labels = options_.type_and_unit_labels;
  }
  remote_writers_->apply(remote_writes, config.global.external_labels);
  fanout_->apply(config.remote_reads, config.global.external_labels);
  db_->set_out_of_order_window(config.out_of_order_time_window);
  tsdb::TierRetention tiers = options_.storage.tier_retention;
  for (size_t tier = 0; tier < tsdb::kTiers; ++tier) {
    tiers[tier] = config.tier_retention[tier].value_or(tiers[tier]);
  }
  db_->set_retention(config.retention.value_or(options_.storage.retention),
                     config.retention_bytes.value_or(options_.storage.retention_bytes), tiers);
  db_->set_retention_rules(config.retention_rules);
  db_->set_max_exemplars(config.max_exemplars);
  engine_->set_default_subquery_step(config.global.evaluation_interval);
  const MutexLock lock(reload_mutex_);
  config_text_ = config.text;
  config_files_ = config.files;
  rule_files_ = config.rule_files;
  alertmanagers_ = config.alertmanagers;
  job_texts_.clear();
  for (const config::ScrapeJob& job : config.scrapes) job_texts_[job.options.job_name] = job.text;
  external_labels_ = config.global.external_labels;
  reload_succeeded_ = true;
  reload_time_ = clock_.now();
  reload_success_.set(1);
  reload_success_time_.set(reload_time_.as_seconds());
  return {};
}

Result<void> Server::reload() {
  if (!ready_) {
    return fail(ErrorCode::Unavailable, "the server is starting: try again when it is ready");
  }
  const MutexLock applying(applying_);
  const auto config = read_config();
  const Result<void> applied =
      config ? apply(*config) : Result<void>(std::unexpected(config.error()));
  if (applied) {
    for (const std::string& note : config->notes) log_.warn("Configuration", {{"note", note}});
    if (config->assistant.fingerprint != assistant_fingerprint_) {
      log_.warn(
          "The section \"assistant\" has changed; it takes effect when the server is started anew",
          {{"file", options_.config_file}});
    }
    log_.info("Configuration reloaded", {{"file", options_.config_file}});
    notifications_->withdraw(api::kReloadFailed);
    return {};
  }
  {
    const MutexLock lock(reload_mutex_);
    reload_succeeded_ = false;
  }
  reload_success_.set(0);
  notifications_->raise(api::kReloadFailed, applied.error().message);
  log_.error("Configuration not reloaded; the one before stays in force",
             {{"err", applied.error().message}});
  return applied;
}

namespace {

MetricType shown_type(MetricRegistry::Type type) {
  switch (type) {
    case MetricRegistry::Type::Counter: return MetricType::Counter;
    case MetricRegistry::Type::Gauge: return MetricType::Gauge;
    case MetricRegistry::Type::Histogram: return MetricType::Histogram;
  }
  return MetricType::Unknown;
}

}  // namespace

std::string Server::metrics_page() const {
  std::string out;
  exposition::TextWriter writer(out);
  for (const MetricRegistry::Family& family : metrics_.collect()) {
    writer.family(family.name, family.help, shown_type(family.type));
    for (const MetricRegistry::Point& point : family.points) {
      writer.sample_with(family.name + std::string(point.suffix), point.labels, point.value);
    }
  }
  return out;
}

void Server::add_routes() {
  using io::HttpRequest;
  using io::HttpResponse;
  using io::PathArguments;
  router_.observe(std::bind_front(&HttpCounters::count, &http_counters_));
  api::StatusInfo status;
  status.started = started_;
  status.working_directory = std::filesystem::current_path().string();
  status.host_name = host_name();
  status.flags = options_.flags;
  status.config_text = [this] {
    const MutexLock lock(reload_mutex_);
    return config_text_;
  };
  status.last_reload = [this] {
    const MutexLock lock(reload_mutex_);
    return std::pair{reload_succeeded_, reload_time_};
  };
  api_v1_ = std::make_unique<api::ApiV1>(
      api::ApiV1::Services{*db_, *fanout_, *engine_, remote_write_.get(), clock_},
      std::move(status));
  api_v1_->add_routes(router_);
  // What looks for names and their causes walks through all time, which no other server shall give.
  query_api_ = std::make_unique<api::QueryApi>(*db_, *engine_, clock_);
  query_api_->add_routes(router_);
  search_api_ = std::make_unique<api::SearchApi>(*db_, clock_, options_.max_search_limit);
  search_api_->add_routes(router_);
  add_targets_routes();
  tsdb_api_ = std::make_unique<api::TsdbApi>(*db_, options_.enable_admin_api, log_);
  tsdb_api_->add_routes(router_);
  add_assistant_routes();
  api::add_features_route(router_, feature_switches());
  notifications_->add_routes(router_);
  api::add_self_metrics_route(router_, metrics_);
  const auto external_labels = [this] {
    const MutexLock lock(reload_mutex_);
    return external_labels_;
  };
  // The newest samples are local, and federation asks nobody else for them.
  federation_ = std::make_unique<api::Federation>(*db_, clock_, options_.query.lookback_delta,
                                                  external_labels);
  remote_read_ = std::make_unique<api::RemoteRead>(*fanout_, options_.remote_read_samples,
                                                   external_labels, metrics_);
  remote_read_->add_routes(router_);
  federation_->add_routes(router_);
  router_.add(
      "GET", "/metrics", "The server's own metrics.",
      [this](const HttpRequest&, const PathArguments&) { return metrics_answer(metrics_page()); });
  router_.add("GET", "/host/metrics", "Metrics of this machine.",
              [this](const HttpRequest&, const PathArguments&) {
                exporters::Page page;
                host_exporter_->collect(page);
                return metrics_answer(page.text());
              });
  router_.add("GET", "/version", "The version.", [](const HttpRequest&, const PathArguments&) {
    return HttpResponse::json(200, fmt::format("{{\"version\":\"{}\"}}", api::version()));
  });
  add_lifecycle_routes();
  add_push_routes();
  add_push_gateway_routes();
  api::add_openapi_routes(router_);
}

void Server::add_targets_routes() {
  const std::vector<uint16_t> ports = http_server_->ports();
  const io::Url own{.scheme = web_config_.tls() ? "https" : "http",
                    .host = host_name(),
                    .port = std::to_string(ports.empty() ? 0 : ports[0])};
  targets_api_ = std::make_unique<api::TargetsApi>(
      *scrapes_, *discovery_, *db_, own,
      [this](const std::string& job) -> std::optional<std::string> {
        const MutexLock lock(reload_mutex_);
        const auto found = job_texts_.find(job);
        return found == job_texts_.end() ? std::nullopt : std::optional(found->second);
      });
  targets_api_->add_routes(router_);
}

api::FeatureSwitches Server::feature_switches() const {
  api::FeatureSwitches out{.admin = options_.enable_admin_api,
                           .lifecycle = options_.enable_lifecycle,
                           .otlp = options_.enable_otlp,
                           .otlp_delta = options_.otlp_delta_to_cumulative,
                           .remote_write = options_.enable_remote_write,
                           .auto_reload = options_.auto_reload.has_value(),
                           .delayed_name_removal = options_.query.delayed_name_removal,
                           .start_timestamp_zeros = options_.storage.zero_at_start,
                           .type_and_unit_labels = options_.type_and_unit_labels,
                           .discovery = {{"static", true}}};
  for (const config::DiscoveryKind& kind : config::discovery_kinds()) {
    out.discovery.emplace_back(kind.name, kind.known);
  }
  return out;
}

void Server::add_push_routes() {
  using io::HttpRequest;
  using io::HttpResponse;
  using io::PathArguments;
  for (const char* path : {"/api/v1/otlp/v1/metrics", "/v1/metrics"}) {
    router_.add("POST", path, "Takes metrics by OTLP, as protobuf or JSON.",
                [this](const HttpRequest& request, const PathArguments&) {
                  if (options_.enable_otlp) return otlp_->handle(request);
                  return HttpResponse::text(404,
                                            "otlp write receiver needs to be enabled with "
                                            "--web.enable-otlp-receiver\n");
                });
  }
}

void Server::add_push_gateway_routes() {
  using io::HttpRequest;
  using io::HttpResponse;
  using io::PathArguments;
  const auto add =
      [this](const char* methods, const char* path, const char* summary,
             const std::function<HttpResponse(const HttpRequest&, const PathArguments&)>& handler) {
        router_.add(methods, path, summary,
                    [this, handler](const HttpRequest& request, const PathArguments& arguments) {
                      if (push_gateway_ != nullptr) return handler(request, arguments);
                      return HttpResponse::text(404,
                                                "pushes need to be enabled with "
                                                "--web.enable-push-gateway\n");
                    });
      };
  add("PUT|POST|DELETE", "/metrics/{group…}",
      "Replaces, adds to or deletes a group of pushed metrics: /metrics/job/JOB/LABEL/VALUE….",
      [this](const HttpRequest& request, const PathArguments& arguments) {
        const bool job =
            arguments[0].starts_with("job/") || arguments[0].starts_with("job@base64/");
        if (!job) return HttpResponse::text(404, "404 page not found\n");
        return push_gateway_->handle(request, arguments[0]);
      });
  if (!options_.enable_push_gateway) return;  // the other paths are then those of nothing
  add("GET", "/push/metrics", "Pushed metrics, to be scraped with honor_labels.",
      [this](const HttpRequest&, const PathArguments&) {
        return metrics_answer(push_gateway_->page());
      });
  add("GET", "/api/v1/metrics", "Pushed metrics by group.",
      [this](const HttpRequest&, const PathArguments&) { return push_gateway_->api_metrics(); });
  add("GET", "/api/v1/status", "Flags, build and start time, as a Pushgateway tells them.",
      [this](const HttpRequest&, const PathArguments&) {
        return api::success_answer([this](codec::JsonWriter& json) {
          json.begin_object().key("flags").begin_object();
          for (const auto& [name, value] : options_.flags) json.field(name, value);
          json.end_object().key("build_information").begin_object();
          json.field("version", std::string(api::version())).end_object();
          json.field("start_time", format_rfc3339(started_)).end_object();
        });
      });
  add("PUT", "/api/v1/admin/wipe", "Forgets all pushed metrics.",
      [this](const HttpRequest&, const PathArguments&) {
        HttpResponse done;
        if (!options_.enable_admin_api) return HttpResponse::text(404, "404 page not found\n");
        push_gateway_->wipe();
        done.status = 202;
        return done;
      });
}

void Server::add_assistant_routes() {
  assistant_api_ = std::make_unique<api::AssistantApi>(*agent_, clock_);
  assistant_api_->add_routes(router_);
  pack_api_->add_routes(router_);
  // A quarter of the connections is left for those who come and go.
  live_updates_ = std::make_unique<api::LiveUpdates>(
      *engine_, clock_, metrics_,
      api::LiveOptions{.max_subscribers =
                           std::max<size_t>(1, options_.http.max_connections / 4 * 3)});
  live_api_ = std::make_unique<api::LiveApi>(*agent_, *live_updates_, clock_);
  live_api_->add_routes(router_);
  mcp_ = std::make_unique<api::McpCore>(agent_->tools(), api::mcp_resources(*db_, *engine_), clock_,
                                        metrics_,
                                        api::McpOptions{.version = std::string(api::version())});
  mcp_api_ = std::make_unique<api::McpApi>(*mcp_, clock_, metrics_, api::McpHttpOptions{});
  mcp_api_->add_routes(router_);
}

void Server::add_lifecycle_routes() {
  using io::HttpRequest;
  using io::HttpResponse;
  using io::PathArguments;
  router_.add("GET", "/-/healthy", "200 while the process lives.",
              [](const HttpRequest&, const PathArguments&) {
                return HttpResponse::text(200, "Prometheus Server is Healthy.\n");
              });
  router_.add("GET", "/-/ready", "200 once the log is replayed; before, queries see blocks alone.",
              [this](const HttpRequest&, const PathArguments&) {
                const bool stopping = stopping_;
                HttpResponse response =
                    ready_ && !stopping ? HttpResponse::text(200, "Prometheus Server is Ready.\n")
                                        : HttpResponse::text(503, "Service Unavailable\n");
                response.headers.add("X-Prometheus-Stopping", stopping ? "true" : "false");
                return response;
              });
  const auto lifecycle = [this](const char* path, const char* summary,
                                std::function<HttpResponse()> act) {
    router_.add("POST|PUT", path, summary, [this, act](const HttpRequest&, const PathArguments&) {
      if (options_.enable_lifecycle) return act();
      return HttpResponse::text(403, "Lifecycle API is not enabled.");
    });
    router_.add("GET", path, "405: use POST or PUT.", [](const HttpRequest&, const PathArguments&) {
      HttpResponse response = HttpResponse::text(405, "Only POST or PUT requests allowed");
      response.headers.add("Allow", "POST, PUT");
      return response;
    });
  };
  lifecycle("/-/reload", "Reads the configuration again.", [this] {
    const auto done = reload();
    if (done) return HttpResponse::text(200, "");
    return HttpResponse::text(500,
                              fmt::format("failed to reload config: {}\n", done.error().message));
  });
  lifecycle("/-/quit", "Ends the server.", [this] {
    if (quit_) quit_();
    return HttpResponse::text(200, "Requesting termination... Goodbye!");
  });
}

/// As Prometheus does: util/httputil/cors.go.
void Server::allow_origin(std::string_view origin, io::Headers& headers) const {
  headers.add("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  headers.add("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  headers.add("Access-Control-Expose-Headers", "Date");
  headers.add("Vary", "Origin");
  if (cors_origin_->pattern() == ".*") {
    headers.add("Access-Control-Allow-Origin", "*");
  } else if (cors_origin_->matches(origin)) {
    headers.add("Access-Control-Allow-Origin", std::string(origin));
  }
}

io::HttpResponse Server::handle(io::HttpRequest& request) {
  const std::string_view origin = request.headers.get("Origin");
  const bool cross_origin = !origin.empty() && request.path.starts_with("/api/v1/");
  // A browser asks whether it may ask without saying who its user is.
  const bool preflight = cross_origin && request.method == "OPTIONS";
  io::HttpResponse response = preflight ? router_.route(request) : answer(request);
  // As Prometheus: whatever may be asked below /api/v1, a browser may ask for it first.
  if (request.method == "OPTIONS" && response.status == 404 &&
      request.path.starts_with("/api/v1")) {
    response = {};
    response.status = 204;
  }
  if (cross_origin) allow_origin(origin, response.headers);
  return response;
}

/// What is no browser names no page; others than the server's own come in where the operator named
/// them.
bool Server::trusts_page(const io::HttpRequest& request) const {
  const std::string_view origin = request.headers.get("Origin");
  if (origin.empty()) return true;
  if (cors_origin_->pattern() != ".*" && cors_origin_->matches(origin)) return true;
  return api::is_trusted_origin(origin, request.headers.get("Host"), own_names_);
}

io::HttpResponse Server::answer(io::HttpRequest& request) {
  const std::string_view authorization = request.headers.get("Authorization");
  const bool own_scrape = request.method == "GET" && request.path.ends_with("/metrics") &&
                          authorization == "Bearer " + own_token_;
  if (web_config_.authenticates() && !own_scrape) {
    auto user = web_config_.user_of(authorization);
    if (!user) {
      io::HttpResponse response = io::HttpResponse::text(401, "Unauthorized\n");
      response.headers.add("WWW-Authenticate", "Basic");
      return response;
    }
    request.user = *std::move(user);
  }
  if (api::is_guarded(request) && !trusts_page(request)) {
    io::HttpResponse response = api::error_answer(
        {ErrorCode::BadData,
         "the page is not of this server; --web.cors.origin names others that may come in"});
    response.status = 403;
    return response;
  }
  if ((request.method == "GET" || request.method == "HEAD") && api::is_ui_path(request.path)) {
    return api::serve_ui(request);
  }
  return router_.route(request);
}

}  // namespace prom5
