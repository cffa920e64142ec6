"""Data directories: to and from Debian's Prometheus, deletion, snapshots, and the tsdb commands."""
import json
import random
import shutil
import unittest

import harness

HOUR = 3_600_000


def workload(rng, start, end, step=15_000):
    """Batches of remote write: floats of several kinds, and native histograms."""
    names = [{"__name__": "tsdb_counter_total", "job": "a", "n": str(n)} for n in range(5)]
    names += [{"__name__": "tsdb_gauge", "job": "b", "n": str(n)} for n in range(5)]
    totals = [0.0] * len(names)
    buckets = {0: 1, 1: 2, 4: 1}
    for time in range(start, end, step * 40):
        points = [[] for _ in names]
        histograms = []
        for at in range(time, min(time + step * 40, end), step):
            for i, labels in enumerate(names):
                if rng.random() < 0.02:
                    continue
                if labels["__name__"] == "tsdb_gauge":
                    value = rng.choice([rng.random(), float(rng.randrange(1000)) / 4, 1e15, -0.0])
                else:
                    totals[i] = 0.0 if rng.random() < 0.01 else totals[i] + rng.randrange(50)
                    value = totals[i]
                points[i].append((at, value))
            buckets = {b: n + rng.randrange(3) for b, n in buckets.items()}
            histograms.append((at, harness.Histogram(
                sum(buckets.values()), float(sum(buckets.values())) / 4, buckets, schema=2)))
        yield [*zip(names, points), ({"__name__": "tsdb_histogram", "job": "c"}, histograms)]


def dump(directory):
    result = harness.run_prom5("tsdb", "dump", f"--storage.tsdb.path={directory}")
    assert result.returncode == 0, harness.shown(result)
    return sorted(result.stdout.splitlines())


def floats(lines):
    return [line for line in lines if "tsdb_histogram" not in line]


def promtool_dump(directory):
    result = harness.promtool("tsdb", "dump", directory)
    assert result.returncode == 0, harness.shown(result)
    return floats(sorted(result.stdout.splitlines()))


