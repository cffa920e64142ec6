"""consul_sd_configs against a fake of Consul's API."""
import pathlib
import tempfile
import unittest

import discovery
import fake_consul
import harness
from discovery import DROP, base_labels, sd_config

C = "__meta_consul_"


def sd(consul, *more):
    """One entry of consul_sd_configs."""
    return "{" + ", ".join([f"server: '{consul.address}'", "refresh_interval: 500ms", *more]) + "}"


def target(job, address, service, node, id_=None, tags=",,", port="80", **more):
    """Labels before relabelling of an instance; those without a value are not there."""
    labels = {"address": node[1], "node": node[0], "service": service, "service_id": id_ or service,
              "service_port": port, "tags": tags, "dc": "dc1", "health": "passing",
              "tagged_address_lan": node[1], "tagged_address_lan_ipv4": node[1],
              "tagged_address_wan": node[1], "tagged_address_wan_ipv4": node[1], **more}
    return base_labels(job, address, **{C + k: v for k, v in labels.items() if v})


N1, N2 = ("n1", "127.0.2.1"), ("n2", "127.0.2.2")


@unittest.skipUnless(discovery.reference_knows("consul.(*Discovery).Run"),
                     "the reference is built without Consul")
class ConsulCase(discovery.Case):
    def start(self, *jobs, files=None):
        return self.enterContext(discovery.start_server(sd_config(*jobs), files))

    def consul(self, **options):
        consul = self.enterContext(fake_consul.FakeConsul(**options))
        consul.node(*N1)
        return consul


class Labels(ConsulCase):
    """The exact labels before relabelling, for every option."""

    @classmethod
    def setUpClass(cls):
        cls.consul = consul = cls.enterClassContext(fake_consul.FakeConsul())
        consul.node(*N1, meta={"rack": "a", "os-name": "linux"})
        consul.node(*N2, meta={"rack": "b"}, tagged={"lan": "127.0.2.2", "public-ip": "::1"})
        consul.node("far", "127.0.2.7", dc="dc2")
        consul.service("n1", "web", 80, tags=["v1", "blue"], meta={"team.name": "shop"})
        consul.service("n2", "web", 81, "127.0.2.99", ["v1"], id_="web-2")
        consul.service("n2", "web", 82, "::1", ["v2"], id_="web-3")
        consul.service("n1", "db")
        consul.service("far", "web", 80, dc="dc2")
        consul.check("n1", "", "passing", "serfHealth")
        consul.check("n1", "web", "warning", "slow")
        consul.check("n1", "web", "passing", "alive")
        consul.check("n2", "web-2", "critical", "alive")
        consul.check("n2", "web-2", "warning", "slow")
        consul.check("n2", "web-3", "critical", "_service_maintenance:web-3")
        jobs = [
            ("all", "consul", sd(consul), DROP),
            ("web", "consul", sd(consul, "services: [web, absent]"), DROP),
            ("tagged", "consul", sd(consul, "tags: [v1, blue]", "tag_separator: ';'"), DROP),
            ("web-v1", "consul", sd(consul, "services: [web]", "tags: [v1]",
                                    "allow_stale: false"), DROP),
            ("rack-b", "consul", sd(consul, "node_meta: {rack: b}"), DROP),
            ("dc2", "consul", sd(consul, "datacenter: dc2"), DROP)]
        if not discovery.REFERENCE:
            jobs += [
                ("filter", "consul", sd(consul, "filter: 'ServiceName == db'"), DROP),
                ("health", "consul", sd(consul, "services: [web]", "health_filter: "
                                        "'\"v2\" in Service.Tags or Node.Meta.rack == a'"), DROP)]
        cls.server = cls.enterClassContext(discovery.start_server(sd_config(*jobs)))

    @staticmethod
    def web(job, tags="{}", **more):
        """The three instances of web; tags: the separator around {}."""
        def joined(*names):
            separator = tags.replace("{}", ",")[:1]
            return separator + separator.join(names) + separator

        meta = {"metadata_rack": "a", "metadata_os_name": "linux"}
        second = {"metadata_rack": "b", "tagged_address_lan": "127.0.2.2",
                  "tagged_address_public_ip": "::1", "tagged_address_lan_ipv4": "",
                  "tagged_address_wan": "", "tagged_address_wan_ipv4": ""}
        return [
            target(job, "127.0.2.1:80", "web", N1, tags=joined("v1", "blue"), health="warning",
                   service_metadata_team_name="shop", **meta, **more),
            target(job, "127.0.2.99:81", "web", N2, "web-2", joined("v1"), "81",
                   service_address="127.0.2.99", health="critical", **second, **more),
            target(job, "[::1]:82", "web", N2, "web-3", joined("v2"), "82",
                   service_address="::1", health="maintenance", **second, **more)]

    @staticmethod
    def db(job):
        return target(job, "127.0.2.1:0", "db", N1, port="0", metadata_rack="a",
                      metadata_os_name="linux")

    def check(self, job, expected):
        self.expect(self.server, job, expected)
        self.expect_discovered_count(self.server, job, len(expected))

    def test_all_services(self):
        self.check("all", [*self.web("all"), self.db("all")])

    def test_named_services(self):
        self.check("web", self.web("web"))

    def test_tags(self):
        self.check("tagged", self.web("tagged", ";")[:1])
        self.check("web-v1", self.web("web-v1")[:2])

    def test_metadata_of_nodes(self):
        self.check("rack-b", self.web("rack-b")[1:])
        self.assertGreater(self.consul.count("/v1/health/service/web", **{"node-meta": "rack:b"}),
                           0)

    def test_another_datacenter(self):
        self.check("dc2", [target("dc2", "127.0.2.7:80", "web", ("far", "127.0.2.7"), dc="dc2")])

    @unittest.skipIf(discovery.REFERENCE, "newer than 2.42")
    def test_filters(self):
        self.check("filter", [self.db("filter")])
        first, _, third = self.web("health")
        self.check("health", [first, third])

    def test_how_it_asks(self):
        self.test_all_services()
        self.test_tags()
        with self.consul.changed:
            requests = list(self.consul.requests)
        self.assertGreater(self.consul.count("/v1/agent/self"), 0)
        health = [r for r in requests if r.path == "/v1/health/service/web"]
        # Stale answers are allowed unless the configuration says otherwise.
        self.assertEqual({("stale" in r.query) for r in health}, {True, False})
        self.assertIn(["v1"], [r.query.get("tag") for r in health if "stale" not in r.query])
        # After the first answer it waits for changes.
        harness.wait_until(lambda: self.consul.count("/v1/catalog/services", wait="120000ms"),
                           "a blocking query")
        self.assertTrue(any(int(r.one("index", "0")) > 0 for r in self.consul.requests))


