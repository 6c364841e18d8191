"""One connection: requests in, answers out, in HTTP/1.1 as the real server writes it."""

from __future__ import annotations

import gzip
import io
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

from .faults import Dropped, Faults
from .requests import Place, Reply, Request
from .status import Refusal
from .users import Doorkeeper, User

WHOLE_BODY = 2048  # bytes; longer bodies go in chunks, as Go's server sends them
CHUNK = 256 * 1024
GZIP_FROM = 128 * 1024  # bytes; shorter answers are not compressed even when the client asks (apiserver, writers.go)

Answer = Callable[[Request], Reply]


class Connection:
    """Serves a socket until one of both sides has enough."""

    def __init__(self, peer: socket.socket, certificate: User | None, faults: Faults, keeper: Doorkeeper) -> None:
        self._socket, self._certificate, self._faults, self._doorkeeper = peer, certificate, faults, keeper
        self._input = io.BufferedReader(socket.SocketIO(peer, "r"), 65536)

    def serve(self, answer: Answer) -> None:
        """Raises Dropped and OSError when the connection is at its end in the middle of something."""
        try:
            while self._one(answer):
                pass
        finally:
            self._input.close()

    def _one(self, answer: Answer) -> bool:
        """One request; False when it was the last."""
        line = self._input.readline(65536).split()
        if len(line) != 3:
            return False
        headers = self._headers()
        raw = self._input.read(int(headers.get("content-length") or 0))
        self._faults.wait()
        time.sleep(self._faults.latency_seconds)
        parts = urlsplit(line[1].decode())
        path = unquote(parts.path)
        try:
            user = self._doorkeeper.who(headers.get("authorization", ""), self._certificate)
        except Refusal as error:
            return self._send(line[0].decode(), headers, Reply.refusing(error), cut=False)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(line[0].decode(), path, query, headers, raw, user, Place.of(path))
        reply = self._faults.refusal(request) or answer(request)
        return self._send(request.method, headers, reply, cut=self._faults.truncates(request))

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while (line := self._input.readline(65536)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _send(self, method: str, asked: dict[str, str], reply: Reply, cut: bool) -> bool:
        if reply.talk is not None:
            self._send_head(reply, {})
            reply.talk(self)
            return False
        if reply.stream is not None:
            return self._send_stream(reply)
        body, headers = reply.body, {}
        if "gzip" in asked.get("accept-encoding", "") and len(body) > GZIP_FROM:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        is_whole = len(body) <= WHOLE_BODY or method == "HEAD"
        self._send_head(reply, headers | ({"Content-Length": str(len(body))} if is_whole else _CHUNKED))
        if cut:
            self._send_cut(body, is_whole)
        if is_whole and method != "HEAD":
            self.send(body)
        elif not is_whole:
            for start in range(0, len(body), CHUNK):
                self._send_chunk(body[start : start + CHUNK])
            self.send(b"0\r\n\r\n")
        return asked.get("connection", "").lower() != "close"

    def _send_stream(self, reply: Reply) -> bool:
        self._send_head(reply, _CHUNKED)
        assert reply.stream is not None
        for piece in reply.stream:
            self._faults.wait()  # a stream that has nothing to say would not notice that the server ends
            if piece:
                self._send_chunk(piece)
        self.send(b"0\r\n\r\n")
        return True

    def _send_head(self, reply: Reply, more: dict[str, str]) -> None:
        said = {"Cache-Control": "no-cache, private", "Content-Type": reply.content_type} if reply.code != 101 else {}
        lines = [f"HTTP/1.1 {reply.code} {HTTPStatus(reply.code).phrase}"]
        lines += [f"{name}: {value}" for name, value in (said | reply.headers | more).items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _send_chunk(self, piece: bytes) -> None:
        self.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _send_cut(self, body: bytes, is_whole: bool) -> None:
        """Half of it, then the end of the connection."""
        half = body[: len(body) // 2]
        self.send(half if is_whole else f"{len(body):x}\r\n".encode() + half)
        raise Dropped

    def send(self, data: bytes) -> None:
        self._faults.wait()
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        return self._input.read1(size)


_CHUNKED = {"Transfer-Encoding": "chunked"}
