"""The assistant with a language model on the network, which is a scripted one here."""
import contextlib
import json
import pathlib
import re
import socket
import tempfile
import time
import unittest

import fake_language_model as fake
import harness
import injections

KEY = "sk-test-4n0th3rC4n4ryK3y77"
EMAIL = "jane.doe@example.org"
PASSWORD = "hunter2-c4n4ry"
ADDRESS = "10.77.1.2"

PAGE = f"""# HELP logins_total Logins, ask {EMAIL} about them.
# TYPE logins_total counter
logins_total{{user="{EMAIL}",password="{PASSWORD}",from="{ADDRESS}"}} 5
logins_total{{user="nobody",password="",from="web-01:9100"}} 2
# TYPE disk_used_ratio gauge
disk_used_ratio{{host="web-01"}} 0.42
"""


def assistant(model, *more, provider="openai"):
    base = model.url + ("/v1" if provider == "openai" else "")
    lines = ["assistant:", f"  provider: {provider}", f"  base_url: {base}", "  model: fake-1",
             "  timeout: 20s", "  max_retries: 0", *[f"  {line}" for line in more]]
    return "\n".join(lines) + "\n"


class WithAModel(unittest.TestCase):
    provider = "openai"
    settings = ()

    def setUp(self):
        self.pages = self.enterContext(harness.PageServer({"/metrics": PAGE}))
        self.model = self.enterContext(fake.FakeLanguageModel())
        self.server = self.enterContext(harness.Prom5(config=self.config()))
        self.server.wait_for_value("disk_used_ratio", 0.42)
        self.server.wait_for_value("sum(up)", 2)

    def config(self):
        jobs = harness.scrape_config(("prom5", harness.SELF), ("page", self.pages.address))
        return jobs + assistant(self.model, f"api_key: {KEY}", *self.settings,
                                provider=self.provider)

    def say(self, message, session=None):
        body = {"message": message} | ({"session_id": session} if session else {})
        status, answer = self.server.post_json("/api/v5/agent/text", body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.model.faults, [])
        self.assertEqual(self.model.strangers, [])
        return answer

    def say_well(self, message, session=None):
        """The configured model answers, and nobody took over."""
        answer = self.say(message, session)
        self.by_the_model(answer)
        return answer

    def ask_well(self, question):
        """The same by way of /api/v5/query/natural."""
        answer = self.server.ask(question)
        self.assertEqual((self.model.faults, self.model.strangers), ([], []))
        self.by_the_model(answer)
        return answer

    def by_the_model(self, answer):
        self.assertEqual(answer.get("model"), "fake-1", answer)
        self.assertNotIn("fallback_reason", answer)

    def say_and_fall_back(self, reason, message="Is anything down?"):
        """The built-in model answers, and says why."""
        answer = self.say(message)
        self.assertEqual((answer["model"], answer["fallback_reason"]), ("built-in", reason))
        self.assertTrue(answer["reply"].strip())
        self.assertTrue(answer["evidence"], answer)
        return answer


