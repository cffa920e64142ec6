#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/api/answer.h"
#include "collect/discovery/discovery_manager.h"
#include "collect/scrape/scrape_manager.h"
#include "io/http/router.h"
#include "io/http/url.h"
#include "store/storage.h"

namespace prom5::api {

/// A target's URL as others reach it: "localhost" is this machine, and where the port is the
/// server's own the target is the server itself. `own`: scheme, host and port by which others reach
/// the server. Any other text stays as it is.
std::string global_url(const std::string& url, const io::Url& own);

/// What /api/v1 and /api/v5 tell of targets, and of how discovery and relabelling came to them. Any
/// thread. Source: prometheus.io/docs/prometheus/latest/querying/api.
class TargetsApi {
 public:
  /// The configuration of a job as YAML, secrets hidden; nothing for a job that is not there.
  using PoolConfig = std::function<std::optional<std::string>(const std::string& job)>;

  TargetsApi(const scrape::ScrapeManager& scrapes, const discovery::DiscoveryManager& discovery,
             Storage& storage, io::Url own, PoolConfig pool_config)
      : scrapes_(scrapes),
        discovery_(discovery),
        storage_(storage),
        own_(std::move(own)),
        pool_config_(std::move(pool_config)) {}

  void add_routes(io::Router& router);

 private:
  using Answer = Result<io::HttpResponse>;

  Answer targets(const io::HttpRequest& request) const;
  Answer metadata(const io::HttpRequest& request) const;
  Answer relabel_steps(const io::HttpRequest& request) const;
  Answer sources() const;
  Answer pools() const;
  Answer pool_config(const io::HttpRequest& request) const;

  const scrape::ScrapeManager& scrapes_;
  const discovery::DiscoveryManager& discovery_;
  Storage& storage_;
  const io::Url own_;  ///< by which others reach the server
  const PoolConfig pool_config_;
};

}  // namespace prom5::api
