"""Sending remote write: what goes out, when it is sent again, what is counted.

A Python receiver takes everything apart. Samples come into the sender by its own remote write
receiver, so that each test knows them exactly. With PROM5_LONG=1 Debian's Prometheus 2.42 takes
the same tests in the place of prom5, as far as they concern the first version of the protocol:
a test that it does not pass asks for something else than Prometheus' behaviour.
"""
import base64
import os
import re
import signal
import time
import unittest

import harness
import remote_write_wire as wire
from protobuf import read_fields
from snappy_wire import unsnappy

LONG = bool(os.environ.get("PROM5_LONG"))
PREFIX = "prometheus_remote_storage_"


def remote_write(url, *more, **queue):
    """YAML lines of one element of remote_write; `more` at its level, the rest in queue_config."""
    queue = {"batch_send_deadline": "100ms", "min_backoff": "30ms", "max_backoff": "200ms",
             "max_shards": 4, **queue}
    return [f"  - url: {url}", *(f"    {line}" for line in more), "    queue_config:",
            *(f"      {k}: {v}" for k, v in queue.items())]


def metric(server, name, /, **labels):
    """Sum of a family of remote storage over its label sets; fails when there is none."""
    return server.metric(PREFIX + name, **labels)


def soon():
    """Milliseconds of a sample: Prometheus sends nothing that is older than its own start, and
    that may be some moments after it says that it is ready."""
    return harness.now_ms() + 50


def shown_labels(labels):
    return tuple(sorted(labels.items()))


