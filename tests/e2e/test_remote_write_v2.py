"""Receiving the second message of remote write: what is stored, refused, and said about it."""
import itertools
import math
import unittest

import harness
import remote_write_wire as wire
from protobuf import field_bytes, field_double, field_varint
from remote_write_case import HISTOGRAM, Case, T, ms
from snappy_wire import snappy_literal

ACCEPTED = "--web.remote-write-receiver.accepted-protobuf-messages="


def post(server, message, headers=None):
    """(status, written samples, histograms and exemplars as they are told, text)"""
    status, answered, text = server.post(
        "/api/v1/write", snappy_literal(message),
        {**harness.WRITE_HEADERS, **wire.V2_HEADERS, **(headers or {})})
    return status, tuple(answered[name] for name in wire.WRITTEN), text.decode(errors="replace")


class SecondMessage(Case):
    flags = (f"{ACCEPTED}{wire.V1},{wire.V2}",)

    def written(self, *series, counts=None):
        """All of it is stored, and the answer says how much that was."""
        status, told, text = post(self.server, wire.write_request_v2(series))
        self.assertEqual((status, text), (204, ""))
        if counts is None:
            points = list(itertools.chain.from_iterable(s[1] for s in series))
            kinds = [type(p[1]) for p in points]
            exemplars, histograms = (kinds.count(k) for k in (harness.Exemplar,
                                                               harness.Histogram))
            counts = len(points) - exemplars - histograms, histograms, exemplars
        self.assertEqual(told, tuple(map(str, counts)))

    def partial(self, message, counts, *words):
        """The valid rest is stored; the answer says how much, and why not all."""
        status, told, text = post(self.server, message)
        self.assertEqual(status, 400, text)
        self.assertEqual(told, tuple(map(str, counts)), text)
        self.assertTrue(text.strip())
        if words:
            self.assertRegex(text.lower(), "|".join(words))
        return text

    # What is stored

    def test_floats(self):
        self.written(({"__name__": "floats", "a": "1"}, [(ms(0), 1), (ms(0.25), -2.5),
                                                         (ms(15), 1e300)]),
                     ({"__name__": "floats", "a": "2", "b": "é ü"}, [(ms(1), math.inf)]))
        found = {labels: [(t, float(v)) for t, v in values]
                 for labels, values in self.values("floats").items()}
        self.assertEqual(found, {
            (("a", "1"),): [(0, 1), (0.25, -2.5), (15, 1e300)],
            (("a", "2"), ("b", "é ü")): [(1, math.inf)]})

    def test_same_series_in_both_messages(self):
        labels = {"__name__": "both", "x": "y"}
        self.written((labels, [(ms(0), 1)]))
        self.server.must_write([(labels, [(ms(1), 2)])])
        self.written((labels, [(ms(2), 3)]))
        self.assertEqual(self.values("both"), {(("x", "y"),): [(0, "1"), (1, "2"), (2, "3")]})

    def test_stale_marker_and_nan(self):
        self.written(({"__name__": "ending"}, [(ms(0), 1), (ms(10), harness.STALE_NAN)]),
                     ({"__name__": "not_a_number"}, [(ms(0), math.nan)]))
        self.assertEqual(self.server.query("ending", T + 9)[0]["value"][1], "1")
        self.assertEqual(self.server.query("ending", T + 10), [])
        self.assertEqual(self.values("not_a_number"), {(): [(0, "NaN")]})

    def test_many_series_in_one_request(self):
        self.written(*[({"__name__": "crowd", "n": str(n)}, [(ms(0), n)]) for n in range(5000)])
        self.assertEqual(self.server.value("count(crowd)", T), 5000)
        self.assertEqual(self.server.value("sum(crowd)", T), 12497500)

    def test_same_series_twice_in_one_request(self):
        # Prometheus sends one element for each sample.
        labels = {"__name__": "again"}
        self.written((labels, [(ms(0), 1)]), (labels, [(ms(1), 2)]), (labels, [(ms(2), 3)]))
        self.assertEqual(self.values("again"), {(): [(0, "1"), (1, "2"), (2, "3")]})

    def test_empty_request(self):
        self.written()
        status, told, text = post(self.server, b"")
        self.assertEqual((status, told), (204, ("0", "0", "0")), text)

    def test_histograms(self):
        halves = harness.Histogram(2.5, 3.5, {0: 1.5, 1: 1.0}, zero_count=0.0)
        custom = harness.Histogram(6, 9.0, {0: 1, 1: 2, 2: 3}, schema=-53, custom=[0.5, 2.0],
                                   zero_threshold=0)
        self.written(({"__name__": "whole"}, [(ms(0), HISTOGRAM), (ms(15), HISTOGRAM)]),
                     ({"__name__": "halves"}, [(ms(0), halves)]),
                     ({"__name__": "custom"}, [(ms(0), custom, ms(-60))]))
        histogram = lambda name: self.server.query(name, T)[0]["histogram"][1]
        self.assertEqual(histogram("whole"), {"count": "12", "sum": "18.4", "buckets": [
            [1, "-2", "-1", "2"], [3, "-0.001", "0.001", "2"], [0, "1", "2", "3"],
            [0, "2", "4", "4"], [0, "16", "32", "1"]]})
        self.assertEqual(histogram("halves"), {"count": "2.5", "sum": "3.5", "buckets": [
            [0, "0.5", "1", "1.5"], [0, "1", "2", "1"]]})
        self.assertEqual(histogram("custom")["buckets"], [
            [3, "-Inf", "0.5", "1"], [0, "0.5", "2", "2"], [0, "2", "+Inf", "3"]])
        self.assertEqual(len(self.server.query("whole[1m]", T + 15)[0]["histograms"]), 2)

    def test_exemplars(self):
        self.written(({"__name__": "traced_total", "job": "a"}, [
            (ms(0), 1), (ms(0), harness.Exemplar({"trace_id": "abc", "span": "é"}, 0.25)),
            (ms(5), 2), (ms(5), harness.Exemplar({}, 7.0))]))
        data = self.server.api("query_exemplars", query="traced_total", start=T, end=T + 10)
        self.assertEqual(data, [{
            "seriesLabels": {"__name__": "traced_total", "job": "a"},
            "exemplars": [
                {"labels": {"trace_id": "abc", "span": "é"}, "value": "0.25", "timestamp": T},
                {"labels": {}, "value": "7", "timestamp": T + 5}]}])

    def test_metadata_is_taken(self):
        for kind in harness.METADATA_TYPES:
            self.written(({"__name__": f"described_{kind}"}, [(ms(0), 1)],
                          (kind, f"Help of {kind}, \"quoted\" é.", "seconds")))
            self.assertEqual(self.server.value(f"described_{kind}", T), 1)
        # A type that nobody knows yet is no reason to refuse the samples.
        message = wire.message_v2(["", "__name__", "described_later"], wire.timeseries_v2(
            [1, 2], [(ms(0), 1.0)], metadata=(77, 0, 0)))
        self.assertEqual(post(self.server, message)[0], 204)
        self.assertEqual(self.server.value("described_later", T), 1)

    def test_start_timestamps_are_accepted(self):
        self.written(({"__name__": "started_total"}, [(ms(60), 5, ms(30)), (ms(75), 6, ms(30)),
                                                      (ms(90), 1, ms(80))]),
                     ({"__name__": "started_size"}, [(ms(60), HISTOGRAM, ms(30))]))
        values = self.values("started_total")[()]
        self.assertEqual([v for v in values if v[0] in (60, 75, 90)],
                         [(60, "5"), (75, "6"), (90, "1")])
        # A server may keep the start as a zero; it must invent nothing else.
        self.assertLessEqual({v for t, v in values if t not in (60, 75, 90)}, {"0"})

    def test_labels_in_any_order_are_one_series(self):
        self.written(([("z", "1"), ("__name__", "shuffled"), ("a", "2")], [(ms(0), 1)]),
                     ({"__name__": "shuffled", "a": "2", "z": "1"}, [(ms(1), 2)]))
        self.assertEqual(self.values("shuffled"),
                         {(("a", "2"), ("z", "1")): [(0, "1"), (1, "2")]})

    def test_references_one_by_one_and_packed(self):
        one_by_one = b"".join(field_varint(1, ref) for ref in (1, 2)) + field_bytes(
            2, field_double(1, 4.0) + field_varint(2, ms(0)))
        message = wire.message_v2(["", "__name__", "unpacked"], one_by_one)
        self.assertEqual(post(self.server, message)[:2], (204, ("1", "0", "0")))
        self.assertEqual(self.values("unpacked"), {(): [(0, "4")]})

    def test_symbols_after_the_series_that_use_them(self):
        parts = [field_bytes(4, s.encode()) for s in ("", "__name__", "late_symbols")]
        series = field_bytes(5, wire.timeseries_v2([1, 2], [(ms(0), 1.0)]))
        for order in ([series, *parts], [parts[0], series, *parts[1:]]):
            self.assertEqual(post(self.server, b"".join(order))[0], 204)
        self.assertEqual(self.values("late_symbols"), {(): [(0, "1")]})

    def test_unknown_fields_are_skipped(self):
        message = wire.write_request_v2([({"__name__": "newer"}, [(ms(0), 1)])])
        message += b"\xa2\x06\x03abc" + b"\xa8\x06\x07"  # fields 100 and 101
        self.assertEqual(post(self.server, message)[:2], (204, ("1", "0", "0")))
        self.assertEqual(self.values("newer"), {(): [(0, "1")]})

    def test_what_is_acknowledged_survives_a_kill(self):
        with harness.Prom5([*harness.RECEIVER_FLAGS, f"{ACCEPTED}{wire.V2}"],
                           config="global: {}\n") as server:
            message = wire.write_request_v2([
                ({"__name__": "durable"}, [(ms(0), 1, ms(-5)), (ms(1), 2, ms(-5))]),
                ({"__name__": "durable_size"}, [(ms(0), HISTOGRAM)])])
            self.assertEqual(post(server, message)[:2], (204, ("2", "1", "0")))
            server.kill()
            server.start()
            values = server.query("durable[1m]", T + 1)[0]["values"]
            self.assertEqual(values[-2:], [[T, "1"], [T + 1, "2"]])
            self.assertEqual(len(server.query("durable_size", T + 1)), 1)

    # Wrong in part

    def test_references_outside_of_the_symbols(self):
        symbols = ["", "__name__", "wrong_refs", "n", "good"]
        for number, refs in enumerate(([1, 5], [9, 2], [1, 2, 3, 4_294_967_295])):
            with self.subTest(refs=refs):
                good = wire.timeseries_v2([1, 2, 3, 4], [(ms(number), 1.0)])
                bad = wire.timeseries_v2(refs, [(ms(0), 1.0)])
                self.partial(wire.message_v2(symbols, bad, good), (1, 0, 0), "symbol")
        self.assertEqual(self.values("wrong_refs"), {
            (("n", "good"),): [(0, "1"), (1, "1"), (2, "1")]})

    def test_odd_number_of_references(self):
        symbols = ["", "__name__", "odd_refs"]
        good = wire.timeseries_v2([1, 2], [(ms(0), 1.0)])
        bad = wire.timeseries_v2([1, 2, 1], [(ms(0), 2.0)])
        self.partial(wire.message_v2(symbols, bad, good), (1, 0, 0), "symbol", "ref", "odd")
        self.assertEqual(self.values("odd_refs"), {(): [(0, "1")]})

    def test_references_of_metadata_and_exemplars(self):
        symbols = ["", "__name__", "wrong_parts", "n", "1", "2", "3"]
        good = wire.timeseries_v2([1, 2], [(ms(0), 1.0)])
        for refs in ((1, 50, 0), (1, 0, 50)):
            with self.subTest(metadata=refs):
                bad = wire.timeseries_v2([1, 2, 3, 4], [(ms(0), 1.0)], metadata=refs)
                status, told, text = post(self.server, wire.message_v2(symbols, bad, good))
                self.assertEqual(status, 400, text)
                self.assertIn("symbol", text.lower())
                self.assertIn(told[0], ("1", "2"))  # Whether the series is kept is our own choice.
        bad = wire.timeseries_v2([1, 2, 3, 5], [(ms(0), 1.0)], [([1, 60], 1.0, ms(0))])
        status, told, text = post(self.server, wire.message_v2(symbols, bad, good))
        self.assertEqual((status, told), (400, ("2", "0", "0")), text)
        self.assertIn("symbol", text.lower())
        self.assertEqual(self.values("wrong_parts")[("n", "2"),], [(0, "1")])

    def test_series_without_samples(self):
        message = wire.write_request_v2([
            ({"__name__": "sampleless"}, [], ("counter", "Help.", "")),
            ({"__name__": "sampled"}, [(ms(0), 1)])])
        self.partial(message, (1, 0, 0), "sample")
        self.assertEqual(self.values("sampled"), {(): [(0, "1")]})

    def test_invalid_label_sets(self):
        for name, pairs in (
                ("no name", [("a", "unnamed")]),
                ("no labels", []),
                ("label twice", [("__name__", "invalid"), ("a", "1"), ("a", "2")]),
                ("empty label name", [("", "1"), ("__name__", "invalid")])):
            with self.subTest(name):
                valid = {"__name__": "valid", "of": name}
                message = wire.write_request_v2([
                    (pairs, [(ms(0), 1), (ms(1), 1)]), (valid, [(ms(0), 1)])])
                self.partial(message, (1, 0, 0), "label", "name")
                self.assertEqual(len(self.server.query(f'valid{{of="{name}"}}', T)), 1)
        self.assertEqual(self.server.query('{__name__="invalid"}', T), [])
        self.assertEqual(self.server.query('{a="unnamed"}', T), [])

    def test_out_of_order_and_duplicates(self):
        self.written(({"__name__": "ordered", "s": "late"}, [(ms(60), 1)]))
        late = {"__name__": "ordered", "s": "late"}
        self.partial(wire.write_request_v2([
            ({"__name__": "ordered", "s": "before"}, [(ms(70), 2)]),
            (late, [(ms(30), 3)]),
            (late, [(ms(60), 9)]),
            ({"__name__": "ordered", "s": "after"}, [(ms(70), 4)]),
            (late, [(ms(80), 5)])]), (3, 0, 0), "out of order", "duplicate")
        self.assertEqual(self.values("ordered"), {
            (("s", "after"),): [(70, "4")], (("s", "before"),): [(70, "2")],
            (("s", "late"),): [(60, "1"), (80, "5")]})
        # The very same is no harm: a retry.
        status, _, text = post(self.server, wire.write_request_v2([(late, [(ms(80), 5)])]))
        self.assertEqual(status, 204, text)

    def test_out_of_order_within_one_series(self):
        self.partial(wire.write_request_v2([
            ({"__name__": "zigzag"}, [(ms(0), 1), (ms(20), 2), (ms(10), 3), (ms(30), 4)])]),
            (3, 0, 0), "out of order")
        self.assertEqual(self.values("zigzag"), {(): [(0, "1"), (20, "2"), (30, "4")]})

    def test_far_future(self):
        future = harness.now_ms() + 3_600_000
        self.partial(wire.write_request_v2([
            ({"__name__": "far", "n": "1"}, [(future, 1)]),
            ({"__name__": "far", "n": "2"}, [(ms(0), 2)])]), (1, 0, 0), "future", "bounds")
        self.assertEqual(self.values("far"), {(("n", "2"),): [(0, "2")]})

    def test_invalid_histograms(self):
        bad = {
            "more in buckets than in all": harness.Histogram(3, 1.0, {0: 5}),
            "a negative bucket": harness.Histogram(1, 1.0, {0: 2, 1: -1}),
            "a schema that there is not": harness.Histogram(1, 1.0, {0: 1}, schema=-99),
            "bounds out of order": harness.Histogram(
                3, 1.0, {0: 1, 1: 2}, schema=-53, custom=[2.0, 1.0], zero_threshold=0)}
        for number, (name, histogram) in enumerate(bad.items()):
            with self.subTest(name):
                message = wire.write_request_v2([
                    ({"__name__": "odd_size", "n": str(number)}, [(ms(0), histogram)]),
                    ({"__name__": "even_size", "n": str(number)}, [(ms(0), HISTOGRAM)])])
                self.partial(message, (0, 1, 0))
        self.assertEqual(self.server.query("odd_size", T), [])
        self.assertEqual(len(self.server.query("even_size", T)), len(bad))

    def test_exemplar_out_of_order(self):
        labels = {"__name__": "traced_late"}
        self.written((labels, [(ms(0), 1), (ms(10), harness.Exemplar({"id": "1"}, 1.0))]))
        self.partial(wire.write_request_v2([
            (labels, [(ms(20), 2), (ms(5), harness.Exemplar({"id": "0"}, 1.0)),
                      (ms(20), harness.Exemplar({"id": "2"}, 1.0))])]),
            (1, 0, 1), "exemplar")
        self.assertEqual(self.values("traced_late"), {(): [(0, "1"), (20, "2")]})

    def test_many_faults_in_one_request(self):
        series = [({"__name__": "faulty", "n": str(n)},
                   [(ms(60), 1), (ms(30), 2)] if n % 2 else [(ms(60), 1)]) for n in range(2000)]
        self.partial(wire.write_request_v2(series), (2000, 0, 0), "out of order")
        self.assertEqual(self.server.value("count(faulty)", T + 60), 2000)

    # Wrong as a whole

    def test_malformed_messages(self):
        good = wire.write_request_v2([({"__name__": "malformed"}, [(ms(0), 1)])])
        for name, message in (
                ("garbage", b"\xff" * 40), ("cut short", good[:-3]),
                ("length beyond the end", b"\x22\x7f\x00"),
                ("endless number", b"\x08" + b"\xff" * 20),
                ("group without end", b"\x2b\x08\x01"),
                ("a reference cut short", wire.message_v2(
                    [""], field_bytes(1, b"\xff"))),
                ("text that is not UTF-8", wire.message_v2([""]) + field_bytes(4, b"\xff")
                 + field_bytes(5, wire.timeseries_v2([1, 1], [(ms(0), 1.0)])))):
            with self.subTest(name):
                status, told, text = post(self.server, message)
                self.assertEqual(status, 400, text)
                self.assertTrue(text.strip())
                self.assertIn(told[0], (None, "0"))
        self.assertEqual(self.server.query("malformed", T), [])

    def test_first_message_under_the_name_of_the_second(self):
        # Its fields are reserved in the second one: nothing is written, and the counts say so.
        message = harness.write_request([({"__name__": "misnamed"}, [(ms(0), 1)])])
        status, told, text = post(self.server, message)
        self.assertIn(status, (204, 400), text)
        self.assertEqual(told[0] or "0", "0")
        self.assertEqual(self.server.query("misnamed", T), [])

    def test_second_message_under_the_name_of_the_first(self):
        message = wire.write_request_v2([({"__name__": "misnamed2"}, [(ms(0), 1)])])
        status, told, text = post(self.server, message, harness.WRITE_HEADERS)
        self.assertIn(status, (204, 400), text)
        self.assertIn(told[0], (None, "0"))
        self.assertEqual(self.server.query("misnamed2", T), [])

    def test_other_encoding(self):
        status, _, text = post(self.server, wire.write_request_v2([]),
                               {"Content-Encoding": "gzip"})
        self.assertEqual(status, 415, text)