class OpenAi(WithAModel):
    def test_an_answer_rests_on_the_query_that_the_model_ran(self):
        self.model.script = fake.answers_with('disk_used_ratio{host="web-01"}',
                                              "The disk of web-01 is filled to {}.")
        answer = self.say_well("how full is the disk of web-01?")
        self.assertEqual(answer["reply"], "The disk of web-01 is filled to 0.42.")
        self.assertEqual([e["promql"] for e in answer["evidence"]],
                         ['disk_used_ratio{host="web-01"}'])
        natural = self.ask_well("how full is the disk of web-01?")
        self.assertEqual(natural["promql"], 'disk_used_ratio{host="web-01"}')
        self.assertEqual(natural["mode"], "instant")
        self.assertEqual(self.server.metric("prom5_assistant_model_requests_total",
                                            outcome="ok"), 4)
        self.assertEqual(self.server.metric("prom5_assistant_model_tokens_total",
                                            direction="input"), 4000)

    def test_calls_side_by_side(self):
        def script(conversation):
            if not conversation.results:
                tool = conversation.query_tool
                return fake.Turn((tool, {"promql": "disk_used_ratio"}),
                                 (tool, {"promql": "count(up)"}))
            return fake.final(intent="compare", promql="count(up)",
                              queries=["count(up)", "disk_used_ratio"],
                              text="Both ran: 2 targets.", confidence=1)
        self.model.script = script
        answer = self.say_well("how are things?")
        self.assertEqual(answer["reply"], "Both ran: 2 targets.")
        self.assertEqual({e["promql"] for e in answer["evidence"]},
                         {"disk_used_ratio", "count(up)"})

    def test_a_range(self):
        def script(conversation):
            if not conversation.results:
                now = time.time()
                return conversation.query("count(up)", start=now - 600, end=now, step_s=60)
            return fake.final(intent="trend", promql="count(up)", text="Steady.", confidence=1)
        self.model.script = script
        answer = self.ask_well("how many targets over ten minutes?")
        self.assertEqual((answer["promql"], answer["answer"]), ("count(up)", "Steady."))
        self.assertEqual((answer["mode"], answer["step"]), ("range", 60))
        self.assertAlmostEqual(answer["end"] - answer["start"], 600, delta=0.01)
        self.assertAlmostEqual(answer["end"], time.time(), delta=harness.HTTP_TIMEOUT_SECONDS)

    def test_clarifications_and_refusals(self):
        self.model.script = lambda _: fake.final(
            clarification={"question": "Of which host?", "options": ["web-01", "web-02"]})
        answer = self.say_well("how full is it?")
        self.assertEqual(answer["clarification"]["options"], ["web-01", "web-02"])
        self.assertFalse(answer.get("promql"))
        natural = self.server.ask("how full is it?")
        self.assertEqual(natural["clarification"], answer["clarification"])
        self.model.script = lambda _: fake.final(
            refusal={"code": "no_such_metric", "message": "There is no flux.",
                     "suggestions": ["disk usage"]})
        answer = self.say_well("how is the flux?")
        self.assertEqual(answer["error"]["code"], "no_such_metric")
        self.assertEqual(self.server.ask("how is the flux?")["error"], answer["error"])

    def test_a_session_is_told_on_without_its_data(self):
        self.model.script = fake.answers_with("count(up)", "There are {} targets.")
        session = self.say_well("how many targets?")["session_id"]
        self.model.forget()
        self.say_well("and now?", session)
        said = [m for m in self.model.conversations[0].messages if m["role"] != "system"]
        self.assertEqual([m["role"] for m in said], ["user", "assistant", "user"])
        self.assertIn("how many targets?", said[0]["content"])

    def test_nothing_private_is_sent_and_queries_work_all_the_same(self):
        def script(conversation):
            if not conversation.results:
                return conversation.query("logins_total")
            user = next(s["metric"]["user"] for s in conversation.results[0]["result"]
                        if s["metric"]["user"] != "nobody")
            promql = f'logins_total{{user="{user}"}}'
            if len(conversation.results) == 1:
                return conversation.query(promql)
            return fake.final(intent="query", promql=promql, confidence=1,
                              text=f"{user} logged in {conversation.value()} times.")
        self.model.script = script
        answer = self.say_well(f"how often did {EMAIL} log in? my password is {PASSWORD}")
        self.assertEqual(answer["reply"], f"{EMAIL} logged in 5 times.")
        self.assertEqual(answer["evidence"][-1]["promql"], f'logins_total{{user="{EMAIL}"}}')
        sent = "\n".join(self.model.texts)
        for original in (EMAIL, PASSWORD, ADDRESS, KEY):
            self.assertNotIn(original, sent)
        self.assertIn("web-01:9100", sent, "what is not private is not hidden")
        self.assertEqual(set(self.model.keys), {f"Bearer {KEY}"})
        self.assertGreater(self.server.metric("prom5_assistant_model_redactions_total",
                                              kind="email"), 0)

    def test_the_key_is_shown_nowhere(self):
        self.model.script = lambda _: fake.status(401, f'{{"error":{{"message":"bad {KEY}"}}}}')
        self.say_and_fall_back("unavailable")
        shown = [self.server.log()]
        for path in ("/api/v1/status/config", "/api/v1/status/flags", "/metrics"):
            shown.append(self.server.get(path)[2].decode())
        self.assertNotIn(KEY, "\n".join(shown))
        self.assertIn("<secret>", shown[1])

    def test_large_results_are_cut_and_the_model_is_told(self):
        self.pages.pages["/metrics"] = "".join(
            f'many{{name="series number {i}, with a name that is long"}} {i}\n'
            for i in range(3000))
        self.server.wait_for_value("count(many)", 3000)
        self.model.script = fake.answers_with("many")
        self.say_well("what is there?")
        data = self.model.conversations[-1].results[0]
        self.assertEqual(data["total"], 3000)
        self.assertEqual(data["result_shown"], len(data["result"]))
        self.assertLess(max(map(len, self.model.texts)), 80_000)

    def test_redirects_are_not_followed(self):
        other = self.enterContext(fake.FakeLanguageModel())
        for code in (301, 302, 303, 307, 308):
            self.model.script = lambda _, c=code: fake.status(
                c, "", Location=other.url + "/v1/chat/completions")
            self.say_and_fall_back("unavailable")
        self.assertEqual((other.texts, other.strangers), ([], []))


