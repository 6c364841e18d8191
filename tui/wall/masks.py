"""What visitors may not read: names of users and of jobs, taken out before anything is kept, and out of free text.

A structured field is replaced when it arrives. Reasons and summaries are free text: every word in them that is a known
name is covered when it is drawn. A name that is also a common word covers that word too; that is the safe side.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

from msgspec.structs import replace

from crashcart.backends.model import AnyEntity, Job, Node, Silence
from crashcart.tui.cells import Span

COVER = "•••••"
MOST_NAMES = 200_000
"""Names that are remembered, the newest; a wall runs for months."""

_WORD = re.compile(r"[\w.@+-]+")
_PARTS = (re.compile(r"[\w.-]+"), re.compile(r"[\w-]+"), re.compile(r"\w+"))
"""What a word is made of, the longest first: `alice@login1.site`, `login1.site`, `alice-laptop`."""


class Masks:
    """`wanted` holds `users`, `jobs`, both or none."""

    def __init__(self, wanted: frozenset[str] = frozenset()) -> None:
        self._users = "users" in wanted
        self._jobs = "jobs" in wanted
        self._names: dict[str, None] = {}

    def __bool__(self) -> bool:
        return self._users or self._jobs

    def entity(self, entity: AnyEntity) -> AnyEntity:
        """The entity without what is masked."""
        match entity:
            case Job():
                return self._job(entity)
            case Node() if self._users and entity.reason_by:
                self._learn([entity.reason_by])
                return replace(entity, reason_by=COVER)
            case Silence() if self._users:
                self._learn(entity.created_by.split(":"))
                return replace(entity, created_by=COVER)
        return entity

    def key(self, key: str) -> str:
        """The key that a job is kept under; those of workloads hold its name."""
        cluster, _, job = key.partition("/")
        return f"{cluster}/{_covered_id(job)}" if self._jobs and not is_number(job) else key

    def text(self, text: str) -> str:
        """Free text with every known name covered."""
        if not self._names:
            return text
        return _WORD.sub(self._covered, text)

    def spans(self, spans: Iterable[Span]) -> list[Span]:
        """`text` of every span."""
        return [(self.text(text), role) for text, role in spans]

    def _covered(self, found: re.Match[str]) -> str:
        word = found[0]
        if word in self._names or word.rstrip(".") in self._names:
            return COVER
        for part in _PARTS:
            word = part.sub(lambda found: COVER if found[0] in self._names else found[0], word)
        return word

    def _job(self, job: Job) -> Job:
        if self._users:
            self._learn([job.user, job.user.partition("@")[0]])
            job = replace(job, user=COVER, account=COVER if job.account else None, work_dir=None, comment=None)
        if self._jobs:
            own = [] if is_number(job.id) else [job.id, *job.id.split("/")[1:]]
            self._learn([job.name, *job.name.split("/"), *own])
            known_as = job.id if is_number(job.id) else _covered_id(job.id)
            job = replace(job, id=known_as, name=COVER, comment=None, std_out=None, work_dir=None)
        return job

    def _learn(self, names: Iterable[str]) -> None:
        for name in names:
            if name and not name.isdigit():
                self._names.pop(name, None)
                self._names[name] = None
        while len(self._names) > MOST_NAMES:
            del self._names[next(iter(self._names))]


def is_number(job: str) -> bool:
    """Whether a job goes by a scheduler's number, `42`, `9_0`, `9_[0-3]`, `9+1`, and not by a name."""
    return job[:1].isdigit() and "/" not in job


def _covered_id(job: str) -> str:
    return f"workload/{zlib.crc32(job.encode()):08x}"
