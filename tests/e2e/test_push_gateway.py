"""Taking pushed metrics, beside Debian's Pushgateway 1.5: both get the same requests.

After each request both must show the same families. The Pushgateway shows them at /metrics among
its own, prom5 alone at /push/metrics. PROM5_PUSH_OURS=pushgateway puts a second Pushgateway in
the place of prom5, which tests the tests.
"""
import base64
import gzip
import os
import re
import time
import unittest

import harness
import remote_write_wire as wire
from protobuf import field_bytes, field_double, field_varint, label_fields, varint
from snappy_wire import framed_snappy

PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM = range(5)
TIMES = ("push_time_seconds", "push_failure_time_seconds")


class PushGateway(harness.Server):
    """Debian's prometheus-pushgateway 1.5.1."""

    name = "pushgateway"
    ready_path = "/-/ready"
    shown_at = "/metrics"

    def __init__(self, admin=True):
        super().__init__()
        self.admin = admin

    def command(self):
        return [harness.peer("prometheus-pushgateway"), f"--web.listen-address={self.address}",
                f"--persistence.file={self.scratch / 'pushed'}", "--log.level=error",
                *(["--web.enable-admin-api"] if self.admin else [])]


class Prom5(harness.Prom5):
    """prom5 that takes pushes."""

    shown_at = "/push/metrics"

    def __init__(self, admin=True, config="global: {}\n"):
        super().__init__(config=config)
        self.args = ["--web.enable-push-gateway",
                     f"--push.persistence-file={self.scratch / 'pushed'}",
                     *(["--web.enable-admin-api"] if admin else [])]


OURS = PushGateway if os.environ.get("PROM5_PUSH_OURS") == "pushgateway" else Prom5


# ------------------------------------------------------------------------------- reading families

def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


def families_of(text):
    """{name: (type, help, {(sample's name, labels): number as a float's bits})} of a page."""
    out, helps, kinds = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, *rest = line.split(" ", 3)
            helps[name] = unescape(rest[0]) if rest else ""
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            kinds[name] = kind
            out[name] = kind, helps.get(name, ""), {}
        elif line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)",
                                               line).groups()
            pairs = re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', labels or "")
            family = next((f for f in (name, re.sub("_(bucket|sum|count)$", "", name))
                           if f in out), None)
            assert family, f"no TYPE before {line!r}"
            key = name, tuple(sorted((k, unescape(v)) for k, v in pairs))
            assert key not in out[family][2], f"twice: {line}"
            out[family][2][key] = wire.comparable(float(value.replace("Inf", "inf")))
    return out


def pushed(server, own=()):
    """What was pushed; times of pushes are words, after a look whether they are about now."""
    status, headers, body = server.get(server.shown_at)
    assert status == 200, (status, body)
    assert headers["Content-Type"].startswith("text/plain"), headers["Content-Type"]
    found = {name: family for name, family in families_of(body.decode()).items()
             if name not in own}
    for name in TIMES:
        for key, value in found.get(name, (0, 0, {}))[2].items():
            assert value == 0 or abs(value - time.time()) < 120, (key, value)
            found[name][2][key] = "some time" if value else "never"
    return found


def groups(server):
    """/api/v1/metrics: {labels of the group: the rest}, times replaced."""
    status, headers, body = server.get("/api/v1/metrics")
    assert status == 200, (status, body)
    assert headers["Content-Type"].startswith("application/json")
    answer = harness.parse_json(body)
    assert answer["status"] == "success", answer
    out = {}
    for group in answer["data"]:
        key = tuple(sorted(group.pop("labels").items()))
        assert key not in out, f"group twice: {key}"
        for name, family in group.items():
            if not isinstance(family, dict):
                continue
            stamp = family.pop("time_stamp")
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
                                stamp), stamp
            for metric in family["metrics"]:
                # The peer leaves out what a protobuf histogram does not spell out; we never do.
                metric.get("buckets", {}).pop("+Inf", None)
            for metric in family["metrics"] if name in TIMES else ():
                metric["value"] = "some time" if float(metric["value"]) else "never"
        out[key] = group
    return out


# ------------------------------------------------------------------------------- writing protobuf

