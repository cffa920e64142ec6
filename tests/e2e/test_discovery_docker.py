"""docker_sd_configs against a fake of the Docker Engine API."""
import hashlib
import json
import pathlib
import tempfile
import unittest

import discovery
import fake_docker
import harness
from discovery import DROP, base_labels, sd_config

D = "__meta_docker_"


def sd(docker, *more):
    """One entry of docker_sd_configs."""
    host = f"unix://{docker.socket_path}" if docker.socket_path else docker.url
    return "{" + ", ".join([f"host: '{host}'", "refresh_interval: 500ms", *more]) + "}"


def target(job, address, container, network="front", network_labels=None, **labels):
    """Labels before relabelling of one port of a container in a network."""
    found = {
        "container_id": f"id-{container}", "container_name": f"/{container}",
        "container_network_mode": network, "container_image": "image:1",
        "container_image_id": "sha256:" + hashlib.sha256(b"image:1").hexdigest(),
        "network_id": f"net-{network}", "network_name": network, "network_scope": "local",
        "network_internal": "false", "network_ingress": "false", **(network_labels or {}),
        **labels}
    if discovery.REFERENCE:  # newer than 2.42
        del found["container_image"], found["container_image_id"]
    return base_labels(job, address, **{D + k: v for k, v in found.items()})


class DockerCase(discovery.Case):
    def start(self, *jobs, files=None):
        return self.enterContext(discovery.start_server(sd_config(*jobs), files))

    def docker(self, **options):
        docker = self.enterContext(fake_docker.FakeDocker(**options))
        docker.network("front", id_="net-front", labels={"tier.of": "web"})
        docker.network("back", id_="net-back", internal=True)
        docker.network("host", id_="net-host", driver="host")
        docker.network("none", id_="net-none", driver="null")
        return docker


FRONT = {"network_label_tier_of": "web"}
BACK = {"network_internal": "true"}


class Labels(DockerCase):
    """The exact labels before relabelling."""

    def expect_all(self, server, job, expected):
        self.expect(server, job, expected)
        self.expect_discovered_count(server, job, len(expected))

    def test_containers_ports_and_networks(self):
        docker = self.docker()

        def put(name, **options):
            docker.container(name, id_=f"id-{name}", **options)

        put("web", networks={"front": "127.0.17.2"}, labels={"com.example/role": "www"}, ports=[
            (80, 8080, "127.0.0.1"), (443,), (53, None, None, "udp")])
        put("worker", networks={"front": "127.0.17.3"})
        put("udp", networks={"front": "127.0.17.4"}, ports=[(53, 5353, "127.0.0.1", "udp")])
        put("two", networks={"front": "127.0.17.5", "back": "127.0.18.5"}, ports=[(9000,)])
        put("agent", networks={"host": ""}, mode="host")
        put("v6", networks={"back": "::1"}, ports=[(81,)])
        put("none", networks={"none": ""}, ports=[(82,)], image="")
        put("web-side", mode="container:id-web", ports=[(90,)])
        put("lost", mode="container:id-absent")
        put("stopped", networks={"front": ""}, state="exited")

        def expected(job, first_network=True, host="localhost", port="80"):
            web = {"container_label_com_example_role": "www", "network_ip": "127.0.17.2", **FRONT}
            found = [
                target(job, "127.0.17.2:80", "web", port_private="80", port_public="8080",
                       port_public_ip="127.0.0.1", **web),
                target(job, "127.0.17.2:443", "web", port_private="443", **web),
                # No TCP port: the port of the configuration.
                target(job, f"127.0.17.3:{port}", "worker", network_ip="127.0.17.3", **FRONT),
                target(job, f"127.0.17.4:{port}", "udp", network_ip="127.0.17.4", **FRONT),
                target(job, "127.0.18.5:9000", "two", "back", BACK, port_private="9000",
                       network_ip="127.0.18.5", container_network_mode="front"),
                target(job, host, "agent", "host")]
            second = target(job, "127.0.17.5:9000", "two", port_private="9000",
                            network_ip="127.0.17.5", **FRONT)
            nameless = target(job, ":82", "none", "none", port_private="82")
            for name in ("container_image", "container_image_id"):
                nameless.pop(D + name, None)
            if not discovery.REFERENCE:
                nameless[D + "container_image_id"] = "sha256:" + hashlib.sha256(b"").hexdigest()
            found.append(nameless)
            if not first_network or discovery.REFERENCE:
                found.append(second)
            if discovery.REFERENCE:  # neither IPv6 addresses nor networks of other containers
                return found + [target(job, ":81", "v6", "back", BACK, port_private="81")]
            return found + [
                target(job, "[::1]:81", "v6", "back", BACK, port_private="81", network_ip="::1"),
                # In the network of another container.
                target(job, "127.0.17.2:90", "web-side", port_private="90",
                       network_ip="127.0.17.2", container_network_mode="container:id-web",
                       **FRONT)]

        jobs = [("all", "docker", sd(docker), DROP),
                ("own", "docker", sd(docker, "port: 9100", "host_networking_host: 127.0.0.9"),
                 DROP)]
        if not discovery.REFERENCE:
            jobs.append(("every", "docker", sd(docker, "match_first_network: false"), DROP))
        server = self.start(*jobs)
        self.expect_all(server, "all", expected("all"))
        self.expect_all(server, "own", expected("own", host="127.0.0.9", port="9100"))
        if not discovery.REFERENCE:
            self.expect_all(server, "every", expected("every", first_network=False))

    def test_filters(self):
        docker = self.docker()
        docker.container("web-1", networks={"front": "127.0.17.2"}, labels={"app": "web"})
        docker.container("web-2", networks={"back": "127.0.18.2"}, labels={"app": "web"})
        docker.container("db", networks={"back": "127.0.18.3"}, labels={"app": "db"})
        docker.container("old", networks={"back": "127.0.18.4"}, labels={"app": "web"},
                         state="exited")
        server = self.start(
            ("name", "docker", sd(docker, "filters: [{name: name, values: [web, db]}]"), DROP),
            ("label", "docker", sd(docker, "filters: [{name: label, values: ['app=web']}, "
                                           "{name: network, values: [back]}]"), DROP),
            ("status", "docker", sd(docker, "filters: [{name: status, values: [exited]}]"), DROP),
            ("wrong", "docker", sd(docker, "filters: [{name: colour, values: [red]}]"), DROP))
        self.expect_addresses(server, "name", ["127.0.17.2:80", "127.0.18.2:80", "127.0.18.3:80"])
        self.expect_addresses(server, "label", ["127.0.18.2:80"])
        self.expect_addresses(server, "status", ["127.0.18.4:80"])
        self.expect_refresh_failures(server, "wrong")
        self.assertEqual(self.discovered(server, "wrong"), [])
        # Networks are always asked for without these filters.
        self.assertEqual({r.one("filters", "{}") or "{}" for r in docker.requests
                          if r.path.endswith("/networks")} - {"{}"}, set())
        asked = [json.loads(r.one("filters")) for r in docker.requests if "name" in r.one("filters")
                 and r.path.endswith("/containers/json")]
        self.assertEqual({tuple(sorted(f["name"])) for f in asked}, {("db", "web")})


