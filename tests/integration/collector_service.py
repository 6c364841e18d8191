"""`crashcart collector` as a process, on a backend that counts or on the demo cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import counting_backend

CRASHCART = (sys.executable, "-m", "crashcart.tui")
SECRET = "hunter2-never-on-the-wire"  # noqa: S105 - it opens nothing


class CollectorService:
    """One collector; `folder` holds its socket, its log and what it counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "c.sock"
        self.log = folder / "log"
        self.env = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_STATE_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        }
        self.process: subprocess.Popen[str] | None = None
        self._words: tuple[str, ...] = ()

    def start(self, *words: str) -> str:
        """Start it, with the words of last time when there are none; return what it says when it is ready."""
        self._words = words or self._words
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*CRASHCART, "collector", "--socket", str(self.socket), *self._words],
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, self.log.read_text()
        return said

    def start_counting(self, *words: str, nodes: int = 2, interval: float = 0.2) -> str:
        """Start it on the backend that counts."""
        if "PYTHONPATH" not in self.env:
            self.env["PYTHONPATH"] = counting_backend.install(self.folder / "site")
        config = self.folder / "config.toml"
        config.write_text(
            f'[cluster.counted.counting]\nfolder = "{self.folder}"\npassword = "{SECRET}"\nnodes = {nodes}\n'
            f"interval_seconds = {interval}\n"
        )
        return self.start("--config", str(config), *words)

    def counted(self, what: str) -> int:
        """How often the cluster was asked (`polls`), or told what is looked at (`looks`)."""
        file = self.folder / what
        return file.stat().st_size if file.exists() else 0

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; return its exit status."""
        assert self.process is not None
        with self.process as process:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            return process.wait(15)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


@contextmanager
def collector_service() -> Iterator[CollectorService]:
    """A service that is not started yet, in a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as folder:
        service = CollectorService(Path(folder))
        try:
            yield service
        finally:
            if service.process is not None and service.process.poll() is None:
                service.end(signal.SIGKILL)
