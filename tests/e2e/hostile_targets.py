"""Scrape targets that mean harm, and well-behaved neighbours that tell when they were asked.

Both run as programs of their own, so that neither waits for the other's Python:

  python3 hostile_targets.py hostile         every kind of KINDS on a port of its own
  python3 hostile_targets.py neighbours 20   as many neighbours, each on a port of its own

The first line on standard output says the ports; each line on standard input is answered by a
line that says what happened so far; the end of standard input ends the program. All lines out are
JSON. `Program` is the test's side of it.

Hostile targets are calm at first and answer with an empty page, until the line "attack" comes: so
one can see how the neighbours fare without them.

What is large is made once and sent again and again: a hostile target on this machine should take
little of the processor that the program under test and its neighbours need.
"""
import asyncio
import functools
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

from protobuf import varint

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
HUNDRED_YEARS_MS = 100 * 365 * 86_400_000
# Of a body as decoded, the default of prom5; some pages stay just below it.
BODY_LIMIT_BYTES = 64 * MIB
# Hostile targets give way to the program under test and to the neighbours.
NICENESS = 5

TEXT = b"Content-Type: text/plain; version=0.0.4; charset=utf-8"
PROTOBUF = (b"Content-Type: application/vnd.google.protobuf; "
            b"proto=io.prometheus.client.MetricFamily; encoding=delimited")

# What a behaviour may yield beside bytes.
RESET = object()         # end the connection with RST
UNTIL_CLOSED = object()  # say nothing more until the client closes


class Pause:
    """Send nothing for a while; a client that closes meanwhile ends the connection."""

    def __init__(self, seconds):
        self.seconds = seconds


# --------------------------------------------------------------------------------- ways to answer

def head(*lines, status=b"200 OK"):
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", b""])


def page(body, content_type=TEXT, status=b"200 OK"):
    return head(content_type, b"Content-Length: %d" % len(body), status=status) + body


def redirect(location):
    return head(b"Location: " + location, b"Content-Length: 0", b"Connection: close",
                status=b"302 Found")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def for_ever(*pieces):
    while True:
        yield from pieces


def trickle(data):
    for byte in data:
        yield bytes([byte])
        yield Pause(1)


# ------------------------------------------------------------------------------ what is made once

X = b"x" * MIB
GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
EMPTY_DEFLATE_BLOCK = b"\0\0\0\xff\xff"


