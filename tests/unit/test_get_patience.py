"""Whom `get` waits for: those who list what is asked for, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from crashcart.backends.wire import Source, slices
from crashcart.ops.session import ClusterSession, Session
from crashcart.ops.store import Store
from crashcart.tui.commandline.listing import _heard
from tests.entities import listing, node
from tests.kube_entities import kube_node, pod

SESSION = Session((ClusterSession("a100"),), audit_file="/nonexistent")


def store_with(*sources: str, state: str = "live") -> Store:
    store = Store()
    for name in sources:
        store.apply(Source("a100", name, state, 5.0, 1000.0, 0, ""))  # type: ignore[arg-type]
    return store


def hear(store: Store, kind: Any, *entities: Any, source: str) -> None:
    for part in slices(listing(kind, *entities, source=source), 1):
        store.apply(part)


@pytest.mark.parametrize("kind", ["pod", "event", "budget", "silence", "target"])
def test_what_no_source_lists_is_not_waited_for(kind: str) -> None:
    assert _heard(store_with("slurm"), SESSION, (kind,))


def test_every_plane_is_waited_for_where_both_list_nodes() -> None:
    store = store_with("slurm", "kubernetes")
    hear(store, "node", node(), source="slurm")
    assert not _heard(store, SESSION, ("node",)), "what one plane says is half of the picture"
    hear(store, "node", kube_node(), source="kubernetes")
    assert _heard(store, SESSION, ("node",))


def test_pods_are_waited_for_until_kubernetes_has_listed_them() -> None:
    store = store_with("slurm", "kubernetes")
    hear(store, "node", kube_node(), source="kubernetes")
    assert not _heard(store, SESSION, ("pod",))
    hear(store, "pod", pod(), source="kubernetes")
    assert _heard(store, SESSION, ("pod",))


def test_a_source_that_is_down_is_not_waited_for_and_one_that_starts_is() -> None:
    assert _heard(store_with("kubernetes", state="down"), SESSION, ("pod",))
    assert not _heard(store_with("kubernetes", state="starting"), SESSION, ("pod",))
