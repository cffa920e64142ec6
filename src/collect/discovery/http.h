#pragma once

#include <string>
#include <vector>

#include "collect/discovery/refresh.h"

namespace prom5::discovery {

/// Targets from an HTTP server (prometheus.io/docs/prometheus/latest/http_sd).
class HttpDiscoverer final : public RefreshDiscoverer {
 public:
  HttpDiscoverer(const HttpOptions& options, const std::string& job, const Services& services)
      : RefreshDiscoverer("http", job, options.refresh_interval, services),
        options_(options),
        failures_(services.metrics.counter("prometheus_sd_http_failures_total",
                                           "Number of HTTP service discovery refresh failures.")) {}

 protected:
  Result<std::vector<TargetGroup>> refresh(const std::stop_token& stop) override;

 private:
  Result<std::vector<TargetGroup>> ask(const std::stop_token& stop);

  const HttpOptions options_;
  Counter& failures_;
};

}  // namespace prom5::discovery
