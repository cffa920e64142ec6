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
                          ["build_info"], ["nothing"], []):
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

    def test_the_page_is_a_good_one(self):
        _, _, text = page(self.ours, "jobs_total")
        result = harness.run_prom5("check", "metrics", stdin=text)
        self.assertEqual(result.returncode, 0, harness.shown(result))


if __name__ == "__main__":
    unittest.main()
