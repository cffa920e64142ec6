"""/federate beside Debian's Prometheus, and scraped by it."""
import unittest
import urllib.parse

import harness

CONFIG = ("global:\n  external_labels: {region: north, zone: a}\n"
          "storage:\n  tsdb:\n    out_of_order_time_window: 1h\n")


def series(now):
    points = [(now - 30_000, 1.0), (now - 15_000, 2.5)]
    return [({"__name__": "jobs_total", "job": "a", "instance": "i:1"}, points),
            ({"__name__": "jobs_total", "job": "b", "zone": "own"}, points),
            ({"__name__": "build_info", "text": 'a "b"\\\n'}, [(now - 15_000, float("inf"))]),
            ({"__name__": "gone", "job": "a"},
             [(now - 30_000, 1.0), (now - 15_000, harness.STALE_NAN)]),
            ({"__name__": "old", "job": "a"}, [(now - 600_000, 1.0)])]


def page(server, *selectors):
    query = urllib.parse.urlencode([("match[]", s) for s in selectors])
    status, headers, body = server.get(f"/federate?{query}")
    return status, headers, body.decode()


class Federate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver"], config=CONFIG))
        cls.theirs = cls.enterClassContext(harness.Prometheus(config=CONFIG))
        now = harness.now_ms()
        for server in (cls.ours, cls.theirs):
            server.must_write(series(now))

    def test_the_same_page_as_prometheus(self):
        for selectors in (['{job="a"}'], ['{__name__=~".+"}'], ["jobs_total", '{job="b"}', "old"],
                          ["build_info"], ["nothing"], [], ['{__name__=~".*"}'],
                          ['{no_such="", zone!="x"}'], ["{}"], ["{}", "build_info"]):
            with self.subTest(selectors):
                status, headers, ours = page(self.ours, *selectors)
                _, _, theirs = page(self.theirs, *selectors)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"],
                                 "text/plain; version=0.0.4; charset=utf-8")
                # Of one family the order is free.
                self.assertEqual(sorted(ours.splitlines()), sorted(theirs.splitlines()))

    def test_families_are_in_one_piece(self):
        _, _, text = page(self.ours, '{__name__=~".+"}')
        names = [line.split("{")[0] for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(names, sorted(names))
        self.assertEqual(text.count("# TYPE jobs_total untyped"), 1)

    def test_a_wrong_selector(self):
        status, _, text = page(self.ours, "{job=")
        self.assertEqual(status, 400)
        self.assertIn("parse error", text)
        for server in (self.ours, self.theirs):
            status, _, body = server.get("/federate?match[]=up&match[]=%ZZ")
            self.assertEqual((status, body),
                             (400, b'error parsing form values: invalid URL escape "%ZZ"\n'))

    def test_the_page_is_a_good_one(self):
        _, _, text = page(self.ours, "jobs_total")
        result = harness.run_prom5("check", "metrics", stdin=text)
        self.assertEqual(result.returncode, 0, harness.shown(result))


PROTOBUF = ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited")


class Histograms(unittest.TestCase):
    """What only protobuf can carry, asked for as a scraper asks."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver"], config=CONFIG))
        now = harness.now_ms()
        cls.server.must_write([
            ({"__name__": "took", "job": "a"}, [(now - 1000, harness.Histogram(6, 7.5, {0: 6}))]),
            ({"__name__": "took_total", "job": "a"}, [(now - 1000, 6.0)])])

    def kind(self, accept):
        status, headers, _ = self.server.get("/federate?match[]=took", {"Accept": accept})
        self.assertEqual(status, 200)
        return headers["Content-Type"].split(";")[0].split("/")[1]

    def test_the_form_is_what_is_wanted_most(self):
        self.assertEqual(self.kind("*/*"), "plain")
        self.assertEqual(self.kind(PROTOBUF), "vnd.google.protobuf")
        self.assertEqual(self.kind(PROTOBUF + ";q=0.5,text/plain;q=0.4"), "vnd.google.protobuf")
        self.assertEqual(self.kind(PROTOBUF + ";q=0.4,text/plain;version=0.0.4;q=0.5"), "plain")
        self.assertEqual(self.kind(PROTOBUF + ";q=0"), "plain")
        self.assertEqual(self.kind(PROTOBUF.replace("delimited", "text")), "plain")

    def test_text_leaves_them_out(self):
        _, _, text = page(self.server, '{job="a"}')
        self.assertEqual([line.split("{")[0] for line in text.splitlines()],
                         ["# TYPE took_total untyped", "took_total"])

    def test_from_one_server_to_another(self):
        config = harness.scrape_config(
            ("again", self.server.address, "scrape_native_histograms: true",
             "honor_labels: true", "metrics_path: /federate",
             "params: {'match[]': ['{job=\"a\"}']}"))
        again = self.enterContext(harness.Prom5(config=config))
        again.wait_for_value("histogram_count(took)", 6)
        self.assertEqual(again.value("histogram_sum(took)"), 7.5)
        self.assertEqual(again.value("took_total"), 6)
        self.assertEqual([one["metric"] for one in again.query("took")], [
            {"__name__": "took", "job": "a", "region": "north", "zone": "a"}])


if __name__ == "__main__":
    unittest.main()
