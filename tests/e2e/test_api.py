"""The HTTP API as Prometheus' clients know it: shapes, errors, methods, parameters."""
import gzip
import math
import unittest
import urllib.parse

import harness

FLAGS = ["--web.enable-remote-write-receiver"]
PAGE = """\
# HELP page_things_total Things with a "quote" and a \\\\ backslash.
# TYPE page_things_total counter
page_things_total 7
# HELP page_level A level.
# TYPE page_level gauge
page_level 1
"""

# A whole minute in the recent past; every test asks at or after it.
T = harness.now_ms() // 60_000 * 60 - 1800


def points(*values, step=15):
    return [((T + i * step) * 1000, v) for i, v in enumerate(values)]


SERIES = [
    ({"__name__": "requests_total", "code": "200", "method": "get"}, points(0, 10, 20, 30, 40)),
    ({"__name__": "requests_total", "code": "500", "method": "get"}, points(0, 1, 2, 3, 4)),
    ({"__name__": "requests_total", "code": "200", "method": "put"}, points(5, 5, 5, 5, 5)),
    ({"__name__": "special", "kind": "nan"}, points(math.nan)),
    ({"__name__": "special", "kind": "inf"}, points(math.inf)),
    ({"__name__": "special", "kind": "neginf"}, points(-math.inf)),
    ({"__name__": "special", "kind": "negative zero"}, points(-0.0)),
    ({"__name__": "special", "kind": "tenth"}, points(0.1)),
    ({"__name__": "special", "kind": "small"}, points(1e-7)),
    ({"__name__": "special", "kind": "micro"}, points(1e-6)),
    ({"__name__": "special", "kind": "large"}, points(1e20)),
    ({"__name__": "special", "kind": "larger"}, points(1e21)),
    ({"__name__": "special", "kind": "third"}, points(1 / 3)),
    ({"__name__": "special", "kind": "smallest"}, points(5e-324)),
    ({"__name__": "strange", "text": 'a"b\\c\nd\té\u2028\x01<&>'}, points(1)),
]
SERIES += [({"__name__": "level"}, points(3, 1, 2))]
SERIES += [({"__name__": "many", "number": f"{n:04}"}, points(n)) for n in range(500)]


def setUpModule():
    """One server for all classes: nothing here changes its data."""
    Api.pages = unittest.enterModuleContext(harness.PageServer({"/metrics": PAGE}))
    Api.server = unittest.enterModuleContext(
        harness.Prom5(FLAGS, config=harness.scrape_config(("page", Api.pages.address))))
    Api.server.must_write(SERIES)
    Api.server.wait_for_value("up", 1)


class Api(unittest.TestCase):
    maxDiff = None

    def fails(self, code, kind, text, path, **params):
        status, answer = self.server.api_raw(path, **params)
        self.assertEqual((status, answer.get("status"), answer.get("errorType"),
                          answer.get("error")), (code, "error", kind, text),
                         self.server.api_path(path, params))


