"""The table `[cluster.NAME.demo]`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Faults = Literal["incident", "none", "monitoring-dead"]
"""`incident`: the scripted one; `monitoring-dead`: the same, and soon after the start Prometheus dies."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the simulated cluster looks like. Clusters with the same values share one simulation."""

    nodes: Annotated[int, msgspec.Meta(ge=1, le=12_500)] = 64
    gpus_per_node: Annotated[int, msgspec.Meta(ge=1, le=16)] = 8
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1
    interval_seconds: Annotated[float, msgspec.Meta(gt=0.0)] = 2.0
    faults: Faults = "incident"
    socket: str | None = None
    kubernetes: bool = True  # with a Kubernetes half, where the cluster is large enough for one
    linger_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] = 30.0