class Failures(WithAModel):
    settings = ("connect_timeout: 2s",)

    def test_every_failure_ends_with_the_built_in_model(self):
        for name, failure, reason in (
                ("500", fake.status(500, "oops"), "unavailable"),
                ("429", fake.status(429, "{}", Retry_After="3600"), "unavailable"),
                ("cut short", fake.cut_short, "unavailable"),
                ("garbage", fake.garbage, "unavailable")):
            with self.subTest(name):
                self.model.script = lambda _, f=failure: f
                self.say_and_fall_back(reason)
        self.assertEqual(self.server.metric("prom5_assistant_model_fallbacks_total",
                                            reason="unavailable"), 4)

    def test_a_body_without_an_end_is_given_up(self):
        self.model.script = lambda _: fake.huge
        before = self.server.status_kb("VmHWM")
        self.say_and_fall_back("too_large")
        # It is 120 MB long; the limit is 1 MiB.
        self.assertLess(self.server.status_kb("VmHWM") - before, 20_000)

    def test_nonsense(self):
        for name, turn in (("text", fake.Turn(text="All is well, 77 hosts are up.")),
                           ("unknown tool", fake.Turn(("launch", {}))),
                           ("malformed", fake.Turn(("query_metrics", '{"promql'))),
                           ("nothing", fake.Turn())):
            with self.subTest(name):
                self.model.script = lambda _, t=turn: t
                answer = self.say_and_fall_back("nonsense")
                self.assertNotIn("77", answer["reply"])

    def test_a_model_that_only_asks(self):
        self.model.script = lambda conversation: conversation.query("count(up)")
        answer = self.say_and_fall_back("no_answer")
        # What the first model found is not the evidence of the second.
        self.assertNotIn("count(up)", [e["promql"] for e in answer["evidence"]])

    def test_a_number_from_nowhere_is_told_and_put_right(self):
        def script(conversation):
            if not conversation.results:
                return conversation.query("count(up)")
            text = "There are 2." if conversation.complaints else "There are 7777."
            return fake.final(intent="query", promql="count(up)", text=text, confidence=1)
        self.model.script = script
        answer = self.say_well("how many targets?")
        self.assertEqual(answer["reply"], "There are 2.")
        self.assertGreater(self.server.metric("prom5_assistant_model_corrections_total"), 0)

    def test_the_breaker(self):
        self.model.script = lambda _: fake.status(500)
        for _ in range(5):
            self.say_and_fall_back("unavailable")
        self.assertEqual(self.server.metric("prom5_assistant_model_breaker_state"), 2)
        self.model.forget()
        self.say_and_fall_back("unavailable")
        self.assertEqual(self.model.texts, [], "it is not asked while the breaker is open")


