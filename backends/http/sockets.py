"""Connections that another thread can cut, and that tell when they are made.

The clients' own timeouts start anew with every byte, so a server that trickles would hold a thread for ever: whoever
waits cuts the sockets. That a connection was made also tells "nothing was sent" from "the answer was lost".
"""

from __future__ import annotations

import socket
import threading
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Sockets:
    """The connections of one session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self.is_cut = False
        self.count = 0  # of the connections that were made up to now

    def made(self, one: socket.socket) -> None:
        """A connection is there, nothing was sent over it. Raises OSError when it came too late."""
        with self._lock:
            if self.is_cut:
                one.close()
                raise OSError("the time for this request is up")
            self.count += 1
            self._open.add(one)

    def cut(self) -> None:
        """End all connections, now and for ever; whoever waits for bytes of them wakes up."""
        with self._lock:
            self.is_cut = True
            for one in self._open:
                try:
                    socket.socket.shutdown(one, socket.SHUT_RDWR)  # that of SSLSocket would confuse its reader
                except OSError:
                    continue


def pools(sockets: Sockets) -> dict[str, type[HTTPConnectionPool]]:
    """What makes connections that `sockets` knows, by scheme."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.made(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.made(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
