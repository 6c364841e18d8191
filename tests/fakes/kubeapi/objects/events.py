"""Events, in the style of events.k8s.io: `count` and `series` are absent."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def event(
    about: Object, reason: str, message: str, *, kind: str = "Warning", component: str = "default-scheduler"
) -> Object:
    """Something that happened to an object."""
    metadata = about["metadata"]
    involved = {"kind": about["kind"], "apiVersion": about["apiVersion"], "name": metadata["name"]}
    involved |= {key: metadata[key] for key in ("namespace", "uid", "resourceVersion") if key in metadata}
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}",
            "namespace": metadata.get("namespace", "default"),
        },
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "type": kind,
        "eventTime": when,
        "action": "Scheduling",
        "reportingComponent": component,
        "reportingInstance": f"{component}-0",
    }
