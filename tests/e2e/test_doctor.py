"""Why is this query empty: seeded cases, each in a database of its own, and the doors to it.

doctor_cases.json was written by somebody who had not seen the doctor. At least nine in ten first
findings must name the right cause, and every fix that is offered must have an answer.
"""
import json
import pathlib
import re
import unittest

import harness

CASES = json.loads((pathlib.Path(__file__).parent / "doctor_cases.json").read_text())["cases"]
LEAST_SHARE = 0.9
CONFIG = "storage: {tsdb: {out_of_order_time_window: 400d}}\n"


def labels_of(series):
    """The labels of name{a="b",...}, as a dictionary."""
    name, _, inside = series.partition("{")
    labels = {key: value.replace('\\"', '"').replace("\\\\", "\\")
              for key, value in re.findall(r'([\w.]+)="((?:[^"\\]|\\.)*)"', inside)}
    return {"__name__": name, **labels} if name else labels


def samples_of(entry, now):
    """(milliseconds, value) from `from` to `to`, and a staleness marker where one is wanted."""
    out = []
    for n in range((entry["to"] - entry["from"]) // entry["every"] + 1):
        second = entry["from"] + n * entry["every"]
        out.append(((now + second) * 1000, float(entry["start"] + n * entry["add"])))
    if entry.get("stale"):
        out.append((out[-1][0] + entry["every"] * 1000, harness.STALE_NAN))
    return out


class Doctor(unittest.TestCase):
    """Beside a fresh server for each case."""

    def diagnose(self, case):
        """The first finding, and whether the fix that it offers has an answer."""
        now = harness.now_ms() // 60_000 * 60
        at = now + case.get("at", 0)
        with harness.Prom5(["--web.enable-remote-write-receiver"], config=CONFIG) as server:
            for entry in case["series"]:
                server.must_write([(labels_of(entry["series"]), samples_of(entry, now))])
            data = server.api("/api/v5/query/doctor", query=case["query"], time=at)
            if not data["empty"]:
                return {"cause": "not_empty", "text": ""}
            first = data["findings"][0]
            if "fix" in first:
                self.assertNotEqual(server.query(first["fix"], at), [], first)
            return first

    def test_the_first_cause_is_right(self):
        wrong = []
        for case in CASES:
            with self.subTest(case["name"]):
                first = self.diagnose(case)
                told = first["text"] + first.get("fix", "")
                if first["cause"] != case["cause"] or case.get("suggests", "") not in told:
                    wrong.append((case["name"], case["query"], case["cause"],
                                  case.get("suggests"), first))
        share = 1 - len(wrong) / len(CASES)
        print(f"doctor: {share:.3f} of {len(CASES)} first causes are right")
        self.assertGreaterEqual(len(CASES), 60)
        self.assertGreaterEqual(share, LEAST_SHARE, "\n".join(map(str, wrong)))


class Explain(unittest.TestCase):
    """What a query computes and costs, over HTTP and on the command line."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver"], config=CONFIG))
        cls.now = harness.now_ms() // 60_000 * 60
        cls.server.must_write([
            ({"__name__": "http_requests_total", "job": job, "code": code},
             [((cls.now - 3600 + 15 * n) * 1000, 7.0 * n) for n in range(241)])
            for job in ("api", "web") for code in ("200", "500")])

    def explain(self, query, **params):
        return self.server.api("/api/v5/query/explain", query=query, **params)

    def test_words_and_cost(self):
        data = self.explain('sum by (job) (rate(http_requests_total{code="500"}[5m]))',
                            time=self.now)
        self.assertEqual(data["words"],
                         "the sum, for each job, of the growth per second over 5m of "
                         'http_requests_total where code is "500"')
        self.assertEqual(data["type"], "instant vector")
        self.assertEqual(data["tree"]["estimate"]["series"], 2)
        self.assertEqual(data["tree"]["estimate"]["samples"], 40)
        self.assertNotIn("actual", data["tree"])
        self.assertEqual([inner["expression"] for inner in data["tree"]["inner"]],
                         ['rate(http_requests_total{code="500"}[5m])'])

    def test_a_run_says_where_time_went(self):
        data = self.explain("sum(rate(http_requests_total[5m])) > 0", run="true",
                            start=self.now - 1800, end=self.now, step=60)
        self.assertEqual(data["steps"], 31)
        root = data["tree"]
        aggregate = root["inner"][0]
        self.assertEqual(aggregate["actual"]["series"], 1)
        self.assertEqual(aggregate["inner"][0]["actual"]["series"], 4)
        self.assertGreaterEqual(root["actual"]["seconds"], aggregate["actual"]["seconds"])
        self.assertEqual(root["actual"]["samples"], data["tree"]["estimate"]["samples"])
        self.assertEqual(data["stats"]["samples"]["totalQueryableSamples"], 4 * 20 * 31)

    def test_words_are_of_their_own_part_alone(self):
        for query, words in (
                ('clamp(http_requests_total{job="$2$3"}, 1, 9)',
                 'http_requests_total where job is "$2$3", limited to between 1 and 9'),
                ("up[5m]", "all samples within 5m of up"),
                ("sum by (a) (x) / y", "(the sum, for each a, of x) divided by y")):
            self.assertEqual(self.explain(query)["words"], words)
        nested = "up"
        for _ in range(7):
            nested = f'label_join({nested}, "{"$3" * 8}", "{"$4" * 8}", "{"$1" * 8}", "x")'
        self.assertLess(len(json.dumps(self.explain(nested))), 200_000)

    def test_windows_of_subqueries_have_their_cost(self):
        # Each of its windows begins anew, unlike those of most functions.
        slow = ("double_exponential_smoothing(double_exponential_smoothing("
                "vector(1)[1d:1s], 0.5, 0.5)[3d:1s], 0.5, 0.5)")
        self.assertGreater(self.explain(slow)["tree"]["estimate"]["seconds"], 5)

    def test_findings_that_warnings_tell(self):
        finding = self.server.api("/api/v5/query/doctor",
                                  query='{__name__=~"http_request_.*"}')["findings"][0]
        self.assertEqual(finding["cause"], "label_value_unknown")
        self.assertIn("http_requests_total", finding["text"])
        for query in ("nosuch[5m]", "nosuch[5m] # with a comment"):
            finding = self.server.api("/api/v5/query/doctor", query=query)["findings"][0]
            self.assertEqual(finding["cause"], "metric_unknown", query)

    def test_two_mistakes_are_corrected_together(self):
        finding = self.server.api(
            "/api/v5/query/doctor", time=self.now,
            query='http_request_total{job="api"} / http_requests_total{job="apy"}')["findings"][0]
        self.assertEqual(finding["fix"],
                         'http_requests_total{job="api"} / http_requests_total{job="api"}')

    def test_advice(self):
        for query, said in (
                ('http_requests_total{code=~"500"}', 'code="500" says the same'),
                ('{job="api"}', "names no metric"),
                ("rate(sum(http_requests_total)[5m:])", "aggregate the rates instead"),
                ("histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m])))", "label le")):
            self.assertIn(said, " ".join(self.explain(query)["advice"]), query)
        self.assertEqual(self.explain("sum(rate(http_requests_total[5m]))")["advice"], [])

    def test_wrong_use(self):
        for path, params, said in (
                ("explain", {}, "no query parameter provided"),
                ("explain", {"query": "sum("}, "parse error"),
                ("doctor", {"query": "up", "time": "soon"}, 'invalid parameter "time"'),
                ("doctor", {"query": "up", "start": "1", "step": "0"}, "zero or negative"),
                ("doctor", {"query": "up", "start": "5", "end": "1", "step": "1"}, "before start"),
                ("explain", {"query": "up", "start": "1", "end": "90000", "step": "1"}, "11,000"),
                ("doctor", {"query": "vector(1)", "start": "-292273086-05-16T16:47:06Z",
                            "end": "292277025-08-18T07:12:54.999999999Z",
                            "step": "9200000000"}, "11,000")):
            status, answer = self.server.api_raw(f"/api/v5/query/{path}", **params)
            self.assertEqual(status, 400, params)
            self.assertIn(said, answer["error"])

    def test_command_line(self):
        url = f"--url={self.server.url}"
        done = harness.run_prom5("explain", url, "--run", "sum(http_requests_total)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the sum of http_requests_total", done.stdout)
        done = harness.run_prom5("doctor", url, "http_request_total")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("http_requests_total", done.stdout)
        done = harness.run_prom5("doctor", url, "http_requests_total")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("has an answer", done.stdout)
        self.assertEqual(harness.run_prom5("doctor", url).returncode, 2)


if __name__ == "__main__":
    unittest.main()
