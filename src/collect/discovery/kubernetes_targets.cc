#include "collect/discovery/kubernetes_targets.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/ascii.h"
#include "collect/discovery/discoverer.h"
#include "collect/discovery/json_view.h"

namespace prom5::discovery {

namespace {

std::string meta(std::string_view name) { return "__meta_kubernetes_" + std::string(name); }

std::string name_of(const Json& object) { return text(member(object, "metadata"), "name"); }
std::string namespace_of(const Json& object) {
  return text(member(object, "metadata"), "namespace");
}

/// A port's number as text; "0" where none is told.
std::string port_text(const Json& port, std::string_view name) {
  std::string out = text(port, name);
  return out.empty() ? "0" : out;
}

void add_labels_and_annotations(LabelsBuilder& labels, const Json& object,
                                std::string_view resource) {
  const Json& metadata = member(object, "metadata");
  struct Part {
    std::string_view member;
    std::string_view word;
  };
  for (const Part part : {Part{"labels", "label"}, Part{"annotations", "annotation"}}) {
    const Json& texts = member(metadata, part.member);
    if (!texts.is_object()) continue;
    for (const auto& [name, value] : texts.items()) {
      const std::string clean = sanitize_label_name(name);
      labels.set(meta(fmt::format("{}_{}_{}", resource, part.word, clean)),
                 value.is_string() ? value.get<std::string>() : "");
      labels.set(meta(fmt::format("{}_{}present_{}", resource, part.word, clean)), "true");
    }
  }
}

void add_object_meta(LabelsBuilder& labels, const Json& object, std::string_view role) {
  labels.set(meta(fmt::format("{}_name", role)), name_of(object));
  add_labels_and_annotations(labels, object, role);
}

const Json* controller_of(const Json& object) {
  for (const Json& owner : member(member(object, "metadata"), "ownerReferences")) {
    if (text(owner, "controller") == "true") return &owner;
  }
  return nullptr;
}

/// Containers, then init containers.
struct Container {
  const Json* json;
  bool init;
};

std::vector<Container> containers_of(const Json& pod) {
  std::vector<Container> out;
  const Json& spec = member(pod, "spec");
  for (const Json& c : member(spec, "containers")) out.push_back({&c, false});
  for (const Json& c : member(spec, "initContainers")) out.push_back({&c, true});
  return out;
}

class GroupMaker {
 public:
  GroupMaker(const KubernetesObjects& objects, const KubernetesOptions& options)
      : objects_(objects), options_(options) {}

  std::vector<TargetGroup> make() {
    struct Role {
      std::string_view role;
      std::string_view kind;
      TargetGroup (GroupMaker::*make)(const Json&) const;
    };
    static constexpr std::array<Role, 6> kRoles = {{
        {"pod", "pods", &GroupMaker::pod},
        {"service", "services", &GroupMaker::service},
        {"endpoints", "endpoints", &GroupMaker::endpoints},
        {"endpointslice", "endpointslices", &GroupMaker::endpointslice},
        {"node", "nodes", &GroupMaker::node},
        {"ingress", "ingresses", &GroupMaker::ingress},
    }};
    std::vector<TargetGroup> out;
    for (const Role& role : kRoles) {
      if (role.role != options_.role) continue;
      for (const auto& [key, object] : all(role.kind)) {
        out.push_back((this->*role.make)(object));
        out.back().source = fmt::format("{}/{}", role.role, key);
      }
    }
    return out;
  }

 private:
  [[nodiscard]] const std::map<std::string, Json>& all(std::string_view kind) const {
    static const std::map<std::string, Json> kNone;
    const auto found = objects_.find(std::string(kind));
    return found == objects_.end() ? kNone : found->second;
  }
  [[nodiscard]] const Json* find(std::string_view kind, const std::string& key) const {
    const auto& of_kind = all(kind);
    const auto found = of_kind.find(key);
    return found == of_kind.end() ? nullptr : &found->second;
  }

  void add_namespace(LabelsBuilder& labels, const std::string& name) const {
    if (!options_.attach_namespace) return;
    if (const Json* found = find("namespaces", name)) {
      add_labels_and_annotations(labels, *found, "namespace");
    }
  }
  void add_node(LabelsBuilder& labels, const std::string& name) const {
    if (!options_.attach_node || name.empty()) return;
    if (const Json* found = find("nodes", name)) add_object_meta(labels, *found, "node");
  }

