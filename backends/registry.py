"""Finds backends by entry point; the built-in ones are registered the same way as anybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .contract import Backend
from .errors import Unsupported

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "crashcart.backends"


def names() -> tuple[str, ...]:
    """Names of all installed backends, sorted; none is imported."""
    return tuple(sorted(_found()))


def load(name: str) -> Backend:
    """Import one backend. Raises Unsupported with the next step when it is not installed or does not import."""
    found = _found()
    if name not in found:
        raise Unsupported(f"no backend is called {name!r}; installed are: {', '.join(sorted(found))}")
    try:
        return cast(Backend, found[name].load())
    except (ImportError, AttributeError) as error:
        raise Unsupported(f"backend {name!r} does not import: {error}; install what it needs and try again") from error


def _found() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # a tenth of the time to the first frame, and not always needed

    return {point.name: point for point in entry_points(group=GROUP)}
