"""What `prom5 ask` prints to be put to use, and how its command line is read."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import harness


class AskCommand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(
            args=["--web.enable-remote-write-receiver"]))
        harness.wait_until(lambda: cls.server.query("node_filesystem_avail_bytes"),
                           "a scrape of the host")

    def ask(self, *args):
        return harness.run_prom5("ask", *args, "--url", self.server.url)

    def test_alert_is_printed_as_a_file_of_rules(self):
        result = self.ask("alert me when disk space is under 10 %")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        reply, begin, rest = result.stdout.partition("\n\ngroups:\n")
        self.assertTrue(begin, harness.shown(result))
        self.assertIn("Proposed alert", reply)
        rule = "groups:\n" + rest.split("\n\n")[0] + "\n"
        self.assertRegex(rule, r"(?m)^        expr: \|-\n +\S.*node_filesystem_.*< 10$")
        self.assertEqual(result.stdout.count("node_filesystem_size_bytes) > 0"), 2,
                         "in the words and in the rule alone")
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "proposed.yml"
            file.write_text(rule)
            checked = harness.run_prom5("check", "rules", str(file))
            self.assertEqual(checked.returncode, 0, harness.shown(checked))

    def test_silence_is_printed_as_a_command(self):
        def fires():
            self.server.must_write([({"__name__": "ALERTS", "alertname": "HostHot",
                                      "alertstate": "firing"}, [(harness.now_ms(), 1.0)])])
            return self.ask("which alerts fire")

        harness.wait_until(lambda: "HostHot" in fires().stdout, "the alert is known", interval=0.5)
        question = "silence HostHot for two hours, it's hot"
        result = self.ask(question)
        self.assertEqual(result.returncode, 0, harness.shown(result))
        command = [line for line in result.stdout.splitlines() if line.startswith("amtool ")]
        self.assertEqual(len(command), 1, harness.shown(result))
        words = subprocess.run(["bash", "-c", f"printf '%s\\n' {command[0]}"],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertEqual(words, ["amtool", "silence", "add", 'alertname="HostHot"',
                                 "--duration=2h", f"--comment={question}"])

    def test_flags_before_the_second_word(self):
        url = self.server.url
        for args in ((f"--url={url}", "feedback"), ("--url", url, "feedback"),
                     ("feedback", "--url", url)):
            result = harness.run_prom5("ask", *args, "--json")
            self.assertEqual(result.returncode, 0, harness.shown(result))
            self.assertIn("corrections", json.loads(result.stdout))
        result = harness.run_prom5("query", f"--url={url}", "instant", "vector(42)")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertIn("42", result.stdout)
        # What follows "--" is a question, whatever it looks like.
        result = harness.run_prom5("ask", f"--url={url}", "--", "feedback")
        self.assertNotIn("0 good, 0 bad", result.stdout)
        result = harness.run_prom5("query", f"--url={url}")
        self.assertEqual(result.returncode, 2, harness.shown(result))

    def test_help_says_what_the_words_do(self):
        text = harness.run_prom5("ask", "--help").stdout
        for word in ('"-"', ":good", ":bad", ":quit", "Exit status"):
            self.assertIn(word, text)
        text = harness.run_prom5("ask", "learn", "--help").stdout
        for word in ("--web.enable-admin-api", "starts again", "comments"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
