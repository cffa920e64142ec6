"""OTLP metrics: what is stored of them, under which names, and what is refused.

Expected is what Prometheus 3.14 stores. Where that gives up a whole request (delta temporality, a
scale that no histogram has), prom5 keeps what can be kept and says what it left out: with 400, or
with 200 and OTLP's "partial success".
"""
import gzip
import json
import math
import os
import socket
import unittest
import zlib

import harness
import otlp_wire as wire
from protobuf import field_bytes, varint

PATHS = ("/api/v1/otlp/v1/metrics", "/v1/metrics")
T = harness.now_ms() // 60_000 * 60 - 1200
TRACE, SPAN = bytes(range(16)), bytes(range(8))
IDS = {"trace_id": TRACE.hex(), "span_id": SPAN.hex()}
MEMORY_LIMIT_KB = 400 * 1024


def ns(seconds=0.0):
    """Nanoseconds of a time so long after T."""
    return (T * 1000 + round(seconds * 1000)) * 1_000_000


def show(labels, without=()):
    """A label set as text; its order is the alphabet's."""
    pairs = [f'{k}="{v}"' for k, v in sorted(labels.items()) if k not in ("__name__", *without)]
    return labels.get("__name__", "") + ("{" + ",".join(pairs) + "}" if pairs else "")


