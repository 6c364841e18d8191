"""A real monitoring on loopback: Prometheus, Alertmanagers, node_exporter, and exporters of a made-up GPU fleet."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from . import monitoring_config as config
from .monitoring_exporter import Exporters
from .monitoring_security import PASSWORD, USER, Security
from .monitoring_service import Service, free_port, until

NEEDED = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "setpriv")
START_SECONDS = 30.0
ANSWER_SECONDS = 10.0
COLLECTORS = ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "vmstat", "infiniband")

Labels = dict[str, str]


class MonitoringStack:
    """Up and scraping after `with MonitoringStack(home) as stack`, everything is gone afterwards.

    `exporters` breaks GPUs and their exporters; `prometheus`, `alertmanager` and `node_exporter` are services that can
    be stopped, killed, frozen and started again. Prometheus scrapes and evaluates every `interval` seconds and tells
    Alertmanager as often, so that an alert is forgotten four intervals after Prometheus fell silent.
    """

    def __init__(
        self,
        home: Path,
        *,
        nodes: int = 3,
        gpus: int = 8,
        host_label: str = "Hostname",
        interval: float = 1.0,
        secure: bool = False,
        alertmanagers: int = 1,
        pod_targets: bool = False,
    ) -> None:
        self.home = home
        self.interval = interval
        self.exporters = Exporters(nodes, gpus, host_label=host_label, pod_targets=pod_targets)
        self.security = Security(home) if secure else None
        self.ports = {"prometheus": free_port(), "node_exporter": free_port()}
        self.ports |= {f"alertmanager{number}": free_port() for number in range(alertmanagers)}
        self.prometheus = self._service("prometheus", self._prometheus_argv())
        self.alertmanagers = [
            self._service(name, self._alertmanager_argv(name)) for name in self.ports if name.startswith("alertmanager")
        ]
        self.node_exporter = self._service("node_exporter", self._node_exporter_argv())
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of who runs the tests is not for loopback
        if self.security is not None:
            self._session.auth = (USER, PASSWORD)
            self._session.verify = str(self.security.ca)

    def __enter__(self) -> MonitoringStack:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start everything and wait until all targets have been scraped and the rules evaluated."""
        self.exporters.start()
        self._write_targets()
        config.write_rules(self.home / "rules.yml", config.rules(self.exporters.host_label))
        (self.home / "alertmanager.yml").write_text(config.alertmanager())
        self.configure()
        for service in self.services:
            service.start()
        self.wait_ready()

    def close(self) -> None:
        """End everything."""
        for service in self.services:
            service.stop()
        self.exporters.close()
        self._session.close()

    @property
    def services(self) -> tuple[Service, ...]:
        return (self.node_exporter, *self.alertmanagers, self.prometheus)

    @property
    def alertmanager(self) -> Service:
        """The first, mostly the only one."""
        return self.alertmanagers[0]

    # where they are

    @property
    def prometheus_url(self) -> str:
        return self._url("prometheus")

    @property
    def alertmanager_urls(self) -> tuple[str, ...]:
        return tuple(self._url(name) for name in self.ports if name.startswith("alertmanager"))

    @property
    def alertmanager_url(self) -> str:
        return self.alertmanager_urls[0]

    def tables(self, **prometheus: Any) -> dict[str, dict[str, Any]]:
        """The tables of Crashcart's configuration for it; `prometheus` changes that of the same name."""
        alertmanager = {"url": list(self.alertmanager_urls), "interval_seconds": self.interval, "timeout_seconds": 2.0}
        deadman = {"deadman": "Watchdog", "deadman_seconds": 10.0, "silent_seconds": 10.0}
        own = {"url": self.prometheus_url, "interval_seconds": self.interval, "timeout_seconds": 2.0, **prometheus}
        access = self.security.table() if self.security else {}
        return {"prometheus": access | own, "alertmanager": access | alertmanager | deadman}

    # looking

    def get(self, url: str, **parameters: Any) -> Any:
        """The JSON that a URL answers with. Raises requests.RequestException."""
        answer = self._session.get(url, params=parameters, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def query(self, promql: str) -> list[tuple[Labels, float]]:
        """Labels and value of each series of an instant query."""
        found = self.get(f"{self.prometheus_url}/api/v1/query", query=promql)["data"]["result"]
        return [(row["metric"], float(row["value"][1])) for row in found]

    def number(self, promql: str) -> float:
        """The value of a query with one series; NaN when it has none."""
        found = self.query(promql)
        return found[0][1] if found else math.nan

    def wait_query(self, promql: str, check: Callable[[float], bool], seconds: float = 20.0) -> float:
        """Poll a query with one series until `check` holds of it. Raises TimeoutError."""
        seen = math.nan

        def holds() -> bool:
            nonlocal seen
            seen = self.number(promql)
            return check(seen)

        until(f"{promql}, at last {seen}", holds, seconds)
        return seen

    def alerts(self, url: str | None = None) -> list[dict[str, Any]]:
        """All alerts of an Alertmanager, the first one unless `url` says otherwise."""
        found: list[dict[str, Any]] = self.get(f"{url or self.alertmanager_url}/api/v2/alerts")
        return found

    def wait_ready(self) -> None:
        """Wait until all answer, all targets have been scraped anew and Alertmanager has an alert."""
        until("Prometheus is ready", lambda: self._is_ready(self.prometheus_url), START_SECONDS)
        for url in self.alertmanager_urls:
            until("Alertmanager is ready", lambda url=url: self._is_ready(url), START_SECONDS)  # type: ignore[misc]
        fresh = f"count(up == 1 and timestamp(up) > {time.time():.3f})"  # what it remembers from before does not count
        self.wait_query(fresh, lambda seen: seen == 2 * self.exporters.nodes, START_SECONDS + 2 * self.interval)
        for url in self.alertmanager_urls:
            until(f"an alert at {url}", lambda url=url: bool(self.alerts(url)), START_SECONDS)  # type: ignore[misc]

    # changing

    def configure(self, *, scrape: bool = True) -> None:
        """Write Prometheus' configuration; `scrape` False leaves all jobs out. `reload` makes it count."""
        jobs = {config.DCGM_JOB: self.home / "dcgm.json", config.NODE_JOB: self.home / "nodes.json"}
        text = config.prometheus(
            interval=self.interval,
            rule_file=self.home / "rules.yml",
            targets=jobs if scrape else {},
            alertmanagers=[f"127.0.0.1:{self.ports[name]}" for name in self.ports if name.startswith("alertmanager")],
            secure=self.security.client() if self.security else None,
        )
        (self.home / "prometheus.yml").write_text(text)

    def set_rules(self, rules: list[dict[str, Any]]) -> None:
        """Replace the rules and make them count."""
        config.write_rules(self.home / "rules.yml", rules)
        self.reload()

    def reload(self) -> None:
        """Prometheus reads its configuration again."""
        self._session.post(f"{self.prometheus_url}/-/reload", timeout=ANSWER_SECONDS).raise_for_status()

    def silence(self, *, minutes: float = 60.0, comment: str = "test", **matchers: str) -> str:
        """Make a silence for labels that equal; returns its id."""
        now = time.time()
        body = {
            "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in matchers.items()],
            "startsAt": _iso(now),
            "endsAt": _iso(now + 60 * minutes),
            "createdBy": "test",
            "comment": comment,
        }
        answer = self._session.post(f"{self.alertmanager_url}/api/v2/silences", json=body, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        return str(answer.json()["silenceID"])

    def expire_silences(self) -> None:
        """End all silences."""
        for url in self.alertmanager_urls:
            for silence in self.get(f"{url}/api/v2/silences"):
                if silence["status"]["state"] != "expired":
                    self._session.delete(f"{url}/api/v2/silence/{silence['id']}", timeout=ANSWER_SECONDS)

    def heal(self) -> None:
        """As in the beginning: no fault, all services running, nothing silenced, nothing but `Watchdog` firing."""
        self.exporters.heal()
        for service in self.services:
            if service.runs:
                service.thaw()
            else:
                service.start()
        self.configure()
        until("Prometheus is ready", lambda: self._is_ready(self.prometheus_url), START_SECONDS)
        config.write_rules(self.home / "rules.yml", config.rules(self.exporters.host_label))
        self.reload()
        self.wait_ready()
        self.expire_silences()
        self.wait_query('count(ALERTS{alertname!="Watchdog"}) or vector(0)', lambda seen: seen == 0)
        until("Alertmanager has nothing but Watchdog", self._is_calm, START_SECONDS)

    # inside

    def _is_calm(self) -> bool:
        return all(
            {alert["labels"]["alertname"] for alert in self.alerts(url)} == {"Watchdog"}
            for url in self.alertmanager_urls
        )

    def _is_ready(self, url: str) -> bool:
        with suppress(requests.ConnectionError):
            return self._session.get(f"{url}/-/ready", timeout=ANSWER_SECONDS).status_code == 200
        return False

    def _url(self, name: str) -> str:
        return f"{'https' if self.security else 'http'}://127.0.0.1:{self.ports[name]}"

    def _service(self, name: str, argv: list[str]) -> Service:
        return Service(argv, self.home / f"{name}.log")

    def _web(self, name: str) -> Iterator[str]:
        yield f"--web.listen-address=127.0.0.1:{self.ports[name]}"
        if self.security is not None:
            yield f"--web.config.file={self.security.web_config}"

    def _prometheus_argv(self) -> list[str]:
        return [
            "prometheus", *self._web("prometheus"), f"--config.file={self.home}/prometheus.yml",
            f"--storage.tsdb.path={self.home}/tsdb", "--web.enable-lifecycle",
            f"--rules.alert.resend-delay={round(self.interval * 1000)}ms",
        ]  # fmt: skip

    def _alertmanager_argv(self, name: str) -> list[str]:
        return [
            "prometheus-alertmanager", *self._web(name), f"--config.file={self.home}/alertmanager.yml",
            f"--storage.path={self.home}/{name}", "--cluster.listen-address=",
        ]  # fmt: skip

    def _node_exporter_argv(self) -> list[str]:
        return [
            "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{self.ports['node_exporter']}",
            "--collector.disable-defaults", *(f"--collector.{name}" for name in COLLECTORS),
        ]  # fmt: skip

    def _write_targets(self) -> None:
        """One node_exporter stands for all nodes: there is only this machine."""
        (self.home / "dcgm.json").write_text(json.dumps(self.exporters.targets()))
        address = f"127.0.0.1:{self.ports['node_exporter']}"
        nodes = [{"targets": [address], "labels": {"instance": f"{host}:9100"}} for host in self.exporters.hosts]
        (self.home / "nodes.json").write_text(json.dumps(nodes))


def _iso(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
