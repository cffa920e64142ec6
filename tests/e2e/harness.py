"""Starts the real programs for the end-to-end tests and speaks their protocols.

Python's standard library only. Two environment variables say where things are:

  PROM5_BIN    the program under test     (default: build/release/prom5 in the repository)
  PROM5_PEERS  unpacked Debian packages   (default: build/peers; usr/bin/promtool and so on)

Nothing here sleeps to let something happen: `wait_until` polls a condition and fails with the
last thing it saw. Deadlines are generous, because a busy machine is not a defect.
"""
import atexit
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

from protobuf import (double, field_bytes, field_double, field_varint, field_zigzag, label_fields,
                      zigzag)
from snappy_wire import snappy_literal

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60.0
HTTP_TIMEOUT_SECONDS = 30.0
STALE_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]

# Set outside, these would connect the assistant to a network or demand a login.
_FOREIGN_VARIABLES = (
    "OPENAI_API_KEY", "OPENAI_BASE_URL", "WHISPER_API_KEY", "ELEVENLABS_API_KEY", "AI_MODEL",
    "OLLAMA_HOST", "ENABLE_VOICE_AGENT", "ENABLE_TEXT_AGENT", "ENABLE_AUTOMATION", "TOKEN_SECRET",
    "AUTH_ENABLED", "ENABLE_RBAC", "REDIS_URL", "http_proxy", "https_proxy", "HTTP_PROXY",
    "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "LANG", "LC_ALL", "LC_MESSAGES")

_running = set()


@atexit.register
def _kill_leftovers():
    for process in list(_running):
        with contextlib.suppress(ProcessLookupError):
            process.kill()


# ------------------------------------------------------------------------------ where things are

def prom5_binary():
    path = pathlib.Path(os.environ.get("PROM5_BIN", REPOSITORY / "build/release/prom5")).resolve()
    if not path.is_file():
        raise AssertionError(f"no program at {path}: build it, or set PROM5_BIN")
    return str(path)


def peers_dir():
    """Folder with unpacked Debian packages (usr/bin/promtool, usr/bin/prometheus, ...)."""
    path = pathlib.Path(os.environ.get("PROM5_PEERS", REPOSITORY / "build/peers")).resolve()
    if not path.is_dir():
        raise AssertionError(f"no peer programs in {path}: unpack them, or set PROM5_PEERS")
    return path


def peer(name):
    path = peers_dir() / "usr/bin" / name
    if not path.is_file():
        raise AssertionError(f"no {name} at {path}")
    return str(path)


def clean_environment():
    return {k: v for k, v in os.environ.items() if k not in _FOREIGN_VARIABLES}


_given_ports = set()


def free_port():
    """A TCP port on 127.0.0.1 that nobody listens on.

    Taken from below the kernel's ephemeral range, so that an outgoing connection of another
    process cannot occupy it between this call and its use.
    """
    chooser = random.Random(os.urandom(8))
    for _ in range(1000):
        port = chooser.randrange(11000, 32000)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise AssertionError("no free port found")


# --------------------------------------------------------------------------------------- waiting

def wait_until(condition, what="condition", deadline=DEADLINE_SECONDS, interval=0.05):
    """Calls `condition` until it returns something true, and returns that.

    An AssertionError, OSError or HTTP exception inside counts as "not yet". When the deadline
    passes, fails with the last value or exception seen.
    """
    end = time.monotonic() + deadline
    while True:
        try:
            value = condition()
            if value:
                return value
            last = f"last value: {value!r}"
        except (AssertionError, OSError, http.client.HTTPException, ValueError, LookupError) as e:
            last = f"last error: {type(e).__name__}: {e}"
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}; {last}")
        time.sleep(interval)


# --------------------------------------------------------------------------------------- servers