class Otlp(unittest.TestCase):
    """A server that takes OTLP. Each test is a job of its own, named as its method."""

    maxDiff = None
    settings = ()  # lines below "otlp:" in the configuration
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(
            ["--web.enable-otlp-receiver", *cls.flags], config=cls.configuration(cls.settings)))

    @staticmethod
    def configuration(settings, head="global: {}\n"):
        return head + "".join(["otlp:\n", *(f"  {line}\n" for line in settings)]
                              if settings else [])

    def setUp(self):
        self.job = self._testMethodName

    # Sending

    def resource(self, *scopes, **of):
        """A resource of this test's job; `of` are further attributes, "__" in them for a dot."""
        more = {k.replace("__", "."): v for k, v in of.items()}
        return wire.resource({"service.name": self.job, **more}, *scopes)

    def post(self, body, content_type=wire.PROTOBUF, path=PATHS[0], **headers):
        """(status, content type, body) of the answer."""
        headers = {"Content-Type": content_type,
                   **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, answered, body = self.server.post(path, body, headers)
        return status, answered.get("Content-Type", ""), body

    def send(self, *resources, path=PATHS[0]):
        return self.post(wire.protobuf(wire.request(*resources)), path=path)

    def taken(self, answer):
        """The answer says that everything was taken."""
        status, content_type, body = answer
        self.assertEqual(status, 200, body)
        self.assertEqual(wire.read_response(body, content_type), (0, ""))

    def refused(self, answer, *words):
        """The answer says that something was not taken, and in which words."""
        status, content_type, body = answer
        self.assertIn(status, (200, 400), body)
        text = body.decode(errors="replace")
        if status == 200:
            rejected, text = wire.read_response(body, content_type)
            self.assertGreater(rejected, 0, text)
        for word in words:
            self.assertIn(word, text)

    def accept(self, *scopes, **of):
        """Sends one resource of this test's job, which is taken."""
        self.taken(self.send(self.resource(*scopes, **of)))

    # Looking

    def stored(self, selector=None, at=0, without=("job",)):
        """Series -> value, at a time so long after T; of this test's job, if none is selected."""
        selector = selector or f'{{job="{self.job}"}}'
        return {show(s["metric"], without): (s.get("value") or s["histogram"])[1]
                for s in self.server.query(selector, T + at)}

    def points(self, name):
        """Series -> [(seconds after T, value)], everything there is of this test's job."""
        found = self.server.query(f'{name}{{job="{self.job}"}}[1h]', T + 1200)
        return {show(s["metric"], ("job",)): [(round(t - T, 3), v) for t, v in s["values"]]
                for s in found}

    def exemplars(self, selector=None):
        """Series -> [(labels, value, seconds after T)]."""
        found = self.server.api("query_exemplars", query=selector or f'{{job="{self.job}"}}',
                                start=T - 600, end=T + 1200)
        return {show(s["seriesLabels"], ("job",)): [
            (e["labels"], e["value"], round(float(e["timestamp"]) - T, 3)) for e in s["exemplars"]]
            for s in found}


def one_of_each(start=0, **of):
    """Metrics of every kind; their points have the attributes `of`."""
    exemplar = wire.exemplar(0.25, ns(start - 1), TRACE, SPAN, {"user.id": 7})
    return [
        wire.gauge("oven.temperature", [wire.number(180.5, ns(start), {"rack": 1, **of}),
                                        wire.number(-3, ns(start), {"rack": 2, **of})],
                   "Cel", "How hot it is."),
        wire.counter("loaves", [wire.number(7, ns(start), of, ns(start - 60), [exemplar])],
                     "{loaf}", "Loaves baked."),
        wire.up_down("dough", [wire.number(-1.5, ns(start), of)], "kg"),
        wire.histogram("bake.time", [wire.buckets([0.5, 2.5], [1, 0, 4], ns(start), of, sum=99.5,
                                                  exemplars=[exemplar])], "s"),
        wire.exponential("crumbs", [wire.powers(
            1, ns(start), of, positive=(-2, [1, 2, 0, 3]), negative=(3, [4]), zero_count=5,
            sum=1.25, exemplars=[exemplar])], "g"),
        wire.summary("price", [wire.quantiles({0.5: 2.5, 0.99: 9.75}, 40, 123.5, ns(start), of)]),
    ]


class Receiving(Otlp):
    """Requests, their forms and what they may contain; and the kinds of metrics."""

    def test_both_paths(self):
        for path in PATHS:
            point = wire.number(1, ns(), {"path": path})
            self.taken(self.send(self.resource(wire.gauge("sent", [point])), path=path))
        self.assertEqual(self.stored(), {f'sent{{path="{path}"}}': "1" for path in PATHS})

    def test_requests_without_content(self):
        self.taken(self.post(b""))
        self.taken(self.post(b"{}", wire.JSON))
        self.taken(self.post(b'{"resourceMetrics": []}', wire.JSON))
        self.accept()
        self.accept(wire.scope(name="empty"))

    def test_metric_without_points_is_left_out(self):
        self.accept(wire.gauge("empty", []), wire.gauge("full", [wire.number(1, ns())]),
                    wire.counter("none", []), wire.histogram("nothing", []))
        self.assertEqual(self.stored(), {"full": "1"})

    def test_gzip(self):
        for name, encode, content_type in (("protobuf", wire.protobuf, wire.PROTOBUF),
                                           ("json", wire.to_json, wire.JSON)):
            point = wire.number(1, ns(), {"form": name})
            body = encode(wire.request(self.resource(wire.gauge("packed", [point]))))
            self.taken(self.post(gzip.compress(body), content_type, Content_Encoding="gzip"))
        self.assertEqual(self.stored(),
                         {'packed{form="json"}': "1", 'packed{form="protobuf"}': "1"})

    def test_names_of_codings(self):
        body = wire.protobuf(wire.request(self.resource(*one_of_each())))
        self.taken(self.post(gzip.compress(body), Content_Encoding="GZip"))
        self.taken(self.post(body, Content_Encoding="Identity"))

    def test_what_is_wrong_is_said_once(self):
        status, _, text = self.post(b"\xff\xff")
        self.assertEqual((status, text), (400, b"protobuf: malformed message\n"))

    def test_chunked_body(self):
        """As the SDKs for JavaScript and Go send it: nobody says how long it is."""
        body = wire.protobuf(wire.request(self.resource(*one_of_each())))
        self.taken(self.post(iter([body[:7], body[7:100], body[100:]])))
        self.assertEqual(len(self.stored()), 14)

    def test_protobuf_and_json_give_the_same(self):
        forms = {"protobuf": (wire.PROTOBUF, wire.protobuf), "json": (wire.JSON, wire.to_json),
                 "unpacked": (wire.PROTOBUF, lambda r: wire.protobuf(r, packed=False))}
        of = {"service.instance.id": "i", "host.name": "höst", "yes": True, "half": 0.5,
              "list": ["a", 1], "map": {"z": 1, "a": [False]}, "bytes": b"\x00\xff"}
        found = {}
        for form, (content_type, encode) in forms.items():
            body = encode(wire.request(wire.resource(
                {"service.name": f"{self.job}/{form}", **of},
                wire.scope(*one_of_each(), name="bakery", version="1"))))
            self.taken(self.post(body, content_type))
            job = f'{{job="{self.job}/{form}"}}'
            found[form] = self.stored(job), {
                show(s["seriesLabels"], ("job",)): s["exemplars"] for s in self.server.api(
                    "query_exemplars", query=job, start=T - 60, end=T + 60)}
        self.assertEqual(found["json"], found["protobuf"])
        self.assertEqual(found["unpacked"], found["protobuf"])
        series, exemplars = found["protobuf"]
        labels = 'instance="i"'
        self.assertEqual(series, {
            f'oven_temperature_celsius{{{labels},rack="1"}}': "180.5",
            f'oven_temperature_celsius{{{labels},rack="2"}}': "-3",
            f"loaves_total{{{labels}}}": "7", f"dough_kg{{{labels}}}": "-1.5",
            f'bake_time_seconds_bucket{{{labels},le="0.5"}}': "1",
            f'bake_time_seconds_bucket{{{labels},le="2.5"}}': "1",
            f'bake_time_seconds_bucket{{{labels},le="+Inf"}}': "5",
            f"bake_time_seconds_sum{{{labels}}}": "99.5",
            f"bake_time_seconds_count{{{labels}}}": "5",
            f"crumbs_grams{{{labels}}}": series[f"crumbs_grams{{{labels}}}"],
            f'price{{{labels},quantile="0.5"}}': "2.5",
            f'price{{{labels},quantile="0.99"}}': "9.75",
            f"price_sum{{{labels}}}": "123.5", f"price_count{{{labels}}}": "40",
            f'target_info{{bytes="AP8=",half="0.5",host_name="höst",{labels},list="["a",1]",'
            'map="{"a":[false],"z":1}",yes="true"}': "1"})
        self.assertEqual(set(exemplars), {
            f"loaves_total{{{labels}}}", f'bake_time_seconds_bucket{{{labels},le="0.5"}}',
            f"crumbs_grams{{{labels}}}"})

    def test_json_of_other_writers(self):
        """Whole numbers as strings or not, names of an enumeration, fields of the future."""
        for n, (number, enumeration) in enumerate((
                (str, 2), (int, 2), (str, '"AGGREGATION_TEMPORALITY_CUMULATIVE"'))):
            quoted = json.dumps(number(ns()))
            five = json.dumps(number(5))
            self.taken(self.post(f'''
                {{"newer": [{{"a": null}}, 1], "resourceMetrics": [{{
                  "resource": {{"droppedAttributesCount": 0, "attributes": [
                    {{"key": "service.name", "value": {{"stringValue": "{self.job}"}}}}]}},
                  "scopeMetrics": [{{"scope": {{}}, "metrics": [
                    {{"name": "written", "newer": {{"b": 1.5e3}}, "sum": {{
                      "aggregationTemporality": {enumeration}, "isMonotonic": true,
                      "dataPoints": [{{"timeUnixNano": {quoted}, "asInt": {five},
                        "attributes": [{{"key": "n", "value": {{"intValue": {n}}}}}],
                        "exemplars": [{{"timeUnixNano": {quoted}, "asDouble": 1,
                          "traceId": "{TRACE.hex().upper()}"}}]}}]}}}},
                    {{"name": "told", "gauge": {{"dataPoints": [{{"timeUnixNano": {quoted},
                      "asDouble": "Infinity", "attributes": [
                        {{"key": "n", "value": {{"intValue": "{n}"}}}}]}}]}}}}]}}]}}]}}
                '''.encode(), wire.JSON))
        self.assertEqual(self.stored(), {f'{name}{{n="{n}"}}': value for n in range(3)
                                         for name, value in (("written_total", "5"),
                                                             ("told", "+Inf"))})
        self.assertEqual(self.exemplars()['written_total{n="0"}'],
                         [({"trace_id": TRACE.hex()}, "1", 0)])

    def test_unknown_fields_are_skipped(self):
        body = wire.protobuf(wire.request(self.resource(wire.gauge("g", [wire.number(1, ns())]))))
        self.taken(self.post(body + field_bytes(100, b"abc") + b"\xa8\x06\x07"))
        self.assertEqual(self.stored(), {"g": "1"})

    def test_values(self):
        expected = {7: "7", -7: "-7", 0: "0", 2 ** 53 + 1: "9007199254740992", 0.1: "0.1",
                    1e300: "1e+300", math.inf: "+Inf", -math.inf: "-Inf", math.nan: "NaN"}
        self.accept(wire.gauge("v", [wire.number(value, ns(), {"n": n})
                                     for n, value in enumerate(expected)]))
        self.assertEqual(self.stored(), {f'v{{n="{n}"}}': text
                                         for n, text in enumerate(expected.values())})

    def test_times_are_cut_to_milliseconds(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(1.234) + 999_999),
                                     wire.number(2, ns(2.5))]))
        self.assertEqual(self.points("g"), {"g": [(1.234, "1"), (2.5, "2")]})

    def test_start_time_writes_no_sample(self):
        self.accept(wire.counter("c", [wire.number(1, ns(), start_ns=ns(-60))]),
                    wire.histogram("h", [wire.buckets([], [1], ns(), start_ns=ns(-60))]))
        self.assertEqual(self.points("c_total"), {"c_total": [(0, "1")]})
        self.assertEqual(self.points("h_count"), {"h_count": [(0, "1")]})

    def test_sending_the_same_again_is_no_harm(self):
        for _ in range(2):
            self.accept(*one_of_each(), host__name="h")
        self.assertEqual(self.points("loaves_total"), {"loaves_total": [(0, "7")]})

    def test_what_comes_too_late_is_refused(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(60))]))
        for value, seconds, words in ((2, 30, "out of order"), (3, 60, "duplicate sample")):
            answer = self.send(self.resource(
                wire.gauge("g", [wire.number(value, ns(seconds))])))
            self.refused(answer, words)
        self.assertEqual(self.points("g"), {"g": [(60, "1")]})

    def test_a_point_without_a_time_is_refused(self):
        answer = self.send(self.resource(wire.gauge("timeless", [
            wire.number(1, 0), wire.number(2, ns())])))
        self.refused(answer, "timeless", "without a time")
        self.assertEqual(self.points("timeless"), {"timeless": [(0, "2")]})

    # Kinds of metrics

    def test_sums(self):
        self.accept(wire.counter("c", [wire.number(1.5, ns(n * 10)) for n in range(2)]),
                    wire.up_down("u", [wire.number(-2, ns())]))
        self.assertEqual(self.stored(at=10), {"c_total": "1.5", "u": "-2"})
        self.assertEqual(self.points("c_total"), {"c_total": [(0, "1.5"), (10, "1.5")]})

    def test_sum_without_temporality_is_refused(self):
        answer = self.send(self.resource(
            wire.counter("undecided", [wire.number(1, ns())], temporality=wire.UNSPECIFIED)))
        self.refused(answer, "undecided")
        self.assertEqual(self.stored(), {})

    def test_name_of_nothing_is_refused(self):
        self.refused(self.send(self.resource(wire.gauge("!?", [wire.number(1, ns())]))), "!?")
        self.assertEqual(self.stored(), {})

    def test_histograms(self):
        self.accept(wire.histogram("h", [
            wire.buckets([0, 0.005, 1, 1e6, 1e-7 + 1e7], [1, 2, 0, 3, 4, 5], ns(), {"a": "1"},
                         sum=-2.5),
            wire.buckets([1], [1, 1], ns(), {"a": "2"}),
            wire.buckets([], [], ns(), {"a": "3"}, count=9, sum=1.0)]))
        self.assertEqual(self.stored(), {
            'h_bucket{a="1",le="0"}': "1", 'h_bucket{a="1",le="0.005"}': "3",
            'h_bucket{a="1",le="1"}': "3", 'h_bucket{a="1",le="1000000"}': "6",
            'h_bucket{a="1",le="10000000.0000001"}': "10", 'h_bucket{a="1",le="+Inf"}': "15",
            'h_count{a="1"}': "15", 'h_sum{a="1"}': "-2.5",
            # Without a sum there is no series of it; without buckets there is that of +Inf.
            'h_bucket{a="2",le="1"}': "1", 'h_bucket{a="2",le="+Inf"}': "2", 'h_count{a="2"}': "2",
            'h_bucket{a="3",le="+Inf"}': "9", 'h_count{a="3"}': "9", 'h_sum{a="3"}': "1"})

    def test_own_attributes_le_and_quantile_give_way(self):
        self.accept(
            wire.histogram("h", [wire.buckets([1], [1, 1], ns(), {"le": "x"}, sum=1.0)]),
            wire.summary("s", [wire.quantiles({0.5: 1.0}, 1, 2.0, ns(), {"quantile": "x"})]))
        self.assertEqual(self.stored(), {
            'h_bucket{le="1"}': "1", 'h_bucket{le="+Inf"}': "2", 'h_count{le="x"}': "2",
            'h_sum{le="x"}': "1", 's{quantile="0.5"}': "1", 's_count{quantile="x"}': "1",
            's_sum{quantile="x"}': "2"})

    def test_summaries(self):
        self.accept(wire.summary("s", [
            wire.quantiles({0: 1.0, 0.5: 2.5, 0.999: 7.0, 1: math.nan}, 3, 10.5, ns(), {"a": "1"}),
            wire.quantiles({}, 0, 0.0, ns(), {"a": "2"})], "kelvin"))
        self.assertEqual(self.stored(), {
            's_kelvin{a="1",quantile="0"}': "1", 's_kelvin{a="1",quantile="0.5"}': "2.5",
            's_kelvin{a="1",quantile="0.999"}': "7", 's_kelvin{a="1",quantile="1"}': "NaN",
            's_kelvin_sum{a="1"}': "10.5", 's_kelvin_count{a="1"}': "3",
            's_kelvin_sum{a="2"}': "0", 's_kelvin_count{a="2"}': "0"})

    def test_exponential_histograms(self):
        self.accept(wire.exponential("e", [
            wire.powers(0, ns(), positive=(0, [3, 4, 0, 0, 1]), negative=(0, [2]), zero_count=2,
                        sum=18.5),
            wire.powers(0, ns(10), positive=(0, [3, 4, 0, 0, 2]), negative=(0, [2]), zero_count=3,
                        sum=38.5)], "s"))
        # An index in OTLP is one below that of Prometheus.
        self.assertEqual(self.stored(), {"e_seconds": {
            "count": "12", "sum": "18.5", "buckets": [
                [1, "-2", "-1", "2"], [3, "-1e-128", "1e-128", "2"], [0, "1", "2", "3"],
                [0, "2", "4", "4"], [0, "16", "32", "1"]]}})
        self.assertEqual(self.stored(at=10)["e_seconds"]["count"], "14")
        job = f'e_seconds{{job="{self.job}"}}'
        self.assertEqual(self.server.value(f"histogram_count({job})", T), 12)
        self.assertEqual(self.server.value(f"histogram_sum({job})", T + 10), 38.5)

    def test_zero_threshold_is_always_the_same(self):
        """Prometheus 3.14 takes no zero threshold from OTLP."""
        self.accept(wire.exponential("e", [
            wire.powers(0, ns(), zero_count=2, zero_threshold=0.5, positive=(1, [1]), sum=1.0)]))
        self.assertEqual(self.stored()["e"]["buckets"],
                         [[3, "-1e-128", "1e-128", "2"], [0, "2", "4", "1"]])

    def test_exponential_histogram_without_sum_or_buckets(self):
        self.accept(wire.exponential("e", [wire.powers(3, ns(), zero_count=1, count=1)]))
        self.assertEqual(self.stored(), {"e": {
            "count": "1", "sum": "0", "buckets": [[3, "-1e-128", "1e-128", "1"]]}})

    def bounds(self, scale, **sides):
        """Bounds as exponents of two, and counts, of a histogram sent with this scale."""
        name = f"scaled_{scale}".replace("-", "minus_")
        self.accept(wire.exponential(name, [wire.powers(scale, ns(), sum=1.0, **sides)]))
        return [(math.copysign(1, float(low)), round(math.log2(abs(float(low))), 9),
                 round(math.log2(abs(float(high))), 9), int(count))
                for _, low, high, count in self.stored()[name]["buckets"]]

    def test_scales_prometheus_has(self):
        self.assertEqual(self.bounds(8, positive=(-1, [1, 2])), [
            (1, round(-1 / 256, 9), 0, 1), (1, 0, round(1 / 256, 9), 2)])
        self.assertEqual(self.bounds(-4, positive=(-1, [1, 2])), [(1, -16, 0, 1), (1, 0, 16, 2)])
        self.assertEqual(self.bounds(2, negative=(4, [1])), [(-1, 1.25, 1, 1)])

    def test_finer_scales_are_brought_down(self):
        # Scale 10: four buckets become one. -3..1 are -1, -1, -1, 0, 0 of scale 8.
        self.assertEqual(
            self.bounds(10, positive=(4, [1, 2, 3, 4, 5, 6, 7, 8]), negative=(-3, [1] * 5)), [
                (-1, round(1 / 256, 9), 0, 2), (-1, 0, round(-1 / 256, 9), 3),
                (1, round(1 / 256, 9), round(2 / 256, 9), 10),
                (1, round(2 / 256, 9), round(3 / 256, 9), 26)])
        # Scale 20: 4096 become one.
        self.assertEqual(self.bounds(20, positive=(4095, [1, 2])), [
            (1, 0, round(1 / 256, 9), 1), (1, round(1 / 256, 9), round(2 / 256, 9), 2)])
        self.assertEqual(self.bounds(9, positive=(-6, [1, 1, 2, 2, 3, 3])), [
            (1, round(n / 256, 9), round((n + 1) / 256, 9), 2 * (n + 4)) for n in (-3, -2, -1)])

    def test_scale_no_histogram_has_is_refused(self):
        answer = self.send(self.resource(wire.exponential(
            "coarse", [wire.powers(-5, ns(), positive=(0, [1]), sum=1.0)])))
        self.refused(answer, "-5")
        self.assertEqual(self.stored(), {})

    # Exemplars

    def test_exemplars_of_sums(self):
        self.accept(wire.counter("c", [wire.number(5, ns(), exemplars=[
            wire.exemplar(1.5, ns(-3), TRACE, SPAN),
            wire.exemplar(10, ns(-2), TRACE, of={"user.id": 7, "b": True}),
            wire.exemplar(2.5, ns(-1.5), of={"only": "attributes"})])]))
        self.assertEqual(self.exemplars(), {"c_total": [
            (IDS, "1.5", -3),
            ({"trace_id": TRACE.hex(), "user.id": "7", "b": "true"}, "10", -2),
            ({"only": "attributes"}, "2.5", -1.5)]})

    def test_exemplars_of_buckets(self):
        self.accept(wire.histogram("h", [wire.buckets(
            [0.5, 1, 5], [1, 1, 0, 1], ns(), sum=10.0, exemplars=[
                wire.exemplar(0.1, ns(-4), TRACE, SPAN), wire.exemplar(0.5, ns(-3), SPAN * 2),
                wire.exemplar(0.7, ns(-2), TRACE), wire.exemplar(9, ns(-1), TRACE)])]))
        trace = {"trace_id": TRACE.hex()}
        self.assertEqual(self.exemplars(), {
            'h_bucket{le="0.5"}': [(IDS, "0.1", -4), ({"trace_id": (SPAN * 2).hex()}, "0.5", -3)],
            'h_bucket{le="1"}': [(trace, "0.7", -2)], 'h_bucket{le="+Inf"}': [(trace, "9", -1)]})

    def test_exemplars_of_exponential_histograms(self):
        self.accept(wire.exponential("e", [wire.powers(
            0, ns(), positive=(0, [2]), sum=3.0, exemplars=[
                wire.exemplar(1.5, ns(-2), TRACE, SPAN), wire.exemplar(1.75, ns(-1), SPAN * 2)])]))
        self.assertEqual(self.exemplars(), {
            "e": [(IDS, "1.5", -2), ({"trace_id": (SPAN * 2).hex()}, "1.75", -1)]})

    def test_gauges_keep_no_exemplars(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(), exemplars=[
            wire.exemplar(1.5, ns(-1), TRACE, SPAN)])]))
        self.assertEqual(self.exemplars(), {})

    def test_attributes_of_exemplars_beyond_128_characters_are_left_out(self):
        # The two identities are 8 + 32 + 7 + 16 characters.
        for name, size in (("fits", 60), ("large", 61)):
            self.accept(wire.counter(name, [wire.number(1, ns(), exemplars=[
                wire.exemplar(1.0, ns(-1), TRACE, SPAN, {"filla": "é" * size})])]))
        self.assertEqual(self.exemplars(), {
            "fits_total": [({**IDS, "filla": "é" * 60}, "1", -1)],
            "large_total": [(IDS, "1", -1)]})

    # No recorded value

    def test_no_recorded_value_ends_every_series_of_a_point(self):
        flags = wire.NO_RECORDED_VALUE
        self.accept(*one_of_each())
        self.assertEqual(len(self.stored(at=9)), 14)
        self.accept(
            wire.gauge("oven.temperature", [wire.number(None, ns(10), {"rack": 1}, flags=flags),
                                            wire.number(0.0, ns(10), {"rack": 2}, flags=flags)],
                       "Cel"),
            wire.counter("loaves", [wire.number(None, ns(10), flags=flags)], "{loaf}"),
            wire.up_down("dough", [wire.number(1, ns(10), flags=flags)], "kg"),
            wire.histogram("bake.time", [wire.buckets([0.5, 2.5], [0, 0, 0], ns(10), sum=0.0,
                                                      flags=flags)], "s"),
            wire.exponential("crumbs", [wire.powers(1, ns(10), flags=flags)], "g"),
            wire.summary("price", [wire.quantiles({0.5: 0.0, 0.99: 0.0}, 0, 0.0, ns(10),
                                                  flags=flags)]))
        self.assertEqual(self.stored(at=10), {})
        self.assertEqual(len(self.stored(at=9.999)), 14)
        self.assertEqual(self.points("loaves_total"), {"loaves_total": [(0, "7")]})

    # Metadata

    def test_metadata(self):
        # Names of this test only: others send other metadata under theirs.
        self.accept(
            wire.counter("metadata.io", [wire.number(1, ns())], "By", "Bytes moved."),
            wire.up_down("metadata.level", [wire.number(1, ns())], "1", "A level."),
            wire.gauge("metadata.share", [wire.number(1, ns())], "1", "A \"share\"\nof two lines."),
            wire.gauge("metadata.rate", [wire.number(1, ns())], "{packet}/s"),
            wire.gauge("metadata.speed", [wire.number(1, ns())], "By/s"),
            wire.histogram("metadata.time", [wire.buckets([1], [1, 0], ns(), sum=1.0)], "s", "T."),
            wire.exponential("metadata.fine", [wire.powers(0, ns(), zero_count=1)], "ms"),
            wire.summary("metadata.price", [wire.quantiles({0.5: 1}, 1, 1.0, ns())], "{coin}"),
            host__name="h")
        for name, kind, unit, text in (
                ("metadata_io_bytes_total", "counter", "bytes", "Bytes moved."),
                ("metadata_level", "gauge", "", "A level."),
                ("metadata_share_ratio", "gauge", "", "A \"share\"\nof two lines."),
                ("metadata_rate_per_second", "gauge", "per_second", ""),
                ("metadata_speed_bytes_per_second", "gauge", "bytes_per_second", ""),
                ("metadata_time_seconds", "histogram", "seconds", "T."),
                ("metadata_fine_milliseconds", "histogram", "milliseconds", ""),
                ("metadata_price", "summary", "", ""),
                ("target_info", "gauge", "", "Target metadata")):
            with self.subTest(name):
                self.assertEqual(self.server.api("metadata", metric=name),
                                 {name: [{"type": kind, "unit": unit, "help": text}]})
        self.assertNotIn("metadata_time_seconds_bucket", self.server.api("metadata"))

    # Delta temporality

    def test_delta_is_refused_and_the_rest_kept(self):
        delta = {"temporality": wire.DELTA}
        for n, metric in enumerate((
                wire.counter("refused.sum", [wire.number(1, ns())], **delta),
                wire.up_down("refused.level", [wire.number(1, ns())], **delta),
                wire.histogram("refused.time", [wire.buckets([1], [1, 0], ns(), sum=1.0)], **delta),
                wire.exponential("refused.fine", [wire.powers(0, ns(), zero_count=1)], **delta))):
            answer = self.send(self.resource(
                wire.gauge("before", [wire.number(1, ns(n))]), metric,
                wire.counter("after", [wire.number(n, ns(n))])))
            self.refused(answer, "otlp-deltatocumulative", metric["name"])
            self.assertEqual(self.stored(at=n), {"before": "1", "after_total": str(n)})

    def test_delta_in_json_is_refused_too(self):
        body = wire.to_json(wire.request(self.resource(
            wire.counter("refused.json", [wire.number(1, ns()), wire.number(1, ns(1))],
                         temporality=wire.DELTA), wire.gauge("kept", [wire.number(1, ns())]))))
        self.refused(self.post(body, wire.JSON), "otlp-deltatocumulative", "refused.json")
        self.assertEqual(self.stored(at=1), {"kept": "1"})