class Changes(ConsulCase):
    """What happens in the catalog reaches the targets."""

    def test_services_come_change_and_go(self):
        consul = self.consul()
        consul.service("n1", "web", 80)
        server = self.start(("all", "consul", sd(consul), DROP),
                            ("web", "consul", sd(consul, "services: [web]"), DROP))

        def expect(*web, rest=()):
            for job in ("all", "web"):
                self.expect(server, job, [target(job, *one[0], **one[1]) for one in web]
                            + [target("all", *one[0], **one[1]) for one in rest if job == "all"])

        first = (("127.0.2.1:80", "web", N1), {})
        expect(first)
        consul.service("n1", "web", 81, id_="web-2")
        second = (("127.0.2.1:81", "web", N1, "web-2"), {"port": "81"})
        expect(first, second)
        consul.service("n1", "db", 5432)
        db = (("127.0.2.1:5432", "db", N1), {"port": "5432"})
        expect(first, second, rest=[db])
        self.expect_discovered_count(server, "all", 3)
        consul.check("n1", "web", "critical")
        failed = (first[0], {"health": "critical"})
        expect(failed, second, rest=[db])
        consul.service("n1", "web", 80, tags=["new"])
        tagged = (first[0], {"health": "critical", "tags": ",new,"})
        expect(tagged, second, rest=[db])
        consul.remove("n1", "web")
        expect(second, rest=[db])
        consul.remove("n1", "web-2")
        expect(rest=[db])
        consul.service("n1", "web", 83)
        expect((("127.0.2.1:83", "web", N1), {"port": "83"}), rest=[db])
        consul.remove("n1", "web")
        consul.remove("n1", "db")
        expect()
        self.expect_discovered_count(server, "all", 0)

    def test_active_targets(self):
        consul = self.consul()
        page = self.enterContext(harness.PageServer({"/metrics": "consul_page 1\n"}))
        consul.service("n1", "web", page.port, "127.0.0.1", tags=["x"])
        server = self.start(("all", "consul", sd(consul), """relabel_configs:
      - {source_labels: [__meta_consul_tags], regex: '.*,x,.*', action: keep}
      - {source_labels: [__meta_consul_service], target_label: service}"""))
        harness.wait_until(lambda: [s["metric"] for s in server.query("consul_page")] == [{
            "__name__": "consul_page", "instance": page.address, "job": "all", "service": "web"}])