class SenderTests:
    """The tests, for each sender and each message."""

    maxDiff = None
    message = wire.V1
    headers = ("0.1.0", ("application/x-protobuf", f"application/x-protobuf;proto={wire.V1}"))
    options = ()  # further lines of the element of remote_write
    waits_after_503 = True
    keeps_place = True  # a killed sender goes on where it was
    keeps_minus_zero = True
    sends_own_headers = True
    feature_flags = ()

    def setUp(self):
        self.receiver = self.enterContext(wire.Receiver())

    def tearDown(self):
        self.assertEqual(self.receiver.mistakes, [])

    def make(self, config):
        return harness.Prom5([*harness.RECEIVER_FLAGS, *self.feature_flags], config=config)

    def config(self, *more, external=(), scrape=(), url=None, further=(), **queue):
        options = list(self.options)
        if not any("metadata_config" in line for line in more) and self.message == wire.V1:
            options.append("metadata_config: {send: false}")  # one kind of request less
        return "\n".join(
            ["global:", "  scrape_interval: 1s",
             *(["  external_labels:"] if external else []),
             *(f"    {k}: {v}" for k, v in external), "remote_write:",
             *remote_write(url or self.receiver.url, *options, *more, **queue), *further,
             *scrape]) + "\n"

    def sender(self, *more, **options):
        return self.enterContext(self.make(self.config(*more, **options)))

    @staticmethod
    def write(server, *series):
        server.must_write(list(series))

    def burst(self, server, name="burst", series=3, points=4, start_ms=None):
        """Writes some samples; returns what the receiver must hold in the end."""
        start_ms = start_ms or soon()
        written = [({"__name__": name, "n": str(n)},
                    [(start_ms + i, float(100 * n + i)) for i in range(points)])
                   for n in range(series)]
        self.write(server, *written)
        return {shown_labels(labels): list(points) for labels, points in written}

    def arrive(self, expected, prefix="burst"):
        """Exactly these samples arrive, each once, in the order of time."""
        def all_there():
            found = self.receiver.points(prefix)
            return sum(map(len, found.values())) >= sum(map(len, expected.values()))
        harness.wait_until(all_there, f"{sum(map(len, expected.values()))} samples arrive")
        self.assertEqual(self.receiver.points(prefix), expected)

    # What goes out

    def test_request_and_its_headers(self):
        server = self.sender(url=self.receiver.url + "/v/x?tenant=a%20b")
        self.arrive(self.burst(server))
        version, content_types = self.headers
        for request in self.receiver.accepted():
            self.assertEqual(request.path, "/api/v1/write/v/x?tenant=a%20b")
            self.assertEqual(request.headers["Content-Encoding"], "snappy")
            self.assertEqual(request.headers["X-Prometheus-Remote-Write-Version"], version)
            self.assertIn(request.headers["Content-Type"], content_types)
            self.assertRegex(request.headers["User-Agent"], r"^\w+/\d+\.\d+")
            self.assertNotIn("Authorization", request.headers)
            self.assertEqual(int(request.headers["Content-Length"]), len(request.body))

    def test_every_bit_of_a_value_arrives(self):
        server = self.sender()
        values = [0.0, -0.0 if self.keeps_minus_zero else 2.0, 1e300, 5e-324, float("inf"),
                  float("-inf"), float("nan"), 0.1 + 0.2, harness.STALE_NAN]
        now = soon()
        self.write(server, ({"__name__": "bits", "a": "ü"},
                            [(now + n, v) for n, v in enumerate(values)]))
        def samples():
            return [s for r in self.receiver.accepted() for one in r.series for s in one.samples]
        harness.wait_until(lambda: len(samples()) == len(values), "all samples arrive")
        self.assertEqual([t for t, *_ in samples()], [now + n for n in range(len(values))])
        self.assertEqual([wire.bits(v) for _, v, _ in samples()], list(map(wire.bits, values)))

    def test_scraped_page_and_its_end(self):
        pages = self.enterContext(harness.PageServer({"/metrics": "from_page 7\n"}))
        self.sender(scrape=["scrape_configs:", "  - job_name: page", "    static_configs:",
                            f"      - targets: ['{pages.address}']"])
        key = shown_labels({"__name__": "from_page", "instance": pages.address, "job": "page"})
        harness.wait_until(lambda: self.receiver.points()[key], "a scraped sample arrives")
        pages.pages.clear()
        harness.wait_until(lambda: self.receiver.points()[key][-1][1] == "stale",
                           "the stale marker arrives")
        up = shown_labels({"__name__": "up", "instance": pages.address, "job": "page"})
        times = [t for t, v in self.receiver.points()[key] if v == 7.0]
        self.assertEqual([t for t, v in self.receiver.points()[up] if v == 1.0], times)

    def test_external_labels(self):
        server = self.sender(external=[("region", "north"), ("replica", "1")])
        now = soon()
        self.write(server, ({"__name__": "a"}, [(now, 1)]),
                   ({"__name__": "b", "region": "own"}, [(now, 2)]))
        harness.wait_until(lambda: len(self.receiver.points()) == 2, "both arrive")
        self.assertEqual(self.receiver.points(), {
            shown_labels({"__name__": "a", "region": "north", "replica": "1"}): [(now, 1)],
            shown_labels({"__name__": "b", "region": "own", "replica": "1"}): [(now, 2)]})

    def test_write_relabel_configs(self):
        server = self.sender(
            "write_relabel_configs:",
            "  - {source_labels: [__name__], regex: drop_.*, action: drop}",
            "  - {source_labels: [region, n], separator: '-', target_label: place}",
            "  - {regex: secret, action: labeldrop}", external=[("region", "north")])
        now = soon()
        self.write(server, ({"__name__": "drop_me"}, [(now, 1), (now + 1, 1)]),
                   ({"__name__": "keep", "n": "1", "secret": "x"}, [(now, 2)]))
        harness.wait_until(self.receiver.points, "the kept sample arrives")
        harness.wait_until(lambda: metric(server, "samples_dropped_total") == 2,
                           "both dropped samples are counted")
        self.assertEqual(self.receiver.points(), {
            shown_labels({"__name__": "keep", "n": "1", "place": "north-1",
                          "region": "north"}): [(now, 2)]})

    def test_own_headers(self):
        server = self.sender("headers:", "  X-Scope-OrgID: tenant-7", "  X-Other: 'a, b'")
        self.arrive(self.burst(server))
        if not self.sends_own_headers:
            return
        headers = self.receiver.accepted()[0].headers
        self.assertEqual(headers["X-Scope-OrgID"], "tenant-7")
        self.assertEqual(headers["X-Other"], "a, b")

    def test_credentials(self):
        for lines, expected in (
                (["basic_auth:", "  username: writer", "  password: 'pa:ss wörd'"],
                 "Basic " + base64.b64encode("writer:pa:ss wörd".encode()).decode()),
                (["authorization:", "  credentials: token-1"], "Bearer token-1")):
            with self.subTest(lines[0]):
                self.receiver.requests.clear()
                with self.make(self.config(*lines)) as server:
                    self.arrive(self.burst(server))
                    self.assertEqual(self.receiver.accepted()[0].headers["Authorization"],
                                     expected)
                    status, _, shown = server.get("/api/v1/status/config")
                    self.assertEqual(status, 200)
                    self.assertNotIn(lines[-1].split(": ")[1].strip("'").encode(), shown)

    # Parts of requests

    def test_no_request_is_longer_than_allowed(self):
        server = self.sender(max_samples_per_send=7, capacity=21)
        self.arrive(self.burst(server, series=10, points=10))
        self.assertLessEqual(max(r.counts()[0] for r in self.receiver.accepted()), 7)

    def test_order_of_each_series_through_retries_and_shards(self):
        turns = iter(range(10**9))
        self.receiver.answer = lambda request: (
            500 if next(turns) % 3 == 1 else self.receiver.accept(request))
        server = self.sender(max_samples_per_send=20, capacity=40, min_shards=4)
        start = soon()
        expected = {}
        for part in range(10):
            for labels, points in self.burst(server, series=50, points=5,
                                             start_ms=start + 10 * part).items():
                expected.setdefault(labels, []).extend(points)
        self.arrive(expected)

    def test_exemplars_only_when_asked_for(self):
        def series():
            return {"__name__": "traced"}, [(now, 1.0), (now + 1, harness.Exemplar(
                {"trace_id": "abc", "span": "é"}, 0.25))]
        server = self.sender("send_exemplars: true")
        now = soon()
        self.write(server, series())
        harness.wait_until(lambda: self.receiver.exemplars() and self.receiver.points(),
                           "the exemplar and the sample arrive")
        self.assertEqual(self.receiver.exemplars(), [
            (shown_labels({"__name__": "traced"}), {"trace_id": "abc", "span": "é"}, 0.25,
             now + 1)])
        self.assertEqual(list(self.receiver.points().values()), [[(now, 1.0)]])
        self.receiver.requests.clear()
        with self.make(self.config()) as other:
            now = soon()
            self.write(other, series())
            self.arrive(self.burst(other))
            self.assertEqual(self.receiver.exemplars(), [])

    HISTOGRAMS = {
        "whole": harness.Histogram(12, 18.4, {1: 3, 2: 4, 5: 1}, {1: 2}, zero_threshold=0.001,
                                   zero_count=2, schema=3),
        "halves": harness.Histogram(2.5, 3.5, {0: 1.5, 1: 1.0}, zero_count=0.0),
        "empty": harness.Histogram(0, 0.0, {})}

    def histogram_series(self, start_ms):
        return [({"__name__": "native", "kind": kind}, [(start_ms, h), (start_ms + 1, h)])
                for kind, h in self.HISTOGRAMS.items()]

    def test_native_histograms_only_when_asked_for(self):
        server = self.sender("send_native_histograms: true")
        now = soon()
        self.write(server, *self.histogram_series(now))
        def found():
            return self.receiver.points("native", "histograms")
        harness.wait_until(lambda: sum(map(len, found().values())) == 2 * len(self.HISTOGRAMS),
                           "all histograms arrive")
        for kind, given in self.HISTOGRAMS.items():
            with self.subTest(kind):
                points = found()[shown_labels({"__name__": "native", "kind": kind})]
                self.assertEqual([t for t, _ in points], [now, now + 1])
                for _, histogram in points:
                    self.assertEqual(histogram.same_as(given), {})
        harness.wait_until(lambda: metric(server, "histograms_total") == 2 * len(self.HISTOGRAMS),
                           "they are counted")
        self.receiver.requests.clear()
        with self.make(self.config()) as other:
            self.write(other, *self.histogram_series(soon()))
            self.arrive(self.burst(other))
            self.assertEqual(found(), {})

    # Answers

    def failing(self, times, answer):
        """The first requests with samples get this answer, the later ones are accepted."""
        left = [times]
        def choose(request):
            if left[0] == 0 or not request.series:
                return self.receiver.accept(request)
            left[0] -= 1
            return answer
        self.receiver.answer = choose

    def retried(self, answer, times=3, *more, **queue):
        """The same request comes again until it is accepted; returns the pauses in seconds."""
        self.failing(times, answer)
        server = self.sender(*more, max_shards=1, **queue)
        expected = self.burst(server)
        self.arrive(expected)
        requests = self.receiver.data_requests()
        self.assertGreater(len(requests), times)
        self.assertEqual({r.body for r in requests[:times + 1]}, {requests[0].body})
        failed = sum(r.counts()[0] for r in requests if r.status != 204)
        harness.wait_until(lambda: metric(server, "samples_retried_total") >= failed,
                           f"{failed} samples are counted as retried")
        self.assertEqual(metric(server, "samples_failed_total"), 0)
        return [b.arrived - a.arrived for a, b in zip(requests, requests[1:times + 1])]

    def test_errors_of_the_receiver_are_retried_with_growing_pauses(self):
        pauses = self.retried(500, times=4)
        for pause, least in zip(pauses, (0.03, 0.06, 0.12, 0.2)):
            self.assertGreaterEqual(pause, least * 0.9, pauses)

    def test_a_lost_answer_is_a_reason_to_retry(self):
        self.retried(None)

    def test_no_answer_is_a_reason_to_retry(self):
        self.failing(1, None)
        choose = self.receiver.answer
        def hang(request):
            answer = choose(request)
            if answer is None:
                self.receiver.closing.wait(30)
            return answer
        self.receiver.answer = hang
        server = self.sender("remote_timeout: 1s")
        self.arrive(self.burst(server))
        first, second = self.receiver.data_requests()[:2]
        self.assertGreaterEqual(second.arrived - first.arrived, 0.9)
        self.receiver.closing.set()

    def test_retry_after_of_503(self):
        pauses = self.retried((503, {"Retry-After": "1"}), times=1)
        if self.waits_after_503:
            self.assertGreaterEqual(pauses[0], 0.9)

    def test_too_many_requests_is_retried_when_told(self):
        pauses = self.retried((429, {"Retry-After": "1"}), times=2, retry_on_http_429="true")
        self.assertGreaterEqual(min(pauses), 0.9)

    def refused(self, status):
        self.failing(1, status)
        with self.make(self.config(max_shards=1)) as server:
            lost = self.burst(server, "lost", series=2, points=2)
            harness.wait_until(lambda: metric(server, "samples_failed_total") > 0,
                               "samples are counted as failed")
            failed = self.receiver.data_requests()[0].counts()[0]
            self.arrive(self.burst(server))
            found = self.receiver.points("lost")
            kept = sum(map(len, found.values()))
            self.assertEqual(kept + failed, sum(map(len, lost.values())))
            self.assertEqual(metric(server, "samples_failed_total"), failed)
            self.assertEqual(metric(server, "samples_retried_total"), 0)
            harness.wait_until(lambda: metric(server, "samples_pending") == 0, "nothing pends")

    def test_refused_samples_are_not_sent_again(self):
        for status in (400, 403, 404, 413, 422, 429):
            with self.subTest(status):
                self.receiver.requests.clear()
                self.refused(status)

    # Receivers that go away

    def test_nothing_is_lost_while_the_receiver_is_down(self):
        server = self.sender(max_samples_per_send=50, capacity=100)
        expected = self.burst(server, series=20, points=5)
        self.arrive(expected)
        self.receiver.down()
        for _ in range(10):
            start = harness.now_ms()
            harness.wait_until(lambda start=start: harness.now_ms() > start + 20, "time goes on")
            for labels, points in self.burst(server, series=20, points=5).items():
                expected[labels].extend(points)
        harness.wait_until(lambda: metric(server, "samples_retried_total") > 0, "it is noticed")
        self.receiver.up()
        self.arrive(expected)
        self.assertEqual(metric(server, "samples_failed_total"), 0)

    def test_a_receiver_that_is_down_holds_up_no_other(self):
        dead = f"http://127.0.0.1:{harness.free_port()}/api/v1/write"
        further = remote_write(dead, "name: dead", *self.options,
                               max_samples_per_send=10, capacity=10)
        server = self.sender("name: alive", max_samples_per_send=10, capacity=20, further=further)
        self.arrive(self.burst(server, series=20, points=10))
        self.assertEqual(metric(server, "samples_pending", remote_name="alive"), 0)
        harness.wait_until(lambda: metric(server, "samples_pending", remote_name="dead") > 0,
                           "the other one's samples wait")

    def test_an_orderly_stop_loses_nothing(self):
        server = self.sender(batch_send_deadline="10s")
        expected = self.burst(server)
        harness.wait_until(lambda: metric(server, "samples_pending") == 12, "the samples pend")
        self.assertEqual(self.receiver.requests, [])
        self.assertEqual(server.stop(), 0)
        if not self.receiver.requests:
            server.start()  # Not sent at the stop, so it must be sent now.
        self.arrive(expected)

    def test_reload_changes_nothing_for_what_is_on_its_way(self):
        self.receiver.answer = lambda request: 500
        server = self.sender()
        expected = self.burst(server)
        harness.wait_until(self.receiver.data_requests, "the first attempt")
        server.signal(signal.SIGHUP)
        seen = len(self.receiver.data_requests())
        harness.wait_until(lambda: len(self.receiver.data_requests()) > seen + 2, "attempts go on")
        for labels, points in self.burst(server).items():
            expected[labels].extend(points)
        self.receiver.answer = self.receiver.accept
        self.arrive(expected)

    def test_a_killed_sender_goes_on_where_it_was(self):
        if not self.keeps_place:
            return  # Prometheus sends only what is newer than its start.
        server = self.sender("send_native_histograms: true")
        before = self.burst(server, "before")
        self.arrive(before, "before")
        self.receiver.down()
        expected = self.burst(server, series=20, points=20)
        now = soon()
        self.write(server, *self.histogram_series(now))
        for _ in range(2):
            server.kill()
            server.start()
        self.receiver.up()
        self.arrive(expected)
        harness.wait_until(lambda: len(self.receiver.points("native", "histograms"))
                           == len(self.HISTOGRAMS), "the histograms arrive")
        # Said twice is allowed, said in another way is not.
        for labels, points in self.receiver.points("before").items():
            self.assertEqual(sorted(set(points)), before[labels])

    # Numbers about it

    def test_metrics(self):
        server = self.sender("name: here", "send_native_histograms: true")
        expected = self.burst(server, series=30, points=10)
        newest = max(t for points in expected.values() for t, _ in points)
        self.arrive(expected)
        labels = {"remote_name": "here", "url": self.receiver.url}

        def is_(name, value):
            harness.wait_until(lambda: metric(server, name, **labels) == value,
                               f"{name} is {value}")

        is_("samples_total", 300)
        is_("samples_pending", 0)
        is_("bytes_total", sum(len(r.body) for r in self.receiver.accepted()))
        for name in ("samples_failed_total", "samples_retried_total", "histograms_total",
                     "exemplars_total", "histograms_pending"):
            is_(name, 0)
        is_("shards_max", 4)
        is_("shards_min", 1)
        self.assertIn(metric(server, "shards", **labels), range(1, 5))
        self.assertGreaterEqual(metric(server, "shards_desired", **labels), 0)
        for name, having in (("highest_timestamp_in_seconds", {}),
                             ("queue_highest_sent_timestamp_seconds", labels)):
            harness.wait_until(lambda name=name, having=having: int(metric(
                server, name, **having)) == newest // 1000, f"{name} is {newest // 1000}")

    def test_a_queue_that_is_gone_tells_nothing_more(self):
        server = self.sender("name: gone")
        self.arrive(self.burst(server))
        self.assertEqual(metric(server, "shards", remote_name="gone"), 1)
        journals = lambda: list((server.data_dir / "remote").glob("*.journal"))
        if isinstance(server, harness.Prom5):
            self.assertEqual(len(journals()), 1)
        server.config_path.write_text("global: {}\n")
        server.signal(signal.SIGHUP)
        harness.wait_until(
            lambda: b'remote_name="gone"' not in server.get("/metrics")[2],
            "the metrics of the queue are gone")
        harness.wait_until(lambda: not journals(), "its journal is gone")

    def test_a_queue_that_is_removed_says_what_it_had_not_sent(self):
        warning = "A remote_write is removed before it had sent everything"
        if not self.keeps_place:
            return  # Prometheus says nothing.
        self.receiver.answer = lambda request: 500
        server = self.sender("name: gone")
        self.burst(server)
        harness.wait_until(lambda: metric(server, "samples_pending") == 12, "12 samples pend")
        server.config_path.write_text(self.config("name: gone", "remote_timeout: 9s"))
        server.signal(signal.SIGHUP)
        harness.wait_until(lambda: "Configuration reloaded" in server.log(), "it is changed")
        self.assertNotIn(warning, server.log())
        harness.wait_until(lambda: metric(server, "samples_pending") == 12, "12 pend again")
        server.config_path.write_text("global: {}\n")
        server.signal(signal.SIGHUP)
        harness.wait_until(lambda: warning in server.log(), "the warning is there")
        self.assertRegex(server.log(), warning + '" remote="?gone"? samples="?12')

    def test_the_log_does_not_tell_a_password(self):
        self.receiver.answer = lambda request: 500
        server = self.sender(url=self.receiver.url.replace("://", "://me:hush@"))
        self.burst(server)
        harness.wait_until(lambda: "xxxxx@" in server.log(), "the log tells of the failure")
        self.assertNotIn("hush", server.log())

    def test_a_new_queue_lacks_nothing(self):
        self.receiver.answer = lambda request: 500
        begun = time.time()
        server = self.sender("name: new")
        harness.wait_until(
            lambda: metric(server, "queue_highest_sent_timestamp_seconds",
                           remote_name="new") >= begun - 1,
            "it counts from now on")

    def test_pending_samples_are_counted(self):
        self.receiver.answer = lambda request: 500
        server = self.sender(max_samples_per_send=10, capacity=100)
        expected = self.burst(server, series=5, points=4)
        harness.wait_until(lambda: metric(server, "samples_pending") == 20, "20 samples pend")
        self.assertGreaterEqual(metric(server, "samples_retried_total"), 0)
        self.receiver.answer = self.receiver.accept
        self.arrive(expected)
        harness.wait_until(lambda: metric(server, "samples_pending") == 0, "none pends")

    PAGE = """# HELP jobs_done_total Jobs that are done, "all" of them.
# TYPE jobs_done_total counter
jobs_done_total{queue="a"} 3
# TYPE level gauge
level 1
# HELP wait_seconds How long.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 1
wait_seconds_bucket{le="+Inf"} 2
wait_seconds_sum 3
wait_seconds_count 2
plain 1
"""
    PAGE_METADATA = {"jobs_done_total": ("counter", 'Jobs that are done, "all" of them.', ""),
                     "level": ("gauge", "", ""),
                     "wait_seconds": ("histogram", "How long.", "")}

    def scraping(self, *more):
        pages = self.enterContext(harness.PageServer({"/metrics": self.PAGE}))
        return self.sender(*more, scrape=[
            "scrape_configs:", "  - job_name: page", "    static_configs:",
            f"      - targets: ['{pages.address}']"])


class FirstMessage(SenderTests):
    """What only the first message has."""

    def test_metadata_is_sent_by_the_clock(self):
        server = self.scraping("metadata_config: {send: true, send_interval: 1s}")
        def found():
            return [m for r in self.receiver.accepted() for m in r.metadata]
        harness.wait_until(lambda: {m[0] for m in found()} >= set(self.PAGE_METADATA),
                           "metadata arrives")
        sent = {family: (kind, text, unit) for family, kind, text, unit in found()}
        for family, wanted in self.PAGE_METADATA.items():
            self.assertEqual(sent[family], wanted)
        count = len([m for m in found() if m[0] == "level"])
        harness.wait_until(lambda: len([m for m in found() if m[0] == "level"]) > count,
                           "it is sent again")
        harness.wait_until(lambda: metric(server, "metadata_total") >= len(self.PAGE_METADATA),
                           "it is counted")

    def test_no_metadata_when_not_asked_for(self):
        self.scraping()
        harness.wait_until(lambda: [p for p in self.receiver.points("level").values()
                                    if len(p) > 2], "three scrapes arrive")
        self.assertEqual([m for r in self.receiver.requests for m in r.metadata], [])


class SecondMessage(SenderTests):
    """What only the second message has, and what is asked of it beyond the first."""

    message = wire.V2
    headers = ("2.0.0", (f"application/x-protobuf;proto={wire.V2}",))
    options = (f"protobuf_message: {wire.V2}",)
    HISTOGRAMS = {**SenderTests.HISTOGRAMS, "custom": harness.Histogram(
        6, 9.0, {0: 1, 1: 2, 2: 3}, schema=-53, custom=[0.5, 2.0], zero_threshold=0)}

    def test_metadata_is_in_the_series(self):
        self.scraping()
        def found():
            return {one.name: one.metadata for r in self.receiver.accepted() for one in r.series}
        names = {"jobs_done_total": "jobs_done_total", "level": "level",
                 "wait_seconds_bucket": "wait_seconds", "wait_seconds_sum": "wait_seconds",
                 "wait_seconds_count": "wait_seconds"}
        harness.wait_until(lambda: all(found()[name] == self.PAGE_METADATA[family]
                                       for name, family in names.items()),
                           "the series say what they are")
        self.assertEqual(found()["plain"], ("unknown", "", ""))
        # No series, no metadata: nothing is sent for it alone.
        self.assertTrue(all(one.times() or one.exemplars for r in self.receiver.accepted()
                            for one in r.series))

    def test_symbols_are_shared(self):
        server = self.sender(batch_send_deadline="1s", max_shards=1)
        self.arrive(self.burst(server, series=20, points=5))
        for request in self.receiver.accepted():
            symbols = [v for n, v in read_fields(unsnappy(request.body)) if n == 4]
            self.assertEqual(len(symbols), len(set(symbols)))

    def test_an_answer_without_counts_means_that_nothing_was_written(self):
        # Receivers of the first message that ignore the content type answer like this.
        self.receiver.answer = lambda request: 204
        server = self.sender()
        self.burst(server, "ignored")
        harness.wait_until(lambda: metric(server, "samples_failed_total") == 12,
                           "the samples are counted as failed")
        self.assertEqual(metric(server, "samples_retried_total"), 0)

    def test_parts_that_were_not_written_are_counted(self):
        self.failing(1, (400, dict(zip(wire.WRITTEN, "500"))))
        server = self.sender(batch_send_deadline="1s", max_shards=1)
        self.burst(server, "partial")
        harness.wait_until(lambda: metric(server, "samples_failed_total") > 0, "it is counted")
        sent = self.receiver.data_requests()[0].counts()[0]
        self.assertEqual(metric(server, "samples_failed_total"), max(sent - 5, 0))
        self.arrive(self.burst(server))


class First(FirstMessage, unittest.TestCase):
    """prom5 sends prometheus.WriteRequest."""

    def test_custom_buckets_are_not_sent(self):
        # Prometheus does not send them either: the first message's receivers know none.
        server = self.sender("send_native_histograms: true")
        now = soon()
        self.write(server, ({"__name__": "custom"}, [
            (now, SecondMessage.HISTOGRAMS["custom"])]), *self.histogram_series(now))
        harness.wait_until(lambda: len(self.receiver.points("native", "histograms"))
                           == len(self.HISTOGRAMS), "the others arrive")
        harness.wait_until(lambda: metric(server, "histograms_dropped_total") == 1,
                           "it is counted")
        self.assertEqual(self.receiver.points("custom", "histograms"), {})


class FirstByName(FirstMessage, unittest.TestCase):
    """The first message, chosen by its name."""

    options = (f"protobuf_message: {wire.V1}",)

    @classmethod
    def setUpClass(cls):
        if not LONG:
            raise unittest.SkipTest("the same as First; with PROM5_LONG=1 only")


class Second(SecondMessage, unittest.TestCase):
    """prom5 sends io.prometheus.write.v2.Request."""


class Debian(FirstMessage, unittest.TestCase):
    """The tests themselves, tested with Debian's Prometheus."""

    waits_after_503 = False  # since 2.48
    keeps_place = False
    keeps_minus_zero = False  # its encoder leaves out what equals zero
    sends_own_headers = False  # not in Debian's build; upstream's does
    feature_flags = ("--enable-feature=native-histograms,exemplar-storage",)

    @classmethod
    def setUpClass(cls):
        if not LONG:
            raise unittest.SkipTest("a test of the tests; with PROM5_LONG=1 only")
        harness.peer("prometheus")

    def make(self, config):
        return harness.Prometheus(self.feature_flags, config=config)


if __name__ == "__main__":
    unittest.main()
