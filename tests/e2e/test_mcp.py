"""The Model Context Protocol on the wire: /mcp over HTTP, and `prom5 mcp` over pipes.

What the protocol's own client makes of it is in web/api/mcp.test.mjs.
"""
import json
import queue
import subprocess
import threading
import unittest

import harness

REVISION = "2025-06-18"
JSON = {"Content-Type": "application/json",
        "Accept": "application/json, text/event-stream"}


def request(method, params=None, number=1):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}


def hello(revision=REVISION):
    return request("initialize", {"protocolVersion": revision, "capabilities": {},
                                  "clientInfo": {"name": "test", "version": "1"}})


class Http(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5())
        cls.server.wait_for_value("sum(up)", 2)

    def send(self, message, session=None, headers=None):
        """(status, headers, parsed body or None)."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {**JSON, **({"Mcp-Session-Id": session} if session else {}), **(headers or {})}
        status, answer_headers, answer = self.server.post("/mcp", body, headers)
        return status, answer_headers, harness.parse_json(answer) if answer else None

    def begin(self, revision=REVISION):
        status, headers, answer = self.send(hello(revision))
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["result"]["protocolVersion"], revision)
        session = headers["Mcp-Session-Id"]
        self.assertRegex(session, "^[!-~]{16,}$")
        status, _, answer = self.send(
            {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
        self.assertEqual((status, answer), (202, None))
        return session

    def result(self, method, params=None, session=None):
        status, _, answer = self.send(request(method, params), session or self.begin())
        self.assertEqual(status, 200, answer)
        self.assertIn("result", answer)
        return answer["result"]

    def test_every_revision(self):
        for revision in ("2025-06-18", "2025-03-26", "2024-11-05"):
            with self.subTest(revision):
                session = self.begin(revision)
                self.assertTrue(self.result("tools/list", session=session)["tools"])
        self.assertEqual(self.send(hello("1999-01-01"))[2]["result"]["protocolVersion"], REVISION)

    def test_tools_are_described_and_only_read(self):
        tools = self.result("tools/list")["tools"]
        self.assertIn("query_metrics", [tool["name"] for tool in tools])
        for tool in tools:
            self.assertTrue(tool["description"], tool)
            self.assertEqual(tool["inputSchema"]["type"], "object")
            self.assertIs(tool["annotations"]["readOnlyHint"], True)
            self.assertIs(tool["annotations"]["destructiveHint"], False)

    def test_query(self):
        result = self.result("tools/call",
                             {"name": "query_metrics", "arguments": {"promql": "sum(up)"}})
        self.assertIs(result["isError"], False)
        self.assertEqual(result["structuredContent"]["result"][0]["value"][1], "2")
        self.assertEqual(json.loads(result["content"][0]["text"]), result["structuredContent"])

    def test_wrong_arguments_are_told_to_the_model(self):
        for arguments in ({}, {"promql": 5}, {"promql": "sum("}):
            with self.subTest(arguments):
                result = self.result("tools/call",
                                     {"name": "query_metrics", "arguments": arguments})
                self.assertIs(result["isError"], True, result)
                self.assertTrue(result["content"][0]["text"])

    def test_errors_of_the_protocol(self):
        session = self.begin()
        for message, code in ((request("tools/grab"), -32601),
                              (request("tools/call", {"name": "none"}), -32602),
                              (request("tools/call", {"name": "query_metrics",
                                                      "arguments": [1]}), -32602),
                              (request("tools/list", {"cursor": "x"}), -32602),
                              (request("resources/read", {"uri": "prom5://none"}), -32002),
                              ({"jsonrpc": "2.0", "id": 1}, -32600),
                              ([request("ping")], -32600), (5, -32600)):
            with self.subTest(message):
                status, _, answer = self.send(message, session)
                self.assertEqual((status, answer["error"]["code"]), (200, code))
        status, _, answer = self.send(b"{", session)
        self.assertEqual((status, answer["error"]["code"]), (400, -32700))

    def test_sessions(self):
        self.assertEqual(self.send(request("ping"))[0], 400)
        self.assertEqual(self.send(request("ping"), "no-such-session")[0], 404)
        session = self.begin()
        delete = {"Mcp-Session-Id": session}
        self.assertEqual(self.server.request("DELETE", "/mcp", headers=delete)[0], 204)
        self.assertEqual(self.send(request("ping"), session)[0], 404)
        status, headers, _ = self.server.get("/mcp", {"Accept": "text/event-stream"})
        self.assertEqual(status, 405)
        self.assertIn("POST", headers["Allow"])

    def test_answer_as_an_event(self):
        session = self.begin()
        status, headers, body = self.server.post(
            "/mcp", json.dumps(request("ping")).encode(),
            {**JSON, "Accept": "text/event-stream", "Mcp-Session-Id": session})
        self.assertEqual((status, headers["Content-Type"]), (200, "text/event-stream"))
        self.assertEqual(body, b'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')

    def test_who_is_turned_away(self):
        session = self.begin()
        for headers, status in (({"Origin": "http://evil.example"}, 403),
                                ({"Origin": "http://evil.example:9090",
                                  "Host": "evil.example:9090"}, 403),
                                ({"Origin": "null"}, 403),
                                ({"Origin": self.server.url}, 200),
                                ({"Origin": "http://localhost:3000"}, 200),
                                ({"MCP-Protocol-Version": REVISION}, 200),
                                ({"MCP-Protocol-Version": "1999-01-01"}, 400),
                                ({"Content-Type": "text/plain"}, 415),
                                ({"Accept": "image/png"}, 406)):
            with self.subTest(headers):
                self.assertEqual(self.send(request("ping"), session, headers)[0], status)
        self.assertEqual(self.send(b'"' + b"x" * (2 << 20) + b'"', session)[0], 413)

    def test_resources(self):
        session = self.begin()
        resources = self.result("resources/list", session=session)["resources"]
        self.assertEqual([r["uri"] for r in resources],
                         ["prom5://metrics", "prom5://alerts", "prom5://targets"])
        read = {}
        for resource in resources:
            contents = self.result("resources/read", {"uri": resource["uri"]}, session)["contents"]
            read[resource["name"]] = json.loads(contents[0]["text"])
        self.assertIn("node_load1", [m["name"] for m in read["metrics"]["metrics"]])
        self.assertEqual(read["alerts"]["result"], [])
        self.assertEqual([s["value"][1] for s in read["targets"]["result"]], ["1", "1"])


class Pipe(unittest.TestCase):
    """`prom5 mcp` as a program of another agent's."""

    def setUp(self):
        self.server = self.enterContext(harness.Prom5())
        self.process = None
        self.ended = None
        self.lines = queue.Queue()

    def start(self, url=None):
        self.process = subprocess.Popen(
            [harness.prom5_binary(), "mcp", "--url", url or self.server.url], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=harness.clean_environment())
        self.addCleanup(self.end)

        def read():
            for line in self.process.stdout:
                self.lines.put(line)

        self.reader = threading.Thread(target=read)
        self.reader.start()

    def end(self):
        """Closes the program's input; its exit code and what it complained about."""
        if self.ended is None:
            self.process.stdin.close()
            code = self.process.wait(30)
            self.reader.join()
            self.ended = code, self.process.stderr.read()
            self.process.stdout.close()
            self.process.stderr.close()
        return self.ended

    def write(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.lines.get(timeout=30))

    def ask(self, message):
        self.write(message)
        return self.read()

    def test_conversation_to_its_end(self):
        self.start()
        self.assertEqual(self.ask(hello())["result"]["protocolVersion"], REVISION)
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.assertTrue(self.ask(request("tools/list", number="a"))["result"]["tools"])
        call = request("tools/call", {"name": "query_metrics", "arguments": {"promql": "1 + 1"}})
        self.assertEqual(self.ask(call)["result"]["structuredContent"]["result"][1], "2")
        self.assertEqual(self.ask(request("tools/grab"))["error"]["code"], -32601)
        self.assertEqual(self.ask("not json")["error"]["code"], -32700)
        self.write("")
        self.assertEqual(self.ask(request("ping", number=9)),
                         {"jsonrpc": "2.0", "id": 9, "result": {}})
        self.assertEqual(self.end(), (0, ""))
        self.assertTrue(self.lines.empty())

    def test_what_is_under_way_at_the_end_is_answered(self):
        self.start()
        self.ask(hello())
        for number in range(50):
            self.write(request("ping", number=number))
        self.assertEqual(self.end()[0], 0)
        numbers = sorted(self.read()["id"] for _ in range(50))
        self.assertEqual(numbers, list(range(50)))

    def test_server_that_was_started_anew(self):
        self.start()
        self.ask(hello())
        self.server.stop()
        answer = self.ask(request("ping", number=3))
        self.assertEqual(answer["id"], 3)
        self.assertIn(self.server.address, answer["error"]["message"])
        self.server.start()
        self.assertEqual(self.ask(request("ping", number=4)),
                         {"jsonrpc": "2.0", "id": 4, "result": {}})

    def test_no_server(self):
        port = harness.free_port()
        self.start(f"http://user:secret@127.0.0.1:{port}")
        answer = self.ask(hello())
        self.assertIn(str(port), answer["error"]["message"])
        code, error = self.end()
        self.assertEqual(code, 0)
        self.assertIn(str(port), error)
        self.assertNotIn("secret", error + json.dumps(answer))

    def test_wrong_use(self):
        self.assertEqual(harness.run_prom5("mcp", "--url", "ftp://x").returncode, 2)
        self.assertEqual(harness.run_prom5("mcp", "stray").returncode, 2)


if __name__ == "__main__":
    unittest.main()
