"""The sockets: TLS on a free port of loopback, a thread for each connection."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from .api import Api
from .connection import Connection
from .faults import Dropped, Faults
from .users import AUTHENTICATED, User

BACKLOG = 256
END_SECONDS = 10.0


class Server:
    """Serves an Api from `start` to `close`."""

    def __init__(self, api: Api, faults: Faults, tls: ssl.SSLContext, port: int = 0) -> None:
        self._api, self._faults, self._tls = api, faults, tls
        self._listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._acceptor = threading.Thread(target=self._accept, name="kubeapi", daemon=True)

    def start(self) -> None:
        self._acceptor.start()

    def close(self) -> None:
        """Drop all connections and end all threads."""
        self._faults.close()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            running = dict(self._open)
        for peer in running:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self._api.store.wake()
        for thread in running.values():
            thread.join(END_SECONDS)

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._open)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(peer,), name="kubeapi-peer", daemon=True)
                with self._lock:
                    self._open[peer] = thread
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        peer = plain
        try:
            with suppress(OSError, Dropped, EOFError):
                self._faults.wait_half_open()
                secure = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                with self._lock:
                    self._open[secure] = self._open.pop(plain)
                peer = secure
                secure.getpeername()  # raises for a client that has gone already, of which no handshake would be made
                secure.do_handshake()
                certificate = _certificate_user(secure)
                Connection(secure, certificate, self._faults, self._api.doorkeeper).serve(self._api.answer)
        finally:
            with self._lock:
                self._open.pop(peer, None)
            peer.close()


def _certificate_user(peer: ssl.SSLSocket) -> User | None:
    """Common name and organizations of a client certificate: user and groups."""
    certificate = peer.getpeercert()
    if not certificate:
        return None
    parts = [(str(pair[0]), str(pair[1])) for group in certificate.get("subject", ()) for pair in group]
    name = next(value for key, value in parts if key == "commonName")
    groups = tuple(value for key, value in parts if key == "organizationName")
    return User(name, "", (*groups, AUTHENTICATED))
