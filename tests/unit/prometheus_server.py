"""An HTTP server that answers with what a real Prometheus once said, or badly in a chosen manner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from crashcart.backends.contract import CommandRunner, Context
from crashcart.backends.prometheus.options import Options

DATA = Path(__file__).parents[1] / "data" / "prometheus" / "2.42.0"
HANG_SECONDS = 60.0
NOTHING = b'{"status":"success","data":{"resultType":"vector","result":[]}}'

Manner = Literal["whole", "half", "hang", "drop", "trickle", "garbage", "endless"]


class Exchange(msgspec.Struct):
    """One line of a recording."""

    path: str
    query: str
    body: str


@dataclass(frozen=True)
class Reply:
    """`half` promises more than comes, `drop` hangs up without a word, `trickle` and `endless` never end."""

    body: bytes = NOTHING
    status: int = 200
    content_type: str = "application/json"
    manner: Manner = "whole"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str
    form: dict[str, str]
    headers: dict[str, str]


def recording(name: str) -> dict[tuple[str, str], bytes]:
    """Bodies by path and query."""
    lines = (DATA / f"{name}.jsonl").read_bytes().splitlines()
    exchanges = (msgspec.json.decode(line, type=Exchange) for line in lines)
    return {(one.path, one.query): one.body.encode() for one in exchanges}


def vector(*rows: tuple[dict[str, str], float | str], at: float = 1_700_000_000.0, **more: Any) -> Reply:
    """An instant vector; values may be written as Prometheus would."""
    result = [{"metric": labels, "value": [at, str(value)]} for labels, value in rows]
    data = {"resultType": "vector", "result": result}
    return Reply(msgspec.json.encode({"status": "success", "data": data, **more}))


def error(kind: str, said: str, status: int) -> Reply:
    """A refusal as Prometheus words it."""
    return Reply(msgspec.json.encode({"status": "error", "errorType": kind, "error": said}), status)


class PrometheusServer:
    """Answers a recording; `say` comes first, by path or by part of a query. What is unknown is an empty vector."""

    def __init__(self, name: str | None = None) -> None:
        self.recorded = recording(name) if name else {}
        self.say: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        self.unknown: list[str] = []
        self.has_asked = threading.Condition()
        self.released = threading.Event()
        self._drops = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def play(self, name: str) -> None:
        """Answer another recording from now on."""
        self.recorded = recording(name)

    def everything(self, reply: Reply) -> None:
        """Answer whatever is asked in this way."""
        self.say = {"": reply}

    def queries(self, part: str) -> list[str]:
        """Queries asked that hold this."""
        return [asked.query for asked in self.asked if part in asked.query]

    def wait_for(self, part: str, seconds: float = 10.0) -> None:
        """Return when a path or query that holds this was asked. Raises AssertionError."""
        with self.has_asked:
            seen = self.has_asked.wait_for(
                lambda: any(part in asked.path or part in asked.query for asked in self.asked), seconds
            )
        assert seen, f"{part} was not asked"

    def reply_to(self, asked: Asked) -> Reply:
        for part, reply in self.say.items():
            if part in asked.query or part in asked.path:
                return reply
        body = self.recorded.get((asked.path, asked.query))
        if body is None:
            self.unknown.append(asked.query or asked.path)
        return Reply(NOTHING if body is None else body)

    def drop_once(self) -> None:
        """Hang up at the next request, as a server does that has just closed an idle connection."""
        self._drops = 1

    def drops(self) -> bool:
        """Whether this is that request."""
        drops, self._drops = self._drops, 0
        return drops > 0

    def context(self, **options: Any) -> Context:
        """What the backend is made from."""
        return context(self.url, **options)

    @contextmanager
    def running(self) -> Iterator[PrometheusServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def context(url: str, **options: Any) -> Context:
    """What the backend is made from, for any address."""
    table = {"url": url, "timeout_seconds": 2.0, **options}
    return Context("a100", msgspec.convert(table, Options), NoLinks(), {})


class NoLinks:
    """This backend runs no commands."""

    def runner(self, via: str) -> CommandRunner:
        raise AssertionError("this backend runs no commands")


def _handler(server: PrometheusServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in {**parse_qs(parts.query), **parse_qs(body)}.items()}
            asked = Asked(self.command, parts.path, form.get("query", ""), form, dict(self.headers.items()))
            with server.has_asked:
                server.asked.append(asked)
                server.has_asked.notify_all()
            reply = Reply(manner="drop") if server.drops() else server.reply_to(asked)
            self.close_connection = reply.manner != "whole"
            _answer(self, reply, server)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a test's output is its own."""

    return Handler


def _answer(handler: BaseHTTPRequestHandler, reply: Reply, server: PrometheusServer) -> None:
    try:
        match reply.manner:
            case "hang":
                server.released.wait(HANG_SECONDS)
            case "garbage":
                handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n")
            case "trickle":
                _head(handler, reply, 1 << 20)
                while not server.released.wait(0.05):
                    handler.wfile.write(b" ")
            case "endless":
                _head(handler, reply, 1 << 40)
                while not server.released.is_set():
                    handler.wfile.write(b" " * 65536)
            case "whole" | "half":
                _head(handler, reply, len(reply.body) + 100 * (reply.manner == "half"))
                handler.wfile.write(reply.body)
            case "drop":
                pass
    except OSError:
        handler.close_connection = True


def _head(handler: BaseHTTPRequestHandler, reply: Reply, length: int) -> None:
    handler.send_response(reply.status)
    handler.send_header("Content-Type", reply.content_type)
    handler.send_header("Content-Length", str(length))
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
