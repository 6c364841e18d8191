"""Impact: who is hurt, and "not known" is never counted as nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from crashcart.backends.contract import Picture
from crashcart.backends.model import Job, Node
from crashcart.ops.impact import capacity_lines, hours_at_risk, impact, job_nodes, jobs_by_node
from tests.unit.small_cluster import NOW, job, node


def picture(nodes: tuple[Node, ...] = (), jobs: tuple[Job, ...] = ()) -> Picture:
    return Picture(nodes, jobs, (), NOW)


def test_jobs_are_found_on_their_nodes_and_waiting_ones_nowhere() -> None:
    wide, narrow, waiting = job("1", nodes="gpu[001-003]"), job("2", nodes="gpu002"), job("3", "PENDING")

    found = jobs_by_node((wide, narrow, waiting), ("gpu002", "gpu004"))

    assert [hit.id for hit in found["gpu002"]] == ["1", "2"]
    assert found["gpu004"] == ()


def test_an_unreadable_node_list_falls_back_to_the_gpu_map() -> None:
    odd = replace(job("1", nodes="gpu[001-"), gpu_map=(("gpu007", (0, 1)),))

    assert job_nodes(odd) == {"gpu007"}


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        ({}, 4.0),  # 8 GPUs, half an hour since the checkpoint
        ({"checkpoint_time": None}, 8.0),  # an hour since the start
        ({"checkpoint_time": NOW - 9999}, 8.0),  # a checkpoint of an earlier run
        ({"gpus": None}, None),
        ({"checkpoint_time": None, "start_time": None}, None),
        ({"state": "PENDING"}, 0.0),
    ],
)
def test_hours_at_risk_count_from_the_last_checkpoint_of_this_run(
    changes: dict[str, object], hours: float | None
) -> None:
    assert hours_at_risk(replace(job("1"), **changes), NOW) == hours


def test_impact_names_jobs_biggest_first_and_each_user_once() -> None:
    small = replace(job("2", user="carol"), gpus=1)

    hurt = impact((small, job("1"), job("1")), picture(), loses=lambda _: True)

    assert [hit.id for hit in hurt.jobs] == ["1", "2"]
    assert hurt.users == ("bob", "carol")
    assert (hurt.gpus, hurt.gpu_hours_at_risk) == (9, 4.5)
    assert hurt.jobs[0].since_checkpoint_seconds == 1800


def test_one_unknown_makes_the_sum_unknown() -> None:
    hurt = impact((job("1"), replace(job("2"), gpus=None)), picture(), loses=lambda _: True)

    assert (hurt.gpus, hurt.gpu_hours_at_risk) == (None, None)


def test_work_that_goes_on_is_not_at_risk() -> None:
    assert impact((job("1"),), picture(), loses=lambda _: False).gpu_hours_at_risk == 0.0


def test_capacity_counts_what_stays_in_service() -> None:
    nodes = (*(node(f"gpu{number}") for number in range(8)), node("gpu8", "IDLE", "DRAIN"), node("gpu9", "DOWN"))

    assert capacity_lines(picture(nodes), ("gpu0", "gpu1")) == ("train: 6 of 10 nodes stay in service (60 %)",)
    assert capacity_lines(picture(nodes), ("gpu8",), returning=True) == (
        "train: 9 of 10 nodes will be in service (90 %)",
    )
    assert capacity_lines(picture(nodes), ("elsewhere",)) == ()
