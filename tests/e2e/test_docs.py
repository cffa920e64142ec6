"""The documentation is true: its examples run, its references are what the program says."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

import harness
import test_nl

DOCS = ("README.md", "docs/guide.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")


def text_of(page):
    return (harness.REPOSITORY / page).read_text()


def blocks(page, language):
    return [body for name, body in BLOCK.findall(text_of(page)) if name == language]


def table(page, head):
    """The rows of the table whose first column has that head, as lists of cells."""
    found = re.search(rf"^\| {re.escape(head)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text_of(page),
                      re.MULTILINE)
    assert found, f"{page} has no table of {head!r}"
    return [row.removeprefix("| ").removesuffix(" |").split(" | ")
            for row in found[1].splitlines()]


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


    def test_live_updates(self):
        example = [body for body in blocks("docs/guide.md", "text") if body.startswith("curl -N")]
        self.assertEqual(len(example), 1)
        command = example[0].strip().replace("http://127.0.0.1:9090", self.server.url)
        process = subprocess.Popen(["bash", "-c", f"exec {command} --silent --show-error"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        guard = threading.Timer(60, process.kill)
        guard.start()
        seen, said = {}, ""
        for line in process.stdout:
            said += line
            if line.startswith("data: "):
                data = json.loads(line[len("data: "):])
                seen[data.get("promql")] = data
            if len(seen) == 2:
                break
        guard.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        self.assertEqual(set(seen), {"sum(up)", "node_load1"}, said)
        for data in seen.values():
            self.assertTrue(data["result"], said)

    def mcp(self, *requests):
        """What the program that the guide's JSON names answers to these, by their numbers."""
        server = json.loads(blocks("docs/guide.md", "json")[0])["mcpServers"]["prom5"]
        self.assertEqual(server["command"], "prom5")
        arguments = [a.replace("http://127.0.0.1:9090", self.server.url) for a in server["args"]]
        lines = [{"jsonrpc": "2.0", "id": n, **r} for n, r in enumerate(requests)]
        result = harness.run_prom5(*arguments, stdin="".join(json.dumps(r) + "\n" for r in lines))
        answers = {a["id"]: a for a in map(json.loads, result.stdout.splitlines())}
        self.assertEqual(set(answers), set(range(len(lines))), harness.shown(result))
        return [answers[n].get("result", answers[n]) for n in range(len(lines))]

    def test_tools_for_other_agents(self):
        hello = {"protocolVersion": "2025-06-18", "capabilities": {},
                 "clientInfo": {"name": "guide", "version": "1"}}
        answers = self.mcp({"method": "initialize", "params": hello}, {"method": "tools/list"},
                           {"method": "prompts/list"}, {"method": "resources/list"})
        for head, offered in (("Tool", answers[1]["tools"]), ("Prompt", answers[2]["prompts"])):
            self.assertEqual([(CODE.fullmatch(row[0])[1], row[1])
                              for row in table("docs/guide.md", head)],
                             [(one["name"], one["description"]) for one in offered])
        for one in answers[3]["resources"]:
            self.assertIn(f"`{one['uri']}`", text_of("docs/guide.md"))


def asked_at(server, time, session, question):
    """What /api/v5/agent/text says, to be read by who looks at a failure."""
    status, answer = server.post_json("/api/v5/agent/text", {
        "message": question, "session_id": session, "time": time})
    good = status == 200 and not answer.get("error") and not answer.get("clarification")
    return good, answer.get("reply", answer)


class Questions(test_nl.OfAProduction):
    """Each question of the guide is answered: not refused, not asked back."""

    def test_each_stands_alone(self):
        questions = [q for row in table("docs/guide.md", "You say") for q in CODE.findall(row[0])]
        self.assertGreater(len(questions), 25)
        for n, question in enumerate(questions):
            with self.subTest(question):
                good, reply = asked_at(self.server, test_nl.END, f"alone-{n}", question)
                self.assertTrue(good, reply)

    def test_follow_ups_in_their_order(self):
        questions = [CODE.fullmatch(row[0])[1] for row in table("docs/guide.md", "In this order")]
        self.assertGreater(len(questions), 5)
        for question in questions:
            with self.subTest(question):
                good, reply = asked_at(self.server, test_nl.END, "in order", question)
                self.assertTrue(good, reply)


class Pack(unittest.TestCase):
    def test_example_is_loaded_and_answers(self):
        with harness.Prom5(args=["--web.enable-remote-write-receiver"],
                           config="assistant: {pack_file: words.yaml}\n") as server:
            server.stop()
            (server.config_path.parent / "words.yaml").write_text(blocks("docs/pack.md", "yaml")[0])
            server.start()
            now = harness.now_ms()

            def course(value):
                return [(now - i * 10_000, float(value(60 - i))) for i in range(60, -1, -1)]
            server.must_write([
                ({"__name__": "oven_temperature_celsius", "oven": "nord"}, course(lambda i: 200)),
                ({"__name__": "oven_temperature_celsius", "oven": "sued"}, course(lambda i: 250)),
                ({"__name__": "oven_loaves_total", "oven": "nord"}, course(lambda i: 20 * i)),
                ({"__name__": "flour_left_kilograms", "silo": "1"}, course(lambda i: 500 - i))])
            harness.wait_until(lambda: server.ask("flour").get("promql"), "the metrics are known")
            rows = table("docs/pack.md", "You say")
            self.assertGreater(len(rows), 5)
            for question, promql in rows:
                with self.subTest(question):
                    answer = server.ask(question.strip("`"))
                    self.assertEqual(answer.get("promql"), promql.strip("`"), answer)
            # It knows the phrase, whether there is such a metric or not.
            self.assertIn("CPU usage", json.dumps(server.ask("oomph")))
            self.assertIn("prom5_assistant_pack_errors_total 0",
                          server.get("/metrics")[2].decode())


class Reference(unittest.TestCase):
    def test_reference_pages_are_what_the_program_says(self):
        result = subprocess.run(
            [sys.executable, harness.REPOSITORY / "tools/gen_docs", "--check"],
            env={**harness.clean_environment(), "PROM5_BIN": harness.prom5_binary()},
            capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, harness.shown(result))


if __name__ == "__main__":
    unittest.main()
