"""kill -9 at any instant, a full disk, too little memory: what was acknowledged stays.

PROM5_CRASH_SEED  repeats the choices of a run; every failure names its seed
PROM5_LONG=1      the long form, for a release
"""
import base64
import collections
import contextlib
import multiprocessing
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

import harness
from snappy_wire import snappy_literal

LONG = os.environ.get("PROM5_LONG") == "1"
SEED = int(os.environ.get("PROM5_CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
CONFIG = "global: {}\n"

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
FAST_MS = 5 * MINUTE_MS  # A block in 24 batches.
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MB = 1 << 20

FORK = multiprocessing.get_context("fork")


@contextlib.contextmanager
def named(server, keep=False, **place):
    """Adds to a failure what is needed to have it again, and with `keep` a copy of the data."""
    try:
        yield
    except AssertionError as e:
        note = f"PROM5_CRASH_SEED={SEED} {place}"
        if keep:
            copy = tempfile.mkdtemp(prefix="prom5-crash-failed-")
            shutil.copytree(server.scratch, copy, dirs_exist_ok=True)
            note += f"; data, log and ledger are in {copy}"
        raise AssertionError(f"{e}\n{note}") from e


# ------------------------------------------------------------------------------------ the samples

FLOAT_SERIES = 300  # More than a replay gathers together.
SHORT_LIVED_SERIES = 40  # at a time; others after every BATCHES_OF_AN_ERA
BATCHES_OF_AN_ERA = 40
HISTOGRAM_SERIES = 12
SPECIAL_VALUES = (float("inf"), float("-inf"), -0.0, 0.0, 5e-324, 1.7976931348623157e308)


def float_value(chooser, series, number):
    """Values of the kinds that a codec treats differently."""
    kind = series % 5
    if kind == 0:
        return float(number * 7 + series)
    if kind == 1:
        return round(chooser.uniform(0, 100), 2)
    if kind == 2:
        return chooser.uniform(-1e6, 1e6)
    if kind == 3:
        return 42.0 + number // 50
    return chooser.choice(SPECIAL_VALUES)


def histogram_value(chooser, series, number):
    """Integer, float, and custom buckets; the sum is different each time."""
    unit = (1, 0.5, 1)[series % 3]
    counts = [chooser.randrange(1, 50) * unit for _ in range(4)]
    if series % 3 == 2:
        return harness.Histogram(sum(counts[:3]), number + 0.25, dict(enumerate(counts[:3])),
                                 schema=-53, custom=[0.5, 2.0], zero_threshold=0)
    return harness.Histogram(sum(counts), number + 0.25, {-3: counts[0], 5: counts[1]},
                             {2: counts[2]}, schema=2, zero_threshold=0.001,
                             zero_count=counts[3])


def batch(number, time_ms):
    """What is sent as batch `number`; the same whoever asks."""
    chooser = random.Random(f"{SEED} {number}")
    era = str(number // BATCHES_OF_AN_ERA)
    out = [({"__name__": "crash_value", "series": str(s)},
            [(time_ms, float_value(chooser, s, number))])
           for s in range(FLOAT_SERIES) if chooser.random() < 0.95]
    out += [({"__name__": "crash_short_lived", "era": era, "series": str(s)},
             [(time_ms, float_value(chooser, s, number))]) for s in range(SHORT_LIVED_SERIES)]
    out += [({"__name__": "crash_histogram", "series": str(s)},
             [(time_ms, histogram_value(chooser, s, number))]) for s in range(HISTOGRAM_SERIES)]
    return out


def comparable(value):
    """Equal for equal values only: the bits of a float; count, sum and buckets of a histogram."""
    if not isinstance(value, harness.Histogram):
        return struct.pack("<d", value)
    counts = [n for _, n in sorted(value.negative.items(), reverse=True)]
    counts += [value.zero_count] if value.zero_count else []
    counts += [n for _, n in sorted(value.positive.items())]
    return float(value.count), float(value.sum), tuple(map(float, counts))


def comparable_answer(histogram):
    return (float(histogram["count"]), float(histogram["sum"]),
            tuple(float(bucket[3]) for bucket in histogram["buckets"]))


class Books:
    """What was sent, and what of it was acknowledged. Every batch has a time of its own."""

    def __init__(self):
        self.sent = collections.defaultdict(dict)  # labels -> {milliseconds: comparable value}
        self.unanswered = set()  # times of batches
        self.newest_ms = 0

    def send(self, series):
        for labels, points in series:
            values = self.sent[tuple(sorted(labels.items()))]
            for time_ms, value in points:
                values[time_ms] = comparable(value)
                self.unanswered.add(time_ms)
                self.newest_ms = max(self.newest_ms, time_ms)

    def acknowledge(self, time_ms):
        self.unanswered.discard(time_ms)

    def forget_before(self, time_ms):
        for labels, values in list(self.sent.items()):
            self.sent[labels] = {t: v for t, v in values.items() if t >= time_ms}
            if not self.sent[labels]:
                del self.sent[labels]

    def check(self, server, keep_from_ms=0, look_from_ms=0):
        """Each acknowledged sample is there once and equal, and nothing that was never sent.

        keep_from_ms: older samples may be gone.  look_from_ms: older ones are not looked at.
        """
        stored = read_back(server, look_from_ms)
        strangers = stored.keys() - self.sent.keys()
        assert not strangers, f"{len(strangers)} series were never sent, as {min(strangers)}"
        lost = []
        for labels, sent in self.sent.items():
            found = stored.get(labels, {})
            wrong = [(t, v, sent.get(t)) for t, v in found.items() if sent.get(t) != v]
            assert not wrong, (f"{labels}: {len(wrong)} samples are not what was sent, first "
                               f"(time, found, sent): {wrong[0]}; newest is {self.newest_ms}")
            lost += [(t, labels) for t in sent.keys() - found.keys()
                     if t >= max(keep_from_ms, look_from_ms) and t not in self.unanswered]
        times = sorted({t for t, _ in lost})
        assert not lost, (
            f"{len(lost)} acknowledged samples of {len(times)} batches are lost, at {times[:5]} … "
            f"{times[-1]}, as {min(lost)}; newest is {self.newest_ms}")


def read_back(server, after_ms):
    """Labels -> {milliseconds: comparable value} of every sample from `after_ms` on."""
    end_ms = harness.now_ms() + HOUR_MS

    def whole_answer():
        status, answer = server.api_raw(
            "query", query=f'{{__name__=~"crash_.*"}}[{end_ms - after_ms + 1}ms]',
            time=f"{end_ms / 1000:.3f}")
        assert status == 200 and answer["status"] == "success", (status, str(answer)[:1000])
        # A warning says that the answer is not complete, as while the log is replayed.
        assert not answer.get("warnings"), answer["warnings"]
        return [answer["data"]["result"]]

    out = {}
    for series in harness.wait_until(whole_answer, "a complete answer")[0]:
        labels = tuple(sorted(series["metric"].items()))
        assert labels not in out, f"{labels} is there twice"
        points = [(round(t * 1000), struct.pack("<d", float(v)))
                  for t, v in series.get("values", ())]
        points += [(round(t * 1000), comparable_answer(h))
                   for t, h in series.get("histograms", ())]
        out[labels] = dict(points)
        assert len(out[labels]) == len(points), f"{labels}: a sample is there twice"
    return out


# ------------------------------------------------------------------------------------- the sender

class Ledger:
    """Lines "sent N TIME", "acknowledged N TIME", "refused N TIME WHY" in a file."""

    def __init__(self, path):
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
        self._read_bytes = 0

    def close(self):
        os.close(self._file)

    def note(self, event, number, time_ms, why=""):
        os.write(self._file, f"{event} {number} {time_ms} {' '.join(why.split())}\n".encode())
        if event == "acknowledged":
            os.fsync(self._file)

    def size_bytes(self):
        return os.fstat(self._file).st_size

    def new_lines(self):
        """[(event, number, time, why)] since the last call."""
        data = os.pread(self._file, self.size_bytes() - self._read_bytes, self._read_bytes)
        self._read_bytes += len(data)
        for line in data.decode().splitlines():
            event, number, time_ms, why = line.split(" ", 3)
            yield event, int(number), int(time_ms), why


def send(server, ledger, number, time_ms, step_ms, patient):
    """The sender's process: batch after batch until the server is gone.

    A patient one goes on when the server is back, with the batch that had no answer.
    """
    def attempt():
        status, text = server.write(batch(number, time_ms))
        return (status, text) if status != 503 or not patient else None

    while True:
        ledger.note("sent", number, time_ms)
        try:
            status, text = (harness.wait_until(attempt, "an answer", interval=0.003) if patient
                            else attempt())
        except (OSError, harness.http.client.HTTPException):
            return
        if status not in (200, 204):
            ledger.note("refused", number, time_ms, f"{status} {text}")
            return
        ledger.note("acknowledged", number, time_ms)
        number += 1
        time_ms += step_ms


class Sender:
    """Starts the process, and keeps the books from its ledger."""

    def __init__(self, server, chooser, start_ms):
        self.server, self.chooser = server, chooser
        self.ledger = Ledger(server.scratch / "ledger")
        self.books = Books()
        self.number, self.time_ms = 0, start_ms
        self.process = None

    def start(self, step_ms, patient=False):
        """Returns once the first batch is on its way."""
        if self.time_ms not in self.books.unanswered or self.chooser.random() < 0.5:
            self.number += 1  # Else the batch without an answer is sent again.
            self.time_ms += step_ms
        before = self.ledger.size_bytes()
        self.process = FORK.Process(target=send, args=(
            self.server, self.ledger, self.number, self.time_ms, step_ms, patient), daemon=True)
        self.process.start()
        harness.wait_until(lambda: self.ledger.size_bytes() > before, "a batch is sent",
                           interval=0.001)

    def wait_for_batches(self, count):
        """Until about so many more are acknowledged."""
        enough = self.ledger.size_bytes() + count * len("sent 1000 1700000000000 \n" * 2)
        harness.wait_until(lambda: self.ledger.size_bytes() >= enough, f"{count} batches more")

    def join(self, terminate=False):
        """The process has ended, and what it wrote down is in the books."""
        if terminate:
            self.process.terminate()
        self.process.join(harness.DEADLINE_SECONDS)
        assert not self.process.is_alive(), "the sender did not notice that the server is gone"
        assert self.process.exitcode == (-15 if terminate else 0), self.process.exitcode
        self.read_ledger()

    def read_ledger(self):
        for event, number, time_ms, why in self.ledger.new_lines():
            assert event != "refused", f"batch {number} at {time_ms} was refused: {why}"
            if event == "sent":
                self.books.send(batch(number, time_ms))
                self.number, self.time_ms = number, time_ms
            else:
                self.books.acknowledge(time_ms)
        assert self.time_ms < harness.now_ms(), "the run has caught up with the present"


# ------------------------------------------------------------------------------------------ kill

class Kill(unittest.TestCase):
    ROUNDS = 500 if LONG else 20
    RETENTION_MS = 12 * HOUR_MS
    BLOCK_MS = 2 * HOUR_MS
    START_MS = harness.now_ms() - (4000 if LONG else 400) * DAY_MS

    def setUp(self):
        self.chooser = random.Random(SEED)
        self.server = self.enterContext(harness.Prom5(self.flags(), config=CONFIG))
        self.sender = Sender(self.server, self.chooser, self.START_MS)
        self.addCleanup(self.sender.ledger.close)

    def flags(self):
        """Small files and short intervals, so that something is under way at most instants."""
        choose = self.chooser.choice
        return harness.RECEIVER_FLAGS + [
            f"--storage.tsdb.retention.time={self.RETENTION_MS // HOUR_MS}h",
            f"--storage.tsdb.wal-sync-interval={choose(('0s', '10ms', '50ms', '1s'))}",
            f"--storage.tsdb.wal-segment-size={choose(('128KB', '1MB', '64MB'))}",
            f"--storage.tsdb.max-head-bytes={choose(('512KB', '4GB'))}"]

    def check(self, everything=False):
        newest = self.sender.books.newest_ms
        keep_from = newest - self.RETENTION_MS
        look_from = 0 if everything else keep_from - 2 * self.BLOCK_MS
        self.sender.books.check(self.server, keep_from, look_from)
        if LONG:
            self.sender.books.forget_before(look_from)

    def files(self):
        out = set()
        for folder, _, names in os.walk(self.server.data_dir):
            out.update(os.path.join(folder, name) for name in names)
        return out

    def wait_for_the_moment(self):
        """A random instant; or when a file comes or goes, as in compaction and checkpoint."""
        kind = self.chooser.choice(("any", "new file", "file gone"))
        end = time.monotonic() + self.chooser.uniform(0, 0.4)
        before = self.files()

        def is_there():
            files = self.files() if kind != "any" else before
            return (time.monotonic() >= end or (kind == "new file" and files - before)
                    or (kind == "file gone" and before - files))

        harness.wait_until(is_there, "the moment of the kill", interval=0.0005)

    def wait_for_retention(self):
        """Until the oldest block goes, which the server looks for every minute or more often."""
        def blocks():
            return {f for f in self.files() if "/blocks/" in f and not f.endswith(".tmp")}

        oldest = min(harness.wait_until(blocks, "a block is written"))
        harness.wait_until(lambda: not os.path.exists(oldest), "retention removes a block",
                           deadline=150, interval=0.0005)

    def seconds_to_start(self):
        """Starts the server, and says how long it took until it was ready."""
        started = time.monotonic()
        self.server.spawn()
        harness.wait_until(lambda: self.server.get("/-/ready")[0] == 200, "the server is ready",
                           interval=0.001)
        return time.monotonic() - started

    def test_kill_at_random_instants(self):
        for round_ in range(self.ROUNDS):
            with named(self.server, keep=True, round=round_):
                step_ms = self.chooser.choice((SECOND_MS, 15 * SECOND_MS, FAST_MS, FAST_MS))
                if LONG and round_ % 25 == 24:
                    self.sender.start(FAST_MS)
                    self.wait_for_retention()
                else:
                    self.sender.start(step_ms)
                    self.wait_for_the_moment()
                self.server.kill()
                self.sender.join()
                self.server.args = self.flags()
                self.server.start()
                self.check()
        with named(self.server, keep=True, round="last"):
            self.check(everything=not LONG)

    def test_kill_during_replay(self):
        """The sender never pauses: it writes as soon as a start lets it."""
        self.sender.start(15 * SECOND_MS, patient=True)
        for round_ in range(self.ROUNDS // 2):
            with named(self.server, keep=True, round=round_):
                self.sender.wait_for_batches(60)
                self.server.kill()
                duration = self.seconds_to_start()
                for _ in range(self.chooser.randrange(2, 6)):
                    self.server.kill()
                    self.server.args = self.flags()
                    self.server.spawn()
                    end = time.monotonic() + self.chooser.uniform(0, duration)
                    harness.wait_until(lambda end=end: time.monotonic() >= end, "the kill",
                                       interval=0.0005)
                self.server.kill()
                self.sender.join(terminate=True)
                self.server.start()
                self.check()
                self.sender.start(self.chooser.choice((SECOND_MS, FAST_MS)), patient=True)
        self.sender.join(terminate=True)


# ------------------------------------------------------------------------------------- full disk

class FullDisk(unittest.TestCase):
    ROUNDS = 200 if LONG else 20
    ROUNDS_OF_A_DISK = 3
    DISK_BYTES = 64 * MB
    RECOVERY_SECONDS = 10

    def setUp(self):
        self.chooser = random.Random(SEED)
        self.number = 0

    def flags(self):
        """An interval makes maintenance frequent, so that blocks are due on a full disk, too."""
        interval = self.chooser.choice(("0s", "50ms", "50ms"))
        return harness.RECEIVER_FLAGS + ["--storage.tsdb.wal-segment-size=4MB",
                                         f"--storage.tsdb.wal-sync-interval={interval}"]

    def new_server(self):
        """A server on a new disk, and empty books."""
        disk = pathlib.Path(tempfile.mkdtemp(prefix="prom5-e2e-disk-"))
        self.addCleanup(shutil.rmtree, disk, ignore_errors=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.DISK_BYTES}", "tmpfs", disk],
            capture_output=True, text=True, check=False)
        self.assertEqual(mounted.returncode, 0,
                         "this test mounts a small disk: run it as root, or under `unshare -rm`; "
                         + mounted.stderr)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        self.ballast = disk / "ballast"
        self.server = harness.Prom5(self.flags(), config=CONFIG, data_dir=disk / "data")
        self.addCleanup(self.server.__exit__)
        self.server.start()
        self.books = Books()
        self.time_ms = harness.now_ms() // MINUTE_MS * MINUTE_MS - 20 * DAY_MS

    def place_ballast(self):
        space = os.statvfs(self.ballast.parent)
        size = space.f_bavail * space.f_frsize - self.chooser.randrange(6 * MB, 12 * MB)
        self.assertGreater(size, 4 * MB, "the disk is full before the round begins")
        with open(self.ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)

    def next_batch(self):
        """New series with long labels take most of the space, known ones have to go on."""
        self.number += 1
        self.time_ms += FAST_MS
        chooser = random.Random(f"{SEED} disk {self.number}")
        text = [base64.b64encode(chooser.randbytes(1100)).decode() for _ in range(100)]
        self.batch = [({"__name__": "crash_long", "text": t}, [(self.time_ms, chooser.random())])
                      for t in text]
        self.batch += [({"__name__": "crash_known", "series": str(n)},
                        [(self.time_ms, chooser.random())]) for n in range(100)]
        self.books.send(self.batch)

    def write(self):
        """Sends the batch, again where it was sent before; (status, headers)."""
        body = snappy_literal(harness.write_request(self.batch))
        try:
            status, headers, text = self.server.post("/api/v1/write", body, harness.WRITE_HEADERS)
        except (OSError, harness.http.client.HTTPException) as e:
            self.assertIsNone(self.server.process.poll(),
                              f"the server died: {self.server.log()[-4000:]}")
            raise AssertionError(f"no answer to a write: {e!r}") from e
        self.assertIn(status, (200, 204, 503), f"{text[:500]!r}\n{self.server.log()[-2000:]}")
        if status != 503:
            self.books.acknowledge(self.time_ms)
        return status, headers

    def fill(self):
        """Writes until there is no space, and looks at how the server says so."""
        for _ in range(1000):
            self.next_batch()
            status, headers = self.write()
            if status == 503:
                self.assertRegex(headers.get("Retry-After", "none"), r"^[0-9]+$")
                return
        self.fail("a thousand batches went onto a full disk")

    def recover(self):
        """Space comes back, and writes with it. The refused batch comes again, as senders do."""
        self.ballast.unlink()
        harness.wait_until(lambda: self.write()[0] != 503, "writes go on once there is space",
                           deadline=self.RECOVERY_SECONDS, interval=0.1)
        self.next_batch()
        self.assertNotEqual(self.write()[0], 503)

    def test_disk_full(self):
        for round_ in range(self.ROUNDS):
            if round_ % self.ROUNDS_OF_A_DISK == 0:
                self.doCleanups()
                self.new_server()
            with named(self.server, round=round_):
                process = self.server.process
                self.place_ballast()
                self.fill()
                self.books.check(self.server)
                self.assertEqual(self.server.get("/-/healthy")[0], 200)
                for _ in range(5):  # A small one may still fit; none may do harm.
                    self.next_batch()
                    self.write()
                self.recover()
                self.assertIs(self.server.process, process)
                self.assertIsNone(process.poll(), self.server.log()[-4000:])
                self.books.check(self.server)
                self.server.kill()
                self.server.args = self.flags()
                self.server.start()
                self.books.check(self.server)

    def test_start_on_full_disk(self):
        """Prometheus restarts in a loop here, its issue 9923."""
        self.new_server()
        with named(self.server):
            self.place_ballast()
            self.fill()
            self.server.kill()
            self.server.start()
            self.books.check(self.server)
            self.recover()
            self.books.check(self.server)


# ---------------------------------------------------------------------------------- little memory

class BoundedProm5(harness.Prom5):
    """With at most `limit_bytes` of memory of its own.

    By a cgroup (version 2) where this machine lets us make one, else by RLIMIT_DATA, which also
    counts what is mapped and never touched, as thread stacks; `untouched_bytes` makes up for it.
    """

    CGROUPS = pathlib.Path("/sys/fs/cgroup")

    def __init__(self, args, config, limit_bytes, untouched_bytes):
        super().__init__(args, config)
        self.data_limit_bytes = limit_bytes + untouched_bytes
        self.cgroup = None
        controllers = self.CGROUPS / "cgroup.subtree_control"
        if controllers.exists() and "memory" in controllers.read_text().split():
            with contextlib.suppress(OSError):
                group = self.CGROUPS / f"prom5-e2e-{os.getpid()}"
                group.mkdir()
                self.cgroup = group
                (group / "memory.max").write_text(str(limit_bytes))
                (group / "memory.swap.max").write_text("0")

    def command(self):
        if self.cgroup:
            return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.cgroup / "cgroup.procs"),
                    *super().command()]
        return ["prlimit", f"--data={self.data_limit_bytes}", "--", *super().command()]

    def __exit__(self, *_):
        super().__exit__()
        if self.cgroup:
            self.cgroup.rmdir()


class LittleMemory(unittest.TestCase):
    LIMIT_BYTES = 256 * MB
    NEW_SERIES = 10_000_000 if LONG else 1_000_000
    NEW_SERIES_AFTER_RESTART = NEW_SERIES // 20
    NEW_SERIES_OF_A_REQUEST = 5000
    KNOWN_SERIES = 100
    RESTARTS = 20 if LONG else 3

    def setUp(self):
        with harness.Prom5(harness.RECEIVER_FLAGS, config=CONFIG) as idle:
            untouched = 1024 * (idle.status_kb("VmData") - idle.status_kb("RssAnon"))
        self.server = self.enterContext(
            BoundedProm5(harness.RECEIVER_FLAGS, CONFIG, self.LIMIT_BYTES, untouched))
        self.books = Books()
        self.time_ms = harness.now_ms() // MINUTE_MS * MINUTE_MS - HOUR_MS
        self.offered = 0
        placeholder = "0" * 10
        self.before_id, self.after_id = harness.write_request([(
            {"__name__": "flood", "id": placeholder, "instance": "shop-1:8080", "job": "shop"},
            [(self.time_ms, 1.0)])]).split(placeholder.encode())

    def write(self, message):
        try:
            return self.server.write_bytes(snappy_literal(message))
        except (OSError, harness.http.client.HTTPException) as e:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.process.wait(5)
            code = self.server.process.poll()
            raise AssertionError(
                f"no answer ({e!r}) after {self.offered} new series were offered; " + (
                    f"the server died with {code}" if code is not None else "the server lives")
                + f":\n{self.server.log()[-4000:]}") from e

    def known(self):
        """The next sample of each known series, noted as sent."""
        self.time_ms += SECOND_MS
        series = [({"__name__": "crash_known", "series": str(n)},
                   [(self.time_ms, float(self.time_ms + n))]) for n in range(self.KNOWN_SERIES)]
        self.books.send(series)
        return harness.write_request(series)

    def known_go_on(self):
        status, text = self.write(self.known())
        self.assertIn(status, (200, 204), f"known series are refused after {self.offered} new "
                                          f"ones were offered: {text}")
        self.books.acknowledge(self.time_ms)

    def new_series(self, count):
        numbers = range(self.offered, self.offered + count)
        self.offered += count
        return b"".join(self.before_id + b"%010d" % n + self.after_id for n in numbers)

    def offer(self, count):
        """Sends new series, known ones in between; returns the answers that refused some."""
        refusals = []
        for request in range(count // self.NEW_SERIES_OF_A_REQUEST):
            status, text = self.write(self.new_series(self.NEW_SERIES_OF_A_REQUEST))
            if status not in (200, 204):
                # With 5xx a sender would send the same again for ever, and nothing after it.
                self.assertIn(status, range(400, 500), text)
                refusals.append(text)
            if request % 5 == 0:
                self.known_go_on()
        return refusals

    def check_refusal(self, refusals):
        self.assertTrue(refusals, f"{self.offered} series were taken: is there no limit?")
        self.assertGreater(self.server.metric("prom5_tsdb_series_refused_total"), 0)
        told = self.server.log() + self.server.get("/metrics")[2].decode() + refusals[0]
        self.assertIn("flood", told, "nothing names the metric that grows")
        status, _ = self.write(self.known() + self.new_series(10))
        self.assertIn(status, range(400, 500))
        self.books.acknowledge(self.time_ms)  # Not said, but promised: known series go on.
        self.books.check(self.server)

    def test_memory_limit(self):
        with named(self.server):
            self.known_go_on()
            refusals = self.offer(self.NEW_SERIES)
            self.check_refusal(refusals)
            self.assertEqual(
                self.server.metric("prometheus_tsdb_head_series")
                + self.server.metric("prom5_tsdb_series_refused_total"),
                self.KNOWN_SERIES + self.offered, "a series is neither stored nor refused")
        for restart in range(self.RESTARTS):
            with named(self.server, restart=restart):
                if restart % 2:
                    self.assertEqual(self.server.stop(), 0, self.server.log()[-4000:])
                else:
                    self.server.kill()
                self.server.start()
                self.books.check(self.server)
                self.known_go_on()
                self.check_refusal(self.offer(self.NEW_SERIES_AFTER_RESTART))
        if self.server.cgroup:
            self.assertIn("oom_kill 0\n", (self.server.cgroup / "memory.events").read_text())


if __name__ == "__main__":
    unittest.main()
