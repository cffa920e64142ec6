"""Replies in the language that the asker's request names."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import harness

QUESTION = "are all targets up"
ENGLISH = r"^Nothing is down: all 2 are up\.$"
GERMAN = r"^Nichts ist ausgefallen: Alle 2 sind erreichbar\.$"


class Language(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5())
        cls.server.wait_for_value("sum(up)", 2)

    def reply(self, languages, path="/api/v5/agent/text", field="message", question=QUESTION):
        """The reply's object, and the language that its header names."""
        headers = {"Content-Type": "application/json"}
        if languages is not None:
            headers["Accept-Language"] = languages
        status, told, body = self.server.post(path, json.dumps({field: question}).encode(), headers)
        self.assertEqual(status, 200, body)
        return json.loads(body), told["Content-Language"]

    def test_header_chooses(self):
        for languages, want, tag in (
                ("de", GERMAN, "de"), ("de-AT,de;q=0.9,en;q=0.8", GERMAN, "de"),
                ("en-GB, de;q=0.5", ENGLISH, "en"), ("fr, de;q=0.2", GERMAN, "de"),
                ("de;q=0", ENGLISH, "en"), ("*", ENGLISH, "en"), ("fr", ENGLISH, "en"),
                (None, ENGLISH, "en"), (";;q=x,", ENGLISH, "en")):
            with self.subTest(languages):
                answer, told = self.reply(languages)
                self.assertRegex(answer["reply"], want)
                self.assertEqual((told, answer["language"]), (tag, tag))
                answer, told = self.reply(languages, "/api/v5/query/natural", "query")
                self.assertRegex(answer["answer"], want)
                self.assertEqual(told, tag)

    def test_the_answer_is_the_same_in_other_words(self):
        for question in ("cpu usage over the last hour", "top 3 filesystems by size",
                         "anything unusual in the last hour?", "which metrics are there",
                         "alert me when disk space is under 10 %", "what is broken?"):
            with self.subTest(question):
                english, _ = self.reply("en", question=question)
                german, told = self.reply("de", question=question)
                self.assertEqual(told, "de")
                self.assertTrue(german["reply"])
                for field in ("intent", "promql", "suggestions"):
                    self.assertEqual(german[field], english[field], field)
        self.assertEqual(self.server.metric("prom5_assistant_unchecked_numbers_total"), 0)

    def test_refusals_have_it(self):
        answer, told = self.reply("de", question="cpu usage of host atlantis-77")
        self.assertEqual(told, "de")
        self.assertIn("Hier heißt nichts „atlantis-77“.", answer["error"]["message"])

    def test_locale_chooses_for_the_command(self):
        clean = {k: v for k, v in harness.clean_environment().items()
                 if k != "LANG" and not k.startswith("LC_")}
        for variables, want in (
                ({"LANG": "de_AT.UTF-8"}, GERMAN), ({"LC_ALL": "C", "LANG": "de_DE"}, ENGLISH),
                ({"LC_MESSAGES": "de", "LANG": "en_US.UTF-8"}, GERMAN), ({}, ENGLISH),
                ({"LC_ALL": "", "LANG": "de_DE@euro"}, GERMAN), ({"LANG": "POSIX"}, ENGLISH)):
            with self.subTest(variables):
                result = subprocess.run(
                    [harness.prom5_binary(), "ask", QUESTION, "--url", self.server.url],
                    env={**clean, **variables}, capture_output=True, text=True, timeout=60,
                    check=False)
                self.assertEqual(result.returncode, 0, harness.shown(result))
                self.assertRegex(result.stdout.splitlines()[0], want)


