#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "io/http/router.h"
#include "store/storage.h"

namespace prom5::api {

/// POST /api/v1/read: samples for another server's queries, as lists of samples or, where the
/// client takes them, as chunks in Prometheus' encodings. Any thread.
/// Source: prometheus.io/docs/prometheus/latest/querying/remote_read_api, prompb/remote.proto.
class RemoteRead {
 public:
  using ExternalLabels = std::vector<std::pair<std::string, std::string>>;

  /// `max_samples`: in one answer.
  RemoteRead(Storage& storage, uint64_t max_samples,
             std::function<ExternalLabels()> external_labels, MetricRegistry& metrics)
      : storage_(storage),
        max_samples_(max_samples),
        external_labels_(std::move(external_labels)),
        requests_(metrics.counter("prom5_remote_read_requests_total",
                                  "Requests of other servers for samples.")),
        failed_(metrics.counter("prom5_remote_read_failed_requests_total",
                                "Requests for samples that were refused, for a limit or an "
                                "error.")) {}

  void add_routes(io::Router& router);

 private:
  Result<io::HttpResponse> answer(const io::HttpRequest& request) const;

  Storage& storage_;
  const uint64_t max_samples_;
  const std::function<ExternalLabels()> external_labels_;
  Counter& requests_;
  Counter& failed_;
};

}  // namespace prom5::api
