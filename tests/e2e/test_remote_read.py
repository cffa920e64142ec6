"""Debian's Prometheus reads our samples by remote read."""
import random
import unittest

import harness
from protobuf import field_bytes, field_varint, read_fields, read_varint
from snappy_wire import crc32c, snappy_literal, unsnappy

OURS = ("global:\n  external_labels: {region: north}\n"
        "storage:\n  tsdb:\n    out_of_order_time_window: 2h\n")


class RemoteRead(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver"], config=OURS))
        rng = random.Random(9)
        cls.now = harness.now_ms() // 1000 * 1000
        times = range(cls.now - 3_600_000, cls.now, 15_000)
        series = [({"__name__": "load", "n": str(n)},
                   [(t + n, rng.choice([rng.random(), float(rng.randrange(9)), float("inf")]))
                    for t in times]) for n in range(20)]
        series.append(({"__name__": "size", "job": "a"},
                       [(t, harness.Histogram(4 + i, 3.5, {0: 1 + i, 2: 3}, schema=1))
                        for i, t in enumerate(times)]))
        cls.ours.must_write(series)

    def theirs(self, extra=""):
        config = (f"remote_read:\n  - url: {self.ours.url}/api/v1/read\n    read_recent: true\n"
                  f"{extra}")
        return self.enterContext(harness.Prometheus(
            ["--enable-feature=native-histograms"], config=config))

    def same(self, theirs, query, **parameters):
        got = theirs.api(query[0], query=query[1], **parameters)["result"]
        want = self.ours.api(query[0], query=query[1].replace(', region="north"', ""),
                             **parameters)["result"]
        for one in want:
            one["metric"]["region"] = "north"
        order = lambda series: str(sorted(series["metric"].items()))
        self.assertEqual(sorted(got, key=order), sorted(want, key=order))
        return want

    def test_the_same_samples(self):
        theirs = self.theirs()
        time = (self.now + 500) / 1000
        self.assertEqual(len(self.same(theirs, ("query", "load[30m]"), time=time)), 20)
        self.assertEqual(len(self.same(theirs, ("query", 'load{n=~"1.", region="north"}[1h]'),
                                       time=time)), 10)
        self.assertEqual(self.same(theirs, ("query", "nothing[1h]"), time=time), [])

    def test_a_selector_with_another_external_label_finds_nothing(self):
        theirs = self.theirs()
        answer = theirs.api("query", query='load{region="south"}[1h]', time=self.now / 1000)
        self.assertEqual(answer["result"], [])

    def read(self, chunks, name="load", label=("n", "1")):
        """(status, headers, body) of one query, put together by hand."""
        matchers = b"".join(field_bytes(3, field_bytes(2, n.encode()) + field_bytes(3, v.encode()))
                            for n, v in (("__name__", name), label))
        query = field_varint(1, self.now - 3_600_000) + field_varint(2, self.now) + matchers
        message = field_bytes(1, query) + (field_varint(2, 1) if chunks else b"")
        return self.ours.post("/api/v1/read", snappy_literal(message),
                              {"Content-Encoding": "snappy",
                               "Content-Type": "application/x-protobuf"})

    def test_samples(self):
        for name, label, number in (("load", ("n", "1"), 2), ("size", ("job", "a"), 4)):
            status, headers, body = self.read(False, name, label)
            self.assertEqual((status, headers["Content-Type"], headers["Content-Encoding"]),
                             (200, "application/x-protobuf", "snappy"))
            ((_, result),) = read_fields(unsnappy(body))
            ((_, series),) = read_fields(result)
            series = list(read_fields(series))
            labels = [dict(read_fields(v)) for n, v in series if n == 1]
            self.assertEqual([(d[1].decode(), d[2].decode()) for d in labels],
                             sorted([("__name__", name), label, ("region", "north")]))
            self.assertEqual(len([v for n, v in series if n == number]), 240)
            if name == "size":  # the last one's count, which is whole
                last = dict(read_fields(series[-1][1]))
                self.assertEqual(last[1], 4 + 239)

    def test_chunks(self):
        for name, label, encoding in (("load", ("n", "1"), 1), ("size", ("job", "a"), 2)):
            status, headers, body = self.read(True, name, label)
            self.assertEqual((status, headers["Content-Type"]), (
                200, "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"))
            at = samples = 0
            while at < len(body):
                length, at = read_varint(body, at)
                frame = body[at + 4:at + 4 + length]
                self.assertEqual(int.from_bytes(body[at:at + 4], "big"), crc32c(frame))
                at += 4 + length
                message = dict(read_fields(frame))
                self.assertEqual(message[2], 0)
                for number, value in read_fields(message[1]):
                    if number != 2:
                        continue
                    chunk = dict(read_fields(value))
                    self.assertEqual(chunk[3], encoding)
                    samples += int.from_bytes(chunk[4][:2], "big")
            self.assertEqual(samples, 240)

    def test_what_is_no_request(self):
        status, _, body = self.ours.post("/api/v1/read", b"\xff\xff\xff", {})
        self.assertEqual(status, 400, body)

    def test_the_sample_limit(self):
        with harness.Prom5(["--web.enable-remote-write-receiver",
                            "--storage.remote.read-sample-limit=5"], config=OURS) as server:
            server.must_write([({"__name__": "load", "n": "1"},
                                [(self.now - t * 1000, 1.0) for t in range(20, 0, -1)])])
            kept, type(self).ours = self.ours, server
            try:
                status, _, body = self.read(chunks=True)
            finally:
                type(self).ours = kept
            self.assertEqual(status, 400)
            self.assertIn(b"exceeded sample limit (5)", body)


if __name__ == "__main__":
    unittest.main()
