"""Who took a node out of service, and why: people forget, controllers leave marks.

A cordon carries no owner in Kubernetes, so the marks are looked for in the order in which they can be trusted: our own
annotations, those of controllers that are known to cordon, and at last who owns the field.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
from typing import NamedTuple

from crashcart.backends.text import clean

from .shapes import RawNode
from .site import Site

BY, REASON, AT = "crashcart.io/cordoned-by", "crashcart.io/cordoned-reason", "crashcart.io/cordoned-at"
_OUR_MANAGER = "crashcart"  # the API server takes it from our User-Agent
_SLACK_SECONDS = 5.0
UPGRADE_LABEL = "nvidia.com/gpu-driver-upgrade-state"
UPGRADE_DONE = frozenset({"", "upgrade-done"})
_SENTINEL = "k8saas.nvidia.com/cordon-"
_SENTINEL_STATE = "dgxc.nvidia.com/nvsentinel-state"
_SENTINEL_EVENT = "quarantineHealthEventIsCordoned"
_SLINKY = "nodeset.slinky.slurm.net/node-cordon-reason"
_TAINTS = {
    "ToBeDeletedByClusterAutoscaler": ("cluster-autoscaler", "scale-down: the node is to be deleted"),
    "karpenter.sh/disrupted": ("karpenter", "disruption: the node is to be replaced"),
    "karpenter.sh/disruption": ("karpenter", "disruption: the node is to be replaced"),
    "node.kubernetes.io/out-of-service": ("a person", "marked out of service"),
}


class Cordon(NamedTuple):
    """Who, why and when, as far as anything tells."""

    reason: str | None = None
    by: str | None = None
    at: float | None = None


def cordon(raw: RawNode, site: Site) -> Cordon:
    """Who cordoned this node; call it for nodes that are."""
    for look in _LOOKS:
        found = look(raw, site)
        if found is not None:
            return found
    return Cordon()


def _ours(raw: RawNode, site: Site) -> Cordon | None:
    told = raw.metadata.annotations or {}
    if BY not in told and REASON not in told:
        return None
    at, field = _stamp(told.get(AT), "%Y-%m-%dT%H:%M:%SZ"), _field(raw, site)
    if at is not None and field is not None and field.by != _OUR_MANAGER and (field.at or 0.0) > at + _SLACK_SECONDS:
        return None  # somebody uncordoned it with a tool that leaves annotations, and it was cordoned anew
    return Cordon(_text(told.get(REASON)), _text(told.get(BY)), at)


def _sentinel(raw: RawNode, site: Site) -> Cordon | None:
    labels, annotations = raw.metadata.labels or {}, raw.metadata.annotations or {}
    by = labels.get(f"{_SENTINEL}by")
    if by is None and annotations.get(_SENTINEL_EVENT) != "True":
        return None
    words = [labels.get(f"{_SENTINEL}reason"), labels.get(_SENTINEL_STATE)]
    reason = _text(", ".join(word for word in words if word))
    return Cordon(reason, _text(by) or "NVSentinel", _stamp(labels.get(f"{_SENTINEL}timestamp"), "%Y-%m-%dT%H-%M-%SZ"))


def _upgrade(raw: RawNode, site: Site) -> Cordon | None:
    state = (raw.metadata.labels or {}).get(UPGRADE_LABEL, "")
    return None if state in UPGRADE_DONE else Cordon(_text(f"driver upgrade: {state}"), "gpu-operator")


def _scaler(raw: RawNode, site: Site) -> Cordon | None:
    for taint in raw.spec.taints or ():
        if taint.key in _TAINTS:
            by, reason = _TAINTS[taint.key]
            return Cordon(reason, by, site.time(taint.time_added))
    return None


def _slinky(raw: RawNode, site: Site) -> Cordon | None:
    reason = _text((raw.metadata.annotations or {}).get(_SLINKY))
    if reason is None:
        return None
    field = _field(raw, site)
    return Cordon(reason, field.by if field else None, field.at if field else None)


def _field(raw: RawNode, site: Site) -> Cordon | None:
    """The manager that wrote `unschedulable` last."""
    for managed in raw.metadata.managed_fields or ():
        if b'"f:unschedulable"' in bytes(managed.fields_v1):
            return Cordon(None, _text(managed.manager), site.time(managed.time))
    return None


_LOOKS: tuple[Callable[[RawNode, Site], Cordon | None], ...] = (_ours, _sentinel, _upgrade, _scaler, _slinky, _field)


def _text(told: str | None) -> str | None:
    return clean(told, limit=400).strip() or None if told else None


def _stamp(told: str | None, form: str) -> float | None:
    """UTC in this form as Unix seconds; what is written by people may be anything."""
    try:
        return float(calendar.timegm(time.strptime(told, form))) if told else None
    except ValueError:
        return None
