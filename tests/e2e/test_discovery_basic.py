"""file_sd_configs, http_sd_configs and dns_sd_configs, and what all discoveries have in common."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest
from unittest import mock

import discovery
import harness
from discovery import DROP, base_labels, sd_config


class Case(discovery.Case):
    def start(self, *jobs, files=None):
        return self.enterContext(discovery.start_server(sd_config(*jobs), files))


# --------------------------------------------------------------------------------------- file_sd

def replace(path, text):
    """As programs do it that write such files: never half of one is seen."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    os.replace(fresh, path)


class Files(Case):
    """With the default refresh interval of five minutes: changes are noticed, not waited for."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def target(self, name, address, **labels):
        return base_labels("files", address, **{
            "__meta_filepath": str(self.folder / name), **labels})

    def read_errors(self, server):
        return server.metric_or_none("prometheus_sd_file_read_errors_total")

    def test_json_and_yaml_and_globs(self):
        (self.folder / "a.json").write_text(json.dumps([
            {"targets": ["127.0.3.1:80", "127.0.3.2:80"], "labels": {"env": "test", "n": ""}},
            {"targets": ["127.0.3.3:80"]}, {"targets": []}, {"labels": {"x": "y"}}]))
        # Names of labels may be any text since 3.0.
        any_text = {} if discovery.REFERENCE else {"é": "x"}
        labels = {"__metrics_path__": "/own", "job": "mine", **any_text}
        (self.folder / "glob-1.yml").write_text(
            f"# a comment\n- targets: ['127.0.3.4:80']\n  labels: {json.dumps(labels)}\n")
        (self.folder / "glob-2.yaml").write_text("- targets:\n  - 127.0.3.5:80\n")
        (self.folder / "glob-3.txt").write_text("- targets: [127.0.3.6:80]\n")
        (self.folder / "glob-4.JSON").write_text('[{"targets": ["127.0.3.7:80"]}]')
        server = self.start(
            ("files", "file", [f"{{files: ['{self.folder}/a.json']}}",
                               f"{{files: ['{self.folder}/glob-*.yml', '{self.folder}/*.yaml', "
                               f"'{self.folder}/gl*.JSON', '{self.folder}/absent.yml']}}"], DROP))

        self.expect(server, "files", [
            self.target("a.json", "127.0.3.1:80", env="test"),
            self.target("a.json", "127.0.3.2:80", env="test"),
            self.target("a.json", "127.0.3.3:80"), self.target("glob-2.yaml", "127.0.3.5:80"),
            self.target("glob-4.JSON", "127.0.3.7:80")])
        # Labels of a file win over those of the configuration, also the name of the job.
        self.expect(server, "mine", [{**self.target("glob-1.yml", "127.0.3.4:80"), **labels}])
        self.expect_discovered_count(server, "files", 6)
        self.assertEqual(self.read_errors(server), 0)
        for name in ("a.json", "glob-1.yml"):
            path = self.folder / name
            self.assertEqual(server.metric("prometheus_sd_file_mtime_seconds",
                                         filename=str(path)), int(path.stat().st_mtime))

    def test_changes(self):
        (self.folder / "a.json").write_text('[{"targets": ["127.0.3.1:80"]}]')
        server = self.start(("files", "file", f"{{files: ['{self.folder}/*.json']}}", DROP))
        self.expect_addresses(server, "files", ["127.0.3.1:80"])
        with self.subTest("written in place"):
            (self.folder / "a.json").write_text(
                '[{"targets": ["127.0.3.1:80"]}, {"targets": ["127.0.3.2:80"]}]')
            self.expect_addresses(server, "files", ["127.0.3.1:80", "127.0.3.2:80"])
        with self.subTest("replaced, with fewer groups"):
            replace(self.folder / "a.json", '[{"targets": ["127.0.3.3:80"]}]')
            self.expect_addresses(server, "files", ["127.0.3.3:80"])
        with self.subTest("one more file"):
            replace(self.folder / "b.json", '[{"targets": ["127.0.3.4:80"], "labels": {"x": "1"}}]')
            self.expect(server, "files", [self.target("a.json", "127.0.3.3:80"),
                                          self.target("b.json", "127.0.3.4:80", x="1")])
        with self.subTest("only labels are new"):
            replace(self.folder / "b.json", '[{"targets": ["127.0.3.4:80"], "labels": {"x": "2"}}]')
            self.expect(server, "files", [self.target("a.json", "127.0.3.3:80"),
                                          self.target("b.json", "127.0.3.4:80", x="2")])
        with self.subTest("a file is deleted"):
            (self.folder / "a.json").unlink()
            self.expect_addresses(server, "files", ["127.0.3.4:80"])
            self.assertIsNone(server.metric_or_none("prometheus_sd_file_mtime_seconds",
                                          filename=str(self.folder / "a.json")))
        with self.subTest("nothing left"):
            replace(self.folder / "b.json", "[]")
            self.expect_addresses(server, "files", [])
            self.expect_discovered_count(server, "files", 0)

    BROKEN = {
        "a.json": ("", "[", '{"targets": []}', '[{"targets": ["127.0.3.9:80"]}', "[null]",
                   '[{"targets": "127.0.3.9:80"}]', '[{"targets": [1]}]',
                   '[{"targets": [], "what": 1}]', '[{"targets": [], "labels": {"": "1"}}]'),
        "b.yml": ("- targets: [", "- targets: ['127.0.3.9:80']\n  label: {a: b}\n", "a: b\n",
                  "- targets: []\n  targets: []\n", "- null\n", "- targets: {a: b}\n"),
    }

    def test_a_broken_file_keeps_the_last_targets(self):
        good = '[{"targets": ["127.0.3.1:80"], "labels": {"a": "b"}}]'
        for name in self.BROKEN:
            (self.folder / name).write_text(good)  # JSON is YAML too
        server = self.start(("files", "file", f"{{files: ['{self.folder}/a.json', "
                                              f"'{self.folder}/b.yml']}}", DROP))
        expected = [self.target(name, "127.0.3.1:80", a="b") for name in self.BROKEN]
        self.expect(server, "files", expected)
        for name, texts in self.BROKEN.items():
            for text in texts:
                with self.subTest(file=name, text=text):
                    before = self.read_errors(server)
                    replace(self.folder / name, text)
                    harness.wait_until(lambda b=before: self.read_errors(server) > b,
                                       "one more prometheus_sd_file_read_errors_total")
                    self.expect(server, "files", expected)
            replace(self.folder / name, good.replace("3.1", "3.2"))
            expected = [e for e in expected if e["__meta_filepath"] != str(self.folder / name)]
            expected.append(self.target(name, "127.0.3.2:80", a="b"))
            self.expect(server, "files", expected)
        # An empty YAML file is a list without groups.
        replace(self.folder / "b.yml", "")
        self.expect(server, "files", [self.target("a.json", "127.0.3.2:80", a="b")])

    def test_a_relative_path(self):
        """It is relative to the configuration file, and the label has the whole path."""
        server = self.start(("files", "file", "{files: ['t-*.json']}", DROP),
                            files={"t-1.json": '[{"targets": ["127.0.3.1:80"]}]'})
        self.expect(server, "files", [base_labels(
            "files", "127.0.3.1:80", __meta_filepath=str(server.scratch / "t-1.json"))])

    def test_two_jobs_with_the_same_files(self):
        (self.folder / "a.json").write_text('[{"targets": ["127.0.3.1:80"]}]')
        entry = f"{{files: ['{self.folder}/*.json']}}"
        server = self.start(("one", "file", entry, DROP), ("two", "file", entry, DROP))
        for addresses in (["127.0.3.1:80"], ["127.0.3.2:80"]):
            replace(self.folder / "a.json", json.dumps([{"targets": addresses}]))
            for job in ("one", "two"):
                self.expect_addresses(server, job, addresses)
                self.expect_discovered_count(server, job, 1)

    def test_targets_are_scraped_until_they_are_gone(self):
        page = self.enterContext(harness.PageServer({"/metrics": "file_page 1\n"}))
        groups = [{"targets": [page.address], "labels": {"rack": "r"}}]
        (self.folder / "a.json").write_text(json.dumps(groups))
        server = self.start(("files", "file", f"{{files: ['{self.folder}/a.json']}}"))
        labels = {"__name__": "file_page", "instance": page.address, "job": "files", "rack": "r"}
        harness.wait_until(lambda: [s["metric"] for s in server.query("file_page")] == [labels])
        groups[0]["labels"]["rack"] = "s"
        replace(self.folder / "a.json", json.dumps(groups))
        harness.wait_until(lambda: [s["metric"] for s in server.query("file_page")]
                           == [{**labels, "rack": "s"}], "the label is new, the old series ended")
        replace(self.folder / "a.json", "[]")
        harness.wait_until(lambda: server.query("file_page") == [], "the series ended")

    def test_a_reload_of_the_configuration(self):
        for name in ("a", "b"):
            (self.folder / f"{name}.json").write_text(
                json.dumps([{"targets": [f"{name}.invalid:80"]}]))

        def config(*jobs):
            return sd_config(*[(job, "file", f"{{files: ['{self.folder}/{name}.json']}}", DROP)
                               for job, name in jobs])

        server = self.enterContext(discovery.start_server(config(("one", "a"), ("two", "b"))))
        self.expect_addresses(server, "one", ["a.invalid:80"])
        self.expect_addresses(server, "two", ["b.invalid:80"])
        server.config_path.write_text(config(("one", "b"), ("three", "a")))
        server.signal(signal.SIGHUP)
        self.expect_addresses(server, "one", ["b.invalid:80"])
        self.expect_addresses(server, "three", ["a.invalid:80"])
        self.expect_addresses(server, "two", [])
        self.expect_discovered_count(server, "three", 1)
        if not discovery.REFERENCE:
            self.expect_discovered_count(server, "two", None)  # its gauge has gone with it


@unittest.skipIf(discovery.REFERENCE, "the reference does not tell how its sources fare")
class Sources(Case):
    """What /api/v5/discovery says of each source."""

    def sources(self, server):
        return {(one["scrapePool"], one["subject"]): one["problems"]
                for one in server.api("/api/v5/discovery")["sources"]}

    def test_files_that_are_not_there(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        entries = [f"{{files: ['{folder}/a-*.json', '{folder}/b.json']}}",
                   f"{{files: ['{folder}/c.yml']}}"]
        server = self.start(("files", "file", entries, DROP))
        first = ("files", f"{folder}/a-*.json, {folder}/b.json")
        second = ("files", f"{folder}/c.yml")
        harness.wait_until(lambda: self.sources(server) == {
            first: [f"there is no file {folder}/a-*.json", f"there is no file {folder}/b.json"],
            second: [f"there is no file {folder}/c.yml"]}, "both sources miss their files")
        replace(folder / "a-1.json", '[{"targets": ["127.0.3.1:80"]}]')
        replace(folder / "c.yml", "- targets: [")
        harness.wait_until(lambda: self.sources(server)[first]
                           == [f"there is no file {folder}/b.json"], "one is there now")
        harness.wait_until(lambda: len(self.sources(server)[second]) == 1
                           and "there is no file" not in self.sources(server)[second][0],
                           "one is there, and broken")
        replace(folder / "b.json", "[]")
        replace(folder / "c.yml", "")
        harness.wait_until(lambda: self.sources(server) == {first: [], second: []},
                           "nothing is missing")


class Reload(unittest.TestCase):
    """A changed job goes on with its series: none is away until the next scrape."""

    def test_series_that_go_on_have_no_gap(self):
        def config(timeout):
            return (f"scrape_configs:\n- job_name: self\n  scrape_interval: 3s\n"
                    f"  scrape_timeout: {timeout}\n  static_configs: [{{targets: [ADDRESS]}}]\n"
                    f"- job_name: gone\n  scrape_interval: 3s\n"
                    f"  static_configs: [{{targets: [ADDRESS]}}]\n")

        server = self.enterContext(discovery.start_server("global: {}\n"))
        address = server.url.removeprefix("http://")
        server.config_path.write_text(config("1s").replace("ADDRESS", address))
        server.signal(signal.SIGHUP)
        up = lambda job: server.query(f'up{{job="{job}"}}')
        for job in ("self", "gone"):
            harness.wait_until(lambda job=job: len(up(job)) == 1, f"{job} is scraped")
        text = config("2s").replace("ADDRESS", address)
        server.config_path.write_text(text[:text.index("- job_name: gone")])
        server.signal(signal.SIGHUP)
        if not discovery.REFERENCE:  # which leaves the series of a removed job to the lookback
            harness.wait_until(lambda: len(up("gone")) == 0, "the removed job has ended")
        scrapes = lambda: server.query('count_over_time(up{job="self"}[1h])')[0]["value"][1]
        begun = int(scrapes())
        while int(scrapes()) < begun + 2:
            self.assertEqual(len(up("self")), 1, "the job that goes on is always there")


# --------------------------------------------------------------------------------------- http_sd

class FakeHttpSd(discovery.Fake):
    """Answers with `groups` as JSON, or with `reply`: (status, content type, body)."""

    groups = ()
    reply = None

    def answer(self, exchange):
        if exchange.path == "/moved":
            exchange.send(302, headers=[("Location", "/targets?x=1")])
        elif self.reply:
            status, content_type, body = self.reply
            exchange.send(status, body, content_type)
        else:
            exchange.send_json(200, self.groups)


class Http(Case):
    def setUp(self):
        self.api = self.enterContext(FakeHttpSd())

    def sd(self, *more, path="/targets?x=1"):
        return "{" + ", ".join([f"url: '{self.api.url}{path}'", "refresh_interval: 500ms",
                                *more]) + "}"

    def target(self, address, job="http", path="/targets?x=1", **labels):
        return base_labels(job, address, __meta_url=self.api.url + path, **labels)

    def test_groups_and_refresh(self):
        self.api.groups = [{"targets": ["127.0.4.1:80", "127.0.4.2:80"], "labels": {
            "__meta_rack": "r", "zone": "z", "empty": ""}}, {"targets": ["127.0.4.3:80"]}]
        server = self.start(("http", "http", self.sd(), DROP))
        labels = {"__meta_rack": "r", "zone": "z"}
        self.expect(server, "http", [self.target("127.0.4.1:80", **labels),
                                     self.target("127.0.4.2:80", **labels),
                                     self.target("127.0.4.3:80")])
        self.expect_discovered_count(server, "http", 3)
        self.api.groups = [{"targets": ["127.0.4.4:80"], "labels": {"zone": "y"}}]
        self.expect(server, "http", [self.target("127.0.4.4:80", zone="y")])
        self.api.groups = []
        self.expect(server, "http", [])
        self.expect_discovered_count(server, "http", 0)
        self.assertGreaterEqual(self.api.count("/targets", x="1"), 3)

    def test_how_it_asks(self):
        own = ["basic_auth: {username: me, password: secret}"]
        if not discovery.REFERENCE:
            own.append("http_headers: {X-Scope-OrgID: {values: [tenant]}}")
        server = self.start(("http", "http", self.sd(*own), DROP))
        request = harness.wait_until(lambda: self.api.requests)[0]
        self.assertEqual(request.method, "GET")
        self.assertEqual(request.headers["X-Prometheus-Refresh-Interval-Seconds"], "0.5")
        self.assertEqual(request.headers["Accept"], "application/json")
        self.assertRegex(request.headers["User-Agent"], "^(Prometheus|prom5)/")
        self.assertEqual(request.headers["Authorization"], "Basic bWU6c2VjcmV0")
        if not discovery.REFERENCE:
            self.assertEqual(request.headers["X-Scope-OrgID"], "tenant")
        # Again and again, at the interval.
        harness.wait_until(lambda: len(self.api.requests) >= 5)
        times = [r.time for r in self.api.requests[:5]]
        self.assertGreater(times[-1] - times[0], 1.4)
        self.assertLess(times[-1] - times[0], 20)
        self.assertEqual(server.metric("prometheus_sd_http_failures_total"), 0)

    BAD = [(404, "application/json", "[]"), (500, "application/json", "[]"),
           (204, "application/json", ""), (200, "text/plain", "[]"), (200, "application/json", ""),
           (200, "application/json; charset=latin1", "[]"), (200, "application/json", "[null]"),
           (200, "application/json", '{"targets": []}'), (200, "application/json", "[{]"),
           (200, "application/json", '[{"targets": [1]}]'),
           (200, "application/json", '[{"targets": "a"}]')]
    GOOD_TYPES = ["application/json", "Application/JSON;charset=UTF-8",
                  'application/json;  charset="utf-8"']

    def test_bad_answers_keep_the_last_targets(self):
        self.api.groups = [{"targets": ["127.0.4.1:80"]}]
        server = self.start(("http", "http", self.sd(), DROP))
        for number, reply in enumerate(self.BAD):
            with self.subTest(reply):
                self.api.reply = None
                self.api.groups = [{"targets": [f"127.0.4.{number}:80"]}]
                self.expect(server, "http", [self.target(f"127.0.4.{number}:80")])
                self.api.reply = reply
                self.expect_refresh_failures(server, "http", "http")
                self.expect(server, "http", [self.target(f"127.0.4.{number}:80")])
        self.assertGreaterEqual(server.metric("prometheus_sd_http_failures_total"),
                                2 * len(self.BAD))
        for content_type in self.GOOD_TYPES:
            with self.subTest(content_type):
                self.api.reply = (200, content_type, json.dumps([
                    {"targets": [f"127.0.4.1:{len(content_type)}"]}]))
                self.expect(server, "http", [self.target(f"127.0.4.1:{len(content_type)}")])

    def test_an_absent_server_keeps_the_last_targets(self):
        self.api.groups = [{"targets": ["127.0.4.1:80"]}]
        server = self.start(("http", "http", self.sd(), DROP))
        self.expect(server, "http", [self.target("127.0.4.1:80")])
        self.api.stop()
        self.api.groups = [{"targets": ["127.0.4.2:80"]}]
        self.expect_refresh_failures(server, "http", "http")
        self.expect(server, "http", [self.target("127.0.4.1:80")])
        self.api.start()
        self.expect(server, "http", [self.target("127.0.4.2:80")])

    def test_redirects(self):
        self.api.groups = [{"targets": ["127.0.4.1:80"]}]
        server = self.start(
            ("http", "http", self.sd(path="/moved"), DROP),
            ("stays", "http", self.sd("follow_redirects: false", path="/moved"), DROP))
        self.expect(server, "http", [self.target("127.0.4.1:80", path="/moved")])
        self.expect_refresh_failures(server, "stays")
        self.assertEqual(self.discovered(server, "stays"), [])

    def test_together_with_other_discoveries(self):
        """One job may have several of each kind; all of its targets count."""
        self.api.groups = [{"targets": ["127.0.4.1:80"]}]
        server = self.start(
            ("mixed", "http", [self.sd(), self.sd(path="/other")],
             "static_configs: [{targets: ['127.0.4.9:80'], labels: {static: 'yes'}}]",
             "file_sd_configs: [{files: ['t.json']}]", DROP),
            files={"t.json": '[{"targets": ["127.0.4.8:80"]}]'})
        self.expect(server, "mixed", [
            self.target("127.0.4.1:80", "mixed"),
            self.target("127.0.4.1:80", "mixed", "/other"),
            base_labels("mixed", "127.0.4.9:80", static="yes"),
            base_labels("mixed", "127.0.4.8:80", __meta_filepath=str(server.scratch / "t.json"))])
        self.expect_discovered_count(server, "mixed", 4)


# ---------------------------------------------------------------------------------------- dns_sd

class Dnsmasq:
    """A name server with the zone d.test, which knows nothing else."""

    MANY = [f"127.0.5.{number}" for number in range(1, 151)]
    ZONE = ["--srv-host=_web._tcp.d.test,one.d.test,8080,1,2",
            "--srv-host=_web._tcp.d.test,two.d.test,8081,1,2",
            "--mx-host=d.test,mail.d.test,10", "--mx-host=d.test,mail-2.d.test,20",
            "--dns-rr=d.test,2,026e73016400", "--txt-record=one.d.test,text",
            "--cname=alias.d.test,one.d.test"]

    def __init__(self, folder):
        # Prometheus asks the servers of /etc/resolv.conf, always at port 53.
        self.port = 53 if discovery.REFERENCE else harness.free_port()
        self.hosts = folder / "hosts"
        self.process = None
        self.write("127.0.5.1 one.d.test", "127.0.5.2 two.d.test", "::1 two.d.test",
                   *[f"{address} many.d.test" for address in self.MANY])

    def write(self, *lines):
        """Replaces the addresses."""
        self.hosts.write_text("".join(line + "\n" for line in lines))
        if self.process:
            self.process.send_signal(signal.SIGHUP)

    def start(self):
        program, environment = discovery.find_dnsmasq()
        self.process = subprocess.Popen(
            [program, "--no-daemon", "--conf-file=/dev/null", "--pid-file=",
             "--no-resolv", "--no-hosts", "--local=/test/", "--listen-address=127.0.0.1",
             "--bind-interfaces", f"--port={self.port}", "--edns-packet-max=512", "--user=root",
             "--group=root", f"--addn-hosts={self.hosts}", *self.ZONE],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        said = b""
        for line in self.process.stderr:
            said += line
            if b"read " in line:  # the file with the addresses, the last thing it does
                return self
        raise AssertionError(f"{program} ended: {said.decode(errors='replace')}")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def would_ask_dnsmasq():
    """Debian's Prometheus cannot be told whom to ask; prom5 is, by PROM5_DNS_SERVER."""
    return not discovery.REFERENCE or "nameserver 127.0.0.1\n" in (
        pathlib.Path("/etc/resolv.conf").read_text())


