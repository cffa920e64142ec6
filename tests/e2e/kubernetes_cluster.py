"""A small cluster for the tests of kubernetes_sd_configs, and the targets that it has.

Every object has something of its own that shows in the labels: two addresses, no address, a
second port, an init container, no service. The functions `pods`, `nodes`, `services`, `endpoints`,
`slices` and `ingresses` give the targets of a role as they are before relabelling, as Prometheus
3.14 documents them; `as_in_242` takes away what 2.42 did not have.
"""
import re

from discovery import base_labels

K = "__meta_kubernetes_"

# ------------------------------------------------------------------------------------- the cluster

NODES = [
    {"kind": "Node",
     "metadata": {"name": "n1", "labels": {"zone": "a", "kubernetes.io/arch": "amd64"},
                  "annotations": {"node.alpha/ttl": "0"}},
     "spec": {"providerID": "aws:///a/i-1"},
     "status": {"addresses": [{"type": "Hostname", "address": "n1.local"},
                              {"type": "ExternalIP", "address": "127.0.1.101"},
                              {"type": "InternalIP", "address": "127.0.1.1"},
                              {"type": "InternalIP", "address": "127.0.1.2"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                "conditions": [{"type": "Ready", "status": "True"},
                               {"type": "DiskPressure", "status": "False"},
                               {"type": "NetworkUnavailable", "status": "Unknown"}]}},
    # Only a host name, and no port of a kubelet.
    {"kind": "Node", "metadata": {"name": "n2", "labels": {"zone": "b"}},
     "status": {"addresses": [{"type": "Hostname", "address": "n2.local"}]}},
    # No address: no target.
    {"kind": "Node", "metadata": {"name": "n3"}, "status": {"addresses": []}},
]

NAMESPACES = [{"kind": "Namespace",
               "metadata": {"name": "shop", "labels": {"team": "blue"},
                            "annotations": {"cost.center/id": "7"}}},
              {"kind": "Namespace", "metadata": {"name": "data"}}]

OWNERS = [
    {"kind": "ReplicaSet", "metadata": {
        "name": "web-5d9", "namespace": "shop", "ownerReferences": [
            {"kind": "Deployment", "name": "web", "controller": True}]}},
    {"kind": "Job", "metadata": {
        "name": "report-281", "namespace": "data", "ownerReferences": [
            {"kind": "CronJob", "name": "report", "controller": True}]}},
]


def owned(kind, name):
    return [{"apiVersion": "v1", "kind": "Other", "name": "not-it"},
            {"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": True, "uid": "o"}]


PODS = [
    {"kind": "Pod",
     "metadata": {"name": "web-1", "namespace": "shop", "uid": "uid-web-1",
                  "labels": {"app": "web", "app.kubernetes.io/part-of": "shop"},
                  "annotations": {"prometheus.io/scrape": "true"},
                  "ownerReferences": owned("ReplicaSet", "web-5d9")},
     "spec": {"nodeName": "n1",
              "containers": [
                  {"name": "main", "image": "web:1", "ports": [
                      {"name": "http", "containerPort": 8080, "protocol": "TCP"},
                      {"containerPort": 9125, "protocol": "UDP"}]},
                  {"name": "side", "image": "side:2"}],
              "initContainers": [{"name": "setup", "image": "setup:3", "ports": [
                  {"name": "boot", "containerPort": 9000, "protocol": "TCP"}]}]},
     "status": {"phase": "Running", "podIP": "127.0.10.1", "hostIP": "127.0.1.1",
                "conditions": [{"type": "Initialized", "status": "True"},
                               {"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "main", "containerID": "containerd://m1"}],
                "initContainerStatuses": [{"name": "setup", "containerID": "containerd://i1"}]}},
    {"kind": "Pod",
     "metadata": {"name": "db-0", "namespace": "data", "uid": "uid-db-0"},
     "spec": {"nodeName": "n2", "containers": [
         {"name": "db", "image": "db:1", "ports": [
             {"name": "sql", "containerPort": 5432, "protocol": "TCP"}]}]},
     "status": {"phase": "Running", "podIP": "::1", "hostIP": "127.0.1.2",
                "conditions": [{"type": "Ready", "status": "False"}]}},
    {"kind": "Pod",
     "metadata": {"name": "report-281-x", "namespace": "data", "uid": "uid-report",
                  "ownerReferences": owned("Job", "report-281")},
     "spec": {"nodeName": "gone", "containers": [{"name": "run", "image": "run:1"}]},
     "status": {"phase": "Succeeded", "podIP": "127.0.10.3", "hostIP": "127.0.1.1"}},
    # No address yet: no target.
    {"kind": "Pod", "metadata": {"name": "new", "namespace": "shop"},
     "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Pending"}},
]

SERVICES = [
    {"kind": "Service",
     "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"},
                  "annotations": {"prometheus.io/port": "8080"}},
     "spec": {"type": "ClusterIP", "clusterIP": "127.0.20.1",
              "ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"],
              "ports": [{"name": "http", "port": 80, "protocol": "TCP"},
                        {"name": "dns", "port": 53, "protocol": "UDP"}]}},
    {"kind": "Service", "metadata": {"name": "outside", "namespace": "shop"},
     "spec": {"type": "ExternalName", "externalName": "db.example.invalid",
              "ports": [{"port": 5432, "protocol": "TCP"}]}},
    {"kind": "Service", "metadata": {"name": "lb", "namespace": "data"},
     "spec": {"type": "LoadBalancer", "clusterIP": "None", "loadBalancerIP": "127.0.20.9",
              "ports": [{"name": "tls", "port": 443, "protocol": "TCP"}]},
     "status": {"loadBalancer": {"ingress": [{"ip": "127.0.20.7"}, {"hostname": "lb.invalid"},
                                             {"ip": "127.0.20.8"}]}}},
    # No port: no target.
    {"kind": "Service", "metadata": {"name": "bare", "namespace": "data"},
     "spec": {"type": "ClusterIP", "clusterIP": "127.0.20.3"}},
]

