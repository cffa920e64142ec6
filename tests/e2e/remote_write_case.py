"""What the tests of receiving remote write share, whichever message comes: times and a server."""
import unittest

import harness

T = harness.now_ms() // 60_000 * 60 - 1800  # seconds; the samples come after it
HISTOGRAM = harness.Histogram(12, 18.4, {1: 3, 2: 4, 5: 1}, {1: 2}, zero_threshold=0.001,
                              zero_count=2)


def ms(seconds_after_start):
    """Milliseconds of a time so long after T."""
    return int((T + seconds_after_start) * 1000)


class Case(unittest.TestCase):
    """A server that takes remote write."""

    maxDiff = None
    flags = ()  # further ones

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Prom5([*harness.RECEIVER_FLAGS, *cls.flags],
                                                         config="global: {}\n"))

    def values(self, name, time=3600):
        """Label set without name -> [(seconds after T, text)] of everything stored."""
        return {tuple(sorted((k, v) for k, v in s["metric"].items() if k != "__name__")):
                [(t - T, v) for t, v in s["values"]]
                for s in self.server.query(f"{name}[2h]", T + time)}
