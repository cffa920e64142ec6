"""How queries are watched and bounded: the log, the list, cancelling, statistics, other origins."""
import json
import pathlib
import socket
import tempfile
import threading
import unittest

import harness

# 260,000 windows of 86,400 values each: many seconds of work on few samples.
# Each of its windows begins anew, unlike those of most functions.
LONG = ("double_exponential_smoothing(double_exponential_smoothing("
        "vector(1)[1d:1s], 0.5, 0.5)[3d:1s], 0.5, 0.5)")
FLAGS = ["--web.enable-remote-write-receiver", "--query.timeout=2m"]


class Manners(unittest.TestCase):
    """One server with a query log."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.log = pathlib.Path(folder) / "queries.log"
        cls.server = cls.enterClassContext(harness.Prom5(
            FLAGS, config=f"global: {{query_log_file: {cls.log}}}\n"))
        cls.now = harness.now_ms() // 60_000 * 60
        cls.server.must_write([
            ({"__name__": "m", "n": n}, [((cls.now - 600 + 15 * i) * 1000, i) for i in range(41)])
            for n in "ab"])

    def active(self):
        return self.server.api("/api/v5/query/active")

    def ask_in_background(self, query):
        """Asks in a thread; the list that it returns gets the answer."""
        answer = []
        thread = threading.Thread(
            target=lambda: answer.extend(self.server.api_raw("query", query=query)))
        thread.start()
        self.addCleanup(thread.join)
        return answer

    def wait_for(self, query):
        return harness.wait_until(
            lambda: next((q for q in self.active() if q["query"] == query), None), query)

    def test_a_query_is_listed_and_cancelled(self):
        answer = self.ask_in_background(LONG)
        running = self.wait_for(LONG)
        self.assertEqual(running["state"], "running")
        self.assertEqual(running["lane"], "interactive")
        self.assertEqual(running["client"], "127.0.0.1")
        status, _, _ = self.server.request("DELETE", f"/api/v5/query/active/{running['id']}")
        self.assertEqual(status, 204)
        harness.wait_until(lambda: answer, "the cancelled query's answer")
        self.assertEqual(answer[0], 499)
        self.assertEqual(answer[1]["errorType"], "canceled")
        self.assertEqual(self.active(), [])

    def test_cancelling_what_is_not_there(self):
        for wrong, status in (("123456789", 404), ("x", 400), ("-1", 400), ("1e3", 400)):
            got, _, body = self.server.request("DELETE", f"/api/v5/query/active/{wrong}")
            self.assertEqual(got, status, wrong)
            self.assertEqual(harness.parse_json(body)["status"], "error")

    def test_a_client_that_leaves_ends_its_query(self):
        query = LONG + " + 1"
        path = self.server.api_path("query", {"query": query})
        host, port = self.server.address.split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.wait_for(query)
        harness.wait_until(lambda: not any(q["query"] == query for q in self.active()),
                           "the end of a query nobody waits for")

    def test_every_query_is_logged(self):
        self.server.query("sum(m) + 0.125", self.now)
        self.server.api_raw("query_range", query="topk(0.5, m) offset -", start=1, end=2, step=1)
        self.server.api_raw("query_range", query="m + on() m", start=self.now - 60, end=self.now,
                            step=15)
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        good = next(line for line in lines if line["params"]["query"] == "sum(m) + 0.125")
        self.assertEqual(good["msg"], "promql query logged")
        self.assertEqual(good["params"]["step"], 0)
        self.assertEqual(good["params"]["start"], good["params"]["end"])
        self.assertEqual(good["stats"]["samples"]["totalQueryableSamples"], 2)
        self.assertEqual(good["httpRequest"],
                         {"clientIP": "127.0.0.1", "method": "GET", "path": "/api/v1/query"})
        self.assertNotIn("error", good)
        bad = next(line for line in lines if line["params"]["query"] == "m + on() m")
        self.assertIn("many-to-many", bad["error"])
        self.assertEqual(bad["params"]["step"], 15)
        self.assertEqual(self.server.value("prometheus_engine_query_log_enabled or vector(1)"), 1)

    def test_statistics_for_each_step(self):
        data = self.server.api("query_range", query="rate(m[1m])", start=self.now - 60,
                               end=self.now, step=30, stats="all")
        samples = data["stats"]["samples"]
        self.assertEqual(samples["totalQueryableSamplesPerStep"],
                         [[self.now - 60, 8], [self.now - 30, 8], [self.now, 8]])
        self.assertEqual(samples["totalQueryableSamples"], 24)
        self.assertEqual(samples["samplesReadPerStep"],
                         [[self.now - 60, 8], [self.now - 30, 4], [self.now, 4]])
        self.assertEqual(samples["samplesRead"], 16)
        data = self.server.api("query", query="m", time=self.now, stats="true")
        self.assertNotIn("totalQueryableSamplesPerStep", data["stats"]["samples"])
        self.assertEqual(data["stats"]["samples"]["totalQueryableSamples"], 2)

    def test_statistics_are_prometheus_own(self):
        """Windows without samples on their borders, so that closed and left-open ones agree."""
        series = [({"__name__": "x", "n": n},
                   [((self.now - 900 + 15 * i) * 1000 + 7000, i) for i in range(50)])
                  for n in "abc"]
        self.server.must_write(series)
        with harness.Prometheus(["--enable-feature=promql-per-step-stats"]) as theirs:
            theirs.must_write(series)
            for query in ("x", "rate(x[1m])", "sum(rate(x[2m])) / count(x)", "x > 3 and x",
                          "abs(x)", "topk(1, x)", "vector(1)", "x offset 1m"):
                asked = {"query": query, "start": self.now - 600, "end": self.now - 300,
                         "step": 30, "stats": "all"}
                got, want = (s.api("query_range", **asked)["stats"]["samples"]
                             for s in (self.server, theirs))
                for name in ("totalQueryableSamples", "totalQueryableSamplesPerStep"):
                    self.assertEqual(got[name], want[name], f"{name} of {query}")


class Queue(unittest.TestCase):
    """One place, and two who want it."""

    def test_waiting_ends_with_the_timeout(self):
        with harness.Prom5(["--query.max-concurrency=1", "--query.timeout=2s"]) as server:
            thread = threading.Thread(target=lambda: server.api_raw("query", query=LONG))
            thread.start()
            first = harness.wait_until(lambda: server.api("/api/v5/query/active"), "the first")[0]
            status, answer = server.api_raw("query", query="1", timeout="100ms")
            self.assertEqual((status, answer["errorType"]), (503, "timeout"))
            self.assertEqual(answer["error"], "query timed out in query queue")
            server.request("DELETE", f"/api/v5/query/active/{first['id']}")
            thread.join()


class Origins(unittest.TestCase):
    """Pages of other origins may read /api/v1 and nothing else."""

    def headers(self, server, origin, path="/api/v1/query?query=1", method="GET"):
        status, headers, _ = server.request(method, path, headers={"Origin": origin})
        return status, {k.lower(): v for k, v in headers.items()}

    def test_all_by_default(self):
        with harness.Prom5() as server:
            status, headers = self.headers(server, "http://grafana.example")
            self.assertEqual(status, 200)
            self.assertEqual(headers["access-control-allow-origin"], "*")
            self.assertEqual(headers["access-control-expose-headers"], "Date")
            status, headers = self.headers(server, "http://x", method="OPTIONS")
            self.assertEqual(status, 204)
            self.assertEqual(headers["access-control-allow-methods"], "GET, POST, OPTIONS")
            for path in ("/api/v5/query/active", "/metrics"):
                self.assertNotIn("access-control-allow-origin",
                                 self.headers(server, "http://x", path)[1])

    def test_those_that_match(self):
        with harness.Prom5([r"--web.cors.origin=https?://(a|b)\.example"]) as server:
            for origin, allowed in (("https://a.example", True), ("http://b.example", True),
                                    ("https://a.example.evil", False), ("null", False)):
                headers = self.headers(server, origin)[1]
                self.assertEqual(headers.get("access-control-allow-origin"),
                                 origin if allowed else None)
                self.assertEqual(headers["vary"], "Origin")

    def test_an_expression_that_is_none(self):
        done = harness.run_prom5("serve", "--web.cors.origin=(")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--web.cors.origin", done.stderr)


if __name__ == "__main__":
    unittest.main()
