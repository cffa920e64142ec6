#pragma once

#include <string>
#include <vector>

#include "collect/discovery/refresh.h"
#include "io/codec/json.h"

namespace prom5::discovery {

/// Containers of a Docker host (prometheus discovery/moby, Docker Engine API v1.40+).
class DockerDiscoverer final : public RefreshDiscoverer {
 public:
  DockerDiscoverer(const DockerOptions& options, const std::string& job, const Services& services)
      : RefreshDiscoverer("docker", job, options.refresh_interval, services), options_(options) {}

 protected:
  Result<std::vector<TargetGroup>> refresh(const std::stop_token& stop) override;

 private:
  Result<Json> get(const std::string& path, const std::stop_token& stop);

  const DockerOptions options_;
};

/// Targets of containers, as /containers/json and /networks tell of them.
std::vector<Labels> docker_targets(const Json& containers, const Json& networks,
                                   const DockerOptions& options);

}  // namespace prom5::discovery