  void add_owner(LabelsBuilder& labels, const Json& pod) const {
    const Json* owner = controller_of(pod);
    if (owner == nullptr) return;
    const std::string kind = text(*owner, "kind");
    const std::string name = text(*owner, "name");
    labels.set(meta("pod_controller_kind"), kind);
    labels.set(meta("pod_controller_name"), name);
    const std::string key = namespace_of(pod) + "/" + name;
    const auto owner_above = [&](std::string_view objects, std::string_view wanted,
                                 std::string_view label) {
      const Json* object = find(objects, key);
      const Json* above = object == nullptr ? nullptr : controller_of(*object);
      if (above != nullptr && text(*above, "kind") == wanted) {
        labels.set(meta(label), text(*above, "name"));
      }
    };
    if (kind == "ReplicaSet" && options_.attach_deployment) {
      owner_above("replicasets", "Deployment", "pod_deployment_name");
    }
    if (kind != "Job") return;
    if (options_.attach_job) labels.set(meta("pod_job_name"), name);
    if (options_.attach_cronjob) owner_above("jobs", "CronJob", "pod_cronjob_name");
  }

  void add_pod(LabelsBuilder& labels, const Json& pod) const {
    const Json& status = member(pod, "status");
    std::string ready = "unknown";
    for (const Json& condition : member(status, "conditions")) {
      if (text(condition, "type") == "Ready") ready = to_lower(text(condition, "status"));
    }
    labels.set(meta("pod_ip"), text(status, "podIP"))
        .set(meta("pod_ready"), ready)
        .set(meta("pod_phase"), text(status, "phase"))
        .set(meta("pod_node_name"), text(member(pod, "spec"), "nodeName"))
        .set(meta("pod_host_ip"), text(status, "hostIP"))
        .set(meta("pod_uid"), text(member(pod, "metadata"), "uid"));
    add_object_meta(labels, pod, "pod");
    add_owner(labels, pod);
  }

  static std::string container_id(const Json& pod, const Container& container) {
    const std::string_view list = container.init ? "initContainerStatuses" : "containerStatuses";
    for (const Json& status : member(member(pod, "status"), list)) {
      if (text(status, "name") == text(*container.json, "name")) return text(status, "containerID");
    }
    return "";
  }

  TargetGroup pod(const Json& pod) const {
    TargetGroup group;
    const std::string ip = text(member(pod, "status"), "podIP");
    if (ip.empty()) return group;
    const std::string node_name = text(member(pod, "spec"), "nodeName");
    // Nodes that a selector leaves out take their pods with them.
    if (options_.attach_node && find("nodes", node_name) == nullptr) return group;
    LabelsBuilder common;
    add_pod(common, pod);
    common.set(meta("namespace"), namespace_of(pod));
    add_node(common, node_name);
    add_namespace(common, namespace_of(pod));
    group.labels = common.build();
    for (const Container& container : containers_of(pod)) {
      LabelsBuilder base;
      base.set(meta("pod_container_name"), text(*container.json, "name"))
          .set(meta("pod_container_id"), container_id(pod, container))
          .set(meta("pod_container_image"), text(*container.json, "image"))
          .set(meta("pod_container_init"), container.init ? "true" : "false");
      const Json& ports = member(*container.json, "ports");
      if (!ports.is_array() || ports.empty()) {
        group.targets.push_back(
            base.set("__address__", ip.find(':') == ip.npos ? ip : "[" + ip + "]").build());
        continue;
      }
      for (const Json& port : ports) {
        LabelsBuilder target = base;
        const std::string number = port_text(port, "containerPort");
        target.set("__address__", join_host_port(ip, number))
            .set(meta("pod_container_port_number"), number)
            .set(meta("pod_container_port_name"), text(port, "name"))
            .set(meta("pod_container_port_protocol"), text(port, "protocol"));
        group.targets.push_back(target.build());
      }
    }
    return group;
  }

  static void add_service(LabelsBuilder& labels, const Json& service) {
    labels.set(meta("namespace"), namespace_of(service));
    add_object_meta(labels, service, "service");
  }

  static std::string load_balancer_ips(const Json& service) {
    std::string out;
    for (const Json& one : member(member(member(service, "status"), "loadBalancer"), "ingress")) {
      const std::string ip = text(one, "ip");
      if (!ip.empty()) out += (out.empty() ? "" : ",") + ip;
    }
    return out.empty() ? text(member(service, "spec"), "loadBalancerIP") : out;
  }

