"""What goes on while one looks: the WebSocket /ws and the events of /api/v5/events."""
import struct
import threading
import time
import unittest
import urllib.parse

import harness
from websocket_wire import CLOSE, PING, PONG, Closed, EventStream, WebSocket

FLAGS = ["--web.enable-remote-write-receiver", "--web.max-connections=3000"]
EMPTY = "global: {}\n"


def events_path(*queries, **parameters):
    pairs = [("promql", q) for q in queries] + list(parameters.items())
    return "/api/v5/events?" + urllib.parse.urlencode(pairs)


class Live(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5(FLAGS, config=EMPTY))

    def setUp(self):
        now = harness.now_ms()
        self.name = f"level_{self._testMethodName}"
        self.server.must_write([({"__name__": self.name, "host": "a"}, [(now, 3.0)])])

    def write_alert(self, name, states):
        """Samples of ALERTS: {state: value}; a stale marker ends one."""
        now = harness.now_ms()
        self.server.must_write([
            ({"__name__": "ALERTS", "alertname": name, "alertstate": state, "host": "a"},
             [(now, value)]) for state, value in states.items()])

    def socket(self, **options):
        client = self.enterContext(WebSocket(self.server, **options))
        self.assertEqual(client.status, 101)
        return client

    def stream(self, *queries, **parameters):
        stream = self.enterContext(EventStream(self.server, events_path(*queries, **parameters)))
        self.assertEqual(stream.status, 200)
        return stream

    # The WebSocket

    def test_question_and_follow_up(self):
        self.server.must_write([({"__name__": self.name, "host": "b"},
                                 [(harness.now_ms(), 5.0)])])
        client = self.socket()

        def say(message, **more):
            client.send("text_message", {"message": message, **more})
            return client.wait_for("text_reply")

        first = say(f"what is the {self.name}")
        self.assertEqual(first["promql"], self.name)
        # Only with the first question is it known of what host b is meant.
        second = say("and of host b?")
        self.assertEqual(second["promql"], f'{self.name}{{host="b"}}')
        self.assertRegex(second["reply"], r"\b5\b")
        self.assertEqual(second["session_id"], first["session_id"])
        apart = say("and of host b?", session_id="of-my-own")
        self.assertEqual(apart["session_id"], "of-my-own")
        self.assertNotIn(self.name, apart["promql"])

    def test_subscription_updates_and_ends(self):
        client = self.socket()
        client.send("subscribe", {"promql": f"{self.name} * 2", "id": "twice"})
        self.assertEqual(client.wait_for("subscribed"),
                         {"id": "twice", "promql": f"{self.name} * 2"})
        update = client.wait_for("metrics_update")
        self.assertEqual(update["id"], "twice")
        self.assertEqual(update["promql"], f"{self.name} * 2")
        self.assertEqual(update["resultType"], "vector")
        self.assertEqual(update["result"], [{"metric": {"host": "a"},
                                             "value": [update["time"], "6"]}])
        self.server.must_write([({"__name__": self.name, "host": "a"},
                                 [(harness.now_ms(), 5.0)])])
        changed = client.wait_for(
            "metrics_update", where=lambda data: data["result"][0]["value"][1] == "10")
        self.assertGreater(changed["time"], update["time"])
        client.send("unsubscribe", {"id": "twice"})
        client.wait_for("unsubscribed", where=lambda data: data == {"id": "twice"})
        client.send("subscribe", {"metric": self.name, "id": "plain"})
        # From here on there are two ticks of the new one, and none of the old one.
        client.wait_for("subscribed")
        for _ in range(2):
            event, data = client.receive()
            self.assertEqual((event, data["id"]), ("metrics_update", "plain"))
            self.assertEqual(data["result"][0]["metric"],
                             {"__name__": self.name, "host": "a"})

    def test_metric_with_a_strange_name(self):
        self.server.must_write([({"__name__": 'a "b" \\ c', "host": "a"},
                                 [(harness.now_ms(), 7.0)])])
        client = self.socket()
        client.send("subscribe", {"metric": 'a "b" \\ c'})
        update = client.wait_for("metrics_update")
        self.assertEqual([s["value"][1] for s in update["result"]], ["7"])

    def test_intervals(self):
        client = self.socket()
        client.send("subscribe", {"promql": "vector(1)", "id": "fast"})
        client.send("subscribe", {"promql": "vector(2)", "id": "slow", "interval_s": 3})
        times = {"fast": [], "slow": []}
        while len(times["slow"]) < 3:
            update = client.wait_for("metrics_update")
            times[update["id"]].append(update["time"])
        # The first comes at once; from then on at multiples of the interval.
        self.assertEqual([t % 3 for t in times["slow"][1:]], [0, 0], times)
        self.assertEqual(times["slow"][2] - times["slow"][1], 3, times)
        self.assertGreaterEqual(len(times["fast"]), 4, times)

    def test_wrong_frames_get_errors_and_the_socket_goes_on(self):
        client = self.socket()
        for text in ("{", "[]", "5", "{}", '{"event": 5}', '{"event": "dance"}',
                     '{"event": "text_message"}', '{"event": "text_message", "data": []}',
                     '{"event": "text_message", "data": {"message": 5}}',
                     '{"event": "text_message", "data": {"message": "' + "x" * 9000 + '"}}',
                     '{"event": "subscribe"}', '{"event": "subscribe", "data": {"promql": 5}}',
                     '{"event": "subscribe", "data": {"promql": "sum("}}',
                     '{"event": "subscribe", "data": {"promql": "1", "metric": "up"}}',
                     '{"event": "subscribe", "data": {"promql": "1", "interval_s": 0}}',
                     '{"event": "subscribe", "data": {"promql": "1", "interval_s": "x"}}',
                     '{"event": "subscribe", "data": {"promql": "1", "interval_s": 1e300}}',
                     '{"event": "subscribe", "data": {"promql": "1", "id": 5}}',
                     '{"event": "unsubscribe", "data": {"id": "none"}}'):
            with self.subTest(text[:60]):
                client.send_text(text)
                self.assertTrue(client.wait_for("error")["message"])
        client.send("ping", {"n": 3})
        self.assertEqual(client.wait_for("pong"), {"n": 3})

    def test_a_wrong_interval_is_named(self):
        for interval in ("10ms", "0s", "0", "-1", "2h"):
            with self.subTest(interval):
                status, _, body = self.server.get(events_path("1", interval=interval))
                self.assertEqual(status, 400)
                self.assertEqual(harness.parse_json(body)["error"],
                                 'invalid parameter "interval": the interval must be from 1s to 1h')
        client = self.socket()
        for interval in (0, -1, 0.0001, 0.5, 3601, 1e300):
            with self.subTest(interval):
                client.send("subscribe", {"promql": "1", "interval_s": interval})
                self.assertEqual(client.wait_for("error")["message"],
                                 '"interval_s": the interval must be from 1s to 1h')

    def test_as_many_subscriptions_as_may_be(self):
        client = self.socket()
        for number in range(20):
            client.send("subscribe", {"promql": str(number), "interval_s": 3600})
        client.send("subscribe", {"promql": "20", "interval_s": 3600})
        error = client.wait_for("error")
        self.assertIn("subscriptions", error["message"])
        self.assertEqual(error["for"], "subscribe")

    def test_query_that_fails_tells_why(self):
        self.server.must_write([({"__name__": self.name, "host": "b"},
                                 [(harness.now_ms(), 3.0)])])
        client = self.socket()
        client.send("subscribe", {"promql": f"{self.name} * on() {self.name}", "id": "bad"})
        error = client.wait_for("error")
        self.assertEqual(error["id"], "bad")
        self.assertIn("match", error["message"])

    def test_protocol_of_frames(self):
        client = self.socket()
        client.send_frame(PING, b"hello")
        self.assertEqual(client.receive_frame(), (PONG, b"hello"))
        # A message in three parts, with a ping between them.
        client.send_frame(1, b'{"event": "pi', final=False)
        client.send_frame(0, b'ng", "da', final=False)
        client.send_frame(PING, b"")
        client.send_frame(0, b'ta": {"n": 1}}')
        self.assertEqual(client.receive_frame()[0], PONG)
        self.assertEqual(client.wait_for("pong"), {"n": 1})
        client.send_frame(CLOSE, b"\x03\xe8")
        self.assertEqual(client.receive_frame(), (CLOSE, b"\x03\xe8"))
        foreign = self.enterContext(WebSocket(self.server, headers={"Origin": "http://evil.org"}))
        self.assertEqual(foreign.status, 403)

    def test_a_broken_protocol_is_closed_with_its_code(self):
        def code_after(*frames, raw=b""):
            client = self.socket()
            for opcode, payload, final in frames:
                client.send_frame(opcode, payload, final)
            client.connection.sendall(raw)
            with self.assertRaises(Closed) as closed:
                client.receive()
            return closed.exception.code

        self.assertEqual(code_after((0, b"goes on from nothing", True)), 1002)
        self.assertEqual(code_after((1, b"a", False), (1, b"another begins", True)), 1002)
        self.assertEqual(code_after((3, b"no such opcode", True)), 1002)
        # The head of a frame that says how long it will be is enough.
        too_big = struct.pack(">BBQI", 0x81, 0xFF, 4 * 2**20 + 1, 0)
        self.assertEqual(code_after(raw=too_big), 1009)

    def test_a_handshake_that_is_none(self):
        for headers, status in (({"Sec-WebSocket-Version": "8"}, 426),
                                ({"Sec-WebSocket-Version": ""}, 426),
                                ({"Sec-WebSocket-Key": "short"}, 400),
                                ({"Sec-WebSocket-Key": "bm90IGJhc2U2NA==!"}, 400),
                                ({"Sec-WebSocket-Key": ""}, 400)):
            with self.subTest(headers):
                client = self.enterContext(WebSocket(self.server, headers=headers))
                self.assertEqual(client.status, status)

    def test_too_many_messages_at_once_close_the_socket(self):
        client = self.socket()
        with self.assertRaises((Closed, OSError)):
            for _ in range(2000):
                client.send("text_message", {"message": "show me the usage"})
            while True:
                client.receive()

    # The stream of events

    def test_stream_of_two_queries(self):
        stream = self.stream(self.name, f"{self.name} + 1")
        self.assertIn("content-type: text/event-stream", stream.head)
        seen = {}
        while len(seen) < 2:
            update = stream.wait_for("metrics_update")
            seen[update["id"]] = (update["promql"], update["result"][0]["value"][1])
        self.assertEqual(seen, {"1": (self.name, "3"), "2": (f"{self.name} + 1", "4")})

    def test_stream_that_was_torn_begins_anew(self):
        with EventStream(self.server, events_path(self.name), {"Last-Event-ID": "77"}) as stream:
            self.assertTrue(stream.wait_for("metrics_update")["result"])

    def test_wrong_parameters_of_a_stream(self):
        for path in (events_path("sum("), events_path("1", interval="x"),
                     events_path("1", interval="10ms"), events_path("1", interval="9d"),
                     events_path(""), events_path("1" * 5000),
                     events_path(*[str(n) for n in range(21)])):
            with self.subTest(path[:80]):
                status, _, body = self.server.get(path)
                self.assertIn(status, (400, 422), body)
                self.assertEqual(harness.parse_json(body)["status"], "error")
        self.assertEqual(self.server.post("/api/v5/events")[0], 405)

    def test_heartbeats(self):
        stream = self.stream("vector(1)")
        while "heartbeat" not in stream.comments:
            stream.receive(40)

    def test_alerts_from_pending_to_resolved(self):
        stream = self.stream("vector(1)")
        client = self.socket()
        client.send("subscribe", {"promql": "vector(1)"})
        # With the first update the alerts of before are known.
        stream.wait_for("metrics_update")
        client.wait_for("metrics_update")
        name = self._testMethodName
        labels = {"alertname": name, "host": "a"}
        stale = harness.STALE_NAN
        for states, state, previous in (({"pending": 1.0}, "pending", "inactive"),
                                        ({"pending": stale, "firing": 1.0}, "firing", "pending"),
                                        ({"firing": stale}, "resolved", "firing")):
            self.write_alert(name, states)
            for listener in (stream, client):
                alert = listener.wait_for("alert", where=lambda d: d["labels"] == labels)
                self.assertEqual((alert["state"], alert["previous"]), (state, previous))
                self.assertLess(abs(alert["time"] - time.time()), 30)

    # Many at once

    def test_subscribers_that_leave_are_forgotten(self):
        before = self.server.metric("prom5_live_subscribers")
        clients = [WebSocket(self.server) for _ in range(20)]
        streams = [EventStream(self.server, events_path("vector(1)")) for _ in range(5)]
        harness.wait_until(
            lambda: self.server.metric("prom5_live_subscribers") == before + 25, "all have come")
        for one in clients + streams:
            one.__exit__()
        harness.wait_until(
            lambda: self.server.metric("prom5_live_subscribers") <= before, "all have gone")

    def test_slow_reader_misses_updates_and_others_do_not(self):
        now = harness.now_ms()
        self.server.must_write([
            ({"__name__": self.name, "number": str(n), "filling": "x" * 500}, [(now, 1.0)])
            for n in range(1000)])
        fast, slow = self.socket(), self.socket()
        skipped = self.server.metric("prom5_live_updates_skipped_total")
        for client in (fast, slow):
            # More than the kernel's buffers hold comes within a few ticks.
            for number in range(10):
                client.send("subscribe", {"promql": f"{self.name} + {number}"})
        # From here on nobody reads from `slow`.
        stop = threading.Event()
        last = {}

        def read():
            while not stop.is_set():
                last.update(fast.wait_for("metrics_update"))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            harness.wait_until(
                lambda: self.server.metric("prom5_live_updates_skipped_total") > skipped,
                "updates of the slow one are skipped", interval=0.2)
            time_then = time.time()
            harness.wait_until(lambda: last.get("time", 0) > time_then, "the fast one goes on")
        finally:
            stop.set()
            reader.join()

    def test_a_query_of_many_is_evaluated_once(self):
        clients = [self.socket() for _ in range(50)]
        for client in clients:
            client.send("subscribe", {"metric": self.name})
            client.wait_for("subscribed")
        for client in clients:
            client.wait_for("metrics_update")
        before = self.server.metric("prom5_live_queries_total")
        sent = self.server.metric("prom5_live_updates_total")
        start = clients[0].wait_for("metrics_update")["time"]
        last = clients[0].wait_for("metrics_update", where=lambda d: d["time"] >= start + 3)["time"]
        evaluated = self.server.metric("prom5_live_queries_total") - before
        # Two a tick, this one and that of the alerts; a tick may lie on either side.
        self.assertLessEqual(evaluated, 2 * (last - start + 3))
        self.assertGreaterEqual(self.server.metric("prom5_live_updates_total") - sent, 100)


