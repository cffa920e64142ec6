#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collect/discovery/options.h"
#include "collect/target_group.h"
#include "io/codec/json.h"

namespace prom5::discovery {

/// Objects of a cluster by kind ("pods") and by "namespace/name" (of those without a namespace,
/// by name).
using KubernetesObjects = std::map<std::string, std::map<std::string, Json>>;

/// "namespace/name", or the name alone.
std::string kubernetes_key(const Json& object);

/// Takes out of an object what no target is made of, which is most of it.
void trim_kubernetes_object(std::string_view kind, Json& object);

/// Groups of targets of a role, one for each of its objects, as Prometheus makes them (prometheus
/// discovery/kubernetes). Pure.
std::vector<TargetGroup> kubernetes_groups(const KubernetesObjects& objects,
                                           const KubernetesOptions& options);

}  // namespace prom5::discovery
