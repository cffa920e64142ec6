"""The feature type-and-unit-labels: __type__ and __unit__ from the page to the next server."""
import unittest

import harness
import remote_write_wire as wire
from snappy_wire import snappy_literal

FEATURE = "--enable-feature=type-and-unit-labels"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
COUNTER = """\
# HELP read_bytes What was read.
# TYPE read_bytes counter
# UNIT read_bytes bytes
read_bytes_total{disk="a"} 7
# EOF
"""
GAUGE = COUNTER.replace("counter", "gauge").replace("bytes_total", "bytes")
LABELS = {"__name__": "read_bytes_total", "__type__": "counter", "__unit__": "bytes", "disk": "a",
          "job": "page"}


class Page(unittest.TestCase):
    def setUp(self):
        self.pages = self.enterContext(harness.PageServer({"/metrics": (COUNTER, OPEN_METRICS)}))
        self.labels = {**LABELS, "instance": self.pages.address}

    def server(self, *flags, more=""):
        config = harness.scrape_config(("page", self.pages.address)) + more
        return self.enterContext(harness.Prom5(flags, config=config))

    def series(self, server, query):
        return [one["metric"] for one in server.query(query)]

    def test_labels_of_a_page(self):
        server = self.server(FEATURE)
        server.wait_for_value("read_bytes_total", 7)
        self.assertEqual(self.series(server, "read_bytes_total"), [self.labels])
        self.assertEqual(self.series(server, '{__type__="counter",__unit__="bytes"}'),
                         [self.labels])
        self.assertEqual(server.value('count({__type__!="",job="page"})'), 1)
        self.assertIn("__unit__", server.api("labels"))
        self.assertEqual(server.api("label/__type__/values"), ["counter"])
        features = server.api("features")
        self.assertTrue(features["scrape"]["type_and_unit_labels"])
        self.assertTrue(features["promql"]["type_and_unit_labels"])
        self.assertNotIn("no effect", server.log())

    def test_they_go_with_the_name(self):
        server = self.server(FEATURE)
        server.wait_for_value("read_bytes_total", 7)
        rest = {name: value for name, value in self.labels.items() if not name.startswith("__")}
        for query in ("-read_bytes_total", "read_bytes_total * 2", "abs(read_bytes_total)",
                      "max_over_time(read_bytes_total[1m])"):
            self.assertEqual(self.series(server, query), [rest], query)
        for query in ("read_bytes_total > 0", "last_over_time(read_bytes_total[1m])"):
            self.assertEqual(self.series(server, query), [self.labels], query)
        self.assertEqual(self.series(server, "sum by (__type__) (read_bytes_total)"),
                         [{"__type__": "counter"}])

    def test_another_type_is_another_series(self):
        server = self.server(FEATURE)
        server.wait_for_value("read_bytes_total", 7)
        self.pages.pages["/metrics"] = (GAUGE.replace("read_bytes{", "read_bytes_total{"),
                                        OPEN_METRICS)
        harness.wait_until(lambda: [one["__type__"] for one in
                                    self.series(server, 'read_bytes_total')] != ["counter"],
                           "the series of the counter ends")
        self.assertEqual(server.value('count(last_over_time({__type__="counter"}[1m]))'), 1)

    def test_without_the_feature_there_are_none(self):
        server = self.server()
        server.wait_for_value("read_bytes_total", 7)
        self.assertEqual(server.query('{__type__!=""}'), [])
        features = server.api("features")
        self.assertFalse(features["scrape"]["type_and_unit_labels"])
        self.assertFalse(features["promql"]["type_and_unit_labels"])

    def test_sent_on_by_version_2(self):
        with wire.Receiver() as receiver:
            self.server(FEATURE, more=(
                f"remote_write:\n  - url: {receiver.url}\n"
                f"    protobuf_message: {wire.V2}\n"
                "    write_relabel_configs:\n"
                "      - {source_labels: [__name__], regex: up, target_label: __type__,"
                " replacement: gauge}\n"
                "    queue_config: {batch_send_deadline: 200ms}\n"))

            def sent(name):
                return [one for request in receiver.accepted() for one in request.series
                        if one.name == name]

            harness.wait_until(lambda: sent("read_bytes_total") and sent("up"), "they arrive")
            self.assertEqual(dict(sent("read_bytes_total")[-1].labels), self.labels)
            self.assertEqual(sent("read_bytes_total")[-1].metadata[0::2], ("counter", "bytes"))
            # The labels tell it, whatever else is known of the metric.
            self.assertEqual(sent("up")[-1].metadata[0], "gauge")
            self.assertEqual(sent("scrape_duration_seconds")[-1].metadata[0], "unknown")
            self.assertEqual(receiver.mistakes, [])


