"""What an Xid means and what to do about it, by every source that says something; sources are shown, not reconciled.

The table is data (`xids.toml`). A site may lay a file of the same form over it, entry by entry and key by key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

Severity = Literal["fatal", "warning", "info", "unknown"]
SuggestedVerb = Literal["drain", "reboot", "requeue", "none"]

LEADING = ("site", "NVSentinel", "gpud")
"""Whose severity counts first. NVSentinel is NVIDIA's own; what the others say is shown beside it."""

NVIDIA_WORDS = {
    "IGNORE": "ignore it",
    "RESET_GPU": "reset the GPU",
    "RESTART_APP": "restart the application",
    "RESTART_BM": "reboot the machine",
    "RESTART_VM": "restart the virtual machine",
    "CHECK_MECHANICALS": "check power and seating",
    "CHECK_APP/CUDA": "check the application and CUDA",
    "CHECK_UVM": "check unified memory",
    "CONTACT_SUPPORT": "contact support",
    "INVESTIGATE_SW": "investigate the software",
    "INVESTIGATE_SW_USER": "investigate the user's software",
    "INVESTIGATE_LINK_SI": "investigate the link's signals",
    "UPDATE_SWFW": "update driver or firmware",
    "XID_154": "do what Xid 154 names",
}
"""The actions of NVIDIA's catalogue in words; workflows keep their names."""


class XidTableError(Exception):
    """The table of a site cannot be used; the text says what is wrong where, and how to go on."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One code as the files have it; "" is "says nothing"."""

    code: int
    name: str = ""
    meaning: str = ""
    immediate: str = ""
    then: str = ""
    site: Literal["fatal", "warning", "info", ""] = ""
    nvsentinel: Literal["fatal", "warning", "info", ""] = ""
    gpud: Literal["fatal", "warning", "info", ""] = ""
    gpud_action: str = ""
    action: str = ""
    verb: SuggestedVerb | Literal[""] = ""


class Xid(msgspec.Struct, frozen=True):
    """One decoded Xid. Texts are "" where nobody says anything; a code that is in no table has `is_known` False."""

    code: int
    is_known: bool
    name: str
    meaning: str
    severity: Severity
    severities: tuple[tuple[str, Severity], ...]  # (source, severity), leading source first
    sources_disagree: bool
    immediate: str  # NVIDIA's first action, by its name there: RESET_GPU
    then: str
    gpud_action: str
    action: str
    verb: SuggestedVerb

    @property
    def title(self) -> str:
        """`Xid 79: GPU has fallen off the bus`."""
        return f"Xid {self.code}: {self.meaning or 'not in the table'}"


Table = Mapping[int, Entry]


def decode(code: int, table: Table | None = None) -> Xid:
    """What is known of `code`. A code that nobody describes is not called harmless: its severity is `unknown`."""
    entry = (table or load()).get(code)
    if entry is None:
        unknown = "look it up in NVIDIA's catalogue and read the kernel log"
        return Xid(code, False, "", "", "unknown", (), False, "", "", "", unknown, "none")
    said = {"site": entry.site, "NVSentinel": entry.nvsentinel, "gpud": entry.gpud}
    severities = tuple((source, said[source]) for source in LEADING if said[source])
    return Xid(
        code,
        True,
        entry.name,
        entry.meaning,
        severities[0][1] if severities else "unknown",  # type: ignore[arg-type]
        severities,  # type: ignore[arg-type]
        _disagree(entry),
        entry.immediate,
        entry.then,
        entry.gpud_action,
        entry.action,
        entry.verb or "none",
    )


def _disagree(entry: Entry) -> bool:
    """Whether one source calls it fatal and another does not, or NVIDIA's catalogue would ignore it."""
    said = {severity == "fatal" for severity in (entry.nvsentinel, entry.gpud) if severity}
    return len(said) == 2 or (True in said and entry.immediate == "IGNORE")


def in_words(action: str) -> str:
    """An action of NVIDIA's catalogue as a person says it, with its name: `reset the GPU (RESET_GPU)`."""
    known = NVIDIA_WORDS.get(action)
    return f"{known} ({action})" if known else action


def load(site_file: Path | None = None) -> Table:
    """The table, with a site's file laid over it. Raises XidTableError when that file cannot be used."""
    if site_file is None:
        return _built_in()
    table = dict(_built_in())
    try:
        rows = _rows(site_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise XidTableError(
            f"{site_file}: {error}; write [[xid]] entries with a code and any of {', '.join(Entry.__struct_fields__)}"
        ) from error
    for row in rows:
        table[row.code] = _over(table.get(row.code), row)
    return table


def _over(under: Entry | None, over: Entry) -> Entry:
    said = {name: getattr(over, name) for name in Entry.__struct_fields__ if getattr(over, name) != ""}
    return msgspec.structs.replace(under or Entry(over.code), **said)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    xid: tuple[Entry, ...] = ()


def _rows(text: str) -> tuple[Entry, ...]:
    return msgspec.convert(tomllib.loads(text), _File).xid


@lru_cache(maxsize=1)
def _built_in() -> Table:
    text = resources.files("crashcart.ops").joinpath("xids.toml").read_text(encoding="utf-8")
    return {entry.code: entry for entry in _rows(text)}