WEB_REF = {"kind": "Pod", "name": "web-1", "namespace": "shop"}

ENDPOINTS = [
    {"kind": "Endpoints",
     "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"},
                  "annotations": {"note": "x"}},
     "subsets": [{"addresses": [{"ip": "127.0.10.1", "nodeName": "n1", "hostname": "web-1",
                                 "targetRef": WEB_REF}],
                  "notReadyAddresses": [{"ip": "127.0.10.9", "targetRef": {
                      "kind": "Node", "name": "n2"}}],
                  "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]},
    # Its service does not exist.
    {"kind": "Endpoints", "metadata": {"name": "lonely", "namespace": "data"},
     "subsets": [{"addresses": [{"ip": "::1"}], "ports": [{"port": 1, "protocol": "UDP"}]}]},
]

SLICES = [
    {"kind": "EndpointSlice", "addressType": "IPv4",
     "metadata": {"name": "web-abc", "namespace": "shop",
                  "labels": {"kubernetes.io/service-name": "web"}, "annotations": {"note": "y"}},
     "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}],
     "endpoints": [
         {"addresses": ["127.0.10.1"], "hostname": "web-1", "nodeName": "n1", "zone": "a",
          "conditions": {"ready": True, "serving": True, "terminating": False},
          "targetRef": WEB_REF, "deprecatedTopology": {"topology.example/rack": "r1"}},
         {"addresses": ["127.0.10.8", "127.0.10.9"], "conditions": {"ready": False}}]},
    # The second family of a dual-stack service would give the same targets again.
    {"kind": "EndpointSlice", "addressType": "IPv6",
     "metadata": {"name": "web-v6", "namespace": "shop",
                  "labels": {"kubernetes.io/service-name": "web"}},
     "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
     "endpoints": [{"addresses": ["::1"], "conditions": {"ready": True}}]},
    # By hand, for no service, with a port that names no number.
    {"kind": "EndpointSlice", "addressType": "FQDN",
     "metadata": {"name": "manual", "namespace": "data"},
     "ports": [{"name": "", "protocol": "TCP"}],
     "endpoints": [{"addresses": ["ext.invalid"], "conditions": {}}]},
]

INGRESSES = [
    {"kind": "Ingress",
     "metadata": {"name": "front", "namespace": "shop", "labels": {"app": "web"},
                  "annotations": {"nginx.ingress/rewrite": "/"}},
     "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["*.shop.invalid"]}],
              "rules": [{"host": "a.shop.invalid", "http": {"paths": [
                            {"path": "/cart", "pathType": "Prefix"}, {"pathType": "Prefix"}]}},
                        {"host": "a.b.shop.invalid"},
                        {"http": {"paths": [{"path": "/any", "pathType": "Exact"}]}}]}},
]

