"""Which kinds the known sources list, so that nobody waits for what will not come, or leaves before it does."""

from __future__ import annotations

from collections.abc import Iterable

from crashcart.backends.entity import Kind

LISTS: dict[str, frozenset[Kind]] = {
    "slurm": frozenset(("node", "job", "queue")),
    "kubernetes": frozenset(("node", "job", "queue", "pod", "budget", "event", "check")),
    "prometheus": frozenset(("alert", "target", "check")),
    "alertmanager": frozenset(("alert", "silence", "check")),
    "nvml": frozenset(("check",)),
    "smi": frozenset(("check",)),
}


def lists_any(source: str, kinds: Iterable[str]) -> bool | None:
    """Whether this source lists anything of these kinds; None for one that we do not know."""
    known = LISTS.get(source)
    return None if known is None else not known.isdisjoint(kinds)
