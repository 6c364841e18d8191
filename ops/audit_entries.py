"""The audit log as people read it: one entry an action, from its intent to its last word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .audit_read import Record, tail

RECORDS_AN_ENTRY = 4
"""Records of an action that nothing interrupted: intent, start, end, and one to spare for what was found out later."""


def latest(path: Path, count: int) -> list[Record]:
    """The last `count` entries, newest first. Raises OSError; an absent file has no entries."""
    return entries(tail(path, count * RECORDS_AN_ENTRY))[:count]


def entries(records: Iterable[Record]) -> list[Record]:
    """Merge records of one action, newest first.

    An entry has `seq` and `ts` of its first record and the fields of `_blank`;
    what the log does not say is an empty text or list. A refusal is an entry of its own.
    """
    merged: dict[str, Record] = {}
    for record in records:
        key = str(record.get("id") or record["seq"])
        entry = merged.setdefault(
            key, {**_blank(), "seq": record["seq"], "ts": record.get("ts"), "id": record.get("id")}
        )
        entry.update({name: value for name, value in _told(record).items() if value})
    return sorted(merged.values(), key=lambda entry: -int(entry["seq"]))


def _blank() -> Record:
    return dict.fromkeys(("state", "verb", "cluster", "who", "role", "reason", "result"), "") | {
        "targets": [],
        "commands": [],
    }


def _told(record: Record) -> Record:
    actor, params = record.get("actor"), record.get("params")
    return {
        "state": "REFUSED" if record["phase"] == "refused" else record.get("state"),
        "verb": record.get("verb"),
        "cluster": record.get("cluster"),
        "targets": record.get("targets"),
        "commands": record.get("commands"),
        "who": actor.get("user") if isinstance(actor, Mapping) else actor,
        "role": record.get("role"),
        "reason": params.get("reason") if isinstance(params, Mapping) else None,
        "result": _result(record),
    }


def _result(record: Record) -> str:
    if record["phase"] == "refused":
        return str(record.get("why", ""))
    results: list[Any] = record.get("results") or []
    return "; ".join(
        f"{result.get('target')}: {result.get('detail') or result.get('seen') or result.get('state')}"
        for result in results
        if isinstance(result, Mapping)
    )
