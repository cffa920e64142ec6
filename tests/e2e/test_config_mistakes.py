"""Mistakes that operators make in prometheus.yml: each is refused, in its place, with its fix.

config_mistakes.json was written by somebody who had not seen the program's messages, from the
published configuration documentation. Every mistake must be refused, and at least 95 in a
hundred messages must name the line of the mistake and a right fix.
"""
import json
import pathlib
import re
import tempfile
import unittest

import harness

CASES = json.loads((pathlib.Path(__file__).parent / "config_mistakes.json").read_text())
LEAST_CASES = 110
LEAST_SHARE = 0.95
FILE_NAME = "prometheus.yml"


def lines_of(case):
    """The lines where the mistake may be said to stand."""
    return case["line"] if isinstance(case["line"], list) else [case["line"]]


def told(output, folder, case):
    """What a message says of its own: without file names and what it repeats of the input.

    `scrape_intervall` holds `scrape_interval`: who only repeats it has not named the fix.
    """
    source = {line.strip() for line in case["yaml"].splitlines() if line.strip()}
    kept = [line for line in output.replace(f"{folder}/", "").replace(FILE_NAME, "").splitlines()
            if re.sub(r"^[\s\d|>]*", "", line).strip() not in source]
    text = "\n".join(kept)
    words = {word.rstrip(":") for number in lines_of(case)
             for word in re.findall(r"[^\s'\"\[\]{},]+", case["yaml"].splitlines()[number - 1])}
    for word in sorted(words, key=len, reverse=True):
        if any(fix in word.lower() and fix != word for fix in case["fix"]):
            text = text.replace(word, "")
    return text.lower()


class ConfigMistakes(unittest.TestCase):
    """prom5 check config --syntax-only, beside one wrong file after the other."""

    def check(self, case):
        """(refused, line and fix right, shown output) of one case."""
        with tempfile.TemporaryDirectory(prefix="prom5-e2e-") as folder:
            path = pathlib.Path(folder) / FILE_NAME
            path.write_text(case["yaml"])
            done = harness.run_prom5("check", "config", "--syntax-only", path)
        output = done.stdout + done.stderr
        place = any(f"{FILE_NAME}:{number}:" in output for number in lines_of(case))
        text = told(output, folder, case)
        fixed = any(fix in text for fix in case["fix"])
        return done.returncode == 1, place and fixed, harness.shown(done)

    def test_cases_are_well_formed(self):
        self.assertGreaterEqual(len(CASES), LEAST_CASES)
        self.assertEqual(len({case["name"] for case in CASES}), len(CASES))
        for case in CASES:
            self.assertTrue(case["fix"], case["name"])
            for number in lines_of(case):
                self.assertIn(number, range(1, len(case["yaml"].splitlines()) + 1), case["name"])

    def test_mistakes_are_refused_with_their_line_and_fix(self):
        accepted, wrong = [], []
        for case in CASES:
            refused, right, shown = self.check(case)
            report = f"{case['name']}: line {case['line']}, fix {case['fix']}\n{shown}"
            if not refused:
                accepted.append(report)
            if not (refused and right):
                wrong.append(report)
        share = 1 - len(wrong) / len(CASES)
        print(f"config mistakes: {len(CASES) - len(wrong)} of {len(CASES)} are right")
        print("\n".join(wrong))
        self.assertEqual(accepted, [], "not refused with status 1:\n" + "\n".join(accepted))
        self.assertGreaterEqual(share, LEAST_SHARE, "\n".join(wrong))


if __name__ == "__main__":
    unittest.main()
