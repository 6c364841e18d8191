"""How an action is taken back: worked out from what was before, put on record with it, and asked for like any action.

An inverse restores what this action changed and no more: a node that was out of service before is not put into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from crashcart.backends.contract import AlertPicture
from crashcart.backends.model import Node
from crashcart.backends.text import clean

from .actions.alert_verb import DURATION, clock_words
from .actions.base import Action, Scene
from .actions.drain import EVICT
from .actions.reasons import is_ours
from .actions.silence import mark
from .audit_read import Record, read, since
from .planes import KUBERNETES, sides
from .protocol import PlanRequest
from .verbs import BY_NAME, TargetKind

WITHIN_SECONDS = 24 * 3600.0
_NOT_IN_REASONS = re.compile(r"[^A-Za-z0-9 ._:#/@,()\[\]-]+")
_MOST_REASON = 140  # leaves room for the signature in front
_SHORT_ID = 8


class CannotUndo(Exception):
    """There is nothing to take back, or it cannot be. The text says why."""


class Inverse(msgspec.Struct, frozen=True):
    """What takes an action back. Without a verb nothing does, and `why_not` says why.

    `until` is the end that a silence had (Unix seconds), `marks` are the signs by which new silences are found.
    """

    verb: str = ""
    kind: TargetKind = "node"
    targets: tuple[str, ...] = ()
    params: dict[str, str] = {}
    until: float | None = None
    marks: tuple[str, ...] = ()
    why_not: str = ""


def inverse_of(action: Action, scene: Scene, targets: Sequence[str]) -> Inverse:
    """The inverse of this action on these targets, as everything is before it runs."""
    names = tuple(targets)
    match action.verb:
        case "drain" | "cordon":
            return _of_drain(scene, names)
        case "resume":
            return _of_resume(scene, names)
        case "hold" | "release":
            return Inverse("release" if action.verb == "hold" else "hold", "job", names)
        case "silence":
            marks = tuple(mark(scene.order.action_id, name) for name in names)
            return Inverse("expire-silence", "silence", marks=marks)
        case "extend-silence":
            return _of_silences("extend-silence", scene, names)
        case "expire-silence":
            return _of_silences("silence", scene, names)
    if BY_NAME[action.verb].reads_only:
        return Inverse(why_not="it changed nothing")
    return Inverse(why_not=f"{action.verb} cannot be taken back")


def last_own(path: Path, user: str, now: float) -> Record:
    """The intent of the operator's last verified action of a day that can be taken back. Raises CannotUndo, OSError.

    What was taken back already, and what took something back, is passed over: asking again goes further back.
    """
    found = _intents(since(path, now - WITHIN_SECONDS))
    undone = {record.get("undoes") for record in found.values()}
    why = ""
    for intent in reversed(found.values()):
        if not _is_own(intent, user) or intent.get("undoes") or intent["id"] in undone:
            continue
        if intent["state"] != "VERIFIED" or BY_NAME.get(str(intent["verb"])) is None:
            continue
        if intent.get("inverse", {}).get("verb"):
            return intent
        why = why or f"; the last one, {_spoken(intent)}, cannot be: {intent.get('inverse', {}).get('why_not')}"
    raise CannotUndo(f"nothing that you did within a day can be taken back{why}")


def named(path: Path, user: str, action_id: str) -> Record:
    """The intent of an action by the beginning of its id. Raises CannotUndo, OSError."""
    if not re.fullmatch(r"[0-9a-f]{6,32}", action_id):
        raise CannotUndo(f"{clean(action_id, limit=40)!r} is not the id of an action: at least six letters of it")
    found = [intent for id, intent in _intents(read(path)).items() if id.startswith(action_id)]
    if len(found) != 1:
        raise CannotUndo(f"{len(found)} actions on record have an id that begins with {action_id}")
    (intent,) = found
    if not _is_own(intent, user):
        raise CannotUndo(f"that was {clean(str(intent.get('actor', {}).get('user')), limit=60)}, and not you")
    if intent["state"] != "VERIFIED":
        raise CannotUndo(f"{_spoken(intent)} ended {intent['state']}: only what was verified can be taken back")
    if not intent.get("inverse", {}).get("verb"):
        why = intent.get("inverse", {}).get("why_not") or "its record does not say how"
        raise CannotUndo(f"{_spoken(intent)} cannot be taken back: {why}")
    return intent


def undoing(intent: Record, request_id: str, now: float, seen: AlertPicture | None) -> PlanRequest:
    """The request that takes the action back. `seen` are the silences as they are now. Raises CannotUndo."""
    inverse = msgspec.convert(intent["inverse"], Inverse)
    params = {"reason": f"undo of {intent['verb']} {str(intent['id'])[:_SHORT_ID]}", **inverse.params}
    verb, targets = inverse.verb, inverse.targets
    if inverse.marks:
        targets = _made(inverse.marks, seen)
    if inverse.until is not None:
        minutes = math.ceil((inverse.until - now) / 60)
        if minutes <= 0 and verb == "silence":
            raise CannotUndo(f"the silence would have ended at {clock_words(inverse.until)} anyway")
        if minutes <= 0:
            verb = "expire-silence"
        else:
            params[DURATION] = f"{minutes}m"
    return PlanRequest(request_id, str(intent["cluster"]), verb, targets, params, inverse.kind)


def needs_silences(intent: Record) -> bool:
    """Whether the silences must be read before the request can be made."""
    return bool(intent["inverse"].get("marks"))


def _of_drain(scene: Scene, targets: tuple[str, ...]) -> Inverse:
    served = tuple(name for name in targets if _was_in_service(scene.node(name)))
    if not served:
        return Inverse(why_not="out of service before as well")
    return Inverse("resume", "node", served)


def _was_in_service(node: Node) -> bool:
    return not any(side.is_draining or side.is_down for side in sides(node))


def _of_resume(scene: Scene, targets: tuple[str, ...]) -> Inverse:
    nodes = [scene.node(name) for name in targets]
    drained = tuple(node for node in nodes if all(side.is_draining for side in sides(node)))
    if not drained:
        return Inverse(why_not="it was not drained before, or not everywhere")
    said = dict.fromkeys(_reason(node.reason, scene.signature) for node in drained)
    params = {"reason": "; ".join(said)[:_MOST_REASON].replace(";", ",")}
    if any(side.source == KUBERNETES for node in drained for side in sides(node)):
        params[EVICT] = "no"
    return Inverse("drain", "node", tuple(node.name for node in drained), params)


def _reason(old: str | None, signature: str) -> str:
    """The old reason as one that may be written again."""
    text = old or "drained as before"
    if is_ours(text, signature):
        text = text[len(signature) :]
    return _writable(text) or "drained as before"


def _writable(text: str) -> str:
    """The text without what may not be written as a reason."""
    return " ".join(_NOT_IN_REASONS.sub(" ", text).split())


def _of_silences(verb: str, scene: Scene, targets: tuple[str, ...]) -> Inverse:
    found = [scene.silences[name] for name in targets if name in scene.silences]
    if len({round(silence.ends) for silence in found}) != 1:
        return Inverse(why_not="the silences had different ends")
    params = {}
    if verb == "silence":
        params = {"reason": _writable(found[0].comment)[:_MOST_REASON].strip() or "silenced as before"}
    return Inverse(verb, "silence", targets, params, until=found[0].ends)


def _made(marks: Sequence[str], seen: AlertPicture | None) -> tuple[str, ...]:
    """The silences that an action made, and that have not ended."""
    found = tuple(
        silence.id
        for silence in (seen.silences if seen else ())
        if silence.state != "expired" and any(sign in silence.comment for sign in marks)
    )
    if not found:
        raise CannotUndo("the silence has ended already")
    return found


def _intents(records: Any) -> dict[str, Record]:
    """Intents by id, oldest first, each with the last state on record."""
    found: dict[str, Record] = {}
    for record in records:
        action = str(record.get("id", ""))
        if record["phase"] == "intent":
            found[action] = dict(record)
        elif action in found and record["phase"] in ("end", "reconciled"):
            found[action]["state"] = record.get("state")
    return found


def _is_own(intent: Record, user: str) -> bool:
    actor = intent.get("actor")
    return isinstance(actor, Mapping) and actor.get("user") == user


def _spoken(intent: Record) -> str:
    targets = ", ".join(map(str, intent.get("targets", ())))
    return clean(f"{intent.get('verb')} {targets}", limit=100)
