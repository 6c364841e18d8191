"""`crashcart audit`: what was done, by whom, how it ended; and whether the log is as it was written."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from crashcart.backends.text import clean
from crashcart.ops import audit_entries, audit_read

from .exits import FAILED, OK, CommandError
from .opening import open_session
from .output import render

COLUMNS = ("time", "state", "verb", "targets", "who", "reason", "result")


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
    if arguments.output == "json":
        print(json.dumps(audit_read.tail(path, arguments.last), indent=2))
        return OK
    print(render([_row(entry) for entry in audit_entries.latest(path, arguments.last)], COLUMNS, "table"))
    return OK


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    row = {name: _text(entry.get(name)) for name in COLUMNS}
    return row | {"time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(entry["ts"])))}


def _text(value: object) -> str | None:
    if not value:
        return None
    return clean(",".join(map(str, value)) if isinstance(value, list) else str(value), limit=80)
