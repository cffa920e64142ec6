"""The same data and the same requests for us and for Debian's Prometheus 2.42: equal answers.

Only requests are asked whose meaning did not change between 2.42 and 3. Its ranges are closed on
both sides, ours are left-open as those of Prometheus 3; therefore no sample and no step of a
subquery lies exactly at the edge of a window:

  samples at             0:07, 0:22, 0:37, 0:52 of each minute
  queries at             0:00 and 0:30, with ranges of whole half minutes
  queries of subqueries  0:30, with subquery steps at whole minutes (inner ones are evaluated at
                         whole minutes, so their ranges end on half ones)
"""
import collections
import itertools
import json
import math
import random
import re
import unittest

import harness

SEED = 20240607
SAMPLES = 120  # half an hour
STEP = 15
# A whole minute, so that everything lies between one hour and half an hour ago.
T = harness.now_ms() // 60_000 * 60 - 3600
END = T + SAMPLES * STEP
LE = ("0.1", "0.5", "1", "2.5", "+Inf")


def make_series():
    """Counters with and without resets, gauges with gaps, classic histograms, odd values."""
    chance = random.Random(SEED)
    times = [(T + 7 + n * STEP) * 1000 for n in range(SAMPLES)]
    series = []

    def add(name, values, keep=1.0, **labels):
        series.append(({"__name__": name, **labels},
                       [(t, v) for t, v in zip(times, values) if chance.random() < keep]))

    def counter(resets):
        # Starts far above zero: where a counter begins near it, 3 extrapolates otherwise.
        value = 1000.0 + chance.randrange(5000)
        for _ in range(SAMPLES):
            value = 400.0 if chance.random() < resets else value + chance.randrange(0, 40)
            yield value

    for job, instance, code in itertools.product(("api", "web"), "abc", ("200", "404", "500")):
        add("http_requests_total", counter(0.02), job=job, instance=f"{instance}:80", code=code)
    for job, instance in itertools.product(("api", "web"), "abc"):
        labels = {"job": job, "instance": f"{instance}:80"}
        level = [50 + 30 * math.sin(n / 9 + ord(instance)) + chance.gauss(0, 4)
                 for n in range(SAMPLES)]
        add("temperature", level, keep=0.9, **labels)
        add("memory_bytes", [v * 2 ** 24 for v in level], **labels)
        add("limit_bytes", [2.0 ** 31] * SAMPLES, **labels)
        add("build_info", [1.0] * SAMPLES, version=f"1.{ord(instance) - 97}", **labels)
        add("up", [float(chance.random() > 0.1) for _ in range(SAMPLES)], **labels)
        add("last_run_seconds", [T + 40.5 * (n // 8) for n in range(SAMPLES)], **labels)
    for job in ("api", "web"):
        add("team_owner", [1.0] * SAMPLES, job=job, team=f"team-{job}")
        counts = [0] * len(LE)
        columns = collections.defaultdict(list)
        for _ in range(SAMPLES):
            for position, bound in enumerate(LE):
                counts[position] += chance.randrange(1, 9)
                columns[bound].append(1000.0 * (position + 1) + sum(counts[:position + 1]))
        for bound, column in columns.items():
            add("latency_seconds_bucket", column, job=job, le=bound)
        add("latency_seconds_count", columns["+Inf"], job=job)
        add("latency_seconds_sum", [v * 0.7 for v in columns["+Inf"]], job=job)
    add("odd", [math.inf] * SAMPLES, kind="inf")
    add("odd", [-math.inf] * SAMPLES, kind="neginf")
    add("odd", [math.nan] * SAMPLES, kind="nan")
    add("odd", [0.0] * SAMPLES, kind="zero")
    add("odd", [-1.5e-9 * n for n in range(SAMPLES)], kind="tiny")
    add("odd", [1.5e17 + n for n in range(SAMPLES)], kind="large")
    add("ends", [1.0] * 40 + [harness.STALE_NAN])
    add("sparse", [float(n) for n in range(SAMPLES)], keep=0.05)
    return series


GAUGES = ("temperature", 'memory_bytes{job="api"}', "odd", "sparse", "ends", "not_there")
COUNTERS = ("http_requests_total", 'http_requests_total{code=~"4..|5.."}',
            "latency_seconds_count")

SELECTORS = [
    "temperature", 'temperature{job="api"}', 'temperature{job!="api"}',
    'temperature{instance=~"a.*|b:80"}', 'temperature{instance!~"a.*"}', '{job="web",code="200"}',
    '{__name__=~"temp.+|up",instance="a:80"}', 'temperature{missing=""}', 'temperature{job=""}',
    'temperature{job=~""}', 'http_requests_total{job=~".*",code!~"2.*"}', "ends", "sparse", "odd",
    "temperature offset 5m", "temperature offset 90s", "temperature offset -5m",
    f"temperature @ {T + 600}", "temperature @ end()", "temperature @ start()",
    f"temperature @ {T + 900} offset 5m", f"temperature offset 5m @ {T + 900}",
    f"rate(http_requests_total[5m] @ {T + 900})", "sum_over_time(temperature[5m] offset 10m)",
    f"temperature - temperature @ {T + 600}",
]

LITERALS = [
    "1", "-1", "+1.5", "0x1F", "1e3", ".5", "NaN", "Inf", "-Inf", "'single'", '"a\\tb\\u00e9"',
    "`raw\\n`", "1 + 2 * 3 ^ 2 ^ 0.5", "-1 ^ 2", "7 % 4", "-7 % 4", "7 % -4", "5.5 % 2", "1 / 0",
    "-1 / 0", "0 / 0", "1 atan2 2", "1 == bool 1", "1 > bool 2", "NaN != bool NaN", "2 ^ -1",
    "(1 + 2) * 3", "10 - 4 - 3", "2 * 3 % 4", "time()", "vector(3)", "scalar(vector(3))", "pi()",
    "scalar(temperature)", 'scalar(temperature{job="api",instance="a:80"})', "vector(time()) % 60",
]

FUNCTIONS = [f"{name}({gauge})" for name in (
    "abs", "ceil", "floor", "round", "sqrt", "exp", "ln", "log2", "log10", "sgn", "sin", "cos",
    "tan", "atan", "sinh", "cosh", "tanh", "asinh", "deg", "rad", "timestamp", "absent", "-")
    for gauge in ("temperature", "odd", "not_there")] + [
    "asin(temperature / 100)", "acos(temperature / 100)", "acosh(temperature)",
    "atanh(temperature / 100)", "round(temperature, 0.5)", "round(temperature, 5)",
    "clamp(temperature, 30, 60)", "clamp(temperature, 60, 30)", "clamp_min(temperature, 50)",
    "clamp_max(temperature, 50)", "clamp_max(odd, 0)",
    *(f"{name}(last_run_seconds)" for name in (
        "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month",
        "year")),
    "hour()", "day_of_week(vector(1e9))", "days_in_month(vector(951782400))", "year(vector(-1))",
    'absent(not_there{a="1",b=~"x",c="2",c="3"})', "absent(sum(not_there))",
    'label_replace(temperature, "host", "$1", "instance", "(.*):.*")',
    'label_replace(temperature, "host", "none", "instance", "z.*")',
    'label_replace(temperature{job="api"}, "job", "any", "nothing", ".*")',
    'label_replace(temperature, "x", "${2}-${1}", "instance", "(\\\\w):(\\\\d+)")',
    'label_join(temperature, "both", "/", "job", "instance")',
    'label_join(temperature, "none", ",", "nothing")', "timestamp(timestamp(temperature))",
    "time() - timestamp(temperature)", "time() - last_run_seconds",
]

OVER_TIME = [f"{name}({selector}[{window}])" for name, selectors in (
    ("rate", COUNTERS), ("increase", COUNTERS), ("irate", COUNTERS), ("resets", COUNTERS),
    ("changes", ("up", "temperature", "odd")), ("delta", GAUGES), ("idelta", GAUGES),
    ("deriv", ("temperature", "sparse")), ("avg_over_time", GAUGES), ("min_over_time", GAUGES),
    ("max_over_time", GAUGES), ("sum_over_time", GAUGES), ("count_over_time", GAUGES),
    ("last_over_time", GAUGES), ("present_over_time", GAUGES),
    ("stddev_over_time", ("temperature", "up")), ("stdvar_over_time", ("temperature", "up")),
    ("absent_over_time", ("sparse", "ends", 'not_there{a="b"}')))
    for selector in selectors for window in (("2m", "10m") if name != "irate" else ("5m",))] + [
    *(f"quantile_over_time({q}, temperature[10m])" for q in ("0", "0.25", "0.5", "0.99", "1")),
    "predict_linear(temperature[10m], 600)", "predict_linear(memory_bytes[5m], -60)",
    "temperature[2m]", "up[1m]", "odd[1m]", "ends[10m]", "http_requests_total[1m] offset 2m",
]

AGGREGATIONS = [f"{op}{by} ({gauge})" for op in (
    "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar") for by, gauge in (
    ("", "temperature"), (" by (job)", "temperature"), (" without (instance)", "temperature"),
    (" by (job, nothing)", "http_requests_total"), (" by (code)", "rate(http_requests_total[5m])"),
    ("", "not_there"))] + [
    "sum by () (temperature)", "sum without () (temperature)", "sum(temperature) by (job)",
    "sum(odd)", "avg(odd)", "min(odd)", "max(odd)", 'sum(odd{kind!="nan"})', "count(odd)",
    *(f"quantile({q}, temperature)" for q in ("0", "0.3", "0.5", "1")),
    "quantile by (job) (0.9, http_requests_total)",
    "topk(2, temperature)", "bottomk(2, temperature)", "topk by (job) (1, temperature)",
    "topk(100, temperature)", "topk(0, temperature)", "bottomk without (instance) (1, up * 0 + "
    "temperature)", 'count_values("value", up)', 'count_values by (job) ("job", build_info)',
    'count_values("v", round(temperature, 10))', "sum(sum by (job) (temperature))",
    "max by (job) (rate(http_requests_total[5m])) / 2", "count(count by (code) "
    "(http_requests_total))",
]

OPERATORS = [f"{left} {op} {right}" for op in ("+", "-", "*", "/", "%", "^") for
             left, right in (("temperature", "2"), ("2", "temperature"), ("odd", "3"),
                             ("memory_bytes", "limit_bytes"))] + [
    f"{left} {op} {bool_}{right}" for op in ("==", "!=", ">", "<", ">=", "<=") for bool_, left,
    right in (("", "temperature", "50"), ("bool ", "temperature", "50"), ("", "50", "temperature"),
              ("bool ", "memory_bytes", "limit_bytes"), ("", "odd", "0"))] + [
    "temperature > 30 < 60", "temperature > bool 30 == 1", "-temperature", "- -temperature",
    "-(temperature + 1) ^ 2", "temperature and up == 1", "temperature or up",
    "temperature unless up == 0", "up == 1 or temperature > 70", "temperature and on(job) "
    "team_owner", "team_owner or on(job) temperature", "temperature unless on(instance) "
    'temperature{job="api"}', "up and ignoring(version) build_info", "not_there or vector(1)",
    "temperature and not_there", "temperature * not_there", "vector(1) + vector(2)",
    "temperature * on(job, instance) up", "temperature * ignoring(version) build_info",
    "temperature * on(job) group_left team_owner", "temperature * on(job) group_left(team) "
    "team_owner", "team_owner * on(job) group_right() temperature",
    "team_owner * on(job) group_right(team) temperature",
    "http_requests_total / ignoring(code) group_left sum without (code) (http_requests_total)",
    "sum by (job) (http_requests_total) / on(job) sum by (job) (latency_seconds_count)",
    "up * on(job, instance) group_left(version) build_info",
    'http_requests_total{code="200"} - ignoring(code) http_requests_total{code="404"}',
    'temperature{job="api"} > on(instance) temperature{job="web"}',
    'temperature{job="api"} > bool on(instance) temperature{job="web"}',
    'temperature{job="api"} + on(instance) temperature{job="web"}',
    "sum(up) by (job) == on(job) group_right temperature", "up == 1 and temperature > 50 or up",
    "1 - avg(up)", "sum(rate(http_requests_total{code=~'5..'}[5m])) by (job) / "
    "sum(rate(http_requests_total[5m])) by (job) * 100",
]

HISTOGRAMS = [f"histogram_quantile({q}, {vector})" for q in (
    "0.1", "0.5", "0.9", "0.99", "1", "0") for vector in (
    "latency_seconds_bucket", "rate(latency_seconds_bucket[5m])",
    "sum by (le) (rate(latency_seconds_bucket[5m]))")] + [
    "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])",
    'histogram_quantile(0.5, latency_seconds_bucket{le!="+Inf"})',
    "histogram_quantile(0.5, temperature)", "histogram_quantile(0.9, not_there)",
]

SUBQUERIES = [
    "max_over_time(temperature[10m:1m])", "avg_over_time(rate(http_requests_total[5m])[10m:1m])",
    "min_over_time(sum(temperature)[10m:2m])", "temperature[5m:1m]", "sum_over_time(up[5m:1m])",
    "max_over_time(temperature[10m:1m] offset 5m)",
    f"max_over_time(temperature[10m:1m] @ {T + 930})", "deriv(avg(temperature)[10m:1m])",
    "max_over_time(max_over_time(temperature[330s:1m])[10m:1m])",
    "count_over_time(vector(1)[5m:1m])",
    "quantile_over_time(0.5, temperature[10m:2m])", "absent_over_time(not_there[10m:1m])",
    "last_over_time(vector(time())[5m:1m])",
]

# Where a window begins long before the first sample, 3 looks whether that is more than a scrape
# away before it looks where the counter would be zero, 2.42 after it. At the instants asked for,
# every window is full of samples.
FULL_WINDOWS = ["rate(http_requests_total[10m:1m])",
                "increase(sum(http_requests_total)[10m:1m])"]

SORTED = [
    "sort(temperature)", "sort_desc(temperature)", "sort(sum by (job, code) (http_requests_total))",
    "topk(3, temperature)", "bottomk(3, temperature)", 'sort(odd{kind!="nan"})',
    "sort_desc(rate(http_requests_total[5m]))",
]

ERRORS = [
    "up +", "up{", "(up", "up)", "sum(", "sum(up", "rate(up)", "rate(up[5m]", "abs(1)", "abs()",
    "abs(up, up)", "nothing(up)", "1 == 1", "{}", '{a=~".*"}', '"open', "'open", '"a" + 1',
    "1 and 1", "up and 1", "1 unless up", "up or 1", "sum by (job (up)", "*1", "(1))", "((1)",
    "1 /", "up[5m][5m]", "up[5m] + 1", "rate(up[5m])[5m]", "sum(up[5m])", "-up[5m]", '-"a"',
    "topk(up)", 'topk("a", up)', "quantile(up)", "count_values(1, up)", "label_replace(up)",
    "scalar(1)", "vector(up)", "time(1)",
    "histogram_quantile(up, up)", "# nothing else", "up == bool", "bool 1", "up bool == 1",
    "up + bool up", "up * on(job) group_left(job) up and up", "up and on(a) group_left up",
    "foo offset 5m offset 5m", "up @ start() @ end()", "up !~ 1", "up = 1", "1 =! 2",
    "up{a='b' c='d'}", "sum(1)", "hour(up, up, up)",
    # Found while evaluating.
    "http_requests_total * on(job) temperature", "temperature * on(job) team_owner",
    "team_owner * on(job) temperature", "temperature + on(job) group_left http_requests_total",
    'label_replace(temperature, "instance", "", "instance", ".*")',
    'label_replace(temperature, "x", "", "job", "(")',
    '-{__name__=~"up|temperature"}', 'rate({__name__=~"up|temperature"}[5m])',
]

FORMATS = [
    "up", "sum(up)by(job)", "sum by(job)(rate(x[5m]))", 'a{b="c",d!~"e.*"}offset 5m', "a+b*c",
    "(a+b)*c", "a and on(x)b", "a*on(x)group_left(y)b", "-a", "a[5m:1m]", "a[90s] offset 1h",
    "a @ 1609746000", "a @ start()", "topk(5,a)", "1e3", "0x10", "'text'", "a==bool b",
]
# Over 100 characters: broken into lines.
LONG = "checkout_requests_total{region=\"north\",service=\"payments\",version=~\"1.*\"}"
FORMATS += [
    f"sum by (region, service) (rate({LONG}[5m] offset 1h)) / on (region) group_left sum({LONG})",
    f"topk by (service) (5, -({LONG} + ignoring (version) {LONG}) > bool 3)",
    f"label_replace(absent({LONG}), 'destination_of_the_label', '$1', 'source', '(.*)')",
    f"max_over_time(sum(rate({LONG}[5m]))[1h:5m] offset 10m) - {LONG} @ 1609746000",
    f"max_over_time(sum(rate({LONG}[5m]) and {LONG} unless on (service) {LONG})[1h:5m] @ end())",
    f"-{LONG} ^ -((({LONG})))", f"count({LONG}) without (region, service, version, instance, job)",
]


def normalized(answer):
    """What both must agree on; 3 has annotations that 2.42 has not."""
    return {k: answer.get(k) for k in ("status", "errorType", "error")}


def close(a, b):
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    # 1e-12: differences of equal numbers, where the sums are compensated on one side only.
    return x == y or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12)


def difference(kind, ours, theirs, ordered):
    """A sentence about the first difference between two results, or nothing."""
    if kind in ("scalar", "string"):
        same = ours[0] == theirs[0] and (
            ours[1] == theirs[1] or kind == "scalar" and close(ours[1], theirs[1]))
        return None if same else f"{ours} instead of {theirs}"
    if len(ours) != len(theirs):
        return f"{len(ours)} series instead of {len(theirs)}: {ours} instead of {theirs}"[:1500]
    key = lambda s: json.dumps(s["metric"], sort_keys=True)  # noqa: E731
    if not ordered:
        ours, theirs = sorted(ours, key=key), sorted(theirs, key=key)
    for mine, other in zip(ours, theirs):
        if mine["metric"] != other["metric"]:
            return f"series {mine['metric']} instead of {other['metric']}"
        if set(mine) != set(other):
            return f"{mine['metric']}: fields {set(mine)} instead of {set(other)}"
        a, b = ([s["value"]] if "value" in s else s["values"] for s in (mine, other))
        if [p[0] for p in a] != [p[0] for p in b]:
            return f"{mine['metric']}: times differ: {a} instead of {b}"[:1500]
        for (time, x), (_, y) in zip(a, b):
            if not close(x, y):
                return f"{mine['metric']} at {time}: {x} instead of {y}"
    return None


def setUpModule():
    flags = ["--web.enable-remote-write-receiver"]
    Differential.ours = unittest.enterModuleContext(
        harness.Prom5(flags, config="global: {}\n"))
    Differential.theirs = unittest.enterModuleContext(harness.Prometheus())
    series = make_series()
    for server in (Differential.ours, Differential.theirs):
        server.must_write(series)


class Differential(unittest.TestCase):
    def both(self, path, **params):
        return (self.ours.api_raw(path, **params), self.theirs.api_raw(path, **params))

    def same_result(self, path, ordered=False, **params):
        with self.subTest(path, **params):
            (our_status, ours), (their_status, theirs) = self.both(path, **params)
            self.assertEqual(their_status, 200, f"the test itself is wrong: {theirs}")
            self.assertEqual(our_status, 200, ours)
            kind = theirs["data"]["resultType"]
            self.assertEqual(ours["data"]["resultType"], kind)
            found = difference(kind, ours["data"]["result"], theirs["data"]["result"], ordered)
            if found:
                self.fail(found)

    def same_everywhere(self, queries, shift=0, instant_only=False):
        """Instant queries at two times; range queries with a short and a long step."""
        for query in queries:
            for time in (T + 600 + shift, END - 120 + shift):
                self.same_result("query", query=query, time=time)
            matrix = query.endswith("]") or query.endswith(" offset 2m")
            if instant_only or matrix or query[0] in "'\"`":
                continue
            self.same_result("query_range", ordered=True, query=query, start=T - 60 + shift,
                             end=END + 420 + shift, step=60 if shift else 90)

    def same_json(self, path, **params):
        with self.subTest(path, **params):
            (our_status, ours), (their_status, theirs) = self.both(path, **params)
            self.assertEqual((our_status, normalized(ours)), (their_status, normalized(theirs)))
            if "data" not in theirs:
                return
            mine, other = ours["data"], theirs["data"]
            if path == "series":
                mine, other = (sorted(d, key=lambda s: sorted(s.items())) for d in (mine, other))
            self.assertEqual(mine, other)

    def test_literals(self):
        self.same_everywhere(LITERALS)

    def test_selectors(self):
        self.same_everywhere(SELECTORS)

    def test_functions(self):
        self.same_everywhere(FUNCTIONS)

    def test_functions_over_time(self):
        self.same_everywhere(OVER_TIME)

    def test_aggregations(self):
        self.same_everywhere(AGGREGATIONS)

    def test_operators(self):
        self.same_everywhere(OPERATORS)

    def test_classic_histograms(self):
        self.same_everywhere(HISTOGRAMS)

    def test_subqueries(self):
        self.same_everywhere(FULL_WINDOWS, shift=30, instant_only=True)
        self.same_everywhere(SUBQUERIES, shift=30)

    def test_order_of_instant_results(self):
        for query in SORTED:
            self.same_result("query", ordered=True, query=query, time=T + 600)

    def test_steps_and_borders_of_range_queries(self):
        for start, end, step in (
                (T, T, 30), (T, T + 29, 30), (T, T + 30, 30), (T + 0.5, T + 10, 1.25),
                (T - 7200, T - 3600, 60), (END - 60, END + 900, 30), (T, END, "1m30s"),
                (T, END, "30s"), (T, END, 1800), (T, END, 7200)):
            for query in ("temperature", "sum(rate(http_requests_total[3m]))", "time()"):
                self.same_result("query_range", ordered=True, query=query, start=start, end=end,
                                 step=step)

    def test_errors(self):
        for query in ERRORS:
            with self.subTest(query=query):
                (our_status, ours), (their_status, theirs) = self.both(
                    "query", query=query, time=T + 600)
                self.assertGreaterEqual(their_status, 400, "the test itself is wrong")
                ours, theirs = normalized(ours), normalized(theirs)
                # Which two of many series are named depends on the order of evaluation.
                for answer in (ours, theirs):
                    answer["error"] = re.sub(r"\[\{.*\}\]", "[...]", answer["error"] or "")
                    answer["error"] = re.sub(r"match group \{[^}]*\}", "match group {...}",
                                             answer["error"])
                self.assertEqual((our_status, ours), (their_status, theirs))

    def test_errors_of_parameters(self):
        good = {"query": "up", "start": T, "end": T + 60, "step": 15}
        for change in ({"start": "x"}, {"end": "x"}, {"start": None}, {"end": None},
                       {"step": None}, {"step": "x"}, {"step": 0}, {"step": -1}, {"end": T - 1},
                       {"step": 0.001}, {"timeout": "x"}, {"step": "1e30"}, {"start": "NaN-"}):
            self.same_json("query_range", **{**good, **change})

    def test_series(self):
        time = {"start": T, "end": END}
        for match in ("up", '{job="api"}', ["up", 'temperature{job="web"}'], ["up", "up"],
                      '{__name__=~"latency.*",le="1"}', "not_there", 'up{job!~"a.*"}', None,
                      "{}", '{a=""}', "up{", "rate(up[5m])", "up[5m]", "1"):
            self.same_json("series", **{"match[]": match}, **time)
        self.same_json("series", **{"match[]": "up"}, start=T + 60, end=T)
        self.same_json("series", **{"match[]": "ends"}, start=END - 60, end=END)

    def test_labels_and_values(self):
        for match in (None, "up", '{job="api"}', ["up", "latency_seconds_sum"], "not_there",
                      'http_requests_total{code=~"4.."}', "{}", "up{"):
            self.same_json("labels", **{"match[]": match}, start=T, end=END)
            for label in ("job", "code", "__name__", "le", "not_there"):
                self.same_json(f"label/{label}/values", **{"match[]": match}, start=T, end=END)

    def test_format_query(self):
        for query in FORMATS:
            self.same_json("format_query", query=query)


if __name__ == "__main__":
    unittest.main()
