"""Configurations of Prometheus and Alertmanager for tests; written as JSON, which is YAML too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DCGM_JOB = "dcgm-exporter"
NODE_JOB = "node-exporter"


def alert(name: str, expr: str, severity: str, summary: str, waits: str = "0s") -> dict[str, Any]:
    """One alerting rule."""
    annotations = {"summary": summary, "runbook_url": f"https://runbooks.example.invalid/{name}"}
    return {
        "alert": name, "expr": expr, "for": waits, "labels": {"severity": severity}, "annotations": annotations,
    }  # fmt: skip


def rules(host_label: str) -> list[dict[str, Any]]:
    """Fires on an Xid, on throttling and on a dead exporter, waits an hour on heat, and always on `Watchdog`."""
    host = f"{{{{ $labels.{host_label} }}}}"
    return [
        alert("GpuXidError", "DCGM_FI_DEV_XID_ERRORS > 0", "critical", f"Xid {{{{ $value }}}} on {host}"),
        alert("GpuThrottled", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS > 0", "warning", f"{host} slows down"),
        alert("GpuTempHigh", "DCGM_FI_DEV_GPU_TEMP > 85", "warning", f"{host} is hot", waits="1h"),
        alert("ExporterDown", "up == 0", "critical", "{{ $labels.job }} of {{ $labels.instance }} is down"),
        alert("Watchdog", "vector(1)", "none", "fires always: the pipeline of alerts is whole"),
    ]


def write_rules(path: Path, found: Sequence[Mapping[str, Any]]) -> None:
    """A rule file with one group."""
    path.write_text(json.dumps({"groups": [{"name": "gpu", "rules": found}]}))


def client(secure: Mapping[str, Any] | None) -> dict[str, Any]:
    """How one of the services calls another: plainly, or with TLS and a password."""
    return dict(secure) if secure else {}


def prometheus(
    *,
    interval: float,
    rule_file: Path,
    targets: Mapping[str, Path],
    alertmanagers: Sequence[str],
    secure: Mapping[str, Any] | None,
) -> str:
    """`targets` are files of `file_sd` by job; an empty mapping scrapes nothing. `secure` is for Alertmanager."""
    every = f"{round(interval * 1000)}ms"
    return json.dumps(
        {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(rule_file)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}], **client(secure)}]},
            "scrape_configs": [
                {"job_name": job, "file_sd_configs": [{"files": [str(path)]}]} for job, path in targets.items()
            ],
        }
    )


def alertmanager() -> str:
    """Notifies nobody; a GPU with an Xid is not also reported as throttled."""
    return json.dumps(
        {
            "route": {
                "receiver": "nobody", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "1s",
                "routes": [{"receiver": "pager", "matchers": ['severity="critical"']}],
            },
            "receivers": [{"name": "nobody"}, {"name": "pager"}],
            "inhibit_rules": [
                {
                    "source_matchers": ['alertname="GpuXidError"'], "target_matchers": ['alertname="GpuThrottled"'],
                    "equal": ["instance", "gpu"],
                }
            ],
        }
    )  # fmt: skip
