"""Pairs of real programs, one writing to the other, both killed again and again.

The sender scrapes a page of 200 series each second; some of them vanish and come back under other
labels. Sender, receiver or both are killed at random moments (PROM5_SEED repeats a run) and come
back on their own port and directory. In the end the receiver must hold what the sender holds:
the same series, timestamps and values. With PROM5_LONG=1 each pair runs for ten minutes.

What is known of the peers, and allowed to them only:

- Debian's Prometheus as a sender sends nothing that is older than its own start. So it is killed
  only when it is not behind, and what it scraped in the seconds before may be missing. As a
  receiver it refuses a whole request for one sample that is out of order, so that a sender must
  not mix samples that may have arrived with samples that cannot have arrived.
- VictoriaMetrics has no log, and SIGKILL takes what it acknowledged in the last seconds. So it is
  stopped by SIGTERM, which is as sudden for the sender. It shows stale markers as NaN.

A sender that sends what it read from its own log cannot send what it then loses by being killed;
no run with Debian's Prometheus showed such a sample, so that none is allowed.
"""
import collections
import os
import random
import threading
import time
import unittest

import harness
from remote_write_wire import V1, V2

LONG = bool(os.environ.get("PROM5_LONG"))
LONG_SECONDS = 600
SEED = int(os.environ.get("PROM5_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
STEADY, GAUGES, WANDERING = 160, 19, 20
FETCHES_OF_A_GENERATION = 4
SELECTOR = '{__name__=~"test_.*"}'
ACCEPTED = f"--web.remote-write-receiver.accepted-protobuf-messages={V1},{V2}"
# What Debian's Prometheus may lose before a kill: deadline of a batch, a scrape, a busy machine.
SECONDS_ON_THE_WAY = 4


class Page:
    """The page, of 200 series, and what a series is worth at a fetch."""

    def __init__(self):
        self.fetches = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self.fetches += 1
            fetch = self.fetches
        generation = fetch // FETCHES_OF_A_GENERATION
        rows = [("test_fetch", "")]
        rows += [("test_done_total", f'n="{n}"') for n in range(STEADY)]
        rows += [("test_level", f'n="{n}"') for n in range(GAUGES)]
        rows += [("test_wandering", f'n="{n}",generation="{generation}"')
                 for n in range(WANDERING)]
        kinds = {"test_done_total": "counter"}
        lines, last = [], None
        for name, labels in rows:
            if name != last:
                lines.append(f"# TYPE {name} {kinds.get(name, 'gauge')}")
                last = name
            number = labels.split('"')[1] if labels else "0"
            lines.append(f"{name}{{{labels}}} {self.value(name, int(number), fetch)}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def value(name, number, fetch):
        if name == "test_fetch":
            return fetch
        if name == "test_done_total":
            return fetch * (number + 1)
        if name == "test_level":
            return (fetch * 37 + number) % 101 / 8
        return fetch + number / 4


class VictoriaMetrics(harness.Server):
    """Debian's VictoriaMetrics 1.79, a single node."""

    name = "victoria-metrics"
    ready_path = "/health"

    def command(self):
        return [harness.peer("victoria-metrics"), f"-httpListenAddr={self.address}",
                f"-storageDataPath={self.scratch}/data", "-retentionPeriod=1",
                "-search.latencyOffset=0s", "-search.disableCache",
                "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=256MB"]


def sending_config(page, receiver, message=None):
    lines = harness.scrape_config(("page", page.address)).splitlines()
    lines += ["remote_write:", f"  - url: {receiver.url}/api/v1/write",
              *([f"    protobuf_message: {message}"] if message else []),
              "    queue_config:", "      batch_send_deadline: 1s", "      max_shards: 4",
              "      min_backoff: 30ms", "      max_backoff: 1s"]
    return "\n".join(lines) + "\n"


def held(server, at):
    """{label set: {milliseconds: text}} of the test's series, as a range selector gives them."""
    if isinstance(server, VictoriaMetrics):
        server.get("/internal/force_flush")  # Otherwise new samples are seen seconds later.
    return {tuple(sorted(s["metric"].items())):
            {round(t * 1000): float(v) for t, v in s["values"] if v != "NaN"}
            for s in server.query(f"{SELECTOR}[1h]", at)}


def without_empty(samples):
    return {labels: values for labels, values in samples.items() if values}


class PairTests:
    """The test, for each pair. `sender_of` and `receiver_of` make the two, not yet started."""

    message = None
    sender_resumes = True  # a killed sender sends what it had not sent yet
    maxDiff = 4000

    def receiver_of(self):
        return harness.Prom5(["--web.enable-remote-write-receiver", ACCEPTED],
                             config="global: {}\n")

    def sender_of(self, pages, receiver):
        return harness.Prom5(config=sending_config(pages, receiver, self.message))

    def setUp(self):
        self.random = random.Random(f"{SEED} {type(self).__name__}")
        self.page = Page()
        self.pages = self.enterContext(harness.PageServer({"/metrics": self.page}))
        self.receiver = self.receiver_of()
        self.sender = self.sender_of(self.pages, self.receiver)
        self.may_miss = []  # (from, to) in milliseconds
        self.started = time.time()
        self.story = [f"PROM5_SEED={SEED}"]

    def note(self, what):
        self.story.append(f"{time.time() - self.started:.2f} s: {what}")

    def told(self, message):
        return "\n".join([message, *self.story])

    def pass_time(self, least, most):
        """A random moment; nothing to observe, the point is that it is any."""
        until = time.monotonic() + self.random.uniform(least, most)
        harness.wait_until(lambda: time.monotonic() >= until, "the moment comes", interval=0.01)

    def arrived(self, name="test_fetch"):
        """When the receiver's newest sample of a series was scraped, in seconds."""
        if isinstance(self.receiver, VictoriaMetrics):
            self.receiver.get("/internal/force_flush")
        return self.receiver.value(f"timestamp({name})")

    def take_away(self, server):
        self.note(f"{server.name} at {server.port} goes")
        if isinstance(server, VictoriaMetrics):
            server.stop()
        else:
            server.kill()

    def kill_and_restart(self, which):
        """One round: some scrapes, a kill, a pause, a restart."""
        fetches = self.page.fetches
        harness.wait_until(lambda: self.page.fetches > fetches, "the page is scraped")
        victims = [s for s, name in ((self.sender, "sender"), (self.receiver, "receiver"))
                   if which in (name, "both")]
        loses = self.sender in victims and not self.sender_resumes
        if loses:
            harness.wait_until(lambda: self.arrived() > time.time() - 2.5,
                               self.told("the receiver is up to date"))
        self.pass_time(0, 2)
        self.random.shuffle(victims)
        killed = harness.now_ms()
        for server in victims:
            self.take_away(server)
        self.pass_time(0, 1.5)
        self.random.shuffle(victims)
        for server in victims:
            self.note(f"{server.name} at {server.port} comes")
            server.start()
        if loses:
            self.may_miss.append((killed - SECONDS_ON_THE_WAY * 1000, harness.now_ms()))

    def rounds(self):
        kinds = ["sender", "receiver", "both"]
        self.random.shuffle(kinds)
        yield from kinds
        while LONG and time.time() - self.started < LONG_SECONDS:
            yield self.random.choice(kinds)

    def let_it_end(self):
        """The page goes away and with it all series; returns a time after that, in seconds."""
        fetches = self.page.fetches
        harness.wait_until(lambda: self.page.fetches >= fetches + 2, "the page is scraped")
        self.pages.pages.clear()
        harness.wait_until(lambda: not self.sender.query("test_fetch"), "the series are stale")
        end = self.sender.query("up")[0]["value"][0]
        harness.wait_until(lambda: self.arrived("up") >= end - 1,
                           self.told("the newest samples arrive"))
        return end

    def test_the_receiver_holds_what_the_sender_holds(self):
        with self.receiver, self.sender:
            for which in self.rounds():
                self.kill_and_restart(which)
            end = self.let_it_end()
            sent = without_empty(held(self.sender, end))
            self.check_page(sent)
            lost = {}

            def same():
                found = without_empty(held(self.receiver, end))
                lost.clear()
                lost.update(self.compare(sent, found))
                return True
            harness.wait_until(same, self.told("the receiver holds the sender's samples"), 30,
                               interval=0.5)
            if not lost:
                self.check_staleness(end)

    def compare(self, sent, found):
        """Fails for any difference that is not allowed; returns what is missing and may be."""
        invented = {(labels, t): v for labels, values in found.items() for t, v in values.items()
                    if sent.get(labels, {}).get(t) != v}
        self.assertFalse(invented, f"{len(invented)} samples that the sender does not hold: "
                                   f"{list(invented.items())[:3]}")
        missing = {(labels, t): v for labels, values in sent.items() for t, v in values.items()
                   if t not in found.get(labels, {})}
        lost = {key: v for key, v in missing.items()
                if not any(since <= key[1] <= to for since, to in self.may_miss)}
        times = collections.Counter(round(t / 1000 - self.started, 2) for _, t in lost)
        self.assertFalse(lost, f"{len(lost)} samples are missing, by seconds after the start: "
                               f"{dict(times)}; {list(lost.items())[:3]}")
        return missing

    def check_page(self, sent):
        """Each stored scrape is one of the page, and whole."""
        fetch_of = next(values for labels, values in sent.items()
                        if dict(labels)["__name__"] == "test_fetch")
        self.assertEqual(len(fetch_of), len(set(fetch_of.values())), "a fetch is there twice")
        counts = collections.Counter()
        for labels, values in sent.items():
            labels = dict(labels)
            for t, v in values.items():
                counts[t] += 1
                self.assertEqual(v, self.page.value(
                    labels["__name__"], int(labels.get("n", 0)), fetch_of[t]), (labels, t))
        self.assertEqual(set(counts.values()), {1 + STEADY + GAUGES + WANDERING},
                         "a scrape is there in part")

    def check_staleness(self, end):
        """Both sides see each series end at the same moment."""
        if isinstance(self.receiver, VictoriaMetrics):
            def ended():
                held(self.receiver, end)  # it shows what it was told to write out
                newest = {}  # by generation; those that stay have none
                for one in self.receiver.query(f"{SELECTOR}[1h]", end):
                    number = int(one["metric"].get("generation", -1))
                    newest.setdefault(number, set()).add(one["values"][-1][1])
                # One that went while the sender was away has no end, at the sender neither.
                last = newest[max(newest)]
                self.assertEqual(newest[-1] | last, {"NaN"}, "series without an end")
                return True
            harness.wait_until(ended, "all series have their end", 30, interval=0.5)
            return
        span = {"start": int(self.started), "end": int(end) + 1, "step": 1}
        got, want = ({tuple(sorted(s["metric"].items())): s["values"] for s in server.api(
            "query_range", query=SELECTOR, **span)["result"]}
            for server in (self.receiver, self.sender))
        self.assertEqual(set(got), set(want))
        for labels, values in want.items():
            self.assertEqual(got[labels], values, self.told(str(labels)))


class DebianToProm5(PairTests, unittest.TestCase):
    sender_resumes = False

    def sender_of(self, pages, receiver):
        return harness.Prometheus(config=sending_config(pages, receiver))


class Prom5ToDebian(PairTests, unittest.TestCase):
    def receiver_of(self):
        return harness.Prometheus()


class Prom5ToVictoriaMetrics(PairTests, unittest.TestCase):
    def receiver_of(self):
        return VictoriaMetrics()


class Prom5ToProm5First(PairTests, unittest.TestCase):
    message = V1


class Prom5ToProm5Second(PairTests, unittest.TestCase):
    message = V2


class DebianToDebian(PairTests, unittest.TestCase):
    """The test itself, tested with peers only."""

    sender_resumes = False
    receiver_of = Prom5ToDebian.receiver_of
    sender_of = DebianToProm5.sender_of

    @classmethod
    def setUpClass(cls):
        if not LONG:
            raise unittest.SkipTest("a test of the test; with PROM5_LONG=1 only")


class DebianToVictoriaMetrics(DebianToDebian):
    """The same, with the other receiver."""

    receiver_of = Prom5ToVictoriaMetrics.receiver_of


if __name__ == "__main__":
    unittest.main()
