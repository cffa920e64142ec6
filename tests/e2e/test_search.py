"""Completion: /api/v1/search finds metric names, label names and values by what was typed."""
import json
import unittest

import harness


class Search(unittest.TestCase):
    """Some metrics of an exporter and an application."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver", "--web.search.max-limit=500"],
            config="scrape_configs: []\n"))
        cls.now = harness.now_ms() // 1000
        names = ["http_requests_total", "http_request_duration_seconds", "grpc_requests_total",
                 "node_cpu_seconds_total", "Up_Time"]
        series = [({"__name__": name, "job": job, "host": f"h{n}"}, [(cls.now * 1000, 1.0)])
                  for name in names for job, n in (("api", 1), ("web", 2))]
        series += [({"__name__": "many", "n": f"v{n:03}"}, [(cls.now * 1000, 1.0)])
                   for n in range(250)]
        cls.server.must_write(series, [("http_requests_total", "counter", "Requests.", "")])

    def lines(self, path, **params):
        status, headers, body = self.server.get(
            self.server.api_path(f"/api/v1/search/{path}", params))
        self.assertEqual(status, 200, body)
        self.assertEqual(dict(headers)["Content-Type"], "application/x-ndjson; charset=utf-8")
        return [json.loads(line) for line in body.decode().splitlines()]

    def found(self, path, **params):
        """All results, and whether there are more."""
        *batches, trailer = self.lines(path, **params)
        self.assertEqual(trailer["status"], "success")
        return [r for batch in batches for r in batch["results"]], trailer["has_more"]

    def names(self, path, **params):
        return [r.get("name", r.get("value")) for r in self.found(path, **params)[0]]

    def test_metric_names(self):
        self.assertEqual(self.names("metric_names"), [
            "Up_Time", "grpc_requests_total", "http_request_duration_seconds",
            "http_requests_total", "many", "node_cpu_seconds_total"])
        self.assertEqual(self.names("metric_names", **{"search[]": "reqtotal", "sort_by": "score"}),
                         ["grpc_requests_total", "http_requests_total"])
        self.assertEqual(self.names("metric_names", **{"search[]": "up", "case_sensitive": "0"})[0],
                         "Up_Time")
        self.assertEqual(self.names("metric_names", **{"search[]": ["many", "Up"]}),
                         ["Up_Time", "many"])
        self.assertEqual(self.names("metric_names", **{"match[]": '{job="api"}', "sort_by": "alpha",
                                                       "sort_dir": "dsc"})[0],
                         "node_cpu_seconds_total")

    def test_scores_and_metadata(self):
        found, _ = self.found("metric_names", **{"search[]": "http_requests_t", "include_score": "1",
                                                 "include_metadata": "true"})
        self.assertEqual(found, [{"name": "http_requests_total", "score": 1, "type": "counter",
                                  "help": "Requests."}])

    def test_fuzzy_words(self):
        self.assertEqual(self.names("metric_names", **{
            "search[]": "htpp_requests_total", "fuzz_alg": "jarowinkler", "fuzz_threshold": 95}),
            ["http_requests_total"])
        self.assertEqual(self.names("metric_names", **{
            "search[]": "cpu", "fuzz_alg": "jarowinkler"}), ["node_cpu_seconds_total"])

    def test_labels(self):
        self.assertEqual(self.names("label_names"), ["__name__", "host", "job", "n"])
        self.assertEqual(self.names("label_names", **{"search[]": "h"}), ["host"])
        self.assertEqual(self.names("label_values", label="job"), ["api", "web"])
        self.assertEqual(self.names("label_values", label="not_there"), [])

    def test_limits_and_batches(self):
        *batches, trailer = self.lines("label_values", label="n", limit=200, batch_size=80)
        self.assertEqual([len(b["results"]) for b in batches], [80, 80, 40])
        self.assertTrue(trailer["has_more"])
        self.assertEqual(len(self.names("label_values", label="n")), 100)
        self.assertEqual(self.found("label_values", label="n", limit=250)[1], False)
        self.assertEqual(self.lines("label_values", label="n", **{"search[]": "x"}),
                         [{"results": []}, {"status": "success", "has_more": False}])

    def test_time(self):
        self.assertEqual(self.names("metric_names", end=self.now - 3600, start=self.now - 7200), [])
        self.assertIn("many", self.names("metric_names", start=self.now - 60, end=self.now + 60))

    def test_what_is_wrong(self):
        for path, params, said in (
                ("metric_names", {"limit": "0"}, 'invalid limit "0": must be a positive integer'),
                ("metric_names", {"limit": "501"}, "exceeds the configured maximum (500"),
                ("metric_names", {"batch_size": "x"}, 'invalid batch_size "x"'),
                ("metric_names", {"fuzz_threshold": "101"}, "must be 0-100"),
                ("metric_names", {"fuzz_alg": "soundex"}, 'unsupported fuzz_alg "soundex"'),
                ("metric_names", {"case_sensitive": "maybe"}, "must be boolean"),
                ("metric_names", {"include_metadata": "x"}, "must be boolean"),
                ("metric_names", {"sort_by": "size"}, 'invalid sort_by "size" for metric_names'),
                ("metric_names", {"sort_dir": "asc"}, "only valid when sort_by is set"),
                ("metric_names", {"sort_by": "score"}, "requires search[] to be set"),
                ("metric_names", {"search[]": ["a"] * 33}, "too many search[] terms: got 33"),
                ("metric_names", {"match[]": "{"}, "parse error"),
                ("metric_names", {"start": 10, "end": 5}, "must not be before start"),
                ("label_values", {}, 'missing required parameter "label"')):
            status, answer = self.server.api_raw(f"/api/v1/search/{path}", **params)
            self.assertEqual((status, answer["errorType"]), (400, "bad_data"), params)
            self.assertIn(said, answer["error"], params)


if __name__ == "__main__":
    unittest.main()
