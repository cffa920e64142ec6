#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/api/api_v1.h"
#include "app/api/assistant_api.h"
#include "app/api/features_api.h"
#include "app/api/federation.h"
#include "app/api/live_api.h"
#include "app/api/live_updates.h"
#include "app/api/mcp.h"
#include "app/api/mcp_api.h"
#include "app/api/notifications.h"
#include "app/api/origin.h"
#include "app/api/pack_api.h"
#include "app/api/query_api.h"
#include "app/api/remote_read.h"
#include "app/api/search_api.h"
#include "app/api/targets_api.h"
#include "app/api/tsdb_api.h"
#include "app/assistant.h"
#include "app/config/config.h"
#include "app/config/web_config.h"
#include "app/http_counters.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "collect/discovery/discovery_manager.h"
#include "collect/exporters/host.h"
#include "collect/ingest/otlp_receiver.h"
#include "collect/ingest/push_gateway.h"
#include "collect/ingest/remote_write.h"
#include "collect/scrape/scrape_manager.h"
#include "io/file/file_system.h"
#include "io/http/http_client.h"
#include "io/http/http_server.h"
#include "io/http/router.h"
#include "model/regex.h"
#include "query/engine.h"
#include "store/remote/fanout_storage.h"
#include "store/remote/remote_writer.h"
#include "store/tsdb/db.h"

namespace prom5 {

struct ServerOptions {
  std::string config_file;  ///< empty: the embedded default
  std::string web_config_file;
  tsdb::Options storage;
  query::EngineOptions query;
  io::HttpServerOptions http;
  config::ScrapeLimits scrape_limits;
  std::optional<DurationMs> auto_reload;  ///< how often the configuration is looked at
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  bool enable_remote_write = false;
  ingest::RemoteWriteOptions remote_write;
  bool enable_otlp = false;
  bool otlp_delta_to_cumulative = false;
  bool type_and_unit_labels = false;  ///< of what is pushed by OTLP or sent by remote write
  bool enable_push_gateway = false;
  std::string push_persistence_file;
  std::string cors_origin = ".*";    ///< regular expression of the origins that may read /api/v1
  size_t max_search_limit = 10'000;  ///< results of one search
  size_t max_notification_subscribers = 16;
  uint64_t remote_read_samples = 50'000'000;               ///< most in one answer
  std::vector<std::pair<std::string, std::string>> flags;  ///< for /api/v1/status/flags
  /// Called once, from a thread of the server's: the log is replayed and scrapes begin, or why not.
  std::function<void(const Result<void>&)> on_started = [](const Result<void>&) {};
};

/// The composition root: every component is made here, in the order of the architecture, and goes
/// in the reverse order. Owned by the serve command; reload() from any thread.
class Server {
 public:
  /// Checks the configuration, binds the addresses, opens the database and begins to serve; the log
  /// is replayed behind that.
  /// BadData for a configuration or flag; Unavailable for an address or directory that is taken;
  /// Io for a directory that cannot be used.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const Log& log);
  ~Server();

  /// Reads the configuration again. An invalid one changes nothing; Unavailable until started.
  Result<void> reload();

  /// Called when a client asks the server to end.
  void on_quit(std::function<void()> quit) { quit_ = std::move(quit); }

 private:
  Server(ServerOptions options, const Log& log);
  Result<void> open();
  Result<void> finish_start(const config::Config& config);
  Result<void> apply(const config::Config& config);
  Result<config::Config> read_config() const;
  void watch_config(const std::stop_token& stop);
  Result<void> refuse_open_door() const;
  void add_routes();
  void add_targets_routes();
  void make_agent(const config::AssistantConfig& config);
  [[nodiscard]] std::vector<tools::ScrapeInfo> last_scrapes() const;
  void add_assistant_routes();
  void add_lifecycle_routes();
  [[nodiscard]] api::FeatureSwitches feature_switches() const;
  void add_push_routes();
  void add_push_gateway_routes();
  io::HttpResponse handle(io::HttpRequest& request);
  io::HttpResponse answer(io::HttpRequest& request);
  [[nodiscard]] bool trusts_page(const io::HttpRequest& request) const;
  void allow_origin(std::string_view origin, io::Headers& headers) const;
  [[nodiscard]] std::string metrics_page() const;
  [[nodiscard]] std::string own_address() const;

  ServerOptions options_;
  const Log& log_;
  SystemClock clock_;
  const std::string own_token_;  // with which the embedded default scrapes this server
  const TimeMs started_;
  io::PosixFileSystem files_;
  MetricRegistry metrics_;
  config::WebConfig web_config_;
  std::optional<Regex> cors_origin_;  // set by open()
  api::OwnNames own_names_;           // set by open()

  std::unique_ptr<tsdb::Db> db_;
  std::unique_ptr<io::HttpClient> http_client_;
  std::unique_ptr<remote::FanoutStorage> fanout_;  // what queries look at
  query::QueryLog query_log_;
  std::unique_ptr<query::Engine> engine_;
  std::unique_ptr<scrape::ScrapeManager> scrapes_;
  std::unique_ptr<discovery::DiscoveryManager> discovery_;
  std::unique_ptr<ingest::RemoteWriteReceiver> remote_write_;
  std::unique_ptr<remote::RemoteWriters> remote_writers_;
  std::unique_ptr<ingest::OtlpReceiver> otlp_;
  std::unique_ptr<ingest::PushGateway> push_gateway_;
  std::unique_ptr<exporters::HostExporter> host_exporter_;
  std::unique_ptr<Assistant> agent_;
  std::string assistant_fingerprint_;  // of the configuration that it was made with
  std::unique_ptr<api::Notifications> notifications_;
  std::unique_ptr<api::ApiV1> api_v1_;
  std::unique_ptr<api::QueryApi> query_api_;
  std::unique_ptr<api::SearchApi> search_api_;
  std::unique_ptr<api::TargetsApi> targets_api_;
  std::unique_ptr<api::TsdbApi> tsdb_api_;
  std::unique_ptr<api::Federation> federation_;
  std::unique_ptr<api::RemoteRead> remote_read_;
  std::unique_ptr<api::AssistantApi> assistant_api_;
  std::unique_ptr<api::PackApi> pack_api_;
  std::unique_ptr<api::LiveUpdates> live_updates_;
  std::unique_ptr<api::LiveApi> live_api_;
  std::unique_ptr<api::McpCore> mcp_;
  std::unique_ptr<api::McpApi> mcp_api_;
  HttpCounters http_counters_{metrics_};
  io::Router router_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> stopping_{false};
  std::function<void()> quit_;

  Mutex applying_;  ///< one configuration after the other; taken before reload_mutex_
  mutable Mutex reload_mutex_;
  std::string config_text_ GUARDED_BY(reload_mutex_);
  api::Federation::ExternalLabels external_labels_ GUARDED_BY(reload_mutex_);
  bool reload_succeeded_ GUARDED_BY(reload_mutex_) = true;
  std::vector<std::string> config_files_ GUARDED_BY(reload_mutex_);
  std::vector<std::string> rule_files_ GUARDED_BY(reload_mutex_);
  std::vector<config::AlertmanagerConfig> alertmanagers_ GUARDED_BY(reload_mutex_);
  std::map<std::string, std::string> job_texts_ GUARDED_BY(reload_mutex_);
  TimeMs reload_time_ GUARDED_BY(reload_mutex_);

  Gauge& reload_success_;
  Gauge& reload_success_time_;
  std::unique_ptr<io::HttpServer> http_server_;  // nothing is served while the rest goes
  std::jthread watching_;
  std::jthread starting_;  // last: it uses the rest
};

}  // namespace prom5
