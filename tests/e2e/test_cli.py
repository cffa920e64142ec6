"""The commands beside `serve`: help, version, questions to a server, checks."""
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import harness

COMMANDS = (["serve"], ["query"], ["query", "instant"], ["query", "range"], ["query", "series"],
            ["query", "labels"], ["ask"], ["check"], ["check", "config"])


def results(document):
    """The result list of `--json`, whether bare, in `result`, or in the API's envelope."""
    while isinstance(document, dict):
        document = document["data"] if "data" in document else document["result"]
    return document


class Help(unittest.TestCase):
    def test_help_of_the_program_names_its_commands(self):
        result = harness.run_prom5("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""), harness.shown(result))
        for command in ("serve", "query", "ask", "check"):
            self.assertRegex(result.stdout, rf"(?m)^\s+{command}\b")

    def test_help_of_each_command(self):
        listed = re.findall(r"(?m)^ {2,}([a-z][a-z-]+)(?: [^a-z ]\S*)* {2,}\S",
                            harness.run_prom5("--help").stdout)
        for command in [*COMMANDS, *([name] for name in listed if [name] not in COMMANDS)]:
            with self.subTest(command):
                result = harness.run_prom5(*command, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""),
                                 harness.shown(result))
                self.assertRegex(result.stdout.lower(), r"usage|prom5 " + command[0])

    def test_help_of_serve_names_the_flags(self):
        text = harness.run_prom5("serve", "--help").stdout
        for flag in ("--config.file", "--storage.tsdb.path", "--storage.tsdb.retention.time",
                     "--web.listen-address", "--web.enable-lifecycle", "--web.enable-admin-api",
                     "--web.enable-remote-write-receiver", "--query.timeout",
                     "--query.max-samples", "--query.lookback-delta", "--log.level"):
            self.assertIn(flag, text)

    def test_a_command_line_of_prometheus_starts_the_server(self):
        with tempfile.TemporaryDirectory() as data:
            address = f"127.0.0.1:{harness.free_port()}"
            process = subprocess.Popen(
                [harness.prom5_binary(), f"--web.listen-address={address}",
                 f"--storage.tsdb.path={data}",
                 "--web.console.libraries=/usr/share/libraries", "--storage.tsdb.wal-compression",
                 "--no-storage.tsdb.no-lockfile", "--rules.alert.resend-delay", "1m",
                 "--storage.tsdb.retention=30d",
                 "--enable-feature=concurrent-rule-eval,exemplar-storage,native-histogram"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            log = ""
            for line in process.stdout:
                log += line
                if "prom5 is ready" in line:
                    break
            connection = http.client.HTTPConnection(address, timeout=30)
            connection.request("GET", "/api/v1/status/flags")
            flags = json.load(connection.getresponse())["data"]
            connection.close()
            process.terminate()
            log += process.communicate()[0]
        self.assertIn("prom5 is ready", log)
        for flag in ("web.console.libraries", "storage.tsdb.wal-compression",
                     "rules.alert.resend-delay"):
            self.assertRegex(log, rf'level=WARN msg="A flag has no effect" flag="?{flag}"? why=')
        self.assertEqual(flags["storage.tsdb.retention.time"], "30d")
        self.assertRegex(log, r'flag="?storage.tsdb.retention"? use="?storage.tsdb.retention.time')
        self.assertRegex(log, r'msg="A feature has no effect" feature="?concurrent-rule-eval"? '
                              r'why="rules are not')
        self.assertRegex(log, r'msg="Unknown feature in --enable-feature" '
                              r'feature="?native-histogram"? did_you_mean="?native-histograms')
        self.assertNotIn("exemplar-storage", log)

    def test_values_of_flags_without_effect_are_checked(self):
        for flag in ("--storage.remote.flush-deadline=soon", "--rules.alert.resend-delay=1",
                     "--storage.tsdb.samples-per-chunk=many", "--auto-gomemlimit.ratio=most",
                     "--storage.tsdb.retention=15"):
            with self.subTest(flag):
                result = harness.run_prom5(flag)
                self.assertEqual(result.returncode, 2, harness.shown(result))
                self.assertIn(flag.split("=")[0] + ": ", result.stderr)

    def test_a_wrong_flag_without_a_command(self):
        result = harness.run_prom5("--config.fil=x")
        self.assertEqual(result.returncode, 2, harness.shown(result))
        self.assertIn("did you mean --config.file?", result.stderr)

    def test_version(self):
        result = harness.run_prom5("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""), harness.shown(result))
        self.assertRegex(result.stdout, r"^prom5\b.* \d+\.\d+\.\d+")

    def test_nothing_to_do(self):
        result = harness.run_prom5()
        self.assertEqual(result.returncode, 2, harness.shown(result))
        self.assertIn("serve", result.stderr)

    def test_missing_arguments(self):
        for command in (["query"], ["query", "instant"], ["check"], ["check", "config"], ["ask"]):
            with self.subTest(command):
                result = harness.run_prom5(*command)
                self.assertEqual(result.returncode, 2, harness.shown(result))
                self.assertTrue(result.stderr.strip())
                self.assertEqual(result.stdout, "")


class Query(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(
            harness.Prom5(["--web.enable-remote-write-receiver"], config="global: {}\n"))
        now = harness.now_ms()
        cls.server.must_write([
            ({"__name__": "load", "host": host}, [(now - 60_000 + n * 10_000, value + n)
                                                  for n in range(6)])
            for host, value in (("alpha", 10), ("beta", 20))])

    def run_query(self, *args, code=0):
        result = harness.run_prom5("query", *args, "--url", self.server.url)
        self.assertEqual(result.returncode, code, harness.shown(result))
        return result

    def test_instant_as_a_table(self):
        result = self.run_query("instant", "load")
        self.assertEqual(result.stderr, "")
        for host, value in (("alpha", "15"), ("beta", "25")):
            lines = [line for line in result.stdout.splitlines() if host in line]
            self.assertEqual(len(lines), 1, result.stdout)
            self.assertRegex(lines[0], rf"\b{value}\b")

    def test_instant_as_json(self):
        found = results(json.loads(self.run_query("instant", "load", "--json").stdout))
        self.assertEqual({s["metric"]["host"]: s["value"][1] for s in found},
                         {"alpha": "15", "beta": "25"})

    def test_instant_of_a_scalar(self):
        self.assertRegex(self.run_query("instant", "6 * 7").stdout, r"\b42\b")

    def test_empty_result_says_so_and_is_no_failure(self):
        result = self.run_query("instant", "not_there")
        self.assertTrue((result.stdout + result.stderr).strip())
        self.assertEqual(results(json.loads(
            self.run_query("instant", "not_there", "--json").stdout)), [])

    def test_flags_may_come_before_or_behind(self):
        result = harness.run_prom5("query", "instant", "--url", self.server.url, "load")
        self.assertEqual(result.returncode, 0, harness.shown(result))
        result = harness.run_prom5("query", "instant", f"--url={self.server.url}/", "load")
        self.assertEqual(result.returncode, 0, harness.shown(result))

    def test_range(self):
        result = self.run_query("range", "load")
        self.assertIn("alpha", result.stdout)
        found = results(json.loads(self.run_query("range", "load", "--json").stdout))
        self.assertEqual({s["metric"]["host"] for s in found}, {"alpha", "beta"})
        self.assertIn(found[0]["values"][-1][1], ("15", "25"))

    def test_times_as_people_write_them(self):
        for start, end in (("-10m", "now"), ("now-10m", "now+1m"), ("-1h", "-0s")):
            result = self.run_query("range", "load", f"--start={start}", f"--end={end}", "--table")
            self.assertIn("alpha", result.stdout, start)
        self.assertIn("alpha", self.run_query("series", "load", "--start=-1h").stdout)
        self.assertEqual(self.run_query("instant", "time()", "--time=2026-01-15").stdout.strip(),
                         "1768435200")
        self.assertEqual(self.run_query("instant", "time()", "--time=-5").stdout.strip(), "-5")
        for wrong in ("yesterday", "5m", "-5x", "now-", "2026-13-01", "now5m", "-"):
            result = self.run_query("instant", "1", f"--time={wrong}", code=2)
            self.assertIn("--time", result.stderr, wrong)
            self.assertIn("-5m", result.stderr, wrong)

    def test_charts_show_what_there_is(self):
        flat = self.run_query("range", "vector(7)").stdout
        marked = [line.split("┤")[0].strip() for line in flat.splitlines() if "┤" in line]
        self.assertEqual(marked, ["7"])
        self.assertIn("no finite values", self.run_query("range", "vector(1) / 0").stdout)
        self.assertIn("+Inf", self.run_query("range", "vector(1) / 0").stdout)
        far = self.run_query("range", "vector(1.7e308) * (1 - 2 * (time() % 120 > bool 60))").stdout
        self.assertIn("1.7e+308", far)
        near = self.run_query("range", "vector(time())").stdout
        labels = [line.split("┤")[0].strip() for line in near.splitlines() if "┤" in line]
        self.assertEqual(len(set(labels)), 3, near)

    def test_warnings_are_shown(self):
        result = self.run_query("instant", "quantile(2, load)")
        self.assertIn("quantile value should be between 0 and 1", result.stderr)

    def test_control_characters_stay_out_of_the_terminal(self):
        query = r'label_replace(vector(1), "x", "\x1b[31mred\n", "", "")'
        result = self.run_query("instant", query)
        self.assertNotIn("\x1b", result.stdout)
        self.assertIn("\\x1b[31mred\\n", result.stdout)

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(
                [harness.prom5_binary(), "query", "instant", "1", f"--url={self.server.url}"],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_series_and_labels(self):
        self.assertIn("beta", self.run_query("series", "load").stdout)
        self.assertIn("host", self.run_query("labels").stdout.split())
        self.assertEqual(self.run_query("labels", "host").stdout.split(), ["alpha", "beta"])

    def test_wrong_query(self):
        result = self.run_query("instant", "load +", code=1)
        self.assertIn("1:7", result.stderr)
        self.assertIn("unexpected end of input", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_server_is_not_there(self):
        url = f"http://127.0.0.1:{harness.free_port()}"
        result = harness.run_prom5("query", "instant", "up", "--url", url)
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn(url, result.stderr)
        self.assertIn('Connection refused; no server listens there: start one with "prom5 serve", '
                      "or name another with --url", result.stderr)

    def test_address_that_is_none(self):
        result = harness.run_prom5("query", "instant", "up", "--url", "nonsense")
        self.assertIn(result.returncode, (1, 2), harness.shown(result))
        self.assertIn("nonsense", result.stderr)


class CheckWebConfig(unittest.TestCase):
    def check(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(text)
            file.flush()
            return harness.run_prom5("check", "web-config", file.name)

    def test_good(self):
        result = self.check("basic_auth_users:\n  admin: "
                            "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""), harness.shown(result))
        self.assertIn("good; 1 users, without TLS", result.stdout)

    def test_mistakes_have_their_line(self):
        for text, place in (("basic_auth_users:\n  admin: secret\n", ":2:10: expected a bcrypt"),
                            ("tls_server_config:\n  cert_file: /no/such.pem\n", ":2:14: "),
                            ("basic_auth: {}\n", ":1:1: unknown key")):
            result = self.check(text)
            self.assertEqual((result.returncode, result.stdout), (1, ""), harness.shown(result))
            self.assertIn(place, result.stderr)

    def test_needs_a_file(self):
        self.assertEqual(harness.run_prom5("check", "web-config").returncode, 2)

    def test_a_quote_without_an_end(self):
        result = self.check('basic_auth_users:\n  admin: "x\n')
        self.assertEqual((result.returncode, result.stdout), (1, ""), harness.shown(result))
        self.assertRegex(result.stderr, r"\.yml:2:10: the quote \" that opens here is not closed")


class CheckConfig(unittest.TestCase):
    def setUp(self):
        self.scratch = self.enterContext(harness.tempfile.TemporaryDirectory(prefix="prom5-e2e-"))

    def test_a_quote_without_an_end_in_each_file(self):
        scratch = pathlib.Path(self.scratch)
        (scratch / "texts").mkdir()
        config = scratch / "prometheus.yml"
        for text, name, open_text in (
                ("rule_files: [rules.yml]\n", "rules.yml", 'groups:\n  - name: "x\n'),
                ("assistant: {pack_file: pack.yaml}\n", "pack.yaml", "synonyms:\n  abcd: 'x\n\n"),
                ("assistant: {texts_path: texts}\n", "texts/fr.yml", '\nask.wha: "x\n  \n'),
                ("scrape_configs: [{job_name: a, file_sd_configs: [{files: [f.yml]}]}]\n", "f.yml",
                 '- targets: []\n  labels: {"x\n')):
            with self.subTest(name):
                config.write_text(text)
                (scratch / name).write_text(open_text)
                result = harness.run_prom5("check", "config", config)
                self.assertEqual((result.returncode, result.stdout), (1, ""),
                                 harness.shown(result))
                self.assertRegex(result.stderr, re.escape(str(scratch / name))
                                 + r":2:\d+: the quote . that opens here is not closed; write ")

    def check(self, text, name="prometheus.yml"):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path, harness.run_prom5("check", "config", path)

    def test_good(self):
        path, result = self.check(harness.scrape_config(("a", "127.0.0.1:9100")))
        self.assertEqual(result.returncode, 0, harness.shown(result))
        self.assertIn(path, result.stdout)

    def test_file_of_the_distribution(self):
        path = harness.peers_dir() / "etc/prometheus/prometheus.yml"
        result = harness.run_prom5("check", "config", path)
        self.assertEqual(result.returncode, 0, harness.shown(result))

    def test_agrees_with_promtool(self):
        for text in (
                "", "global: {}\n", "nothing: 1\n",
                "scrape_configs:\n- job_name: ''\n",
                "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: [b:1, 'c:2']\n",
                "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: [http://b/c]\n",
                "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - action: nothing\n",
                "scrape_configs:\n- job_name: a\n  relabel_configs:\n"
                "  - {source_labels: [a], regex: 'x(.*)', target_label: b, replacement: '$1'}\n",
                "scrape_configs:\n- job_name: a\n  basic_auth: {username: u, password: p}\n"
                "  bearer_token: t\n",
                "rule_files: ['*.rules', 'more/*/[']\n"):
            path, ours = self.check(text)
            theirs = harness.promtool("check", "config", path)
            with self.subTest(text):
                self.assertEqual(ours.returncode, theirs.returncode,
                                 harness.shown(ours) + "\n" + harness.shown(theirs))

    def test_templates_of_alerts_agree_with_promtool(self):
        path = os.path.join(self.scratch, "rules.yml")
        for text in ("{{ $labels.job }} is {{ $value | humanize }}", "{{ $lables.job }}",
                     "{{ humanise $value }}", "{{ $value", "{{ if gt $value 1.0 }}a",
                     "{{ range query \"up\" }}{{ . | value }}{{ else }}none{{ end }}", "{{ end }}",
                     "{{ $value > 5 }}", "{{ reReplaceAll \"\\d\" \"\" $labels.a }}",
                     "{{ with $x := 1 }}{{ $x }}{{ end }}", "{{ (1 }}", "{{ $value | }}",
                     "{{ printf \"%.2f\" .Value }}{{- /* x */ -}}", "{{ 1 | 2 }}", "{{ . . }}",
                     "{{ define \"t\" }}{{ $value }}{{ end }}", "{{}}", "{{ $x }}", "{{ .a.b }}",
                     "{{ tmpl \"x\" . }}", "{{- -}}", "{{ $ }}", "{{ ($value).x }}", "{{ 1a2g }}",
                     "{{ block \"t\" 1 }}{{ $value }}{{ end }}", "{{ range $a, 1 }}{{ end }}",
                     "{{range .}}{{break}}{{end}}", "{{ break }}", "{{ $value\n| humanize }}"):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"groups": [{"name": "g", "rules": [
                    {"alert": "A", "expr": "up", "annotations": {"summary": text}}]}]}, file)
            ours = harness.run_prom5("check", "rules", path)
            theirs = harness.promtool("check", "rules", path)
            with self.subTest(text):
                self.assertEqual(ours.returncode, theirs.returncode,
                                 harness.shown(ours) + "\n" + harness.shown(theirs))
                if ours.returncode != 0:
                    self.assertIn('alert "A": annotation "summary": template: ', ours.stderr)

    def file_sd(self, name, text):
        with open(os.path.join(self.scratch, name), "w", encoding="utf-8") as file:
            file.write(text)
        return f"- job_name: {name}\n  file_sd_configs: [{{files: [{name}]}}]\n"

    def test_files_with_targets(self):
        jobs = "".join(self.file_sd(name, text) for name, text in (
            ("good.json", '[{"targets": ["a:1"], "labels": {"b": "c"}}]'),
            ("bad.yml", "- targets: [a:1]\n  label: {b: c}\n"),
            ("cut.json", '[{"targets": ["a:1"]}'),
            ("url.yml", "- targets: ['http://a/b']\n")))
        absent = "- job_name: absent\n  file_sd_configs: [{files: ['none-*.yml', none.json]}]\n"
        path, result = self.check("scrape_configs:\n" + jobs + absent)
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn(os.path.join(self.scratch, "bad.yml") + ":2:3: unknown key", result.stderr)
        self.assertIn(os.path.join(self.scratch, "cut.json") + ":", result.stderr)
        self.assertRegex(result.stderr, 'url.yml: job url.yml: target http://a/b: .*not a valid')
        self.assertNotIn("good.json", result.stderr)
        self.assertIn("there is no file " + os.path.join(self.scratch, "none-*.yml"), result.stdout)
        syntax = harness.run_prom5("check", "config", "--syntax-only", path)
        self.assertEqual(syntax.returncode, 0, harness.shown(syntax))

    def test_files_with_targets_agree_with_promtool(self):
        for name, text in (("a.json", "[]"), ("b.json", '[{"targets": ["http://x/y"]}]'),
                           ("c.yml", "- targets: ["), ("d.yml", "- targets: [x]\n"),
                           ("e.yml", "- targets: [x]\n  what: 1\n")):
            path, ours = self.check("scrape_configs:\n" + self.file_sd(name, text))
            theirs = harness.promtool("check", "config", path)
            with self.subTest(name):
                self.assertEqual(ours.returncode, theirs.returncode,
                                 harness.shown(ours) + "\n" + harness.shown(theirs))

    def test_unknown_key(self):
        path, result = self.check("global:\n  scrape_interval: 1s\nscrap_configs: []\n")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        text = result.stdout + result.stderr
        self.assertTrue(harness.names_position(text, path, 3, 1), harness.shown(result))
        self.assertRegex(text, r"\bscrape_configs\b")

    def test_unknown_key_deep_inside(self):
        path, result = self.check(
            "scrape_configs:\n  - job_name: a\n    relabel_configs:\n"
            "      - source_labels: [x]\n        target_lable: y\n")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        text = result.stdout + result.stderr
        self.assertTrue(harness.names_position(text, path, 5, 9), harness.shown(result))
        self.assertIn("target_label", text.replace("target_lable", ""))

    def test_missing_file(self):
        path = os.path.join(self.scratch, "missing.yml")
        result = harness.run_prom5("check", "config", path)
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertIn(path, result.stderr)

    def test_secrets_are_not_shown(self):
        _, result = self.check("scrape_configs:\n  - job_name: a\n    basic_auth:\n"
                               "      username: u\n      password: hunter2\n      passwort: x\n")
        self.assertEqual(result.returncode, 1, harness.shown(result))
        self.assertNotIn("hunter2", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
