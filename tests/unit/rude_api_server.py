"""An API server that answers as it is told, or badly in a chosen manner, and keeps what it was asked."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from crashcart.backends.contract import Context
from crashcart.backends.kubernetes.options import Options
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession

Manner = Literal["whole", "half", "drop"]
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Reply:
    """`half` promises more than comes, `drop` hangs up without a word. `frames` (channel, data) answer a command."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    manner: Manner = "whole"
    headers: dict[str, str] = field(default_factory=dict)
    frames: tuple[tuple[int, bytes], ...] | None = None


def status(code: int, message: str, **more: Any) -> Reply:
    """A refusal as the API server words it."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code}
    return Reply(code, json.dumps(body | more).encode())


@dataclass(frozen=True)
class Asked:
    line: str  # "GET /api/v1/nodes"
    headers: dict[str, str]
    body: bytes


class RudeServer:
    """`say` holds replies by "METHOD /path"; all else is not found."""

    def __init__(self) -> None:
        self.say: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                line = f"{self.command} {self.path.partition('?')[0]}"
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append(Asked(line, {key.lower(): value for key, value in self.headers.items()}, body))
                reply = server.say.get(line, status(404, "the server could not find the requested resource"))
                if reply.manner == "drop":
                    self.close_connection = True
                elif reply.frames is not None:
                    self._talk(reply.frames)
                else:
                    self._send(reply)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body) + (100 if reply.manner == "half" else 0)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = reply.manner == "half"

            def _talk(self, frames: tuple[tuple[int, bytes], ...]) -> None:
                key = self.headers["Sec-WebSocket-Key"] + _GUID
                accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324 - RFC 6455
                self.send_response(101)
                for name, value in (
                    ("Upgrade", "websocket"),
                    ("Connection", "Upgrade"),
                    ("Sec-WebSocket-Accept", accepted),
                    ("Sec-WebSocket-Protocol", "v4.channel.k8s.io"),
                ):
                    self.send_header(name, value)
                self.end_headers()
                for channel, data in frames:
                    self.wfile.write(struct.pack("!BBHB", 0x82, 126, len(data) + 1, channel) + data)
                self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:
                """Not on a terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> RudeServer:
        self._thread.start()
        return self

    def __exit__(self, *ending: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def lines(self, method: str) -> list[str]:
        """What was asked by this method."""
        return [one.line for one in self.asked if one.line.startswith(method)]


@contextmanager
def powers_at(server: RudeServer, folder: Path, **options: Any) -> Iterator[KubernetesPowers]:
    """Powers of a user with a token, over plain HTTP."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "rude", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}],
                "users": [{"name": "ada", "user": {"token": "t"}}],
                "contexts": [{"name": "rude", "context": {"cluster": "rude", "user": "ada"}}],
                "current-context": "rude",
            }
        )
    )
    table = Options(kubeconfig=str(kubeconfig), timeout_seconds=2.0, **options)
    powers = KubernetesPowers(Context("rude", table, SessionLinks(ClusterSession("rude"))))
    try:
        yield powers
    finally:
        powers.close()
