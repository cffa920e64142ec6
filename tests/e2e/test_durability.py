"""What was acknowledged is there after SIGKILL: none lost, none twice, none invented."""
import collections
import random
import threading
import unittest

import harness

ROUNDS = 4
WRITERS = 4
SERIES_OF_A_WRITER = 10
REQUESTS_OF_A_ROUND = 120  # of all writers together, before the process is killed
CONFIG = "global: {}\n"


class Writer(threading.Thread):
    """Pushes one request after the other until the server goes away, and keeps the books.

    acknowledged: series -> {milliseconds: value}, answered with 204
    sent:         the same for all requests that left, answered or not
    """

    def __init__(self, number, start_ms):
        super().__init__(daemon=True)
        self.number, self.next_ms = number, start_ms
        self.server = None
        self.random = random.Random(number)
        self.acknowledged = collections.defaultdict(dict)
        self.sent = collections.defaultdict(dict)
        self.requests = 0
        self.refused = []

    def points(self, time_ms):
        for series in range(SERIES_OF_A_WRITER):
            yield (str(series), time_ms), self.random.uniform(-1e6, 1e6)

    def labels(self, series):
        return {"__name__": "durable", "writer": str(self.number), "series": series}

    def run(self):
        while True:
            batch = list(self.points(self.next_ms))
            self.next_ms += 100
            for (series, time_ms), value in batch:
                self.sent[series][time_ms] = value
            try:
                status, text = self.server.write(
                    [(self.labels(series), [(time_ms, value)])
                     for (series, time_ms), value in batch])
            except OSError:
                return
            except harness.http.client.HTTPException:
                return
            if status not in (200, 204):
                self.refused.append((status, text))
                return
            for (series, time_ms), value in batch:
                self.acknowledged[series][time_ms] = value
            self.requests += 1

    def successor(self):
        """A thread that goes on with the same books: a thread can be started once only."""
        other = type(self)(self.number, self.next_ms + 100)
        other.acknowledged, other.sent = self.acknowledged, self.sent
        return other


def kill_under_load(server, writers, requests=REQUESTS_OF_A_ROUND):
    for writer in writers:
        writer.server = server
        writer.start()
    harness.wait_until(
        lambda: any(w.refused for w in writers) or sum(w.requests for w in writers) >= requests,
        "enough requests are acknowledged", interval=0.001)
    server.kill()
    for writer in writers:
        writer.join(harness.DEADLINE_SECONDS)
        assert not writer.is_alive(), "a writer did not notice that the server is gone"
        assert not writer.refused, writer.refused[0]


class RemoteWrite(unittest.TestCase):
    def test_acknowledged_samples_survive_kill_in_several_rounds(self):
        server = self.enterContext(harness.Prom5(harness.RECEIVER_FLAGS, config=CONFIG))
        start = harness.now_ms() - 50 * 60_000
        writers = [Writer(n, start + 13 * n) for n in range(WRITERS)]
        for round_ in range(ROUNDS):
            kill_under_load(server, writers)
            server.start()
            with self.subTest(round=round_):
                self.check(server, writers)
            writers = [w.successor() for w in writers]

    def test_acknowledged_samples_survive_orderly_stop_and_kill_right_after_start(self):
        server = self.enterContext(harness.Prom5(harness.RECEIVER_FLAGS, config=CONFIG))
        writers = [Writer(n, harness.now_ms() - 50 * 60_000) for n in range(2)]
        kill_under_load(server, writers, requests=20)
        server.start()
        self.assertEqual(server.stop(), 0, server.log())
        server.start()
        server.kill()  # Replay must not have spent what it read.
        server.start()
        self.check(server, writers)

    def check(self, server, writers):
        for writer in writers:
            result = server.query(f'durable{{writer="{writer.number}"}}[2h]')
            stored = {s["metric"]["series"]: s["values"] for s in result}
            self.assertEqual(set(stored), set(writer.acknowledged))
            for series, values in stored.items():
                times = [round(t * 1000) for t, _ in values]
                self.assertEqual(len(times), len(set(times)), "a sample is there twice")
                self.assertEqual(times, sorted(times))
                found = {t: float(v) for t, (_, v) in zip(times, values)}
                lost = writer.acknowledged[series].items() - found.items()
                self.assertFalse(lost, f"{len(lost)} acknowledged samples are lost or changed")
                invented = found.items() - writer.sent[series].items()
                self.assertFalse(invented, f"{len(invented)} samples were never sent")


