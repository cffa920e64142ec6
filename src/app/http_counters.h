#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/metrics.h"
#include "base/mutex.h"

namespace prom5 {

/// Counts the requests that handlers answered, and how long that took, as Prometheus does:
/// prometheus_http_requests_total{code, handler},
/// prometheus_http_request_duration_seconds{handler}. Any thread.
class HttpCounters {
 public:
  explicit HttpCounters(MetricRegistry& metrics) : metrics_(metrics) {}

  /// `handler`: a route's pattern.
  void count(const std::string& handler, int status, double seconds);

 private:
  MetricRegistry& metrics_;
  Mutex mutex_;
  std::map<std::pair<std::string, int>, Counter*> counters_ GUARDED_BY(mutex_);
  std::map<std::string, ClassicHistogram*> durations_ GUARDED_BY(mutex_);
};

}  // namespace prom5
