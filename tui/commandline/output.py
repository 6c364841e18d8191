"""Printing rows as a table, JSON, CSV or Markdown. Text was cleaned at the border; nothing here is markup."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
UNKNOWN = "-"


def render(rows: Sequence[Row], columns: Sequence[str], form: str) -> str:
    """The rows in one of the forms `table json csv md`. None prints as `-`, in JSON as null, in CSV as nothing."""
    match form:
        case "json":
            return json.dumps([dict(row) for row in rows], indent=2, ensure_ascii=False)
        case "csv":
            return _csv(rows, columns)
        case "md":
            return _markdown(rows, columns)
        case _:
            return _table(rows, columns)


def text(value: object) -> str:
    """One value for people."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or UNKNOWN
    if isinstance(value, dict):
        return ",".join(f"{name}={part}" for name, part in value.items()) or UNKNOWN
    return str(value)


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row[name] is None else _plain_cell(text(row[name])) for name in columns])
    return buffer.getvalue().rstrip("\n")


def _plain_cell(cell: str) -> str:
    """A spreadsheet takes a cell that starts with one of these for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "@") or (cell[:1] == "-" and len(cell) > 1) else cell


def _markdown(rows: Sequence[Row], columns: Sequence[str]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(text(row[name]).replace("|", "\\|") for name in columns) + " |" for row in rows]
    return "\n".join(lines)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    cells = [[text(row[name]) for name in columns] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(columns)]
    lines = [[name.upper() for name in columns], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