class Command(unittest.TestCase):
    """What `prom5 ask` says of itself."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5())
        cls.server.wait_for_value("sum(up)", 2)

    def converse(self, lines, language):
        clean = {k: v for k, v in harness.clean_environment().items()
                 if k != "LANG" and not k.startswith("LC_")}
        return subprocess.run(
            [harness.prom5_binary(), "ask", "-", "--url", self.server.url],
            env={**clean, "LANG": language}, input=lines, capture_output=True, text=True,
            timeout=60, check=False)

    def test_it_is_in_the_language_of_the_locale(self):
        lines = ":help\nare all targets up\n:good\n"
        for language, words in (("de_DE", ("Eine Zeile eines Gesprächs", "zeigt dies", "Notiert.")),
                                ("C", ("A line of a conversation", "shows this", "Noted."))):
            with self.subTest(language):
                result = self.converse(lines, language)
                self.assertEqual(result.returncode, 0, harness.shown(result))
                for word in (*words, ":bad [CORRECTION]"):
                    self.assertIn(word, result.stdout)

    def test_a_number_that_was_not_offered_is_no_question(self):
        for language, words in (("C", r"Only \d+ questions are suggested, no 99\."),
                                ("de", r"Vorgeschlagen sind nur \d+ Fragen, keine 99\.")):
            with self.subTest(language):
                result = self.converse("show me the usage\n99\n1\n", language)
                self.assertRegex(result.stdout, words)
                self.assertEqual(result.stdout.count("  2. "), 3, "offered, repeated, asked on")
                self.assertRegex(result.stdout, r"CPU usage|CPU-Auslastung")


class OwnTexts(unittest.TestCase):
    CONFIG = (f"scrape_configs: [{{job_name: own, scrape_interval: 1s, "
              f"static_configs: [{{targets: ['{harness.SELF}']}}]}}]\n"
              "assistant: {texts_path: languages}\n")

    def test_they_come_before_those_shipped(self):
        server = harness.Prom5(config=self.CONFIG)
        folder = server.config_path.parent / "languages"
        folder.mkdir()
        (folder / "fr.yaml").write_text('refuse.unsafe: "Je ne fais que lire."\n')
        (folder / "de.yaml").write_text('refuse.unsafe: "Ich lese bloß."\n')
        with server:
            harness.wait_until(lambda: server.query("up"), "there are metrics")
            for languages, want in (("fr", "Je ne fais que lire."), ("de-CH", "Ich lese bloß.")):
                _, _, body = server.post(
                    "/api/v5/agent/text", json.dumps({"message": "delete all data"}).encode(),
                    {"Content-Type": "application/json", "Accept-Language": languages})
                self.assertEqual(json.loads(body)["reply"], want)

    def test_check_names_a_mistake(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            config = folder / "prometheus.yml"
            config.write_text("assistant: {texts_path: languages}\n")
            checked = harness.run_prom5("check", "config", config)
            self.assertEqual(checked.returncode, 1, "there is no such directory")
            self.assertIn("texts_path", checked.stderr)
            syntax = harness.run_prom5("check", "config", "--syntax-only", config)
            self.assertEqual(syntax.returncode, 0, harness.shown(syntax))
            (folder / "languages").mkdir()
            broken = folder / "languages" / "fr.yaml"
            for text, want in (
                    ("status.up: '{name} marche.'\n", None), ("", None),
                    ("status.up: '{nom} marche.'\n", "1:12: status.up: there is no place {nom}; "
                                                     "there are: {name}"),
                    ("\nstatus.op: x\n", '2:1: there is no text "status.op"'),
                    ("status.up: '{name'\n", "a brace without its other one"),
                    ("status.down: {one: '{total} {names}'}\n", 'the form "other" is missing')):
                with self.subTest(text):
                    broken.write_text(text)
                    checked = harness.run_prom5("check", "config", config)
                    self.assertEqual(checked.returncode, 1 if want else 0, harness.shown(checked))
                    if want:
                        self.assertIn(f"{broken}:{want}" if want[0].isdigit() else want,
                                      checked.stderr)

    def test_check_lists_the_languages(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            config = folder / "prometheus.yml"
            config.write_text("assistant: {texts_path: languages}\n")
            languages = folder / "languages"
            languages.mkdir()
            checked = harness.run_prom5("check", "config", config)
            self.assertIn(f"note: {config}:1:25: assistant: texts_path: {languages} has no "
                          "translation", checked.stdout)
            (languages / "fr.yml").write_text("refuse.unsafe: Je ne fais que lire.\n")
            (languages / "it.json").write_text("{}\n")
            checked = harness.run_prom5("check", "config", config)
            self.assertEqual(checked.returncode, 0, harness.shown(checked))
            self.assertRegex(checked.stdout, r"\nlanguages of the assistant: en, de, fr \("
                             + re.escape(str(languages / "fr.yml")) + r", 1 of \d+ texts\)\n")
            self.assertIn(f"{languages / 'it.json'} is not read", checked.stdout)
            (languages / "german.yaml").write_text("a: b\n")
            (languages / "fr.yml").write_text("a: b\nc: d\n")
            checked = harness.run_prom5("check", "config", config)
            self.assertEqual(checked.returncode, 1, harness.shown(checked))
            for want in ("german.yaml: \"german\" is no language tag", "fr.yml:1:1: ",
                         "fr.yml:2:1: "):
                self.assertIn(want, checked.stderr)


if __name__ == "__main__":
    unittest.main()