@functools.cache
def comments():
    return b"# A comment, and there is no end to them.......................\n" * (MIB // 64)


@functools.cache
def deflated_zeros():
    """Sixteen MiB of zeros in 16 KiB: raw deflate, to be repeated as it is."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)


@functools.cache
def zeros_packed_twice():
    """10 GiB in some 50 KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = deflated_zeros() * (10 * GIB // (16 * MIB))
    return packer.compress(GZIP_HEADER + zeros) + packer.flush()


@functools.cache
def zstd_zeros():
    """10 GiB of zeros in run-length blocks: four bytes for each 128 KiB. Asks for a window of
    128 MiB, the largest that decoders take unless told otherwise (RFC 8878, section 3.1.1)."""
    most = 128 * KIB
    window_descriptor = (27 - 10) << 3
    run, last = (struct.pack("<I", most << 3 | 1 << 1 | end)[:3] + b"\0" for end in (0, 1))
    header = b"\x28\xb5\x2f\xfd" + bytes([0, window_descriptor])
    return header + run * (10 * GIB // most - 1) + last


@functools.cache
def block_of_series():
    """100,000 lines; a page gets a hundred of them, each with its number in the place of @@@."""
    return b"".join(b'ten_million_series{a="@@@",b="%05d"} 1\n' % n for n in range(100_000))


@functools.cache
def page_of_many_series():
    """As many series as the body limit takes, more than four million."""
    line = b"many_%07d 1\n"
    lines = (BODY_LIMIT_BYTES - KIB) // len(line % 0)
    return page(b"".join(map(line.__mod__, range(lines))))


@functools.cache
def block_of_help():
    """100,000 families, to get a number in the place of @@@@ and a letter in that of ~."""
    return b"".join(b"# HELP help~_@@@@_%05d x\n" % n for n in range(100_000))


@functools.cache
def page_of_many_labels():
    return page(b"many_labels{%s} 1\n"
                % b",".join(b'label_%d="1"' % n for n in range(10_000)))


@functools.cache
def page_of_protobuf_nested():
    """A message in a message in a message, field 4, each with the right length; then groups in
    groups (field 1, wire type 3)."""
    opened = []
    size = 0
    while size < MIB:
        opened.append(b"\x22" + varint(size))
        size += len(opened[-1])
    return page(b"".join(reversed(opened)) + b"\x0b" * MIB, PROTOBUF)


@functools.cache
def garbage():
    return random.Random(3).randbytes(200_000)


MADE_ONCE = (comments, deflated_zeros, zeros_packed_twice, zstd_zeros, block_of_series,
             page_of_many_series, block_of_help, page_of_many_labels, page_of_protobuf_nested,
             garbage)


# -------------------------------------------------------------------------------------- the kinds
# Each is called with a Request and yields what goes out; when it is through, the connection closes.

class Request:
    """What a client sent: its head, and which connection of this kind it is, from 0."""

    def __init__(self, text, number, ports):
        self.text, self.number, self.ports = text, number, ports


def gzip_bomb(_request):
    # The checksum is not of ten billion zeros: nobody may come as far as to see it.
    yield head(TEXT, b"Content-Encoding: gzip")
    yield GZIP_HEADER
    for _ in range(10 * GIB // (16 * MIB)):
        yield deflated_zeros()
    yield b"\3\0" + bytes(8)


def gzip_of_nothing(_request):
    """Endless input that decodes to no byte at all."""
    yield head(TEXT, b"Content-Encoding: gzip")
    yield GZIP_HEADER
    yield from for_ever(EMPTY_DEFLATE_BLOCK * 20_000)


def gzip_in_gzip(_request):
    yield head(TEXT, b"Content-Encoding: gzip, gzip",
               b"Content-Length: %d" % len(zeros_packed_twice()))
    yield zeros_packed_twice()


def zstd_bomb(_request):
    yield head(TEXT, b"Content-Encoding: zstd", b"Content-Length: %d" % len(zstd_zeros()))
    yield zstd_zeros()


def endless_body(_request):
    yield head(TEXT)
    yield from for_ever(comments())


def endless_chunks(_request):
    yield head(TEXT, b"Transfer-Encoding: chunked")
    yield from for_ever(chunk(comments()))


def endless_trailers(_request):
    yield head(TEXT, b"Transfer-Encoding: chunked")
    yield chunk(b"endless_trailers 1\n") + b"0\r\n"
    yield from for_ever(b"X-Trailer: %s\r\n" % X[:1000] * 100)


def endless_interim_answers(_request):
    yield from for_ever(head(b"Link: <x>", status=b"103 Early Hints") * 1000)


def endless_headers(_request):
    yield b"HTTP/1.1 200 OK\r\n"
    yield from for_ever(b"X-Header: %s\r\n" % X[:1000] * 100)


def huge_header(_request):
    yield b"HTTP/1.1 200 OK\r\nX-Header: "
    for _ in range(100):
        yield X
    yield b"\r\n\r\nhuge_header 1\n"


def slow_headers(_request):
    yield from trickle(page(b"slow_headers 1\n"))


def slow_body(_request):
    yield head(TEXT)
    yield from trickle(b"slow_body 1\n" * 1000)


def ten_million_series(_request):
    yield head(TEXT)
    for n in range(100):
        yield block_of_series().replace(b"@@@", b"%03d" % n)


def many_series(_request):
    """A page that the body limit lets pass."""
    yield page_of_many_series()


def help_bomb(request):
    """No sample, but two million families, other ones each time."""
    lines = block_of_help().replace(b"@@@@", b"%04d" % (request.number % 10_000))
    yield head(TEXT, b"Content-Length: %d" % (20 * len(lines)))
    for letter in range(ord("a"), ord("a") + 20):
        yield lines.replace(b"~", bytes([letter]))


def help_of_50_mb(request):
    """One family, whose help text is another one each time."""
    yield head(TEXT)
    yield b"# HELP help_of_50_mb %d " % request.number
    for _ in range(50):
        yield X
    yield b"\nhelp_of_50_mb 1\n"


def line_of_100_mb(_request):
    yield head(TEXT, b"Content-Length: %d" % (100 * MIB + 21))
    yield b"line_of_100_mb{a=\""
    for _ in range(100):
        yield X
    yield b"\"} 1\n"


def nul_bytes(request):
    pages = (b"nul_bytes 1\n\0\0\0\n", b"nul\0_bytes 1\n", b"nul_bytes 1\0\n", bytes(100_000))
    yield page(pages[request.number % len(pages)])


def nul_in_label_value(_request):
    yield page(b'nul_in_label_value{a="\0"} 1\n')


def invalid_utf8(request):
    pages = (b'invalid_utf8{a="\xff\xfe"} 1\n', b'invalid_utf8{a="\xed\xa0\x80"} 1\n',
             b'invalid_utf8{a="\xc0\xaf"} 1\n', b'{"invalid_utf8\xff"} 1\n')
    yield page(pages[request.number % len(pages)])


def chunk_garbage(request):
    bodies = (b"zz\r\nchunk_garbage 1\n\r\n0\r\n\r\n",             # no number
              b"-10\r\nchunk_garbage 1\n\r\n0\r\n\r\n",            # a negative one
              b"10000000000000010\r\nchunk_garbage 1\n\r\n0\r\n\r\n",  # beyond 64 bits
              b"2\r\nchunk_garbage 1\n\r\n0\r\n\r\n",              # too small
              b"7fffffffffffffff\r\nchunk_garbage 1\n",            # never to be filled
              b"\r\n\r\nchunk_garbage 1\n\r\n0\r\n\r\n")           # none
    yield head(TEXT, b"Transfer-Encoding: chunked") + bodies[request.number % len(bodies)]


def redirect_loop(_request):
    yield redirect(b"/metrics")


def redirect_to_other_name(request):
    """The other host asks for a password, which it must not get."""
    yield redirect(b"http://localhost:%d/asks" % request.ports["other_host"])


def redirect_to_other_port(request):
    yield redirect(b"http://127.0.0.1:%d/answers" % request.ports["other_host"])


def redirect_to_file(_request):
    yield redirect(b"file:///etc/passwd")


def redirect_to_gopher(request):
    yield redirect(b"gopher://127.0.0.1:%d/_GET%%20/" % request.ports["other_host"])


def tls_garbage(_request):
    yield garbage()[:16 * KIB]
    yield UNTIL_CLOSED


def duplicates(_request):
    yield page(b'duplicates{a="1",b="2"} 1\n'
               + b"".join(b'duplicates{a="1",b="2"} %d\n' % n for n in range(2, 1000))
               + b'duplicates{b="2",a="1"} 1000\n')


def future_timestamps(_request):
    ms = int(time.time() * 1000) + HUNDRED_YEARS_MS
    yield page(b"future_timestamps 1 %d\nbeside_future_timestamps 1\n" % ms)


def past_timestamps(_request):
    ms = int(time.time() * 1000) - HUNDRED_YEARS_MS
    yield page(b"past_timestamps 1 %d\nbeside_past_timestamps 1\n" % ms)


def protobuf_garbage(_request):
    yield page(garbage(), PROTOBUF)


def protobuf_recursion(_request):
    yield page_of_protobuf_nested()


def reset_in_body(_request):
    yield head(TEXT, b"Content-Length: 1000") + b"reset_in_body 1\n"
    yield RESET


def length_too_large(_request):
    yield head(TEXT, b"Content-Length: 1000") + b"length_too_large 1\n"


def length_negative(_request):
    yield head(TEXT, b"Content-Length: -19") + b"length_negative 1\n"


def length_absurd(request):
    # The largest that fits into 64 bits, the smallest that does not, and one far beyond.
    lengths = (b"9223372036854775807", b"18446744073709551616", b"1" + b"0" * 40)
    yield (head(TEXT, b"Content-Length: " + lengths[request.number % len(lengths)])
           + b"length_absurd 1\n")


def length_no_number(request):
    lengths = (b"16e0", b"0x10", b"16, 17", b"")
    yield (head(TEXT, b"Content-Length: " + lengths[request.number % len(lengths)])
           + b"length_no_number 1\n")


def never_answered(_request):
    yield UNTIL_CLOSED


def closed_at_once(_request):
    yield b""


def login_page(_request):
    yield page(b"<!doctype html><html><body><form>User <input></form></body></html>\n",
               b"Content-Type: text/html; charset=utf-8")


def http_0_9(_request):
    yield b"http_0_9 1\n"


def empty_body(_request):
    yield page(b"")


def huge_value(request):
    values = (b"1e999", b"-1e999", b"9" * 400, b"1e99999999999999999999")
    yield page(b"huge_value %s\n" % values[request.number % len(values)])


def many_labels(_request):
    yield page_of_many_labels()


def label_set_of_300(_request):
    yield page(b"".join(b"label_set_of_300{%s} 1\n" % b",".join(
        b'label_%d_%d="%d"' % (line, n, n) for n in range(300)) for line in range(100)))


def label_value_of_1_mb(_request):
    yield page(b'label_value_of_1_mb{a="%s"} 1\n' % X)


def label_names_of_1_mb(request):
    """Fifty labels with short values, and other ones each time."""
    yield head(TEXT) + b"label_names_of_1_mb{"
    for n in range(50):
        yield b'label_%d_%d_%s="1",' % (request.number, n, X)
    yield b"} 1\n"


def other_host(request):
    """Where redirects lead to. Not a target."""
    if request.text.startswith(b"GET /answers "):
        yield page(b"other_host 1\n")
    else:
        yield head(b'WWW-Authenticate: Basic realm="x"', b"Content-Length: 0",
                   status=b"401 Unauthorized")


KINDS = {f.__name__: f for f in (
    gzip_bomb, gzip_of_nothing, gzip_in_gzip, zstd_bomb, endless_body, endless_chunks,
    endless_trailers, endless_interim_answers, endless_headers, huge_header, slow_headers,
    slow_body, ten_million_series, many_series, help_bomb, help_of_50_mb, line_of_100_mb,
    nul_bytes, nul_in_label_value, invalid_utf8, chunk_garbage, redirect_loop,
    redirect_to_other_name, redirect_to_other_port, redirect_to_file, redirect_to_gopher,
    tls_garbage, duplicates, future_timestamps, past_timestamps, protobuf_garbage,
    protobuf_recursion, reset_in_body, length_too_large, length_negative, length_absurd,
    length_no_number, never_answered, closed_at_once, login_page, http_0_9, empty_body,
    huge_value, many_labels, label_set_of_300, label_value_of_1_mb, label_names_of_1_mb)}

# Kinds that answer without waiting for a request: there may be none that they could read.
UNASKED = {"closed_at_once", "tls_garbage"}


class HostileTarget:
    """One kind on its port, a thread for each connection."""

    def __init__(self, name, behave, ports, attack):
        self.name, self.behave, self.ports = name, behave, ports
        self.attack = attack  # an Event: before it, calm
        self.heads = []  # of every request so far
        self.connections = 0
        self.sent_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        ports[name] = self._listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        calm = not self.attack.is_set()
        number = self.connections
        self.connections += 0 if calm else 1
        with connection:
            try:
                text = b"" if self.name in UNASKED else self._read_head(connection)
                if text is None:
                    return
                answer = empty_body if calm else self.behave
                for piece in answer(Request(text, number, self.ports)):
                    if not self._do(connection, piece):
                        return
            except OSError:
                pass  # The client has had enough.

    def _read_head(self, connection):
        text = b""
        while b"\r\n\r\n" not in text:
            more = connection.recv(4096)
            if not more:
                return None
            text += more
        self.heads.append(text)
        return text

    def _do(self, connection, piece):
        """Whether the connection goes on."""
        if piece is UNTIL_CLOSED:
            while connection.recv(4096):
                pass
            return False
        if piece is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if isinstance(piece, Pause):
            readable, _, _ = select.select([connection], [], [], piece.seconds)
            return not readable or bool(connection.recv(4096))
        connection.sendall(piece)
        self.sent_bytes += len(piece)
        return True


def run_hostile():
    """(ports, function that reports, function that lets them loose)"""
    os.nice(NICENESS)
    for make in MADE_ONCE:
        make()
    ports = {}
    attack = threading.Event()
    targets = [HostileTarget(name, behave, ports, attack)
               for name, behave in [*KINDS.items(), ("other_host", other_host)]]
    for target in targets:
        target.start()

    def report():
        return {t.name: {"connections": t.connections, "sent_bytes": t.sent_bytes,
                         "heads": [h.decode("latin-1") for h in t.heads]
                         if t.name == "other_host" else []}
                for t in targets}

    return ports, report, attack.set


# -------------------------------------------------------------------------------- the neighbours

NEIGHBOUR_PAGE = page(b"# TYPE neighbour_sample gauge\n" + b"".join(
    b'neighbour_sample{n="%d"} %d\n' % (n, n) for n in range(20)))


class NeighbourConnection(asyncio.Protocol):
    """Answers every request at once, and notes when it came by the machine's monotonic clock."""

    def __init__(self, arrivals):
        self.arrivals, self.text, self.transport = arrivals, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        now = time.monotonic()
        self.text += data
        while b"\r\n\r\n" in self.text:
            self.text = self.text.split(b"\r\n\r\n", 1)[1]
            self.arrivals.append(now)
            self.transport.write(NEIGHBOUR_PAGE)


def run_neighbours(count):
    """(ports, function that reports the arrivals of each, function that does nothing)"""
    arrivals = [[] for _ in range(count)]
    loop = asyncio.new_event_loop()
    servers = [loop.run_until_complete(loop.create_server(
        lambda mine=mine: NeighbourConnection(mine), "127.0.0.1", 0)) for mine in arrivals]
    threading.Thread(target=loop.run_forever, daemon=True).start()
    ports = [s.sockets[0].getsockname()[1] for s in servers]
    return ports, lambda: list(map(list, arrivals)), lambda: None


# ---------------------------------------------------------------------------------- as programs

class Program:
    """This file run as a program, for `with`; `arguments` as in its first lines."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, __file__, *map(str, arguments)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = self._line()

    def _line(self):
        line = self._process.stdout.readline()
        assert line, f"{self._process.args}: ended with {self._process.wait()}"
        return json.loads(line)

    def attack(self):
        self._say("attack")

    def report(self):
        return self._say("report")

    def _say(self, word):
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def main():
    what, *arguments = sys.argv[1:]
    ports, report, attack = (run_hostile() if what == "hostile"
                             else run_neighbours(int(arguments[0])))
    print(json.dumps(ports), flush=True)
    for line in sys.stdin:
        if line.strip() == "attack":
            attack()
        print(json.dumps(report()), flush=True)
    os._exit(0)  # Threads may be sending to the last.


if __name__ == "__main__":
    main()
