"""How a change ended, by the answer to it: done, refused in clear words, or not known."""

from __future__ import annotations

import msgspec

from crashcart.backends.contract import CommandResult

from .answer import Answer, denied
from .options import Options
from .shapes import POSTED

MEANINGS = (
    ("silence not found", "Alertmanager does not know this silence any more"),
    ("comment in body is required", "a silence needs a comment"),
    ("must not match the empty string", "it would silence every alert; name at least one label value"),
    (
        "start time must be before end time",
        "its end is past by Alertmanager's clock; compare the clocks, or take longer",
    ),
    ("end time can't be in the past", "its end is past by Alertmanager's clock; compare the clocks, or take longer"),
    ("invalid regular expression", "Alertmanager does not accept the regular expression"),
    ("invalid label name", "Alertmanager does not accept the name of the label"),
    ("exceeded maximum number of silences", "Alertmanager holds as many silences as it may; expire some"),
)
"""Part of what Alertmanager 0.25 to 0.28 say, and what an operator should read instead."""

_MAYBE_FORWARDED = frozenset({502, 503, 504})
"""A proxy's: whether Alertmanager had the request is not known."""


def is_not_found(answer: Answer) -> bool:
    """Alertmanager itself says that it has no such silence: 404, or 500 up to version 0.26."""
    return answer.status in (404, 500) and (
        answer.said == "silence not found" or (answer.status, answer.body) == (404, b"")
    )


def outcome(answer: Answer, options: Options) -> CommandResult:
    """The result of a request that was answered. Raises Denied."""
    where = answer.where
    said = answer.said or f"HTTP {answer.status}"
    if 200 <= answer.status < 300:
        return CommandResult("ok", 0, detail=f"{where} did it")
    if answer.status in (401, 403):
        raise denied(answer, options)
    if is_not_found(answer):
        return CommandResult("failed", None, detail=f"{where}: {_meaning('silence not found')}")
    if answer.status in _MAYBE_FORWARDED or (answer.status >= 500 and not answer.is_json):
        return CommandResult("unknown", None, detail=f"{where} could not answer ({said}); it may have done it")
    if answer.status == 404:
        return CommandResult("failed", None, detail=f"{where} answers, but is no Alertmanager; check url")
    if 300 <= answer.status < 400:
        to = answer.location or "another place"
        return CommandResult("failed", None, detail=f"{where} sends us to {to}; set url to Alertmanager itself")
    return CommandResult("failed", None, detail=f"{where} refuses: {_meaning(said)}")


def posted(answer: Answer, options: Options, *, extends: str = "") -> CommandResult:
    """The result of posting a silence; `extends` is the id that must stay, "" where a new one is made."""
    result = outcome(answer, options)
    if result.state != "ok":
        return result
    try:
        made = POSTED.decode(answer.body).silence_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        why = f"{answer.where} answers with something that names no silence; it may not be Alertmanager"
        return CommandResult("unknown", None, detail=why)
    if extends and made != extends:
        why = f"the silence ended before it was extended; Alertmanager made a new one, {made}, with the same matchers"
        return CommandResult("failed", None, made.encode(), detail=why)
    return CommandResult("ok", 0, made.encode(), detail=f"{answer.where} has it as {made}")


def _meaning(said: str) -> str:
    for part, meaning in MEANINGS:
        if part in said:
            return meaning if part == said else f"{meaning} ({said})"
    return said
