"""The table `[cluster.NAME.alertmanager]`."""

from __future__ import annotations

from crashcart.backends.http.options import HttpOptions, check_seconds


class Options(HttpOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which Alertmanagers to read; several are the members of one HA cluster and hold the same.

    `deadman` names an alert that always fires (usually "Watchdog"): where it is missing, or its last update is older
    than `deadman_seconds`, alerts are not delivered. Alertmanager forgets what Prometheus stops to refresh after some
    4 minutes, so `silent_seconds` must be less: no alert refreshed for that long means a silent Prometheus.
    """

    interval_seconds: float = 5.0
    deadman: str | None = None
    deadman_seconds: float = 300.0
    silent_seconds: float = 180.0
    severity_label: str = "severity"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.deadman is not None and not self.deadman.strip():
            raise ValueError('deadman: write the name of an alert, "Watchdog" for instance, or leave it out')
        if not self.severity_label:
            raise ValueError("severity_label: write the name of a label")
        check_seconds("deadman_seconds", self.deadman_seconds, 10.0, 86_400.0)
        check_seconds("silent_seconds", self.silent_seconds, 10.0, 86_400.0)
