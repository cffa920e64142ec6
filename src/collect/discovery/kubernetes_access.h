#pragma once

#include <string>

#include "base/error.h"
#include "collect/discovery/options.h"

namespace prom5::discovery {

/// How to reach a cluster's API server.
struct KubernetesAccess {
  std::string server;         ///< without a slash at its end
  std::string own_namespace;  ///< empty outside of a cluster
  Security security;
};

/// As the options say: by api_server, by a kubeconfig, or, with neither, as a pod of the cluster.
/// BadData for a kubeconfig that cannot be used; Unavailable outside of a cluster.
Result<KubernetesAccess> kubernetes_access(const KubernetesOptions& options);

}  // namespace prom5::discovery
