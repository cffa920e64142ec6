"""OpenMetrics pages: how strictly they are checked, and samples taken over from files."""
import pathlib
import random
import tempfile
import unittest

import harness


def check(page):
    return harness.run_prom5("check", "metrics", "--format=openmetrics", stdin=page)


class CheckMetrics(unittest.TestCase):
    def test_a_good_page(self):
        result = check("# TYPE a counter\na_total 1 # {t=\"x\"} 1\n# EOF\n")
        self.assertEqual((result.returncode, result.stdout), (0, "good; 1 samples\n"),
                         harness.shown(result))

    def test_a_bad_page_names_the_line(self):
        result = check("# TYPE a counter\na_total 1\na_total -1 # {} 1\n# EOF\n")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn("line 3: a: a sample is there twice", result.stderr)

    def test_an_unknown_format(self):
        result = harness.run_prom5("check", "metrics", "--format=xml", stdin="")
        self.assertEqual(result.returncode, 2, harness.shown(result))
        self.assertIn("none of text, openmetrics, protobuf", result.stderr)


class CheckText(unittest.TestCase):
    def test_what_lines_are_together(self):
        for page, words in (
                ("# TYPE a gauge\na 1\n# TYPE a gauge\n", 'second TYPE line for metric name "a"'),
                ("# TYPE a gauge\n# TYPE a counter\na 1\n", "second TYPE line"),
                ("a 1\n# TYPE a gauge\n", "TYPE reported after samples"),
                ('# TYPE a histogram\na_bucket{le="x"} 1\n', '"x" is no number in its label le'),
                ('# TYPE a summary\na{quantile="x"} 1\n', "no number in its label quantile"),
                ("# TYPE a summary\na 1\n", "the label quantile is missing"),
                ("a 1\na 2\n", "is there twice")):
            with self.subTest(page):
                result = harness.run_prom5("check", "metrics", "--format=text", stdin=page)
                self.assertEqual(result.returncode, 1, harness.shown(result))
                self.assertIn(words, result.stderr)

    def test_what_is_wrong_has_its_line(self):
        bucket = '# TYPE a histogram\na_bucket{le="1"} 3\n'
        for page, words in (
                ("# HELP a x\na 1\n# HELP a y\n", "line 3: second HELP line"),
                ("# HELP a x\n# HELP b x\n# TYPE a gauge\n# TYPE a gauge\n", "line 4: second TYPE"),
                ("a 1\nb 1\r\n", "line 2: the line ends in CR LF"),
                ("a 1\nb 1", "line 2: the last line does not end in a newline"),
                (bucket + 'a_bucket{le="+Inf"} 2\n', "line 3: {__name__=\"a\"}: the bucket"),
                (bucket + "a_sum 1\n", 'the bucket le="+Inf" is missing'),
                (bucket + 'a_bucket{le="+Inf"} 3\na_count 4\n', "line 4: "),
                (bucket + 'a_bucket{le="NaN"} 3\n', "line 3: ")):
            with self.subTest(page):
                result = harness.run_prom5("check", "metrics", stdin=page)
                self.assertEqual(result.returncode, 1, harness.shown(result))
                self.assertIn(words, result.stderr)

    def test_promtool_refuses_them_too(self):
        for page in ("# HELP a x\n# HELP a y\na 1\n", "a 1\r\n", "a 1"):
            with self.subTest(page):
                result = harness.promtool("check", "metrics", stdin=page)
                self.assertEqual(result.returncode, 1, harness.shown(result))

    def test_good_pages(self):
        for page in ("# HELP a b\n# HELP c d\n# TYPE a gauge\n# TYPE c gauge\na 1\nc 2\n",
                     "# HELP a b\n# TYPE a gauge\na 1\n# TYPE c counter\nc 2\n",
                     '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
                     "# TYPE a histogram\na_sum 1\na_count 1\n",
                     "a 1 1000\na 1 2000\n", "ab 1\n# TYPE a gauge\na 1\n"):
            with self.subTest(page):
                result = harness.run_prom5("check", "metrics", "--format=text", stdin=page)
                self.assertEqual(result.returncode, 0, harness.shown(result))


