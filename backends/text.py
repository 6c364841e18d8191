"""The one border through which text from outside enters: visible replacement, never silent removal.

A terminal obeys control characters wherever they come from: a job name can set the clipboard, the title, or make the
terminal answer with key presses. So every string is cleaned here once, and identifiers are matched against allow-lists.
"""

from __future__ import annotations

import re
import unicodedata

from .errors import BadIdentifier

_REPLACED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 127: "\u2421"}
_MAX_COMBINING = 2

NODE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?\Z")
JOB_ID = re.compile(r"[0-9]{1,12}(?:[_+][0-9]{1,10})?\Z")
WORKLOAD_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\Z")
ALERT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{3,63}\Z")
USER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}\Z")
REASON = re.compile(r"[A-Za-z0-9 ._:#/@,()\[\]-]{1,200}\Z")


def clean(raw: str | bytes, *, limit: int = 4096, multiline: bool = False) -> str:
    """Return `raw` with nothing in it that a terminal would obey; at most `limit` characters and an ellipsis.

    Control, format, bidi, private and unassigned characters become visible (`ESC` is `␛`, others `<U+202E>`); at most
    two combining marks stay on one base. With `multiline`, line feeds stay and a tab becomes four blanks.
    """
    text = raw[: limit * 4].decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in text[:limit]:
        code = ord(char)
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            marks += 1
            if marks <= _MAX_COMBINING:
                shown.append(char)
            continue
        marks = 0
        if multiline and char == "\n":
            shown.append(char)
        elif multiline and char == "\t":
            shown.append("    ")
        elif code in _PICTURES:
            shown.append(_PICTURES[code])
        elif category in _REPLACED:
            shown.append(f"<U+{code:04X}>")
        else:
            shown.append(" " if category == "Zs" else char)
    return "".join(shown) + ("…" if len(text) > limit else "")


def _identifier(pattern: re.Pattern[str], what: str, raw: str) -> str:
    if not pattern.match(raw):
        raise BadIdentifier(f"{clean(raw, limit=80)!r} is not a {what}")
    return raw


def node_name(raw: str) -> str:
    """Return `raw` when it is a node name (letters, digits, `.`, `-`, `_`), else raise BadIdentifier."""
    return _identifier(NODE_NAME, "node name", raw)


def job_id(raw: str) -> str:
    """Return `raw` when it is a job id (`42`, `42_7`, `42+1`), else raise BadIdentifier."""
    return _identifier(JOB_ID, "job id", raw)


def workload_id(raw: str) -> str:
    """Return `raw` when it is a workload of Kubernetes (`train/llm-7b`), else raise BadIdentifier."""
    return _identifier(WORKLOAD_ID, "workload, NAMESPACE/NAME", raw)


def job_name(raw: str) -> str:
    """Return `raw` when it names a job of any scheduler (`42_7`, `train/llm-7b`), else raise BadIdentifier."""
    return raw if WORKLOAD_ID.match(raw) else job_id(raw)


def alert_id(raw: str) -> str:
    """Return `raw` when it can be an alert's fingerprint or a silence's id, else raise BadIdentifier."""
    return _identifier(ALERT_ID, "fingerprint of an alert or id of a silence", raw)


def user_name(raw: str) -> str:
    """Return `raw` when it is a user name, else raise BadIdentifier."""
    return _identifier(USER_NAME, "user name", raw)


def reason(raw: str) -> str:
    """Return `raw` when it may be written as a reason: 1 to 200 plain characters, no `=`, quotes or shell letters."""
    return _identifier(REASON, "reason (1 to 200 plain letters, digits, blanks and ._:#/@,()[]-)", raw)
