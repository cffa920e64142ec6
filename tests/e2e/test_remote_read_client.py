"""Queries that other servers answer a part of: `remote_read` in our configuration.

Debian's Prometheus and another prom5 are the servers that have old samples; a server made of Python
shows what is sent, and answers as badly as can be.
"""
import base64
import http.server
import pathlib
import signal
import tempfile
import threading
import time
import unittest

import harness
from protobuf import (field_bytes, field_double, field_varint, label_fields, read_fields, signed,
                      varint)
from snappy_wire import crc32c, snappy_literal, unsnappy

WRITES = "--web.enable-remote-write-receiver"
MINUTE = 60_000
HOUR = 60 * MINUTE
STREAMED = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
QUERIES_TOTAL = "prometheus_remote_storage_read_queries_total"
FAILURES = "prom5_remote_storage_read_failures_total"


def remote_read(url, *lines):
    """YAML of one server to read from."""
    return "".join([f"  - url: {url}/api/v1/read\n", *(f"    {line}\n" for line in lines)])


def reading_from(*servers, external=""):
    return (f"global:\n  external_labels: {{{external}}}\n"
            + ("remote_read:\n" + "".join(servers) if servers else ""))


def points_of(server, query, time_ms):
    """{labels as sorted pairs: [(milliseconds, float)]} of a range vector, and the warnings."""
    status, answer = server.api_raw("query", query=query, time=time_ms / 1000)
    assert status == 200, answer
    found = {tuple(sorted(series["metric"].items())):
             [(round(t * 1000), float(v)) for t, v in series["values"]]
             for series in answer["data"]["result"]}
    return found, answer.get("warnings", [])


def labels(name, **more):
    return tuple(sorted({"__name__": name, **more}.items()))


def metrics_named(server, name):
    lines = server.get("/metrics")[2].decode().splitlines()
    return [line for line in lines if line.startswith(name + "{")]


def sum_of(server, name, having=""):
    return sum(float(line.split()[-1]) for line in metrics_named(server, name) if having in line)


