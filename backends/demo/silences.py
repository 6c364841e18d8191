"""The silences of the simulated Alertmanager: made, moved, ended, and over by themselves when their time has come."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping

import msgspec

from crashcart.backends.model import Matcher, Silence

from .entities import SOURCE
from .matchers import match_anything, matches
from .simulation import Simulation

KIND = "silence"
KEEP_SECONDS = 86_400.0
"""How long an expired silence is still listed; Alertmanager's own default is five days."""


class Refused(Exception):
    """What Alertmanager says to a silence that it does not take."""


class SimSilence(msgspec.Struct, eq=False):
    """One silence; it is over at `ends`, or earlier when somebody ended it, which moves `ends`."""

    id: str
    matchers: tuple[Matcher, ...]
    starts: float
    ends: float
    created_by: str
    comment: str

    def state(self, now: float) -> str:
        return "expired" if now >= self.ends else "active" if now >= self.starts else "pending"


class SilenceBook:
    """All silences by id; the journal learns of every change, also of those that time alone brings."""

    def __init__(self, sim: Simulation, seed: int) -> None:
        self._sim = sim
        self._chance = random.Random(f"silences {seed}")  # noqa: S311 - names, not secrets
        self.silences: dict[str, SimSilence] = {}

    def add(self, matchers: tuple[Matcher, ...], starts: float, ends: float, by: str, comment: str) -> str:
        """Make a silence and return its id; a start in the past is moved to now. Raises Refused."""
        now = self._sim.now
        if match_anything(matchers):
            raise Refused("silence invalid: at least one matcher must not match the empty string")
        if ends <= max(starts, now):
            raise Refused("end time must not be in the past")
        return self.put(matchers, max(starts, now), ends, by, comment)

    def put(self, matchers: tuple[Matcher, ...], starts: float, ends: float, by: str, comment: str) -> str:
        """Make a silence that nobody checks; also one that has long been there. Return its id."""
        made = uuid.UUID(int=self._chance.getrandbits(128), version=4)
        silence = SimSilence(str(made), matchers, starts, ends, by, comment)
        self.silences[silence.id] = silence
        self._changed(silence)
        return silence.id

    def update(self, silence_id: str, ends: float, comment: str | None) -> str:
        """Move the end; the id stays unless the silence had expired, then a new one takes its place. Raises Refused."""
        silence = self.find(silence_id)
        now = self._sim.now
        words = silence.comment if comment is None else comment
        if silence.state(now) == "expired":
            return self.add(silence.matchers, now, ends, silence.created_by, words)
        if ends <= max(silence.starts, now):
            raise Refused("end time must not be in the past")
        silence.ends, silence.comment = ends, words
        self._changed(silence)
        return silence.id

    def expire(self, silence_id: str) -> None:
        """End it now; one that is over stays as it is. Raises Refused."""
        silence = self.find(silence_id)
        now = self._sim.now
        if silence.state(now) != "expired":
            silence.ends = now
            silence.starts = min(silence.starts, now)
            self._changed(silence)

    def find(self, silence_id: str) -> SimSilence:
        silence = self.silences.get(silence_id)
        if silence is None:
            raise Refused("silence not found")
        return silence

    def covering(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Ids of the silences that keep an alert with these labels quiet now."""
        now = self._sim.now
        return tuple(
            silence.id
            for silence in self.silences.values()
            if silence.state(now) == "active" and all(matches(matcher, labels) for matcher in silence.matchers)
        )

    def entity(self, silence_id: str, when: float) -> Silence:
        """The silence as operators see it."""
        silence = self.silences[silence_id]
        return Silence(
            cluster="",
            source=SOURCE,
            when=when,
            id=silence.id,
            state=silence.state(when),
            matchers=silence.matchers,
            starts=silence.starts,
            ends=silence.ends,
            created_by=silence.created_by,
            comment=silence.comment,
        )

    def _changed(self, silence: SimSilence) -> None:
        """Tell pollers now, and again when it begins, ends and is forgotten."""
        self._sim.journal.touch(KIND, silence.id)
        for moment in (silence.starts, silence.ends):
            if moment > self._sim.now:
                self._sim.timeline.at(moment, lambda: self._touch(silence.id))
        self._sim.timeline.at(silence.ends + KEEP_SECONDS, lambda: self._forget(silence))

    def _touch(self, silence_id: str) -> None:
        if silence_id in self.silences:
            self._sim.journal.touch(KIND, silence_id)

    def _forget(self, silence: SimSilence) -> None:
        is_due = self._sim.now >= silence.ends + KEEP_SECONDS  # its end may have been moved meanwhile
        if is_due and self.silences.pop(silence.id, None) is not None:
            self._sim.journal.drop(KIND, silence.id)
