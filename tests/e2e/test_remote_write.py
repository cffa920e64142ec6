"""Receiving remote write: what is stored, what is refused, and with which status."""
import math
import struct
import unittest

import harness
from remote_write_case import HISTOGRAM, Case, T, ms
from snappy_wire import snappy_literal


def series(name, points, **labels):
    return {"__name__": name, **labels}, points


class RemoteWrite(Case):
    def written(self, *all_series):
        status, text = self.server.write(list(all_series))
        self.assertEqual((status, text), (204, ""))

    def refused(self, *all_series):
        status, text = self.server.write(list(all_series))
        self.assertEqual(status, 400, text)
        self.assertTrue(text.strip())
        return text

    # Floats

    def test_floats(self):
        self.written(series("floats", [(ms(0), 1), (ms(0.25), -2.5), (ms(15), 1e300)], a="1"),
                     series("floats", [(ms(1), math.inf)], a="2", b="é ü"))
        found = {labels: [(t, float(v)) for t, v in values]
                 for labels, values in self.values("floats").items()}
        self.assertEqual(found, {
            (("a", "1"),): [(0, 1), (0.25, -2.5), (15, 1e300)],
            (("a", "2"), ("b", "é ü")): [(1, math.inf)]})

    def test_every_bit_of_a_value_is_kept(self):
        values = [struct.unpack("<d", struct.pack("<Q", 0x3FF0000000000000 + n * 0x9E3779B97F4A))[0]
                  for n in range(300)]
        self.written(series("bits", [(ms(n), v) for n, v in enumerate(values)]))
        self.assertEqual([float(v) for _, v in self.values("bits")[()]], values)

    def test_stale_marker_ends_a_series(self):
        self.written(series("ending", [(ms(0), 1), (ms(10), harness.STALE_NAN)]))
        self.assertEqual(self.server.query("ending", T + 9)[0]["value"][1], "1")
        self.assertEqual(self.server.query("ending", T + 10), [])
        self.assertEqual(self.values("ending"), {(): [(0, "1")]})

    def test_nan_is_a_value(self):
        self.written(series("not_a_number", [(ms(0), math.nan)]))
        self.assertEqual(self.values("not_a_number"), {(): [(0, "NaN")]})

    def test_many_series_in_one_request(self):
        self.written(*[series("crowd", [(ms(0), n)], n=str(n)) for n in range(5000)])
        self.assertEqual(self.server.value("count(crowd)", T), 5000)
        self.assertEqual(self.server.value("sum(crowd)", T), 12497500)

    def test_empty_request_is_accepted(self):
        self.written()

    def test_content_type_with_parameter(self):
        status, text = self.server.write(
            [series("typed", [(ms(0), 1)])],
            headers={"Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"})
        self.assertEqual(status, 204, text)

    # Native histograms

    def test_native_histogram_as_json(self):
        self.written(series("native", [(ms(0), HISTOGRAM)], a="1"))
        self.assertEqual(self.server.query("native", T), [
            {"metric": {"__name__": "native", "a": "1"},
             "histogram": [T, {"count": "12", "sum": "18.4", "buckets": [
                 [1, "-2", "-1", "2"], [3, "-0.001", "0.001", "2"], [0, "1", "2", "3"],
                 [0, "2", "4", "4"], [0, "16", "32", "1"]]}]}])
        data = self.server.api("query_range", query="native", start=T, end=T + 15, step=15)
        self.assertEqual([h[0] for h in data["result"][0]["histograms"]], [T, T + 15])
        self.assertNotIn("values", data["result"][0])

    def test_functions_of_native_histograms(self):
        self.written(series("measured", [(ms(0), HISTOGRAM)]))
        value = self.server.value
        self.assertEqual(value("histogram_count(measured)", T), 12)
        self.assertEqual(value("histogram_sum(measured)", T), 18.4)
        # Seven of twelve lie below 2, all of the bucket (1, 2] included.
        self.assertAlmostEqual(value("histogram_fraction(-Inf, 2, measured)", T), 7 / 12)
        self.assertAlmostEqual(value("histogram_quantile(1, measured)", T), 32)

    def test_float_histogram(self):
        self.written(series("halves", [(ms(0), harness.Histogram(
            2.5, 3.5, {0: 1.5, 1: 1.0}, zero_count=0.0))]))
        self.assertEqual(self.server.query("halves", T)[0]["histogram"][1],
                         {"count": "2.5", "sum": "3.5",
                          "buckets": [[0, "0.5", "1", "1.5"], [0, "1", "2", "1"]]})

    def test_rate_of_native_histograms(self):
        points = [(ms(n * 15), harness.Histogram(10 + 5 * n, n * 2.0, {0: 10 + 5 * n}))
                  for n in range(9)]
        self.written(series("growing", points))
        self.assertAlmostEqual(
            self.server.value("histogram_count(rate(growing[1m]))", T + 120), 5 / 15)

    def test_custom_buckets(self):
        self.written(series("custom", [(ms(0), harness.Histogram(
            6, 9.0, {0: 1, 1: 2, 2: 3}, schema=-53, custom=[0.5, 2.0], zero_threshold=0))]))
        self.assertEqual(self.server.query("custom", T)[0]["histogram"][1]["buckets"],
                         [[3, "-Inf", "0.5", "1"], [0, "0.5", "2", "2"], [0, "2", "+Inf", "3"]])


    # Samples that cannot be stored

    def test_out_of_order_is_refused_and_the_rest_kept(self):
        self.written(series("ordered", [(ms(60), 1)], s="late"))
        text = self.refused(series("ordered", [(ms(70), 2)], s="before"),
                            series("ordered", [(ms(30), 3)], s="late"),
                            series("ordered", [(ms(70), 4)], s="after"),
                            series("ordered", [(ms(80), 5)], s="late"))
        self.assertIn("out of order sample", text)
        self.assertEqual(self.values("ordered"), {
            (("s", "after"),): [(70, "4")], (("s", "before"),): [(70, "2")],
            (("s", "late"),): [(60, "1"), (80, "5")]})

    def test_other_value_at_the_same_time_is_refused(self):
        self.written(series("twice", [(ms(0), 1)]))
        self.assertIn("duplicate sample for timestamp",
                      self.refused(series("twice", [(ms(0), 2)])))
        self.written(series("twice", [(ms(0), 1)]))  # The very same is no harm: a retry.
        self.assertEqual(self.values("twice"), {(): [(0, "1")]})


    def test_invalid_label_sets_are_not_stored(self):
        for name, pairs in (
                ("no name", [("a", "unnamed")]),
                ("label twice", [("__name__", "invalid"), ("a", "1"), ("a", "2")]),
                ("empty label name", [("__name__", "invalid"), ("", "1")])):
            with self.subTest(name):
                status, text = self.server.write(
                    [(pairs, [(ms(0), 1)]), series("valid", [(ms(0), 1)], of=name)])
                # Prometheus 3 takes the request and counts these; the specification says 400.
                self.assertIn(status, (204, 400), text)
                self.assertEqual(len(self.server.query(f'valid{{of="{name}"}}', T)), 1)
        self.assertEqual(self.server.query('{__name__="invalid"}', T), [])
        self.assertEqual(self.server.query('{a="unnamed"}', T), [])

    # Requests that cannot be read

    def test_other_content_type(self):
        body = snappy_literal(harness.write_request([series("x", [(ms(0), 1)])]))
        for content_type in ("application/json", "text/plain",
                             "application/x-protobuf;proto=something.Else"):
            status, text = self.server.write_bytes(body, {"Content-Type": content_type})
            self.assertEqual(status, 415, (content_type, text))

    def test_other_content_encoding(self):
        body = harness.write_request([series("x", [(ms(0), 1)])])
        status, text = self.server.write_bytes(body, {"Content-Encoding": "gzip"})
        self.assertEqual(status, 415, text)

    def test_malformed_snappy(self):
        good = snappy_literal(harness.write_request([series("x", [(ms(0), 1)])]))
        for name, body in (
                ("empty", b""), ("garbage", b"\xff" * 40), ("cut short", good[:-3]),
                ("length too small", b"\x02" + good[1:]),
                ("length too large", b"\x7f" + good[1:]),
                ("copy from before the start", b"\x08\x05\x63\x04"),
                ("claims four gigabytes", b"\xff\xff\xff\xff\x0f" + good[1:])):
            with self.subTest(name):
                status, text = self.server.write_bytes(body)
                self.assertIn(status, (400, 413), text)
                self.assertTrue(text.strip())

    def test_malformed_protobuf(self):
        good = harness.write_request([series("x", [(ms(0), 1)])])
        for name, message in (
                ("garbage", b"\xff" * 40), ("cut short", good[:-3]),
                ("length beyond the end", b"\x0a\x7f\x00"),
                ("endless number", b"\x08" + b"\xff" * 20),
                ("group without end", b"\x0b\x08\x01"),
                ("field number zero", b"\x02\x01a")):
            with self.subTest(name):
                status, text = self.server.write_bytes(snappy_literal(message))
                self.assertEqual(status, 400, text)

    def test_unknown_fields_are_skipped(self):
        message = harness.write_request([series("newer", [(ms(0), 1)])])
        message += b"\xa2\x06\x03abc" + b"\xa8\x06\x07"  # fields 100 and 101
        status, text = self.server.write_bytes(snappy_literal(message))
        self.assertEqual(status, 204, text)
        self.assertEqual(len(self.server.query("newer", T)), 1)

    def test_real_compression(self):
        # A literal of 8 bytes, then copies with all three kinds of offset, made by hand.
        message = b"abcdefgh" * 4
        block = (b"\x20" + b"\x1c" + b"abcdefgh" + bytes([(8 - 4) << 2 | 1, 8])
                 + bytes([(8 - 1) << 2 | 2, 8, 0]) + bytes([(8 - 1) << 2 | 3, 16, 0, 0, 0]))
        # "abcdefgh..." is no protobuf message, so wrap it: an unknown string field of 32 bytes.
        head = b"\xa2\x06\x20"
        wrapped = bytes([len(head) + 32, (len(head) - 1) << 2]) + head + block[1:]
        status, text = self.server.write_bytes(wrapped)
        self.assertEqual((status, len(message)), (204, 32), text)


class NotEnabled(unittest.TestCase):
    def test_not_found_without_the_flag(self):
        with harness.Prom5(config="global: {}\n") as server:
            status, text = server.write([series("x", [(ms(0), 1)])])
            self.assertEqual(status, 404)
            self.assertIn("remote write receiver", text)
            self.assertIn("--web.enable-remote-write-receiver", text)


class OutOfOrderWindow(unittest.TestCase):
    def test_old_samples_within_the_window_are_kept(self):
        config = "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n"
        with harness.Prom5(harness.RECEIVER_FLAGS, config=config) as server:
            base = harness.now_ms() - 10 * 60_000
            for offset in (60, 20, 40, 0):
                server.must_write([series("late", [(base + offset * 1000, offset)])])
            for _ in range(2):
                values = server.query("late[20m]", base / 1000 + 61)[0]["values"]
                self.assertEqual([v for _, v in values], ["0", "20", "40", "60"])
                server.kill()
                server.start()


if __name__ == "__main__":
    unittest.main()