class Changes(DockerCase):
    def changes(self, docker):
        docker.container("a", networks={"front": "127.0.17.2"}, ports=[(80,)])
        server = self.start(("all", "docker", sd(docker), DROP))
        self.expect_addresses(server, "all", ["127.0.17.2:80"])
        docker.container("b", networks={"front": "127.0.17.3"}, ports=[(80,)])
        self.expect_addresses(server, "all", ["127.0.17.2:80", "127.0.17.3:80"])
        docker.container("a", networks={"front": "127.0.17.9"}, ports=[(80,), (81,)])
        docker.remove("b")
        self.expect_addresses(server, "all", ["127.0.17.9:80", "127.0.17.9:81"])
        docker.failing = 500
        docker.remove("a")
        self.expect_refresh_failures(server, "all")
        self.expect_addresses(server, "all", ["127.0.17.9:80", "127.0.17.9:81"])
        docker.failing = None
        self.expect_addresses(server, "all", [])
        docker.container("c", networks={"front": "127.0.17.4"})
        self.expect_addresses(server, "all", ["127.0.17.4:80"])
        docker.stop()
        docker.remove("c")
        self.expect_refresh_failures(server, "all")
        self.expect_addresses(server, "all", ["127.0.17.4:80"])
        docker.start()
        self.expect_addresses(server, "all", [])

    def test_over_tcp(self):
        self.changes(self.docker())

    def test_over_a_unix_socket(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.changes(self.docker(socket_path=folder / "docker.sock"))

    @unittest.skipIf(discovery.REFERENCE, "the reference does not tell how its sources fare")
    def test_a_socket_that_is_not_there(self):
        server = self.start(("all", "docker", "{host: 'unix:///nowhere/docker.sock'}", DROP))
        source = lambda: server.api("/api/v5/discovery")["sources"][0]
        problem = harness.wait_until(lambda: source()["problems"], "a problem")[0]
        self.assertIn("/nowhere/docker.sock: No such file or directory", problem)
        self.assertIn("is Docker running", problem)
        self.assertNotIn("port", problem)
        self.assertEqual(source()["subject"], "unix:///nowhere/docker.sock")

    def test_the_scheme_tcp(self):
        docker = self.docker()
        docker.container("a", networks={"front": "127.0.17.2"})
        server = self.start(("all", "docker",
                             f"{{host: 'tcp://{docker.address}', refresh_interval: 500ms}}", DROP))
        self.expect_addresses(server, "all", ["127.0.17.2:80"])

    def test_tls_and_headers(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        certificates = discovery.Certificates(folder)
        docker = self.docker(certificates=certificates, client_certificates=True)
        docker.container("a", networks={"front": "127.0.17.2"})
        server = self.start(("all", "docker", sd(
            docker, "authorization: {credentials: abc}",
            f"tls_config: {{ca_file: '{certificates.ca}', cert_file: '{certificates.client}', "
            f"key_file: '{certificates.client_key}'}}"), DROP))
        self.expect_addresses(server, "all", ["127.0.17.2:80"])
        self.assertIn("Bearer abc", {r.headers["Authorization"] for r in docker.requests})

    def test_active_targets(self):
        docker = self.docker()
        page = self.enterContext(harness.PageServer({"/metrics": "docker_page 1\n"}))
        docker.container("a", networks={"front": "127.0.0.1"}, ports=[(page.port,)])
        server = self.start(("all", "docker", sd(docker), """relabel_configs:
      - {source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container}
      - {source_labels: [__meta_docker_network_name], target_label: network}"""))
        harness.wait_until(lambda: [s["metric"] for s in server.query("docker_page")] == [{
            "__name__": "docker_page", "instance": page.address, "job": "all", "container": "a",
            "network": "front"}])


if __name__ == "__main__":
    unittest.main()
