"""The only errors that may leave a backend, grouped by the reaction they call for."""

from __future__ import annotations


class BackendError(Exception):
    """Base of all backend errors. The text says what, where and the next step, for an operator."""


class Unreachable(BackendError):
    """The other side did not answer: retry with backoff, keep the old picture, mark it stale."""


class Denied(BackendError):
    """The other side answered and refused us: retrying cannot help, say so."""


class Unsupported(BackendError):
    """This version or configuration cannot do it."""


class Malformed(BackendError):
    """The answer could not be understood: keep the old data and count it."""


class BadIdentifier(BackendError):
    """A name that came from outside is not on the allow-list and is refused."""