class Labels(Otlp):
    """Labels by attributes of points and resources, without any settings."""

    def test_names(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(), {
            "http.method": "GET", "http-status": "200", "2xx": "yes", "_private": "p",
            "__reserved__": "r", "double__under": "d", "a..b": "dots", "ünïcode": "u",
            "plain_one": "1", "__name__": "other", "empty": "", "nothing": None})]))
        self.assertEqual(self.stored(), {
            'g{__reserved__="r",a__b="dots",double__under="d",http_method="GET",'
            'http_status="200",key_2xx="yes",key_n_code="u",key_private="p",plain_one="1"}': "1"})

    def test_values(self):
        of = {"bool": True, "no": False, "int": -42, "double": 1.5, "whole": 3.0, "large": 1e21,
              "small": 1.5e-7, "bytes": b"\x00\xffab", "list": ["a", 1, True, None, [2]],
              "map": {"b": 1, "a": {"c": "x"}}, "text": 'a"b\\c\nd'}
        self.accept(wire.gauge("g", [wire.number(1, ns(), of)]))
        labels = self.server.query(f'g{{job="{self.job}"}}', T)[0]["metric"]
        self.assertEqual({k: v for k, v in labels.items() if k not in ("__name__", "job")}, {
            "bool": "true", "no": "false", "int": "-42", "double": "1.5", "whole": "3",
            "large": "1e+21", "small": "1.5e-7", "bytes": "AP9hYg==",
            "list": '["a",1,true,null,[2]]', "map": '{"a":{"c":"x"},"b":1}',
            "text": 'a"b\\c\nd'})

    def test_attributes_of_the_same_name_are_joined_in_their_order(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(), {
            "a_b": "3", "a.b": "2", "a-b": "1", "c_d": "y", "c.d": "x", "e.f": "", "e_f": "z"})]))
        self.assertEqual(self.stored(), {'g{a_b="1;2;3",c_d="x;y",e_f="z"}': "1"})

    def test_job_and_instance(self):
        name, space, instance = "service.name", "service.namespace", "service.instance.id"
        for n, (resource, of, expected) in enumerate((
                ({name: "a"}, {}, {"job": "a"}),
                ({name: "b", space: "ns"}, {}, {"job": "ns/b"}),
                ({name: "c", instance: "i-1"}, {}, {"job": "c", "instance": "i-1"}),
                ({space: "ns"}, {}, {}),
                ({instance: "i-2"}, {}, {"instance": "i-2"}),
                ({}, {}, {}),
                ({name: 5, instance: 6}, {}, {"job": "5", "instance": "6"}),
                ({name: "d", instance: "i"}, {"job": "x", "instance": "y"},
                 {"job": "d", "instance": "i"}),
                ({"host.name": "h"}, {"job": "x", "instance": "y"},
                 {"job": "x", "instance": "y"}))):
            with self.subTest(resource=resource, of=of):
                point = wire.number(1, ns(), {"case": f"jobs-{n}", **of})
                self.taken(self.send(wire.resource(resource, wire.gauge("who", [point]))))
                found = self.server.query(f'{{case="jobs-{n}"}}', T)
                self.assertEqual([s["metric"] for s in found],
                                 [{"__name__": "who", "case": f"jobs-{n}", **expected}])

    def test_target_info(self):
        self.accept(wire.gauge("g", [wire.number(1, ns())]), service__instance__id="i",
                    host__name="h", process__pid=5, **{"a__b": "1", "a_b": "2"})
        self.assertEqual(self.stored(), {
            'g{instance="i"}': "1",
            'target_info{a_b="1;2",host_name="h",instance="i",process_pid="5"}': "1"})

    def test_target_info_needs_something_to_say_and_of_whom(self):
        gauge = wire.gauge("g", [wire.number(1, ns())])
        self.accept(gauge, service__namespace="only", service__instance__id="i")
        self.taken(self.send(wire.resource({"lonely.host": "h"}, gauge)))
        self.taken(self.send(wire.resource(
            {"told.host": "h", "service.instance.id": self.job}, gauge)))
        self.taken(self.send(self.resource(host__name="without_points")))
        self.assertEqual(self.stored('target_info{lonely_host="h"}'), {})
        self.assertEqual(self.stored('target_info{host_name="without_points"}'), {})
        self.assertEqual(self.stored(f'target_info{{job="only/{self.job}"}}'), {})
        self.assertEqual(self.stored(f'target_info{{instance="{self.job}"}}'),
                         {f'target_info{{instance="{self.job}",told_host="h"}}': "1"})

    def test_target_info_every_half_of_the_lookback(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(100))]),
                    wire.counter("c", [wire.number(1, ns(0.5))]),
                    wire.histogram("h", [wire.buckets([], [1], ns(600))]), host__name="h")
        self.assertEqual(self.points("target_info"), {'target_info{host_name="h"}': [
            (seconds, "1") for seconds in (0.5, 150.5, 300.5, 450.5, 600)]})

    def test_two_resources_that_are_the_same(self):
        self.taken(self.send(*[self.resource(
            wire.gauge("g", [wire.number(n, ns(), {"n": n})]), host__name="h") for n in range(2)]))
        self.assertEqual(self.stored(), {
            'g{n="0"}': "0", 'g{n="1"}': "1", 'target_info{host_name="h"}': "1"})

    def test_scopes_are_not_seen(self):
        self.accept(wire.scope(wire.gauge("g", [wire.number(1, ns())]), name="lib", version="1",
                               of={"a": "b"}, schema_url="https://x"))
        self.assertEqual(self.stored(), {"g": "1"})


