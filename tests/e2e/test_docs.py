"""The documentation is true: its examples run, its references are what the program says."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import harness

DOCS = ("README.md", "docs/guide.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page, language):
    text = (harness.REPOSITORY / page).read_text()
    return [body for name, body in BLOCK.findall(text) if name == language]


def examples(page):
    """The commands of a page, but for the two that build and test: they run all this."""
    return [line for body in blocks(page, "sh") for line in body.splitlines()
            if line and not line.startswith("script/")]


class Examples(unittest.TestCase):
    """Run in a folder with the guide's configuration, against a server that has data."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.server = harness.Prom5(args=["--web.enable-admin-api"])
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.server.wait_for_value("count(up)", 2)
        harness.wait_until(lambda: cls.server.query("rate(node_cpu_seconds_total[1m])"),
                           "two scrapes of the host")
        folder = pathlib.Path(cls.folder.name)
        (folder / "prometheus.yml").write_text(blocks("docs/guide.md", "yaml")[0])
        # Where an example speaks to the default address, the test's server answers.
        wrapper = folder / "build/release/prom5"
        wrapper.parent.mkdir(parents=True)
        wrapper.write_text('#!/bin/sh\ncase "$1" in\n'
                           f'ask|query|explain|doctor) exec {harness.prom5_binary()} "$@" '
                           f'--url={cls.server.url};;\n'
                           f'*) exec {harness.prom5_binary()} "$@";;\nesac\n')
        wrapper.chmod(0o755)

    def run_example(self, command):
        command = command.replace("http://127.0.0.1:9090", self.server.url)
        path = f"{self.folder.name}/build/release:{os.environ['PATH']}"
        return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder.name,
                              env={**harness.clean_environment(), "PATH": path},
                              capture_output=True, text=True, check=False)

    def test_every_command_succeeds(self):
        for page in DOCS:
            commands = examples(page)
            self.assertGreater(len(commands), 2, page)
            for command in commands:
                with self.subTest(command):
                    result = self.run_example(command)
                    self.assertEqual(result.returncode, 0, harness.shown(result))
                    self.assertNotIn('"status":"error"', result.stdout)
                    self.assertNotIn('"error":{', result.stdout)

    def test_every_configuration_is_good(self):
        for page in DOCS:
            for body in blocks(page, "yaml"):
                with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                    file.write(body)
                    file.flush()
                    result = harness.run_prom5("check", "config", file.name)
                    self.assertEqual(result.returncode, 0, harness.shown(result))

    def test_flags_that_the_guide_names_exist(self):
        known = harness.run_prom5("serve", "--help").stdout + \
            harness.run_prom5("query", "range", "--help").stdout + \
            harness.run_prom5("check", "metrics", "--help").stdout + \
            harness.run_prom5("explain", "--help").stdout + \
            harness.run_prom5("ask", "--help").stdout + \
            harness.run_prom5("ask", "learn", "--help").stdout
        for page in DOCS:
            for flag in set(re.findall(r"--[a-z][a-z.-]+[a-z]",
                                       (harness.REPOSITORY / page).read_text())):
                with self.subTest(f"{page}: {flag}"):
                    self.assertRegex(known, rf"(?m)^  {re.escape(flag)}\b")


class Reference(unittest.TestCase):
    def test_reference_pages_are_what_the_program_says(self):
        result = subprocess.run(
            [sys.executable, harness.REPOSITORY / "tools/gen_docs", "--check"],
            env={**harness.clean_environment(), "PROM5_BIN": harness.prom5_binary()},
            capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, harness.shown(result))


if __name__ == "__main__":
    unittest.main()
