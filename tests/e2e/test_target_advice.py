"""What the targets' list says of a target that does not answer, and what to do about it."""
import socket
import unittest

import harness


class Advice(unittest.TestCase):
    def failing(self, address):
        """The entry of a target, when its scrape failed."""
        server = self.enterContext(harness.Prom5(config=(
            "scrape_configs:\n- job_name: gone\n  scrape_interval: 1s\n  scrape_timeout: 500ms\n"
            f"  static_configs: [{{targets: ['{address}']}}]\n")))
        return harness.wait_until(
            lambda: [t for t in server.api("targets")["activeTargets"] if t["health"] == "down"],
            "the scrape failed")[0]

    def test_nobody_takes_the_connection(self):
        """As behind a firewall that drops: the queue of who may connect is full."""
        listener = self.enterContext(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = self.enterContext(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        target = self.failing(f"127.0.0.1:{listener.getsockname()[1]}")
        self.assertIn("timed out after 500 ms without a connection", target["lastError"])
        self.assertIn("firewall", target["advice"])

    def test_a_target_that_is_slow(self):
        listener = self.enterContext(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        target = self.failing(f"127.0.0.1:{listener.getsockname()[1]}")
        self.assertIn("without a complete answer", target["lastError"])
        self.assertIn("too slowly", target["advice"])


if __name__ == "__main__":
    unittest.main()