class Server:
    """A child process with an HTTP port, a log file and a scratch folder of its own."""

    name = "server"
    ready_path = "/"

    def __init__(self):
        self.port = free_port()
        self.process = None
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="prom5-e2e-"))
        self._log_path = self.scratch / "log"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def spawn(self):
        """Starts the process without waiting for anything."""
        assert self.process is None, f"{self.name} runs already"
        with open(self._log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.scratch, env=clean_environment())
        _running.add(self.process)
        return self

    def start(self):
        """Starts the process and waits until it answers."""
        self.spawn()

        def answers():
            code = self.process.poll()
            if code is not None:
                raise RuntimeError(f"{self.name} ended with {code}:\n{self.log()[-4000:]}")
            return self.get(self.ready_path)[0] == 200

        try:
            wait_until(answers, f"{self.name} is ready")
        except RuntimeError as e:
            self._forget()
            raise AssertionError(str(e)) from None
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()[-4000:]}") from None
        return self

    def stop(self, deadline=DEADLINE_SECONDS):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(deadline)

    def wait(self, deadline=DEADLINE_SECONDS):
        """Waits for the process to end by itself; returns the exit code."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {deadline:g} s:\n"
                                 f"{self.log()[-4000:]}") from None
        self._forget()
        return code

    def kill(self):
        """SIGKILL, whether it runs or not."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._forget()

    def _forget(self):
        _running.discard(self.process)
        self.process = None

    def signal(self, number):
        self.process.send_signal(number)

    def log(self):
        """What the process wrote to standard error and output, all of its runs together."""
        try:
            return self._log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def status_kb(self, field):
        """A line of /proc/PID/status in kB, for example VmHWM (the most memory ever held)."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise AssertionError(f"no {field} for {self.name}")

    # HTTP

    def request(self, method, path, body=None, headers=None, timeout=HTTP_TIMEOUT_SECONDS):
        """(status, headers, body bytes); never follows a redirect."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, headers=None, timeout=HTTP_TIMEOUT_SECONDS):
        return self.request("GET", path, headers=headers, timeout=timeout)

    def post(self, path, body=b"", headers=None, timeout=HTTP_TIMEOUT_SECONDS):
        return self.request("POST", path, body, headers, timeout)

    def post_json(self, path, value, headers=None):
        """Posts a JSON document; returns (status, parsed answer)."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        status, _, body = self.post(path, json.dumps(value).encode(), headers)
        return status, parse_json(body)

    # The Prometheus API

    @staticmethod
    def api_path(path, params):
        if not path.startswith("/"):
            path = "/api/v1/" + path
        pairs = [(k, v) for k, v in params.items() if v is not None]
        return path + ("?" + urllib.parse.urlencode(pairs, doseq=True) if pairs else "")

    def api_raw(self, path, **params):
        """(status, parsed JSON envelope). A list as parameter is sent once for each element."""
        status, _, body = self.get(self.api_path(path, params))
        return status, parse_json(body)

    def api(self, path, **params):
        """`data` of a successful answer; anything else fails."""
        status, answer = self.api_raw(path, **params)
        assert status == 200 and answer.get("status") == "success", (
            f"GET {self.api_path(path, params)}: {status} {json.dumps(answer)[:1000]}")
        return answer["data"]

    def query(self, promql, time=None):  # pylint: disable=redefined-outer-name
        """Result list of an instant query (for a scalar or string: [seconds, text])."""
        return self.api("query", query=promql, time=time)["result"]

    def value(self, promql, time=None):  # pylint: disable=redefined-outer-name
        """The number of an instant query with exactly one series as result."""
        result = self.query(promql, time)
        assert len(result) == 1, f"{promql}: expected one series, got {result}"
        return float(result[0]["value"][1])

    def wait_for_value(self, promql, expected, deadline=DEADLINE_SECONDS):
        wait_until(lambda: self.value(promql) == expected, f"{promql} is {expected}", deadline,
                   interval=0.1)

    # Its own metrics

    def metric_or_none(self, name, /, **labels):
        """The sum of a family's samples on /metrics that have these labels; None without any."""
        values = []
        for line in self.get("/metrics")[2].decode().splitlines():
            match = re.fullmatch(r"([\w:]+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if labels.items() <= have.items():
                    values.append(float(match[3]))
        return sum(values) if values else None

    def metric(self, name, /, **labels):
        """The same; fails when there is none."""
        value = self.metric_or_none(name, **labels)
        assert value is not None, f"no {name} {labels} at /metrics of {self.name}"
        return value

    # Remote write

    def write(self, series, metadata=(), headers=None):
        """Remote write; returns (status, answer's text). See `write_request` for `series`."""
        return self.write_bytes(snappy_literal(write_request(series, metadata)), headers)

    def write_bytes(self, body, headers=None):
        headers = {**WRITE_HEADERS, **(headers or {})}
        status, _, answer = self.post("/api/v1/write", body, headers)
        return status, answer.decode(errors="replace")

    def must_write(self, series, metadata=()):
        status, text = self.write(series, metadata)
        assert status in (200, 204), f"remote write: {status} {text}"


SELF = "self.invalid:1"


class Prom5(Server):
    """`prom5 serve` on a free port.

    args:      further flags.
    config:    YAML text of the configuration, with SELF for the server's own address; None for
               the embedded default.
    data_dir:  kept when given; otherwise a fresh one that goes away with the server.
    """

    name = "prom5"
    ready_path = "/-/ready"

    def __init__(self, args=(), config=None, data_dir=None):
        super().__init__()
        self.args = list(args)
        self.data_dir = pathlib.Path(data_dir) if data_dir else self.scratch / "data"
        self.config_path = None
        if config is not None:
            self.config_path = self.scratch / "prometheus.yml"
            self.write_config(config)

    def write_config(self, text):
        """Replaces the configuration file. SELF in it becomes the server's own address."""
        self.config_path.write_text(text.replace(SELF, self.address))

    def command(self):
        command = [prom5_binary(), "serve", f"--web.listen-address={self.address}",
                   f"--storage.tsdb.path={self.data_dir}"]
        if self.config_path:
            command.append(f"--config.file={self.config_path}")
        return command + self.args

    def ask(self, question, session=None, time=None):  # pylint: disable=redefined-outer-name
        """POST /api/v5/query/natural; returns the parsed answer."""
        body = {"query": question, "session_id": session, "time": time}
        status, answer = self.post_json("/api/v5/query/natural",
                                        {k: v for k, v in body.items() if v is not None})
        assert status == 200 and isinstance(answer, dict), f"{question}: {status} {answer!r}"
        return answer


class Prometheus(Server):
    """Debian's Prometheus 2.42, the reference of the differential tests."""

    name = "prometheus"
    ready_path = "/-/ready"

    def __init__(self, args=(), config="global: {}\n"):
        super().__init__()
        self.args = list(args)
        self.data_dir = self.scratch / "data"
        self.config_path = self.scratch / "prometheus.yml"
        self.config_path.write_text(config)

    def command(self):
        return [peer("prometheus"), f"--web.listen-address={self.address}",
                f"--storage.tsdb.path={self.data_dir}", f"--config.file={self.config_path}",
                "--web.enable-remote-write-receiver", *self.args]


class NodeExporter(Server):
    """Debian's prometheus-node-exporter; `stop` and `start` keep its port."""

    name = "node_exporter"
    ready_path = "/"

    def __init__(self, args=()):
        super().__init__()
        self.args = list(args)

    def command(self):
        return [peer("prometheus-node-exporter"), f"--web.listen-address={self.address}",
                "--log.level=error", *self.args]


def parse_json(body):
    try:
        return json.loads(body)
    except ValueError:
        raise AssertionError(f"not JSON: {body[:500]!r}") from None


# -------------------------------------------------------------------------------------- commands

def run_prom5(*args, stdin=None, cwd=None, timeout=120):
    """Runs a command to its end; text in, text out, exit code in `.returncode`."""
    return subprocess.run([prom5_binary(), *map(str, args)], input=stdin, text=True, cwd=cwd,
                          capture_output=True, timeout=timeout, env=clean_environment(),
                          stdin=subprocess.DEVNULL if stdin is None else None, check=False)


def promtool(*args, stdin=None, timeout=120):
    return subprocess.run([peer("promtool"), *map(str, args)], input=stdin, text=True,
                          capture_output=True, timeout=timeout, env=clean_environment(),
                          stdin=subprocess.DEVNULL if stdin is None else None, check=False)


def shown(result):
    """A finished command for a failure message."""
    return (f"{' '.join(map(str, result.args))}\nexit {result.returncode}\n"
            f"stdout: {result.stdout[-3000:]}\nstderr: {result.stderr[-3000:]}")


def scrape_config(*jobs, interval="1s", timeout="1s"):
    """A prometheus.yml. Each job: (name, address) or (name, address, further YAML lines)."""
    lines = ["global:", f"  scrape_interval: {interval}", f"  scrape_timeout: {timeout}",
             "scrape_configs:"]
    for name, address, *more in jobs:
        lines += [f"  - job_name: {name}", "    static_configs:",
                  f"      - targets: ['{address}']"]
        lines += [f"    {line}" for line in more]
    return "\n".join(lines) + "\n"


def names_position(text, file, line, column):
    """Whether a message points to a place in a file: `file:3:5` or "line 3, column 5"."""
    name = re.escape(str(file))
    return bool(re.search(rf"{name}:{line}:{column}\b", text)) or (
        str(file) in text
        and bool(re.search(rf"\bline[ =]{line}\b\W*(and )?col(umn)?[ =]{column}\b", text)))


# --------------------------------------------------------------------------------------- targets

class PageServer:
    """HTTP server with pages that a test may change at any time.

    pages: path -> text, bytes, or a function without arguments that returns one of them; a tuple
    (page, content type) sets the type. A path that is not there answers 404.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, pages=None):
        self.pages = dict(pages or {})
        self.requests = []  # (path, headers) of every request so far
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802, the name is the base class's
                outer.requests.append((self.path, self.headers))
                page = outer.pages.get(self.path.split("?")[0])
                content_type = outer.content_type
                if isinstance(page, tuple):
                    page, content_type = page
                if callable(page):
                    page = page()
                if page is None:
                    self.send_error(404)
                    return
                body = page.encode() if isinstance(page, str) else page
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"

    def __enter__(self):
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class HostileServer:
    """Raw socket server: `behave(connection, server)` does what it likes with each connection.

    The request's head has been read when `behave` is called. `server.closing` is an Event that
    is set when the test ends: a behaviour that never answers waits for it.
    """

    def __init__(self, behave):
        self.behave = behave
        self.closing = threading.Event()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(4096)
                if not piece:
                    return
                head += piece
            self.behave(connection, self)


def never_answers(_connection, server):
    """Takes the request and says nothing."""
    server.closing.wait()


def never_ends(connection, server):
    """Sends a valid page, one line every 50 ms, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n")
    number = 0
    while not server.closing.wait(0.05):
        number += 1
        connection.sendall(b'slow_sample{n="%d"} 1\n' % number)


def huge_page(size_bytes):
    """Behaviour: one valid page of about `size_bytes`, sent as fast as it is taken."""
    line = b'huge_page_sample{number="%08d",filling="' + b"x" * 900 + b'"} 1\n'

    def behave(connection, server):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n")
        sent = number = 0
        while sent < size_bytes and not server.closing.is_set():
            block = b"".join(line % (number + i) for i in range(256))
            number += 256
            connection.sendall(block)
            sent += len(block)

    return behave


# ---------------------------------------------------------------------------------- remote write

# Of a server that takes remote write; the second is for the reference, which asks for it.
RECEIVER_FLAGS = ["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"]
WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


class Exemplar:
    """An exemplar: a point of a series beside its samples."""

    def __init__(self, labels, value):
        self.labels, self.value = labels, value

    def encode(self, time_ms):
        return (label_fields(sorted(self.labels.items())) + field_double(2, self.value)
                + field_varint(3, time_ms))


class Histogram:
    """A native histogram.

    Buckets are a dictionary index -> count. Whole numbers everywhere make an integer histogram,
    one float among them a float histogram. `custom` holds the bounds of schema -53.
    """

    def __init__(self, count, sum_, positive, negative=None, schema=0, zero_threshold=1e-128,
                 zero_count=0, custom=(), reset_hint=0):
        self.count, self.sum = count, sum_
        self.positive, self.negative = dict(positive), dict(negative or {})
        self.schema, self.custom = schema, list(custom)
        self.zero_threshold, self.zero_count = zero_threshold, zero_count
        self.reset_hint = reset_hint

    def is_float(self):
        numbers = [self.count, self.zero_count, *self.positive.values(), *self.negative.values()]
        return any(isinstance(n, float) for n in numbers)

    @staticmethod
    def _buckets(buckets, floats, spans_field, deltas_field, counts_field):
        spans, values = [], []
        expected = 0
        for index in sorted(buckets):
            if spans and index == expected:
                spans[-1][1] += 1
            else:
                spans.append([index - expected, 1])
            values.append(buckets[index])
            expected = index + 1
        out = b"".join(field_bytes(spans_field, field_zigzag(1, o) + field_varint(2, n))
                       for o, n in spans)
        if not values:
            return out
        if floats:
            return out + field_bytes(counts_field, b"".join(map(double, values)))
        deltas = [b - a for a, b in zip([0] + values, values)]
        return out + field_bytes(deltas_field, b"".join(map(zigzag, deltas)))

    def encode(self, time_ms):
        floats = self.is_float()
        out = b""
        if floats:
            out += field_double(2, float(self.count))
        else:
            out += field_varint(1, self.count)
        out += field_double(3, self.sum) + field_zigzag(4, self.schema)
        out += field_double(5, self.zero_threshold)
        if floats:
            out += field_double(7, float(self.zero_count))
        else:
            out += field_varint(6, self.zero_count)
        out += self._buckets(self.negative, floats, 8, 9, 10)
        out += self._buckets(self.positive, floats, 11, 12, 13)
        if self.reset_hint:
            out += field_varint(14, self.reset_hint)
        out += field_varint(15, time_ms)
        if self.custom:
            out += field_bytes(16, b"".join(map(double, self.custom)))
        return out


def write_request(series, metadata=()):
    """Remote write 1.0.

    series:   list of (labels, points); a label set is a dictionary (`__name__` included) or a
              list of pairs, which is sent as it is; a point is (milliseconds, float) or
              (milliseconds, Histogram) or (milliseconds, Exemplar).
    metadata: list of (family, type as in METADATA_TYPES, help, unit).
    """
    out = b""
    for labels, points in series:
        pairs = sorted(labels.items()) if isinstance(labels, dict) else labels
        body = label_fields(pairs)
        for time_ms, value in points:
            if isinstance(value, Histogram):
                body += field_bytes(4, value.encode(time_ms))
            elif isinstance(value, Exemplar):
                body += field_bytes(3, value.encode(time_ms))
            else:
                body += field_bytes(2, field_double(1, value) + field_varint(2, time_ms))
        out += field_bytes(1, body)
    for family, kind, text, unit in metadata:
        out += field_bytes(3, field_varint(1, METADATA_TYPES.index(kind))
                           + field_bytes(2, family.encode()) + field_bytes(4, text.encode())
                           + field_bytes(5, unit.encode()))
    return out


METADATA_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info",
                  "stateset")


def now_ms():
    return int(time.time() * 1000)
