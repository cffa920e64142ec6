"""Checks of answers to questions in writing, which several tests of the assistant share."""
import json
import re
import unittest

INTENTS = {"status", "query", "trend", "top", "compare", "forecast", "alert", "silence",
           "correlate", "anomaly", "explain", "list", "clarify", "refuse"}


def queries_of(answer):
    """The queries that an answer rests on, each without the comparison at its end: that nothing
    is above or below it is an empty result, and right."""
    found = [q["promql"] for q in answer.get("queries") or []] or [answer["promql"]]
    return [re.sub(r"\s*(?:[<>]=?|[!=]=)\s*[-\d.e]+$", "", query) for query in found]


class Asking(unittest.TestCase):
    """`server` is who is asked."""

    maxDiff = None
    server = None

    def answered(self, question, patterns=(), intents=INTENTS, time=None):
        """Answered by queries that read what the patterns name, and have data."""
        answer = self.server.ask(question, time=time)
        shown = f"{question}: {json.dumps(answer)[:1500]}"
        self.assertFalse(answer.get("error") or answer.get("clarification"), shown)
        self.assertTrue(answer.get("promql"), shown)
        self.assertIn(answer["intent"], intents, shown)
        read = " ; ".join(queries_of(answer))
        for pattern in patterns:
            self.assertRegex(read, pattern, shown)
        for query in queries_of(answer):
            self.assertTrue(self.server.query(query, time), f"no data for {query}: {shown}")
        return answer

    def declined(self, question, *names, session=None):
        """Refused or asked back, with nothing beside it, naming what is missing."""
        answer = self.server.ask(question, session)
        shown = f"{question}: {json.dumps(answer)[:1500]}"
        for field in ("promql", "queries", "action", "evidence"):
            self.assertFalse(answer.get(field), shown)
        error, clarification = answer.get("error"), answer.get("clarification")
        self.assertTrue(bool(error) != bool(clarification), shown)
        if error:
            self.assertTrue(error["code"] and error["message"], shown)
            self.assertIsInstance(error["suggestions"], list, shown)
        else:
            self.assertTrue(clarification["question"], shown)
            self.assertIsInstance(clarification["options"], list, shown)
        said = json.dumps(error or clarification).lower()
        for name in names:
            self.assertIn(name, said, shown)
        return answer
