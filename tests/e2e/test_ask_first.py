"""What people ask first, word for word: of a fresh server on this host, and of a production.

A fresh server knows itself and this host. What is not here is to be refused, or asked back about,
by name: an answer made of something else is worse than none.
"""
import re
import unittest

import asking
import harness
import test_nl

CPU = "Show CPU usage"
MEMORY = "Alert on high memory"
ERRORS = "Top 5 error rates"
SERVERS = "Hey Prometheus, what's the status of production servers?"
TREND = "Show me the error rate trend for the API service"
RELATED = ("Analyze the correlation between request latency and database connections over the "
           "past 24 hours")
DISK = "will the disk fill up this week?"

# On a production: the metrics of which each answer must read one, and the intents that are right.
OF_A_PRODUCTION = {
    CPU: (["node_cpu_seconds_total"], {"query", "status", "trend"}),
    MEMORY: (["node_memory_"], {"alert"}),
    ERRORS: (["http_requests_total|errors_total"], {"top"}),
    SERVERS: ([r"\bup\b"], {"status"}),
    TREND: (["http_requests_total|errors_total"], {"trend", "query"}),
    RELATED: (["http_request_duration_seconds", "aishell_connections|pg_stat|database"],
              {"correlate"}),
    DISK: (["node_filesystem_(avail|free)_bytes"], {"forecast"}),
}


class OfAFreshServer(asking.Asking):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5())
        # Its own requests are counted from the first one on, and that is one of these.
        for name in ("node_cpu_seconds_total", "prometheus_http_requests_total"):
            harness.wait_until(lambda name=name: cls.server.query(f"rate({name}[1m])"),
                               f"two scrapes with {name} are stored", interval=0.2)

    def test_cpu(self):
        answer = self.answered(CPU, ["node_cpu_seconds_total"], {"query", "status", "trend"})
        self.assertRegex(answer["answer"], r"\d")

    def test_memory(self):
        answer = self.answered(MEMORY, ["node_memory_"], {"alert"})
        self.assertEqual(answer["action"]["kind"], "alert", answer)
        self.assertRegex(answer["action"]["expr"], "[<>]")

    def test_disk(self):
        self.answered(DISK, ["node_filesystem_(avail|free)_bytes"], {"forecast"})

    def test_error_rates_are_of_something_that_is_here(self):
        """Its own requests have a code each; a host's devices count their errors."""
        answer = self.answered(ERRORS, ['code=~"5|err|fail'], {"top"})
        self.assertRegex(answer["promql"], r"^topk\(5,")

    def test_there_is_no_production(self):
        """All targets are told of, and that none is called so."""
        answer = self.server.ask(SERVERS)
        self.assertEqual(answer["promql"], "up", answer)
        self.assertIn('Nothing here is called "production"', answer["answer"])

    def test_the_only_api_is_its_own(self):
        """The error ratio of its own requests, and that nothing is called so."""
        answer = self.server.ask(TREND)
        self.assertIn("prometheus_http_requests_total", answer["promql"], answer)
        self.assertEqual(answer["mode"], "range")
        self.assertIn("Nothing here is called", answer["answer"])

    def test_there_is_no_database(self):
        self.declined(RELATED, "database")

    def test_the_same_by_voice(self):
        def heard(question):
            return re.sub(r"[^\w\s]", "", question.lower().replace("'s", "s"))

        self.assertEqual(self.server.ask(heard(SERVERS))["promql"], "up")
        self.assertEqual(self.server.ask(heard(TREND))["mode"], "range")
        self.declined(heard(RELATED))


class OfAProduction(test_nl.OfAProduction, asking.Asking):
    def test_each_is_answered_with_data(self):
        for question, (patterns, intents) in OF_A_PRODUCTION.items():
            with self.subTest(question):
                self.answered(question, patterns, intents, test_nl.END)

    def test_the_disk_that_fills_is_named(self):
        answer = self.answered(DISK, [], {"forecast"}, test_nl.END)
        self.assertIn("db-01", answer["answer"])

    def test_the_server_that_is_down_is_named(self):
        answer = self.answered(SERVERS, [], {"status"}, test_nl.END)
        self.assertIn("app-03", answer["answer"])

    def test_the_service_with_errors_comes_first(self):
        answer = self.answered(ERRORS, [], {"top"}, test_nl.END)
        self.assertRegex(answer["answer"], r"^[^;]*\bapi\b", answer["answer"])


if __name__ == "__main__":
    unittest.main()