class FromAndToPrometheus(unittest.TestCase):
    """What Debian's Prometheus wrote, and what it reads of ours."""

    HISTOGRAM = 'sum_over_time(histogram_sum(tsdb_histogram)[6h:15s])'

    @classmethod
    def setUpClass(cls):
        cls.end = harness.now_ms() // 60_000 * 60_000
        cls.theirs = cls.enterClassContext(harness.Prometheus(
            ["--web.enable-admin-api", "--storage.tsdb.use-lockfile",
             "--enable-feature=native-histograms",
             "--storage.tsdb.retention.time=30d"]))
        rng = random.Random(5)
        for batch in workload(rng, cls.end - 5 * HOUR, cls.end):
            cls.theirs.must_write(batch)
        status, answer = cls.theirs.post_json("/api/v1/admin/tsdb/snapshot", {})
        assert status == 200, answer
        cls.snapshot = cls.theirs.data_dir / "snapshots" / answer["data"]["name"]
        cls.want = promtool_dump(cls.theirs.data_dir)
        cls.sums = cls.value(cls.theirs, cls.HISTOGRAM)

    @classmethod
    def value(cls, server, promql):
        return float(server.query(promql, cls.end / 1000)[0]["value"][1])

    def imported(self, source):
        folder = self.theirs.scratch / f"imported-{self._testMethodName}"
        result = harness.run_prom5("tsdb", "import", source, f"--storage.tsdb.path={folder}")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertRegex(result.stdout, r"imported: \d+ blocks, \d+ series, \d+ samples")
        return folder

    def test_blocks(self):
        folder = self.imported(self.snapshot)
        self.assertEqual(floats(dump(folder)), self.want)

    def test_write_ahead_log(self):
        copy = self.theirs.scratch / "only-wal"
        shutil.copytree(self.theirs.data_dir / "wal", copy / "wal")
        self.assertEqual(floats(dump(self.imported(copy))), self.want)

    def test_histograms_and_there_and_back(self):
        folder = self.imported(self.snapshot)
        back = self.theirs.scratch / "back"
        result = harness.run_prom5("tsdb", "export", back, f"--storage.tsdb.path={folder}")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertEqual(promtool_dump(back), self.want)
        listed = harness.promtool("tsdb", "list", back)
        self.assertEqual(listed.returncode, 0, harness.shown(listed))
        self.assertGreaterEqual(len(listed.stdout.splitlines()), 3, listed.stdout)
        analyzed = harness.promtool("tsdb", "analyze", back)
        self.assertEqual(analyzed.returncode, 0, harness.shown(analyzed))
        with harness.Prom5(data_dir=folder, config="scrape_configs: []\n") as ours:
            self.assertAlmostEqual(self.value(ours, self.HISTOGRAM), self.sums, places=3)
        again = harness.Prometheus(["--enable-feature=native-histograms",
                                    "--storage.tsdb.retention.time=30d"])
        shutil.copytree(back, again.data_dir)
        with again:
            self.assertAlmostEqual(self.value(again, self.HISTOGRAM), self.sums, places=3)
            count = self.value(again, 'sum(count_over_time({__name__=~"tsdb_.+"}[6h]))')
            self.assertEqual(
                count, self.value(self.theirs, 'sum(count_over_time({__name__=~"tsdb_.+"}[6h]))'))

    def test_damaged_block_is_named_and_the_rest_is_taken(self):
        copy = self.theirs.scratch / "damaged"
        shutil.copytree(self.snapshot, copy)
        block = sorted(p for p in copy.iterdir() if (p / "meta.json").exists())[0]
        chunks = block / "chunks" / "000001"
        data = bytearray(chunks.read_bytes())
        data[len(data) // 2] ^= 1
        chunks.write_bytes(data)
        result = harness.run_prom5("tsdb", "import", copy,
                                   f"--storage.tsdb.path={self.theirs.scratch / 'rest'}")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn(block.name, result.stderr)
        self.assertIn("checksum", result.stderr)

    def test_a_second_import_takes_what_is_new(self):
        folder = self.imported(self.snapshot)
        before = len(list((folder / "blocks").iterdir()))
        result = harness.run_prom5("tsdb", "import", self.snapshot,
                                   f"--storage.tsdb.path={folder}")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertIn("was taken before", result.stderr)
        self.assertEqual(len(list((folder / "blocks").iterdir())), before)

    def test_a_running_prometheus_is_left_alone(self):
        result = harness.run_prom5("tsdb", "import", self.theirs.data_dir,
                                   f"--storage.tsdb.path={self.theirs.scratch / 'running'}")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn("running Prometheus", result.stderr)

    def test_not_a_prometheus_directory(self):
        empty = self.theirs.scratch / "empty"
        empty.mkdir()
        result = harness.run_prom5("tsdb", "import", empty,
                                   f"--storage.tsdb.path={self.theirs.scratch / 'none'}")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn("neither blocks nor a write-ahead log", result.stderr)


class Administration(unittest.TestCase):
    """The admin API and the commands that look into a directory."""

    def setUp(self):
        self.server = self.enterContext(harness.Prom5(
            ["--web.enable-admin-api", "--web.enable-remote-write-receiver"],
            config="scrape_configs: []\n"))
        self.end = harness.now_ms() // 60_000 * 60_000
        for batch in workload(random.Random(6), self.end - 5 * HOUR, self.end, 60_000):
            self.server.must_write(batch)

    def count(self, selector):
        answer = self.server.query(f"sum(count_over_time({selector}[6h]))", self.end / 1000)
        return int(answer[0]["value"][1]) if answer else 0

    def admin(self, path, **params):
        target = self.server.api_path(f"/api/v1/admin/tsdb/{path}", params)
        return self.server.post(target)

    def test_deletion_holds_through_a_restart(self):
        all_of_it = self.count('{__name__=~"tsdb_.+"}')
        gauges = self.count("tsdb_gauge")
        status, _, body = self.admin("delete_series", **{"match[]": "tsdb_gauge"})
        self.assertEqual(status, 204, body)
        self.assertEqual(self.count('{__name__=~"tsdb_.+"}'), all_of_it - gauges)
        self.assertEqual(self.server.api("/api/v1/series", **{"match[]": "tsdb_gauge"}), [])
        part = {"match[]": "tsdb_counter_total", "start": self.end / 1000 - 1800,
                "end": self.end / 1000}
        counters = self.count("tsdb_counter_total")
        self.assertEqual(self.admin("delete_series", **part)[0], 204)
        left = self.count("tsdb_counter_total")
        self.assertLess(left, counters)
        self.assertGreater(left, counters * 0.8)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.count("tsdb_gauge"), 0)
        self.assertEqual(self.count("tsdb_counter_total"), left)
        self.assertEqual(self.admin("clean_tombstones")[0], 204)
        self.assertEqual(self.count("tsdb_counter_total"), left)

    def test_mistakes_of_requests(self):
        everything = self.count('{__name__=~"tsdb_.+"}')
        before = "end timestamp must not be before start time"
        for path, wrong, told in (
                ("delete_series", {}, "no match[] parameter provided"),
                ("delete_series", {"match[]": "up{"}, 'invalid parameter "match[]": 1:4: parse '
                                                      "error: unexpected end of input inside "
                                                      "braces"),
                ("delete_series", {"match[]": ["tsdb_gauge", "1"]},
                 'invalid parameter "match[]": 1:1: parse error: unexpected number "1"'),
                ("delete_series", {"match[]": '{a=""}'},
                 'invalid parameter "match[]": match[] must contain at least one non-empty '
                 "matcher"),
                ("delete_series", {"match[]": "a", "start": "x"},
                 "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" "
                 "to a valid timestamp"),
                ("delete_series", {"match[]": "tsdb_gauge", "start": "5", "end": "1"},
                 f'invalid parameter "end": {before}'),
                ("snapshot", {"skip_head": "maybe"},
                 'invalid parameter "skip_head": unable to parse boolean: strconv.ParseBool: '
                 'parsing "maybe": invalid syntax')):
            status, _, body = self.admin(path, **wrong)
            self.assertEqual((status, json.loads(body)["error"]), (400, told))
        status, _, body = self.server.post("/api/v1/admin/tsdb/delete_series?match[]=%ZZ")
        self.assertEqual((status, json.loads(body)["error"]),
                         (400, 'error parsing form values: invalid URL escape "%ZZ"'))
        self.assertEqual(self.count('{__name__=~"tsdb_.+"}'), everything)

    def test_snapshot_is_a_data_directory(self):
        before = self.count('{__name__=~"tsdb_.+"}')
        status, _, body = self.admin("snapshot")
        self.assertEqual(status, 200, body)
        folder = self.server.data_dir / "snapshots" / harness.parse_json(body)["data"]["name"]
        verified = harness.run_prom5("tsdb", "verify", f"--storage.tsdb.path={folder}")
        self.assertEqual(verified.returncode, 0, harness.shown(verified))
        self.assertEqual(len(dump(folder)), before)
        listed = harness.run_prom5("tsdb", "list", f"--storage.tsdb.path={folder}")
        self.assertRegex(listed.stdout, r"\n0000000\d +- +\d{4}-\d\d-\d\d")
        analyzed = harness.run_prom5("tsdb", "analyze", f"--storage.tsdb.path={folder}")
        self.assertIn("tsdb_counter_total", analyzed.stdout)

    def test_a_directory_in_use_can_be_read_and_not_changed(self):
        folder = self.server.data_dir
        before = sorted(p.relative_to(folder) for p in folder.rglob("*"))
        for command in ("list", "dump", "verify", "analyze"):
            result = harness.run_prom5("tsdb", command, folder)
            self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertEqual(sorted(p.relative_to(folder) for p in folder.rglob("*")), before)
        result = harness.run_prom5("tsdb", "repair", folder)
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn("a server uses it", result.stderr)

    def test_what_is_no_data_directory_is_left_alone(self):
        scratch = self.server.scratch / "elsewhere"
        scratch.mkdir()
        (scratch / "letter.txt").write_text("dear operator")
        for command in ("list", "dump", "verify", "analyze", "repair"):
            for path in (scratch, scratch / "missing", ""):
                result = harness.run_prom5("tsdb", command, f"--storage.tsdb.path={path}")
                self.assertNotEqual(result.returncode, 0, harness.shown(result))
                self.assertNotEqual(result.stderr, "")
        self.assertEqual([p.name for p in scratch.iterdir()], ["letter.txt"])
        served = harness.run_prom5("serve", "--storage.tsdb.path=")
        self.assertEqual(served.returncode, 2, harness.shown(served))
        (scratch / "chunks_head").mkdir()
        served = harness.run_prom5("serve", f"--web.listen-address=127.0.0.1:{harness.free_port()}",
                                   f"--storage.tsdb.path={scratch}")
        self.assertEqual(served.returncode, 2, harness.shown(served))
        self.assertIn("prom5 tsdb import", served.stderr)

    def test_selections(self):
        folder = self.server.data_dir
        both = harness.run_prom5("tsdb", "dump", folder, "--match=tsdb_gauge{n='1'}",
                                 "--match=tsdb_gauge{n='2'}")
        self.assertEqual({line.split("}")[0] for line in both.stdout.splitlines()},
                         {'{__name__="tsdb_gauge", job="b", n="1"',
                          '{__name__="tsdb_gauge", job="b", n="2"'})
        late = self.end - HOUR
        for time in (late, late / 1000):  # promtool counts milliseconds
            some = harness.run_prom5("tsdb", "dump", folder, "--match=tsdb_gauge{n='1'}",
                                     f"--min-time={time:.0f}")
            self.assertGreater(len(some.stdout.splitlines()), 30)
            self.assertLess(len(some.stdout.splitlines()), 62)
        target = self.server.scratch / "exported"
        for code, match in ((1, "nothing_of_that"), (2, "tsdb_gauge")):
            result = harness.run_prom5("tsdb", "export", target, f"--match={match}",
                                       f"--storage.tsdb.path={folder}")
            self.assertEqual(result.returncode, code, harness.shown(result))

    def test_changes_are_logged(self):
        self.assertEqual(self.admin("clean_tombstones")[0], 204)
        self.assertIn("/api/v1/admin/tsdb/clean_tombstones", self.server.log())

    def test_repair_leaves_out_what_cannot_be_read(self):
        body = self.admin("snapshot")[2]
        folder = self.server.data_dir / "snapshots" / harness.parse_json(body)["data"]["name"]
        before = len(dump(folder))
        block = sorted((folder / "blocks").iterdir())[0]
        data = bytearray(block.read_bytes())
        data[20] ^= 1
        block.unlink()  # it is a link to the server's own
        block.write_bytes(data)
        path = f"--storage.tsdb.path={folder}"
        verified = harness.run_prom5("tsdb", "verify", path)
        self.assertEqual(verified.returncode, 1, harness.shown(verified))
        repaired = harness.run_prom5("tsdb", "repair", path)
        self.assertEqual(repaired.returncode, 0, harness.shown(repaired))
        self.assertIn("1 blocks mended, 0 lost", repaired.stdout)
        self.assertIn('tsdb_counter_total", job="a", n="0"} from 20', repaired.stdout)
        self.assertEqual(block.with_name(block.name + ".damaged").read_bytes(), data)
        self.assertEqual(harness.run_prom5("tsdb", "verify", path).returncode, 0)
        left = len(dump(folder))
        self.assertLess(left, before)
        self.assertGreater(left, before / 2)

    def test_a_damaged_index_costs_nothing(self):
        folder = self.server.data_dir
        self.server.stop()
        snapshot = self.server.scratch / "copy"
        shutil.copytree(folder, snapshot)
        with harness.Prom5(["--web.enable-admin-api"], data_dir=snapshot,
                           config="scrape_configs: []\n") as copy:
            body = copy.post("/api/v1/admin/tsdb/snapshot")[2]
            folder = snapshot / "snapshots" / harness.parse_json(body)["data"]["name"]
        before = dump(folder)
        block = sorted((folder / "blocks").iterdir())[0]
        good = block.read_bytes()
        data = bytearray(good)
        data[-20] ^= 1  # the footer
        block.write_bytes(data)
        self.assertEqual(dump(folder), before)
        self.assertEqual(harness.run_prom5("tsdb", "verify", folder).returncode, 1)
        self.assertEqual(harness.run_prom5("tsdb", "repair", folder).returncode, 0)
        self.assertEqual(harness.run_prom5("tsdb", "verify", folder).returncode, 0)
        self.assertEqual(dump(folder), before)
        block = sorted(p for p in (folder / "blocks").iterdir() if p.suffix == "")[0]
        block.write_bytes(good[: len(good) // 4])
        dumped = harness.run_prom5("tsdb", "dump", folder)
        self.assertEqual(dumped.returncode, 1, harness.shown(dumped))
        self.assertIn("left out", dumped.stderr)
        repaired = harness.run_prom5("tsdb", "repair", folder)
        self.assertEqual(repaired.returncode, 1, harness.shown(repaired))
        self.assertIn("0 blocks mended, 1 lost", repaired.stdout)

    def test_status(self):
        blocks = self.server.api("/api/v1/status/tsdb/blocks")["blocks"]
        for block in blocks:
            self.assertLess(block["minTime"], block["maxTime"])
        replay = self.server.api("/api/v1/status/walreplay")
        self.assertEqual(replay["state"], "done")


class Disabled(unittest.TestCase):
    def test_admin_api_is_off_by_default(self):
        with harness.Prom5(config="scrape_configs: []\n") as server:
            for path in ("delete_series", "clean_tombstones", "snapshot"):
                status, _, body = server.post(f"/api/v1/admin/tsdb/{path}")
                self.assertEqual((status, "admin APIs disabled" in body.decode()), (500, True))


if __name__ == "__main__":
    unittest.main()