CLUSTER = NODES + NAMESPACES + OWNERS + PODS + SERVICES + ENDPOINTS + SLICES + INGRESSES


# -------------------------------------------------------------------- the labels as they should be

def meta(**labels):
    return {K + name: value for name, value in labels.items()}


NODE_1 = meta(node_name="n1", node_label_zone="a", node_labelpresent_zone="true",
              node_label_kubernetes_io_arch="amd64", node_labelpresent_kubernetes_io_arch="true",
              node_annotation_node_alpha_ttl="0", node_annotationpresent_node_alpha_ttl="true")
NODE_2 = meta(node_name="n2", node_label_zone="b", node_labelpresent_zone="true")
SHOP = meta(namespace_label_team="blue", namespace_labelpresent_team="true",
            namespace_annotation_cost_center_id="7",
            namespace_annotationpresent_cost_center_id="true")
WEB_1 = meta(pod_name="web-1", pod_uid="uid-web-1", pod_ip="127.0.10.1", pod_host_ip="127.0.1.1",
             pod_node_name="n1", pod_phase="Running", pod_ready="true", pod_label_app="web",
             pod_labelpresent_app="true", pod_label_app_kubernetes_io_part_of="shop",
             pod_labelpresent_app_kubernetes_io_part_of="true",
             pod_annotation_prometheus_io_scrape="true",
             pod_annotationpresent_prometheus_io_scrape="true",
             pod_controller_kind="ReplicaSet", pod_controller_name="web-5d9")
DB_0 = meta(pod_name="db-0", pod_uid="uid-db-0", pod_ip="::1", pod_host_ip="127.0.1.2",
            pod_node_name="n2", pod_phase="Running", pod_ready="false")
REPORT = meta(pod_name="report-281-x", pod_uid="uid-report", pod_ip="127.0.10.3",
              pod_host_ip="127.0.1.1", pod_node_name="gone", pod_phase="Succeeded",
              pod_ready="unknown", pod_controller_kind="Job", pod_controller_name="report-281")
WEB_SERVICE = meta(service_name="web", service_label_app="web", service_labelpresent_app="true",
                   service_annotation_prometheus_io_port="8080",
                   service_annotationpresent_prometheus_io_port="true")


def container(name, image, port="", port_name="", protocol="", init="false", **more):
    """Labels of a container and one of its ports; those without a value are not there."""
    labels = meta(pod_container_name=name, pod_container_image=image, pod_container_init=init,
                  pod_container_port_number=port, pod_container_port_name=port_name,
                  pod_container_port_protocol=protocol, **more)
    return {k: v for k, v in labels.items() if v}


HTTP = container("main", "web:1", "8080", "http", "TCP")
STATSD = container("main", "web:1", "9125", "", "UDP")
BOOT = container("setup", "setup:3", "9000", "boot", "TCP", "true")


def pods(job, web=None, db=None, report=None):
    """The targets of role pod, with these labels in addition; none of a pod without a label."""
    web_1 = {**meta(namespace="shop"), **WEB_1, **(web or {})}
    main = meta(pod_container_id="containerd://m1")
    found = [base_labels(job, "127.0.10.1:8080", **web_1, **HTTP, **main),
             base_labels(job, "127.0.10.1:9125", **web_1, **STATSD, **main),
             base_labels(job, "127.0.10.1", **web_1, **container("side", "side:2")),
             base_labels(job, "127.0.10.1:9000", **web_1, **BOOT,
                         **meta(pod_container_id="containerd://i1"))]
    if db is not None:
        found.append(base_labels(job, "[::1]:5432", **meta(namespace="data"), **DB_0, **db,
                                 **container("db", "db:1", "5432", "sql", "TCP")))
    if report is not None:
        found.append(base_labels(job, "127.0.10.3", **meta(namespace="data"), **REPORT,
                                 **container("run", "run:1"), **report))
    return found


