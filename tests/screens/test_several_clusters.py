"""Two clusters on one screen: names stay apart, and an action is about one of them."""

from __future__ import annotations

from msgspec.structs import replace

from crashcart.backends import wire
from crashcart.backends.model import Batch

from .clock import START
from .cluster import JOBS, everything, node, source
from .desk import desk


def second() -> list[wire.Message]:
    """The same names again, in another cluster."""
    nodes = tuple(replace(node(number), cluster="h100", state="IDLE", flags=(), reason=None) for number in (1, 2))
    jobs = (replace(JOBS[0], cluster="h100", user="zoe", node_list="gpu001"),)
    listings = (("node", nodes), ("job", jobs))
    batches = [Batch("slurm", "h100", kind, START - 2, entities, (), True) for kind, entities in listings]  # type: ignore[arg-type]
    return [replace(source(), cluster="h100"), *(part for batch in batches for part in wire.slices(batch, 1))]


async def test_the_cluster_is_a_column_only_where_there_are_several() -> None:
    async with desk(messages=[*everything(), *second()]) as it:
        await it.press("2")
        await it.shows("CLUSTER", "14", "h100")
        await it.press("colon")
        await it.types("cluster h100")
        await it.press("enter")
        await it.lacks("CLUSTER")
        await it.shows("Nodes  2")
        await it.press("0")
        await it.shows("CLUSTER")


async def test_racks_of_two_clusters_are_not_mixed() -> None:
    async with desk(messages=[*everything(), *second()]) as it:
        await it.shows("a100/r01", "h100/r01")


async def test_marks_in_two_clusters_cannot_be_acted_on_at_once() -> None:
    async with desk(messages=[*everything(), *second()]) as it:
        await it.press("2", "g", "space", "G", "space", "slash")
        await it.types("name=gpu001")
        await it.press("enter", "g", "space", "G", "space", "x")
        await it.shows("in several clusters")
        await it.press("d")
        assert it.executor.planned == []


async def test_a_name_that_two_clusters_have_must_be_said_more_precisely() -> None:
    async with desk(messages=[*everything(), *second()]) as it:
        await it.press("colon")
        await it.types("drain gpu001 why")
        await it.press("enter")
        await it.shows("several clusters have these: a100, h100")
        assert it.executor.planned == []


async def test_an_unknown_cluster_is_refused_with_those_there_are() -> None:
    async with desk() as it:
        await it.press("colon")
        await it.types("cluster b200")
        await it.press("enter")
        await it.shows("there is no cluster 'b200'")
