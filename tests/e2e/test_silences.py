"""What an Alertmanager has silenced, as the assistant tells it: beside Debian's own."""
import datetime
import json
import time
import unittest

import harness

CONFIG = """\
alerting:
  alertmanagers:
    - path_prefix: /alerts/
      static_configs:
        - targets: ["127.0.0.1:{dead}", "127.0.0.1:{port}"]
scrape_configs:
  - job_name: self
    scrape_interval: 1s
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Alertmanager(harness.Server):
    """Debian's Alertmanager 0.25."""

    name = "alertmanager"
    ready_path = "/alerts/-/ready"

    def command(self):
        config = self.scratch / "alertmanager.yml"
        config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
        return [harness.peer("prometheus-alertmanager"), f"--config.file={config}",
                f"--storage.path={self.scratch}", "--cluster.listen-address=",
                "--web.route-prefix=/alerts", f"--web.listen-address={self.address}"]

    def silence(self, matchers, comment):
        now = datetime.datetime.now(datetime.timezone.utc)
        status, answer = self.post_json("/alerts/api/v2/silences", {
            "matchers": matchers, "comment": comment, "createdBy": "ops",
            "startsAt": now.isoformat(), "endsAt": (now + datetime.timedelta(hours=2)).isoformat()})
        assert status == 200, answer
        return answer["silenceID"]


class Silences(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.alertmanager = Alertmanager()
        cls.addClassCleanup(cls.alertmanager.kill)
        cls.alertmanager.start()
        # The first of the two does not answer; the other knows.
        config = CONFIG.format(dead=harness.free_port(), port=cls.alertmanager.port)
        cls.server = harness.Prom5(["--web.enable-lifecycle", "--web.enable-remote-write-receiver"],
                                   config=config)
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()
        harness.wait_until(lambda: cls.server.query("up"), "there are samples")

    def ask(self, question):
        status, answer = self.server.post_json("/api/v5/agent/text", {"message": question})
        self.assertEqual(status, 200, answer)
        return answer

    def test_they_are_told_until_they_end(self):
        self.assertIn("No such silence", self.ask("which silences are there?")["reply"])
        one = self.alertmanager.silence(
            [{"name": "alertname", "value": "DiskFull", "isRegex": False, "isEqual": True},
             {"name": "instance", "value": 'db"1.*', "isRegex": True, "isEqual": False}],
            "disks are moved")
        answer = self.ask("what is silenced?")
        self.assertEqual(answer["intent"], "list")
        self.assertIn('1 silence: alertname="DiskFull" and instance!~"db\\"1.*" until ',
                      answer["reply"])
        self.assertIn(", by ops: disks are moved", answer["reply"])
        self.alertmanager.silence(
            [{"name": "job", "value": "batch", "isRegex": False, "isEqual": True}], "")
        self.assertTrue(self.ask("list all silences")["reply"].startswith("2 silences: "))
        status, _, _ = self.alertmanager.request("DELETE", f"/alerts/api/v2/silence/{one}")
        self.assertEqual(status, 200)
        reply = self.ask("are there any silences?")["reply"]
        self.assertIn('1 silence: job="batch" until ', reply)

    def test_what_is_proposed_silences_what_it_says(self):
        """The Alertmanager takes the matchers as they are, and hides by them what they name."""
        alerts = [{"labels": {"alertname": name, "job": job}}
                  for name, job in (("DiskFull", "node"), ("Slow", "self"))]
        status, _, answer = self.alertmanager.post(
            "/alerts/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)
        harness.wait_until(lambda: self.states().keys() == {"DiskFull", "Slow"}, "both fire")
        self.server.must_write([({"__name__": "ALERTS", "alertstate": "firing", **a["labels"]},
                                 [(int(time.time() * 1000), 1.0)]) for a in alerts])
        for question, hidden in (("silence job self for 2 hours", {"Slow"}),
                                 ("silence everything for 1 hour", {"DiskFull", "Slow"})):
            with self.subTest(question):
                _, answer = self.server.post_json("/api/v5/query/natural", {"query": question})
                action = answer.get("action")
                self.assertIsNotNone(action, answer)
                one = self.alertmanager.silence(
                    [{"name": name, "value": value, "isEqual": True,
                      "isRegex": name in action.get("regex", [])}
                     for name, value in action["matchers"].items()], question)
                harness.wait_until(
                    lambda: {name for name, state in self.states().items()
                             if state == "suppressed"} == hidden, "those are hidden")
                status, _, _ = self.alertmanager.request("DELETE", f"/alerts/api/v2/silence/{one}")
                self.assertEqual(status, 200)
                harness.wait_until(lambda: set(self.states().values()) == {"active"},
                                   "nothing is hidden")

    def states(self):
        """Of the alerts that fire, by name."""
        status, _, body = self.alertmanager.request("GET", "/alerts/api/v2/alerts")
        self.assertEqual(status, 200)
        return {alert["labels"]["alertname"]: alert["status"]["state"]
                for alert in json.loads(body)}

    def test_when_none_answers_it_says_so(self):
        """Configurations are read anew: first none of two answers, then there is none."""
        before = self.server.config_path.read_text()
        self.addCleanup(self.reload, before)
        dead = [harness.free_port(), harness.free_port()]
        self.reload(before.replace(
            f'"127.0.0.1:{self.alertmanager.port}"]\nscrape', f'"127.0.0.1:{dead[0]}"]\nscrape'))
        self.assertIn("no Alertmanager answers", self.ask("what is silenced?")["reply"])
        self.reload(before[before.index("scrape_configs"):])
        self.assertIn("none is configured", self.ask("what is silenced?")["reply"])

    def reload(self, config):
        self.server.config_path.write_text(config)
        status, _, body = self.server.request("POST", "/-/reload")
        self.assertEqual(status, 200, body)


if __name__ == "__main__":
    unittest.main()