  TargetGroup service(const Json& service) const {
    TargetGroup group;
    LabelsBuilder common;
    add_service(common, service);
    add_namespace(common, namespace_of(service));
    group.labels = common.build();
    const Json& spec = member(service, "spec");
    const std::string type = text(spec, "type");
    for (const Json& port : member(spec, "ports")) {
      const std::string number = port_text(port, "port");
      LabelsBuilder target;
      target
          .set("__address__",
               fmt::format("{}.{}.svc:{}", name_of(service), namespace_of(service), number))
          .set(meta("service_port_name"), text(port, "name"))
          .set(meta("service_port_number"), number)
          .set(meta("service_port_protocol"), text(port, "protocol"))
          .set(meta("service_type"), type);
      if (type == "ExternalName") {
        target.set(meta("service_external_name"), text(spec, "externalName"));
      } else {
        target.set(meta("service_cluster_ip"), text(spec, "clusterIP"));
      }
      if (type == "LoadBalancer") {
        target.set(meta("service_loadbalancer_ip"), load_balancer_ips(service));
      }
      group.targets.push_back(target.build());
    }
    return group;
  }

  [[nodiscard]] const Json* pod_of(const Json& reference) const {
    if (text(reference, "kind") != "Pod") return nullptr;
    return find("pods", text(reference, "namespace") + "/" + text(reference, "name"));
  }

  static void add_container_port(LabelsBuilder& labels, const Container& container,
                                 const Json& port, const std::string& protocol) {
    labels.set(meta("pod_container_name"), text(*container.json, "name"))
        .set(meta("pod_container_image"), text(*container.json, "image"))
        .set(meta("pod_container_port_name"), text(port, "name"))
        .set(meta("pod_container_port_number"), port_text(port, "containerPort"))
        .set(meta("pod_container_port_protocol"), protocol)
        .set(meta("pod_container_init"), container.init ? "true" : "false");
  }

  /// Pods that a group of endpoints names, and the ports it has targets for.
  using SeenPods = std::map<std::string, std::pair<const Json*, std::set<std::string>>>;

  /// Adds what is known of the pod behind an endpoint. `from_endpoint`: the protocol is the
  /// endpoint's rather than the container's.
  void add_pod_behind(LabelsBuilder& target, const Json& reference, const std::string& port,
                      const std::string* protocol, SeenPods& seen) const {
    const Json* pod = pod_of(reference);
    if (pod == nullptr) return;
    auto& entry = seen[kubernetes_key(*pod)];
    entry.first = pod;
    entry.second.insert(port);
    add_pod(target, *pod);
    for (const Container& container : containers_of(*pod)) {
      for (const Json& own : member(*container.json, "ports")) {
        if (port_text(own, "containerPort") != port) continue;
        add_container_port(target, container, own,
                           protocol != nullptr ? *protocol : text(own, "protocol"));
        break;
      }
    }
  }

  /// Ports of the pods that the endpoints do not name.
  void add_other_ports(TargetGroup& group, const SeenPods& seen) const {
    for (const auto& [key, entry] : seen) {
      const auto& [pod, ports] = entry;
      const std::string ip = text(member(*pod, "status"), "podIP");
      if (ip.empty()) continue;
      for (const Container& container : containers_of(*pod)) {
        for (const Json& port : member(*container.json, "ports")) {
          const std::string number = port_text(port, "containerPort");
          if (ports.contains(number)) continue;
          LabelsBuilder target;
          target.set("__address__", join_host_port(ip, number));
          add_container_port(target, container, port, text(port, "protocol"));
          add_pod(target, *pod);
          group.targets.push_back(target.build());
        }
      }
    }
  }

  static void add_reference(LabelsBuilder& target, const Json& reference, std::string_view prefix) {
    target.set(meta(fmt::format("{}_address_target_kind", prefix)), text(reference, "kind"));
    target.set(meta(fmt::format("{}_address_target_name", prefix)), text(reference, "name"));
  }

  TargetGroup endpoints(const Json& endpoints) const {
    TargetGroup group;
    LabelsBuilder common;
    common.set(meta("namespace"), namespace_of(endpoints));
    if (const Json* service = find("services", kubernetes_key(endpoints))) {
      add_service(common, *service);
    }
    add_object_meta(common, endpoints, "endpoints");
    add_namespace(common, namespace_of(endpoints));
    group.labels = common.build();
    SeenPods seen;
    for (const Json& subset : member(endpoints, "subsets")) {
      for (const Json& port : member(subset, "ports")) {
        for (const bool ready : {true, false}) {
          for (const Json& address : member(subset, ready ? "addresses" : "notReadyAddresses")) {
            group.targets.push_back(endpoint(address, port, ready, seen));
          }
        }
      }
    }
    add_other_ports(group, seen);
    return group;
  }

