"""Stopping, reloading, and what the server says meanwhile."""
import contextlib
import signal
import socket
import time
import unittest

import harness

SECONDS_TO_STOP = 5.0  # promised to whoever runs this under a service manager

# Line 7, column 5 holds a key that does not exist.
BROKEN = """\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: fine
    static_configs:
      - targets: ['127.0.0.1:1']
    scrape_intervall: 5s
"""


def jobs(server):
    return {t["scrapePool"] for t in server.api("targets")["activeTargets"]}


class Terminate(unittest.TestCase):
    def stops_cleanly(self, server, number=signal.SIGTERM):
        begin = time.monotonic()
        server.signal(number)
        code = server.wait()
        taken = time.monotonic() - begin
        self.assertEqual(code, 0, server.log())
        self.assertLess(taken, SECONDS_TO_STOP)

    def test_idle(self):
        with harness.Prom5() as server:
            self.stops_cleanly(server)

    def test_interrupt(self):
        with harness.Prom5(config="global: {}\n") as server:
            self.stops_cleanly(server, signal.SIGINT)

    def test_right_after_start(self):
        with harness.Prom5(config="global: {}\n") as server:
            server.stop()
            server.spawn()
            # The log's first line says that the handlers may be installed; not yet that it serves.
            length = len(server.log())
            harness.wait_until(lambda: len(server.log()) > length)
            server.signal(signal.SIGTERM)
            self.assertIn(server.wait(SECONDS_TO_STOP), (0, -signal.SIGTERM))
            server.start()  # The data directory is not left locked.

    def test_with_scrapes_in_flight_and_clients_that_linger(self):
        hanging = self.enterContext(harness.HostileServer(harness.never_answers))
        server = self.enterContext(harness.Prom5(config=harness.scrape_config(
            ("hanging", hanging.address), interval="8s", timeout="8s")))
        sockets = self.enterContext(contextlib.ExitStack())

        def client(data):
            connection = sockets.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=30))
            connection.sendall(data.replace("\n", "\r\n").encode())
            return connection

        host = f"Host: {server.address}\n"
        client("GET /api/v1/query?que")                               # half a request line
        client(f"POST /api/v1/query HTTP/1.1\n{host}Content-Length: 1000\n\nquery=")
        client(f"GET /api/v5/events HTTP/1.1\n{host}Accept: text/event-stream\n\n")
        client(f"GET /api/v1/notifications/live HTTP/1.1\n{host}\n")
        client(f"GET /ws HTTP/1.1\n{host}Upgrade: websocket\nConnection: Upgrade\n"
               "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
        idle = client(f"GET /-/healthy HTTP/1.1\n{host}\n")           # kept alive, idle
        self.assertIn(b"200", idle.recv(4096))
        for _ in range(20):                                           # asks, never reads
            client(f"GET /metrics HTTP/1.1\n{host}\n" * 50)
        # Longer than the promise: waiting for the scrape's own timeout would break it.
        harness.wait_until(lambda: hanging.connections, "a scrape is in flight")
        self.stops_cleanly(server)

    def test_starts_again_after_stop(self):
        with harness.Prom5(config="global: {}\n") as server:
            self.stops_cleanly(server)
            server.start()
            self.assertEqual(server.get("/-/ready")[0], 200)
            self.stops_cleanly(server)


class Reload(unittest.TestCase):
    def setUp(self):
        self.good = harness.scrape_config(("one", harness.SELF))
        self.server = self.enterContext(harness.Prom5(config=self.good))
        harness.wait_until(lambda: jobs(self.server) == {"one"})

    def hangup(self):
        self.server.signal(signal.SIGHUP)

    def wait_for_reload(self, success):
        harness.wait_until(
            lambda: self.server.metric("prometheus_config_last_reload_successful") == success,
            f"prometheus_config_last_reload_successful is {success}")

    def test_hangup_with_good_file_applies_it(self):
        before = self.server.metric("prometheus_config_last_reload_success_timestamp_seconds")
        self.server.write_config(harness.scrape_config(
            ("two", harness.SELF), ("three", harness.SELF), interval="2s"))
        self.hangup()
        harness.wait_until(lambda: jobs(self.server) == {"two", "three"}, "new jobs are there")
        harness.wait_until(lambda: self.server.value('up{job="two"}') == 1)
        self.wait_for_reload(1)
        self.assertGreater(
            self.server.metric("prometheus_config_last_reload_success_timestamp_seconds"), before)
        self.assertIn("two", self.server.api("status/config")["yaml"])
        harness.wait_until(lambda: not self.server.query('up{job="one"}'),
                           "series of the job that is gone have ended")

    def test_hangup_with_broken_file_keeps_the_old_and_says_where(self):
        self.assertEqual(self.server.metric("prometheus_config_last_reload_successful"), 1)
        self.server.write_config(BROKEN)
        self.hangup()
        self.wait_for_reload(0)
        self.assertEqual(jobs(self.server), {"one"})
        self.assertNotIn("fine", self.server.api("status/config")["yaml"])
        self.assertIs(self.server.api("status/runtimeinfo")["reloadConfigSuccess"], False)
        log = self.server.log()
        self.assertTrue(harness.names_position(log, self.server.config_path, 7, 5), log)
        self.assertIn("scrape_interval", log.replace("scrape_intervall", ""))
        harness.wait_until(lambda: self.server.query('up{job="one"}'), "the first scrape")
        count = self.server.value('count_over_time(up{job="one"}[10m])')
        harness.wait_until(
            lambda: self.server.value('count_over_time(up{job="one"}[10m])') > count,
            "scraping goes on")

        self.server.write_config(self.good)
        self.hangup()
        self.wait_for_reload(1)
        self.assertIs(self.server.api("status/runtimeinfo")["reloadConfigSuccess"], True)

    def test_hangup_with_file_gone_keeps_the_old(self):
        self.server.config_path.unlink()
        self.hangup()
        self.wait_for_reload(0)
        self.assertEqual(jobs(self.server), {"one"})
        self.assertIn(str(self.server.config_path), self.server.log())

    def test_reload_and_quit_by_http_are_off_by_default(self):
        for path in ("/-/reload", "/-/quit"):
            for method in ("POST", "PUT"):
                status, _, body = self.server.request(method, path)
                self.assertEqual((status, body.strip()),
                                 (403, b"Lifecycle API is not enabled."), (method, path))
            self.assertEqual(self.server.get(path)[0], 405)
        self.assertEqual(self.server.get("/-/ready")[0], 200)


class Lifecycle(unittest.TestCase):
    def test_reload_and_quit_by_http_with_the_flag(self):
        server = self.enterContext(harness.Prom5(
            ["--web.enable-lifecycle"], config=harness.scrape_config(("one", harness.SELF))))
        server.write_config(harness.scrape_config(("two", harness.SELF)))
        status, _, body = server.post("/-/reload")
        self.assertEqual(status, 200, body)
        harness.wait_until(lambda: jobs(server) == {"two"})

        server.write_config(BROKEN)
        status, _, body = server.post("/-/reload")
        self.assertEqual(status, 500)
        self.assertIn(b"failed to reload config", body)
        self.assertTrue(harness.names_position(body.decode(), server.config_path, 7, 5), body)
        self.assertEqual(server.metric("prometheus_config_last_reload_successful"), 0)
        self.assertEqual(jobs(server), {"two"})
        self.assertEqual(server.get("/-/reload")[0], 405)

        status, _, body = server.post("/-/quit")
        self.assertEqual(status, 200, body)
        self.assertEqual(server.wait(), 0, server.log())


if __name__ == "__main__":
    unittest.main()
