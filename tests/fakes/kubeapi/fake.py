"""A fake cluster in this process: server, controllers, kubeconfig."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import TracebackType

from . import kubeconfig
from .api import Api
from .certificates import Certificates
from .control import TRAIN, Control
from .controllers import Controllers
from .faults import Faults
from .server import Server
from .store import HISTORY, Store


class FakeCluster:
    """Runs from `__enter__` to `__exit__`. `control` is for what no client could do; clients take `kubeconfig`."""

    def __init__(self, home: Path, *, history: int = HISTORY, port: int = 0) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._faults = Faults()
        self.store = Store(history)
        self.api = Api(self.store, self._open_gate)
        self._controllers = Controllers(self.store)
        self.control = Control(self.store, self.api, self._controllers, self._faults)
        self.control.furnish()
        certificates = Certificates(home)
        self._server = Server(self.api, self._faults, certificates.server_context(), port)
        admin = certificates.client("admin", ("system:masters",))
        self.port = self._server.port
        self.kubeconfig = kubeconfig.written(home, self.port, certificates.ca, admin, TRAIN)

    def __enter__(self) -> FakeCluster:
        self._controllers.start()
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """All threads and sockets are gone when this returns."""
        self._server.close()
        self._controllers.close()

    @property
    def connections(self) -> int:
        """Open connections of clients."""
        return self._server.connections

    def _open_gate(self) -> partial[None]:
        return partial(self._faults.watch_gate, self._faults.watch_generation)
