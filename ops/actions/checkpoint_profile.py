"""How a job is asked to save itself: there is no standard, so it is said by the site, by the job, or by the operator.

Frameworks differ in everything: Lightning wants USR1 and requeues itself, submitit wants USR2, Megatron exits after
TERM, a bash trap needs the signal at the batch script and srun programs at the steps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from crashcart.backends.model import Job
from crashcart.backends.text import clean

from .base import BadParams, CannotAct

MARK = "crashcart-ckpt:"
PROFILE_PARAMS = frozenset({"signal", "target", "directory", "layout", "seconds"})
_MATCH = ("partition", "user", "name", "account", "qos")
_DIRECTORY = re.compile(r"/[A-Za-z0-9._/@:+=-]{0,1000}\Z")

Layout = Literal["megatron", "deepspeed", "hf", "torchtitan", "lightning", "any"]


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to ask. `continues` tells whether the job runs on afterwards; None: not known.

    Only signals that programs use for this are accepted: KILL or STOP in a job's comment would be a trap.
    """

    signal: Literal["USR1", "USR2", "TERM", "INT", "HUP"] = "USR1"
    target: Literal["batch", "steps"] = "batch"
    continues: bool | None = None
    directory: str | None = None
    layout: Layout = "any"
    seconds: float = 120.0
    origin: str = "guess"


def profile_of(job: Job, entries: Sequence[Mapping[str, Any]], params: Mapping[str, str]) -> Profile:
    """The profile for a job: the first entry that matches, overridden by the job's comment, then by `params`.

    Raises CannotAct when the configuration or the comment is wrong, BadParams when a parameter is.
    """
    fields: dict[str, Any] = {}
    for number, entry in enumerate(entries, 1):
        if _matches(job, entry):
            own = {key: value for key, value in entry.items() if not key.startswith("match_")}
            fields = {**own, "origin": f"checkpoint profile {number} of the configuration"}
            break
    try:
        if comment := _from_comment(job.comment or ""):
            fields |= {**comment, "origin": "the job's comment"}
        profile = _convert(fields, job)
    except ValueError as error:
        raise CannotAct(f"checkpoint profile of job {job.id}: {error}") from error
    given = {key: value for key, value in params.items() if key in PROFILE_PARAMS and value}
    if not given:
        return profile
    try:
        return _convert({**msgspec.structs.asdict(profile), **given, "origin": "you"}, job)
    except ValueError as error:
        raise BadParams(f"checkpoint: {error}") from error


def _matches(job: Job, entry: Mapping[str, Any]) -> bool:
    return all(
        fnmatchcase(str(getattr(job, key) or ""), str(entry[f"match_{key}"]))
        for key in _MATCH
        if f"match_{key}" in entry
    )


def _from_comment(comment: str) -> dict[str, str]:
    """`crashcart-ckpt:signal=USR1,target=batch,dir=/x,layout=megatron`, anywhere in the comment."""
    start = comment.find(MARK)
    if start < 0:
        return {}
    words = comment[start + len(MARK) :].split()
    pairs = [item.partition("=") for item in (words[0] if words else "").split(",")]
    found = {"directory" if key == "dir" else key: value for key, _, value in pairs}
    if not found.keys() <= PROFILE_PARAMS | {"continues"}:
        raise ValueError(f"the comment says {clean(comment[start:], limit=100)!r}, which is not understood")
    return found


def _convert(fields: Mapping[str, Any], job: Job) -> Profile:
    known = {key: value for key, value in fields.items() if value is not None}
    if isinstance(known.get("continues"), str):
        known["continues"] = known["continues"] in ("yes", "true", "1")
    if "signal" in known:
        known["signal"] = str(known["signal"]).upper().removeprefix("SIG")
    if "directory" in known:
        known["directory"] = _directory(str(known["directory"]), job)
    profile = msgspec.convert(known, Profile, strict=False)
    if not 1 <= profile.seconds <= 24 * 3600:
        raise ValueError("seconds must be between 1 and 86400")
    return profile


def _directory(template: str, job: Job) -> str:
    path = template
    for key, value in {"work_dir": job.work_dir, "id": job.id, "raw_id": job.raw_id, "user": job.user}.items():
        mark = f"{{{key}}}"
        if mark in path and not value:
            raise ValueError(f"directory {clean(template, limit=80)!r} needs {key}, which is not known")
        path = path.replace(mark, value or "")
    if not _DIRECTORY.match(path) or ".." in path.split("/"):
        raise ValueError(f"{clean(path, limit=120)!r} is not an absolute path of plain letters")
    return path.rstrip("/") or "/"
