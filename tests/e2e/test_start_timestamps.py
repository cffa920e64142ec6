"""Start timestamps: scraped, received, stored, asked for and sent on."""
import time
import unittest

import harness
import remote_write_wire as wire
from protobuf import field_bytes, field_double, field_varint, varint
from snappy_wire import snappy_literal

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")
FEATURES = "--enable-feature=use-start-timestamps"


class Scraped(unittest.TestCase):
    """An OpenMetrics page with a _created line, of a process that is started anew."""

    def setUp(self):
        self.total, self.fetches, self.created = 0, 0, 100.5
        self.pages = self.enterContext(harness.PageServer({"/metrics": (self.page, OPEN_METRICS)}))

    def page(self):
        self.fetches += 1
        self.total += 1
        if self.created is None:  # since the fetch before
            self.created = round(time.time() - 0.01, 3)
        return ("# TYPE jobs counter\n"
                f"jobs_total{{kind=\"a\"}} {self.total}\n"
                f"jobs_created{{kind=\"a\"}} {self.created}\n"
                "# EOF\n")

    def restart(self):
        """The process begins anew, and its counter has grown beyond what it was."""
        self.created = None
        harness.wait_until(lambda: self.created, "the page is fetched")
        return self.created

    def scraped(self, times=2):
        seen = self.fetches
        harness.wait_until(lambda: self.fetches >= seen + times, "the page is scraped")

    def config(self, more=""):
        return harness.scrape_config(("page", self.pages.address)) + more

    def start_of(self, server, query='start_timestamp(jobs_total)'):
        result = server.query(query)
        return float(result[0]["value"][1]) if result else None

    def test_stored_and_kept_over_a_kill(self):
        server = self.enterContext(harness.Prom5([FEATURES], config=self.config()))
        harness.wait_until(lambda: self.start_of(server) == 100.5, "the start is known")
        again = self.restart()
        harness.wait_until(lambda: self.start_of(server) == again, "the new start is known")
        # No value fell, so that nothing but the start tells of the restart.
        harness.wait_until(lambda: server.value("resets(jobs_total[1h])") == 1, "a reset is seen")
        self.assertEqual(server.value("count(jobs_created)"), 1)
        server.kill()
        server.start()
        self.assertEqual(server.value("resets(jobs_total[1h])"), 1)
        harness.wait_until(lambda: self.start_of(server) == again, "the start is known again")

    def test_without_the_feature_answers_are_as_ever(self):
        server = self.enterContext(harness.Prom5(config=self.config()))
        self.scraped()
        self.restart()
        self.scraped()
        self.assertEqual(server.query("start_timestamp(jobs_total)"), [])
        self.assertEqual(server.value("resets(jobs_total[1h])"), 0)

    def test_created_series_go_where_they_are_starts(self):
        server = self.enterContext(harness.Prom5(
            [FEATURES + ",st-storage"], config=self.config()))
        harness.wait_until(lambda: self.start_of(server) == 100.5, "the start is known")
        self.assertEqual(server.query("jobs_created"), [])

    def test_sent_on_by_version_2(self):
        with wire.Receiver() as receiver:
            config = self.config(
                f"remote_write:\n  - url: {receiver.url}\n"
                f"    protobuf_message: {wire.V2}\n"
                "    queue_config: {batch_send_deadline: 200ms}\n")
            server = self.enterContext(harness.Prom5(config=config))

            def starts():
                return {start for request in receiver.accepted() for series in request.series
                        if series.name == "jobs_total" for _, _, start in series.samples}

            harness.wait_until(lambda: 100_500 in starts(), "the start arrives")
            again = round(self.restart() * 1000)
            harness.wait_until(lambda: again in starts(), "the new start arrives")
            server.kill()
            before = len(receiver.accepted())
            server.start()
            harness.wait_until(lambda: len(receiver.accepted()) > before + 2, "it goes on")
            self.assertEqual(starts() - {0}, {100_500, again})
            self.assertEqual(receiver.mistakes, [])


class Received(unittest.TestCase):
    """Remote write 2.0, with starts of each sample."""

    def setUp(self):
        self.server = self.enterContext(harness.Prom5(
            [FEATURES, "--web.enable-remote-write-receiver"], config="global: {}\n"))

    def write(self, series):
        status, text = self.server.write_bytes(
            snappy_literal(wire.write_request_v2(series)), wire.V2_HEADERS)
        self.assertIn(status, (200, 204), text)

    def test_floats_and_histograms(self):
        hist = harness.Histogram(6, 6.0, {0: 6})
        self.write([({"__name__": "f_total"}, [(60_000, 5.0, 30_000), (120_000, 6.0, 90_000)]),
                    ({"__name__": "h"}, [(60_000, hist, 30_000)])])
        self.assertEqual(self.server.value("increase(f_total[2m])", 120), 11)
        self.assertEqual(self.server.value("histogram_count(increase(h[1m]))", 60), 6)

    def test_from_one_server_to_another(self):
        again = self.enterContext(harness.Prom5(
            [FEATURES, "--web.enable-remote-write-receiver"], config=(
                "global: {}\nremote_write:\n"
                f"  - url: {self.server.url}/api/v1/write\n    protobuf_message: {wire.V2}\n"
                "    queue_config: {batch_send_deadline: 200ms}\n")))
        now = harness.now_ms()
        series = [({"__name__": "f_total"}, [(now - 2000, 5.0, now - 9000), (now - 1000, 6.0)])]
        status, text = again.write_bytes(
            snappy_literal(wire.write_request_v2(series)), wire.V2_HEADERS)
        self.assertIn(status, (200, 204), text)
        query = "start_timestamp(f_total)"
        harness.wait_until(lambda: self.server.query(query, (now - 1500) / 1000), "it arrives")
        for at, expected in ((now - 1500, (now - 9000) / 1000), (now - 500, 0)):
            harness.wait_until(lambda: self.server.query("f_total", at / 1000), "it arrives")
            self.assertEqual(self.server.value(query, at / 1000), expected)


class Protobuf(unittest.TestCase):
    """created_timestamp of a scraped MetricFamily, and the zeros that are made of it."""

    def setUp(self):
        self.began = time.time() - 30
        self.pages = self.enterContext(harness.PageServer({"/metrics": (self.page, PROTOBUF)}))

    def page(self):
        seconds = int(self.began)
        created = field_varint(1, seconds) + field_varint(2, 250_000_000)
        counter = field_double(1, 42.0) + field_bytes(3, created)
        family = (field_bytes(1, b"made_total") + field_varint(3, 0)
                  + field_bytes(4, field_bytes(3, counter)))
        return varint(len(family)) + family

    def test_a_zero_where_a_counter_begins(self):
        flag = "--enable-feature=created-timestamp-zero-ingestion,use-start-timestamps"
        server = self.enterContext(harness.Prom5(
            [flag], config=harness.scrape_config(("page", self.pages.address))))
        start = int(self.began) + 0.25
        harness.wait_until(lambda: server.query("made_total"), "the page is scraped")
        self.assertEqual(server.value("start_timestamp(made_total)"), start)
        self.assertEqual(server.value("made_total", start), 0)
        self.assertEqual(server.value("count_over_time((made_total == 0)[1m:1s])", start + 1), 1)
        self.assertAlmostEqual(server.value("max_over_time(made_total[2m])"), 42)


if __name__ == "__main__":
    unittest.main()
