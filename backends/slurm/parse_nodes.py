"""`scontrol show node -d -o` to nodes."""

from __future__ import annotations

import re

from crashcart.backends.errors import BadIdentifier, Malformed
from crashcart.backends.model import Node
from crashcart.backends.text import clean, node_name

from .fields import Fields, fields, gpus, lines, moment, told, whole

MEMORY_STEP_BYTES = 64 << 20
"""Free memory is rounded to this, so that its jitter does not make every node a change at every poll."""

_REASON = re.compile(
    r"\sReason=(?P<text>.*?)(?:\s*\[(?P<who>[^\[\]@\s]*)@(?P<when>[0-9T:-]{19})\])?(?=\s*\Z|\s(?:Comment|Extra|InstanceId)=)",
    re.DOTALL,
)
"""Operators write `=` and brackets into reasons, so a reason ends where Slurm's own mark or next key is."""
_SUFFIXES = {
    "*": "NOT_RESPONDING", "~": "POWERED_DOWN", "#": "POWERING_UP", "!": "POWER_DOWN", "%": "POWERING_DOWN",
    "$": "MAINTENANCE", "@": "REBOOT_REQUESTED", "^": "REBOOT_ISSUED", "-": "PLANNED",
}  # fmt: skip
_NO_NODE = re.compile(r"Node \S+ not found\s*\Z|No nodes in the system")
_MIB = 1 << 20


def parse_nodes(raw: bytes, *, cluster: str, when: float) -> tuple[Node, ...]:
    """All nodes of the output. Raises Malformed when a line is not a node."""
    return tuple(_node(line, cluster, when) for line in lines(raw) if not _NO_NODE.match(line))


def _node(line: str, cluster: str, when: float) -> Node:
    told_fields = fields(line)
    if "NodeName" not in told_fields or "State" not in told_fields:
        raise Malformed(f"not a node: {clean(line, limit=120)}")
    try:
        name = node_name(told_fields["NodeName"])
    except BadIdentifier as error:
        raise Malformed(str(error)) from error
    state, flags = _state(told_fields["State"])
    reason, reason_by, reason_at = _reason(line)
    total, used = gpus(told_fields.get("Gres")), gpus(told_fields.get("GresUsed"))
    has_none = total is None and "Gres" in told_fields  # later versions leave GresUsed out then
    return Node(
        cluster=cluster,
        source="slurm",
        when=when,
        name=name,
        state=state,
        flags=flags,
        reason=reason,
        reason_by=reason_by,
        reason_at=reason_at,
        partitions=tuple(clean(part, limit=80) for part in told_fields.get("Partitions", "").split(",") if part),
        gpus_total=total.count if total else (0 if "Gres" in told_fields else None),
        gpus_used=used.count if used else (0 if "GresUsed" in told_fields or has_none else None),
        gpus_used_indexes=used.indexes if used else None,
        gpu_type=total.type if total else None,
        cpus_total=whole(told_fields.get("CPUTot")),
        cpus_used=whole(told_fields.get("CPUAlloc")),
        load=_load(told_fields.get("CPULoad")),
        address=told(told_fields.get("NodeHostName") or told_fields.get("NodeAddr")),
        boot_time=moment(told_fields.get("BootTime")),
        version=told(told_fields.get("Version")),
        memory_total_bytes=_bytes(told_fields, "RealMemory", 1),
        memory_free_bytes=_bytes(told_fields, "FreeMem", MEMORY_STEP_BYTES),
    )


def _state(text: str) -> tuple[str, tuple[str, ...]]:
    """`MIXED+DRAIN`, `IDLE*` or `DOWN*+DRAIN` as base state and sorted flags."""
    flags: set[str] = set()
    words: list[str] = []
    for part in text.upper().split("+"):
        word = part
        while word and word[-1] in _SUFFIXES:
            flags.add(_SUFFIXES[word[-1]])
            word = word[:-1]
        if not re.match(r"[A-Z_]{1,40}\Z", word):
            raise Malformed(f"{clean(text, limit=80)!r} is not a node state")
        words.append(word)
    return words[0], tuple(sorted(flags | set(words[1:])))


def _reason(line: str) -> tuple[str | None, str | None, float | None]:
    """`Reason=xid 79 [root@2026-11-23T18:48:11]` as text, who, when."""
    match = _REASON.search(line)
    if match is None or told(match["text"]) is None:
        return None, None, None
    return clean(match["text"], limit=1024), told(match["who"]), moment(match["when"])


def _load(text: str | None) -> float | None:
    if text is None or not re.match(r"\d{1,9}(\.\d{1,9})?\Z", text):
        return None
    return round(float(text), 1)


def _bytes(told_fields: Fields, key: str, step: int) -> int | None:
    """A number of MiB as bytes, rounded down to `step`."""
    mebibytes = whole(told_fields.get(key))
    return None if mebibytes is None else mebibytes * _MIB // step * step