class Interruptions(ConsulCase):
    def test_errors_keep_the_last_targets(self):
        consul = self.consul()
        consul.service("n1", "web", 80)
        server = self.start(("all", "consul", sd(consul), DROP),
                            ("web", "consul", sd(consul, "services: [web]"), DROP))

        def expect(*addresses):
            for job in ("all", "web"):
                self.expect_addresses(server, job, addresses, discovery.PATIENT_SECONDS)

        expect("127.0.2.1:80")

        def break_it():
            consul.failing = 500
            consul.service("n1", "web", 81)  # also wakes up those who wait

        def repair():
            consul.failing = None

        consul.service("n1", "web", 82)
        expect("127.0.2.1:82")
        break_it()
        self.expect_growth(server, "prometheus_sd_consul_rpc_failures_total")
        expect("127.0.2.1:82")
        repair()
        expect("127.0.2.1:81")
        consul.stop()
        consul.service("n1", "web", 83)
        self.expect_growth(server, "prometheus_sd_consul_rpc_failures_total")
        expect("127.0.2.1:81")
        consul.start()
        expect("127.0.2.1:83")

    def test_absent_at_the_start(self):
        consul = fake_consul.FakeConsul()
        consul.node(*N1)
        consul.service("n1", "web", 80)
        server = self.start(("all", "consul", sd(consul), DROP))
        self.expect_growth(server, "prometheus_sd_consul_rpc_failures_total", by=1)
        self.assertEqual(self.discovered(server, "all"), [])
        self.enterContext(consul)
        self.expect_addresses(server, "all", ["127.0.2.1:80"], discovery.PATIENT_SECONDS)


class Access(ConsulCase):
    """Tokens, namespaces, a prefix, TLS."""

    def test_tokens(self):
        consul = self.consul(token="right")
        consul.service("n1", "web", 80)
        server = self.start(
            ("token", "consul", sd(consul, "token: right"), DROP),
            ("bearer", "consul", sd(consul, "authorization: {credentials: right}"), DROP),
            ("wrong", "consul", sd(consul, "token: wrong", "datacenter: dc1"), DROP),
            ("without", "consul", sd(consul, "datacenter: dc1"), DROP))
        self.expect_addresses(server, "token", ["127.0.2.1:80"])
        self.expect_addresses(server, "bearer", ["127.0.2.1:80"])
        self.expect_growth(server, "prometheus_sd_consul_rpc_failures_total", by=1)
        self.assertEqual(self.discovered(server, "wrong"), [])
        harness.wait_until(lambda: any(
            "X-Consul-Token" not in r.headers and "Authorization" not in r.headers
            and r.path == "/v1/catalog/services" for r in consul.requests), "one without a token")
        self.assertEqual(self.discovered(server, "without"), [])

    def test_namespaces_partitions_and_a_prefix(self):
        prefix = "" if discovery.REFERENCE else "/behind/proxy"  # newer than 2.42
        consul = self.consul(prefix=prefix, enterprise=True)
        consul.service("n1", "web", 80)
        consul.service("n1", "web", 81, id_="other", namespace="team", partition="east")
        behind = [f"path_prefix: {prefix}"] if prefix else []
        server = self.start(
            ("default", "consul", sd(consul, *behind), DROP),
            ("team", "consul", sd(consul, "namespace: team", "partition: east", *behind), DROP))
        self.expect(server, "default", [target("default", "127.0.2.1:80", "web", N1,
                                               namespace="default", partition="default")])
        self.expect(server, "team", [target("team", "127.0.2.1:81", "web", N1, "other", port="81",
                                            namespace="team", partition="east")])

    def test_tls_and_basic_auth(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        certificates = discovery.Certificates(folder)
        consul = self.consul(certificates=certificates)
        consul.service("n1", "web", 80)
        server = self.start(("all", "consul", sd(
            consul, "scheme: https", "username: me", "password: secret",
            f"tls_config: {{ca_file: '{certificates.ca}'}}"), DROP))
        self.expect_addresses(server, "all", ["127.0.2.1:80"])
        self.assertEqual({r.headers["Authorization"] for r in consul.requests},
                         {"Basic bWU6c2VjcmV0"})


if __name__ == "__main__":
    unittest.main()