class OtherUnderscores(Otlp):
    settings = ("label_name_underscore_sanitization: false",
                "label_name_preserve_multiple_underscores: false")

    def test_names(self):
        self.accept(wire.gauge("g", [wire.number(1, ns(), {
            "_private": "p", "__reserved__": "r", "double__under": "d", "a..b": "dots",
            "2xx": "yes", "ünïcode": "u"})]))
        self.assertEqual(self.stored(), {
            'g{__reserved__="r",_n_code="u",_private="p",a_b="dots",double_under="d",'
            'key_2xx="yes"}': "1"})


class Identifying(Otlp):
    settings = ("keep_identifying_resource_attributes: true",)

    def test_target_info(self):
        self.accept(wire.gauge("g", [wire.number(1, ns())]), service__instance__id="i",
                    host__name="h")
        self.assertEqual(self.stored(), {
            'g{instance="i"}': "1",
            f'target_info{{host_name="h",instance="i",service_instance_id="i",'
            f'service_name="{self.job}"}}': "1"})

    def test_no_target_info_of_these_alone(self):
        self.accept(wire.gauge("g", [wire.number(1, ns())]), service__instance__id="i")
        self.assertEqual(self.stored(), {'g{instance="i"}': "1"})


class PromotedResources(Otlp):
    settings = ("promote_resource_attributes: [deployment.environment, _hidden, service.name,"
                " not.there, instance]",)

    def test_named_attributes_become_labels(self):
        of = {"deployment.environment": "test", "_hidden": 1, "host.name": "h", "instance": "own"}
        self.taken(self.send(wire.resource(
            {"service.name": self.job, "service.instance.id": "i", **of},
            wire.gauge("g", [wire.number(1, ns())]),
            wire.gauge("own", [wire.number(1, ns(), {"deployment-environment": "point"})]),
            wire.histogram("h", [wire.buckets([], [], ns(), count=1)]))))
        more = 'instance="i",key_hidden="1"'
        name = f'service_name="{self.job}"'
        self.assertEqual(self.stored(), {
            f'g{{deployment_environment="test",{more},{name}}}': "1",
            f'own{{deployment_environment="point",{more},{name}}}': "1",
            f'h_count{{deployment_environment="test",{more},{name}}}': "1",
            f'h_bucket{{deployment_environment="test",{more},le="+Inf",{name}}}': "1",
            f'target_info{{deployment_environment="test",host_name="h",{more}}}': "1"})