def family(name, kind, *metrics, text=None):
    """A length-delimited io.prometheus.client.MetricFamily.

    metrics: (labels, fields of the kind as bytes[, milliseconds])
    """
    out = field_bytes(1, name.encode())
    if text is not None:
        out += field_bytes(2, text.encode())
    out += field_varint(3, kind)
    number = {GAUGE: 2, COUNTER: 3, SUMMARY: 4, UNTYPED: 5, HISTOGRAM: 7}[kind]
    for labels, body, *time_ms in metrics:
        metric = label_fields(labels.items()) + field_bytes(number, body)
        if time_ms:
            metric += field_varint(6, time_ms[0])
        out += field_bytes(4, metric)
    return varint(len(out)) + out


def number(value):
    return field_double(1, value)


def quantiles(count, sum_, *pairs):
    return (field_varint(1, count) + field_double(2, sum_) + b"".join(
        field_bytes(3, field_double(1, q) + field_double(2, v))
        for q, v in pairs))


def buckets(count, sum_, *pairs):
    return (field_varint(1, count) + field_double(2, sum_) + b"".join(
        field_bytes(3, field_varint(1, n) + field_double(2, bound))
        for bound, n in pairs))


def base64url(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


PAGE = """# HELP done_total Jobs that are done: \\\\ and\\nmore.
# TYPE done_total counter
done_total{kind="a"} 3
done_total{kind="b \\"q\\" \\\\ \\n é"} 4.5
# TYPE level gauge
level -1e+06
# HELP wait_seconds How long.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 1
wait_seconds_bucket{le="1"} 2
wait_seconds_bucket{le="+Inf"} 5
wait_seconds_sum 12.75
wait_seconds_count 5
# TYPE size_bytes summary
size_bytes{quantile="0.5"} 10
size_bytes{quantile="0.99"} NaN
size_bytes_sum 1234567890
size_bytes_count 3
plain_value{x="y"} +Inf
"""


class Differential(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.ours = cls.enterClassContext(OURS())
        cls.theirs = cls.enterClassContext(PushGateway())
        cls.own = {cls.theirs: cls.own_families(cls.theirs), cls.ours: ()}
        if OURS is PushGateway:
            cls.own[cls.ours] = cls.own[cls.theirs]

    @staticmethod
    def own_families(server):
        for method in ("PUT", "DELETE", "PUT"):  # Some appear with the first request of a kind.
            server.request(method, "/metrics/job/none")
        own = set(families_of(server.get("/metrics")[2].decode())) - set(TIMES)
        assert "go_goroutines" in own
        return own

    def setUp(self):
        self.wipe()

    def servers(self):
        return self.ours, self.theirs

    def wipe(self):
        for server in self.servers():
            status, _, text = server.request("PUT", "/api/v1/admin/wipe")
            self.assertEqual(status, 202, (server.name, text))
        self.same({})

    def send(self, method, path, body=b"", headers=None):
        """The same request to both, which give the same status; returns it."""
        body = body.encode() if isinstance(body, str) else body
        (ours, _, our_text), (theirs, _, their_text) = (
            server.request(method, path, body, headers) for server in self.servers())
        self.assertEqual(ours, theirs, f"{method} {path}: {our_text!r}, they: {their_text!r}")
        self.assertEqual(bool(our_text.strip()), bool(their_text.strip()),
                         f"{method} {path}: {our_text!r}, they: {their_text!r}")
        self.text = our_text.decode()
        return ours

    def same(self, expected=None):
        """Both show the same, in both ways; deletion may take a moment. Returns the families."""
        def equal():
            ours, theirs = (pushed(s, self.own[s]) for s in self.servers())
            self.assertEqual(ours, theirs)
            if expected is not None:
                self.assertEqual(theirs, expected)
            ours_api, theirs_api = map(groups, self.servers())
            self.assertEqual(ours_api, theirs_api)
            return [theirs]
        return harness.wait_until(equal, "both show the same", 10)[0]

    def taken(self, method, path, body=b"", headers=None):
        self.assertIn(self.send(method, path, body, headers), (200, 202), self.text)
        return self.same()

    def refused(self, method, path, body=b"", headers=None):
        self.assertEqual(self.send(method, path, body, headers), 400)
        return self.same()

    # Methods

    def test_page_with_everything(self):
        found = self.taken("PUT", "/metrics/job/batch", PAGE)
        self.assertEqual(set(found), {"done_total", "level", "wait_seconds", "size_bytes",
                                      "plain_value", *TIMES})
        self.assertEqual(found["level"][2],
                         {("level", (("instance", ""), ("job", "batch"))): -1e6})
        self.assertEqual(found[TIMES[0]][2],
                         {(TIMES[0], (("instance", ""), ("job", "batch"))): "some time"})

    def test_put_replaces_the_group(self):
        self.taken("PUT", "/metrics/job/a", "one 1\ntwo 2\n")
        found = self.taken("PUT", "/metrics/job/a", "two 3\nthree 4\n")
        self.assertEqual(set(found), {"two", "three", *TIMES})
        self.taken("PUT", "/metrics/job/b", "one 1\n")
        self.assertEqual(set(self.taken("PUT", "/metrics/job/a", "")), {"one", *TIMES})

    def test_post_replaces_families_of_the_same_name(self):
        self.taken("POST", "/metrics/job/a", 'one{x="1"} 1\none{x="2"} 1\ntwo 2\n')
        found = self.taken("POST", "/metrics/job/a", 'one{x="3"} 3\n')
        self.assertEqual(set(found), {"one", "two", *TIMES})
        self.assertEqual(len(found["one"][2]), 1)
        self.taken("POST", "/metrics/job/a", "")

    def test_delete_takes_one_group(self):
        self.taken("PUT", "/metrics/job/a", "one 1\n")
        self.taken("PUT", "/metrics/job/a/instance/x", "one 2\n")
        self.taken("PUT", "/metrics/job/a/instance/x/zone/y", "one 3\n")
        self.assertEqual(len(self.taken("DELETE", "/metrics/job/a/instance/x")["one"][2]), 2)
        self.taken("DELETE", "/metrics/job/nothing")
        self.assertEqual(len(self.taken("DELETE", "/metrics/job/a")["one"][2]), 1)
        self.taken("DELETE", "/metrics/job/a/zone/y/instance/x")  # In any order.
        self.same({})

    def test_other_methods_are_not_for_pushing(self):
        for method in ("GET", "PATCH"):
            for server in self.servers():
                with self.subTest(method, server=server.name):
                    status, _, _ = server.request(method, "/metrics/job/a", b"x 1\n")
                    self.assertGreaterEqual(status, 400)
        self.same({})

    def test_order_of_labels_makes_no_other_group(self):
        self.taken("PUT", "/metrics/job/a/x/1/y/2", "one 1\n")
        found = self.taken("PUT", "/metrics/job/a/y/2/x/1", "one 2\n")
        self.assertEqual(list(found["one"][2].values()), [2.0])

    # Labels

    def test_labels_of_the_group_win(self):
        found = self.taken("PUT", "/metrics/job/a/zone/z",
                           'one{job="own",zone="own",instance="own",more="kept"} 1\ntwo 2\n')
        self.assertEqual(list(found["one"][2]), [
            ("one", (("instance", "own"), ("job", "a"), ("more", "kept"), ("zone", "z")))])
        self.taken("PUT", "/metrics/job/a/instance/i", 'three{instance="own"} 1\nfour 2\n')
        self.taken("PUT", "/metrics/job/a/instance@base64/=", 'five{instance="own"} 1\nsix 2\n')

    def test_labels_in_base64(self):
        for text in ("a/b", "é ü", "x" * 300, "", "ends with newline\n", "?#%&+"):
            with self.subTest(text):
                encoded = base64url(text)
                for value in {encoded or "=", encoded.rstrip("=") or "="}:
                    found = self.taken("PUT", f"/metrics/job/a/path@base64/{value}", "one 1\n")
                    groups_of_it = [dict(labels).get("path", "") for _, labels in found["one"][2]]
                    self.assertIn(text, groups_of_it)
                if encoded:
                    self.taken("POST", f"/metrics/job@base64/{encoded}", "two 1\n")
                    self.taken("DELETE", f"/metrics/job@base64/{encoded}")

    def test_base64_and_plain_name_the_same_group(self):
        self.taken("PUT", "/metrics/job/a/zone/north", "one 1\n")
        path = f"/metrics/job@base64/{base64url('a')}/zone@base64/{base64url('north')}"
        self.assertEqual(list(self.taken("PUT", path, "one 2\n")["one"][2].values()), [2.0])
        self.taken("DELETE", path)
        self.same({})

    def test_paths_that_name_no_group(self):
        for path in ("/metrics/job/a/zone",  # no value
                     "/metrics/job/a/zone/b/c",
                     "/metrics/job/a/1zone/b", "/metrics/job/a/zo-ne/b", "/metrics/job/a/z%20/b",
                     "/metrics/job/a/%C3%A9/b", "/metrics/job/a/__name__/b",
                     "/metrics/job/a/__x/b", "/metrics/job/a/@base64/YQ",
                     "/metrics/job/a/zone@base64/!!!", "/metrics/job/a/zone@base64/Y",
                     "/metrics/job/a/zone@base64/YQ+/", "/metrics/job@base64/=",
                     "/metrics/job/a%2Fb"):
            for method in ("PUT", "POST", "DELETE"):
                with self.subTest(path, method=method):
                    self.assertEqual(self.send(method, path, "one 1\n"), 400, self.text)
        self.same({})

    def test_job_that_is_no_base64(self):
        # Once each: the Pushgateway 1.5 keeps a lock then, and answers no second request.
        with OURS() as server:
            for path in ("/metrics/job@base64/%21", "/metrics/job@base64/Y/zone/x"):
                for method in ("PUT", "POST", "DELETE"):
                    with self.subTest(path, method=method):
                        status, _, text = server.request(method, path, b"one 1\n")
                        self.assertEqual(status, 400)
                        self.assertIn(b"base64", text)

    def test_paths_that_name_a_group(self):
        for path in ("/metrics/job/a%20b", "/metrics/job/%C3%A9", "/metrics/job/a+b",
                     "/metrics/job/a/", "/metrics/job/a/zone/b/", "/metrics/job/a/zone/x@base64",
                     "/metrics/job/a/_x/b", "/metrics/job/a/X9/b", "/metrics/job/a/job/b",
                     "/metrics/job/a/zone/1/zone/2", "/metrics/job/a?x=y",
                     "/metrics/job/a/zone/b%25c", "/metrics/job/a/zone/b%22c",
                     "/metrics/job/a/le/1", "/metrics/job/a/quantile/1"):
            for method in ("PUT", "POST", "DELETE"):
                with self.subTest(path, method=method):
                    status = self.send(method, path, "one 1\n")
                    if path.endswith("b/"):
                        self.assertEqual(status, 400)  # A label without a value.
                    self.same()

    # What is refused

    def test_text_that_cannot_be_read(self):
        self.taken("PUT", "/metrics/job/a", "one 1\n")
        for body in ("one", "one 1 2 3\n", "one x\n", "1one 1\n", 'one{x="1} 1\n',
                     'one{x="1",x="2"} 1\n', "one{x=1} 1\n", "# TYPE one nonsense\none 1\n",
                     "# TYPE one counter\n# TYPE one counter\none 1\n", "one 1",
                     "one 1\n# TYPE one gauge\n", "<html></html>", "\x00\x01",
                     'one{x="\xff"} 1\n'.encode("latin-1"), b'one{__name__="x"} 1\n'):
            for method in ("PUT", "POST"):
                with self.subTest(body, method=method):
                    self.refused(method, "/metrics/job/a", body)
        found = self.same()
        self.assertEqual(list(found["one"][2].values()), [1.0])
        self.assertEqual(list(found[TIMES[1]][2].values()), ["never"])

    def test_a_page_without_an_end_is_told_the_cure(self):
        self.refused("PUT", "/metrics/job/a", "one 1")
        if OURS is not PushGateway:
            self.assertIn("the last line must end in a newline", self.text)

    def test_timestamps_are_refused(self):
        self.taken("PUT", "/metrics/job/a", "one 1\n")
        found = self.refused("PUT", "/metrics/job/a", "one 2 1700000000000\n")
        self.assertIn("timestamp", self.text)
        self.assertEqual(list(found["one"][2].values()), [1.0])
        self.assertEqual(list(found[TIMES[1]][2].values()), ["some time"])
        self.refused("POST", "/metrics/job/new", "two 1\nthree 2 1700000000000\n")
        self.refused("PUT", "/metrics/job/b", family("one", GAUGE, ({}, number(1.0), 5)),
                     {"Content-Type": PROTOBUF})

    def test_types_that_contradict(self):
        self.taken("PUT", "/metrics/job/a", "# TYPE one counter\none 1\n")
        found = self.refused("PUT", "/metrics/job/b", "# TYPE one gauge\none 1\n")
        self.assertEqual(sorted(v for v in found[TIMES[1]][2].values()), ["never", "some time"])
        self.refused("POST", "/metrics/job/b", "one 1\n")
        # In its own group a new type replaces the old one.
        self.taken("PUT", "/metrics/job/a", "# TYPE one gauge\none 1\n")
        self.taken("POST", "/metrics/job/a", "one 1\n")
        self.taken("POST", "/metrics/job/b", "one 1\n")

    def test_help_texts_that_contradict_are_taken(self):
        self.taken("PUT", "/metrics/job/a", "# HELP one First.\n# TYPE one counter\none 1\n")
        for server in self.servers():  # Which of the two is shown is up to the program.
            status, _, text = server.request(
                "PUT", "/metrics/job/b", b"# HELP one Second.\n# TYPE one counter\none 2\n")
            self.assertEqual(status, 200, text)
            kind, text, samples = pushed(server, self.own[server])["one"]
            self.assertEqual((kind, len(samples)), ("counter", 2))
            self.assertIn(text, ("First.", "Second."))
        self.assertEqual(*map(groups, self.servers()))

    def test_series_twice(self):
        self.refused("PUT", "/metrics/job/a", 'one{x="1"} 1\none{x="1"} 2\n')
        self.refused("PUT", "/metrics/job/a", 'one{job="1"} 1\none{job="2"} 2\n')
        self.taken("PUT", "/metrics/job/a/instance/x", "one 1\n")
        self.refused("PUT", "/metrics/job/a", 'one{instance="x"} 1\n')
        self.taken("PUT", "/metrics/job/a", 'one{instance="y"} 1\n')

    def test_names_that_collide_with_parts_of_others(self):
        histogram = "# TYPE one histogram\none_bucket{le=\"+Inf\"} 1\none_sum 1\none_count 1\n"
        self.send("PUT", "/metrics/job/a", histogram)
        self.same()
        self.send("PUT", "/metrics/job/b", "one_count 1\n")
        self.same()

    def test_push_times_cannot_be_pushed(self):
        self.send("PUT", "/metrics/job/a", "# TYPE push_time_seconds gauge\n"
                                           "push_time_seconds 5\none 1\n")
        self.same()

    def test_first_push_fails(self):
        found = self.refused("PUT", "/metrics/job/a", "one 1 5\n")
        labels = (("instance", ""), ("job", "a"))
        self.assertEqual(found[TIMES[0]][2], {(TIMES[0], labels): "never"})
        self.assertEqual(found[TIMES[1]][2], {(TIMES[1], labels): "some time"})
        found = self.taken("PUT", "/metrics/job/a", "one 1\n")
        self.assertEqual(found[TIMES[1]][2], {(TIMES[1], labels): "some time"})
        self.assertTrue(all(g["last_push_successful"] for g in groups(self.ours).values()))

    # Bodies

    def test_protobuf(self):
        body = b"".join((
            family("done_total", COUNTER, ({"x": "1"}, number(3.0)), ({"x": "é"}, number(4.0)),
                   text="Help."),
            family("level", GAUGE, ({}, number(-0.5))),
            family("plain_value", UNTYPED, ({"job": "own"}, number(float("inf")))),
            family("size_bytes", SUMMARY, ({}, quantiles(3, 30.5, (0.5, 10.0), (0.9, 20.0)))),
            family("wait_seconds", HISTOGRAM, ({}, buckets(5, 12.75, (0.1, 1), (1.0, 2)))),
            family("whole_seconds", HISTOGRAM,
                   ({}, buckets(2, 3.0, (0.5, 1), (float("inf"), 2))))))
        for content_type in (PROTOBUF, PROTOBUF.replace("; ", ";")):
            found = self.taken("PUT", "/metrics/job/a", body, {"Content-Type": content_type})
            self.assertEqual(set(found), {"done_total", "level", "plain_value", "size_bytes",
                                          "wait_seconds", "whole_seconds", *TIMES})
            self.assertEqual(len(found["wait_seconds"][2]), 5)
        self.taken("POST", "/metrics/job/a", b"", {"Content-Type": PROTOBUF})

    def test_malformed_protobuf(self):
        good = family("one", GAUGE, ({}, number(1.0)))
        for body in (good[:-1], good + b"\x05\x01", b"\xff" * 20, b"one 1\n"):
            with self.subTest(body):
                self.refused("PUT", "/metrics/job/a", body, {"Content-Type": PROTOBUF})
        self.same({})

    def test_content_types_that_mean_text(self):
        for content_type in ("text/plain", "application/json", "nonsense",
                             "text/plain; version=0.0.4; charset=utf-8",
                             "application/x-www-form-urlencoded",
                             "application/vnd.google.protobuf"):
            with self.subTest(content_type):
                found = self.taken("PUT", "/metrics/job/a", "one 1\n",
                                   {"Content-Type": content_type})
                self.assertIn("one", found)

    def test_gzip(self):
        encoding = {"Content-Encoding": "gzip"}
        found = self.taken("PUT", "/metrics/job/a", gzip.compress(PAGE.encode()), encoding)
        self.assertIn("done_total", found)
        self.taken("PUT", "/metrics/job/b", gzip.compress(family("one", GAUGE, ({}, number(1.0)))),
                   {**encoding, "Content-Type": PROTOBUF})
        for body in (b"one 1\n", b"", gzip.compress(b"one 1\n")[:-6]):
            with self.subTest(body):
                # What a group is told of a push that breaks off is an accident of the peer.
                self.assertEqual(self.send("PUT", "/metrics/job/c", body, encoding), 400)

    def test_other_codings(self):
        page = b"one 1\n"
        for coding, body in (("GZIP", gzip.compress(page)), ("identity", page), ("Identity", page)):
            status, _, text = self.ours.request("PUT", "/metrics/job/a", body,
                                                {"Content-Encoding": coding})
            self.assertEqual(status, 200, text)
        for coding in ("br", "zstd", "gzip, gzip"):
            status, _, text = self.ours.request("PUT", "/metrics/job/a", page,
                                                {"Content-Encoding": coding})
            self.assertEqual((status, text.decode()), (
                415, f'unsupported Content-Encoding "{coding}"; send gzip, snappy, or none\n'))

    def test_snappy(self):
        if OURS is PushGateway:
            return  # Since 1.6; Debian has 1.5.
        encoding = {"Content-Encoding": "snappy"}
        for body in (framed_snappy(b"one 1\n"), framed_snappy(PAGE.encode())):
            status, _, text = self.ours.request("PUT", "/metrics/job/a", body, encoding)
            self.assertEqual(status, 200, text)
        self.assertIn("done_total", pushed(self.ours))
        for body in (b"one 1\n", framed_snappy(PAGE.encode())[:-3]):
            status, _, text = self.ours.request("PUT", "/metrics/job/b", body, encoding)
            self.assertEqual(status, 400, text)

    def test_many_groups_and_series(self):
        for number_ in range(20):
            lines = "".join(f'crowd{{n="{n}"}} {n}\n' for n in range(200))
            self.assertEqual(self.send("PUT", f"/metrics/job/j{number_}", lines), 200)
        self.assertEqual(len(self.same()["crowd"][2]), 4000)

    # The API

    def test_api_metrics(self):
        self.taken("PUT", "/metrics/job/a/zone/z", PAGE)
        self.refused("PUT", "/metrics/job/b", "one 1 5\n")
        found = groups(self.ours)
        group = found[(("job", "a"), ("zone", "z"))]
        self.assertTrue(group["last_push_successful"])
        self.assertFalse(found[("job", "b"),]["last_push_successful"])
        self.assertEqual(group["level"], {"type": "GAUGE", "metrics": [
            {"labels": {"instance": "", "job": "a", "zone": "z"}, "value": "-1e+06"}]})
        self.assertEqual(group["wait_seconds"]["metrics"][0]["buckets"],
                         {"0.1": "1", "1": "2"})

    def test_api_metrics_of_nothing(self):
        for server in self.servers():
            self.assertEqual(harness.parse_json(server.get("/api/v1/metrics")[2]),
                             {"status": "success", "data": []})

    def test_api_status(self):
        ours, theirs = (harness.parse_json(s.get("/api/v1/status")[2]) for s in self.servers())
        self.assertEqual(ours["status"], "success")
        self.assertEqual({k: type(v) for k, v in ours["data"].items() if k in theirs["data"]},
                         {k: type(v) for k, v in theirs["data"].items()})
        self.assertIn("version", ours["data"]["build_information"])
        self.assertRegex(ours["data"]["start_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertTrue(ours["data"]["flags"])

    def test_wipe(self):
        self.taken("PUT", "/metrics/job/a", PAGE)
        self.taken("PUT", "/metrics/job/b/x/y", "one 1\n")
        self.wipe()
        self.taken("PUT", "/metrics/job/c", "one 1\n")

    def test_wipe_is_for_admins(self):
        with OURS(admin=False) as ours, PushGateway(admin=False) as theirs:
            for server in (ours, theirs):
                self.assertEqual(server.request("PUT", "/metrics/job/a", b"one 1\n")[0], 200)
                status, _, _ = server.request("PUT", "/api/v1/admin/wipe")
                self.assertIn(status, (403, 404, 405))
                self.assertIn(b"one", server.get(server.shown_at)[2])

    # Later

    def test_everything_is_there_after_a_restart(self):
        self.taken("PUT", "/metrics/job/a/zone/z", PAGE)
        self.taken("POST", f"/metrics/job@base64/{base64url('é/ü')}", "# HELP one Text.\none 1\n")
        self.refused("PUT", "/metrics/job/b", "two 1 5\n")
        self.taken("PUT", "/metrics/job/gone", "two 1\n")
        self.taken("DELETE", "/metrics/job/gone")
        before = self.same(), groups(self.theirs)
        for server in self.servers():
            self.assertEqual(server.stop(), 0, server.log()[-2000:])
            server.start()
        self.assertEqual((self.same(), groups(self.ours)), before)
        self.taken("POST", "/metrics/job/a/zone/z", "level 7\n")

    def test_pushes_that_come_at_once(self):
        pages = {n: f'both{{n="{n}"}} {n}\n' for n in range(8)}
        workers = [harness.threading.Thread(target=server.request, args=(
            "PUT", f"/metrics/job/j{n}", page.encode()))
            for server in self.servers() for n, page in pages.items()]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(harness.DEADLINE_SECONDS)
        self.assertEqual(len(self.same()["both"][2]), len(pages))


class OfPrometheus(unittest.TestCase):
    """What the Pushgateway alone does not have to care about: prom5 is more than one."""

    def test_nothing_without_the_flag(self):
        with harness.Prom5(config="global: {}\n") as server:
            for method in ("PUT", "POST", "DELETE"):
                status, _, text = server.request(method, "/metrics/job/a", b"one 1\n")
                self.assertIn(status, (404, 405), text)
            self.assertEqual(server.get("/push/metrics")[0], 404)
            self.assertNotIn(b"\none 1", server.get("/metrics")[2])

    def test_own_metrics_stay_apart(self):
        with Prom5() as server:
            name = re.search(r"^(prom\w+) ", server.get("/metrics")[2].decode(), re.MULTILINE)[1]
            status, _, text = server.request("PUT", "/metrics/job/a", f"{name} 5\n".encode())
            self.assertEqual(status, 200, text)
            self.assertIn(name, pushed(server))
            self.assertEqual(len(re.findall(rf"^{name}\b", server.get("/metrics")[2].decode(),
                                            re.MULTILINE)), 1)

    def test_scrape_of_what_was_pushed(self):
        config = harness.scrape_config(
            ("pushed", harness.SELF, "metrics_path: /push/metrics", "honor_labels: true"))
        with Prom5(config=config) as server:
            server.request("PUT", "/metrics/job/batch/instance/i", b"one 5\n")
            wanted = [{"__name__": "one", "job": "batch", "instance": "i"}]
            harness.wait_until(lambda: [s["metric"] for s in server.query("one")] == wanted,
                               "it is scraped with its own labels")


if __name__ == "__main__":
    unittest.main()
