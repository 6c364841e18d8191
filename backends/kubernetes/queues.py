"""Queues of Kueue and Volcano. Their names say whose they are, so that none is taken for a partition of Slurm."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.backends.model import Queue
from crashcart.backends.text import clean

from .amounts import amount
from .owners import is_identifier
from .shapes import Condition, RawClusterQueue, RawLocalQueue, RawVolcanoQueue
from .site import SOURCE, Site


def cluster_queue(raw: RawClusterQueue, site: Site, when: float) -> Queue | None:
    """`clusterqueue/NAME`, with the GPUs of its quota."""
    gpus = 0
    for group in raw.spec.resource_groups or ():
        for flavor in group.flavors or ():
            gpus += sum(int(amount(one.nominal_quota) or 0) for one in flavor.resources or () if one.name in site.gpus)
    state = _state(raw.spec.stop_policy, raw.status.conditions or ())
    return _queue(f"clusterqueue/{raw.metadata.name}", state, site, when, gpus=gpus)


def local_queue(raw: RawLocalQueue, site: Site, when: float) -> Queue | None:
    """`NAMESPACE/NAME`, as jobs have it for their partition."""
    if not is_identifier(raw.metadata.namespace, raw.metadata.name):
        return None
    state = _state(raw.spec.stop_policy, raw.status.conditions or ())
    return _queue(f"{raw.metadata.namespace}/{raw.metadata.name}", state, site, when)


def volcano_queue(raw: RawVolcanoQueue, site: Site, when: float) -> Queue | None:
    """`volcano/NAME`, with the GPUs of its capability where that is set."""
    state = {"": "UP", "Open": "UP", "Closing": "DRAIN", "Closed": "DOWN"}.get(raw.status.state, "INACTIVE")
    gpus = site.gpus.count(raw.spec.capability) if raw.spec.capability else None
    return _queue(f"volcano/{raw.metadata.name}", state, site, when, gpus=gpus, priority=raw.spec.priority)


def _queue(
    name: str, state: str, site: Site, when: float, *, gpus: int | None = None, priority: int | None = None
) -> Queue | None:
    named = clean(name, limit=300)
    return Queue(
        cluster=site.cluster, source=SOURCE, when=when, name=named, state=state, gpus_total=gpus, priority=priority
    )


def _state(stop_policy: str, conditions: Sequence[Condition]) -> str:
    """Held queues let what runs go on, drained ones do not."""
    if stop_policy == "HoldAndDrain":
        return "DOWN"
    if stop_policy == "Hold":
        return "DRAIN"
    active = next((condition.status for condition in conditions if condition.type == "Active"), "True")
    return "UP" if active == "True" else "INACTIVE"
