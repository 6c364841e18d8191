"""Real Alertmanagers on loopback: one, or several that tell each other of their silences."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError

import msgspec

from crashcart.backends.alertmanager.options import Options
from crashcart.backends.contract import CommandRunner, Context

from .slurm_daemons import Daemons, until

NEEDED = ("prometheus-alertmanager", "amtool", "setpriv")
START_SECONDS = 20.0

CONFIGURATION = """\
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  routes:
    - receiver: pager
      matchers: [ severity="critical" ]
receivers:
  - name: chat
  - name: pager
    webhook_configs: {webhooks}
inhibit_rules:
  - source_matchers: [ alertname="ExporterDown" ]
    target_matchers: [ severity="warning", alertname!="ExporterDown" ]
    equal: [ instance ]
"""


def not_installed() -> str | None:
    """What is missing to start one, or None."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"{', '.join(absent)} not installed" if absent else None


def free_port() -> int:
    """A port of loopback where nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class AlertmanagerCluster:
    """`size` members in a directory of their own; `web_config` is Alertmanager's own TLS and sign-in file."""

    def __init__(self, size: int = 1, *, webhook: str | None = None, web_config: Path | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="crashcart-am-"))
        self.ports = [free_port() for _ in range(size)]
        self._gossip = [free_port() for _ in range(size)] if size > 1 else []
        self._web_config = web_config
        self._daemons = Daemons(self.home, {"PATH": "/usr/bin:/bin"})
        (self.home / "log").mkdir()
        webhooks = f'[{{url: "{webhook}"}}]' if webhook else "[]"
        (self.home / "alertmanager.yml").write_text(CONFIGURATION.format(webhooks=webhooks))

    def __enter__(self) -> AlertmanagerCluster:
        for number in range(len(self.ports)):
            self.start(number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(len(self.ports)):
            self.kill(number)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def urls(self) -> list[str]:
        scheme = "https" if self._web_config else "http"
        return [f"{scheme}://127.0.0.1:{port}" for port in self.ports]

    def start(self, number: int) -> None:
        """Start one member, and wait until it answers."""
        arguments = [
            "prometheus-alertmanager", f"--config.file={self.home}/alertmanager.yml",
            f"--storage.path={self.home}/data{number}", f"--web.listen-address=127.0.0.1:{self.ports[number]}",
            *self._cluster_arguments(number),
        ]  # fmt: skip
        if self._web_config:
            arguments.append(f"--web.config.file={self._web_config}")
        self._daemons.start(f"alertmanager{number}", arguments)
        until(f"alertmanager {number} listens", lambda: self._listens(number), START_SECONDS)

    def kill(self, number: int) -> None:
        """End one member at once: asked to end, it would say goodbye to the others for 10 seconds."""
        if self._daemons.runs(f"alertmanager{number}"):
            self.signal(number, signal.SIGKILL)
        self._daemons.stop(f"alertmanager{number}")

    def signal(self, number: int, which: int) -> None:
        """Send a signal to one member, SIGSTOP to freeze it for instance."""
        self._daemons.signal(f"alertmanager{number}", which)

    def fire(self, *alerts: Mapping[str, str], number: int | None = None) -> None:
        """Send alerts with these labels, to one member or as Prometheus does to all."""
        now = datetime.now(UTC)
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=5)).isoformat()}
        body = [{"labels": dict(labels), "annotations": {"summary": "a test"}, **times} for labels in alerts]
        for at in range(len(self.ports)) if number is None else (number,):
            self.call(at, "POST", "/api/v2/alerts", body)

    def alerts(self, number: int = 0) -> dict[str, Any]:
        """Alerts of one member by name, as it says itself."""
        return {one["labels"].get("alertname", ""): one for one in self.call(number, "GET", "/api/v2/alerts")}

    def silences(self, number: int = 0) -> dict[str, Any]:
        """Silences of one member by id, as it says itself."""
        return {one["id"]: one for one in self.call(number, "GET", "/api/v2/silences")}

    def forget_silences(self) -> None:
        """End all silences that are left of other tests."""
        for number in range(len(self.ports)):
            for id, silence in self.silences(number).items():
                if silence["status"]["state"] != "expired":
                    self.call(number, "DELETE", f"/api/v2/silence/{id}")

    def call(self, number: int, method: str, path: str, body: object = None) -> Any:
        """What the API of one member answers."""
        content = msgspec.json.encode(body) if body is not None else None
        request = urllib.request.Request(  # noqa: S310 - our own http
            f"{self.urls[number]}{path}", content, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            said = answer.read()
        return msgspec.json.decode(said) if said.strip() else None

    def amtool(self, words: Sequence[str]) -> str:
        """What a command line of amtool prints."""
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return done.stdout.strip()

    def context(self, *urls: str, **options: Any) -> Context:
        """What the backend is made from; the members are at `urls` where others are given."""
        table = {"url": list(urls or self.urls), **options}
        return Context("a100", msgspec.convert(table, Options), _NoLinks(), {})

    def _cluster_arguments(self, number: int) -> list[str]:
        if not self._gossip:
            return ["--cluster.listen-address="]
        own = f"127.0.0.1:{self._gossip[number]}"
        peers = [f"--cluster.peer=127.0.0.1:{port}" for port in self._gossip if port != self._gossip[number]]
        quick = ["--cluster.settle-timeout=1s", "--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s"]
        return [f"--cluster.listen-address={own}", f"--cluster.advertise-address={own}", *peers, *quick]

    def _listens(self, number: int) -> bool:
        try:
            if self._web_config:
                socket.create_connection(("127.0.0.1", self.ports[number]), 5).close()
                return True
            return self.call(number, "GET", "/api/v2/silences") is not None
        except (URLError, OSError):
            return False


class _NoLinks:
    def runner(self, via: str) -> CommandRunner:
        raise AssertionError("this backend runs no commands")