class AllResources(Otlp):
    settings = ("promote_all_resource_attributes: true", "ignore_resource_attributes: [host.id]")

    def test_all_but_the_ignored_become_labels(self):
        self.accept(wire.gauge("g", [wire.number(1, ns())]), service__instance__id="i",
                    host__id="x", host__name="h")
        self.assertEqual(self.stored(), {
            f'g{{host_name="h",instance="i",service_instance_id="i",'
            f'service_name="{self.job}"}}': "1",
            'target_info{host_id="x",host_name="h",instance="i"}': "1"})


class PromotedScopes(Otlp):
    settings = ("promote_scope_metadata: true",)

    def test_scopes_become_labels(self):
        point = wire.number(1, ns(), {"otel_scope_version": "of the point"})
        self.accept(
            wire.scope(wire.gauge("full", [point]), name="lib", version="1.2",
                       of={"library.mascot": "bear", "name": "not this"}, schema_url="https://x"),
            wire.scope(wire.gauge("short", [wire.number(1, ns())]), name="lib"),
            wire.scope(wire.gauge("nameless", [wire.number(1, ns())]), version="1.2",
                       of={"a": "b"}, schema_url="https://x"),
            host__name="h")
        self.assertEqual(self.stored(), {
            'full{otel_scope_library_mascot="bear",otel_scope_name="lib",'
            'otel_scope_schema_url="https://x",otel_scope_version="1.2"}': "1",
            'short{otel_scope_name="lib"}': "1", "nameless": "1",
            'target_info{host_name="h"}': "1"})


class CustomBuckets(Otlp):
    settings = ("convert_histograms_to_nhcb: true",)

    def test_explicit_buckets_become_custom_ones(self):
        self.accept(wire.histogram("h", [
            wire.buckets([0.5, 2], [1, 2, 3], ns(), sum=9.0),
            wire.buckets([0.5, 2], [2, 2, 4], ns(15), sum=11.0)], "s"))
        self.assertEqual(self.stored(), {"h_seconds": {
            "count": "6", "sum": "9", "buckets": [
                [3, "-Inf", "0.5", "1"], [0, "0.5", "2", "2"], [0, "2", "+Inf", "3"]]}})
        self.assertEqual(self.stored(at=15)["h_seconds"]["count"], "8")
        job = f'h_seconds{{job="{self.job}"}}'
        self.assertEqual(self.server.value(f"histogram_quantile(0.5, {job})", T), 2)

    def test_empty_buckets_and_no_sum(self):
        self.accept(wire.histogram("h", [
            wire.buckets(range(1, 9), [0, 0, 1, 0, 0, 0, 0, 2, 0], ns(), {"n": 1}),
            wire.buckets([1], [0, 3], ns(), {"n": 2}), wire.buckets([1], [0, 0], ns(), {"n": 3})]))
        self.assertEqual(self.stored(), {
            'h{n="1"}': {"count": "3", "sum": "0",
                         "buckets": [[0, "2", "3", "1"], [0, "7", "8", "2"]]},
            'h{n="2"}': {"count": "3", "sum": "0", "buckets": [[0, "1", "+Inf", "3"]]},
            'h{n="3"}': {"count": "0", "sum": "0"}})

    def test_exemplars_staleness_and_metadata(self):
        self.accept(
            wire.histogram("nhcb", [
                wire.buckets([1], [1, 1], ns(), sum=1.0, exemplars=[
                    wire.exemplar(0.5, ns(-2), TRACE, SPAN), wire.exemplar(7, ns(-1), TRACE)]),
                wire.buckets([1], [0, 0], ns(10), sum=0.0, flags=wire.NO_RECORDED_VALUE)], "s"))
        self.assertEqual(self.exemplars(), {"nhcb_seconds": [
            (IDS, "0.5", -2), ({"trace_id": TRACE.hex()}, "7", -1)]})
        self.assertEqual(list(self.stored(at=9.999)), ["nhcb_seconds"])
        self.assertEqual(self.stored(at=10), {})
        self.assertEqual(self.server.api("metadata", metric="nhcb_seconds"), {
            "nhcb_seconds": [{"type": "histogram", "unit": "seconds", "help": ""}]})

    def test_exponential_ones_stay_what_they_are(self):
        self.accept(wire.exponential("e", [wire.powers(0, ns(), positive=(0, [1]), sum=1.5)]))
        self.assertEqual(self.stored()["e"]["buckets"], [[0, "1", "2", "1"]])


# ---------------------------------------------------------------------------------- strategies