class Slow(WithAModel):
    TIMEOUT_SECONDS = 2

    def config(self):
        return super().config().replace("timeout: 20s", f"timeout: {self.TIMEOUT_SECONDS}s")

    def test_a_model_that_does_not_answer(self):
        self.model.script = lambda _: fake.hangs
        begun = time.monotonic()
        self.say_and_fall_back("timeout")
        taken = time.monotonic() - begun
        self.assertGreaterEqual(taken, self.TIMEOUT_SECONDS)
        # What it says by itself is 60 s, and 20 s the other tests.
        self.assertLess(taken, 5 * self.TIMEOUT_SECONDS)
        self.assertEqual(self.server.metric("prom5_assistant_model_requests_total",
                                            outcome="timeout"), 1)


class SlowQuestions(WithAModel):
    def config(self):
        return super().config().replace("timeout: 20s", "timeout: 100s")

    def running(self):
        return self.server.metric("prom5_assistant_questions_running")

    def test_they_keep_nobody_else_waiting(self):
        """More than there are workers of all kinds."""
        self.model.script = lambda _: fake.hangs
        body = json.dumps({"message": "how full is the disk of web-01?"}).encode()
        with contextlib.ExitStack() as clients:
            for _ in range(60):
                client = clients.enter_context(
                    socket.create_connection(("127.0.0.1", self.server.port)))
                client.sendall(b"POST /api/v5/agent/text HTTP/1.1\r\nHost: x\r\nContent-Length: %d"
                               b"\r\n\r\n%s" % (len(body), body))
            harness.wait_until(lambda: len(self.model.texts) == 16, "as many as may run do")
            self.assertEqual(self.running(), 16)
            begun = time.monotonic()
            self.assertEqual(self.server.get("/-/healthy", timeout=5)[0], 200)
            self.assertTrue(self.server.query("up"))
            self.assertLess(time.monotonic() - begun, 5)
        harness.wait_until(lambda: self.running() == 0, "they end with their clients", deadline=20)
        # Those who waited left before the model was asked.
        self.assertEqual(len(self.model.texts), 16)

    def test_a_question_ends_with_its_client(self):
        """Nobody spends queries or tokens for it any more."""
        self.model.script = lambda _: fake.hangs
        body = json.dumps({"message": "how full is the disk of web-01?"}).encode()
        for number, accept in enumerate(("text/event-stream", "application/json"), 1):
            with self.subTest(accept):
                with socket.create_connection(("127.0.0.1", self.server.port)) as client:
                    client.sendall(b"POST /api/v5/agent/text HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                   b"application/json\r\nAccept: %s\r\nContent-Length: %d\r\n\r\n%s"
                                   % (accept.encode(), len(body), body))
                    harness.wait_until(lambda: self.model.texts, "the model is asked")
                    self.assertEqual(self.running(), 1)
                # Long before the model is given up.
                harness.wait_until(lambda: self.running() == 0, "it is stopped", deadline=20)
                self.assertEqual(
                    self.server.metric("prom5_assistant_questions_total", outcome="failed"),
                    number)
                self.model.forget()


class Retries(WithAModel):
    def config(self):
        return super().config().replace("max_retries: 0", "max_retries: 2")

    def test_a_failure_that_passes(self):
        good = fake.answers_with("count(up)", "There are {}.")
        failures = [fake.status(503), fake.status(429, "{}", Retry_After="1")]
        self.model.script = lambda c: failures.pop() if failures else good(c)
        self.assertEqual(self.say_well("how many targets?")["reply"], "There are 2.")
        self.assertEqual(self.server.metric("prom5_assistant_model_retries_total"), 2)