class ReadingTests:
    """With each kind of server that has old samples."""

    maxDiff = None

    def make_remote(self):
        raise NotImplementedError

    def setUp(self):
        self.now = harness.now_ms() // 15_000 * 15_000
        self.remote = self.enterContext(self.make_remote())
        # Within an hour: an older sample would be too old for Prometheus after a newer one.
        self.old = range(self.now - 100 * MINUTE, self.now - 70 * MINUTE, 15_000)
        self.new = range(self.now - 20 * MINUTE, self.now, 15_000)
        self.remote.must_write(
            [({"__name__": "load", "n": str(n)}, [(t, t % 977 + n) for t in self.old])
             for n in range(5)]
            + [({"__name__": "only_there", "job": "a"}, [(t, 1.0) for t in self.old]),
               ({"__name__": "both"}, [(t, 2.0) for t in self.old])])

    def reader(self, *lines, external="region: north"):
        server = self.enterContext(harness.Prom5([WRITES], config=reading_from(
            remote_read(self.remote.url, *lines), external=external)))
        server.must_write(
            [({"__name__": "load", "n": str(n)}, [(t, t % 977 + n) for t in self.new])
             for n in range(1, 6)])
        return server

    def test_old_samples_are_found_and_joined_with_new_ones(self):
        for lines in ((), ("read_recent: true",)):
            with self.subTest(lines):
                reader = self.reader(*lines)
                found, warnings = points_of(reader, "load[2h]", self.now)
                self.assertEqual(warnings, [])
                self.assertEqual(found, {
                    labels("load", n=str(n)):
                        [(t, float(t % 977 + n)) for t in self.old if n < 5]
                        + [(t, float(t % 977 + n)) for t in self.new if n > 0]
                    for n in range(6)})
                found, _ = points_of(reader, 'only_there{job=~"a|b"}[2h]', self.now)
                self.assertEqual(len(found[labels("only_there", job="a")]), len(self.old))
                self.assertEqual(points_of(reader, "nothing[2h]", self.now), ({}, []))
                self.assertGreaterEqual(sum_of(reader, QUERIES_TOTAL, 'response_type="chunked"'), 3)
                self.assertEqual(sum_of(reader, FAILURES), 0)

    def test_of_one_time_the_local_sample_stays(self):
        reader = self.reader()
        reader.must_write([({"__name__": "both"}, [(self.old[3], 1.0), (self.old[5] + 1, 1.5)])])
        found, _ = points_of(reader, "both[2h]", self.now)
        expected = {t: 2.0 for t in self.old} | {self.old[3]: 1.0, self.old[5] + 1: 1.5}
        self.assertEqual(found, {labels("both"): sorted(expected.items())})

    def test_external_labels(self):
        # The reader's own are asked for and taken off; other ones are shown.
        reader = self.reader(external="")
        found, _ = points_of(reader, "only_there[2h]", self.now)
        self.assertEqual(list(found), [labels("only_there", job="a", region="north")])
        for external, lines, query, expected in (
                ("region: north", (), "only_there", {}),
                ("region: north", (), 'only_there{region="north"}', {"region": "north"}),
                ("region: north", ("filter_external_labels: false",), "only_there",
                 {"region": "north"}),
                ("region: south", (), "only_there", None)):
            with self.subTest(f"{external} {lines} {query}"):
                reader = self.reader(*lines, external=external)
                found, warnings = points_of(reader, query + "[2h]", self.now)
                self.assertEqual(warnings, [])
                self.assertEqual(list(found), [] if expected is None else
                                 [labels("only_there", job="a", **expected)])

    def test_required_matchers(self):
        reader = self.reader("required_matchers: {job: a}")
        self.assertEqual(points_of(reader, "only_there[2h]", self.now), ({}, []))
        self.assertEqual(points_of(reader, 'only_there{job=~"a"}[2h]', self.now), ({}, []))
        found, _ = points_of(reader, 'only_there{job="a"}[2h]', self.now)
        self.assertEqual(list(found), [labels("only_there", job="a")])

    def test_a_server_that_is_gone_costs_a_warning(self):
        reader = self.reader()
        self.remote.stop()
        found, warnings = points_of(reader, "load[2h]", self.now)
        self.assertEqual(len(found), 5)
        self.assertEqual([len(points) for points in found.values()], [len(self.new)] * 5)
        self.assertEqual(len(warnings), 1)
        self.assertIn("remote read from ", warnings[0])
        self.assertIn(self.remote.address, warnings[0])
        self.assertEqual(sum_of(reader, FAILURES), 1)
        self.remote.start()
        found, warnings = points_of(reader, "load[2h]", self.now)
        self.assertEqual((len(found), warnings), (6, []))

    def test_a_reload_adds_and_removes_it(self):
        reader = self.enterContext(harness.Prom5([WRITES], config=reading_from()))

        def configured(*servers, found):
            reader.write_config(reading_from(*servers, external="region: north"))
            reader.signal(signal.SIGHUP)
            harness.wait_until(
                lambda: len(points_of(reader, "only_there[2h]", self.now)[0]) == found,
                f"{found} series with {servers}")
            self.assertEqual(bool(metrics_named(reader, QUERIES_TOTAL)), found > 0)

        self.assertEqual(points_of(reader, "only_there[2h]", self.now), ({}, []))
        self.assertEqual(metrics_named(reader, QUERIES_TOTAL), [])
        configured(remote_read(self.remote.url), found=1)
        configured(found=0)
        configured(remote_read(self.remote.url, "remote_timeout: 30s"), found=1)

    def test_answers_that_are_kept_are_not_too_old(self):
        reader = self.reader()
        ask = lambda: reader.api("query_range", query="late", start=(self.now - 2 * HOUR) / 1000,
                                 end=self.now / 1000, step=60)["result"]
        for _ in range(3):
            self.assertEqual(ask(), [])
        self.remote.must_write([({"__name__": "late"}, [(self.old[-1], 7.0)])])
        self.assertEqual(len(ask()), 1)

    def test_what_else_sees_it(self):
        reader = self.reader()
        times = {"start": (self.now - 2 * HOUR) / 1000, "end": self.now / 1000}
        self.assertEqual(reader.api("series", **{"match[]": "only_there"}, **times),
                         [{"__name__": "only_there", "job": "a"}])
        # The protocol has no question for names.
        self.assertNotIn("only_there", reader.api("label/__name__/values", **times))
        # A server that reads from the reader sees what that one reads.
        third = self.enterContext(harness.Prom5(config=reading_from(
            remote_read(reader.url), external="region: north")))
        found, _ = points_of(third, 'load{n="1"}[2h]', self.now)
        self.assertEqual(len(found[labels("load", n="1")]), len(self.old) + len(self.new))