def nodes(job):
    return [
        base_labels(job, "127.0.1.1:10250", instance="n1", **NODE_1, **meta(
            node_provider_id="aws:///a/i-1", node_address_Hostname="n1.local",
            node_address_ExternalIP="127.0.1.101", node_address_InternalIP="127.0.1.1",
            node_condition_ready="true", node_condition_diskpressure="false",
            node_condition_networkunavailable="unknown")),
        base_labels(job, "n2.local:0", instance="n2", **NODE_2,
                    **meta(node_address_Hostname="n2.local"))]


def services(job, shop=None):
    web = {**WEB_SERVICE, **meta(namespace="shop", service_cluster_ip="127.0.20.1",
                                 service_type="ClusterIP"), **(shop or {})}
    return [
        base_labels(job, "web.shop.svc:80", **web, **meta(
            service_port_name="http", service_port_number="80", service_port_protocol="TCP")),
        base_labels(job, "web.shop.svc:53", **web, **meta(
            service_port_name="dns", service_port_number="53", service_port_protocol="UDP")),
        base_labels(job, "outside.shop.svc:5432", **meta(
            namespace="shop", service_name="outside", service_port_number="5432",
            service_port_protocol="TCP", service_type="ExternalName",
            service_external_name="db.example.invalid"), **(shop or {})),
        base_labels(job, "lb.data.svc:443", **meta(
            namespace="data", service_name="lb", service_port_name="tls",
            service_port_number="443", service_port_protocol="TCP", service_type="LoadBalancer",
            service_cluster_ip="None", service_loadbalancer_ip="127.0.20.7,127.0.20.8"))]


def endpoints(job, shop=None, web=None, not_ready=None, pod=None):
    """shop: labels of all targets in namespace shop; web, not_ready: of one address; pod: of
    what belongs to pod web-1."""
    group = {**WEB_SERVICE, **(shop or {}), **meta(
        namespace="shop", endpoints_name="web", endpoints_label_app="web",
        endpoints_labelpresent_app="true", endpoints_annotation_note="x",
        endpoints_annotationpresent_note="true")}
    port = meta(endpoint_port_name="http", endpoint_port_protocol="TCP")
    web_1 = {**group, **WEB_1, **(pod or {})}
    return [
        base_labels(job, "127.0.10.1:8080", **web_1, **HTTP, **port, **(web or {}), **meta(
            endpoint_ready="true", endpoint_node_name="n1", endpoint_hostname="web-1",
            endpoint_address_target_kind="Pod", endpoint_address_target_name="web-1")),
        base_labels(job, "127.0.10.9:8080", **group, **port, **(not_ready or {}), **meta(
            endpoint_ready="false", endpoint_address_target_kind="Node",
            endpoint_address_target_name="n2")),
        # Ports of the pod which the service does not name.
        base_labels(job, "127.0.10.1:9125", **web_1, **STATSD),
        base_labels(job, "127.0.10.1:9000", **web_1, **BOOT),
        base_labels(job, "[::1]:1", **meta(
            namespace="data", endpoints_name="lonely", endpoint_port_protocol="UDP",
            endpoint_ready="true"))]