class HistogramWriter(Writer):
    """The same with native histograms; the value in the books is the sum, unique each."""

    def run(self):
        count = 10
        while True:
            self.next_ms += 100
            count += 3
            time_ms, sum_ = self.next_ms, count * 1.5
            self.sent["h"][time_ms] = sum_
            point = harness.Histogram(count, sum_, {-1: 3, 0: 2, 7: count - 7},
                                      {2: 1}, schema=3, zero_threshold=0.001, zero_count=1)
            try:
                status, text = self.server.write([(self.labels("h"), [(time_ms, point)])])
            except (OSError, harness.http.client.HTTPException):
                return
            if status not in (200, 204):
                self.refused.append((status, text))
                return
            self.acknowledged["h"][time_ms] = sum_
            self.requests += 1


class NativeHistograms(unittest.TestCase):
    def test_native_histograms_survive_kill_with_their_buckets(self):
        server = self.enterContext(harness.Prom5(harness.RECEIVER_FLAGS, config=CONFIG))
        writers = [HistogramWriter(n, harness.now_ms() - 50 * 60_000) for n in range(2)]
        kill_under_load(server, writers, requests=60)
        server.start()
        for writer in writers:
            result = server.query(f'durable{{writer="{writer.number}"}}[2h]')
            self.assertEqual(len(result), 1)
            found = {round(t * 1000): h for t, h in result[0]["histograms"]}
            self.assertEqual(len(found), len(result[0]["histograms"]), "one is there twice")
            sums = {t: float(h["sum"]) for t, h in found.items()}
            self.assertFalse(writer.acknowledged["h"].items() - sums.items(), "lost or changed")
            self.assertFalse(sums.items() - writer.sent["h"].items(), "never sent")
            for histogram in found.values():
                count = float(histogram["count"])
                self.assertEqual([float(b[3]) for b in histogram["buckets"]],
                                 [1, 1, 3, 2, count - 7])


class CountedPage:
    """A page whose three samples carry the number of the fetch."""

    def __init__(self):
        self.fetches = 0

    def __call__(self):
        self.fetches += 1
        return "".join(f'fetch_number{{part="{p}"}} {self.fetches}\n' for p in "abc")


class Scrapes(unittest.TestCase):
    def test_scrapes_survive_kill_whole_or_not_at_all(self):
        page = CountedPage()
        pages = self.enterContext(harness.PageServer({"/metrics": page}))
        server = self.enterContext(harness.Prom5(config=harness.scrape_config(
            ("page", pages.address), interval="200ms", timeout="200ms")))
        seen = {}
        for round_ in range(3):
            more = len(seen) + 5
            seen = harness.wait_until(
                lambda more=more: (now := self.parts(server)["a"]) and len(now) >= more and now,
                "some scrapes are stored")
            server.kill()
            server.start()
            with self.subTest(round=round_):
                self.check(server, seen, page)

    @staticmethod
    def parts(server):
        result = server.query("fetch_number[10m]")
        return {part: {t: v for s in result if s["metric"]["part"] == part
                       for t, v in s["values"]} for part in "abc"}

    def check(self, server, seen, page):
        # A time before now: scrapes go on while we look, and they are no concern of ours.
        end = float(server.query("time()")[1])
        series = {s["metric"]["__name__"]: dict(map(tuple, s["values"])) for s in server.query(
            '{__name__=~"up|scrape_samples_scraped"}[10m]', end)}
        parts = {s["metric"]["part"]: dict(map(tuple, s["values"]))
                 for s in server.query("fetch_number[10m]", end)}
        for time, value in seen.items():
            self.assertEqual(parts["a"].get(time), value, "a sample seen before is lost")
        self.assertTrue(parts["a"] == parts["b"] == parts["c"], "a scrape is there in part")
        numbers = [int(v) for _, v in sorted(parts["a"].items())]
        self.assertEqual(len(numbers), len(set(numbers)), "a fetch is there twice")
        self.assertLessEqual(max(numbers), page.fetches)
        good = {t for t, v in series["up"].items() if v == "1"}
        self.assertEqual(good, set(parts["a"]), "up and the samples disagree")
        for time in good:
            self.assertEqual(series["scrape_samples_scraped"][time], "3")


if __name__ == "__main__":
    unittest.main()
