"""What the tests of service discovery share: a base for fakes of APIs, and what to ask a server.

  DISCOVERY_REFERENCE=1   the tests run Debian's Prometheus 2.42 (harness.peer) in place of prom5.
                          That proves the fakes and the expectations. Labels and metrics which
                          2.42 does not know yet are left out of the comparison; Debian builds
                          it without Kubernetes and Consul, so those tests are then skipped,
                          unless PROM5_PEERS has a build with them.

All addresses are loopback addresses, and targets with other names are always dropped by
relabelling: nothing here speaks to a network.
"""
import contextlib
import http.server
import json
import os
import re
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse

import harness

REFERENCE = os.environ.get("DISCOVERY_REFERENCE") == "1"
# Clients wait up to half a minute after an error before they try again.
PATIENT_SECONDS = 120.0
# What every target has since 3.13.
HISTOGRAM_LABELS = {"__always_scrape_classic_histograms__": "false",
                    "__convert_classic_histograms_to_nhcb__": "false",
                    "__scrape_native_histograms__": "false"}


# ------------------------------------------------------------------------------------ fake servers

class Exchange:
    """One HTTP request, and the means to answer it."""

    def __init__(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        self.method = handler.command
        self.path = urllib.parse.unquote(url.path)
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        self.headers = handler.headers
        self.time = time.monotonic()
        self.status = None  # of the answer, once there is one
        self._handler = handler

    def one(self, name, default=""):
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def send(self, status, body=b"", content_type="text/plain; charset=utf-8", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self._head(status, content_type, [("Content-Length", str(len(body))), *headers])
        if self.method != "HEAD":
            self._handler.wfile.write(body)

    def send_json(self, status, value, headers=()):
        self.send(status, json.dumps(value, separators=(",", ":")) + "\n", "application/json",
                  headers)

    def begin_chunks(self, status, content_type):
        self._head(status, content_type, [("Transfer-Encoding", "chunked")])
        self._handler.wfile.flush()

    def chunk(self, data):
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self._handler.wfile.flush()

    def end_chunks(self):
        self._handler.wfile.write(b"0\r\n\r\n")

    def cut(self):
        """Breaks the connection off in the middle of the answer."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def peer_left(self):
        """Whether the client closed the connection (not known for TLS)."""
        connection = self._handler.connection
        if isinstance(connection, ssl.SSLSocket):
            return False
        try:
            return bool(select.select([connection], [], [], 0)[0]
                        and connection.recv(1, socket.MSG_PEEK) == b"")
        except (OSError, ValueError):
            return True

    def _head(self, status, content_type, headers):
        self.status = status
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", content_type)
        for name, value in headers:
            self._handler.send_header(name, value)
        self._handler.end_headers()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802, the name is the base class's
        fake = self.server.fake
        exchange = Exchange(self)
        with fake.changed:
            fake.requests.append(exchange)
        with contextlib.suppress(OSError):
            fake.answer(exchange)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_):
        pass

    def address_string(self):
        return "client"


class _Connections:
    """Remembers the open connections, so that `stop` can break them off."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    fake = None

    def process_request_thread(self, request, client_address):
        self.fake.connections.add(request)
        try:
            if isinstance(request, ssl.SSLSocket):
                request.settimeout(harness.HTTP_TIMEOUT_SECONDS)
                request.do_handshake()
            super().process_request_thread(request, client_address)
        except OSError:
            self.shutdown_request(request)
        finally:
            self.fake.connections.discard(request)

    def handle_error(self, request, client_address):
        """A broken connection is no news here."""


class _TcpServer(_Connections, socketserver.ThreadingMixIn, http.server.HTTPServer):
    def server_bind(self):  # without the look-up of the host's name
        socketserver.TCPServer.server_bind(self)


class _UnixServer(_Connections, socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass


class Fake:
    """An HTTP/1.1 server over TCP, TLS (`certificates`) or a unix socket (`socket_path`).

    A subclass answers in `answer`. `requests` holds every request so far. `changed` guards the
    state and wakes up answers that wait for a change of it. `stop` and `start` keep the port.
    """

    def __init__(self, socket_path=None, certificates=None, client_certificates=False):
        self.socket_path = socket_path
        self.certificates = certificates
        self.client_certificates = client_certificates
        self.port = None if socket_path else harness.free_port()
        self.address = None if socket_path else f"127.0.0.1:{self.port}"
        self.url = f"http{'s' if certificates else ''}://{self.address}"
        self.requests = []
        self.connections = set()
        self.changed = threading.Condition(threading.RLock())
        self.running = False
        self._server = None

    def answer(self, exchange):
        raise NotImplementedError

    def start(self):
        if self.socket_path:
            self._server = _UnixServer(str(self.socket_path), _Handler)
        else:
            self._server = _TcpServer(("127.0.0.1", self.port), _Handler)
        if self.certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificates.server, self.certificates.server_key)
            if self.client_certificates:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.certificates.ca)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.fake = self
        self.running = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def stop(self):
        """As if the program had been killed: connections break, new ones are refused."""
        with self.changed:
            self.running = False
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self.socket_path:
            os.unlink(self.socket_path)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.running:
            self.stop()

    def count(self, path=None, since=0, **query):
        """How many requests came after the first `since`, with that path and those parameters."""
        with self.changed:
            requests = self.requests[since:]
        return sum((path is None or r.path == path)
                   and all(r.one(k, None) == v for k, v in query.items()) for r in requests)


class Certificates:
    """A CA, a certificate for 127.0.0.1 and one for a client, made by openssl in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.ca_key = folder / "ca.pem", folder / "ca.key"
        self.server, self.server_key = folder / "server.pem", folder / "server.key"
        self.client, self.client_key = folder / "client.pem", folder / "client.key"
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl("req", "-x509", *key, "-keyout", self.ca_key, "-out", self.ca, "-days", "2",
                      "-subj", "/CN=test-ca", "-addext", "basicConstraints=critical,CA:TRUE",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
            request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
            extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n"
                                  f"extendedKeyUsage={usage}\n")
            self._openssl("req", *key, "-keyout", folder / f"{name}.key", "-out", request,
                          "-subj", f"/CN={name}")
            self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key,
                          "-CAcreateserial", "-out", folder / f"{name}.pem", "-days", "2",
                          "-extfile", extensions)

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)


# ------------------------------------------------------------------------------- the server's view

def sd_config(*jobs, interval="1s"):
    """A prometheus.yml. Each job: (name, kind of discovery, its YAML as one flow mapping, or more
    of them in a list, further YAML lines of the job)."""
    lines = ["global:", f"  scrape_interval: {interval}", "  scrape_timeout: 1s",
             "scrape_configs:"]
    for name, kind, discovery, *more in jobs:
        lines += [f"  - job_name: {name}", f"    {kind}_sd_configs:"]
        lines += [f"      - {one}"
                  for one in (discovery if isinstance(discovery, list) else [discovery])]
        lines += [f"    {line}" for line in more]
    return "\n".join(lines) + "\n"


# Every target is dropped, so that nothing is scraped; the targets API shows it all the same, and
# also keeps apart targets that would be one and the same after relabelling.
DROP = "relabel_configs: [{action: drop, regex: '.*'}]"


def base_labels(job, address, **labels):
    """What every target has before relabelling, and `labels`."""
    return {"__address__": address, "__metrics_path__": "/metrics", "__scheme__": "http",
            "__scrape_interval__": "1s", "__scrape_timeout__": "1s", "job": job,
            **({} if REFERENCE else HISTOGRAM_LABELS), **labels}


def start_server(config, files=None):
    """A running prom5, or with DISCOVERY_REFERENCE=1 Debian's Prometheus.

    files: name -> text, written beside the configuration file.
    """
    server = harness.Prometheus(config=config) if REFERENCE else harness.Prom5(config=config)
    for name, text in (files or {}).items():
        (server.scratch / name).write_text(text)
    return server


def _sortable(labels):
    return sorted(labels.items())


def difference(found, expected):
    """What is too much and what is missing; for targets that are nearly the same, which labels."""
    extra = [labels for labels in found if labels not in expected]
    missing = [labels for labels in expected if labels not in found]
    lines = []
    for labels in missing:
        twin = max(extra, key=lambda e: len(e.items() & labels.items()), default=None)
        if twin is None or twin["__address__"] != labels["__address__"]:
            lines.append(f"missing: {labels}")
            continue
        extra.remove(twin)
        lines.append(f"{labels['__address__']}: not there {dict(labels.items() - twin.items())}, "
                     f"not expected {dict(twin.items() - labels.items())}")
    return "\n".join(lines + [f"not expected: {labels}" for labels in extra]
                     or [f"{len(found)} targets instead of {len(expected)}, some twice"])


class Case(unittest.TestCase):
    """Questions about the targets of a server."""

    maxDiff = None

    @staticmethod
    def discovered(server, job):
        """Labels before relabelling of all targets of a job, active or dropped, sorted."""
        data = server.api("targets", state="any")
        found = [t["discoveredLabels"] for t in data["activeTargets"] + data["droppedTargets"]]
        return sorted((f for f in found if f["job"] == job), key=_sortable)

    def addresses(self, server, job):
        return sorted(labels["__address__"] for labels in self.discovered(server, job))

    def expect(self, server, job, expected, deadline=harness.DEADLINE_SECONDS):
        """Waits until the targets of a job are exactly these label sets."""
        expected = sorted(expected, key=_sortable)

        def exactly():
            found = self.discovered(server, job)
            assert found == expected, difference(found, expected)
            return True

        harness.wait_until(exactly, f"targets of {job}", deadline, interval=0.1)

    def expect_addresses(self, server, job, expected, deadline=harness.DEADLINE_SECONDS):
        def exactly():
            self.assertEqual(self.addresses(server, job), sorted(expected))
            return True

        harness.wait_until(exactly, f"addresses of {job}", deadline, interval=0.1)

    def expect_discovered_count(self, server, job, count):
        """prometheus_sd_discovered_targets says how many there are; None: it says nothing."""
        harness.wait_until(
            lambda: server.metric_or_none("prometheus_sd_discovered_targets", config=job,
                                name="scrape") == count,
            f"prometheus_sd_discovered_targets of {job} is {count}", interval=0.1)

    def expect_refresh_failures(self, server, job, mechanism=None):
        """Waits for two more failures of discoveries that ask again and again."""
        labels = {} if REFERENCE else {"config": job}  # a label that came after 2.42
        if mechanism:
            labels["mechanism"] = mechanism
        self.expect_growth(server, "prometheus_sd_refresh_failures_total", **labels)

    def expect_growth(self, server, metric, /, by=2, **labels):
        """Waits until a counter has grown; what came before is not counted."""
        before = server.metric_or_none(metric, **labels) or 0
        harness.wait_until(
            lambda: (server.metric_or_none(metric, **labels) or 0) >= before + by,
            f"{metric}{labels} grows beyond {before}", PATIENT_SECONDS, interval=0.1)


def reference_knows(function):
    """Whether the reference's program, if that is what runs, has a function inside."""
    if not REFERENCE:
        return True
    with open(harness.peer("prometheus"), "rb") as program:
        return f"prometheus/discovery/{function}".encode() in program.read()


def find_dnsmasq():
    """(path of dnsmasq, environment for it): among the peers or installed."""
    with contextlib.suppress(AssertionError):  # no peers at all
        peers = harness.peers_dir()
        path = peers / "usr/sbin/dnsmasq"
        if path.is_file():  # with its libraries, if they were unpacked beside it
            libraries = [str(p) for p in peers.glob("usr/lib/*-linux-gnu")]
            return str(path), {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
    installed = shutil.which("dnsmasq", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert installed, "dnsmasq is missing: run script/setup --test"
    return installed, None
