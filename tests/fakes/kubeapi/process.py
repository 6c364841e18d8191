"""A fake cluster in a process of its own, for tests that measure this one or stop that one."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from .control import Control

ROOT = Path(__file__).parents[3]
END_SECONDS = 10.0


class RemoteControl:
    """All methods of Control, by name, over HTTP."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **arguments: Any) -> Any:
            names = getattr(Control, name).__code__.co_varnames[1 : 1 + len(values)]
            return self._call(name, dict(zip(names, values, strict=True)) | arguments)

        return call

    def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("POST", "/", json.dumps({"call": name, "arguments": arguments}))
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert "result" in answer, answer
        return answer["result"]


class FakeProcess:
    """As FakeCluster, and can be stopped like a process that hangs."""

    def __init__(self, home: Path, *, history: int | None = None, nodes: int = 0, pods: int = 0) -> None:
        command = [sys.executable, "-m", "tests.fakes.kubeapi", str(home), f"--nodes={nodes}", f"--pods={pods}"]
        command += [f"--history={history}"] if history else []
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        where = json.loads(self._process.stdout.readline())
        self.kubeconfig, self.port = Path(where["kubeconfig"]), int(where["port"])
        self.control = cast(Control, RemoteControl(where["control"]))

    def __enter__(self) -> FakeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The process is gone when this returns."""
        self.resume()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def suspend(self) -> None:
        """SIGSTOP: even `control` gets no answer until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        return self._process.pid
