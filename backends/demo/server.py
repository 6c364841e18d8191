"""Serves questions on a Unix socket, one at a time, until nobody has been there for a while."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

from .protocol import HEAD, REQUEST_LIMIT

CHUNK = 1 << 16


class Client:
    """One connection. While an answer is being taken, no further question is read from it."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.asked = bytearray()
        self.answer = memoryview(b"")

    def question(self) -> bytes | None:
        """The next whole question, or None. Raises ValueError on a length that cannot be one."""
        if len(self.asked) < HEAD.size:
            return None
        (size,) = HEAD.unpack_from(self.asked)
        if size > REQUEST_LIMIT:
            raise ValueError(f"question of {size} bytes")
        if len(self.asked) < HEAD.size + size:
            return None
        body = bytes(self.asked[HEAD.size : HEAD.size + size])
        del self.asked[: HEAD.size + size]
        return body


class Server:
    """`answer` turns the bytes of a question into those of an answer; a ValueError of it ends the connection."""

    def __init__(self, listener: socket.socket, answer: Callable[[bytes], bytes], linger_seconds: float) -> None:
        self._listener = listener
        self._answer = answer
        self._linger = linger_seconds
        self._selector = selectors.DefaultSelector()
        self._clients: set[Client] = set()
        self._alone_since = time.monotonic()

    def run(self) -> None:
        """Serve; return when there has been no client for the time of lingering."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        while self._clients or self._time_left() > 0.0:
            wait = None if self._clients else self._time_left()
            for key, events in self._selector.select(wait):
                if key.data is None:
                    self._accept()
                else:
                    self._serve(key.data, events)

    def _time_left(self) -> float:
        return self._alone_since + self._linger - time.monotonic()

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        link.setblocking(False)
        client = Client(link)
        self._clients.add(client)
        self._selector.register(link, selectors.EVENT_READ, client)

    def _serve(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._send(client)
            else:
                self._receive(client)
        except BlockingIOError:
            return
        except (OSError, EOFError, ValueError):
            self._drop(client)

    def _receive(self, client: Client) -> None:
        data = client.link.recv(CHUNK)
        if not data:
            raise EOFError
        client.asked += data
        self._take_question(client)

    def _take_question(self, client: Client) -> None:
        question = client.question()
        if question is not None:
            client.answer = memoryview(self._answer(question))
            self._selector.modify(client.link, selectors.EVENT_WRITE, client)
            self._send(client)

    def _send(self, client: Client) -> None:
        sent = client.link.send(client.answer)
        client.answer = client.answer[sent:]
        if not client.answer:
            self._selector.modify(client.link, selectors.EVENT_READ, client)
            self._take_question(client)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.link)
        client.link.close()
        self._clients.discard(client)
        self._alone_since = time.monotonic()
