"""Exit statuses, the same for every command."""

from __future__ import annotations

OK = 0
USAGE = 2  # wrong words or a configuration that cannot be used; nothing was started
REFUSED = 3  # by policy, or read-only
FAILED = 4
UNKNOWN = 5  # unknown, partial, or no source answered


class CommandError(Exception):
    """Ends a command with one line on standard error."""

    def __init__(self, message: str, status: int = USAGE) -> None:
        super().__init__(message)
        self.status = status
