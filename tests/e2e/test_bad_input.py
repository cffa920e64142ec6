"""Input that is wrong, hostile or too large: refused with a reason, and nothing else suffers."""
import os
import re
import socket
import time
import unittest
import urllib.parse
import zlib

import harness

MEMORY_LIMIT_KB = 400 * 1024
MALFORMED = """\
# TYPE good gauge
good_before 1
broken{label="value" 2
good_after 3
"""


def target(server, pool):
    targets = [t for t in server.api("targets")["activeTargets"] if t["scrapePool"] == pool]
    assert len(targets) == 1, targets
    return targets[0]


def last_error(server, pool):
    """The reason why a target is down, once there is one."""
    return harness.wait_until(
        lambda: (found := target(server, pool))["health"] == "down" and found["lastError"],
        f"{pool} is down with a reason")


class HostileTargets(unittest.TestCase):
    def test_malformed_page(self):
        pages = self.enterContext(harness.PageServer({"/metrics": MALFORMED}))
        server = self.enterContext(
            harness.Prom5(config=harness.scrape_config(("bad", pages.address))))
        error = last_error(server, "bad")
        self.assertRegex(error, r"(line |:)3\b")
        self.assertEqual(server.value("up"), 0)
        # A page counts as a whole: nothing of it is stored.
        self.assertEqual(server.query('{__name__=~"good.*|broken"}[10m]'), [])

        pages.pages["/metrics"] = MALFORMED.replace('"value" 2', '"value"} 2')
        server.wait_for_value("up", 1)
        harness.wait_until(lambda: server.query("broken"))
        self.assertEqual(target(server, "bad")["lastError"], "")

    def test_many_kinds_of_malformed_pages(self):
        bad = {
            "no value": "metric\n", "value is text": "metric abc\n", "open label": 'm{a="1} 1\n',
            "open braces": "m{ 1\n", "bad name": "9metric 1\n", "zero byte": "m\x00 1\n",
            "bad timestamp": "m 1 soon\n", "no newline in the middle of a label": 'm{a="1',
            "invalid UTF-8": b'm{a="\xff\xfe"} 1\n', "two values": "m 1 2 3\n",
            "bad type line": "# TYPE m gorge\nm 1\n", "HTML": "<html><body>hello</body></html>\n",
            "bad escape": 'm{a="\\', "label without value": "m{a} 1\n"}
        pages = self.enterContext(harness.PageServer(
            {f"/{n}": text for n, text in enumerate(bad.values())}))
        server = self.enterContext(harness.Prom5(config=harness.scrape_config(
            *[(f"'{name}'", pages.address, f"metrics_path: /{n}") for n, name in enumerate(bad)])))
        for name in bad:
            with self.subTest(name):
                self.assertTrue(last_error(server, name))

    def test_answers_that_are_no_page(self):
        behaviours = {
            "closes": lambda connection, server: None,
            "no_http": lambda connection, server: connection.sendall(b"\x00\x01\x02" * 100),
            "status_500": lambda connection, server: connection.sendall(
                b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nm 1\n"),
            "cut_short": lambda connection, server: connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n\r\nm 1\n"),
            "bad_chunks": lambda connection, server: connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"zz\r\nm 1\n\r\n0\r\n\r\n"),
            "bad_gzip": lambda connection, server: connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
                b"Content-Length: 8\r\n\r\n\x1f\x8bnogzip"),
            "endless_header": lambda connection, server: connection.sendall(
                b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000_000),
            "redirect_loop": lambda connection, server: connection.sendall(
                b"HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n"),
        }
        servers = {name: self.enterContext(harness.HostileServer(behave))
                   for name, behave in behaviours.items()}
        pages = self.enterContext(harness.PageServer({"/metrics": "fine 1\n"}))
        server = self.enterContext(harness.Prom5(config=harness.scrape_config(
            ("neighbour", pages.address), *[(n, s.address) for n, s in servers.items()])))
        for name in behaviours:
            with self.subTest(name):
                error = last_error(server, name)
                if name == "status_500":
                    self.assertIn("server returned HTTP status 500", error)
        server.wait_for_value('up{job="neighbour"}', 1)
        self.assertEqual(server.query('m'), [])

    def test_huge_pages_are_cut_off_and_memory_stays_bounded(self):
        def bomb(connection, server):
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)
            line = b'bomb{filling="' + b"x" * 1000 + b'"} 1\n'
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n"
            connection.sendall(head)
            for _ in range(1000):
                if server.closing.is_set():
                    return
                connection.sendall(packer.compress(line * 512))  # about half a gigabyte in all
            connection.sendall(packer.flush())

        huge = self.enterContext(harness.HostileServer(harness.huge_page(100 * 2 ** 20)))
        limited = self.enterContext(harness.HostileServer(harness.huge_page(100 * 2 ** 20)))
        packed = self.enterContext(harness.HostileServer(bomb))
        server = self.enterContext(harness.Prom5(config=harness.scrape_config(
            ("huge", huge.address), ("packed", packed.address),
            ("limited", limited.address, "body_size_limit: 1MB"), interval="8s", timeout="8s")))
        self.assertIn("body size limit exceeded", last_error(server, "limited"))
        for name in ("huge", "packed"):
            with self.subTest(name):
                self.assertIn("limit", last_error(server, name))
        self.assertLess(server.status_kb("VmHWM"), MEMORY_LIMIT_KB)
        self.assertEqual(server.query('{__name__=~"bomb|huge_page_sample"}[10m]'), [])

    def test_limits_of_a_scrape_configuration(self):
        pages = self.enterContext(harness.PageServer(
            {"/metrics": "".join(f'm{{number="{n}",a="12345678"}} 1\n' for n in range(20))}))
        limits = {"sample_limit: 19": "sample limit exceeded",
                  "label_limit: 3": "label_limit exceeded",
                  "label_name_length_limit: 5": "label_name_length_limit exceeded",
                  "label_value_length_limit: 7": "label_value_length_limit exceeded",
                  "target_limit: 0": None, "sample_limit: 20": None}
        server = self.enterContext(harness.Prom5(config=harness.scrape_config(
            *[(f"job{n}", pages.address, limit) for n, limit in enumerate(limits)])))
        for number, (limit, text) in enumerate(limits.items()):
            with self.subTest(limit):
                if text:
                    self.assertIn(text, last_error(server, f"job{number}"))
                    self.assertEqual(server.query(f'm{{job="job{number}"}}'), [])
                else:
                    server.wait_for_value(f'count(m{{job="job{number}"}})', 20)

    def test_hanging_targets_time_out_and_hold_up_nobody(self):
        silent = self.enterContext(harness.HostileServer(harness.never_answers))
        endless = self.enterContext(harness.HostileServer(harness.never_ends))
        pages = self.enterContext(harness.PageServer({"/metrics": "fine 1\n"}))
        config = harness.scrape_config(("neighbour", pages.address), ("endless", endless.address),
                                       ("silent", silent.address))
        # Two hundred of them: a hanging target may hold a socket, never a thread.
        config += "".join(f"      - targets: ['{silent.address}']\n        labels: {{n: '{n}'}}\n"
                          for n in range(199))
        server = self.enterContext(harness.Prom5(config=config))
        harness.wait_until(lambda: silent.connections > 250, "all hang, some for a second time")
        samples = 'count_over_time(up{job="neighbour"}[10m])'
        before = harness.wait_until(lambda: server.value(samples))
        began = time.monotonic()
        harness.wait_until(lambda: server.value(samples) >= before + 4, interval=0.1)
        seconds = time.monotonic() - began
        # One sample a second was asked for; a queue behind the others would show as gaps.
        gaps = [b - a for a, b in zip(*(lambda v: (v, v[1:]))(
            [t for t, _ in server.query('up{job="neighbour"}[10m]')[0]["values"]]))]
        self.assertLess(max(gaps), 3, f"gaps {gaps} within {seconds:.1f} s")
        self.assertEqual(server.value('up{job="neighbour"}'), 1)
        timed_out = re.compile(r"deadline exceeded|time(d )?.?out", re.IGNORECASE)
        for job in ("silent", "endless"):
            target = next(t for t in server.api("targets")["activeTargets"]
                          if t["scrapePool"] == job)
            self.assertEqual(target["health"], "down")
            self.assertRegex(target["lastError"], timed_out)
        self.assertEqual(server.query("slow_sample[10m]"), [])
        self.assertEqual(server.value('sum(up{job="silent"})'), 0)


class HostileClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(
            harness.Prom5(["--web.enable-remote-write-receiver"], config="global: {}\n"))
        cls.process = cls.server.process.pid

    def tearDown(self):
        self.assertEqual(self.server.get("/-/ready")[0], 200)
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.server.process.pid, self.process)
        self.assertLess(self.server.status_kb("VmHWM"), MEMORY_LIMIT_KB)

    def ask(self, query):
        """(status, envelope) of a query by POST, so that it may be long."""
        status, _, body = self.server.post(
            "/api/v1/query", urllib.parse.urlencode({"query": query}),
            {"Content-Type": "application/x-www-form-urlencoded"})
        return status, harness.parse_json(body)

    def raw(self, data, size=65536):
        """Sends bytes as they are; returns the first bytes of an answer (empty: closed)."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            try:
                connection.sendall(data)
            except OSError:
                pass  # Closed while we were still sending: the answer may lie there all the same.
            try:
                return connection.recv(size)
            except ConnectionError:
                return b""

    def test_position_of_a_query_error(self):
        for query, place in (("up +", "1:5"), ("sum(rate(up))", "1:10"), ("up and\n\n  ) ", "3:4"),
                             ("é_ + 1", "1:1"), ('up{a="é"} + )', None)):
            status, answer = self.ask(query)
            self.assertEqual((status, answer["errorType"]), (400, "bad_data"))
            self.assertRegex(answer["error"], r'^invalid parameter "query": \d+:\d+: parse error')
            if place:
                self.assertIn(f'"query": {place}: ', answer["error"])

    def test_deeply_nested_queries(self):
        depth = 100_000
        nested = {
            "parentheses": "(" * depth + "1" + ")" * depth, "open parentheses": "(" * depth,
            "signs": "-" * depth + "1", "functions": "abs(" * depth + "up" + ")" * depth,
            "sums": "sum(" * depth + "up" + ")" * depth, "powers": "1" + "^1" * depth,
            "chain": "1" + "+1" * depth, "subqueries": "up" + "[1m:1s]" * depth,
            "braces": "{" * depth, "brackets": "up" + "[" * depth}
        for name, query in nested.items():
            with self.subTest(name):
                status, answer = self.ask(query)
                self.assertIn(status, (200, 400, 413, 422), str(answer)[:300])
                if status == 200:
                    self.assertIn(name, ("parentheses", "signs", "powers", "chain", "functions",
                                         "sums"))
                    if name == "chain":
                        self.assertEqual(answer["data"]["result"][1], str(depth + 1))
                else:
                    self.assertIn(answer["errorType"], ("bad_data", "execution"))
                    self.assertLess(len(answer["error"]), 5000, "the query is not echoed whole")

    def test_expensive_regular_expressions(self):
        self.server.must_write([({"__name__": "long", "text": "a" * 5000},
                                 [(harness.now_ms(), 1)])])
        for pattern in ("(a*)*b", "(a|aa)+$b", "(x+x+)+y", "(" * 5000, "a{1000}{1000}{1000}",
                        "[", "(?P<n", "\\\\8", "a**", "(?:a?){2000}a{2000}"):
            with self.subTest(pattern[:30]):
                status, answer = self.ask(f'long{{text=~"{pattern}"}}')
                self.assertIn(status, (200, 400), answer)
                if status == 200:
                    self.assertEqual(answer["data"]["result"], [])
                else:
                    self.assertEqual(answer["errorType"], "bad_data")

    def test_numbers_beyond_every_bound(self):
        for path, params in (
                ("query", {"query": "up", "time": "1e300"}),
                ("query", {"query": "up", "time": "-1e300"}),
                ("query", {"query": "up", "time": "NaN"}),
                ("query", {"query": "up", "time": "Inf"}),
                ("query", {"query": "up offset 99999999999999y"}),
                ("query", {"query": "rate(up[99999999999999999999s])"}),
                ("query", {"query": "up[292y:1ms]"}),
                ("query", {"query": "up @ 1e300"}),
                ("query", {"query": "up", "timeout": "1e300"}),
                ("query", {"query": "1e400"}),
                ("query", {"query": "topk(1e300, up)"}),
                ("query_range", {"query": "up", "start": "-1e15", "end": "1e15", "step": "1e300"}),
                ("query_range", {"query": "up", "start": "-1e300", "end": "1e300", "step": "1"}),
                ("series", {"match[]": "up", "start": "1e300", "end": "-1e300"}),
                ("labels", {"limit": "99999999999999999999999"})):
            with self.subTest(path, **params):
                status, answer = self.server.api_raw(path, **params)
                self.assertIn(status, (200, 400, 422), answer)
                self.assertIn(answer["status"], ("success", "error"))

    def test_query_timeout(self):
        status, answer = self.server.api_raw(
            "query", query="count_over_time((vector(time()) * 2)[1d:10ms])", timeout="20ms")
        self.assertEqual((status, answer["errorType"]), (503, "timeout"), answer)
        self.assertIn("query timed out in", answer["error"])

    def test_announced_body_too_large(self):
        head = (b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 10737418240\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
        answer = self.raw(head + b"query=" + b"1" * (64 * 2 ** 20))
        self.assertRegex(answer, rb"^(HTTP/1\.[01] (400|413) .*|)$|^HTTP/1\.[01] (400|413) ")

    def test_chunked_body_too_large(self):
        head = (b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Encoding: snappy\r\n"
                b"Content-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"\xff" * 0x100000 + b"\r\n"
        answer = self.raw(head + chunk * 256)
        self.assertRegex(answer, rb"^$|^HTTP/1\.[01] (400|413) ")

    def test_body_shorter_than_announced(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.sendall(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n"
                               b"Content-Length: 100\r\n\r\nquery=1")

    def test_huge_header(self):
        for head in (b"GET /-/ready HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 10_000_000 +
                     b"\r\n\r\n",
                     b"GET /-/ready HTTP/1.1\r\nHost: x\r\n" +
                     b"".join(b"X-%d: 1\r\n" % n for n in range(200_000)) + b"\r\n",
                     b"GET /" + b"x" * 10_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
            answer = self.raw(head)
            self.assertRegex(answer, rb"^$|^HTTP/1\.[01] (400|413|414|431) ")

    def test_garbage_instead_of_http(self):
        for data in (b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"GET\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000, b"GET / HTTP/1.1\r\n: x\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
                     b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"0\r\n\r\n"):
            with self.subTest(data[:40]):
                with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
                    connection.settimeout(60)
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                    try:
                        answer = connection.recv(65536)
                    except ConnectionError:
                        answer = b""
                    self.assertNotRegex(answer, rb"^HTTP/1\.[01] 5(?!05)")

    def test_unknown_transfer_coding_hides_no_second_request(self):
        answer = self.raw(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n"
                          b"Transfer-Encoding: xchunked\r\n\r\n"
                          b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 501"), answer[:200])
        self.assertNotIn(b"Healthy", answer)

    def test_a_form_of_millions_of_parameters(self):
        before = self.server.status_kb("VmRSS")
        status = self.server.post("/api/v1/query", b"a&" * 5_000_000,
                                  {"Content-Type": "application/x-www-form-urlencoded"})[0]
        self.assertEqual(status, 413)
        self.assertLess(self.server.status_kb("VmRSS") - before, 200_000)

    def test_a_foreign_page_cannot_open_a_websocket(self):
        for origin, status in (("https://evil.example", 403), (self.server.url, 101)):
            headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": origin,
                       "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                       "Sec-WebSocket-Version": "13"}
            head = "GET /ws HTTP/1.1\r\nHost: %s\r\n" % self.server.address
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            answer = self.raw(head.encode() + b"\r\n", size=200)
            self.assertTrue(answer.startswith(b"HTTP/1.1 %d" % status), answer)

    def test_bad_escapes_in_the_url(self):
        for path in ("/api/v1/query?query=%zz", "/api/v1/query?query=%", "/api/v1/query?%00=1",
                     "/api/v1/query?query=%ff%fe", "/api/v1/label/%ff/values",
                     "/api/v1/query?" + "&".join(["a=1"] * 10000)):
            status, _, body = self.server.get(path)
            self.assertIn(status, (200, 400, 404, 414, 431), path[:60])
            self.assertNotIn(b"\xff", body)

    def test_many_idle_connections(self):
        connections = []
        try:
            for _ in range(300):
                connections.append(
                    socket.create_connection(("127.0.0.1", self.server.port), timeout=60))
            self.assertEqual(self.server.get("/-/ready")[0], 200)
        finally:
            for connection in connections:
                connection.close()


class SampleLimit(unittest.TestCase):
    def test_query_that_would_load_too_much(self):
        flags = ["--web.enable-remote-write-receiver", "--query.max-samples=10000"]
        with harness.Prom5(flags, config="global: {}\n") as server:
            now = harness.now_ms()
            server.must_write([({"__name__": "load", "n": str(n)},
                                [(now - 60_000 + t * 1000, t) for t in range(60)])
                               for n in range(200)])
            self.assertEqual(server.value("count(load)"), 200)
            for query in ("load[2m]", "sum(max_over_time(load[2m:1s]))",
                          "sum_over_time(vector(1)[30d:1ms])",
                          "max_over_time(vector(time())[100y:1ms])"):
                status, answer = server.api_raw("query", query=query)
                self.assertEqual((status, answer["errorType"]), (422, "execution"), answer)
                self.assertIn("query processing would load too many samples into memory in ",
                              answer["error"])
            # The distance of the two is more than 64 bits of milliseconds.
            status, answer = server.api_raw("query_range", query="1", start="-9.2e15",
                                            end="9.2e15", step="1")
            self.assertEqual((status, answer["errorType"]), (400, "bad_data"), answer)
            # A function over a range holds one series at a time, as the reference counts.
            self.assertEqual(server.value("count(max_over_time(load[2m]))"), 200)


class WrongUse(unittest.TestCase):
    """Commands that cannot start: the reason on standard error, the exit code, nothing left."""

    def setUp(self):
        self.scratch = self.enterContext(harness.tempfile.TemporaryDirectory(prefix="prom5-e2e-"))
        self.data = os.path.join(self.scratch, "data")
        self.port = harness.free_port()

    def serve(self, *args):
        return harness.run_prom5("serve", f"--web.listen-address=127.0.0.1:{self.port}",
                                 f"--storage.tsdb.path={self.data}", *args, cwd=self.scratch,
                                 timeout=30)

    def expect(self, result, code, *words):
        self.assertEqual(result.returncode, code, harness.shown(result))
        for word in words:
            self.assertIn(word, result.stderr, harness.shown(result))
        self.assertNotIn("terminate called", result.stderr)

    def test_unknown_flag(self):
        self.expect(self.serve("--web.enable-lifecicle"), 2,
                    "--web.enable-lifecicle", "--web.enable-lifecycle")
        self.expect(self.serve("--storage.tsdb.retention.tim=1d"), 2,
                    "--storage.tsdb.retention.time")
        self.assertFalse(os.path.exists(self.data), "nothing may be started before flags are read")

    def test_unknown_command(self):
        self.expect(harness.run_prom5("serv"), 2, "serv", "serve")
        self.expect(harness.run_prom5("quary", "instant", "up"), 2, "quary", "query")
        self.expect(harness.run_prom5("query", "instnat", "up"), 2, "instnat", "instant")

    def test_wrong_values_of_flags(self):
        for flag in ("--query.timeout=soon", "--query.max-samples=many", "--log.level=loud",
                     "--storage.tsdb.retention.time=-1", "--query.max-concurrency=0x",
                     "--web.listen-address=nowhere"):
            with self.subTest(flag):
                result = self.serve(flag)
                self.expect(result, 2, flag.split("=")[0], flag.split("=")[1])
        self.expect(self.serve("stray"), 2, "stray")

    def write_config(self, text):
        path = os.path.join(self.scratch, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_unknown_configuration_key(self):
        path = self.write_config("global:\n  scrape_intervall: 15s\n")
        result = self.serve(f"--config.file={path}")
        self.assertIn(result.returncode, (1, 2), harness.shown(result))
        self.assertTrue(harness.names_position(result.stderr, path, 2, 3), harness.shown(result))
        self.assertIn("scrape_intervall", result.stderr)
        self.assertRegex(result.stderr, r"\bscrape_interval\b")
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", self.port)), 0)

    def test_broken_configurations(self):
        for name, text, place in (
                ("wrong type", "global:\n  scrape_interval: [1]\n", (2, 20)),
                ("bad duration", "global:\n  scrape_interval: soon\n", (2, 20)),
                ("broken YAML", "global:\n  scrape_interval: 'open\n", None),
                ("tab", "global:\n\tscrape_interval: 1s\n", None),
                ("key twice", "global: {}\nglobal: {}\n", (2, 1)),
                ("job twice", "scrape_configs:\n  - job_name: a\n  - job_name: a\n", None),
                ("no job name", "scrape_configs:\n  - metrics_path: /m\n", None),
                ("timeout above interval", "scrape_configs:\n  - job_name: a\n"
                 "    scrape_interval: 1s\n    scrape_timeout: 2s\n", None),
                ("bad regular expression", "scrape_configs:\n  - job_name: a\n"
                 "    relabel_configs:\n      - regex: '('\n", None),
                ("a list", "- a\n- b\n", None),
                ("alias bomb", "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
                    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n"
                    for n in range(9)), None),
                ("deep", "a: " + "[" * 20000, None)):
            with self.subTest(name):
                path = self.write_config(text)
                result = self.serve(f"--config.file={path}")
                self.assertIn(result.returncode, (1, 2), harness.shown(result))
                self.assertIn(path, result.stderr, harness.shown(result))
                if place:
                    self.assertTrue(harness.names_position(result.stderr, path, *place),
                                    harness.shown(result))

    def test_configuration_missing(self):
        path = os.path.join(self.scratch, "missing.yml")
        result = self.serve(f"--config.file={path}")
        self.assertIn(result.returncode, (1, 2), harness.shown(result))
        self.assertIn(path, result.stderr)

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", self.port)):
            self.expect(self.serve(), 1, f"127.0.0.1:{self.port}")

    def test_data_directory_cannot_be_made(self):
        file = os.path.join(self.scratch, "file")
        with open(file, "w", encoding="utf-8"):
            pass
        self.data = os.path.join(file, "below")
        self.expect(self.serve(), 1, self.data)

    def test_open_address_without_login_is_refused(self):
        result = harness.run_prom5("serve", f"--web.listen-address=0.0.0.0:{self.port}",
                                   f"--storage.tsdb.path={self.data}", cwd=self.scratch,
                                   timeout=30)
        self.assertIn(result.returncode, (1, 2), harness.shown(result))
        self.assertIn(f"0.0.0.0:{self.port}", result.stderr)
        self.assertRegex(result.stderr, r"prom5 |--web\.", "says which command mends it")


class SameDataDirectory(unittest.TestCase):
    def test_second_process_is_refused_and_the_first_goes_on(self):
        first = self.enterContext(harness.Prom5(config="global: {}\n"))
        result = harness.run_prom5(
            "serve", f"--web.listen-address=127.0.0.1:{harness.free_port()}",
            f"--storage.tsdb.path={first.data_dir}", f"--config.file={first.config_path}",
            timeout=30)
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn(str(first.data_dir), result.stderr)
        self.assertIn(str(first.process.pid), result.stderr)
        self.assertEqual(first.get("/-/ready")[0], 200)
        first.kill()  # A lock left behind by a killed process holds nobody up.
        first.start()
        self.assertEqual(first.get("/-/ready")[0], 200)


if __name__ == "__main__":
    unittest.main()
