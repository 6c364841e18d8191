"""The table `[cluster.NAME.prometheus]`."""

from __future__ import annotations

from typing import ClassVar, get_args

import msgspec

from crashcart.backends.http.options import HttpOptions, check_seconds
from crashcart.backends.metrics import Metric

from .selector import LABEL_NAME, METRIC_NAME, parse_selector

_MOST_LABELS = 6


class Options(HttpOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Prometheus is, how to sign in, and what its labels and metrics are called here.

    `selector` (`{cluster="a100"}`) limits every query. `metrics` gives a GPU metric of ours another name, in our unit
    (`util_percent = "my_util"`). The first of `host_labels` that a series has names its machine, the first of
    `gpu_labels` its GPU. `rate_window_seconds` is what rates of counters are taken over, by default four scrapes and at
    least two minutes.
    """

    pages: ClassVar[tuple[str, ...]] = ("/graph", "/alerts", "/targets", "/metrics")

    url: str
    interval_seconds: float = 15.0  # as often as most scrape their GPUs: more often tells nothing new
    selector: str = ""
    metrics: dict[str, str] = msgspec.field(default_factory=dict)
    host_labels: tuple[str, ...] = ("Hostname", "hostname", "instance")
    gpu_labels: tuple[str, ...] = ("gpu", "gpu_id")
    rate_window_seconds: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate_window_seconds is not None:
            check_seconds("rate_window_seconds", self.rate_window_seconds, 10.0, 86400.0)
        parse_selector(self.selector)
        _check_metrics(self.metrics)
        _check_labels("host_labels", self.host_labels)
        _check_labels("gpu_labels", self.gpu_labels)

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return self.urls[0]


def _check_metrics(metrics: dict[str, str]) -> None:
    ours = get_args(Metric)
    for metric, name in metrics.items():
        if metric not in ours or metric == "age_seconds":
            known = ", ".join(own for own in ours if own != "age_seconds")
            raise ValueError(f"metrics: {metric!r} is none of ours: {known}")
        if not METRIC_NAME.match(name):
            raise ValueError(f"metrics: {metric} = {name!r}: one metric name, no expression; use a recording rule")


def _check_labels(option: str, names: tuple[str, ...]) -> None:
    if not 1 <= len(names) <= _MOST_LABELS or len(set(names)) < len(names):
        raise ValueError(f"{option}: 1 to {_MOST_LABELS} different labels")
    for name in names:
        if not LABEL_NAME.match(name) or name.startswith("__"):
            raise ValueError(f"{option}: {name!r} is no name of a label")
