"""What everybody who looks at the server should know: /api/v1/notifications and its stream."""
import os
import threading
import unittest

import harness
from websocket_wire import Closed, EventStream

GOOD = "global: {}\n"
BAD = "global: {no_such_key: 1}\n"
WORSE = "global: {other: 1}\n"
STARTING = "The server is starting and replaying the write-ahead log."
FAILED = "Configuration reload has failed: "
STOPPING = "The server is shutting down."
LIVE = "/api/v1/notifications/live"


class Notifications(unittest.TestCase):
    def server(self, *flags, config=GOOD):
        return self.enterContext(harness.Prom5(["--web.enable-lifecycle", *flags], config=config))

    def stream(self, server):
        stream = self.enterContext(EventStream(server, LIVE))
        self.assertEqual(stream.status, 200)
        self.assertIn("content-type: text/event-stream", stream.head)
        return stream

    def next(self, stream):
        """(text, active) of the next event."""
        event, note = stream.receive()
        self.assertEqual((event, set(note)), ("message", {"text", "date", "active"}))
        return note["text"], note["active"]

    def reload(self, server, config, status):
        server.write_config(config)
        self.assertEqual(server.post("/-/reload")[0], status)

    def test_a_reload_that_fails_and_one_that_works(self):
        server = self.server()
        before = harness.now_ms()
        self.assertEqual(server.api("notifications"), [])
        stream = self.stream(server)
        self.reload(server, BAD, 500)
        text, active = self.next(stream)
        self.assertEqual((text[:len(FAILED)], active), (FAILED, True))
        self.assertRegex(text, r'prometheus\.yml:1:10: .*"no_such_key"')
        [note] = server.api("notifications")
        self.assertEqual((note["text"], note["active"]), (text, True))
        raised = server.value('timestamp(vector(1))', time=note["date"]) * 1000
        self.assertGreaterEqual(raised, before)
        self.assertLessEqual(raised, harness.now_ms())
        # Who comes later hears of it at once.
        self.assertEqual(self.next(self.stream(server)), (text, True))
        # Another reason takes its place.
        self.reload(server, WORSE, 500)
        self.assertEqual(self.next(stream), (text, False))
        other, active = self.next(stream)
        self.assertIn("prometheus.yml:1:", other)
        self.assertEqual([note["text"] for note in server.api("notifications")], [other])
        self.reload(server, GOOD, 200)
        self.assertEqual(self.next(stream), (other, False))
        self.assertEqual(server.api("notifications"), [])

    def test_the_end_is_told(self):
        server = self.server()
        stream = self.stream(server)
        server.signal(15)
        self.assertEqual(self.next(stream), (STOPPING, True))
        with self.assertRaises(Closed):
            stream.receive()
        self.assertEqual(server.wait(), 0)

    def test_the_start_is_told_until_it_is_over(self):
        server = harness.Prom5()
        # What nobody reads yet holds the server up while it begins its work.
        queries = server.scratch / "queries"
        os.mkfifo(queries)
        server.config_path = server.scratch / "prometheus.yml"
        server.write_config(f"global: {{query_log_file: {queries}}}\n")
        server.spawn()
        self.addCleanup(server.__exit__, None, None, None)

        def listening():
            try:
                return server.get("/-/healthy")[0] == 200
            except OSError:
                return False
        harness.wait_until(listening, "the server to listen")
        stream = self.stream(server)
        self.assertEqual(self.next(stream), (STARTING, True))
        self.assertEqual([note["text"] for note in server.api("notifications")], [STARTING])
        self.assertEqual(server.get("/-/ready")[0], 503)
        reader = threading.Thread(target=queries.read_bytes)
        reader.start()
        self.assertEqual(self.next(stream), (STARTING, False))
        self.assertEqual(server.api("notifications"), [])
        self.assertEqual(server.get("/-/ready")[0], 200)
        server.kill()
        reader.join()

    def test_streams_are_limited(self):
        server = self.server("--web.max-notifications-subscribers=2")
        first = self.stream(server)
        self.stream(server)
        self.assertEqual(server.get(LIVE)[0], 204)
        self.assertEqual(server.metric("prometheus_api_notification_active_subscribers"), 2)
        first.connection.close()
        harness.wait_until(
            lambda: server.metric("prometheus_api_notification_active_subscribers") == 1,
            "the server to see that a listener left")
        self.stream(server)
        self.assertEqual(server.get(LIVE)[0], 204)

    def test_none_may_be_allowed(self):
        server = self.server("--web.max-notifications-subscribers=0")
        self.assertEqual(server.get(LIVE)[0], 204)
        self.assertEqual(server.api("notifications"), [])

    def test_sixteen_by_default(self):
        server = self.server()
        for _ in range(16):
            self.stream(server)
        self.assertEqual(server.get(LIVE)[0], 204)
        self.assertEqual(server.api("status/flags")["web.max-notifications-subscribers"], "16")


class SelfMetrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5())

    def families(self, pattern=None):
        parameters = {} if pattern is None else {"metric_name_pattern": pattern}
        return {f["name"]: f for f in self.server.api("status/self_metrics", **parameters)}

    def test_all_families_of_the_page(self):
        page = self.server.get("/metrics")[2].decode()
        types = dict(line.split(" ")[2:4] for line in page.splitlines()
                     if line.startswith("# TYPE "))
        found = {name: family["type"].lower() for name, family in self.families().items()}
        # Families come to be as they are needed.
        self.assertLessEqual(types.items(), found.items())
        self.assertGreater(len(found), 50)

    def test_values(self):
        gauge = self.families("process_start_time_seconds")["process_start_time_seconds"]
        self.assertEqual(gauge, {
            "name": "process_start_time_seconds", "type": "GAUGE",
            "help": "Start time of the process since unix epoch in seconds.",
            "metric": [{"gauge": {"value": self.server.metric("process_start_time_seconds")}}]})

    def test_histograms_add_up(self):
        self.server.query("1")
        histograms = [f for f in self.families().values() if f["type"] == "HISTOGRAM"]
        self.assertTrue(histograms)
        for family in histograms:
            for metric in family["metric"]:
                histogram = metric["histogram"]
                counts = [int(b["cumulativeCount"]) for b in histogram["bucket"]]
                bounds = [b["upperBound"] for b in histogram["bucket"]]
                self.assertEqual((counts, bounds), (sorted(counts), sorted(bounds)), family["name"])
                self.assertLessEqual(counts[-1], int(histogram["sampleCount"]))

    def test_pattern(self):
        self.assertEqual(set(self.families("process_(open_fds|start_time_seconds)")),
                         {"process_open_fds", "process_start_time_seconds"})
        self.assertEqual(self.families("process"), {})
        status, answer = self.server.api_raw("status/self_metrics", metric_name_pattern="(")
        self.assertEqual((status, answer["errorType"]), (400, "bad_data"))
        self.assertTrue(answer["error"].startswith("invalid metric_name_pattern: "), answer)


if __name__ == "__main__":
    unittest.main()
