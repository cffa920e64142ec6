"""A server that speaks the protocols of language models and says what a test tells it to.

Knows OpenAI's chat completions (POST /v1/chat/completions, server-sent events with the parts of
tool calls) and Ollama's chat (POST /api/chat, a JSON object a line). What it says is decided by
`script`, a function of the Conversation that it was sent; it returns a Turn, or a function that
does as it likes with the HTTP handler. Run by itself it answers every question with a query of
`up`, for trying things out:

    python3 fake_language_model.py PORT
"""
import http.server
import json
import sys
import threading
import time

PIECE = 7  # characters of a part of a stream: no name or number comes whole


class Turn:
    """What the model says: tool calls (name, arguments as a value or as raw text), or words."""

    def __init__(self, *calls, text="", finish=None):
        self.calls, self.text = list(calls), text
        self.finish = finish or ("tool_calls" if calls else "stop")


def final(**arguments):
    return Turn(("final_answer", arguments))


class Conversation:
    """What the model was sent, the same for both protocols."""

    def __init__(self, path, body):
        self.ollama = path == "/api/chat"
        self.body = body
        self.messages = body["messages"]
        self.tools = {t["function"]["name"]: t["function"] for t in body["tools"]}
        questions = [i for i, m in enumerate(self.messages) if m["role"] == "user"]
        self.question = self.messages[questions[-1]]["content"] if questions else ""
        since = self.messages[questions[-1] + 1:] if questions else []
        self.turns = sum(m["role"] == "assistant" for m in since)
        # Results as the tools gave them, and what was said of turns that were wrong.
        contents = [json.loads(m["content"]) for m in since if m["role"] == "tool"]
        self.results = [c["data"] for c in contents if "data" in c]
        self.complaints = [c["error"] for c in contents if "error" in c]

    @property
    def query_tool(self):
        """The name of the tool that runs PromQL."""
        return next(n for n, t in self.tools.items()
                    if n != "final_answer" and "promql" in t["parameters"].get("properties", {}))

    def query(self, promql, **more):
        return Turn((self.query_tool, {"promql": promql, **more}))

    def value(self):
        """The first sample of the last result with any."""
        for result in reversed(self.results):
            if result.get("resultType") == "vector" and result["result"]:
                return result["result"][0]["value"][1]
            if result.get("resultType") == "scalar":
                return result["result"][1]
        return None


def answers_with(promql, text="The value is {}."):
    """A script: runs the query, then answers with its first value."""
    def script(conversation):
        if not conversation.results:
            return conversation.query(promql)
        return final(intent="query", promql=promql, text=text.format(conversation.value()),
                     explanation="As the query says.", unit="none", confidence=0.9)
    return script


def _pieces(text):
    return [text[i:i + PIECE] for i in range(0, len(text), PIECE)]


def _arguments_text(arguments):
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _openai_chunks(turn):
    def chunk(delta, finish=None):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                "model": "fake-1",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(turn.text):
        yield chunk({"content": piece})
    parts = []
    for index, (name, arguments) in enumerate(turn.calls):
        yield chunk({"tool_calls": [{"index": index, "id": f"call_{time.monotonic_ns()}",
                                     "type": "function",
                                     "function": {"name": name, "arguments": ""}}]})
        parts.append([(index, piece) for piece in _pieces(_arguments_text(arguments))])
    # The parts of calls side by side come mixed.
    while any(parts):
        for queue in parts:
            if queue:
                index, piece = queue.pop(0)
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, turn.finish)
    yield {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 20}}


def _ollama_lines(turn):
    for piece in _pieces(turn.text):
        yield {"model": "fake-1", "message": {"role": "assistant", "content": piece},
               "done": False}
    calls = []
    for name, arguments in turn.calls:
        calls.append({"function": {"name": name, "arguments": arguments}})
    if calls:
        yield {"model": "fake-1",
               "message": {"role": "assistant", "content": "", "tool_calls": calls},
               "done": False}
    yield {"model": "fake-1", "message": {"role": "assistant", "content": ""}, "done": True,
           "done_reason": "stop", "prompt_eval_count": 1000, "eval_count": 20}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer's small pieces wait 40 ms

    def do_GET(self):  # noqa: N802, the name is the base class's
        self.server.fake.strangers.append(self.path)
        self.send_error(404)

    def do_POST(self):  # noqa: N802
        fake = self.server.fake
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path not in ("/v1/chat/completions", "/api/chat"):
            fake.strangers.append(self.path)
            self.send_error(404)
            return
        conversation = Conversation(self.path, json.loads(text))
        fake.received(self.headers, text, conversation)
        try:
            turn = fake.script(conversation)
        except Exception as e:  # pylint: disable=broad-except
            fake.faults.append(repr(e))
            self.send_error(500, "the script failed")
            return
        try:
            if callable(turn):
                turn(self)
            else:
                self.stream(turn, conversation.ollama)
        except OSError:
            self.close_connection = True  # the client left

    def stream(self, turn, ollama):
        self.send_response(200)
        self.send_header("Content-Type",
                         "application/x-ndjson" if ollama else "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for value in _ollama_lines(turn) if ollama else _openai_chunks(turn):
            line = json.dumps(value)
            self.chunk(f"{line}\n" if ollama else f"data: {line}\n\n")
        if not ollama:
            self.chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def whole(self, status, body=b"", **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# Ways to go wrong, as results of a script.

def status(code, body="", **headers):
    return lambda handler: handler.whole(code, body, **headers)


def hangs(handler):
    """Says nothing until the client leaves or the test ends."""
    handler.server.fake.closing.wait(120)
    handler.close_connection = True


def cut_short(handler):
    """Ends in the middle of a tool call."""
    handler.whole(200, 'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":'
                       '{"name":"query_metrics","arguments":"{\\"pro"}}]}}]}\n\n'
                       'data: {"choices":[{"delta":{"tool_ca', Content_Type="text/event-stream")


def garbage(handler):
    handler.whole(200, bytes(range(256)) * 20, Content_Type="text/event-stream")


def huge(handler):
    """A body without an end, as far as the client can tell."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    line = 'data: {"choices":[{"delta":{"content":"' + "x" * 60_000 + '"}}]}\n\n'
    for _ in range(2000):
        handler.chunk(line)
    handler.wfile.write(b"0\r\n\r\n")


class FakeLanguageModel:
    """The server; `script` may be changed at any time.

    texts:         bodies of the requests, as they came over the wire
    keys:          their Authorization headers
    conversations: the requests understood
    strangers:     paths that were asked for and do not exist
    faults:        of the scripts: a test checks that there are none
    """

    def __init__(self, script=None):
        self.script = script or answers_with("count(up)")
        self.texts, self.keys, self.conversations = [], [], []
        self.strangers, self.faults = [], []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.fake = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def received(self, headers, text, conversation):
        with self._lock:
            self.texts.append(text)
            self.keys.append(headers.get("Authorization"))
            self.conversations.append(conversation)

    def forget(self):
        with self._lock:
            self.texts, self.keys, self.conversations = [], [], []

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def main():
    fake = FakeLanguageModel()
    fake._server.server_close()  # pylint: disable=protected-access
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler)
    server.fake = fake
    server.serve_forever()


if __name__ == "__main__":
    main()
