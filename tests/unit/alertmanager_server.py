"""An HTTP server that answers like an Alertmanager, or badly in a chosen manner, and keeps what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import msgspec

from crashcart.backends.alertmanager.options import Options
from crashcart.backends.contract import CommandRunner, Context

DATA = Path(__file__).parents[1] / "data" / "alertmanager" / "0.25.0"
TRICKLE_SECONDS = 0.05
HANG_SECONDS = 60.0

Manner = Literal["whole", "half", "hang", "drop", "headless", "trickle", "garbage", "endless"]


def sample(name: str) -> bytes:
    """A recorded answer."""
    return (DATA / name).read_bytes()


@dataclass(frozen=True)
class Reply:
    """`half` promises more than comes, `headless` breaks off within the headers, `drop` hangs up without a word,
    `trickle` sends a header that never ends."""

    body: bytes = b"[]"
    status: int = 200
    content_type: str = "application/json"
    manner: Manner = "whole"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    line: str  # "GET /api/v2/alerts"
    headers: dict[str, str]
    body: bytes
    client_port: int  # of the connection

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class ScriptedServer:
    """`say` holds replies by "METHOD /path"; what is not there is answered as Alertmanager answers what it lacks."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.say: dict[str, Reply] = {
            "GET /api/v2/alerts": Reply(sample("alerts.json")),
            "GET /api/v2/silences": Reply(sample("silences.json")),
            "GET /metrics": Reply(sample("metrics.txt"), content_type="text/plain; version=0.0.4"),
        }
        self.asked: list[Asked] = []
        self.has_asked = threading.Condition()
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self.name = f"127.0.0.1:{self.port}"
        self.url = f"http{'s' if tls else ''}://{self.name}"

    def everything(self, reply: Reply) -> None:
        """Answer all that is read in this way."""
        for line in self.say:
            self.say[line] = reply

    def times(self, line: str) -> int:
        """How often this was asked."""
        return sum(asked.line == line for asked in self.asked)

    def wait_for(self, line: str, seconds: float = 10.0) -> None:
        """Return when this was asked. Raises AssertionError."""
        with self.has_asked:
            assert self.has_asked.wait_for(lambda: self.times(line) > 0, seconds), f"{line} was not asked"

    @contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def context(*urls: str, **options: Any) -> Context:
    """What the backend is made from."""
    return Context("a100", msgspec.convert({"url": list(urls), **options}, Options), _NoLinks(), {})


class _NoLinks:
    def runner(self, via: str) -> CommandRunner:
        raise AssertionError("this backend runs no commands")


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            line = f"{self.command} {self.path}"
            with server.has_asked:
                server.asked.append(Asked(line, dict(self.headers.items()), body, self.client_address[1]))
                server.has_asked.notify_all()
            reply = server.say.get(line, Reply(b'"silence not found"', 404))
            self.close_connection = reply.manner != "whole"
            _answer(self, reply, server)

        do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a test's output is its own."""

    return Handler


def _answer(handler: BaseHTTPRequestHandler, reply: Reply, server: ScriptedServer) -> None:
    try:
        match reply.manner:
            case "hang":
                server.released.wait(HANG_SECONDS)
            case "garbage":
                handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n")
            case "headless":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCon")
            case "trickle":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
                while not server.released.wait(TRICKLE_SECONDS):
                    handler.wfile.write(b"x")
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
    handler.send_response_only(reply.status)
    handler.send_header("Content-Type", reply.content_type)
    handler.send_header("Content-Length", str(length))
    for name, value in {"Date": handler.date_time_string(), **reply.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