class Import(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, text):
        path = self.scratch / "page.om"
        path.write_text(text)
        return path

    def imported(self, page):
        return harness.run_prom5("tsdb", "import", page,
                                 f"--storage.tsdb.path={self.scratch / 'data'}")

    def dump(self):
        result = harness.run_prom5("tsdb", "dump", f"--storage.tsdb.path={self.scratch / 'data'}")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        return sorted(result.stdout.splitlines())

    def test_the_same_samples_as_promtool(self):
        rng = random.Random(3)
        lines = ["# HELP load The \\\"load\\\".", "# TYPE load gauge"]
        start = 1_700_000_000
        for series in range(20):
            for step in range(rng.randrange(1, 900)):
                value = rng.choice([rng.random(), rng.randrange(1000), -2.5, "+Inf", "-Inf"])
                lines.append(f'load{{n="{series}",text="a\\n\\"b\\""}} {value} '
                             f"{start + step * 15}.125")
        lines += ["# TYPE hits counter", "# UNIT hits ", f"hits_total 3 {start} # {{t=\"1\"}} 1",
                  f"hits_created {start} {start}", "# EOF", ""]
        page = self.write("\n".join(lines))
        result = self.imported(page)
        self.assertEqual(result.returncode, 0, harness.shown(result))
        theirs = self.scratch / "theirs"
        made = harness.promtool("tsdb", "create-blocks-from", "openmetrics", page, theirs)
        self.assertEqual(made.returncode, 0, harness.shown(made))
        (theirs / "wal").mkdir(exist_ok=True)  # promtool's own dump asks for one
        dumped = harness.promtool("tsdb", "dump", theirs)
        self.assertEqual(dumped.returncode, 0, harness.shown(dumped))
        self.assertEqual(self.dump(), sorted(dumped.stdout.splitlines()))

    def test_a_second_time_adds_nothing(self):
        page = self.write("a 1 1700000000\na 2 1700000001\n# EOF\n")
        for _ in range(2):
            self.assertEqual(self.imported(page).returncode, 0)
        self.assertEqual(self.dump(), ['{__name__="a"} 1 1700000000000',
                                       '{__name__="a"} 2 1700000001000'])

    def test_what_a_server_would_not_keep_is_told(self):
        result = self.imported(self.write("a 1 1700000000\n# EOF\n"))
        self.assertIn("note: the oldest samples are of 2023-11-14 ", result.stderr)
        self.assertIn("a server keeps 15d unless --storage.tsdb.retention.time", result.stderr)

    def test_a_file_that_is_not_there(self):
        result = self.imported(self.scratch / "nothing.om")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nothing.om: there is no such file", result.stderr)
        self.assertFalse((self.scratch / "data").exists())

    def test_late_lines_and_repeated_times(self):
        page = self.write("a 2 1700000020\na 1 1700000000\na 7 1700000000\na 5 1700000020\n# EOF\n")
        result = self.imported(page)
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertIn("2 samples left out", result.stderr)
        self.assertEqual(self.dump(), ['{__name__="a"} 1 1700000000000',
                                       '{__name__="a"} 2 1700000020000'])

    def test_any_order(self):
        lines = [f'a{{n="{n}"}} {t} {1_700_000_000 + t * 15}' for n in range(3)
                 for t in range(20_000)]
        self.imported(self.write("\n".join(lines + ["# EOF", ""])))
        ascending = self.dump()
        self.assertEqual(len(ascending), 60_000)
        random.Random(1).shuffle(lines)
        page = self.write("\n".join(lines + ["# EOF", ""]))
        result = harness.run_prom5("tsdb", "import", page,
                                   f"--storage.tsdb.path={self.scratch / 'shuffled'}")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertRegex(result.stdout, r"[45] blocks, 3 series, 60000 samples")
        dumped = harness.run_prom5("tsdb", "dump",
                                   f"--storage.tsdb.path={self.scratch / 'shuffled'}")
        self.assertEqual(sorted(dumped.stdout.splitlines()), ascending)

    def test_what_is_wrong_is_named_and_nothing_is_taken(self):
        for text, said in (("a 1 1700000000\na 1\n# EOF\n", "line 2: {__name__=\"a\"} has no time"),
                           ("a 1 1e300\n# EOF\n", "line 1: 1e+300 s is no time"),
                           ("a 1 1700000000\n", "line 2: the page does not end"),
                           ("a x 1700000000\n# EOF\n", "line 1: invalid value")):
            with self.subTest(text):
                result = self.imported(self.write(text))
                self.assertEqual(result.returncode, 1, harness.shown(result))
                self.assertIn("page.om: " + said, result.stderr)
                self.assertEqual(self.dump(), [])


if __name__ == "__main__":
    unittest.main()
