"""Which entity changed when, so that a poll is answered with the changes only."""

from __future__ import annotations

KEEP = 50_000
"""Entries before those of entities that are gone are dropped; a client older than that gets everything."""

Name = tuple[str, str]  # kind, name


class Journal:
    """Revisions of named things in order of their last change."""

    def __init__(self) -> None:
        self.revision = 0
        self._floor = 0
        self._changed: dict[Name, int] = {}
        self._alive: set[Name] = set()

    def touch(self, kind: str, name: str) -> None:
        """This thing exists and has changed."""
        self._note((kind, name))
        self._alive.add((kind, name))

    def drop(self, kind: str, name: str) -> None:
        """This thing is gone."""
        self._note((kind, name))
        self._alive.discard((kind, name))
        if len(self._changed) > KEEP + len(self._alive):
            self._changed = {entry: revision for entry, revision in self._changed.items() if entry in self._alive}
            self._floor = self.revision

    def advance(self) -> int:
        """Numbers changed that have no name here; return the revision from which on they count."""
        self.revision += 1
        return self.revision

    def covers(self, revision: int) -> bool:
        """Whether the changes since `revision` are all known."""
        return self._floor <= revision <= self.revision

    def since(self, revision: int) -> tuple[list[Name], list[Name]]:
        """What changed and what is gone since `revision`."""
        changed: list[Name] = []
        gone: list[Name] = []
        for entry, at in reversed(self._changed.items()):
            if at <= revision:
                break
            (changed if entry in self._alive else gone).append(entry)
        return changed, gone

    def _note(self, entry: Name) -> None:
        self.revision += 1
        self._changed.pop(entry, None)
        self._changed[entry] = self.revision
