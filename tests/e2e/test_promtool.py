"""Debian's promtool against our server and our pages."""
import json
import unittest

import harness


class Promtool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(config=harness.scrape_config(
            ("prom5", harness.SELF),
            ("host", harness.SELF, "metrics_path: /host/metrics"))))
        cls.server.wait_for_value('sum(up)', 2)

    def succeeds(self, *args, stdin=None):
        result = harness.promtool(*args, stdin=stdin)
        self.assertEqual(result.returncode, 0, harness.shown(result))
        return result.stdout

    def test_query_instant(self):
        out = self.succeeds("query", "instant", self.server.url, 'up{job="prom5"}')
        self.assertRegex(out, r'^up\{instance="[^"]+", job="prom5"\} => 1 @\[\d+(\.\d+)?\]\n$')

    def test_query_instant_as_json(self):
        out = self.succeeds("query", "instant", "--format=json", self.server.url, "up")
        self.assertEqual({s["metric"]["job"] for s in json.loads(out)}, {"prom5", "host"})

    def test_query_instant_scalar(self):
        out = self.succeeds("query", "instant", self.server.url, "1 + 1")
        self.assertRegex(out, r"^scalar: 2 @\[")

    def test_query_range(self):
        time = float(self.server.query("timestamp(up{job='prom5'})")[0]["value"][1])
        out = self.succeeds("query", "range", f"--start={time:.3f}", f"--end={time + 4:.3f}",
                            "--step=1s", self.server.url, 'up{job="prom5"} * 7')
        lines = out.splitlines()
        self.assertRegex(lines[0], r'^\{instance="[^"]+", job="prom5"\} =>$')
        self.assertGreaterEqual(len(lines), 2, out)
        for line in lines[1:]:
            self.assertRegex(line, r"^7 @\[")

    def test_query_series(self):
        out = self.succeeds("query", "series", "--match=up", self.server.url)
        self.assertEqual(len(out.splitlines()), 2, out)
        self.assertIn('job="host"', out)

    def test_query_labels(self):
        out = self.succeeds("query", "labels", self.server.url, "job")
        self.assertEqual(out.split(), ["host", "prom5"])

    def test_wrong_query_is_reported(self):
        result = harness.promtool("query", "instant", self.server.url, "up +")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn("parse error: unexpected end of input", result.stderr)

    def check_page(self, path):
        status, headers, body = self.server.get(path, {"Accept": "text/plain"})
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        result = harness.promtool("check", "metrics", stdin=body.decode())
        # A name of Prometheus's own, which its linter does not like either.
        theirs = ("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total metric "
                  "name should not include type 'histogram'\n")
        found = result.stderr.replace(theirs, "")
        self.assertIn(result.returncode, (0, 3))
        self.assertEqual((result.stdout, found), ("", ""),
                         f"promtool check metrics of {path} found something to mend")

    def test_check_metrics_of_our_own_page(self):
        self.check_page("/metrics")


if __name__ == "__main__":
    unittest.main()