  Labels endpoint(const Json& address, const Json& port, bool ready, SeenPods& seen) const {
    const std::string number = port_text(port, "port");
    const std::string protocol = text(port, "protocol");
    const Json& reference = member(address, "targetRef");
    const std::string node_name = text(address, "nodeName");
    LabelsBuilder target;
    target.set("__address__", join_host_port(text(address, "ip"), number))
        .set(meta("endpoint_port_name"), text(port, "name"))
        .set(meta("endpoint_port_protocol"), protocol)
        .set(meta("endpoint_ready"), ready ? "true" : "false")
        .set(meta("endpoint_node_name"), node_name)
        .set(meta("endpoint_hostname"), text(address, "hostname"));
    add_reference(target, reference, "endpoint");
    if (!node_name.empty()) {
      add_node(target, node_name);
    } else if (text(reference, "kind") == "Node") {
      add_node(target, text(reference, "name"));
    }
    add_pod_behind(target, reference, number, &protocol, seen);
    return target.build();
  }

  /// Of a service with addresses of both families, the slice of the second.
  static bool is_of_second_family(const Json* service, const Json& slice) {
    if (service == nullptr) return false;
    const Json& spec = member(*service, "spec");
    const std::string policy = text(spec, "ipFamilyPolicy");
    if (policy != "PreferDualStack" && policy != "RequireDualStack") return false;
    const Json& families = member(spec, "ipFamilies");
    return families.is_array() && !families.empty() && families[0].is_string() &&
           families[0].get<std::string>() != text(slice, "addressType");
  }

  TargetGroup endpointslice(const Json& slice) const {
    TargetGroup group;
    LabelsBuilder common;
    common.set(meta("namespace"), namespace_of(slice));
    common.set(meta("endpointslice_address_type"), text(slice, "addressType"));
    add_object_meta(common, slice, "endpointslice");
    const std::string service_name =
        text(member(member(slice, "metadata"), "labels"), "kubernetes.io/service-name");
    const Json* service =
        service_name.empty() ? nullptr : find("services", namespace_of(slice) + "/" + service_name);
    if (service != nullptr) add_service(common, *service);
    add_namespace(common, namespace_of(slice));
    group.labels = common.build();
    if (is_of_second_family(service, slice)) return group;
    SeenPods seen;
    for (const Json& endpoint : member(slice, "endpoints")) {
      for (const Json& port : member(slice, "ports")) {
        for (const Json& address : member(endpoint, "addresses")) {
          if (!address.is_string()) continue;
          group.targets.push_back(slice_endpoint(address.get<std::string>(), endpoint, port, seen));
        }
      }
    }
    add_other_ports(group, seen);
    return group;
  }

  Labels slice_endpoint(const std::string& address, const Json& endpoint, const Json& port,
                        SeenPods& seen) const {
    const std::string number = text(port, "port");
    const Json& reference = member(endpoint, "targetRef");
    const Json& conditions = member(endpoint, "conditions");
    LabelsBuilder target;
    target.set("__address__", number.empty() ? address : join_host_port(address, number))
        .set(meta("endpointslice_port_name"), text(port, "name"))
        .set(meta("endpointslice_port_protocol"), text(port, "protocol"))
        .set(meta("endpointslice_port"), number)
        .set(meta("endpointslice_port_app_protocol"), text(port, "appProtocol"));
    for (const std::string_view name : {"ready", "serving", "terminating"}) {
      target.set(meta(fmt::format("endpointslice_endpoint_conditions_{}", name)),
                 text(conditions, name));
    }
    target.set(meta("endpointslice_endpoint_hostname"), text(endpoint, "hostname"))
        .set(meta("endpointslice_endpoint_node_name"), text(endpoint, "nodeName"))
        .set(meta("endpointslice_endpoint_zone"), text(endpoint, "zone"));
    add_reference(target, reference, "endpointslice");
    const Json& topology = member(endpoint, "deprecatedTopology");
    if (topology.is_object()) {
      for (const auto& [name, value] : topology.items()) {
        const std::string clean = sanitize_label_name(name);
        target.set(meta("endpointslice_endpoint_topology_" + clean),
                   value.is_string() ? value.get<std::string>() : "");
        target.set(meta("endpointslice_endpoint_topology_present_" + clean), "true");
      }
    }
    add_node(target, text(reference, "kind") == "Node" ? text(reference, "name")
                                                       : text(endpoint, "nodeName"));
    add_pod_behind(target, reference, number, nullptr, seen);
    return target.build();
  }

