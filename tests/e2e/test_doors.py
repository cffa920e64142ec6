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


if __name__ == "__main__":
    unittest.main()
