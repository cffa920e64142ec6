"""A client's side of WebSocket (RFC 6455) and of server-sent events, on plain sockets."""
import base64
import json
import os
import socket
import struct
import time

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Closed(Exception):
    """The server closed the connection; `code` is that of its close frame, or None."""

    def __init__(self, code=None):
        super().__init__(f"closed with {code}")
        self.code = code


class Reader:
    """Takes bytes off a socket, with a deadline for each call."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing came; so far {self.buffer[:500]!r}")
        self.connection.settimeout(left)
        try:
            piece = self.connection.recv(1 << 16)
        except socket.timeout:
            raise AssertionError(f"nothing came; so far {self.buffer[:500]!r}") from None
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed()
        self.buffer += piece

    def until(self, mark, deadline):
        while mark not in self.buffer:
            self.more(deadline)
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, size, deadline):
        while len(self.buffer) < size:
            self.more(deadline)
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found


def request_head(server, path, headers):
    lines = [f"GET {path} HTTP/1.1", f"Host: {server.address}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class WebSocket:
    """An open connection; frames of /ws are {"event", "data"}."""

    def __init__(self, server, path="/ws", headers=None, seconds=30):
        self.connection = socket.create_connection(("127.0.0.1", server.port), seconds)
        self.reader = Reader(self.connection)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.sendall(request_head(server, path, {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key, **(headers or {})}))
        head = self.reader.until(b"\r\n\r\n", time.monotonic() + seconds)
        self.status = int(head.split(b" ")[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send_frame(self, opcode, payload, final=True):
        head = bytes([opcode | (0x80 if final else 0)])
        size = len(payload)
        if size < 126:
            head += bytes([size | 0x80])
        elif size < 1 << 16:
            head += struct.pack(">BH", 126 | 0x80, size)
        else:
            head += struct.pack(">BQ", 127 | 0x80, size)
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.connection.sendall(head + mask + masked)

    def receive_frame(self, seconds=30):
        deadline = time.monotonic() + seconds
        first, size = self.reader.exactly(2, deadline)
        if size == 126:
            size, = struct.unpack(">H", self.reader.exactly(2, deadline))
        elif size == 127:
            size, = struct.unpack(">Q", self.reader.exactly(8, deadline))
        return first & 0x0F, self.reader.exactly(size, deadline)

    def send(self, event, data=None):
        self.send_text(json.dumps({"event": event, "data": data or {}}))

    def send_text(self, text):
        self.send_frame(TEXT, text.encode())

    def receive(self, seconds=30):
        """(event, data) of the next text frame; answers pings on the way."""
        while True:
            opcode, payload = self.receive_frame(seconds)
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                raise Closed(struct.unpack(">H", payload[:2])[0] if payload else None)
            elif opcode == TEXT:
                frame = json.loads(payload)
                return frame["event"], frame["data"]

    def wait_for(self, event, seconds=30, where=lambda data: True):
        """Data of the next frame of that event; others on the way are passed over."""
        end = time.monotonic() + seconds
        while True:
            name, data = self.receive(max(0.01, end - time.monotonic()))
            if name == event and where(data):
                return data


class EventStream:
    """An open stream of server-sent events, or the refusal in `status` and `body`."""

    def __init__(self, server, path, headers=None, seconds=30):
        self.connection = socket.create_connection(("127.0.0.1", server.port), seconds)
        self.reader = Reader(self.connection)
        self.connection.sendall(request_head(
            server, path, {"Accept": "text/event-stream", **(headers or {})}))
        head = self.reader.until(b"\r\n\r\n", time.monotonic() + seconds).decode()
        self.status = int(head.split(" ")[1])
        self.head = head.lower()
        self.text = b""
        self.comments = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def body(self, seconds=30):
        """Of an answer that ends."""
        size = int(self.head.split("content-length:")[1].split("\r\n")[0])
        return self.reader.exactly(size, time.monotonic() + seconds)

    def receive(self, seconds=30):
        """(event, data) of the next event; comments go to `comments`."""
        deadline = time.monotonic() + seconds
        while True:
            while b"\n\n" not in self.text:
                size = int(self.reader.until(b"\r\n", deadline), 16)
                self.text += self.reader.exactly(size + 2, deadline)[:-2]
                if size == 0:
                    raise Closed()
            block, self.text = self.text.split(b"\n\n", 1)
            fields = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                fields.setdefault(name, value.strip())
            if "" in fields:
                self.comments.append(fields[""])
            if "data" in fields:
                return fields.get("event", "message"), json.loads(fields["data"])

    def wait_for(self, event, seconds=30, where=lambda data: True):
        end = time.monotonic() + seconds
        while True:
            name, data = self.receive(max(0.01, end - time.monotonic()))
            if name == event and where(data):
                return data