class Query(Api):
    def test_vector(self):
        status, headers, body = self.server.get(self.server.api_path(
            "query", {"query": 'requests_total{code="500"}', "time": T + 30}))
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(harness.parse_json(body), {"status": "success", "data": {
            "resultType": "vector", "result": [
                {"metric": {"__name__": "requests_total", "code": "500", "method": "get"},
                 "value": [T + 30, "2"]}]}})

    def test_empty_vector_is_a_list(self):
        self.assertEqual(self.server.api("query", query="not_there", time=T),
                         {"resultType": "vector", "result": []})

    def test_scalar_string_and_matrix(self):
        api = self.server.api
        self.assertEqual(api("query", query="1.5", time=T + 0.25),
                         {"resultType": "scalar", "result": [T + 0.25, "1.5"]})
        self.assertEqual(api("query", query='"te\\"xt"', time=T),
                         {"resultType": "string", "result": [T, 'te"xt']})
        self.assertEqual(api("query", query='requests_total{code="500"}[31s]', time=T + 30), {
            "resultType": "matrix", "result": [
                {"metric": {"__name__": "requests_total", "code": "500", "method": "get"},
                 "values": [[T, "0"], [T + 15, "1"], [T + 30, "2"]]}]})

    def test_time_formats(self):
        for time in (str(T), f"{T}.000", f"{T}e0",
                     harness.time.strftime("%Y-%m-%dT%H:%M:%SZ", harness.time.gmtime(T)),
                     harness.time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", harness.time.gmtime(T)),
                     harness.time.strftime("%Y-%m-%dT%H:%M:%S+02:00",
                                           harness.time.gmtime(T + 7200))):
            with self.subTest(time=time):
                self.assertEqual(self.server.query("time()", time), [T, str(T)])

    def test_no_time_means_now(self):
        self.assertAlmostEqual(float(self.server.query("time()")[1]), harness.now_ms() / 1000,
                               delta=60)

    def test_milliseconds(self):
        body = self.server.get(self.server.api_path(
            "query", {"query": "1", "time": f"{T}.007"}))[2]
        self.assertIn(b"[%d.007," % T, body)

    def test_numbers(self):
        result = self.server.query("special", T)
        self.assertEqual({s["metric"]["kind"]: s["value"][1] for s in result}, {
            "nan": "NaN", "inf": "+Inf", "neginf": "-Inf", "negative zero": "-0",
            "tenth": "0.1", "small": "1e-07", "micro": "0.000001",
            "large": "100000000000000000000", "larger": "1e+21", "third": "0.3333333333333333",
            "smallest": "5e-324"})

    def test_strings_are_escaped(self):
        self.assertEqual(self.server.query("strange", T)[0]["metric"]["text"],
                         'a"b\\c\nd\té\u2028\x01<&>')

    def test_range(self):
        data = self.server.api("query_range", query='requests_total{method="get"}', start=T,
                               end=T + 30, step=15)
        self.assertEqual(data, {"resultType": "matrix", "result": [
            {"metric": {"__name__": "requests_total", "code": "200", "method": "get"},
             "values": [[T, "0"], [T + 15, "10"], [T + 30, "20"]]},
            {"metric": {"__name__": "requests_total", "code": "500", "method": "get"},
             "values": [[T, "0"], [T + 15, "1"], [T + 30, "2"]]}]})

    def test_range_of_a_scalar(self):
        data = self.server.api("query_range", query="time()", start=T, end=T + 20, step="10s")
        self.assertEqual(data, {"resultType": "matrix", "result": [
            {"metric": {}, "values": [[T, str(T)], [T + 10, str(T + 10)], [T + 20, str(T + 20)]]},
        ]})

    def test_range_end_between_steps(self):
        data = self.server.api("query_range", query="vector(1)", start=T, end=T + 19.999, step=10)
        self.assertEqual([v[0] for v in data["result"][0]["values"]], [T, T + 10])

    def test_step_may_be_a_fraction(self):
        data = self.server.api("query_range", query="vector(1)", start=T, end=T + 1, step=0.25)
        self.assertEqual([v[0] for v in data["result"][0]["values"]],
                         [T, T + 0.25, T + 0.5, T + 0.75, T + 1])

    def test_eleven_thousand_points_are_allowed(self):
        data = self.server.api("query_range", query="vector(1)", start=T - 11000, end=T, step=1)
        self.assertEqual(len(data["result"][0]["values"]), 11001)

    def test_windows_are_left_open(self):
        self.assertEqual(self.server.query('requests_total{code="500"}[15s]', T + 15)[0]["values"],
                         [[T + 15, "1"]])
        self.assertEqual(len(self.server.query("special", T + 299.999)), 11)
        self.assertEqual(self.server.query("special", T + 300), [])

    def test_form_in_parts(self):
        """multipart/form-data, as `curl -F` sends it."""
        for path, fields in (("query", {"query": "sum(many)", "time": T}),
                             ("query_range", {"query": "up", "start": T, "end": T, "step": 1}),
                             ("query_exemplars", {"query": "up", "start": T, "end": T}),
                             ("series", {"match[]": "many"}), ("labels", {"match[]": "many"})):
            with self.subTest(path):
                form = "".join("--b\r\nContent-Disposition: form-data; "
                               f"name=\"{name}\"\r\n\r\n{value}\r\n"
                               for name, value in fields.items()) + "--b--\r\n"
                status, _, parts = self.server.post(
                    f"/api/v1/{path}", form, {"Content-Type": "multipart/form-data; boundary=b"})
                self.assertEqual(status, 200, parts)
                plain = self.server.get(f"/api/v1/{path}?{urllib.parse.urlencode(fields)}")
                self.assertEqual(parts, plain[2])

    def test_post_form(self):
        form = urllib.parse.urlencode({"query": "sum(many)", "time": T})
        status, _, body = self.server.post(
            "/api/v1/query", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(status, 200)
        self.assertEqual(harness.parse_json(body)["data"]["result"],
                         [{"metric": {}, "value": [T, "124750"]}])
        form = urllib.parse.urlencode({"query": "sum(many)", "start": T, "end": T, "step": 1})
        status, _, body = self.server.post(
            "/api/v1/query_range", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(harness.parse_json(body)["data"]["result"],
                         [{"metric": {}, "values": [[T, "124750"]]}])

    def test_post_form_with_parameters_in_the_url_too(self):
        status, _, body = self.server.post(
            f"/api/v1/query?time={T}", "query=1%2B1",
            {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((status, harness.parse_json(body)["data"]["result"]), (200, [T, "2"]))

    def test_plus_in_the_url_is_a_space(self):
        status, _, body = self.server.get(f"/api/v1/query?query=1+%2b+2&time={T}")
        self.assertEqual((status, harness.parse_json(body)["data"]["result"]), (200, [T, "3"]))

    def test_limit(self):
        for params in ({"time": T}, {"start": T, "end": T, "step": 1}):
            path = "query_range" if "step" in params else "query"
            status, answer = self.server.api_raw(path, query="many", limit=3, **params)
            self.assertEqual(status, 200)
            self.assertEqual(len(answer["data"]["result"]), 3)
            self.assertEqual(answer["warnings"], ["results truncated due to limit"])
            status, answer = self.server.api_raw(path, query="many", limit=0, **params)
            self.assertEqual(len(answer["data"]["result"]), 500)
            self.assertNotIn("warnings", answer)

    def test_lookback_delta(self):
        self.assertEqual(self.server.api("query", query="special", time=T + 20,
                                         lookback_delta="10s")["result"], [])
        self.assertEqual(len(self.server.api("query", query="special", time=T + 900,
                                             lookback_delta="20m")["result"]), 11)

    def test_stats(self):
        stats = self.server.api("query", query="sum(many)", time=T, stats="true")["stats"]
        self.assertEqual(stats["samples"]["totalQueryableSamples"], 500)
        # Series are added up as they come; what is held follows the answer.
        self.assertLess(stats["samples"]["peakSamples"], 500)
        whole = self.server.api("query", query="many", time=T, stats="true")["stats"]
        self.assertGreaterEqual(whole["samples"]["peakSamples"], 500)
        self.assertLessEqual(
            {"evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime",
             "execQueueTime", "execTotalTime"}, set(stats["timings"]))
        self.assertNotIn("stats", self.server.api("query", query="1"))

    def test_annotations(self):
        _, answer = self.server.api_raw("query", query="quantile(2, many)", time=T)
        self.assertEqual(answer["warnings"], [
            "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"])
        _, answer = self.server.api_raw("query", query="rate(level[5m])", time=T + 60)
        self.assertEqual(answer["infos"], [
            "PromQL info: metric might not be a counter, name does not end in "
            '_total/_sum/_count/_bucket: "level" (1:6)'])


class QueryErrors(Api):
    def bad_query(self, query, text):
        text = f'invalid parameter "query": {text}'
        self.fails(400, "bad_data", text, "query", query=query, time=T)
        self.fails(400, "bad_data", text, "query_range", query=query, start=T, end=T, step=1)

    def test_parse_errors(self):
        for query, text in (
                ("", "unknown position: parse error: no expression found in input"),
                ("up +", "1:5: parse error: unexpected end of input"),
                ("up{", "1:4: parse error: unexpected end of input inside braces"),
                ("up)", "1:4: parse error: unexpected right parenthesis ')'"),
                ("(up", "1:4: parse error: unclosed left parenthesis"),
                ("up[5m", None),
                ("up @@", None),
                ("sum(rate(up))", '1:10: parse error: expected type range vector in call to '
                                  'function "rate", got instant vector'),
                ("rat(up[5m])", '1:1: parse error: unknown function with name "rat"'),
                ("1 + \n  foo()", '2:3: parse error: unknown function with name "foo"'),
                ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
                ("{}", "1:1: parse error: vector selector must contain at least one non-empty "
                       "matcher"),
                ('up{a=~"*"}', None),
                ("abs(1)", '1:5: parse error: expected type instant vector in call to function '
                           '"abs", got scalar'),
                ("abs()", '1:1: parse error: expected 1 argument(s) in call to "abs", got 0'),
                ('"open', "1:1: parse error: unterminated quoted string"),
                ('"a" + 1', "1:1: parse error: binary expression must contain only scalar and "
                            "instant vector types"),
                ("up and 1", '1:1: parse error: set operator "and" not allowed in binary scalar '
                             'expression'),
                ("1 on(a) + 2", None)):
            with self.subTest(query=query):
                if text is None:
                    # The wording is the reference's business of the version; the form is not.
                    status, answer = self.server.api_raw("query", query=query, time=T)
                    self.assertEqual((status, answer["errorType"]), (400, "bad_data"))
                    self.assertRegex(answer["error"],
                                     r'^invalid parameter "query": \d+:\d+: parse error: .')
                else:
                    self.bad_query(query, text)

    def test_wrong_type_for_range(self):
        for query, kind in (("up[5m]", "range vector"), ('"text"', "string")):
            self.fails(400, "bad_data",
                       f'invalid parameter "query": invalid expression type "{kind}" for range '
                       'query, must be Scalar or instant Vector',
                       "query_range", query=query, start=T, end=T, step=1)

    def test_step(self):
        for step in ("0", "-1", "0s"):
            self.fails(400, "bad_data",
                       'invalid parameter "step": zero or negative query resolution step widths '
                       'are not accepted. Try a positive integer',
                       "query_range", query="up", start=T, end=T, step=step)
        for step in ("", "abc", "1x"):
            self.fails(400, "bad_data",
                       f'invalid parameter "step": cannot parse "{step}" to a valid duration',
                       "query_range", query="up", start=T, end=T, step=step)

    def test_too_many_points(self):
        self.fails(400, "bad_data",
                   "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                   "the query resolution (?step=XX)",
                   "query_range", query="up", start=T - 11001, end=T, step=1)

    def test_end_before_start(self):
        self.fails(400, "bad_data",
                   'invalid parameter "end": end timestamp must not be before start time',
                   "query_range", query="up", start=T, end=T - 1, step=1)

    def test_times(self):
        for name in ("start", "end"):
            params = {"query": "up", "start": T, "end": T, "step": 1, name: "noon"}
            self.fails(400, "bad_data",
                       f'invalid parameter "{name}": cannot parse "noon" to a valid timestamp',
                       "query_range", **params)
            params[name] = None
            self.fails(400, "bad_data",
                       f'invalid parameter "{name}": cannot parse "" to a valid timestamp',
                       "query_range", **params)
        self.fails(400, "bad_data",
                   "invalid parameter \"time\": invalid time value for 'time': cannot parse "
                   '"noon" to a valid timestamp', "query", query="up", time="noon")

    def test_timeout(self):
        for path, params in (("query", {}), ("query_range", {"start": T, "end": T, "step": 1})):
            self.fails(400, "bad_data",
                       'invalid parameter "timeout": cannot parse "soon" to a valid duration',
                       path, query="up", timeout="soon", **params)

    def test_limit(self):
        for limit, text in (("-1", "limit must be non-negative"),
                            ("few", 'strconv.Atoi: parsing "few": invalid syntax')):
            for path, params in (
                    ("query", {"query": "up"}), ("labels", {}), ("label/job/values", {}),
                    ("series", {"match[]": "up"}),
                    ("query_range", {"query": "up", "start": T, "end": T, "step": 1})):
                self.fails(400, "bad_data", f'invalid parameter "limit": {text}', path,
                           limit=limit, **params)

    def test_execution(self):
        many = "many-to-many matching not allowed: matching labels must be unique on one side"
        self.fails(422, "execution", "vector cannot contain metrics with the same labelset",
                   "query", query='label_replace(many, "number", "", "", "")', time=T)
        status, answer = self.server.api_raw(
            "query", query="requests_total * on(method) requests_total", time=T)
        self.assertEqual((status, answer["errorType"]), (422, "execution"))
        self.assertIn(many, answer["error"])
        self.assertIn('{method="get"}', answer["error"])
        self.fails(422, "execution",
                   "multiple matches for labels: many-to-one matching must be explicit "
                   "(group_left/group_right)",
                   "query", query='requests_total * on(method) requests_total{code="200"}', time=T)

    def test_error_keeps_the_connection_and_type(self):
        status, headers, _ = self.server.get("/api/v1/query?query=up%2B")
        self.assertEqual((status, headers["Content-Type"]), (400, "application/json"))


class Features(Api):
    def test_what_a_client_may_rely_on(self):
        status, answer = self.server.api_raw("features")
        self.assertEqual((status, answer["status"]), (200, "success"))
        features = answer["data"]
        self.assertEqual(len(features["promql_functions"]), 90)
        for category, name in (("api", "remote_write_receiver"), ("promql", "fill"),
                               ("promql_operators", "atan2"), ("tsdb", "exemplar_storage"),
                               ("service_discovery_providers", "kubernetes")):
            self.assertIs(features[category][name], True, (category, name))
        for category, name in (("api", "admin"), ("rules", "concurrent_rule_eval"),
                               ("service_discovery_providers", "ec2")):
            self.assertIs(features[category][name], False, (category, name))


class Series(Api):
    def test_series(self):
        data = self.server.api("series", **{"match[]": "requests_total"}, start=T, end=T + 60)
        self.assertEqual(sorted(data, key=lambda s: sorted(s.items())), [
            {"__name__": "requests_total", "code": "200", "method": "get"},
            {"__name__": "requests_total", "code": "200", "method": "put"},
            {"__name__": "requests_total", "code": "500", "method": "get"}])

    def test_series_of_several_selectors_come_once(self):
        data = self.server.api("series", **{"match[]": [
            'requests_total{code="200"}', 'requests_total{method="get"}', "strange"]})
        self.assertEqual(len(data), 4)

    def test_series_by_post(self):
        form = urllib.parse.urlencode([("match[]", "requests_total"), ("match[]", "strange")])
        status, _, body = self.server.post(
            "/api/v1/series", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((status, len(harness.parse_json(body)["data"])), (200, 4))

    def test_nothing_found_is_an_empty_list(self):
        match = {"match[]": "not_there"}
        for path in ("series", "labels", "label/job/values"):
            self.assertEqual(self.server.api(path, **match), [], path)

    def test_series_outside_of_the_time(self):
        data = self.server.api("series", **{"match[]": "requests_total"},
                               start=T - 86400 * 30, end=T - 86400 * 29)
        self.assertEqual(data, [])

    def test_labels(self):
        self.assertEqual(self.server.api("labels"), [
            "__name__", "code", "instance", "job", "kind", "method", "number", "text"])
        self.assertEqual(self.server.api("labels", **{"match[]": "requests_total"}),
                         ["__name__", "code", "method"])

    def test_label_values(self):
        api = self.server.api
        self.assertEqual(api("label/code/values"), ["200", "500"])
        self.assertEqual(api("label/code/values", **{"match[]": '{method="put"}'}), ["200"])
        self.assertEqual(api("label/not_there/values"), [])
        names = api("label/__name__/values")
        self.assertEqual(names, sorted(names))
        self.assertLessEqual({"many", "requests_total", "up", "page_level"}, set(names))

    def test_limit(self):
        for path, expected in (("labels", ["__name__", "code"]),
                               ("label/number/values", ["0000", "0001"])):
            status, answer = self.server.api_raw(path, limit=2)
            self.assertEqual((status, answer["data"]), (200, expected), path)
            self.assertEqual(answer["warnings"], ["results truncated due to limit"], path)
        status, answer = self.server.api_raw("series", limit=2, **{"match[]": "many"})
        self.assertEqual((status, len(answer["data"])), (200, 2))
        self.assertEqual(answer["warnings"], ["results truncated due to limit"])
        status, answer = self.server.api_raw("label/code/values", limit=2)
        self.assertEqual(answer["data"], ["200", "500"])
        self.assertNotIn("warnings", answer)

    def test_errors(self):
        self.fails(400, "bad_data", "no match[] parameter provided", "series")
        empty = "match[] must contain at least one non-empty matcher"
        self.fails(400, "bad_data", f'invalid parameter "match[]": {empty}', "series",
                   **{"match[]": "{}"})
        self.fails(400, "bad_data", empty, "labels", **{"match[]": '{a=~".*"}'})
        text = "1:4: parse error: unexpected end of input inside braces"
        self.fails(400, "bad_data", f'invalid parameter "match[]": {text}', "series",
                   **{"match[]": "up{"})
        self.fails(400, "bad_data", text, "labels", **{"match[]": "up{"})
        self.fails(400, "bad_data", text, "label/job/values", **{"match[]": "up{"})
        for name in ("start", "end"):
            self.fails(400, "bad_data",
                       f"invalid parameter \"{name}\": invalid time value for '{name}': cannot "
                       'parse "noon" to a valid timestamp', "labels", **{name: "noon"})


class Metadata(Api):
    def test_metadata(self):
        self.assertEqual(self.server.api("metadata"), {
            "page_level": [{"type": "gauge", "help": "A level.", "unit": ""}],
            "page_things_total": [{"type": "counter", "unit": "",
                                   "help": 'Things with a "quote" and a \\ backslash.'}]})
        self.assertEqual(len(self.server.api("metadata", limit=1)), 1)
        self.assertEqual(self.server.api("metadata", metric="not_there"), {})
        self.fails(400, "bad_data", "limit must be a number", "metadata", limit="few")


class Status(Api):
    def test_build_information(self):
        data = self.server.api("status/buildinfo")
        for name in ("version", "revision", "branch", "buildUser", "buildDate", "goVersion"):
            self.assertIsInstance(data[name], str, name)
        # Clients choose their features by it.
        self.assertRegex(data["version"], r"^\d+\.\d+\.\d+")

    def test_runtime_information(self):
        data = self.server.api("status/runtimeinfo")
        for name, kind in {
                "startTime": str, "CWD": str, "reloadConfigSuccess": bool, "lastConfigTime": str,
                "corruptionCount": int, "goroutineCount": int, "GOMAXPROCS": int, "GOGC": str,
                "GODEBUG": str, "storageRetention": str}.items():
            self.assertIsInstance(data[name], kind, name)
        self.assertIs(data["reloadConfigSuccess"], True)
        self.assertEqual(data["storageRetention"], "15d")

    def test_flags(self):
        data = self.server.api("status/flags")
        self.assertTrue(all(isinstance(v, str) for v in data.values()))
        for name, value in {
                "web.enable-remote-write-receiver": "true", "web.enable-lifecycle": "false",
                "web.enable-admin-api": "false", "web.listen-address": self.server.address,
                "config.file": str(self.server.config_path), "query.timeout": "2m",
                "query.max-samples": "50000000", "query.lookback-delta": "5m",
                "query.max-concurrency": "20", "log.level": "info",
                "storage.tsdb.path": str(self.server.data_dir)}.items():
            self.assertEqual(data[name], value, name)

    def test_configuration(self):
        text = self.server.api("status/config")["yaml"]
        self.assertIn("job_name: page", text)
        self.assertIn("scrape_interval: 1s", text)

    def test_tsdb(self):
        data = self.server.api("status/tsdb")
        head = data["headStats"]
        self.assertGreaterEqual(head["numSeries"], len(SERIES))
        self.assertGreaterEqual(head["chunkCount"], len(SERIES))
        for name in ("numLabelPairs", "minTime", "maxTime"):
            self.assertIsInstance(head[name], int, name)
        self.assertEqual(data["seriesCountByMetricName"][0], {"name": "many", "value": 500})
        self.assertEqual(data["labelValueCountByLabelName"][0], {"name": "number", "value": 500})
        self.assertLessEqual(len(data["seriesCountByLabelValuePair"]), 10)
        self.assertIn({"name": "__name__=many", "value": 500},
                      data["seriesCountByLabelValuePair"])
        self.assertTrue(data["memoryInBytesByLabelName"])
        self.assertEqual(len(self.server.api("status/tsdb", limit=2)["seriesCountByMetricName"]),
                         2)


    def test_admin_is_off(self):
        for path in ("delete_series?match[]=up", "clean_tombstones", "snapshot"):
            status, _, body = self.server.post("/api/v1/admin/tsdb/" + path)
            answer = harness.parse_json(body)
            self.assertEqual((status, answer["errorType"], answer["error"]),
                             (500, "unavailable", "admin APIs disabled"))


class FormatQuery(Api):
    def test_format(self):
        for query, expected in (
                ("foo/bar", "foo / bar"),
                ("sum  by(a)(rate(x[5m]))", "sum by (a) (rate(x[5m]))"),
                ("sum(x)without(a,b)", "sum without (a, b) (x)"),
                ("x{b='1',a!~\"2\"}", 'x{a!~"2",b="1"}'),
                ("x offset 60s", "x offset 1m"),
                ("a+on(b)group_left(c)d", "a + on (b) group_left (c) d"),
                ("1e3", "1000")):
            self.assertEqual(self.server.api("format_query", query=query), expected)


    def test_error(self):
        self.fails(400, "bad_data",
                   'invalid parameter "query": 1:5: parse error: unexpected end of input',
                   "format_query", query="up +")


class ParseQuery(Api):
    def tree(self, query):
        return self.server.api("parse_query", query=query)

    def test_selector(self):
        self.assertEqual(self.tree('up{job!~"a.*"} offset 5m @ 12.5'), {
            "type": "vectorSelector", "name": "up", "offset": 300000, "offsetExpr": None,
            "matchers": [{"name": "job", "type": "!~", "value": "a.*"},
                         {"name": "__name__", "type": "=", "value": "up"}],
            "timestamp": 12500, "startOrEnd": None, "anchored": False, "smoothed": False})

    def test_calls_and_aggregations(self):
        tree = self.tree("topk by (a) (2, rate(x[5m] anchored @ end()))")
        self.assertEqual((tree["type"], tree["op"], tree["grouping"], tree["without"]),
                         ("aggregation", "topk", ["a"], False))
        self.assertEqual(tree["param"], {"type": "numberLiteral", "val": "2"})
        call = tree["expr"]
        self.assertEqual(call["func"], {"name": "rate", "argTypes": ["matrix"], "variadic": 0,
                                        "returnType": "vector"})
        (matrix,) = call["args"]
        self.assertEqual((matrix["type"], matrix["range"], matrix["rangeExpr"], matrix["anchored"],
                          matrix["startOrEnd"]), ("matrixSelector", 300000, None, True, "end"))

    def test_operators(self):
        tree = self.tree('-(a) >= bool on (x) group_left (y) fill_left (1) b')
        self.assertEqual((tree["type"], tree["op"], tree["bool"]), ("binaryExpr", ">=", True))
        self.assertEqual(tree["matching"], {
            "card": "many-to-one", "labels": ["x"], "on": True, "include": ["y"],
            "fillValues": {"lhs": 1, "rhs": None}})
        self.assertEqual((tree["lhs"]["type"], tree["lhs"]["op"], tree["lhs"]["expr"]["type"]),
                         ("unaryExpr", "-", "parenExpr"))
        self.assertIsNone(self.tree("1 + 2")["matching"])

    def test_subquery_with_duration_arithmetic(self):
        tree = self.tree('max_over_time(x[1h:step() * 2])')["args"][0]
        self.assertEqual((tree["type"], tree["range"], tree["step"]), ("subquery", 3600000, 0))
        self.assertEqual((tree["stepExpr"]["type"], tree["stepExpr"]["op"]), ("durationExpr", "*"))
        self.assertEqual(tree["stepExpr"]["rhs"],
                         {"type": "numberLiteral", "val": "2", "duration": False})

    def test_string(self):
        self.assertEqual(self.tree('"a\\nb"'), {"type": "stringLiteral", "val": "a\nb"})

    def test_error(self):
        self.fails(400, "bad_data",
                   'invalid parameter "query": 1:5: parse error: unexpected end of input',
                   "parse_query", query="up +")


class Http(Api):
    def test_gzip(self):
        path = self.server.api_path("query", {"query": "many", "time": T})
        _, _, plain = self.server.get(path)
        status, headers, body = self.server.get(path, {"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
        self.assertLess(len(body), len(plain) / 4)
        self.assertEqual(harness.parse_json(gzip.decompress(body))["data"]["resultType"], "vector")
        self.assertEqual(len(gzip.decompress(body)), len(plain))

    def test_no_compression_unless_asked(self):
        for accept in ("identity", "br"):
            _, headers, body = self.server.get(
                self.server.api_path("query", {"query": "many", "time": T}),
                {"Accept-Encoding": accept})
            self.assertNotIn("Content-Encoding", headers)
            harness.parse_json(body)

    def test_metrics_page(self):
        status, headers, body = self.server.get("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertIn(b"# TYPE ", body)

    def test_unknown_paths(self):
        for path in ("/api/v1/nope", "/api/v1/", "/api/v1/label/values", "/nope", "/-/nope"):
            self.assertEqual(self.server.get(path)[0], 404, path)

    def test_path_tricks_do_not_leave_the_assets(self):
        for path in ("/../../etc/passwd", "/assets/../../../etc/passwd",
                     "/assets/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/%00"):
            status, _, body = self.server.get(path)
            self.assertNotIn(b"root:", body)
            self.assertIn(status, (301, 302, 307, 400, 404), path)

    def test_head(self):
        for path in ("/-/healthy", "/-/ready"):
            status, _, body = self.server.request("HEAD", path)
            self.assertEqual((status, body), (200, b""), path)

    def test_options(self):
        for path in ("/api/v1/query", "/api/v1/labels"):
            status, _, body = self.server.request("OPTIONS", path)
            self.assertEqual((status, body), (204, b""), path)

    def test_wrong_method(self):
        for method, path in (("DELETE", "/api/v1/query"), ("PUT", "/api/v1/query_range"),
                             ("POST", "/api/v1/targets"), ("GET", "/api/v1/write"),
                             ("POST", "/api/v1/label/job/values"), ("DELETE", "/api/v1/series"),
                             ("POST", "/metrics")):
            status, headers, _ = self.server.request(method, path)
            self.assertEqual(status, 405, (method, path))
            self.assertIn("Allow", headers, (method, path))


    def test_keep_alive(self):
        connection = harness.http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self.addCleanup(connection.close)
        connection.connect()
        first = connection.sock
        for _ in range(5):
            connection.request("GET", "/api/v1/query?query=1")
            self.assertEqual(connection.getresponse().read()[:20], b'{"status":"success",')
            self.assertIs(connection.sock, first)


if __name__ == "__main__":
    unittest.main()
