"""The filter language says yes, no, or where it is wrong."""

from __future__ import annotations

import pytest

from crashcart.backends import wire
from crashcart.ops.fields import Scene
from crashcart.ops.filter import FilterError, compile_filter
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from tests.entities import alert, job, listing, node


def scene() -> Scene:
    store = Store()
    batches = (
        listing(
            "node",
            node("gpu001", state="MIXED", flags=("DRAIN",), gpus_used=4, reason="xid 79 on GPU 3", rack="r01"),
            node("gpu002", state="IDLE", gpus_total=None, gpus_used=None),
            node("gpu003", state="DOWN", load=12.5, partitions=("train", "debug")),
        ),
        listing(
            "job", job("42"), job("43", user="bob", state="PENDING", node_list="", gpu_map=None, reason="Priority")
        ),
        listing("alert", alert(), source="alertmanager"),
    )
    for batch in batches:
        for part in wire.slices(batch, 1):
            store.apply(part)
    return Scene(store, Joins(store), 4600.0)


def names(text: str, kind: str = "node") -> set[str]:
    here, wanted = scene(), compile_filter(text, kind)
    return {key.split("/")[1] for key, row in here.store.entities[kind].items() if wanted.matches(here, row)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"gpu001", "gpu002", "gpu003"}),
        ("state=draining", {"gpu001"}),
        ("state!=draining", {"gpu002", "gpu003"}),
        ("node.state=down", {"gpu003"}),
        ("gpus=8", {"gpu001", "gpu003"}),
        ("gpus_used>=4", {"gpu001"}),
        ("!gpus_used>=4", {"gpu003"}),
        ("name in gpu[002-003]", {"gpu002", "gpu003"}),
        ("name=gpu*", {"gpu001", "gpu002", "gpu003"}),
        ("reason~=xid", {"gpu001"}),
        ('reason="xid 79 on GPU 3"', {"gpu001"}),
        ("partition=debug", {"gpu003"}),
        ("load>12", {"gpu003"}),
        ("user=alice", {"gpu001"}),
        ("alerts>0", {"gpu001"}),
        ("state=down | state=idle", {"gpu002", "gpu003"}),
        ("(state=down | state=idle) & name=gpu002", {"gpu002"}),
        ("state=down partition=debug", {"gpu003"}),
        ("r01", {"gpu001"}),
        ("g003", {"gpu003"}),
    ],
)
def test_nodes(text: str, found: set[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("elapsed>1h", {"42"}), ("elapsed<10m", set()), ("state=pending", {"43"}), ("node=gpu001", {"42"})],
)
def test_jobs(text: str, found: set[str]) -> None:
    assert names(text, "job") == found


def test_an_alert_is_joined_to_its_node_by_its_labels() -> None:
    assert names("node=gpu001 & gpu=3 & severity=critical", "alert") == {"f1"}


def test_what_is_not_known_matches_neither_a_condition_nor_its_opposite() -> None:
    assert "gpu002" not in names("gpus_used=0") | names("gpus_used!=0") | names("!gpus_used=0")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("stat=down", 0, "did you mean state"),
        ("gpus>lots", 5, "not a number"),
        ("state>down", 0, "is text"),
        ("(state=down", 0, "not closed"),
        ("state=down)", 10, "does not belong"),
        ("state=", 6, "missing"),
        ("reason~=[", 8, "does not belong"),
        ('reason~="("', 8, "regular expression"),
        ("& x", 0, "field or a word"),
        ("name in gpu[1-", 11, "does not belong"),
    ],
)
def test_errors_name_their_place(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError, match=words) as caught:
        compile_filter(text, "node")
    assert caught.value.position == position
