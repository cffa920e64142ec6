"""What somebody meets who starts the program for the first time, without any configuration."""
import unittest

import harness


class FirstRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5())

    def test_scrapes_itself_and_the_host(self):
        self.server.wait_for_value('up{job="prom5"}', 1)
        self.server.wait_for_value('up{job="host"}', 1)

    def test_scrapes_every_five_seconds(self):
        targets = self.server.api("targets")["activeTargets"]
        self.assertEqual({t["scrapePool"]: t["scrapeInterval"] for t in targets},
                         {"prom5": "5s", "host": "5s"})

    def test_has_cpu_time_of_the_host(self):
        modes = harness.wait_until(
            lambda: self.server.query("count by (mode) (node_cpu_seconds_total)"),
            "node_cpu_seconds_total is there")
        self.assertLessEqual({"idle", "user", "system"}, {m["metric"]["mode"] for m in modes})

    def test_root_serves_the_web_page(self):
        status, headers, body = self.server.get("/", {"Accept": "text/html,*/*;q=0.8"})
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/html"), headers["Content-Type"])
        self.assertIn(b"<!doctype html", body[:200].lower())

    def test_root_as_json_gives_name_and_version(self):
        status, headers, body = self.server.get("/", {"Accept": "application/json"})
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("application/json"))
        answer = harness.parse_json(body)
        self.assertTrue(answer["name"])
        version = harness.run_prom5("--version")
        self.assertIn(answer["version"], version.stdout, harness.shown(version))

    def test_healthy_and_ready(self):
        status, _, body = self.server.get("/-/healthy")
        self.assertEqual((status, body.strip()), (200, b"Prometheus Server is Healthy."))
        status, _, body = self.server.get("/-/ready")
        self.assertEqual((status, body.strip()), (200, b"Prometheus Server is Ready."))


class Restart(unittest.TestCase):
    def test_restart_keeps_history(self):
        with harness.Prom5() as server:
            server.wait_for_value('count_over_time(up{job="prom5"}[10m]) >= bool 2', 1)
            before = server.api("query", query="up[10m]")
            # Everything up to the newest sample seen: a scrape may still land while stopping.
            time = max(v[0] for s in before["result"] for v in s["values"])
            before = self.samples(server, time)
            self.assertEqual(server.stop(), 0, server.log())
            server.start()
            self.assertEqual(self.samples(server, time), before)

    @staticmethod
    def samples(server, time):
        result = server.query("up[10m]", time=time)
        return {s["metric"]["job"]: s["values"] for s in result}


class WithoutAnyFlag(harness.Prom5):
    def command(self):
        return [harness.prom5_binary(), "serve", f"--web.listen-address={self.address}"]


class WithUsers(unittest.TestCase):
    """Following the advice to add a login breaks nothing of what works without."""

    # admin / secret
    WEB = ("basic_auth_users:\n"
           "  admin: $2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n")

    def test_it_scrapes_itself_and_lets_nobody_else_in(self):
        with harness.tempfile.NamedTemporaryFile("w", suffix=".yml") as web:
            web.write(self.WEB)
            web.flush()
            server = harness.Prom5([f"--web.config.file={web.name}"])
            server.spawn()
            self.addCleanup(server.kill)
            login = f"--url=http://admin:secret@{server.address}"
            harness.wait_until(
                lambda: harness.run_prom5("query", "instant", login, "sum(up)").stdout.endswith(
                    " 2\n"), "both targets are up")
            self.assertEqual(server.get("/metrics")[0], 401)
            result = harness.run_prom5("query", "instant", f"--url={server.url}", "up")
            self.assertEqual(result.returncode, 1)
            self.assertIn("user and a password", result.stderr)


class NobodyListens(unittest.TestCase):
    def test_a_closed_standard_error_does_not_end_the_server(self):
        with harness.Prom5() as probe:
            command = probe.command()
        shell = f"{harness.shlex.join(command)} 2>&1 | true"
        process = harness.subprocess.Popen(["bash", "-c", shell], start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(lambda: harness.os.killpg(process.pid, harness.signal.SIGKILL))
        harness.wait_until(lambda: probe.get("/-/ready")[0] == 200, "it is ready")


class DefaultDataFolder(unittest.TestCase):
    def test_data_lies_under_data_in_the_working_directory(self):
        with WithoutAnyFlag() as server:
            server.wait_for_value('up{job="prom5"}', 1)
            self.assertTrue((server.scratch / "data").is_dir())
            self.assertTrue(any((server.scratch / "data").iterdir()))


if __name__ == "__main__":
    unittest.main()