# Name, unit, and what becomes of it: with UnderscoreEscapingWithSuffixes, with
# NoUTF8EscapingWithSuffixes, with UnderscoreEscapingWithoutSuffixes. NoTranslation leaves the name.
GAUGES = (
    ("http.duration", "s", "http_duration_seconds", "http.duration_seconds", "http_duration"),
    ("memory.usage", "By", "memory_usage_bytes", "memory.usage_bytes", "memory_usage"),
    ("cpu.share", "1", "cpu_share_ratio", "cpu.share_ratio", "cpu_share"),
    ("ratio.of.things", "1", "of_things_ratio", "ratio.of.things_ratio", "ratio_of_things"),
    ("hit.ratio", "1", "hit_ratio", "hit_ratio", "hit_ratio"),
    ("queue.length", "{item}", "queue_length", "queue.length", "queue_length"),
    ("no.unit", "", "no_unit", "no.unit", "no_unit"),
    ("packets", "{packet}/s", "packets_per_second", "packets_per_second", "packets"),
    ("net.io", "By/s", "net_io_bytes_per_second", "net.io_bytes_per_second", "net_io"),
    ("wind", "m/s", "wind_meters_per_second", "wind_meters_per_second", "wind"),
    ("frequency", "1/s", "frequency_per_second", "frequency_per_second", "frequency"),
    ("per.m", "{x}/m", "per_m_per_minute", "per.m_per_minute", "per_m"),
    ("per.h", "{x}/h", "per_h_per_hour", "per.h_per_hour", "per_h"),
    ("per.d", "{x}/d", "per_d_per_day", "per.d_per_day", "per_d"),
    ("per.w", "{x}/w", "per_w_per_week", "per.w_per_week", "per_w"),
    ("per.mo", "{x}/mo", "per_mo_per_month", "per.mo_per_month", "per_mo"),
    ("per.y", "{x}/y", "per_y_per_year", "per.y_per_year", "per_y"),
    ("per.min", "{x}/min", "per_min_per_min", "per.min_per_min", "per_min"),
    ("size.per", "By/{thing}", "size_per_bytes", "size.per_bytes", "size_per"),
    ("fees", "foo/bar", "fees_foo_per_bar", "fees_foo_per_bar", "fees"),
    ("odd", "a-b.c", "odd_a_b_c", "odd_a-b.c", "odd"),
    ("spaced", " s ", "spaced_seconds", "spaced_seconds", "spaced"),
    ("wait.seconds", "s", "wait_seconds", "wait.seconds", "wait_seconds"),
    ("seconds.spent", "s", "seconds_spent", "seconds.spent_seconds", "seconds_spent"),
    ("2xx.answers", "", "_2xx_answers", "2xx.answers", "_2xx_answers"),
    ("weird..name--x__y_", "", "weird_name_x_y", "weird..name--x__y_", "weird_name_x__y_"),
    ("colon:name", "", "colon:name", "colon:name", "colon:name"),
    ("_hidden.x", "", "hidden_x", "_hidden.x", "_hidden_x"),
    ("köln.temp", "Cel", "k_ln_temp_celsius", "köln.temp_celsius", "k_ln_temp"),
) + tuple((f"in.{unit}".replace("%", "x"), unit, f"in_{unit}_{word}".replace("%", "x"),
           f"in.{unit}_{word}".replace("%", "x"), f"in_{unit}".replace("%", "x"))
          for unit, word in (
              ("d", "days"), ("h", "hours"), ("min", "minutes"), ("ms", "milliseconds"),
              ("us", "microseconds"), ("ns", "nanoseconds"), ("KiBy", "kibibytes"),
              ("MiBy", "mebibytes"), ("GiBy", "gibibytes"), ("TiBy", "tibibytes"),
              ("KBy", "kilobytes"), ("MBy", "megabytes"), ("GBy", "gigabytes"),
              ("TBy", "terabytes"), ("m", "meters"), ("V", "volts"), ("A", "amperes"),
              ("J", "joules"), ("W", "watts"), ("g", "grams"), ("Hz", "hertz"), ("%", "percent")))
COUNTERS = (
    ("jobs", "1", "jobs_total", "jobs_total", "jobs"),
    ("http.requests", "{request}", "http_requests_total", "http.requests_total", "http_requests"),
    ("visits.total", "", "visits_total", "visits_total", "visits_total"),
    ("total.hits", "", "hits_total", "total.hits_total", "total_hits"),
    ("disk.io", "By", "disk_io_bytes_total", "disk.io_bytes_total", "disk_io"),
    ("bytes.sent", "By", "bytes_sent_total", "bytes.sent_bytes_total", "bytes_sent"),
    ("io.bytes.total", "By", "io_bytes_total", "io.bytes_total", "io_bytes_total"),
    ("net.rate", "By/s", "net_rate_bytes_per_second_total", "net.rate_bytes_per_second_total",
     "net_rate"),
)
UP_DOWNS = (
    ("connections", "{connection}", "connections", "connections", "connections"),
    ("balance", "1", "balance", "balance", "balance"),
    ("heap.used", "By", "heap_used_bytes", "heap.used_bytes", "heap_used"),
)


class UnderscoreEscapingWithSuffixes(Otlp):
    """Without a setting, the strategy is this one."""

    column = 2
    latency, size, fine = "latency_x_milliseconds", "size_x_bytes", "fine_x_seconds"
    escaped = True

    def test_names_of_metrics(self):
        expected, scopes = {}, []
        for make, rows in ((wire.gauge, GAUGES), (wire.counter, COUNTERS),
                           (wire.up_down, UP_DOWNS)):
            for row in rows:
                of = {"of": f"{row[0]} {row[1]}"}
                scopes.append(make(row[0], [wire.number(1, ns(), of)], row[1]))
                expected[of["of"]] = (row + row[:1])[self.column]
        self.accept(*scopes)
        found = self.server.query(f'{{job="{self.job}"}}', T)
        self.assertEqual({s["metric"]["of"]: s["metric"]["__name__"] for s in found}, expected)

    def test_names_of_histograms_and_summaries(self):
        self.accept(
            wire.histogram("latency.x", [wire.buckets([1], [1, 0], ns(), sum=1.0)], "ms"),
            wire.summary("size.x", [wire.quantiles({0.5: 1.0}, 1, 1.0, ns())], "By"),
            wire.exponential("fine.x", [wire.powers(0, ns(), zero_count=1)], "s"))
        self.assertEqual(set(self.stored()), {
            f'{self.latency}_bucket{{le="1"}}', f'{self.latency}_bucket{{le="+Inf"}}',
            f"{self.latency}_sum", f"{self.latency}_count", f'{self.size}{{quantile="0.5"}}',
            f"{self.size}_sum", f"{self.size}_count", self.fine})

    def test_names_of_labels(self):
        self.accept(wire.gauge("labelled", [wire.number(1, ns(), {"a.b": "1", "2c": "3"})]),
                    **{"r.s": "4"})
        self.assertEqual(self.stored(), {
            'labelled{a_b="1",key_2c="3"}' if self.escaped else 'labelled{2c="3",a.b="1"}': "1",
            'target_info{r_s="4"}' if self.escaped else 'target_info{r.s="4"}': "1"})

    def test_labels_of_almost_the_same_name(self):
        self.accept(wire.gauge("near", [wire.number(1, ns(), {"a_b": "2", "a.b": "1"})]))
        self.assertEqual(self.stored(), {
            'near{a_b="1;2"}' if self.escaped else 'near{a.b="1",a_b="2"}': "1"})


class NamedDefaultStrategy(UnderscoreEscapingWithSuffixes):
    settings = ("translation_strategy: UnderscoreEscapingWithSuffixes",)


class NoUTF8EscapingWithSuffixes(UnderscoreEscapingWithSuffixes):
    """Only suffixes are added."""

    settings = ("translation_strategy: NoUTF8EscapingWithSuffixes",)
    column = 3
    latency, size, fine = "latency.x_milliseconds", "size.x_bytes", "fine.x_seconds"
    escaped = False


class UnderscoreEscapingWithoutSuffixes(UnderscoreEscapingWithSuffixes):
    """Only characters are replaced."""

    settings = ("translation_strategy: UnderscoreEscapingWithoutSuffixes",)
    column = 4
    latency, size, fine = "latency_x", "size_x", "fine_x"


class NoTranslation(UnderscoreEscapingWithSuffixes):
    """Names stay what they are."""

    settings = ("translation_strategy: NoTranslation",)
    column = 5
    latency, size, fine = "latency.x", "size.x", "fine.x"
    escaped = False


