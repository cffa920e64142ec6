#include "collect/discovery/refresh.h"

namespace prom5::discovery {

RefreshDiscoverer::RefreshDiscoverer(std::string mechanism, const std::string& job,
                                     DurationMs interval, const Services& services)
    : services_(services),
      job_(job),
      interval_(interval),
      mechanism_(std::move(mechanism)),
      failures_(services.metrics.counter("prometheus_sd_refresh_failures_total",
                                         "Number of refresh failures for the given SD mechanism.",
                                         {{"mechanism", mechanism_}, {"config", job}})) {}

void RefreshDiscoverer::run(std::stop_token stop, const TargetSink& sink) {
  do {
    auto groups = refresh(stop);
    if (groups) {
      services_.problems.clear("");
      sink(*std::move(groups));
    } else if (!stop.stop_requested()) {
      failures_.add();
      services_.problems.set("", groups.error().message);
      services_.log.warn(
          "Unable to refresh target groups",
          {{"mechanism", mechanism_}, {"job", job_}, {"err", groups.error().message}});
    }
  } while (wait(stop));
}

}  // namespace prom5::discovery
