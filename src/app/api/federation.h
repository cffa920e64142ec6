#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/http/router.h"
#include "store/storage.h"

namespace prom5::api {

/// GET /federate: the newest sample of the series that are asked for, as a page for another server
/// to scrape, with this server's external labels; in protobuf where the scraper would have it.
/// Native histograms have no place in the text format and are left out there; those with custom
/// buckets become classic ones. Any thread. Source:
/// prometheus.io/docs/prometheus/latest/federation, prometheus web/federate.go.
class Federation {
 public:
  using ExternalLabels = std::vector<std::pair<std::string, std::string>>;

  /// `lookback`: how old a sample may be. `external_labels` gives those of the configuration.
  Federation(Storage& storage, const Clock& clock, DurationMs lookback,
             std::function<ExternalLabels()> external_labels)
      : storage_(storage),
        clock_(clock),
        lookback_(lookback),
        external_labels_(std::move(external_labels)) {}

  void add_routes(io::Router& router);

 private:
  Result<std::string> page(const io::HttpRequest& request, bool protobuf) const;

  Storage& storage_;
  const Clock& clock_;
  const DurationMs lookback_;
  const std::function<ExternalLabels()> external_labels_;
};

}  // namespace prom5::api
