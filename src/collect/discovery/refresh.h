#pragma once

#include <string>
#include <vector>

#include "collect/discovery/discoverer.h"

namespace prom5::discovery {

/// A source that is asked again and again. When it cannot be asked, what it said last holds.
class RefreshDiscoverer : public Discoverer {
 public:
  RefreshDiscoverer(std::string mechanism, const std::string& job, DurationMs interval,
                    const Services& services);

  void run(std::stop_token stop, const TargetSink& sink) override;

 protected:
  /// All groups, as of now.
  virtual Result<std::vector<TargetGroup>> refresh(const std::stop_token& stop) = 0;
  /// Waits until it is time to ask again; false when stopped.
  virtual bool wait(const std::stop_token& stop) { return wait_for(interval_, stop); }

  const Services services_;
  const std::string job_;
  const DurationMs interval_;

 private:
  const std::string mechanism_;
  Counter& failures_;
};

}  // namespace prom5::discovery