class TypesAndUnits(Otlp):
    """Each series tells its type and unit, but the one that tells of the resource."""

    flags = ("--enable-feature=type-and-unit-labels,otlp-deltatocumulative",)

    def test_labels_of_each_kind(self):
        self.accept(
            wire.gauge("oven", [wire.number(1, ns(), {"__type__": "x", "__unit__": "y"})], "Cel"),
            wire.counter("loaves", [wire.number(7, ns())], "By/s"),
            wire.counter("added", [wire.number(7, ns())], temporality=wire.DELTA),
            wire.up_down("dough", [wire.number(2, ns())]),
            wire.histogram("bake", [wire.buckets([0.5], [1, 2], ns(), sum=3)], "s"),
            wire.summary("rest", [wire.quantiles({0.5: 4}, 2, 8, ns())], "1"),
            version="1")
        self.assertEqual(self.stored(), {
            'oven_celsius{__type__="gauge",__unit__="celsius"}': "1",
            'loaves_bytes_per_second_total{__type__="counter",__unit__="bytes_per_second"}': "7",
            'added_total{__type__="counter"}': "7",
            'dough{__type__="gauge"}': "2",
            'bake_seconds_bucket{__type__="histogram",__unit__="seconds",le="0.5"}': "1",
            'bake_seconds_bucket{__type__="histogram",__unit__="seconds",le="+Inf"}': "3",
            'bake_seconds_count{__type__="histogram",__unit__="seconds"}': "3",
            'bake_seconds_sum{__type__="histogram",__unit__="seconds"}': "3",
            'rest{__type__="summary",quantile="0.5"}': "4",
            'rest_count{__type__="summary"}': "2",
            'rest_sum{__type__="summary"}': "8",
            'target_info{version="1"}': "1"})


class Reload(Otlp):
    settings = ("translation_strategy: NoTranslation",)

    def test_other_settings_hold_from_the_next_request(self):
        self.accept(wire.gauge("g.x", [wire.number(1, ns())]))
        self.assertEqual(self.stored(), {"g.x": "1"})
        self.server.write_config(self.configuration((
            *self.settings, "promote_all_resource_attributes: true",
            "promote_scope_metadata: true")))
        self.server.signal(harness.signal.SIGHUP)
        tenths = iter(range(1, 10_000))

        def promoted():
            at = next(tenths) / 10
            self.accept(wire.scope(wire.gauge("g.x", [wire.number(1, ns(at))]), name="lib",
                                   of={"b.c": "2"}), host__name="h")
            return self.stored(f'{{job="{self.job}",otel_scope_name="lib"}}', at)

        self.assertEqual(harness.wait_until(promoted, "the new configuration is in use"), {
            'g.x{host.name="h",otel_scope_b.c="2",otel_scope_name="lib",'
            f'service.name="{self.job}"}}': "1"})


