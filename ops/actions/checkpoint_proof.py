"""Whether a new complete checkpoint has been written, judged from listings of its directory; pure.

Each framework writes something last: a tracker file, a marker. Where there is none, only bytes that stay the same
between two looks count. An exit status or a modification time alone proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from crashcart.backends.contract import CheckpointFile

from .checkpoint_profile import Layout

ENOUGH_BYTES = 0.9
"""A new checkpoint with less than this share of the last one's bytes is not complete (measured on a trainer that died
after 3 of 4 shards)."""

INCOMPLETE = "checkpoint-is-incomplete.txt"


@dataclass(frozen=True, slots=True)
class LayoutRule:
    """How a framework names a checkpoint's top entry, which file points at the newest, which file is written last."""

    entry: re.Pattern[str]
    tracker: str | None = None
    tracked: str = "{step}"
    markers: tuple[str, ...] = ()


LAYOUTS: dict[str, LayoutRule] = {
    "megatron": LayoutRule(re.compile(r"iter_(\d{7,})\Z"), "latest_checkpointed_iteration.txt"),
    "deepspeed": LayoutRule(re.compile(r"global_step(\d+)\Z"), "latest", "global_step{step}"),
    "hf": LayoutRule(re.compile(r"checkpoint-(\d+)\Z"), markers=("trainer_state.json",)),
    "torchtitan": LayoutRule(re.compile(r"step-(\d+)\Z"), markers=(".metadata", "model.safetensors.index.json")),
    "lightning": LayoutRule(re.compile(r"(?:hpc_ckpt_|.*step=)(\d+)\.ckpt\Z")),
}
_ANY = LayoutRule(re.compile(r".*?(\d+)\D*\Z"))
_SAVED_FILE = re.compile(r".*\.(?:ckpt|pth?|bin|safetensors|npz|tar)\Z")  # a log with a number in its name is none


@dataclass(slots=True)
class Checkpoint:
    """One checkpoint as listed: its top entry and the sum of what is below it."""

    name: str
    layout: str
    step: int
    files: int = 0
    size_bytes: int = 0
    modified: float = 0.0
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Listing:
    """Checkpoints by top entry, and the content of the tracker files at the top."""

    checkpoints: Mapping[str, Checkpoint]
    trackers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """LANDED, IN PROGRESS, or WAITING for anything new; `reasons` say what is missing."""

    state: Literal["LANDED", "IN PROGRESS", "WAITING"]
    text: str
    reasons: tuple[str, ...] = ()


def listing(files: Iterable[CheckpointFile], directory: str, layout: Layout) -> Listing:
    """Group files by the checkpoint they belong to. With layout `any` all known layouts are tried, then any number."""
    checkpoints: dict[str, Checkpoint] = {}
    trackers: dict[str, str] = {}
    for file in files:
        path = file.path.removeprefix(f"{directory}/").lstrip("/")
        top, _, below = path.partition("/")
        if not below and file.text is not None:
            trackers[top] = file.text.strip()
            continue
        found = _recognise(top, layout, is_file=not below)
        if found is None:
            continue
        checkpoint = checkpoints.setdefault(top, Checkpoint(top, *found))
        checkpoint.files += 1
        checkpoint.size_bytes += file.size_bytes
        checkpoint.modified = max(checkpoint.modified, file.modified)
        checkpoint.names.add(path.rpartition("/")[2])
    return Listing(checkpoints, trackers)


def judge(before: Listing, previous: Listing | None, now: Listing) -> Verdict:
    """Compare three looks: from before the signal, the last one, and this one."""
    new = [checkpoint for name, checkpoint in now.checkpoints.items() if name not in before.checkpoints]
    if not new:
        return Verdict("WAITING", "no new checkpoint")
    newest = max(new, key=lambda checkpoint: (checkpoint.modified, checkpoint.step))
    reasons = _missing(newest, before, previous, now)
    text = f"{newest.name}: {newest.files} files, {newest.size_bytes / 1e9:.1f} GB"
    return Verdict("IN PROGRESS" if reasons else "LANDED", text, reasons)


def _recognise(top: str, layout: Layout, *, is_file: bool) -> tuple[str, int] | None:
    names = LAYOUTS if layout == "any" else (layout,)
    for name in names:
        if found := LAYOUTS[name].entry.match(top):
            return name, int(found[1])
    if layout == "any" and (not is_file or _SAVED_FILE.match(top)) and (found := _ANY.entry.match(top)):
        return "any", int(found[1])
    return None


def _missing(newest: Checkpoint, before: Listing, previous: Listing | None, now: Listing) -> tuple[str, ...]:
    why: list[str] = []
    last_look = None if previous is None else previous.checkpoints.get(newest.name)
    if last_look is None or (last_look.files, last_look.size_bytes) != (newest.files, newest.size_bytes):
        why.append("still growing")
    why += _unmarked(newest, now)
    if INCOMPLETE in newest.names:
        why.append(f"{INCOMPLETE} is there")
    alike = [old for old in before.checkpoints.values() if _family(old) == _family(newest)]
    if alike:
        why += _less_than(newest, alike)
    return tuple(why)


def _unmarked(newest: Checkpoint, now: Listing) -> list[str]:
    rule = LAYOUTS.get(newest.layout, _ANY)
    if rule.tracker is not None:
        said = now.trackers.get(rule.tracker)
        if said != rule.tracked.format(step=newest.step):
            return [f"{rule.tracker} says {said or 'nothing'}"]
    if rule.markers and not newest.names & set(rule.markers):
        return [f"{' or '.join(rule.markers)} is missing"]
    return []


def _less_than(newest: Checkpoint, alike: list[Checkpoint]) -> list[str]:
    """In what the new checkpoint falls short of those from before the signal."""
    why: list[str] = []
    last_step = max(old.step for old in alike)
    biggest = max(alike, key=lambda old: (old.size_bytes, old.files))
    if newest.step <= last_step:
        why.append(f"step {newest.step} is not beyond {last_step}")
    if newest.files < biggest.files:
        why.append(f"{newest.files} of {biggest.files} files")
    if newest.size_bytes < ENOUGH_BYTES * biggest.size_bytes:
        why.append(f"{100 * newest.size_bytes // biggest.size_bytes} % of the last one's bytes")
    return why


def _family(checkpoint: Checkpoint) -> tuple[str, str]:
    return checkpoint.layout, re.sub(r"\d+", "#", checkpoint.name)
