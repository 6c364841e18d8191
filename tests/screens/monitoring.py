"""What Prometheus and Alertmanager add to the small cluster: alerts of every state, and the monitoring's own health."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from crashcart.backends import wire
from crashcart.backends.model import Alert, Check, History, Load, Matcher, RequestLoad, Silence, Target
from tests.monitoring_entities import day_of_alerts

from .clock import START
from .cluster import ALERTS, CLUSTER, everything, listing, source


def alert(fingerprint: str, name: str, state: str, **fields: Any) -> Alert:
    base: dict[str, Any] = {
        "cluster": CLUSTER, "source": "alertmanager", "when": START - 2, "severity": "warning", "since": START - 600,
    }  # fmt: skip
    return Alert(fingerprint=fingerprint, name=name, state=state, **{**base, **fields})


def hot(number: int) -> Alert:
    return alert(
        f"hot{number}", "GpuHot", "firing", since=START - 60 * number, labels=(("Hostname", f"gpu{number:03d}"),),
        annotations=(("summary", f"a GPU of gpu{number:03d} is above 85 °C"),), receivers=("oncall",),
    )  # fmt: skip


MORE_ALERTS: tuple[Alert, ...] = (
    *(hot(number) for number in (1, 2, 4, 9, 10)),
    alert("i1", "GpuExporterDown", "inhibited", labels=(("node", "gpu008"),), inhibited_by=("f2",)),
    alert("s1a", "OstAlmostFull", "silenced", since=START - 90_000, silenced_by=("s1",),
          annotations=(("summary", "/scratch is 93 % full"), ("runbook_url", "https://wiki.example.org/ost"))),
    alert("w1", "Watchdog", "firing", severity="none", since=START - 800_000, labels=(("severity", "none"),)),
)  # fmt: skip

EVALUATED: tuple[Alert, ...] = (
    alert("p1", "GpuXidCritical", "firing", source="prometheus", severity="critical", since=START - 120,
          labels=(("Hostname", "gpu007"), ("gpu", "4"))),
    alert("p2", "NodeDiskFull", "pending", source="prometheus", since=START - 90, labels=(("instance", "gpu002:9100"),),
          annotations=(("summary", "/var on gpu002 will be full in 4 h"),)),
    alert("p3", "IbLinkDown", "firing", source="prometheus", when=START - 400, since=START - 700,
          labels=(("node", "gpu003"),), annotations=(("summary", "port 2 of gpu003 is down"),)),
)  # fmt: skip

SILENCES: tuple[Silence, ...] = (
    Silence(cluster=CLUSTER, source="alertmanager", when=START - 2, id="s1", state="active", starts=START - 7_000,
            ends=START + 79_000, matchers=(Matcher("alertname", "OstAlmostFull"),), created_by="crashcart:anna",
            comment="INC-412 new OSTs on Monday"),
    Silence(cluster=CLUSTER, source="alertmanager", when=START - 2, id="s2", state="pending", starts=START + 3_600,
            ends=START + 10_800, matchers=(Matcher("Hostname", "gpu0(05|06)", is_regex=True),),
            created_by="crashcart:rkapoor", comment="RMA HW-2291"),
    Silence(cluster=CLUSTER, source="alertmanager", when=START - 2, id="s3", state="expired", starts=START - 9_000,
            ends=START - 4_000, matchers=(Matcher("severity", "info"), Matcher("team", "nlp", is_equal=False)),
            created_by="bob", comment="noise"),
)  # fmt: skip

TARGETS: tuple[Target, ...] = (
    Target(cluster=CLUSTER, source="prometheus", when=START - 2, job="dcgm", instance="gpu008:9400", host="gpu008",
           error='Get "http://gpu008:9400/metrics": context deadline exceeded', since=START - 1_300,
           interval_seconds=15.0),
)  # fmt: skip


def check(name: str, state: str = "ok", detail: str = "", origin: str = "alertmanager", age: float = 240.0) -> Check:
    since = None if state == "ok" else START - age
    return Check(
        cluster=CLUSTER, source=origin, when=START - 2, name=name, state=state, detail=detail, since=since
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (check("dead-man alert", detail="Watchdog fires"), check("alert delivery"))
RULES: tuple[Check, ...] = (check("rule evaluation", origin="prometheus"),)

SILENT = (
    check("dead-man alert", "critical", "Watchdog does not fire"),
    check("alert delivery", "critical", "Prometheus silent", age=250.0),
)
"""What Alertmanager says when Prometheus has died."""


def day() -> History:
    """One name that comes and goes, one that is new, one of which hours are missing."""
    hours = range(49)
    return day_of_alerts(
        {
            "GpuHot": [max(0, (at * 7) % 23 - 12) for at in hours],
            "IbLinkDown": [float(at in (20, 21, 48)) for at in hours],
            "GpuXidCritical": [1.0 if at == 48 else 0.0 for at in hours],
            "OstAlmostFull": [math.nan if 10 < at < 20 else 1.0 for at in hours],
            "SlurmNodeDown": [0.0 if at < 30 else 1.0 for at in hours],
        },
        START - 10,
    )


def load() -> Load:
    return Load("prometheus", CLUSTER, START - 5, (
        RequestLoad("util_percent (slim)", 15.0, 0.021, 66_000, 1000, 0.019, 1000),
        RequestLoad("xid (> 0)", 15.0, 0.005, 400, 1, 0.004, 1000),
        RequestLoad("age by host", 60.0, 0.012, 9_000, 125, 0.011, 9000),
        RequestLoad("/api/v1/alerts", 10.0, 0.003, 2_100, 6),
    ))  # fmt: skip


def monitoring() -> Iterator[wire.Message]:
    """All of it, well."""
    yield source("prometheus", age=3.0)
    yield from listing("alert", *ALERTS[:2], *MORE_ALERTS, origin="alertmanager", version=2)
    yield from listing("alert", *EVALUATED, origin="prometheus")
    yield from listing("silence", *SILENCES, origin="alertmanager")
    yield from listing("target", *TARGETS, origin="prometheus")
    yield from listing("check", *CHECKS, origin="alertmanager")
    yield from listing("check", *RULES, origin="prometheus")
    yield day()
    yield load()


def monitored() -> list[wire.Message]:
    """The small cluster with its monitoring."""
    return [*everything(), *monitoring()]
