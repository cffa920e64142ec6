#pragma once

#include <string>
#include <vector>

#include "collect/discovery/refresh.h"

namespace prom5::discovery {

/// Targets from an HTTP server (prometheus.io/docs/prometheus/latest/http_sd).
class HttpDiscoverer final : public RefreshDiscoverer {
 public:
  HttpDiscoverer(const HttpOptions& options, const std::string& job, const Services& services)
      : RefreshDiscoverer("http", job, options.refresh_interval, services), options_(options) {}

 protected:
  Result<std::vector<TargetGroup>> refresh(const std::stop_token& stop) override;

 private:
  const HttpOptions options_;
};

}  // namespace prom5::discovery
