"""Remote write as bytes: readers of both messages, a writer of the second, a receiver to send to.

The readers are strict: what the specifications say a sender MUST do is checked here, and what is
wrong ends up in `Receiver.mistakes`. The writer of the first message is `harness.write_request`.

  prometheus.WriteRequest          timeseries=1 {labels=1 samples=2 exemplars=3 histograms=4}
                                   metadata=3 {type=1 family=2 help=4 unit=5}
  io.prometheus.write.v2.Request   symbols=4
                                   timeseries=5 {labels_refs=1 samples=2 histograms=3 exemplars=4
                                                 metadata=5 {type=1 help_ref=3 unit_ref=4}}
"""
import contextlib
import dataclasses
import http.server
import math
import socket
import struct
import threading
import time

import harness
from protobuf import (field_bytes, field_double, field_varint, packed, read_fields, signed,
                      to_double, unzigzag, varint)
from snappy_wire import unsnappy

V1 = "prometheus.WriteRequest"
V2 = "io.prometheus.write.v2.Request"
WRITTEN = tuple(f"X-Prometheus-Remote-Write-{what}-Written"
                for what in ("Samples", "Histograms", "Exemplars"))
V2_HEADERS = {"Content-Type": f"application/x-protobuf;proto={V2}",
              "X-Prometheus-Remote-Write-Version": "2.0.0"}


# ----------------------------------------------------------------------------- comparing floats

def bits(value):
    """The 64 bits of a float: NaN is not equal to itself, and the stale marker is one of many."""
    return struct.unpack("<Q", struct.pack("<d", value))[0]


STALE_BITS = bits(harness.STALE_NAN)


def comparable(value):
    """A float that can be compared and read: the stale marker and NaN become words."""
    if bits(value) == STALE_BITS:
        return "stale"
    return "NaN" if math.isnan(value) else value


# ------------------------------------------------------------------------------ reading messages

@dataclasses.dataclass
class Series:
    """One TimeSeries of a request.

    samples:    (milliseconds, float, start milliseconds)
    histograms: (milliseconds, ReadHistogram, start milliseconds)
    exemplars:  (labels as dictionary, float, milliseconds)
    metadata:   (type, help, unit) in the second message; None in the first
    """

    labels: tuple = ()
    samples: list = dataclasses.field(default_factory=list)
    histograms: list = dataclasses.field(default_factory=list)
    exemplars: list = dataclasses.field(default_factory=list)
    metadata: tuple | None = None

    @property
    def name(self):
        return dict(self.labels).get("__name__")

    def times(self):
        return [p[0] for p in self.samples] + [p[0] for p in self.histograms]


@dataclasses.dataclass
class ReadHistogram:
    """A native histogram that came; `same_as` compares it with one that was given."""

    count: float = 0
    sum: float = 0.0
    schema: int = 0
    zero_threshold: float = 0.0
    zero_count: float = 0
    reset_hint: int = 0
    custom: list = dataclasses.field(default_factory=list)
    positive: dict = dataclasses.field(default_factory=dict)
    negative: dict = dataclasses.field(default_factory=dict)
    floats: bool = False

    def same_as(self, given):
        """Empty when it is the histogram that was given, otherwise what differs."""
        wanted = {"count": given.count, "sum": given.sum, "schema": given.schema,
                  "zero_threshold": given.zero_threshold, "zero_count": given.zero_count,
                  "custom": given.custom, "floats": given.is_float(),
                  "positive": {i: n for i, n in given.positive.items() if n},
                  "negative": {i: n for i, n in given.negative.items() if n}}
        return {k: (getattr(self, k), v) for k, v in wanted.items() if getattr(self, k) != v}


def read_histogram(message):
    """(milliseconds, ReadHistogram, start milliseconds)"""
    out = ReadHistogram()
    spans = {"negative": [], "positive": []}
    counts = {"negative": [], "positive": []}
    deltas = {"negative": [], "positive": []}
    time_ms = start_ms = 0
    for number, value in read_fields(message):
        sign = "negative" if number <= 10 else "positive"
        if number in (1, 6):
            setattr(out, "count" if number == 1 else "zero_count", value)
        elif number in (2, 7):
            setattr(out, "count" if number == 2 else "zero_count", to_double(value))
            out.floats = True
        elif number == 3:
            out.sum = to_double(value)
        elif number == 4:
            out.schema = unzigzag(value)
        elif number == 5:
            out.zero_threshold = to_double(value)
        elif number in (8, 11):
            span = dict(read_fields(value))
            spans[sign].append((unzigzag(span.get(1, 0)), span.get(2, 0)))
        elif number in (9, 12):
            deltas[sign] += packed(value, unzigzag)
        elif number in (10, 13):
            counts[sign] += packed(value, to_double)
        elif number == 14:
            out.reset_hint = value
        elif number == 15:
            time_ms = signed(value)
        elif number == 16:
            out.custom += packed(value, to_double)
        elif number == 17:
            start_ms = signed(value)
    for sign, buckets in (("negative", out.negative), ("positive", out.positive)):
        if out.floats and deltas[sign] or not out.floats and counts[sign]:
            raise ValueError("a histogram with deltas and counts mixed up")
        total, values = 0, counts[sign]
        for delta in deltas[sign]:
            total += delta
            values.append(total)
        indexes, at = [], 0
        for offset, length in spans[sign]:
            indexes += range(at + offset, at + offset + length)
            at += offset + length
        if len(indexes) != len(values):
            raise ValueError(f"{len(indexes)} buckets in spans, {len(values)} counts")
        buckets.update((i, n) for i, n in zip(indexes, values) if n)
    return time_ms, out, start_ms