def slices(job, shop=None, web=None, pod=None):
    S = "endpointslice_"
    group = {**WEB_SERVICE, **(shop or {}), **meta(**{
        "namespace": "shop", S + "name": "web-abc", S + "address_type": "IPv4",
        S + "annotation_note": "y", S + "annotationpresent_note": "true",
        S + "label_kubernetes_io_service_name": "web",
        S + "labelpresent_kubernetes_io_service_name": "true"})}
    port = meta(**{S + "port": "8080", S + "port_name": "http", S + "port_protocol": "TCP",
                   S + "port_app_protocol": "http"})
    web_1 = {**group, **WEB_1, **(pod or {})}
    found = [
        base_labels(job, "127.0.10.1:8080", **web_1, **HTTP, **port, **(web or {}), **meta(**{
            S + "endpoint_conditions_ready": "true", S + "endpoint_conditions_serving": "true",
            S + "endpoint_conditions_terminating": "false", S + "endpoint_hostname": "web-1",
            S + "endpoint_node_name": "n1", S + "endpoint_zone": "a",
            S + "address_target_kind": "Pod", S + "address_target_name": "web-1",
            S + "endpoint_topology_topology_example_rack": "r1",
            S + "endpoint_topology_present_topology_example_rack": "true"})),
        base_labels(job, "127.0.10.1:9125", **web_1, **STATSD),
        base_labels(job, "127.0.10.1:9000", **web_1, **BOOT),
        base_labels(job, "ext.invalid", **meta(**{
            "namespace": "data", S + "name": "manual", S + "address_type": "FQDN",
            S + "port_protocol": "TCP"}))]
    return found + [
        base_labels(job, f"{ip}:8080", **group, **port, **meta(**{
            S + "endpoint_conditions_ready": "false"})) for ip in ("127.0.10.8", "127.0.10.9")]


def ingresses(job, shop=None):
    group = {**(shop or {}), **meta(
        namespace="shop", ingress_name="front", ingress_label_app="web",
        ingress_labelpresent_app="true", ingress_annotation_nginx_ingress_rewrite="/",
        ingress_annotationpresent_nginx_ingress_rewrite="true", ingress_class_name="nginx")}

    def one(host, path, scheme):
        labels = base_labels(job, host, **group, **meta(
            ingress_host=host, ingress_path=path, ingress_scheme=scheme))
        return {k: v for k, v in labels.items() if v}

    return [one("a.shop.invalid", "/cart", "https"), one("a.shop.invalid", "/", "https"),
            one("a.b.shop.invalid", "/", "http"), one("", "/any", "http")]


# ---------------------------------------------------------------------------------- an older server

NEWER_THAN_242 = [K + pattern for pattern in (
    r"node_condition_.*", r"namespace_(label|annotation).*",
    r"endpoints_(annotation|annotationpresent)_.*",
    r"endpointslice_(label|labelpresent|annotation|annotationpresent)_.*",
    r"endpointslice_endpoint_(zone|node_name)")]


def as_in_242(job, expected):
    """The targets of a job (its name begins with the role) as Prometheus 2.42 has them."""
    newer = list(NEWER_THAN_242)
    role, _, variant = job.partition("-")
    if variant == "node":
        newer.append(K + r"node_(annotation|annotationpresent)_.*")
    if role in ("endpoints", "endpointslice"):
        # Ports of init containers came later, and with them the label.
        expected = [t for t in expected if t.get(K + "pod_container_init") != "true"]
        newer.append(K + "pod_container_init")
    found = [{k: v for k, v in t.items() if not any(re.fullmatch(p, k) for p in newer)}
             for t in expected]
    for labels in found:
        if K + "service_loadbalancer_ip" in labels:  # what was asked for, not what there is
            labels[K + "service_loadbalancer_ip"] = "127.0.20.9"
        if labels.get(K + "endpoint_address_target_kind") == "Node":
            for name in NODE_2:
                labels.pop(name, None)
    if job == "pod-node":  # a pod whose node is not there was kept
        found.append(pods(job, report={})[-1])
    if role == "endpointslice":  # the second family of a dual-stack service was kept
        found.append(base_labels(job, "[::1]:8080", **WEB_SERVICE, **meta(
            namespace="shop", endpointslice_name="web-v6", endpointslice_address_type="IPv6",
            endpointslice_port="8080", endpointslice_port_name="http",
            endpointslice_port_protocol="TCP", endpointslice_endpoint_conditions_ready="true")))
    return found