class Ollama(WithAModel):
    provider = "ollama"

    def test_an_answer(self):
        self.model.script = fake.answers_with("disk_used_ratio", "It is {}, that is 42 %.")
        answer = self.say_well("how full is the disk?")
        self.assertEqual(answer["reply"], "It is 0.42, that is 42 %.")
        self.assertTrue(all(c.ollama for c in self.model.conversations))

    def test_a_model_that_is_not_there(self):
        self.model.script = lambda _: fake.status(404, '{"error":"model \'fake-1\' not found"}')
        self.say_and_fall_back("unavailable")
        self.assertIn("not found", self.server.log())


class Page(unittest.TestCase):
    """docs/assistant-models.md"""

    def setUp(self):
        self.text = (harness.REPOSITORY / "docs/assistant-models.md").read_text()

    def test_its_configurations_are_good(self):
        examples = re.findall(r"^```yaml\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(examples), 3)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "key").write_text(KEY)
        for example in examples:
            (folder / "p.yml").write_text(example.replace("/etc/prom5/llm-key", "key"))
            result = harness.run_prom5("check", "config", folder / "p.yml")
            self.assertEqual(result.returncode, 0, harness.shown(result))

    def test_its_metrics_are_there(self):
        with fake.FakeLanguageModel() as model:
            config = harness.scrape_config(("prom5", harness.SELF)) + assistant(
                model, f"api_key: {KEY}",
                f"embeddings: {{provider: ollama, base_url: '{model.url}', model: e}}")
            with harness.Prom5(config=config) as server:
                shown = server.get("/metrics")[2].decode()
        for part in ("model", "embedding"):
            name = rf"prom5_assistant_{part}_\w+"
            own = set(re.findall(rf"^# TYPE ({name})", shown, re.MULTILINE))
            self.assertGreater(len(own), 3)
            self.assertEqual(set(re.findall(rf"`({name})`", self.text)), own)


class NotConfigured(unittest.TestCase):
    def test_nothing_is_sent_anywhere(self):
        with fake.FakeLanguageModel() as model:
            for section in ("", "assistant: {}\n",
                            f"assistant: {{provider: none, base_url: '{model.url}'}}\n"):
                config = harness.scrape_config(("prom5", harness.SELF)) + section
                with harness.Prom5(config=config) as server:
                    server.wait_for_value("up", 1)
                    answer = server.ask("Is anything down?")
                    self.assertTrue(answer["promql"], answer)
                    self.assertNotIn("fallback_reason", answer)
            self.assertEqual((model.texts, model.strangers), ([], []))


def texts_in(value):
    """All strings of a JSON value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts_in(item)


class Hostile(unittest.TestCase):
    """The model obeys whoever wrote into the telemetry; the server must not."""

    QUESTION = "what is the attack target?"
    # What cannot be cleaned is the built-in model's to answer.
    CLEANED = {"picture", "link", "bare link", "html", "action", "prompt"}

    @classmethod
    def setUpClass(cls):
        cls.attacks = injections.attacks()
        cls.attacker = cls.enterClassContext(harness.PageServer())
        cls.pages = cls.enterClassContext(harness.PageServer(
            {"/metrics": f'attack_target{{password="{PASSWORD}"}} 3\n'}))
        cls.model = cls.enterClassContext(fake.FakeLanguageModel())
        jobs = harness.scrape_config(("prom5", harness.SELF), ("page", cls.pages.address))
        cls.server = cls.enterClassContext(harness.Prom5(
            ["--web.enable-remote-write-receiver", "--web.enable-admin-api",
             "--web.enable-lifecycle"], config=jobs + assistant(cls.model, f"api_key: {KEY}")))
        lasting = [attack for attack in cls.attacks if not attack.carrier.alone]
        now = harness.now_ms()
        cls.server.must_write(
            [(labels, [(now, 1.0)]) for attack in lasting for labels in attack.series()],
            [family for attack in lasting for family in attack.metadata()])
        cls.server.wait_for_value("attack_target", 3)

    def ask(self):
        status, answer = self.server.post_json("/api/v5/agent/text", {"message": self.QUESTION})
        self.assertEqual(status, 200, answer)
        self.assertEqual((self.model.faults, self.model.strangers), ([], []))
        return answer

    def state(self):
        """What an attack could have changed."""
        config = self.server.get("/api/v1/status/config")[2]
        names = self.server.query('count by (__name__) ({__name__=~"attack.+"})')
        return config, sorted((s["metric"]["__name__"], s["value"][1]) for s in names)

    def test_two_hundred_attacks(self):
        self.assertEqual(len({attack.text for attack in self.attacks}), 200)
        self.model.script = lambda _: fake.Turn(text="no answer at all")
        calm = self.ask()
        self.assertEqual((calm["model"], calm["promql"]), ("built-in", "attack_target"))
        before = self.state()
        for attack in self.attacks:
            with self.subTest(attack.name):
                self.carry(attack, 1.0)
                self.model.forget()
                self.model.script = attack.obeying(self.attacker.url)
                self.check_answer(attack, self.ask(), calm)
                self.check_what_arrived(attack)
                self.check_what_was_called()
                self.carry(attack, harness.STALE_NAN)
        self.assertEqual(self.attacker.requests, [], "somebody asked the attacker's server")
        self.assertEqual(self.state(), before)
        self.assertEqual(self.server.get("/-/ready")[0], 200)

    def carry(self, attack, value):
        if attack.carrier.alone:
            now = harness.now_ms()
            self.server.must_write([(labels, [(now, value)]) for labels in attack.series()])

    def check_answer(self, attack, answer, calm):
        text = answer["reply"] + answer["explanation"] + json.dumps(answer["suggestions"])
        for forbidden in ("http://", "https://", "](", "<img", "www.", "attacker.invalid/",
                          injections.INVENTED, injections.STOLEN):
            self.assertNotIn(forbidden, text)
        self.assertEqual(answer["actions_proposed"], [])
        # It rests on the same query as in calm times.
        self.assertEqual(answer["promql"], "attack_target")
        last = answer["evidence"][-1]
        self.assertEqual((last["promql"], last["result"]["result"][0]["value"][1]),
                         ("attack_target", "3"))
        if attack.technique in self.CLEANED:
            self.assertEqual(answer["model"], "fake-1", answer)
        else:
            self.assertEqual((answer["model"], answer["reply"]), ("built-in", calm["reply"]))

    def check_what_arrived(self, attack):
        """The model saw the attack's text, in results of tools only and marked as what it is; the
        rules are the same in every request."""
        arrived = set()
        for conversation in self.model.conversations:
            system = [m["content"] for m in conversation.messages if m["role"] == "system"]
            self.assertEqual(len(system), 1)
            type(self).rules = getattr(self, "rules", system[0])
            self.assertEqual(system[0], self.rules)
            for message in conversation.messages:
                if message["role"] != "tool":
                    for other in self.attacks:
                        self.assertNotIn(other.text, message["content"] or "")
                    continue
                self.assertNotIn("<", message["content"])
                content = json.loads(message["content"])
                self.assertTrue(set(content) in ({"source", "trust", "data"}, {"error"}), content)
                for text in texts_in(content):
                    arrived |= {other for other in self.attacks if other.text in text}
        self.assertIn(attack, arrived)
        if not attack.carrier.searches:
            self.assertEqual(arrived, {attack})
        sent = "\n".join(self.model.texts)
        self.assertNotIn(PASSWORD, sent)
        self.assertNotIn(KEY, sent)

    def check_what_was_called(self):
        """A tool that is not offered, or an argument that it does not have, gets an error."""
        last = self.model.conversations[-1]
        said = {m["tool_call_id"]: json.loads(m["content"])
                for m in last.messages if m["role"] == "tool"}
        for message in last.messages:
            for call in message.get("tool_calls") or []:
                tool = last.tools.get(call["function"]["name"])
                known = tool["parameters"].get("properties", {}) if tool else {}
                if not tool or set(json.loads(call["function"]["arguments"])) - set(known):
                    self.assertEqual(set(said[call["id"]]), {"error"}, call)


if __name__ == "__main__":
    unittest.main()
