"""Who may come in, and what those who did keep from each other."""
import base64
import tempfile
import unittest

import harness
from websocket_wire import WebSocket

# The password of both is "secret".
HASH = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
USERS = f"basic_auth_users:\n  ann: {HASH}\n  bob: {HASH}\n"


def login(user):
    pair = base64.b64encode(f"{user}:secret".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        web = cls.enterClassContext(tempfile.NamedTemporaryFile("w", suffix=".yml"))
        web.write(USERS)
        web.flush()
        cls.server = harness.Prom5([f"--web.config.file={web.name}"], config="global: {}\n")
        cls.server.spawn()
        cls.addClassCleanup(cls.server.kill)
        harness.wait_until(lambda: cls.server.get("/-/ready", login("ann"))[0] == 200,
                           "it is ready")

    def ask(self, user, question, session=""):
        status, answer = self.server.post_json(
            "/api/v5/agent/text", {"message": question, "session_id": session}, login(user))
        self.assertEqual(status, 200, answer)
        return answer

    def sessions(self, user):
        status, _, body = self.server.get("/api/v5/agent/session", login(user))
        self.assertEqual(status, 200, body)
        return [session["id"] for session in harness.parse_json(body)["sessions"]]

    def test_a_conversation_is_its_users_alone(self):
        session = self.ask("ann", "Is anything down?")["session_id"]
        path = f"/api/v5/agent/session/{session}"
        opinion = {"session_id": session, "verdict": "up"}
        self.assertIn(session, self.sessions("ann"))
        self.assertNotIn(session, self.sessions("bob"))
        self.assertEqual(self.server.get(path, login("bob"))[0], 404)
        self.assertEqual(self.server.request("DELETE", path, headers=login("bob"))[0], 404)
        self.assertEqual(
            self.server.post_json("/api/v5/agent/feedback", opinion, login("bob"))[0], 404)
        # Going on with it begins another of the same name.
        self.ask("bob", "what is the weather in Paris", session)
        told = harness.parse_json(self.server.get(path, login("ann"))[2])
        self.assertEqual([turn["question"] for turn in told["turns"]], ["Is anything down?"])
        self.assertEqual(self.server.request("DELETE", path, headers=login("bob"))[0], 204)
        self.assertEqual(self.server.get(path, login("ann"))[0], 200)
        self.assertEqual(
            self.server.post_json("/api/v5/agent/feedback", opinion, login("ann"))[0], 200)
        report = harness.parse_json(self.server.get("/api/v5/agent/feedback", login("bob"))[2])
        self.assertEqual(report["up"], 1, "the report is that of all")

    def test_a_socket_asks_for_its_user(self):
        client = self.enterContext(WebSocket(self.server, headers=login("bob")))
        self.assertEqual(client.status, 101)
        client.send("text_message", {"message": "Is anything down?", "session_id": "socket"})
        client.wait_for("text_reply")
        self.assertIn("socket", self.sessions("bob"))
        self.assertNotIn("socket", self.sessions("ann"))

    def test_a_session_of_mcp_is_its_users_alone(self):
        call = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
                "params": {"protocolVersion": "2025-06-18"}}
        status, headers, body = self.server.post(
            "/mcp", harness.json.dumps(call).encode(),
            {"Content-Type": "application/json", **login("ann")})
        self.assertEqual(status, 200, body)
        session = {"Mcp-Session-Id": headers["Mcp-Session-Id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        for user, expected in (("bob", 404), ("ann", 200)):
            self.assertEqual(
                self.server.post_json("/mcp", ping, {**session, **login(user)})[0], expected)


class Pages(unittest.TestCase):
    """What a page in a browser may do depends on where it comes from, everywhere alike."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(config="global: {}\n"))

    def status(self, path, headers, method="POST", body=b'{"message": "Is anything down?"}'):
        return self.server.request(method, path, body, headers)[0]

    def test_only_own_pages_come_in(self):
        json_type = {"Content-Type": "application/json"}
        for origin, host, good in (("http://evil.example", self.server.address, False),
                                   ("http://evil.example:9090", "evil.example:9090", False),
                                   ("null", self.server.address, False),
                                   (self.server.url, self.server.address, True),
                                   ("http://localhost:3000", self.server.address, True)):
            with self.subTest(origin=origin, host=host):
                headers = {**json_type, "Origin": origin, "Host": host}
                expected = 200 if good else 403
                self.assertEqual(self.status("/api/v5/agent/text", headers), expected)
                self.assertEqual(
                    self.status("/api/v5/agent/session/x", headers, "DELETE"),
                    404 if good else 403)
                self.assertEqual(self.status("/mcp", headers, body=b"{}"), 400 if good else 403)
                with WebSocket(self.server, headers={"Origin": origin}) as client:
                    if host == self.server.address:
                        self.assertEqual(client.status, 101 if good else 403)

    def test_a_rebound_name_opens_no_socket(self):
        answer = self.server.get("/ws", {
            "Upgrade": "websocket", "Connection": "Upgrade", "Host": "evil.example:9090",
            "Origin": "http://evil.example:9090", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        self.assertEqual(answer[0], 403)

    def test_kinds_of_bodies(self):
        for kind, status in (("", 200), ("application/json", 200),
                             ("application/x-www-form-urlencoded", 200),  # what curl -d says
                             ("text/plain", 415), ("multipart/form-data; boundary=x", 415)):
            for path in ("/api/v5/agent/text", "/api/v5/query/natural"):
                with self.subTest(kind, path=path):
                    body = b'{"message": "Is anything down?", "query": "Is anything down?"}'
                    self.assertEqual(
                        self.status(path, {"Content-Type": kind} if kind else {}, body=body),
                        status)
        foreign = {"Content-Type": "application/x-www-form-urlencoded",
                   "Origin": "http://evil.example"}
        self.assertEqual(self.status("/api/v5/agent/text", foreign), 403)
        status, answer = self.server.post_json("/api/v5/agent/text", {"message": "x"},
                                               {"Content-Type": "text/plain"})
        self.assertEqual((status, answer["errorType"]), (415, "bad_data"))
        self.assertIn("application/json", answer["error"])

    def test_the_operator_names_others(self):
        with harness.Prom5(["--web.cors.origin=https://prom5[.]example"],
                           config="global: {}\n") as server:
            for origin, status in (("https://prom5.example", 200), ("https://x.example", 403)):
                headers = {"Origin": origin, "Host": "prom5.example"}
                self.assertEqual(server.post_json(
                    "/api/v5/agent/text", {"message": "Is anything down?"}, headers)[0], status)


class SwitchedOff(unittest.TestCase):
    OFF = "assistant:\n  enabled: false\n"

    def test_questions_are_refused_and_tools_are_not(self):
        with harness.Prom5(config=self.OFF) as server:
            for path, field in (("agent/text", "message"), ("query/natural", "query")):
                status, answer = server.post_json(f"/api/v5/{path}", {field: "Is anything down?"})
                self.assertEqual((status, answer["errorType"]), (503, "unavailable"), answer)
                self.assertIn("assistant: enabled", answer["error"])
            client = self.enterContext(WebSocket(server))
            client.send("text_message", {"message": "Is anything down?"})
            self.assertIn("assistant: enabled", client.wait_for("error")["message"])
            call = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
                    "params": {"protocolVersion": "2025-06-18"}}
            _, headers, _ = server.post("/mcp", harness.json.dumps(call).encode(),
                                        {"Content-Type": "application/json"})
            status, answer = server.post_json(
                "/mcp", {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
                {"Mcp-Session-Id": headers["Mcp-Session-Id"]})
            self.assertEqual(status, 200, answer)
            self.assertTrue(answer["result"]["tools"])

    def test_a_reload_says_that_it_takes_a_start(self):
        warning = "takes effect when the server is started anew"
        with harness.Prom5(["--web.enable-lifecycle"], config="global: {}\n") as server:
            self.assertEqual(server.post("/-/reload")[0], 200)
            self.assertNotIn(warning, server.log())
            server.write_config(self.OFF)
            self.assertEqual(server.post("/-/reload")[0], 200)
            self.assertIn(warning, server.log())


if __name__ == "__main__":
    unittest.main()
