"""`GET /host/metrics` beside Debian's node_exporter on the same machine.

The peer's page is read, then ours, then the peer's again, several rounds of it. Whatever the peer
shows we must show, under the same name, TYPE, HELP and labels, and every value of ours must lie
between the peer's two. Nothing here knows a metric by heart: the peer itself says which family
belongs to which collector (`?collect[]=`), so this also holds on machines with other hardware.

What may differ:
  * a series is only demanded in a round if it is on both pages of the peer, since devices and
    mounts come and go;
  * we may show more than the peer (Debian hides `lo`, for example);
  * a counter only grows, so [before, after] is exact, in every round; float tolerance aside;
  * a gauge can leave the bracket and come back while we look, so it has to fit in one of the
    rounds only, and those that jump about have a tolerance, with its reason, in GAUGE_TOLERANCES.
"""
import math
import re
import time
import unittest

from harness import NodeExporter, Prom5

# Collectors whose every series we must have.
NAMED = ("cpu", "meminfo", "vmstat", "loadavg", "filesystem", "diskstats", "netdev", "netstat",
         "sockstat", "stat", "uname", "time", "filefd", "pressure", "thermal_zone", "hwmon")
# Collectors whose families we must have; values are compared for the series that we do show.
OTHERS = ("netclass", "entropy", "cpufreq", "os", "timex", "softnet", "schedstat", "udp_queues",
          "selinux", "conntrack", "nvme", "dmi")
# The exporter's words about itself: TYPE and HELP count, labels and values are each one's own.
ABOUT_ITSELF = ("node_exporter_build_info", "node_scrape_collector_duration_seconds",
                "node_scrape_collector_success")
# Every Linux has these: should the peer not, then this test compares nothing and must not pass.
ALWAYS_THERE = ("node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_vmstat_pgfault",
                "node_load1", "node_netstat_Tcp_CurrEstab", "node_sockstat_sockets_used",
                "node_boot_time_seconds", "node_context_switches_total", "node_uname_info",
                "node_time_seconds", "node_filefd_allocated")

ROUNDS = 5
PAUSE_SECONDS = 0.2  # lets a burst pass, so that the rounds are not all within the same one

MIB = 1024 * 1024

# A double of 1e-12 relative is the same measurement in another order of multiplications.
FLOAT_TOLERANCE = 1e-12

# These are gauges in node_exporter's untyped families; every other untyped one is a counter.
UNTYPED_GAUGES = ("node_netstat_Tcp_CurrEstab", "node_netstat_Ip_Forwarding")

# Gauges: pattern of the name, absolute tolerance, relative tolerance, reason. The first that fits
# counts; a gauge without a line (MemTotal, filesystem size, load, maxima, info) must be in the
# bracket exactly.
GAUGE_TOLERANCES = (
    (r"node_memory_(MemTotal|CommitLimit|SwapTotal|VmallocTotal|Hugepagesize|HugePages_.*)"
     r"(_bytes)?", 0, 0, "set by the administrator or the hardware, no reason to move"),
    (r"node_memory_(Dirty|Writeback)_bytes", 256 * MIB, 0,
     "another process' write burst appears and is flushed between two reads"),
    (r"node_memory_.*", MIB / 4, 0.01,
     "pages of other processes; far below the factor 1024 of a wrong unit"),
    (r"node_filesystem_(avail|free)_bytes", 64 * MIB, 0,
     "others write and delete files; both servers write logs"),
    (r"node_filesystem_files_free", 1024, 0, "others create and delete files"),
    (r"node_filefd_allocated", 512, 0,
     "the kernel sums a per-CPU counter in batches, so it jumps without a file being opened"),
    (r"node_procs_(running|blocked)", 16, 0, "changes with every context switch"),
    (r"node_disk_io_now", 256, 0, "a queue that fills and drains within a millisecond"),
    (r"node_sockstat_.*_mem_bytes", 4 * MIB, 0, "socket buffers of these very requests"),
    (r"node_sockstat_.*_mem", 1024, 0, "the same in pages"),
    (r"node_sockstat_.*", 64, 0, "every request of this test opens a socket and leaves TIME_WAIT"),
    (r"node_netstat_Tcp_CurrEstab", 64, 0, "the connections of this test and its servers"),
    (r"node_time_seconds", 1e-3, 0, "a clock being slewed; otherwise it only grows"),
    (r"node_boot_time_seconds", 1, 0,
     "the kernel works it out from two clocks and it may flip by a second"),
    (r"node_entropy_available_bits", 256, 0, "the whole pool of a current kernel"),
    (r"node_nf_conntrack_entries", 256, 0, "connections come and go"),
    (r"node_udp_queues", MIB, 0, "datagrams under way"),
    (r"node_timex_(offset|maxerror|estimated_error)_seconds", 0.1, 0, "time daemon at work"),
    (r"node_timex_frequency_adjustment_ratio", 1e-3, 0, "time daemon at work"),
    (r"node_cpu_(scaling_)?frequency_hertz", 0, 4,
     "frequency scaling; the order of magnitude is what can be compared"),
    (r"node_thermal_zone_temp|node_hwmon_temp_celsius", 5, 0, "work makes heat, in Celsius"),
    (r"node_hwmon_(in_volts|curr_amps|power.*_watt|fan_rpm|cpu_volts|humidity)", 0.5, 0.3,
     "noise of a sensor"),
)