class FromPrometheus(ReadingTests, unittest.TestCase):
    def make_remote(self):
        return harness.Prometheus(config="global:\n  external_labels: {region: north}\n")


class FromProm5(ReadingTests, unittest.TestCase):
    def make_remote(self):
        return harness.Prom5([WRITES], config="global:\n  external_labels: {region: north}\n")

    def test_native_histograms(self):
        self.remote.must_write(
            [({"__name__": "size"}, [(t, harness.Histogram(3 + i, 2.5, {0: 1 + i, 2: 2}, schema=1))
                                     for i, t in enumerate(self.old)]),
             ({"__name__": "share"}, [(t, harness.Histogram(1.5 + i, 2.5, {0: 1.5 + i}))
                                      for i, t in enumerate(self.old)])])
        reader = self.reader()
        for query in ("size[2h]", "share[2h]", "histogram_quantile(0.5, increase(size[2h]))"):
            with self.subTest(query):
                want = self.remote.query(query, self.now / 1000)
                self.assertEqual(len(want), 1)
                self.assertEqual(reader.query(query, self.now / 1000), want)


# --------------------------------------------------------------------------------- made of Python

class FakeRemote:
    """Keeps what it is asked, and gives `answer(query)`: (status, headers, body)."""

    def __init__(self):
        self.asked = []  # (path, headers, query as dictionary)
        self.answer = lambda query: sampled([])
        self.closing = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802, the name is the base class's
                body = self.rfile.read(int(self.headers["Content-Length"]))
                query = read_query(unsnappy(body))
                outer.asked.append((self.path, self.headers, query))
                status, headers, body = outer.answer(query)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that has given up is no error.
        self._server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def read_query(message):
    fields = list(read_fields(message))
    (query,) = [v for n, v in fields if n == 1]
    out = {"matchers": [], "types": [v for n, v in fields if n == 2]}
    for number, value in read_fields(query):
        if number in (1, 2):
            out["start" if number == 1 else "end"] = signed(value)
        if number == 3:
            matcher = {1: 0, **dict(read_fields(value))}
            out["matchers"].append((matcher[1], matcher[2].decode(), matcher[3].decode()))
    return out