class AcceptedMessages(unittest.TestCase):
    """415 for a message that the flag does not name."""

    # As in the code of Prometheus 3.14; its documentation shows the first of the two only.
    DEFAULT = {wire.V1, wire.V2}
    TYPES = {wire.V1: ("application/x-protobuf", f"application/x-protobuf;proto={wire.V1}"),
             wire.V2: (f"application/x-protobuf;proto={wire.V2}",)}

    def check(self, flags, accepted):
        bodies = {wire.V1: harness.write_request, wire.V2: wire.write_request_v2}
        with harness.Prom5([*harness.RECEIVER_FLAGS, *flags], config="global: {}\n") as server:
            for message, types in self.TYPES.items():
                for content_type in types:
                    name = f"typed_{content_type.count('=')}_{message.count('2')}"
                    status, told, text = post(
                        server, bodies[message]([({"__name__": name}, [(ms(0), 1)])]),
                        {"Content-Type": content_type})
                    stored = len(server.query(name, T))
                    with self.subTest(flags=flags, content_type=content_type):
                        if message in accepted:
                            self.assertEqual((status, stored), (204, 1), text)
                        else:
                            self.assertEqual((status, stored), (415, 0), text)
                            self.assertIn(message, text)
                            self.assertIn(told[0], (None, "0"))
            with self.subTest(flags=flags, content_type="unknown"):
                status, _, text = post(server, wire.write_request_v2([]), {
                    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v9.Request"})
                self.assertEqual(status, 415, text)

    def test_without_the_flag(self):
        self.check([], self.DEFAULT)

    def test_first(self):
        self.check([ACCEPTED + wire.V1], {wire.V1})

    def test_second(self):
        self.check([ACCEPTED + wire.V2], {wire.V2})

    def test_both(self):
        self.check([f"{ACCEPTED}{wire.V2},{wire.V1}"], {wire.V1, wire.V2})

    def test_flag_given_twice(self):
        # The only way to name two that Prometheus itself has.
        self.check([ACCEPTED + wire.V1, ACCEPTED + wire.V2], {wire.V1, wire.V2})

    def test_a_name_that_there_is_not(self):
        result = harness.run_prom5("serve", "--web.listen-address=127.0.0.1:0",
                                   f"{ACCEPTED}prometheus.Nothing")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("prometheus.Nothing", result.stderr)


class OutOfOrderWindow(unittest.TestCase):
    def test_old_samples_within_the_window_are_written(self):
        config = "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n"
        with harness.Prom5([*harness.RECEIVER_FLAGS, ACCEPTED + wire.V2], config=config) as server:
            base = harness.now_ms() - 10 * 60_000
            for offset in (60, 20, 40, 0):
                message = wire.write_request_v2([
                    ({"__name__": "late"}, [(base + offset * 1000, offset)])])
                self.assertEqual(post(server, message)[:2], (204, ("1", "0", "0")))
            values = server.query("late[20m]", base / 1000 + 61)[0]["values"]
            self.assertEqual([v for _, v in values], ["0", "20", "40", "60"])


if __name__ == "__main__":
    unittest.main()
