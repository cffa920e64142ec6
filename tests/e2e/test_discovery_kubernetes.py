"""kubernetes_sd_configs against a fake API server."""
import base64
import itertools
import json
import pathlib
import tempfile
import unittest

import discovery
import fake_kubernetes
import harness
from discovery import DROP, sd_config
from kubernetes_cluster import (
    CLUSTER, NODE_1, NODE_2, NODES, PODS, SERVICES, SHOP, WEB_REF, WEB_SERVICE, K, as_in_242,
    endpoints, ingresses, meta, nodes, pods, services, slices)


# ----------------------------------------------------------------------------------------- helpers

def sd(api, role, *more):
    """One entry of kubernetes_sd_configs."""
    return "{" + ", ".join([f"role: {role}", f"api_server: '{api.url}'", *more]) + "}"


def small_pod(name, ip="127.0.10.50", namespace="default", labels=None, node="n1",
              phase="Running"):
    return {"kind": "Pod", "metadata": {"name": name, "namespace": namespace,
                                        "labels": labels or {}},
            "spec": {"nodeName": node, "containers": [
                {"name": "c", "image": "i", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]},
            "status": {"phase": phase, "podIP": ip, "hostIP": "127.0.1.1"}}


@unittest.skipUnless(discovery.reference_knows("kubernetes.(*Discovery).Run"),
                     "the reference is built without Kubernetes")
class KubernetesCase(discovery.Case):
    def start(self, *jobs, files=None, interval="1s"):
        config = sd_config(*jobs, interval=interval)
        return self.enterContext(discovery.start_server(config, files))

    def names(self, server, job="pods"):
        return sorted(t[K + "pod_name"] for t in self.discovered(server, job))

    def expect_names(self, server, *names, job="pods", deadline=harness.DEADLINE_SECONDS):
        def check():
            self.assertEqual(self.names(server, job), sorted(names))
            return True
        harness.wait_until(check, "names of the pods", deadline, interval=0.1)

    def expect_failures(self, server, api, path, by=2):
        """Waits until requests have failed `by` times more, and the server says so."""
        since = len(api.requests)
        if not discovery.REFERENCE:
            self.expect_growth(server, "prometheus_sd_kubernetes_failures_total", by)
        harness.wait_until(lambda: api.count(path, since) >= by, f"more requests for {path}",
                           discovery.PATIENT_SECONDS)


# ------------------------------------------------------------------------------------------- tests

class Labels(KubernetesCase):
    """The exact labels before relabelling, for every role and option."""

    @classmethod
    def setUpClass(cls):
        cls.api = api = cls.enterClassContext(fake_kubernetes.FakeKubernetes(*CLUSTER))
        node = "attach_metadata: {node: true}"
        jobs = [
            ("node", "kubernetes", sd(api, "node"), DROP),
            ("pod", "kubernetes", sd(api, "pod"), DROP),
            ("pod-node", "kubernetes", sd(api, "pod", node), DROP),
            ("service", "kubernetes", sd(api, "service"), DROP),
            ("endpoints", "kubernetes", sd(api, "endpoints"), DROP),
            ("endpoints-node", "kubernetes", sd(api, "endpoints", node), DROP),
            ("endpointslice", "kubernetes", sd(api, "endpointslice"), DROP),
            ("endpointslice-node", "kubernetes", sd(api, "endpointslice", node), DROP),
            ("ingress", "kubernetes", sd(api, "ingress"), DROP),
            ("pod-shop", "kubernetes", sd(api, "pod", "namespaces: {names: [shop]}"), DROP),
            ("pod-both", "kubernetes", sd(api, "pod", "namespaces: {names: [shop, data]}"), DROP),
            ("pod-label", "kubernetes", sd(api, "pod", "selectors: [{role: pod, "
                                          "label: 'app in (web, x), !other'}]"), DROP),
            ("pod-field", "kubernetes", sd(api, "pod", "selectors: [{role: pod, "
                                          "field: 'spec.nodeName=n2'}]"), DROP),
            ("endpoints-service", "kubernetes", sd(api, "endpoints", "selectors: [{role: service, "
                                            "label: 'app=none'}, {role: pod, label: 'app=web'}, "
                                            "{role: endpoints, label: 'app=web'}]"), DROP)]
        if not discovery.REFERENCE:
            space = "attach_metadata: {namespace: true}"
            owners = "attach_metadata: {deployment: true, job: true, cronjob: true}"
            jobs += [(f"{role}-{name}", "kubernetes", sd(api, role, attach), DROP)
                     for name, attach in (("namespace", space), ("owners", owners))
                     for role in ("pod", "endpoints", "endpointslice")]
            jobs += [(f"{role}-namespace", "kubernetes", sd(api, role, space), DROP)
                     for role in ("service", "ingress")]
        cls.server = cls.enterClassContext(discovery.start_server(sd_config(*jobs)))

    def check(self, job, expected):
        if discovery.REFERENCE:
            expected = as_in_242(job, expected)
        self.expect(self.server, job, expected)
        self.expect_discovered_count(self.server, job, len(expected))

    def test_node(self):
        self.check("node", nodes("node"))

    def test_pod(self):
        self.check("pod", pods("pod", db={}, report={}))

    def test_pod_with_its_node(self):
        # The node of the report is not there, so the pod is left out.
        self.check("pod-node", pods("pod-node", NODE_1, NODE_2))

    def test_service(self):
        self.check("service", services("service"))

    def test_endpoints(self):
        self.check("endpoints", endpoints("endpoints"))

    def test_endpoints_with_their_node(self):
        self.check("endpoints-node", endpoints("endpoints-node", web=NODE_1, not_ready=NODE_2))

    def test_endpointslice(self):
        self.check("endpointslice", slices("endpointslice"))

    def test_endpointslice_with_their_node(self):
        self.check("endpointslice-node", slices("endpointslice-node", web=NODE_1))

    def test_ingress(self):
        self.check("ingress", ingresses("ingress"))

    def test_of_some_namespaces(self):
        self.check("pod-shop", pods("pod-shop"))
        self.check("pod-both", pods("pod-both", db={}, report={}))
        self.assertGreater(self.api.count("/api/v1/namespaces/data/pods"), 0)

    def test_selectors(self):
        self.check("pod-label", pods("pod-label"))
        self.check("pod-field", [p for p in pods("pod-field", db={})
                                 if p[K + "namespace"] == "data"])
        # The service is not selected, so its labels are missing; the pod is.
        expected = [{k: v for k, v in target.items() if k not in WEB_SERVICE}
                    for target in endpoints("endpoints-service")
                    if target[K + "namespace"] == "shop"]
        self.check("endpoints-service", expected)

    @unittest.skipIf(discovery.REFERENCE, "newer than 2.42")
    def test_with_labels_of_the_namespace(self):
        self.check("pod-namespace", pods("pod-namespace", SHOP, {}, {}))
        self.check("service-namespace", services("service-namespace", SHOP))
        self.check("endpoints-namespace", endpoints("endpoints-namespace", SHOP))
        self.check("endpointslice-namespace", slices("endpointslice-namespace", SHOP))
        self.check("ingress-namespace", ingresses("ingress-namespace", SHOP))

    @unittest.skipIf(discovery.REFERENCE, "newer than 2.42")
    def test_with_deployment_and_cron_job(self):
        deployment = meta(pod_deployment_name="web")
        self.check("pod-owners", pods("pod-owners", deployment, {}, meta(
            pod_job_name="report-281", pod_cronjob_name="report")))
        self.check("endpoints-owners", endpoints("endpoints-owners", pod=deployment))
        self.check("endpointslice-owners", slices("endpointslice-owners", pod=deployment))


class Changes(KubernetesCase):
    """What happens in the cluster reaches the targets."""

    def setUp(self):
        self.api = self.enterContext(fake_kubernetes.FakeKubernetes(
            *NODES, small_pod("a"), bookmark_seconds=0.2, piece_bytes=37))

    def test_added_modified_deleted(self):
        server = self.start(("pods", "kubernetes", sd(self.api, "pod"), DROP))
        self.expect_names(server, "a")
        self.api.put(small_pod("b"))
        self.expect_names(server, "a", "b")
        self.api.change("Pod", "a", "default", status={"podIP": "127.0.10.51"},
                        metadata={"labels": {"new": "label"}})
        harness.wait_until(lambda: any(
            t["__address__"] == "127.0.10.51:80" and t.get(K + "pod_label_new") == "label"
            for t in self.discovered(server, "pods")), "the change of pod a")
        self.api.delete("Pod", "b", "default")
        self.expect_names(server, "a")
        self.expect_discovered_count(server, "pods", 1)
        self.api.delete("Pod", "a", "default")
        self.expect_names(server)
        self.expect_discovered_count(server, "pods", 0)
        # All of it came over the watch.
        self.assertEqual(self.api.count("/api/v1/pods", watch=None), 1)

    def test_events_are_counted(self):
        server = self.start(("pods", "kubernetes", sd(self.api, "pod"), DROP))
        self.expect_names(server, "a")
        self.api.change("Pod", "a", "default", metadata={"labels": {"x": "y"}})
        self.api.put(small_pod("b"))
        self.expect_names(server, "a", "b")
        self.api.delete("Pod", "b", "default")
        self.expect_names(server, "a")
        for event, count in (("add", 2), ("update", 1), ("delete", 1)):
            self.assertEqual(server.metric("prometheus_sd_kubernetes_events_total",
                                         role="pod", event=event), count, event)

    def test_it_begins_and_ends_to_match_a_selector(self):
        server = self.start(("pods", "kubernetes", sd(
            self.api, "pod", "selectors: [{role: pod, label: 'app=web', "
                             "field: 'status.phase=Running'}]"), DROP))
        self.api.put(small_pod("b", labels={"app": "web"}))
        self.expect_names(server, "b")
        self.api.change("Pod", "a", "default", metadata={"labels": {"app": "web"}})
        self.expect_names(server, "a", "b")
        self.api.change("Pod", "b", "default", status={"phase": "Succeeded"})
        self.expect_names(server, "a")

    def test_parts_of_endpoints_come_and_go(self):
        ready = {"addresses": [{"ip": "127.0.10.1", "nodeName": "n1", "targetRef": WEB_REF}],
                 "ports": [{"port": 8080, "protocol": "TCP"}]}
        self.api.put({"kind": "Endpoints", "metadata": {"name": "web", "namespace": "shop"},
                      "subsets": [ready]})
        server = self.start(("endpoints", "kubernetes", sd(
            self.api, "endpoints", "attach_metadata: {node: true}"), DROP))

        def first():
            return next((t for t in self.discovered(server, "endpoints")
                         if t["__address__"] == "127.0.10.1:8080"), {})

        harness.wait_until(first, "the endpoint")
        self.assertNotIn(K + "pod_name", first())
        self.assertEqual(first()[K + "node_name"], "n1")
        # A service gives its labels as soon as it is there; likewise a changed node.
        self.api.put(SERVICES[0])
        harness.wait_until(lambda: first().get(K + "service_name") == "web",
                           "labels of the service")
        self.api.change("Node", "n1", metadata={"labels": {"zone": "z"}})
        harness.wait_until(lambda: first().get(K + "node_label_zone") == "z", "labels of the node")
        # The pod's labels come with the next change of the endpoints after it is known.
        self.api.put(PODS[0])
        changes = itertools.count()

        def has_the_pod():
            self.api.change("Endpoints", "web", "shop", metadata={
                "annotations": {"change": str(next(changes))}})
            return first().get(K + "pod_name") == "web-1"

        harness.wait_until(has_the_pod, "labels of the pod", interval=1)
        of_init = [] if discovery.REFERENCE else ["127.0.10.1:9000"]
        self.expect_addresses(server, "endpoints",
                              ["127.0.10.1:8080", "127.0.10.1:9125", *of_init])
        if not discovery.REFERENCE:  # newer than 2.42
            self.api.change("Pod", "web-1", "shop", status={"phase": "Failed"})
            harness.wait_until(lambda: first().get(K + "pod_phase") == "Failed", "the pod's phase")
        self.api.delete("Service", "web", "shop")
        harness.wait_until(lambda: K + "service_name" not in first(), "no labels of the service")
        self.api.delete("Endpoints", "web", "shop")
        self.expect_addresses(server, "endpoints", [])

    def test_the_known_relabelling_scrapes(self):
        """Annotations prometheus.io/scrape, path and port, as in the published example."""
        page = self.enterContext(harness.PageServer({"/own": "own_metric 42\n"}))
        server = self.start(("pods", "kubernetes", sd(self.api, "pod"), RELABELLING))
        one = small_pod("scraped", ip="127.0.0.1", labels={"app": "web"})
        one["metadata"]["annotations"] = {
            "prometheus.io/scrape": "true", "prometheus.io/path": "/own",
            "prometheus.io/port": str(page.port)}
        self.api.put(one)
        labels = {"app": "web", "namespace": "default", "pod": "scraped", "job": "pods",
                  "instance": page.address}
        harness.wait_until(lambda: [s["metric"] for s in server.query("own_metric")]
                           == [{"__name__": "own_metric", **labels}], "the page is scraped")
        data = server.api("targets", state="any")
        self.assertEqual([t["labels"] for t in data["activeTargets"]], [labels])
        self.assertEqual([t["discoveredLabels"][K + "pod_name"] for t in data["droppedTargets"]],
                         ["a"])
        self.api.delete("Pod", "scraped", "default")
        harness.wait_until(lambda: server.api("targets")["activeTargets"] == [], "it is gone")
        # Its series end at once.
        harness.wait_until(lambda: server.query("own_metric") == [], "the series is stale")


RELABELLING = """relabel_configs:
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
        action: keep
        regex: true
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
        action: replace
        target_label: __metrics_path__
        regex: (.+)
      - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
        action: replace
        regex: ([^:]+)(?::\\d+)?;(\\d+)
        replacement: $1:$2
        target_label: __address__
      - action: labelmap
        regex: __meta_kubernetes_pod_label_(.+)
      - source_labels: [__meta_kubernetes_namespace]
        action: replace
        target_label: namespace
      - source_labels: [__meta_kubernetes_pod_name]
        action: replace
        target_label: pod"""


class Interruptions(KubernetesCase):
    """Watches that break, versions that are gone, servers that fail."""

    def begin(self, **options):
        self.api = self.enterContext(fake_kubernetes.FakeKubernetes(
            small_pod("a"), small_pod("b"), **options))
        server = self.start(("pods", "kubernetes", sd(self.api, "pod"), DROP))
        self.expect_names(server, "a", "b")
        harness.wait_until(lambda: self.api.watching("pods"), "a watch of pods")
        return server

    def test_a_watch_is_cut_and_goes_on(self):
        server = self.begin(bookmark_seconds=0.1)
        for number, interrupt in enumerate((self.api.cut_watches, self.api.end_watches)):
            since = len(self.api.requests)
            interrupt()
            self.api.delete("Pod", "b", "default")
            self.api.put(small_pod(f"c{number}"))
            self.expect_names(server, "a", *[f"c{n}" for n in range(number + 1)],
                              deadline=discovery.PATIENT_SECONDS)
            harness.wait_until(lambda s=since: self.api.count("/api/v1/pods", s, watch="true"),
                               "a new watch")
            self.api.put(small_pod("b"))
            self.expect_names(server, "a", "b", *[f"c{n}" for n in range(number + 1)])

    def forgotten(self, server):
        """The watch breaks, and its version is gone before it comes again."""
        with self.api.changed:
            self.api.cut_watches()
            self.api.delete("Pod", "a", "default")
            self.api.put(small_pod("c"))
            self.api.change("Pod", "b", "default", status={"podIP": "127.0.10.77"})
            self.api.compact()
        self.expect_names(server, "b", "c", deadline=discovery.PATIENT_SECONDS)
        self.expect_addresses(server, "pods", ["127.0.10.50:80", "127.0.10.77:80"])
        self.api.delete("Pod", "b", "default")
        self.expect_names(server, "c", deadline=discovery.PATIENT_SECONDS)

    def test_gone_as_an_event(self):
        self.forgotten(self.begin())

    def test_gone_as_a_status(self):
        self.forgotten(self.begin(gone_as_status=True))

    def test_gone_in_the_middle_of_a_stream(self):
        server = self.begin()
        with self.api.changed:
            self.api.expire_watches()
            self.api.compact()
        harness.wait_until(lambda: not self.api.watching() or self.api.count(
            "/api/v1/pods", watch="true") > 1, "the watch is over", discovery.PATIENT_SECONDS)
        self.api.put(small_pod("c"))
        self.expect_names(server, "a", "b", "c", deadline=discovery.PATIENT_SECONDS)

    def keeps_targets(self, server, fail, repair):
        fail()
        self.api.put(small_pod("c"))
        self.expect_failures(server, self.api, "/api/v1/pods")
        self.assertEqual(self.names(server), ["a", "b"])
        self.api.delete("Pod", "a", "default")
        repair()
        self.expect_names(server, "b", "c", deadline=discovery.PATIENT_SECONDS)

    def test_errors_keep_the_last_targets(self):
        server = self.begin()
        for code in (500, 503):
            with self.subTest(code):
                self.keeps_targets(server, lambda c=code: setattr(self.api, "failing", c),
                                   lambda: setattr(self.api, "failing", None))
                self.api.put(small_pod("a"))
                self.api.delete("Pod", "c", "default")
                self.expect_names(server, "a", "b", deadline=discovery.PATIENT_SECONDS)

    def test_an_absent_server_keeps_the_last_targets(self):
        server = self.begin()
        self.api.stop()
        self.api.put(small_pod("c"))
        self.api.delete("Pod", "b", "default")
        if not discovery.REFERENCE:  # which is silent while the connection of a watch is refused
            self.expect_growth(server, "prometheus_sd_kubernetes_failures_total")
        self.assertEqual(self.names(server), ["a", "b"])
        self.api.start()
        self.expect_names(server, "a", "c", deadline=discovery.PATIENT_SECONDS)

    def test_absent_at_the_start(self):
        api = fake_kubernetes.FakeKubernetes(small_pod("a"))
        server = self.start(("pods", "kubernetes", sd(api, "pod"), DROP))
        if not discovery.REFERENCE:
            self.expect_growth(server, "prometheus_sd_kubernetes_failures_total")
        self.assertEqual(self.names(server), [])
        self.enterContext(api)
        self.expect_names(server, "a", deadline=discovery.PATIENT_SECONDS)

    def test_one_forbidden_resource(self):
        """Without the right to list nodes, nothing of the nodes' labels can be known."""
        api = self.enterContext(fake_kubernetes.FakeKubernetes(*NODES, small_pod("a")))
        api.forbidden.add("nodes")
        server = self.start(
            ("pods", "kubernetes", sd(api, "pod"), DROP),
            ("nodes", "kubernetes", sd(api, "node"), DROP),
            ("both", "kubernetes", sd(api, "pod", "attach_metadata: {node: true}"), DROP))
        self.expect_names(server, "a")
        self.expect_failures(server, api, "/api/v1/nodes")
        self.assertEqual(self.discovered(server, "nodes"), [])
        self.assertEqual(self.discovered(server, "both"), [])
        api.forbidden.clear()
        self.expect_names(server, "a", job="both", deadline=discovery.PATIENT_SECONDS)
        self.expect_addresses(server, "nodes", ["127.0.1.1:10250", "n2.local:0"],
                              discovery.PATIENT_SECONDS)


class Size(KubernetesCase):
    """Large lists: pages, compression."""

    def test_many_pods_in_pages(self):
        for cache in (True, False):
            with self.subTest(watch_cache=cache):
                names = [f"p{number:04}" for number in range(1201)]
                api = self.enterContext(fake_kubernetes.FakeKubernetes(
                    *[small_pod(name, labels={"long": "x" * 60}) for name in names],
                    watch_cache=cache))
                server = self.start(("pods", "kubernetes", sd(api, "pod"), DROP))
                self.expect_names(server, *names)
                api.delete("Pod", "p0007", "default")
                names.remove("p0007")
                self.expect_names(server, *names)
                self.expect_discovered_count(server, "pods", 1200)


class Access(KubernetesCase):
    """TLS, tokens, kubeconfig."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.certificates = discovery.Certificates(cls.folder)

    def test_a_token_from_a_file_which_changes(self):
        api = self.enterContext(fake_kubernetes.FakeKubernetes(small_pod("a"), token="right"))
        server = self.start(("pods", "kubernetes", sd(
            api, "pod", "authorization: {credentials_file: token}"), DROP),
            files={"token": "wrong"})
        self.expect_failures(server, api, "/api/v1/pods")
        self.assertEqual(self.discovered(server, "pods"), [])
        (server.scratch / "token").write_text("right\n")
        self.expect_names(server, "a", deadline=discovery.PATIENT_SECONDS)

    def test_tls_with_a_token(self):
        api = self.enterContext(fake_kubernetes.FakeKubernetes(
            small_pod("a"), certificates=self.certificates, token="abc"))
        token = "authorization: {credentials: abc}"
        server = self.start(
            ("pods", "kubernetes", sd(
                api, "pod", token, f"tls_config: {{ca_file: '{self.certificates.ca}'}}"), DROP),
            ("trusting", "kubernetes", sd(
                api, "pod", token, "tls_config: {insecure_skip_verify: true}"), DROP),
            ("unknown-ca", "kubernetes", sd(api, "pod", token), DROP))
        self.expect_names(server, "a")
        self.expect_names(server, "a", job="trusting")
        api.put(small_pod("b"))
        self.expect_names(server, "a", "b")
        if not discovery.REFERENCE:
            self.expect_growth(server, "prometheus_sd_kubernetes_failures_total")
        self.assertEqual(self.discovered(server, "unknown-ca"), [])

    def test_client_certificate(self):
        api = self.enterContext(fake_kubernetes.FakeKubernetes(
            small_pod("a"), certificates=self.certificates, client_certificates=True))
        known = self.certificates
        server = self.start(
            ("pods", "kubernetes", sd(
                api, "pod", f"tls_config: {{ca_file: '{known.ca}', cert_file: '{known.client}', "
                            f"key_file: '{known.client_key}'}}"), DROP),
            ("without", "kubernetes", sd(
                api, "pod", f"tls_config: {{ca_file: '{known.ca}'}}"), DROP))
        self.expect_names(server, "a")
        self.assertEqual(self.discovered(server, "without"), [])

    def kubeconfig(self, api, user, inline):
        known = self.certificates

        def of(name, path):
            return ({f"{name}-data": base64.b64encode(path.read_bytes()).decode()} if inline
                    else {name: str(path)})

        if user == "certificate":
            user = {**of("client-certificate", known.client), **of("client-key", known.client_key)}
        return json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "this",
            "contexts": [{"name": "other", "context": {"cluster": "none", "user": "none"}},
                         {"name": "this", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {
                "server": api.url, **of("certificate-authority", known.ca)}}],
            "users": [{"name": "u", "user": user}]})

    def test_kubeconfig_file(self):
        by_token = self.enterContext(fake_kubernetes.FakeKubernetes(
            small_pod("a"), certificates=self.certificates, token="of-the-user"))
        by_certificate = self.enterContext(fake_kubernetes.FakeKubernetes(
            small_pod("b"), certificates=self.certificates, client_certificates=True))
        server = self.start(
            ("token", "kubernetes", "{role: pod, kubeconfig_file: token.yml}", DROP),
            ("files", "kubernetes", "{role: pod, kubeconfig_file: files.yml}", DROP),
            ("data", "kubernetes", "{role: pod, kubeconfig_file: data.yml}", DROP),
            files={"token.yml": self.kubeconfig(by_token, {"token": "of-the-user"}, True),
                   "files.yml": self.kubeconfig(by_certificate, "certificate", False),
                   "data.yml": self.kubeconfig(by_certificate, "certificate", True)})
        self.expect_names(server, "a", job="token")
        self.expect_names(server, "b", job="files")
        self.expect_names(server, "b", job="data")

    def test_outside_of_a_cluster(self):
        """Without api_server it runs in a pod, and here it does not; other jobs go on."""
        api = self.enterContext(fake_kubernetes.FakeKubernetes(small_pod("a")))
        server = self.start(("inside", "kubernetes", "{role: pod}", DROP),
                            ("no-file", "kubernetes", "{role: pod, kubeconfig_file: absent}", DROP),
                            ("pods", "kubernetes", sd(api, "pod"), DROP))
        self.expect_names(server, "a")
        self.assertEqual(server.metric("prometheus_sd_failed_configs", name="scrape"), 2)
        self.assertEqual(self.discovered(server, "inside"), [])


if __name__ == "__main__":
    unittest.main()
