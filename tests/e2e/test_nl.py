"""Questions about a simulated production, scored by what the queries of their answers return.

The production, the public questions and the scorer lie beside the project (../shared/nl); the
project's own questions are in tests/nl. The gold is evaluated by Debian's Prometheus where it is
unpacked, else by a second server of our own.
"""
import json
import pathlib
import subprocess
import sys
import unittest

import harness

SHARED = harness.REPOSITORY.parent / "shared/nl"
OWN = harness.REPOSITORY / "tests/nl"
END = 1768478400  # the fixture's, which its generator takes when none is given

# Of each set: shares of its questions.
AT_LEAST = {"execution_accuracy": 0.93, "refusal_accuracy": 0.95, "clarify_accuracy": 0.9,
            "intent_accuracy": 0.93}
AT_MOST = {"wrong_answer_rate": 0.05, "over_refusal": 0.03, "invalid_promql": 0, "failures": 0}
MOST_BEHIND = 0.05  # the other wordings the public ones
SHOWN = ("questions", "overall", "execution_accuracy", "wrong_answer_rate", "refusal_accuracy",
         "clarify_accuracy", "intent_accuracy", "over_refusal", "invalid_promql", "failures",
         "latency_ms")


def questions_of(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def paraphrased():
    """The public questions with other turns, each with an id of its own."""
    originals = {item["id"]: item for item in questions_of(SHARED / "dev.jsonl")}
    return [{**originals[p["of"]], "id": f"{p['of']}-{n}", "turns": p["turns"]}
            for n, p in enumerate(questions_of(OWN / "paraphrases.jsonl"))]


def push(server):
    done = subprocess.run([sys.executable, SHARED / "make_fixture.py", "--push",
                           f"{server.url}/api/v1/write"], capture_output=True, text=True,
                          timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def holds_the_fixture(server):
    return server.value("count(up)", time=END) > 10


@unittest.skipUnless(SHARED.is_dir(), "the simulated production is not on this machine: not asked")
class OfAProduction(unittest.TestCase):
    """A server that holds the simulated production, for tests that derive from this."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(candidate())
        push(cls.server)
        harness.wait_until(lambda: holds_the_fixture(cls.server), "the fixture is there")


def candidate():
    return harness.Prom5(config="global: {}\n", args=["--web.enable-remote-write-receiver",
                                                      "--storage.tsdb.retention.time=100y"])


def reference():
    try:
        harness.peer("prometheus")
    except AssertionError:
        print("reference: our own server, as there is no prometheus among the peers")
        return candidate()
    return harness.Prometheus(args=["--storage.tsdb.retention.time=100y"])


if not SHARED.is_dir():
    print("questions: the shared production is not on this machine; not run")


@unittest.skipUnless(SHARED.is_dir(), "the shared questions are not on this machine; not run")
class Questions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(candidate())
        cls.reference = cls.enterClassContext(reference())
        for server in (cls.server, cls.reference):
            push(server)
            harness.wait_until(lambda s=server: holds_the_fixture(s), "the fixture is there")
        cls.summaries = {}

    def score(self, name, items):
        """What the scorer says of these questions; each list is scored once."""
        if name not in self.summaries:
            folder = pathlib.Path(self.server.scratch)
            questions, report = folder / f"{name}.jsonl", folder / f"{name}.json"
            questions.write_text("".join(json.dumps(item) + "\n" for item in items))
            done = subprocess.run(
                [sys.executable, SHARED / "score.py", "--questions", questions,
                 "--reference", self.reference.url, "--candidate", self.server.url,
                 "--report", report, "--show", "40"], capture_output=True, text=True,
                timeout=900, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            summary = json.loads(report.read_text())["summary"]
            self.assertEqual(summary["questions"], len(items))
            print(f"\n{name}: " + ", ".join(f"{k} {summary[k]}" for k in SHOWN))
            misses = done.stdout[done.stdout.find("MISS"):] if "MISS" in done.stdout else ""
            self.summaries[name] = summary, misses
        return self.summaries[name]

    def good(self, name, items):
        summary, misses = self.score(name, items)
        for figure, least in AT_LEAST.items():
            with self.subTest(figure):
                self.assertGreaterEqual(summary[figure], least, misses)
        for figure, most in AT_MOST.items():
            with self.subTest(figure):
                self.assertLessEqual(summary[figure], most, misses)

    def test_public_questions(self):
        self.good("dev", questions_of(SHARED / "dev.jsonl"))

    def test_own_questions(self):
        self.good("own", questions_of(OWN / "questions.jsonl"))

    def test_exam(self):
        self.good("exam", questions_of(OWN / "exam.jsonl"))

    def test_third_exam(self):
        self.good("third exam", questions_of(OWN / "third_exam.jsonl"))

    def test_other_wordings_do_nearly_as_well(self):
        self.good("paraphrases", paraphrased())
        other, misses = self.score("paraphrases", paraphrased())
        first, _ = self.score("dev", questions_of(SHARED / "dev.jsonl"))
        self.assertGreaterEqual(other["execution_accuracy"],
                                first["execution_accuracy"] - MOST_BEHIND, misses)


if __name__ == "__main__":
    unittest.main()
