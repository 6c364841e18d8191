"""`crashcart audit`: what was done, by whom, how it ended; and whether the log is as it was written."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from crashcart.backends.text import clean
from crashcart.ops import audit_read

from .exits import FAILED, OK, CommandError
from .opening import open_session
from .output import render

COLUMNS = ("time", "phase", "verb", "targets", "who", "outcome", "reason")


def run(arguments: argparse.Namespace) -> int:
    """Show the last records or verify all; exit 4 when the log is not as it was written."""
    path = Path(arguments.file) if arguments.file else Path(open_session(arguments)[0].audit_file)
    try:
        return _verify(path) if arguments.what == "verify" else _show(path, arguments)
    except FileNotFoundError as error:
        raise CommandError(f"{path}: there is no audit log yet; the first action makes it") from error
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror or error}") from error


def _verify(path: Path) -> int:
    found = audit_read.verify(path)
    if found.bad is not None:
        print(f"{path}:{found.bad.line}: {found.bad.what}; {found.count} records before it are good")
        return FAILED
    torn = f", {len(found.fenced)} torn by a crash and fenced off" if found.fenced else ""
    print(f"{path}: {found.count} records, chain unbroken{torn}; head {found.head}")
    print("A cut tail leaves no trace in the file itself: keep the head somewhere else.")
    return OK


def _show(path: Path, arguments: argparse.Namespace) -> int:
    if not path.exists():
        raise FileNotFoundError(path)
    records = audit_read.tail(path, arguments.last)
    if arguments.output == "json":
        print(json.dumps(records, indent=2))
        return OK
    print(render([_row(record) for record in records], COLUMNS, "table"))
    return OK


def _row(record: dict[str, Any]) -> dict[str, Any]:
    when = time.localtime(float(record.get("ts", 0.0)))
    actor = record.get("actor")
    who = actor.get("os_user", "") if isinstance(actor, dict) else actor
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S", when),
        "phase": _text(record.get("phase")),
        "verb": _text(record.get("verb")),
        "targets": _text(record.get("targets")),
        "who": _text(who),
        "outcome": _text(record.get("state") or record.get("outcome") or record.get("why")),
        "reason": _text(record.get("reason")),
    }


def _text(value: object) -> str | None:
    if value is None:
        return None
    return clean(",".join(map(str, value)) if isinstance(value, list) else str(value), limit=80)