# /proc/stat may step back in these two: time since the last tick counts as iowait only while the
# waiting task has not been woken up. node_exporter then keeps showing the highest value that IT
# has read, so ours may be below it, by less than the longest sleep of a CPU, which a machine
# with two servers under test does not extend to a second.
STEPS_BACK = ("idle", "iowait")
STEP_BACK_SECONDS = 1.0


# ------------------------------------------------------------------------------------- the pages

_HELP_OR_TYPE = re.compile(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) ?(.*)")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')


class Page:
    """A page in the text format: types and help texts by family, values by series.

    A series is (name, frozenset of (label, value)). Label values and help texts stay escaped.
    """

    def __init__(self, text):
        self.types, self.helps, self.values = {}, {}, {}
        self.defects = []
        for number, line in enumerate(text.split("\n"), 1):
            if line:
                self._add(line, f"line {number}: {line}")
        if not text.endswith("\n"):
            self.defects.append("the page does not end with a newline")

    def _add(self, line, place):
        if line.startswith("#"):
            match = _HELP_OR_TYPE.fullmatch(line)
            if match:
                kind, family, rest = match.groups()
                table = self.helps if kind == "HELP" else self.types
                if family in table:
                    self.defects.append(f"second {kind} of a family, {place}")
                table[family] = rest
            return
        match = _SAMPLE.fullmatch(line)
        if not match:
            self.defects.append(f"not a sample, {place}")
            return
        name, inside, value = match.groups()
        labels, end = [], 0
        for label in _LABEL.finditer(inside or ""):
            if label.start() != end:
                break
            labels.append(label.groups())
            end = label.end()
        if end != len(inside or "") or len(dict(labels)) != len(labels):
            self.defects.append(f"bad labels, {place}")
            return
        series = (name, frozenset(labels))
        if series in self.values:
            self.defects.append(f"series appears twice, {place}")
        try:
            self.values[series] = float(value)
        except ValueError:
            self.defects.append(f"not a number, {place}")


def shown(series):
    name, labels = series
    inside = ",".join(f'{n}="{v}"' for n, v in sorted(labels))
    return f"{name}{{{inside}}}" if inside else name


def report(title, lines):
    """A failure message with one line for each finding."""
    return f"{title} ({len(lines)}):\n  " + "\n  ".join(sorted(lines)) if lines else ""


# ------------------------------------------------------------------------------------ the values

def is_counter(name, kind):
    return kind == "counter" or kind == "untyped" and name not in UNTYPED_GAUGES


def bounds(series, kind, before, after):
    """The lowest and highest value that ours may have."""
    name, labels = series
    low, high = min(before, after), max(before, after)
    float_slack = FLOAT_TOLERANCE * max(abs(low), abs(high))
    low_slack = high_slack = float_slack
    if is_counter(name, kind):
        if name == "node_cpu_seconds_total" and dict(labels).get("mode") in STEPS_BACK:
            low_slack += STEP_BACK_SECONDS
        return low - low_slack, high + high_slack
    for pattern, absolute, relative, _ in GAUGE_TOLERANCES:
        if re.fullmatch(pattern, name):
            low_slack += absolute + (abs(low) * relative / (1 + relative))
            high_slack += absolute + abs(high) * relative
            break
    return low - low_slack, high + high_slack


class Compared:
    """One series over all rounds."""

    def __init__(self):
        self.fits = 0
        self.misses = []

    def add(self, series, kind, before, ours, after):
        low, high = bounds(series, kind, before, after)
        if low <= ours <= high or math.isnan(ours) and math.isnan(before):
            self.fits += 1
        else:
            self.misses.append(f"ours {ours!r} not in [{low!r}, {high!r}]"
                               f" (peer before {before!r}, after {after!r})")

    def failed(self, series, kind):
        if is_counter(series[0], kind):
            return bool(self.misses)
        return not self.fits