class Configuration(unittest.TestCase):
    def check(self, *settings, **head):
        with harness.tempfile.TemporaryDirectory(prefix="prom5-e2e-") as scratch:
            path = os.path.join(scratch, "prometheus.yml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(Otlp.configuration(settings, **head))
            return harness.run_prom5("check", "config", path)

    def test_good(self):
        for settings in (
                ("translation_strategy: NoTranslation", "promote_scope_metadata: true",
                 "convert_histograms_to_nhcb: true", "keep_identifying_resource_attributes: true",
                 "label_name_underscore_sanitization: false",
                 "label_name_preserve_multiple_underscores: false",
                 "promote_resource_attributes: [a, ' b ']"),
                ("promote_all_resource_attributes: true", "ignore_resource_attributes: [a, b]"),
                ("promote_all_resource_attributes: false", "promote_resource_attributes: []")):
            result = self.check(*settings)
            self.assertEqual(result.returncode, 0, harness.shown(result))

    def test_bad(self):
        for word, *settings in (
                ("Nonsense", "translation_strategy: Nonsense"),
                ("promote_resource_attributes", "promote_all_resource_attributes: true",
                 "promote_resource_attributes: [a]"),
                ("promote_all_resource_attributes", "ignore_resource_attributes: [a]"),
                ("duplicated", "promote_resource_attributes: [a, b, ' a']"),
                ("empty", "promote_resource_attributes: [a, '']"),
                ("duplicated", "promote_all_resource_attributes: true",
                 "ignore_resource_attributes: [a, a]"),
                ("promote_scope", "promote_scope: true")):
            with self.subTest(settings=settings):
                result = self.check(*settings)
                self.assertEqual(result.returncode, 1, harness.shown(result))
                self.assertIn(word, result.stdout + result.stderr)

    def test_names_in_utf8_need_names_in_utf8(self):
        legacy = "global:\n  metric_name_validation_scheme: legacy\n"
        for strategy, code in (("NoTranslation", 1), ("NoUTF8EscapingWithSuffixes", 1),
                               ("UnderscoreEscapingWithoutSuffixes", 0)):
            with self.subTest(strategy):
                result = self.check(f"translation_strategy: {strategy}", head=legacy)
                self.assertEqual(result.returncode, code, harness.shown(result))
                if code:
                    self.assertIn(strategy, result.stdout + result.stderr)


# --------------------------------------------------------------------------------------- deltas

class DeltaToCumulative(Otlp):
    flags = ("--enable-feature=otlp-deltatocumulative",)

    def delta(self, make, name, *points, **more):
        self.accept(make(name, list(points), temporality=wire.DELTA, **more))

    def test_sums_add_up_over_requests(self):
        for n, value in enumerate((5, 3, 2)):
            self.delta(wire.counter, "c", wire.number(value, ns(n), start_ns=ns(n - 1)))
        self.delta(wire.up_down, "u", wire.number(1.5, ns()))
        self.delta(wire.up_down, "u", wire.number(-4.0, ns(1)))
        self.assertEqual(self.points("c_total"), {"c_total": [(0, "5"), (1, "8"), (2, "10")]})
        self.assertEqual(self.points("u"), {"u": [(0, "1.5"), (1, "-2.5")]})

    def test_sums_add_up_within_a_request(self):
        self.delta(wire.up_down, "some.delta.total", *[
            wire.number(n, ns(n), start_ns=ns(n - 1)) for n in range(3)])
        self.assertEqual(self.points("some_delta_total"),
                         {"some_delta_total": [(0, "0"), (1, "1"), (2, "3")]})

    def test_every_series_for_itself(self):
        for n in range(2):
            self.delta(wire.counter, "c", *[wire.number(value, ns(n), {"v": value})
                                            for value in (1, 10)])
        self.taken(self.send(wire.resource(
            {"service.name": self.job, "service.instance.id": "other"},
            wire.counter("c", [wire.number(7, ns(1), {"v": 1})], temporality=wire.DELTA))))
        self.assertEqual(self.stored(at=1), {
            'c_total{v="1"}': "2", 'c_total{v="10"}': "20",
            'c_total{instance="other",v="1"}': "7"})

    def test_a_retry_is_not_counted_twice(self):
        for n, start, value in ((0, -1, 5), (1, 0, 3), (1, 0, 3), (0, -1, 5), (2, 1, 2)):
            self.assertEqual(self.send(self.resource(wire.counter(
                "c", [wire.number(value, ns(n), start_ns=ns(start))],
                temporality=wire.DELTA)))[0], 200)
        self.assertEqual(self.points("c_total"), {"c_total": [(0, "5"), (1, "8"), (2, "10")]})

    def test_points_from_before_the_start_are_left_out(self):
        self.delta(wire.counter, "c", wire.number(5, ns(10), start_ns=ns(5)))
        self.assertEqual(self.send(self.resource(wire.counter(
            "c", [wire.number(100, ns(11), start_ns=ns(1))], temporality=wire.DELTA)))[0], 200)
        self.delta(wire.counter, "c", wire.number(1, ns(12), start_ns=ns(11)))
        self.assertEqual(self.points("c_total"), {"c_total": [(10, "5"), (12, "6")]})

    def test_histograms(self):
        self.delta(wire.histogram, "h", wire.buckets([1, 2], [1, 0, 2], ns(), sum=7.5))
        self.delta(wire.histogram, "h", wire.buckets([1, 2], [0, 4, 1], ns(1), sum=1.0))
        self.assertEqual(self.stored(at=1), {
            'h_bucket{le="1"}': "1", 'h_bucket{le="2"}': "5", 'h_bucket{le="+Inf"}': "8",
            "h_sum": "8.5", "h_count": "8"})
        # Other bounds cannot be added: the counts start again.
        self.delta(wire.histogram, "h", wire.buckets([5], [1, 1], ns(2), sum=1.0))
        self.assertEqual(self.stored('h_count', at=2), {"h_count": "2"})

    def test_exponential_histograms(self):
        self.delta(wire.exponential, "e", wire.powers(0, ns(), positive=(0, [1, 2]),
                                                      negative=(1, [1]), zero_count=1, sum=2.0))
        self.delta(wire.exponential, "e", wire.powers(0, ns(1), positive=(1, [3, 4]),
                                                      zero_count=2, sum=3.0))
        self.assertEqual(self.stored(at=1), {"e": {"count": "14", "sum": "5", "buckets": [
            [1, "-4", "-2", "1"], [3, "-1e-128", "1e-128", "3"], [0, "1", "2", "1"],
            [0, "2", "4", "5"], [0, "4", "8", "4"]]}})

    def test_exponential_histograms_of_two_scales_meet_at_the_coarser(self):
        self.delta(wire.exponential, "e", wire.powers(1, ns(), positive=(0, [1, 1]), sum=1.0))
        self.delta(wire.exponential, "e", wire.powers(0, ns(1), positive=(0, [2, 3]), sum=1.0))
        self.delta(wire.exponential, "e", wire.powers(1, ns(2), positive=(2, [1, 1]), sum=1.0))
        self.assertEqual(self.stored(at=1)["e"]["buckets"],
                         [[0, "1", "2", "4"], [0, "2", "4", "3"]])
        self.assertEqual(self.stored(at=2)["e"]["buckets"],
                         [[0, "1", "2", "4"], [0, "2", "4", "5"]])

    def test_cumulative_ones_beside_them_stay_what_they_are(self):
        for n in range(2):
            self.accept(
                wire.counter("d", [wire.number(5, ns(n))], temporality=wire.DELTA),
                wire.counter("c", [wire.number(5, ns(n))]),
                wire.gauge("g", [wire.number(5, ns(n))]))
        self.assertEqual(self.stored(at=1), {"d_total": "10", "c_total": "5", "g": "5"})

    def test_metadata(self):
        self.delta(wire.counter, "delta.io", wire.number(1, ns()), unit="By", description="Moved.")
        self.delta(wire.histogram, "delta.time", wire.buckets([], [1], ns(), sum=1.0), unit="s")
        for name, kind, unit, text in (("delta_io_bytes_total", "counter", "bytes", "Moved."),
                                       ("delta_time_seconds", "histogram", "seconds", "")):
            self.assertEqual(self.server.api("metadata", metric=name),
                             {name: [{"type": kind, "unit": unit, "help": text}]})

    def test_json(self):
        for n in range(2):
            body = wire.to_json(wire.request(self.resource(
                wire.counter("c", [wire.number(2, ns(n))], temporality=wire.DELTA))))
            self.taken(self.post(body, wire.JSON))
        self.assertEqual(self.stored(at=1), {"c_total": "4"})


# ------------------------------------------------------------------------------------ bad input

class Refusing(Otlp):
    def setUp(self):
        super().setUp()
        request = wire.request(self.resource(wire.gauge("spoiled", [wire.number(1, ns())])))
        self.protobuf, self.json = wire.protobuf(request), wire.to_json(request)

    def tearDown(self):
        """Nothing is stored of a request that cannot be read, and the next one is served."""
        self.assertEqual(self.stored(), {})
        self.accept(wire.gauge("good", [wire.number(1, ns())]))
        self.assertEqual(self.stored(), {"good": "1"})

    def unreadable(self, answer, word):
        status, _, body = answer
        self.assertEqual(status, 400, body)
        self.assertIn(word, body.decode(errors="replace").lower())

    def test_malformed_protobuf(self):
        for name, body in (
                ("garbage", b"\xff" * 40), ("cut short", self.protobuf[:-3]),
                ("length beyond the end", b"\x0a\x7f\x00"), ("JSON", self.json),
                ("endless number", b"\x08" + b"\xff" * 20), ("group without end", b"\x0b\x08\x01"),
                ("field number zero", b"\x02\x01a"), ("gzip, but nobody says so",
                                                      gzip.compress(self.protobuf))):
            with self.subTest(name):
                self.unreadable(self.post(body), "protobuf")

    def test_malformed_json(self):
        def within(point):
            return ('{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", "gauge": '
                    '{"dataPoints": [{%s}]}}]}]}]}' % point).encode()

        for body in (
                b"", b"nonsense", b"[]", b"5", b"{", self.json[:-3], self.protobuf,
                b'{"resourceMetrics": 5}', b'{"resourceMetrics": [5]}',
                b'{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": 5}]}]}]}',
                within('"timeUnixNano": "soon"'), within('"asDouble": "much"'),
                within('"asInt": "1.5"'), within('"timeUnixNano": [1]'),
                within('"exemplars": [{"traceId": "xyz"}]')):
            with self.subTest(body[:200]):
                self.unreadable(self.post(body, wire.JSON), "json")

    def test_malformed_gzip(self):
        good = gzip.compress(self.protobuf)
        for name, body in (("empty", b""), ("not packed", self.protobuf), ("cut short", good[:-9]),
                           ("head alone", good[:10]), ("garbage", good[:10] + b"\xff" * 40),
                           ("wrong checksum", good[:-8] + b"\0\0\0\0" + good[-4:])):
            with self.subTest(name):
                self.unreadable(self.post(body, Content_Encoding="gzip"), "gzip")

    def test_deep_nesting(self):
        deep, nested = 100_000, b""
        body = '{"resourceMetrics": [{"resource": {"attributes": [{"key": "a", "value": '
        status = self.post(body.encode() + b'{"arrayValue": {"values": [' * deep, wire.JSON)[0]
        self.assertEqual(status, 400)
        for _ in range(3000):
            nested = field_bytes(5, field_bytes(1, nested))  # an array in an array
        for number in (2, 1, 1, 1):  # the value, its attribute, the resource, ResourceMetrics
            nested = field_bytes(number, nested)
        self.assertIn(self.post(nested)[0], (200, 400))

    def test_other_content_types(self):
        for content_type in ("text/plain", "application/grpc", "application/octet-stream",
                             "application/x-www-form-urlencoded", ""):
            with self.subTest(content_type):
                status, _, body = self.post(self.protobuf, content_type)
                self.assertEqual(status, 415, body)
                for word in (wire.PROTOBUF, wire.JSON):
                    self.assertIn(word, body.decode())

    def test_other_content_encodings(self):
        for encoding in ("snappy", "br", "zstd"):
            status, _, body = self.post(self.protobuf, Content_Encoding=encoding)
            self.assertIn(status, (400, 415), body)
            self.assertIn(encoding, body.decode())

    def test_too_large_once_unpacked(self):
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        size = 256 * 2 ** 20
        bomb = packer.compress(varint(100 << 3 | 2) + varint(size))
        bomb += b"".join(packer.compress(bytes(2 ** 20)) for _ in range(size // 2 ** 20))
        status, _, body = self.post(bomb + packer.flush(), Content_Encoding="gzip")
        self.assertEqual(status, 413, body)
        self.assertTrue(body.strip())
        self.assertLess(self.server.status_kb("VmHWM"), MEMORY_LIMIT_KB)

    def test_too_large_as_announced(self):
        head = (f"POST {PATHS[0]} HTTP/1.1\r\nHost: x\r\nContent-Type: {wire.PROTOBUF}\r\n"
                "Content-Length: 10737418240\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.settimeout(harness.DEADLINE_SECONDS)
            answer = b""
            try:
                connection.sendall(head + bytes(64 * 2 ** 20))
            except ConnectionError:
                pass  # The answer may lie there all the same.
            try:
                answer = connection.recv(65536)
            except ConnectionError:
                pass
        self.assertRegex(answer, rb"^$|^HTTP/1\.[01] 413 ")
        self.assertLess(self.server.status_kb("VmHWM"), MEMORY_LIMIT_KB)


class NotEnabled(unittest.TestCase):
    def test_not_found_without_the_flag(self):
        body = wire.protobuf(wire.request(wire.resource(
            {"service.name": "x"}, wire.gauge("x", [wire.number(1, ns())]))))
        with harness.Prom5(config="global: {}\n") as server:
            for path in PATHS:
                status, _, text = server.post(path, body, {"Content-Type": wire.PROTOBUF})
                self.assertEqual(status, 404, (path, text))
                self.assertIn("--web.enable-otlp-receiver", text.decode())
            self.assertEqual(server.query('{job="x"}', T), [])


if __name__ == "__main__":
    unittest.main()