def sampled(series):
    """An answer of (labels, [(milliseconds, float)])."""
    result = b""
    for names, points in series:
        body = label_fields(names)
        for time_ms, value in points:
            body += field_bytes(2, field_double(1, value) + field_varint(2, time_ms))
        result += field_bytes(1, body)
    return (200, {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"},
            snappy_literal(field_bytes(1, result)))


def streamed(body):
    return 200, {"Content-Type": STREAMED}, body


def frame(message):
    return varint(len(message)) + crc32c(message).to_bytes(4, "big") + message


class FromPython(unittest.TestCase):
    def setUp(self):
        self.remote = self.enterContext(FakeRemote())
        self.now = harness.now_ms() // 1000 * 1000

    def reader(self, *lines, external="", args=(), data_dir=None):
        server = self.enterContext(harness.Prom5(
            [WRITES, *args], data_dir=data_dir,
            config=reading_from(remote_read(self.remote.url, *lines), external=external)))
        server.must_write([({"__name__": "here"}, [(self.now, 1.0)])])
        return server

    def test_the_request(self):
        reader = self.reader("headers: {X-Tenant: '7'}",
                             "basic_auth: {username: reader, password: secret}",
                             external="region: north")
        query = '{__name__="here", a!="b", c=~"d|e", f!~"g.*"}[10m]'
        points_of(reader, query, self.now)
        ((path, headers, asked),) = self.remote.asked
        self.assertEqual(path, "/api/v1/read")
        for name, value in (("Content-Encoding", "snappy"), ("Accept-Encoding", "snappy"),
                            ("Content-Type", "application/x-protobuf"),
                            ("X-Prometheus-Remote-Read-Version", "0.1.0"), ("X-Tenant", "7"),
                            ("Authorization",
                             "Basic " + base64.b64encode(b"reader:secret").decode())):
            self.assertEqual(headers.get_all(name), [value])
        self.assertRegex(headers["User-Agent"], r"^prom5/\d")
        self.assertEqual(asked, {
            "start": self.now - 10 * MINUTE + 1, "end": self.now, "types": [1, 0],
            "matchers": [(0, "__name__", "here"), (1, "a", "b"), (2, "c", "d|e"), (3, "f", "g.*"),
                         (0, "region", "north")]})

    def test_samples_in_any_order(self):
        times = [self.now - n * MINUTE for n in (1, 3, 2)]
        self.remote.answer = lambda query: sampled(
            [([("__name__", "m"), ("n", n), ("region", "north")], [(t, 1.0) for t in times])
             for n in ("2", "1", "3")])
        reader = self.reader(external="region: north")
        found, warnings = points_of(reader, "m[10m]", self.now)
        self.assertEqual(warnings, [])
        self.assertEqual(found, {labels("m", n=n): [(t, 1.0) for t in sorted(times)]
                                 for n in ("1", "2", "3")})
        self.assertEqual(reader.value("sum(m)", self.now / 1000), 3)
        self.assertEqual(sum_of(reader, QUERIES_TOTAL, 'response_type="sampled"'), 2)

    def test_samples_count_for_the_limit_of_a_query(self):
        self.remote.answer = lambda query: sampled(
            [([("__name__", "m")], [(self.now - n, 1.0) for n in range(2000)])])
        reader = self.reader(args=["--query.max-samples=1000"])
        status, answer = reader.api_raw("query", query="m[10m]", time=self.now / 1000)
        self.assertEqual((status, answer["status"]), (422, "error"))
        self.assertIn("too many samples", answer["error"])

    def test_what_is_stored_here_is_not_asked_for(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        page = folder / "page.om"
        page.write_text("".join(f"old 1 {(self.now - 12 * HOUR + n * MINUTE) // 1000}\n"
                                for n in range(180)) + "# EOF\n")
        result = harness.run_prom5("tsdb", "import", page, f"--storage.tsdb.path={folder / 'data'}")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        reader = self.reader(data_dir=folder / "data")
        blocks = reader.api("/api/v1/status/tsdb/blocks")["blocks"]
        complete_from = min(block["minTime"] for block in blocks) + 4 * HOUR
        points_of(reader, "old[30m]", self.now)
        self.assertEqual(self.remote.asked, [])
        points_of(reader, "old[30m]", self.now - 11 * HOUR)
        points_of(reader, "old[6h]", self.now - 6 * HOUR)
        self.assertEqual([(asked["start"], asked["end"]) for _, _, asked in self.remote.asked],
                         [(self.now - 11 * HOUR - 30 * MINUTE + 1, self.now - 11 * HOUR),
                          (self.now - 12 * HOUR + 1, complete_from)])

    def test_bad_answers_cost_a_warning(self):
        reader = self.reader("chunked_read_limit: 1000")
        good = frame(field_bytes(1, label_fields([("__name__", "here")])))
        for answer, said in (
                (streamed(good[:-1]), "ends early"),
                (streamed(good[:2] + bytes([good[2] ^ 1]) + good[3:]), "checksum"),
                (streamed(frame(b"x" * 1001)), "chunked_read_limit"),
                (streamed(frame(b"\x0a\x7f")), "malformed"),
                ((200, {"Content-Type": "application/x-protobuf"}, b"\xff" * 9), "snappy"),
                ((200, {"Content-Type": "text/html"}, b"<html>"), "text/html"),
                ((404, {}, b"no such page\n"), "HTTP status 404: no such page")):
            with self.subTest(said):
                self.remote.answer = lambda query, answer=answer: answer
                found, warnings = points_of(reader, "here[10m]", self.now)
                self.assertEqual(found, {labels("here"): [(self.now, 1.0)]})
                self.assertEqual(len(warnings), 1, warnings)
                self.assertIn(said, warnings[0])
        self.assertEqual(sum_of(reader, FAILURES), 7)
        self.remote.answer = lambda query: streamed(good * 3)
        self.assertEqual(points_of(reader, "here[10m]", self.now)[1], [])

    def never(self, _query):
        self.remote.closing.wait()
        return sampled([])

    def test_one_that_never_answers(self):
        self.remote.answer = self.never
        reader = self.reader("remote_timeout: 1s")
        found, warnings = points_of(reader, "here[10m]", self.now)
        self.assertEqual((len(found), len(warnings)), (1, 1))
        self.assertIn("timed out", warnings[0])

    def test_a_query_waits_no_longer_than_it_may(self):
        self.remote.answer = self.never
        reader = self.reader()
        started = time.monotonic()
        # What is stored here is answered with in time.
        _, answer = reader.api_raw("query", query="here + here", timeout="2s", time=self.now / 1000)
        self.assertEqual(answer["data"]["result"][0]["value"][1], "2")
        self.assertIn("no answer in the time that the query has", answer["warnings"][0])
        self.assertEqual(len(self.remote.asked), 1)  # not for the second selector
        # A query that is cancelled does not wait for others.
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(reader.api_raw("query", query="here")))
        asking.start()
        harness.wait_until(lambda: len(self.remote.asked) == 2, "the second question is there")
        (query,) = reader.api("/api/v5/query/active")
        self.assertEqual(reader.request("DELETE", f"/api/v5/query/active/{query['id']}")[0], 204)
        asking.join()
        self.assertEqual(answers[0][1]["errorType"], "canceled")
        self.assertLess(time.monotonic() - started, 30)

    def test_a_server_is_in_all_of_an_answer_or_in_nothing_of_it(self):
        """It has more of both metrics, and fails for the one that is asked for last."""
        def answer(query):
            (name,) = (v for _, n, v in query["matchers"] if n == "__name__")
            if name == "there":
                return 500, {}, b"out of order"
            return sampled([([("__name__", name), ("from", "far")], [(self.now, 100.0)])])

        self.remote.answer = answer
        reader = self.reader()
        reader.must_write([({"__name__": "there"}, [(self.now, 2.0)])])
        _, answer = reader.api_raw("query", query="sum(here) / sum(there)", time=self.now / 1000)
        self.assertEqual(answer["data"]["result"][0]["value"][1], "0.5")
        self.assertEqual(len(answer["warnings"]), 1, answer)
        self.assertIn("out of order", answer["warnings"][0])

    def test_doctor_and_explain_say_what_they_do_not_see(self):
        self.remote.answer = lambda query: (500, {}, b"out of order")
        reader = self.reader()
        finding = reader.api("/api/v5/query/doctor", query="elsewhere")["findings"][0]
        self.assertEqual(finding["cause"], "others_unseen")
        self.assertIn("out of order", finding["text"])
        _, body = reader.api_raw("/api/v5/query/explain", run="true", query="here")
        self.assertIn("out of order", body["warnings"][0])

    def test_servers_in_a_circle_come_to_an_end(self):
        reader = self.enterContext(harness.Prom5(
            [WRITES], config=reading_from(remote_read(f"http://{harness.SELF}"))))
        reader.must_write([({"__name__": "here"}, [(self.now, 1.0)])])
        started = time.monotonic()
        found, _ = points_of(reader, "here[10m]", self.now)
        self.assertEqual(found, {labels("here"): [(self.now, 1.0)]})
        self.assertLess(time.monotonic() - started, 30)


if __name__ == "__main__":
    unittest.main()