class HostExporterTest(unittest.TestCase):
    """Pages of both, collected once for all tests."""

    @classmethod
    def setUpClass(cls):
        # The flag leaves out go_*, process_* and promhttp_*, which tell of the exporter's process.
        with NodeExporter(["--web.disable-exporter-metrics"]) as peer, Prom5() as prom5:
            cls.families = {c: cls.families_of(peer, c) for c in NAMED + OTHERS}
            cls.ours(prom5)  # both have run once: no first-time effects inside the brackets
            cls.rounds = []
            for _ in range(ROUNDS):
                before = cls.theirs(peer)
                ours, cls.headers = cls.ours(prom5)
                cls.rounds.append((before, ours, cls.theirs(peer)))
                time.sleep(PAUSE_SECONDS)

    @staticmethod
    def theirs(peer, collector=None):
        status, _, body = peer.get("/metrics" + (f"?collect[]={collector}" if collector else ""))
        assert status == 200, f"node_exporter, collector {collector}: {status} {body[:500]!r}"
        page = Page(body.decode())
        assert not page.defects, f"cannot read node_exporter's page: {page.defects}"
        return page

    @classmethod
    def families_of(cls, peer, collector):
        # Debian's build shows this family of the handler all the same.
        return (set(cls.theirs(peer, collector).types) - set(ABOUT_ITSELF)
                - {"promhttp_metric_handler_errors_total"})

    @staticmethod
    def ours(prom5):
        status, headers, body = prom5.get("/host/metrics")
        assert status == 200, f"GET /host/metrics: {status} {body[:500]!r}"
        return Page(body.decode()), headers

    def fail_with(self, problems):
        """Fails if one of the reports is not empty."""
        problems = [p for p in problems if p]
        if problems:
            self.fail("\n" + "\n".join(problems))

    def families_in(self, collectors):
        return set().union(*(self.families[c] for c in collectors))

    def lasting_families(self, wanted):
        """Families of `wanted` that are on every page of the peer, with TYPE and HELP."""
        pages = [p for before, _, after in self.rounds for p in (before, after)]
        return {f: (pages[0].types[f], pages[0].helps.get(f, ""))
                for f in wanted if all(f in p.types for p in pages)}

    def check_families(self, wanted):
        ours = self.rounds[0][1]
        missing, types, helps = [], [], []
        for family, (kind, text) in self.lasting_families(wanted).items():
            if family not in ours.types and family not in ours.helps:
                missing.append(f"{family} ({kind}): {text}")
                continue
            if ours.types.get(family) != kind:
                types.append(f"{family}: ours {ours.types.get(family)!r}, peer {kind!r}")
            if ours.helps.get(family) != text:
                helps.append(f"{family}:\n      ours {ours.helps.get(family)!r}"
                             f"\n      peer {text!r}")
        self.fail_with([report("families missing", missing), report("other TYPE", types),
                        report("other HELP", helps)])

    def check_values(self, families):
        compared, kinds = {}, {}
        for before, ours, after in self.rounds:
            for series in before.values.keys() & ours.values.keys() & after.values.keys():
                if series[0] in families:
                    kinds[series] = before.types[series[0]]
                    compared.setdefault(series, Compared()).add(
                        series, kinds[series], before.values[series], ours.values[series],
                        after.values[series])
        self.assertTrue(compared, "no series in common with node_exporter")
        wrong = [f"{shown(series)} ({kinds[series]}): {result.misses[0]},"
                 f" in {len(result.misses)} of {len(result.misses) + result.fits} rounds"
                 for series, result in compared.items() if result.failed(series, kinds[series])]
        self.fail_with([report("values outside of what node_exporter's two reads bracket", wrong)])

    # ------------------------------------------------------------------------------------- tests

    def test_the_peer_gives_something_to_compare(self):
        known = self.lasting_families(self.families_in(NAMED))
        self.assertEqual([f for f in ALWAYS_THERE if f not in known], [])

    def test_page_is_well_formed(self):
        self.assertRegex(self.headers.get("Content-Type", ""), r"^text/plain; ?version=0\.0\.4")
        for _, ours, _ in self.rounds:
            self.fail_with([report("defects of /host/metrics", ours.defects)])

    def test_families_of_the_named_collectors(self):
        self.check_families(self.families_in(NAMED))

    def test_families_of_the_other_collectors(self):
        self.check_families(self.families_in(OTHERS))

    def test_every_series_of_the_named_collectors(self):
        families = self.families_in(NAMED)
        missing = {}
        for before, ours, after in self.rounds:
            for series in before.values.keys() & after.values.keys() - ours.values.keys():
                if series[0] in families:
                    # Among siblings a wrong label is seen at a glance.
                    siblings = sorted(shown(s) for s in ours.values if s[0] == series[0])[:3]
                    missing[shown(series)] = "; ".join(siblings) or "none of that name"
        self.fail_with([report("series missing", [
            f"{series}   (ours: {siblings})" for series, siblings in missing.items()])])

    def test_values_of_the_named_collectors(self):
        self.check_values(self.families_in(NAMED))

    def test_values_of_the_other_collectors(self):
        self.check_values(self.families_in(OTHERS))


if __name__ == "__main__":
    unittest.main()
