"""Whatever operators do to the simulated cluster, its parts agree with each other."""

from __future__ import annotations

from ClusterShell.NodeSet import NodeSet
from hypothesis import given, settings
from hypothesis import strategies as st

from crashcart.backends.demo.protocol import News, ObserveAlerts
from crashcart.backends.demo.shape import Shape
from crashcart.backends.demo.simulation import Simulation
from tests.demo_world import HandCluster

NODES = 24
names = st.integers(1, NODES).map(lambda number: f"gpu{number:03d}")
ids = st.integers(184_204, 184_250)
steps = st.lists(
    st.one_of(
        st.builds("scontrol update nodename={} state=drain reason=x".format, names),
        st.builds("scontrol update nodename={} state=resume".format, names),
        st.builds("scontrol reboot ASAP reason=x {}".format, names),
        st.builds("scontrol requeue {}".format, ids),
        st.builds("scontrol requeuehold {}".format, ids),
        st.builds("scontrol hold {}".format, ids),
        st.builds("scontrol release {}".format, ids),
        st.builds("scancel {}".format, ids),
        st.builds("scancel --signal=USR1 --batch {}".format, ids),
        st.builds(
            "amtool silence add -d {}s -c x 'node=~\"gpu0[0-{}].*\"'".format, st.integers(1, 900), st.integers(0, 2)
        ),
        st.builds("amtool silence add -d 1h -c x alertname={}".format, st.sampled_from(["Watchdog", "GpuMissing"])),
        st.builds(
            "amtool silence {} {{silence{}}}".format, st.sampled_from(["expire", "update -d 5m"]), st.integers(0, 5)
        ),
        st.floats(0.1, 400.0),
    ),
    max_size=25,
)


def known_silences(cluster: HandCluster) -> dict[str, str]:
    """`silence0`, `silence1`, ...: ids of silences in the order in which they were made, and around again."""
    ids = [silence.id for silence in cluster.ask(ObserveAlerts()).silences]
    return {f"silence{number}": ids[number % len(ids)] for number in range(6)}


def take(cluster: HandCluster, step: str | float) -> None:
    if isinstance(step, str):
        assert cluster.run(step.format(**known_silences(cluster))).exit_status in (0, 1, 228)
    else:
        cluster.wait(step)


def check_ownership(sim: Simulation) -> None:
    """A GPU belongs to a job that says so too, or is being given back."""
    placed = {(node.index, gpu): job for job in sim.jobs.values() for node, gpus in job.placement for gpu in gpus}
    for node in sim.nodes:
        assert node.completing >= 0
        for gpu, owner in enumerate(node.owners):
            if owner is not None and not node.completing:
                assert placed.get((node.index, gpu)) is owner
            if owner is None:
                assert (node.index, gpu) not in placed
        for partition in node.partitions:
            assert sim.free_nodes(partition).get(node.index, 0) == node.gpus_free
    for job in sim.jobs.values():
        assert bool(job.placement) == (job.state == "RUNNING")
        if job.placement:
            assert sum(len(gpus) for _, gpus in job.placement) == job.nodes_wanted * job.gpus_each


@given(steps)
@settings(max_examples=60, deadline=None)
def test_owners_placements_and_free_gpus_agree(plan: list[str | float]) -> None:
    cluster = HandCluster(NODES, 4)
    for step in plan:
        take(cluster, step)
        check_ownership(cluster.desk.sim)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_changes_add_up_to_the_whole_picture(plan: list[str | float]) -> None:
    cluster = HandCluster(NODES, 4)
    first = cluster.poll()
    picture: dict[tuple[str, str], object] = {}
    columns: dict[str, bytes] = {}

    def apply(news: News) -> None:
        for kind, name in news.gone:
            picture.pop((kind, name), None)
        for entity in news.entities:
            picture[entity.kind, entity.key.removeprefix("/")] = entity
        columns.update({metric: bytes(values) for metric, values in news.columns.items()})

    apply(first)
    revision = first.revision
    for step in plan:
        take(cluster, step)
        news = cluster.poll(first.epoch, revision)
        assert not news.whole
        apply(news)
        revision = news.revision
    whole = cluster.poll()
    listed = {(entity.kind, entity.key.removeprefix("/")): entity for entity in whole.entities}
    assert picture.keys() == listed.keys()
    for key, entity in listed.items():
        known = picture[key]
        assert _without_when(known) == _without_when(entity)
    assert columns == {metric: bytes(values) for metric, values in whole.columns.items()}


def _without_when(entity: object) -> tuple[object, ...]:
    fields = [name for name in entity.__struct_fields__ if name != "when"]  # type: ignore[attr-defined]
    return tuple(getattr(entity, name) for name in fields)


@given(st.sets(st.integers(0, 99)), st.integers(100, 12_500))
def test_folded_names_are_what_clustershell_reads(indexes: set[int], nodes: int) -> None:
    shape = Shape(nodes, 8)
    folded = shape.fold(indexes)
    assert set(NodeSet(folded)) == {shape.name(index) for index in indexes}
