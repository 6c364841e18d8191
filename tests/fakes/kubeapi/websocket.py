"""The server's side of a websocket (RFC 6455), with the channels that Kubernetes puts into its frames."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator

from .requests import Socket

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE_FRAME, _PING, _PONG = 8, 9, 10


def handshake_headers(headers: dict[str, str], protocol: str) -> dict[str, str]:
    """What 101 Switching Protocols says."""
    key = headers.get("sec-websocket-key", "").encode()
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
    return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept,
            "Sec-WebSocket-Protocol": protocol}  # fmt: skip


def chosen_protocol(offered: str) -> str:
    """The newest that both know; empty for none."""
    names = [name.strip() for name in offered.split(",")]
    return next((known for known in PROTOCOLS if known in names), "")


class Channels:
    """Messages by channel. Ends with the client's close frame or connection."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._buffer = b""

    def send(self, channel: int, data: bytes) -> None:
        """One message; an empty one is sent as well, as the real server does at the beginning."""
        self._frame(2, bytes([channel]) + data)

    def close(self) -> None:
        self._frame(_CLOSE_FRAME, struct.pack("!H", 1000))

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Channel and data of each message; `CLOSE` with a channel's number when the client closes one (v5)."""
        whole = b""
        while True:
            head = self._exactly(2)
            if len(head) < 2:
                return
            final, code = bool(head[0] & 0x80), head[0] & 0x0F
            payload = self._payload(head[1])
            if code == _CLOSE_FRAME:
                return
            if code == _PING:
                self._frame(_PONG, payload)
            elif code != _PONG:
                whole += payload
                if final and whole:
                    yield whole[0], whole[1:]
                if final:
                    whole = b""

    def _payload(self, second: int) -> bytes:
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        mask = self._exactly(4) if second & 0x80 else b"\0\0\0\0"
        data = self._exactly(size)
        return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self._socket.receive(65536)
            if not more:
                return b""
            self._buffer += more
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _frame(self, code: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | code, size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | code, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | code, 127, size)
        self._socket.send(head + payload)
