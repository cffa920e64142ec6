"""Exemplars by remote write, beside Debian's Prometheus."""
import unittest

import harness


class Exemplars(unittest.TestCase):
    """Both get the same; both are asked the same."""

    @classmethod
    def setUpClass(cls):
        cls.ours = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver"], config="scrape_configs: []\n"))
        cls.theirs = cls.enterClassContext(harness.Prometheus(
            ["--enable-feature=exemplar-storage"]))
        cls.now = harness.now_ms() // 1000 * 1000
        trace = harness.Exemplar
        series = [
            ({"__name__": "requests_total", "job": "a"}, [
                (cls.now, 1.0), (cls.now - 5000, trace({"trace_id": "one"}, 0.25)),
                (cls.now - 4123, trace({"trace_id": "two", "span": "x"}, 7.0)),
                (cls.now - 9000, trace({"trace_id": "late"}, 1.0)),
                (cls.now - 4123, trace({"trace_id": "two", "span": "x"}, 7.0))]),
            ({"__name__": "requests_total", "job": "b"}, [
                (cls.now, 1.0), (cls.now - 3000, trace({"trace_id": "b" * 200}, 1.0)),
                (cls.now - 2000, trace({}, float("inf")))]),
            ({"__name__": "other", "job": "a"}, [
                (cls.now, 1.0), (cls.now - 1000, trace({"id": "3"}, -1e-9))])]
        for server in (cls.ours, cls.theirs):
            server.must_write(series)

    def ask(self, server, **params):
        return server.get(server.api_path("/api/v1/query_exemplars", params))

    def test_answers_are_theirs(self):
        span = {"start": self.now / 1000 - 60, "end": self.now / 1000}
        for params in (
                {"query": "requests_total", **span},
                {"query": 'rate(requests_total{job="a"}[5m]) / ignoring(x) other', **span},
                {"query": "requests_total", "start": self.now / 1000 - 4.5, "end": span["end"]},
                {"query": "absent_metric", **span},
                {"query": "1 + 1", **span},
                {"query": "(", **span},
                {"query": "requests_total", "start": 10, "end": 5},
                {"query": "requests_total", "start": "x", "end": 5}):
            ours, theirs = self.ask(self.ours, **params), self.ask(self.theirs, **params)
            self.assertEqual(ours[0], theirs[0], params)
            if ours[0] == 204:
                continue
            got, want = harness.parse_json(ours[2]), harness.parse_json(theirs[2])
            if ours[0] != 200:
                self.assertEqual(got["errorType"], want["errorType"], params)
                continue
            order = lambda answer: sorted(map(str, answer["data"] or []))
            self.assertEqual(order(got), order(want), params)

    def test_they_survive_a_crash(self):
        before = self.ask(self.ours, query="requests_total")[2]
        self.assertIn(b"two", before)
        self.ours.kill()
        self.ours.start()
        self.assertEqual(self.ask(self.ours, query="requests_total")[2], before)

    def test_refused_ones_are_counted(self):
        page = self.ours.get("/metrics")[2].decode()
        for line in ("prom5_remote_write_exemplars_refused_total 3",
                     "prometheus_tsdb_exemplar_series_with_exemplars_in_storage 3"):
            self.assertIn(line + "\n", page)


if __name__ == "__main__":
    unittest.main()