class Received(unittest.TestCase):
    """Metadata of remote write 2.0."""

    def stored(self, *flags):
        server = self.enterContext(harness.Prom5(
            ["--web.enable-remote-write-receiver", *flags], config="global: {}\n"))
        now = harness.now_ms()
        series = [({"__name__": "a_total", "__type__": "said"}, [(now, 1.0)],
                   ("counter", "Help.", "bytes")),
                  ({"__name__": "b", "__type__": "said"}, [(now, 1.0)], ("unknown", "Help.", ""))]
        status, text = server.write_bytes(
            snappy_literal(wire.write_request_v2(series)), wire.V2_HEADERS)
        self.assertIn(status, (200, 204), text)
        return {one["metric"]["__name__"]: one["metric"] for one in
                server.query('{__name__=~"a_total|b"}')}

    def test_becomes_labels(self):
        self.assertEqual(self.stored(FEATURE), {
            "a_total": {"__name__": "a_total", "__type__": "counter", "__unit__": "bytes"},
            "b": {"__name__": "b", "__type__": "said"}})

    def test_without_the_feature_it_does_not(self):
        self.assertEqual(self.stored(), {
            "a_total": {"__name__": "a_total", "__type__": "said"},
            "b": {"__name__": "b", "__type__": "said"}})


class Switched(unittest.TestCase):
    """Series from before and after the feature was switched on."""

    def test_doctor_tells_why_a_rate_fails(self):
        server = self.enterContext(harness.Prom5(
            ["--web.enable-remote-write-receiver", FEATURE], config="global: {}\n"))
        now = harness.now_ms()
        old, new, other = ({"__name__": name, "job": "a", **more} for name, more in (
            ("read_total", {}), ("read_total", {"__type__": "counter"}), ("up", {})))
        server.must_write([(old, [(now - 60_000, 5.0), (now - 45_000, 7.0)]),
                           (new, [(now - 30_000, 9.0), (now - 15_000, 12.0)]),
                           (other, [(now - 30_000, 1.0), (now - 15_000, 1.0)])])
        for query, part, fix in (
                ("sum(rate(read_total[5m]))", "read_total[5m]",
                 'sum(rate(read_total{__type__!=""}[5m]))'),
                ('read_total{job="a"} * 2', 'read_total{job="a"}',
                 'read_total{__type__!="",job="a"} * 2')):
            status, answer = server.api_raw("query", query=query)
            self.assertEqual((status, answer["error"]),
                             (422, "vector cannot contain metrics with the same labelset"))
            data = server.api("/api/v5/query/doctor", query=query)
            self.assertTrue(data["empty"])
            [finding] = data["findings"]
            self.assertEqual((finding["cause"], finding["expression"], finding["fix"]),
                             ("type_changed", part, fix))
            self.assertIn("type-and-unit-labels", finding["text"])
            self.assertEqual(len(server.query(fix)), 1)
        # Another reason is none of its.
        status, answer = server.api_raw("/api/v5/query/doctor",
                                        query='label_replace({job="a"}, "__name__", "x", "", "")')
        self.assertEqual((status, answer["errorType"]), (422, "execution"))


if __name__ == "__main__":
    unittest.main()