@unittest.skipUnless(would_ask_dnsmasq(), "the reference asks another name server")
class Dns(Case):
    def setUp(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.dns = self.enterContext(Dnsmasq(folder))
        self.enterContext(mock.patch.dict(os.environ, {
            "PROM5_DNS_SERVER": f"127.0.0.1:{self.dns.port}"}))

    @staticmethod
    def sd(names, kind, port=None):
        port = f", port: {port}" if port else ""
        return f"{{names: [{names}], type: {kind}{port}, refresh_interval: 500ms}}"

    @staticmethod
    def target(job, name, address, **labels):
        return base_labels(job, address, __meta_dns_name=name,
                           **{"__meta_dns_" + k: v for k, v in labels.items()})

    def test_records(self):
        newer = [] if discovery.REFERENCE else [
            ("ns", "dns", self.sd("d.test", "NS", 53), DROP)]
        server = self.start(
            *newer,
            ("a", "dns", self.sd("one.d.test, two.d.test, absent.d.test", "A", 9100), DROP),
            ("aaaa", "dns", self.sd("one.d.test, two.d.test.", "AAAA", 9101), DROP),
            ("srv", "dns", "{names: [_web._tcp.d.test], refresh_interval: 500ms}", DROP),
            ("mx", "dns", self.sd("d.test", "mx", 25), DROP),
            ("alias", "dns", self.sd("alias.d.test", "A", 9102), DROP),
            ("many", "dns", self.sd("many.d.test", "A", 9103), DROP))
        expected = {
            "a": [("one.d.test", "127.0.5.1:9100", {}), ("two.d.test", "127.0.5.2:9100", {})],
            "aaaa": [("two.d.test.", "[::1]:9101", {})],
            "srv": [("_web._tcp.d.test", f"{host}.d.test:{port}", {
                "srv_record_target": f"{host}.d.test.", "srv_record_port": str(port)})
                for host, port in (("one", 8080), ("two", 8081))],
            "mx": [("d.test", f"{host}.d.test:25", {"mx_record_target": f"{host}.d.test."})
                   for host in ("mail", "mail-2")],
            "ns": [("d.test", "ns.d:53", {"ns_record_target": "ns.d."})],
            "alias": [("alias.d.test", "127.0.5.1:9102", {})],
            # Too many for a packet: asked again over TCP.
            "many": [("many.d.test", f"{address}:9103", {}) for address in Dnsmasq.MANY],
        }
        if discovery.REFERENCE:
            del expected["ns"]
        for job, targets in expected.items():
            with self.subTest(job):
                self.expect(server, job, [self.target(job, name, address, **labels)
                                          for name, address, labels in targets])
                self.expect_discovered_count(server, job, len(targets))
        self.assertGreater(server.metric("prometheus_sd_dns_lookups_total"), 5)
        self.assertEqual(server.metric("prometheus_sd_dns_lookup_failures_total"), 0)
        if discovery.REFERENCE:
            return
        problems = {(one["scrapePool"], one["subject"]): one["problems"]
                    for one in server.api("/api/v5/discovery")["sources"]}
        self.assertEqual(problems["a", "A one.d.test, two.d.test, absent.d.test"],
                         ["absent.d.test is unknown to DNS: check its spelling"])
        self.assertRegex(" ".join(problems["aaaa", "AAAA one.d.test, two.d.test."]),
                         "^one.d.test (has no AAAA records|is unknown to DNS)")
        self.assertEqual(problems["mx", "MX d.test"], [])

    def test_changes_and_failures(self):
        server = self.start(("a", "dns", self.sd("one.d.test, two.d.test", "A", 80), DROP))
        self.expect_addresses(server, "a", ["127.0.5.1:80", "127.0.5.2:80"])
        self.dns.write("127.0.5.3 one.d.test", "127.0.5.4 one.d.test")
        # The other name does not exist any more: that is an answer, not a failure.
        self.expect_addresses(server, "a", ["127.0.5.3:80", "127.0.5.4:80"])
        self.dns.stop()
        self.expect_growth(server, "prometheus_sd_dns_lookup_failures_total")
        self.expect_addresses(server, "a", ["127.0.5.3:80", "127.0.5.4:80"])
        self.dns.write("127.0.5.5 two.d.test")
        self.dns.start()
        self.expect_addresses(server, "a", ["127.0.5.5:80"], discovery.PATIENT_SECONDS)


if __name__ == "__main__":
    unittest.main()