  TargetGroup node(const Json& node) const {
    TargetGroup group;
    const Json& status = member(node, "status");
    LabelsBuilder common;
    common.set(meta("node_provider_id"), text(member(node, "spec"), "providerID"));
    for (const Json& condition : member(status, "conditions")) {
      common.set(meta("node_condition_" + sanitize_label_name(to_lower(text(condition, "type")))),
                 to_lower(text(condition, "status")));
    }
    add_object_meta(common, node, "node");
    group.labels = common.build();
    std::map<std::string, std::string> addresses;  // the first of each type
    for (const Json& address : member(status, "addresses")) {
      addresses.emplace(text(address, "type"), text(address, "address"));
    }
    for (const std::string_view type :
         {"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"}) {
      const auto found = addresses.find(std::string(type));
      if (found == addresses.end()) continue;
      const Json& kubelet = member(member(status, "daemonEndpoints"), "kubeletEndpoint");
      LabelsBuilder target;
      target.set("__address__", join_host_port(found->second, port_text(kubelet, "Port")));
      target.set("instance", name_of(node));
      for (const auto& [kind, address] : addresses) {
        target.set(meta("node_address_" + sanitize_label_name(kind)), address);
      }
      group.targets.push_back(target.build());
      break;
    }
    return group;
  }

  static bool host_matches(std::string_view pattern, std::string_view host) {
    if (pattern == host) return true;
    if (!pattern.starts_with("*.")) return false;
    const size_t dot = host.find('.');
    return dot != std::string_view::npos && host.substr(dot + 1) == pattern.substr(2);
  }

  static bool has_tls(const Json& ingress, const std::string& host) {
    for (const Json& tls : member(member(ingress, "spec"), "tls")) {
      for (const Json& pattern : member(tls, "hosts")) {
        if (pattern.is_string() && host_matches(pattern.get<std::string>(), host)) return true;
      }
    }
    return false;
  }

  TargetGroup ingress(const Json& ingress) const {
    TargetGroup group;
    LabelsBuilder common;
    common.set(meta("namespace"), namespace_of(ingress));
    common.set(meta("ingress_class_name"), text(member(ingress, "spec"), "ingressClassName"));
    add_object_meta(common, ingress, "ingress");
    add_namespace(common, namespace_of(ingress));
    group.labels = common.build();
    for (const Json& rule : member(member(ingress, "spec"), "rules")) {
      const std::string host = text(rule, "host");
      std::vector<std::string> paths;
      const Json& http = member(rule, "http");
      for (const Json& path : member(http, "paths")) paths.push_back(text(path, "path"));
      if (!http.is_object()) paths = {"/"};
      for (const std::string& path : paths) {
        LabelsBuilder target;
        target.set("__address__", host)
            .set(meta("ingress_scheme"), has_tls(ingress, host) ? "https" : "http")
            .set(meta("ingress_host"), host)
            .set(meta("ingress_path"), path.empty() ? "/" : path);
        group.targets.push_back(target.build());
      }
    }
    return group;
  }

  const KubernetesObjects& objects_;
  const KubernetesOptions& options_;
};

/// Leaves only the named members.
void keep_members(Json& object, std::initializer_list<std::string_view> names) {
  if (!object.is_object()) return;
  Json out = Json::object();
  for (const std::string_view name : names) {
    const auto found = object.find(std::string(name));
    if (found != object.end()) out[std::string(name)] = std::move(*found);
  }
  object = std::move(out);
}

}  // namespace

std::string kubernetes_key(const Json& object) {
  const std::string space = namespace_of(object);
  return space.empty() ? name_of(object) : space + "/" + name_of(object);
}

void trim_kubernetes_object(std::string_view kind, Json& object) {
  if (!object.is_object()) return;
  if (auto metadata = object.find("metadata"); metadata != object.end()) {
    keep_members(*metadata, {"name", "namespace", "uid", "labels", "annotations", "ownerReferences",
                             "resourceVersion"});
  }
  if (kind != "pods") return;
  if (auto spec = object.find("spec"); spec != object.end()) {
    keep_members(*spec, {"nodeName", "containers", "initContainers"});
    for (Json& list : *spec) {
      if (!list.is_array()) continue;
      for (Json& container : list) keep_members(container, {"name", "image", "ports"});
    }
  }
  if (auto status = object.find("status"); status != object.end()) {
    keep_members(*status, {"podIP", "hostIP", "phase", "conditions", "containerStatuses",
                           "initContainerStatuses"});
    for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
      if (!status->contains(list) || !(*status)[list].is_array()) continue;
      for (Json& one : (*status)[list]) keep_members(one, {"name", "containerID"});
    }
  }
}

std::vector<TargetGroup> kubernetes_groups(const KubernetesObjects& objects,
                                           const KubernetesOptions& options) {
  return GroupMaker(objects, options).make();
}

}  // namespace prom5::discovery
