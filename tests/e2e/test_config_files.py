"""Files that a configuration names: what is no file is refused in its place, and nothing waits."""
import os
import pathlib
import socket
import tempfile
import unittest

import harness

SECONDS = 30  # a check takes milliseconds; one that waits for a FIFO never ends


class ConfigFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="prom5-e2e-")
        self.addCleanup(folder.cleanup)
        self.scratch = pathlib.Path(folder.name)

    def check(self, text):
        path = self.scratch / "p.yml"
        path.write_text(text)
        return harness.run_prom5("check", "config", path, timeout=SECONDS)

    def refused(self, result, *told):
        self.assertEqual(result.returncode, 1, harness.shown(result))
        for text in told:
            self.assertIn(text, result.stderr, harness.shown(result))

    def test_what_is_no_file_is_refused_where_it_is_named(self):
        os.mkfifo(self.scratch / "fifo.yml")
        (self.scratch / "folder.yml").mkdir()
        (self.scratch / "zero.yml").symlink_to("/dev/zero")
        (self.scratch / "stdin.yml").symlink_to("/dev/stdin")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(self.scratch / "socket.yml"))
            for kind, name in (("a FIFO", "fifo.yml"), ("a directory", "folder.yml"),
                               ("a device", "zero.yml"), ("a socket", "socket.yml")):
                for section, place in (
                        ("rule_files:\n  - %s\n", "p.yml:2:5: "),
                        ("scrape_config_files:\n  - %s\n", "p.yml:2:5: "),
                        ("assistant: {pack_file: %s}\n", ""),
                        ("assistant: {api_key_file: %s}\n", "p.yml:1:27: "),
                        ("scrape_configs:\n- job_name: a\n"
                         "  tls_config: {ca_file: %s}\n", "p.yml:3:25: "),
                        ("scrape_configs:\n- job_name: a\n"
                         "  file_sd_configs: [{files: [%s]}]\n", "")):
                    with self.subTest(kind=kind, section=section):
                        self.refused(self.check(section % name), place,
                                     f"{self.scratch / name}: it is {kind}, not a regular file")
                with self.subTest(kind=kind):
                    result = harness.run_prom5("check", "config", self.scratch / name,
                                               timeout=SECONDS)
                    self.refused(result, f"{self.scratch / name}: it is {kind}, ")
        # A link to what this process happens to have open is not what the operator gave it.
        result = harness.run_prom5("check", "config", self.scratch / "stdin.yml", stdin="",
                                   timeout=SECONDS)
        self.refused(result, "stdin.yml: it is a FIFO, not a regular file")

    def test_what_was_given_open_is_read(self):
        for path in ("/dev/stdin", "/dev/fd/0"):
            result = harness.run_prom5("check", "config", path, stdin="global: {}\n")
            self.assertEqual(result.returncode, 0, harness.shown(result))
        for command in (harness.run_prom5, harness.promtool):
            result = command("check", "config", "/dev/null")
            self.assertEqual(result.returncode, 0, harness.shown(result))

    def test_all_mistakes_of_a_directory_of_texts_are_told(self):
        texts = self.scratch / "texts"
        texts.mkdir()
        (texts / "nl.yaml").mkdir()
        (texts / "fr.yaml").symlink_to("gone")
        os.mkfifo(texts / "it.yaml")
        (texts / "pl.yaml").write_text("nothing: x\n")
        self.refused(self.check("assistant: {texts_path: texts}\n"),
                     f"{texts}/nl.yaml: it is a directory, not a regular file",
                     f"{texts}/fr.yaml: it is a link to gone, which is not there",
                     f"{texts}/it.yaml: it is a FIFO, not a regular file",
                     f'{texts}/pl.yaml:1:1: there is no text "nothing"')

    def test_a_server_does_not_wait_for_a_fifo(self):
        os.mkfifo(self.scratch / "fifo.yml")
        path = self.scratch / "p.yml"
        path.write_text("rule_files: [fifo.yml]\n")
        for config in (path, self.scratch / "fifo.yml"):
            result = harness.run_prom5(
                "serve", f"--config.file={config}", f"--storage.tsdb.path={self.scratch / 'data'}",
                "--web.listen-address=127.0.0.1:0", timeout=SECONDS)
            self.assertNotEqual(result.returncode, 0, harness.shown(result))
            self.assertIn("it is a FIFO, not a regular file", result.stderr)

    def test_static_targets_have_places(self):
        self.refused(self.check("scrape_configs:\n  - job_name: a\n    static_configs:\n"
                                "      - targets: ['ok:1', 'bad:port']\n"
                                "      - targets:\n        - x:99999\n"),
                     "p.yml:4:27: job a: target bad:port: ", "p.yml:6:11: job a: target x:99999: ")

    def test_missing_rule_files_have_places(self):
        missing = self.scratch / "none.yml"
        told = (f"p.yml:3:5: rule_files: open {missing}: No such file or directory; "
                "correct the path or remove the entry")
        self.refused(self.check("global: {}\nrule_files:\n  - none.yml\n"), told)
        self.assertEqual(self.check("rule_files: ['none*.yml']\n").returncode, 0)
        missing.symlink_to("gone.yml")
        self.refused(self.check("rule_files: ['none*.yml']\n"), "p.yml:1:14: rule_files: ",
                     "it is a link to gone.yml, which is not there")


if __name__ == "__main__":
    unittest.main()