def read_sample(message):
    """(milliseconds, float, start milliseconds)"""
    found = dict(read_fields(message))
    value = to_double(found[1]) if 1 in found else 0.0
    return signed(found.get(2, 0)), value, signed(found.get(3, 0))


def read_pair(message):
    found = dict(read_fields(message))
    return found.get(1, b"").decode(), found.get(2, b"").decode()


def check_labels(labels):
    names = [name for name, _ in labels]
    if names != sorted(set(names)):
        raise ValueError(f"labels are not sorted or not unique: {labels}")
    if "__name__" not in names:
        raise ValueError(f"no name: {labels}")
    if not all(value for _, value in labels):
        raise ValueError(f"an empty label value: {labels}")


def read_v1(message):
    """(list of Series, list of (family, type, help, unit))"""
    series, metadata = [], []
    for number, value in read_fields(message):
        if number == 1:
            one, labels = Series(), []
            for kind, part in read_fields(value):
                if kind == 1:
                    labels.append(read_pair(part))
                elif kind == 2:
                    one.samples.append(read_sample(part))
                elif kind == 3:
                    pairs, rest = [], {}
                    for n, v in read_fields(part):
                        if n == 1:
                            pairs.append(read_pair(v))
                        else:
                            rest[n] = v
                    one.exemplars.append((dict(pairs), to_double(rest.get(2, bytes(8))),
                                          signed(rest.get(3, 0))))
                elif kind == 4:
                    one.histograms.append(read_histogram(part))
            check_labels(labels)
            one.labels = tuple(labels)
            series.append(one)
        elif number == 3:
            found = dict(read_fields(value))
            metadata.append((found.get(2, b"").decode(),
                             harness.METADATA_TYPES[found.get(1, 0)],
                             found.get(4, b"").decode(), found.get(5, b"").decode()))
    return series, metadata


def read_v2(message):
    """(list of Series, empty list): metadata lies in the series."""
    found = list(read_fields(message))
    symbols = [value.decode() for number, value in found if number == 4]
    if any(number not in (4, 5) for number, _ in found):
        raise ValueError(f"fields {sorted({n for n, _ in found})}: 4 and 5 there are")
    if not symbols or symbols[0] != "":
        raise ValueError(f"the first symbol must be empty: {symbols[:3]}")

    def pairs(refs):
        if len(refs) % 2:
            raise ValueError(f"{len(refs)} label references")
        names = [symbols[ref] for ref in refs]
        return list(zip(names[::2], names[1::2]))

    series = []
    for value in (value for number, value in found if number == 5):
        one, refs = Series(metadata=("unknown", "", "")), []
        for kind, part in read_fields(value):
            if kind == 1:
                refs += packed(part, int)
            elif kind == 2:
                one.samples.append(read_sample(part))
            elif kind == 3:
                one.histograms.append(read_histogram(part))
            elif kind == 4:
                exemplar_refs, rest = [], {}
                for n, v in read_fields(part):
                    if n == 1:
                        exemplar_refs += packed(v, int)
                    else:
                        rest[n] = v
                one.exemplars.append((dict(pairs(exemplar_refs)),
                                      to_double(rest.get(2, bytes(8))), signed(rest.get(3, 0))))
            elif kind == 5:
                parts = dict(read_fields(part))
                one.metadata = (harness.METADATA_TYPES[parts.get(1, 0)],
                                symbols[parts.get(3, 0)], symbols[parts.get(4, 0)])
        one.labels = tuple(pairs(refs))
        check_labels(one.labels)
        series.append(one)
    return series, []


# ------------------------------------------------------------------------ writing the second one

def message_v2(symbols, *timeseries):
    return (b"".join(field_bytes(4, s.encode()) for s in symbols)
            + b"".join(field_bytes(5, t) for t in timeseries))


def timeseries_v2(refs, points=(), exemplars=(), metadata=None):
    """A TimeSeries of references, right or wrong.

    points:    (milliseconds, float or harness.Histogram[, start milliseconds])
    exemplars: (references, float, milliseconds)
    metadata:  (type's number, reference of the help text, reference of the unit)
    """
    out = field_bytes(1, b"".join(map(varint, refs)))
    for time_ms, value, *start in points:
        if isinstance(value, harness.Histogram):
            body = value.encode(time_ms) + (field_varint(17, start[0]) if start else b"")
            out += field_bytes(3, body)
        else:
            body = field_double(1, value) + field_varint(2, time_ms)
            out += field_bytes(2, body + (field_varint(3, start[0]) if start else b""))
    for exemplar_refs, value, time_ms in exemplars:
        out += field_bytes(4, field_bytes(1, b"".join(map(varint, exemplar_refs)))
                           + field_double(2, value) + field_varint(3, time_ms))
    if metadata:
        kind, help_ref, unit_ref = metadata
        out += field_bytes(5, field_varint(1, kind) + field_varint(3, help_ref)
                           + field_varint(4, unit_ref))
    return out