class Limits(unittest.TestCase):

    def test_server_stops_with_listeners(self):
        with harness.Prom5(config=EMPTY) as server:
            client = self.enterContext(WebSocket(server))
            stream = self.enterContext(EventStream(server, events_path("vector(1)")))
            client.send("subscribe", {"promql": "vector(1)"})
            client.wait_for("metrics_update")
            stream.wait_for("metrics_update")
            self.assertEqual(server.stop(deadline=10), 0)
            for listener in (client, stream):
                with self.assertRaises((Closed, OSError)):
                    while True:
                        listener.receive(5)

    def test_a_thousand_clients_get_every_update(self):
        """How soon is measured by tools/bench_live."""
        clients = 1000
        with harness.Prom5(FLAGS, config=EMPTY) as server:
            server.must_write([({"__name__": "level", "n": str(n)}, [(harness.now_ms(), 1.0)])
                               for n in range(10)])
            listeners = [WebSocket(server) for _ in range(clients)]
            for listener in listeners:
                listener.send("subscribe", {"promql": "level", "id": "l"})
            for listener in listeners:
                listener.wait_for("subscribed")
            # Of the ticks before all of them had come, not everyone is told.
            after = time.time()
            for _ in range(3):
                updates = [listener.wait_for("metrics_update",
                                             where=lambda d, t=after: d["time"] > t)
                           for listener in listeners]
                self.assertEqual(len(updates[0]["result"]), 10)
                for update in updates:
                    self.assertEqual(update, updates[0])
                after = updates[0]["time"]
            for listener in listeners:
                listener.__exit__()


if __name__ == "__main__":
    unittest.main()