def write_request_v2(series):
    """series: list of (labels, points[, (type, help, unit)]).

    A label set is a dictionary or a list of pairs. A point is (milliseconds, float, Histogram or
    Exemplar of the harness[, start milliseconds]).
    """
    symbols = {"": 0}

    def ref(text):
        return symbols.setdefault(text, len(symbols))

    def refs(labels):
        pairs = sorted(labels.items()) if isinstance(labels, dict) else labels
        return [ref(text) for pair in pairs for text in pair]

    timeseries = []
    for labels, points, *metadata in series:
        exemplars = [(refs(value.labels), value.value, time_ms)
                     for time_ms, value, *_ in points if isinstance(value, harness.Exemplar)]
        points = [p for p in points if not isinstance(p[1], harness.Exemplar)]
        if metadata:
            kind, text, unit = metadata[0]
            metadata = (harness.METADATA_TYPES.index(kind), ref(text), ref(unit))
        timeseries.append(timeseries_v2(refs(labels), points, exemplars, metadata or None))
    return message_v2(symbols, *timeseries)


# -------------------------------------------------------------------------------------- receiver

class Received:
    """A request as it came, read. `status` is what it was answered with, None for nothing."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.arrived = time.monotonic()
        self.status = None
        content_type = headers.get("Content-Type", "")
        self.is_v2 = content_type.endswith(f"proto={V2}")
        self.series, self.metadata = (read_v2 if self.is_v2 else read_v1)(unsnappy(body))

    def counts(self):
        return tuple(sum(len(getattr(s, what)) for s in self.series)
                     for what in ("samples", "histograms", "exemplars"))

    def written_headers(self):
        return {name: str(n) for name, n in zip(WRITTEN, self.counts())}

    def order_mistake(self):
        """A series whose samples are not in order within this request."""
        last = {}
        for one in self.series:
            for time_ms in one.times():
                if time_ms <= last.get(one.labels, -math.inf):
                    return f"{one.labels}: {time_ms} after {last[one.labels]} in one request"
                last[one.labels] = time_ms
        return None


class Receiver:
    """HTTP server that takes remote write and answers as it is told.

    answer:   function of a Received that returns a status, a status with headers, or None, which
              ends the connection without an answer. `accept` by default.
    mistakes: what in the requests broke the specification; a test expects none.
    """

    def __init__(self, answer=None):
        self.answer = answer or self.accept
        self.requests = []
        self.mistakes = []
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/v1/write"
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._connections = set()
        self._server = None

    @staticmethod
    def accept(request):
        return (204, request.written_headers()) if request.is_v2 else 204

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.down()

    def up(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = harness.DEADLINE_SECONDS

            def setup(self):
                super().setup()
                with outer._lock:
                    outer._connections.add(self.connection)

            def finish(self):
                with outer._lock:
                    outer._connections.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def do_POST(self):  # noqa: N802, the name is the base class's
                outer._take(self)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A sender may be killed at any time."""

        self._server = Quiet(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()

    def down(self):
        """Nobody listens any more, and open connections are gone."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _take(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        try:
            request = Received(handler.path, handler.headers, body)
        except (ValueError, LookupError, struct.error) as e:
            self.mistakes.append(f"{type(e).__name__}: {e}")
            self._reply(handler, 400, {})
            return
        mistake = request.order_mistake()
        if mistake:
            self.mistakes.append(mistake)
        with self._lock:
            self.requests.append(request)
        answer = self.answer(request)
        if answer is None:
            handler.close_connection = True
            return
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        with self._lock:  # Before the answer: the sender may be faster than this thread.
            request.status = status
        self._reply(handler, status, headers)

    @staticmethod
    def _reply(handler, status, headers):
        text = b"" if status == 204 else b"as the test wants it\n"
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if text:
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    # What came

    def accepted(self):
        with self._lock:
            return [r for r in self.requests if r.status is not None and r.status < 300]

    def data_requests(self):
        """Requests with anything but metadata, whatever they were answered with."""
        with self._lock:
            return [r for r in self.requests if r.series]

    def points(self, prefix="", what="samples"):
        """Label set -> [(milliseconds, value)] of accepted requests, in the order they came.

        Only series whose name starts with `prefix`. Floats are `comparable`.
        """
        out = {}
        for request in self.accepted():
            for one in request.series:
                if (one.name or "").startswith(prefix) and getattr(one, what):
                    out.setdefault(one.labels, []).extend(
                        (p[0], comparable(p[1]) if what == "samples" else p[1])
                        for p in getattr(one, what))
        return out

    def exemplars(self):
        """[(labels of the series, labels, value, milliseconds)] of accepted requests."""
        return [(one.labels, *e) for r in self.accepted() for one in r.series
                for e in one.exemplars]
