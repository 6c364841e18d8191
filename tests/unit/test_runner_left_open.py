"""Actions whose executor died: the next one looks again, and claims nothing that it does not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from crashcart.ops.audit import AuditLog, open_actions, read
from crashcart.ops.audit_read import executor_mark
from crashcart.ops.protocol import Finished
from tests.unit.runner_desk import Desk
from tests.unit.small_cluster import SmallCluster, job, node

DEAD = {"host": "elsewhere", "pid": 1, "started": "1"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(SmallCluster(nodes=[node("gpu001"), node("gpu002")], jobs=[job("41")]), tmp_path)


def left_open(desk: Desk, verb: str, *targets: str, age: float = 60.0, **more: Any) -> None:
    """Put the start of an action on record, whose executor then died `age` seconds before now."""
    log = AuditLog(desk.audit_file)
    before = {"restarts": 0, "start_time": desk.cluster.jobs["41"].start_time, "state": "RUNNING"}
    log.append(
        "intent",
        {
            "id": "a1",
            "state": "CONFIRMED",
            "verb": verb,
            "cluster": "small",
            "targets": list(targets),
            "params": {"reason": "xid 79"} if verb == "drain" else {},
            "actor": {"user": "alice"},
            "before": {"41": before} if verb in ("requeue", "cancel") else {},
        },
    )
    log.append("start", {"id": "a1", "state": "RUNNING", "executor": DEAD, **more})
    desk.clock.seconds = next(read(desk.audit_file))["ts"] + age


async def looks_again(desk: Desk) -> list[Finished]:
    desk.runner.resolve_left_open()
    await desk.runner.settle()
    return [reply for reply in desk.answers.sent if isinstance(reply, Finished)]


async def test_an_effect_that_is_there_is_verified_and_told(desk: Desk) -> None:
    left_open(desk, "drain", "gpu001")
    desk.cluster.nodes["gpu001"] = node("gpu001", "IDLE", "DRAIN", reason="crashcart:alice xid 79")

    (finished,) = await looks_again(desk)

    assert (finished.plan_id, finished.verb, finished.state) == ("a1", "drain", "VERIFIED")
    assert open_actions(desk.audit_file) == ()
    assert desk.cluster.applied == []


async def test_an_effect_not_seen_yet_stays_open(desk: Desk) -> None:
    left_open(desk, "drain", "gpu001")

    assert await looks_again(desk) == []
    assert [action.state for action in open_actions(desk.audit_file)] == ["UNKNOWN"]


async def test_an_effect_not_seen_after_ten_minutes_is_settled_as_unknown(desk: Desk) -> None:
    left_open(desk, "drain", "gpu001", age=601)

    (finished,) = await looks_again(desk)

    assert finished.state == "UNKNOWN"
    assert finished.results[0].detail.endswith("it had no effect, or was taken back since")
    assert open_actions(desk.audit_file) == ()


async def test_a_requeue_is_judged_by_the_restarts_on_record(desk: Desk) -> None:
    left_open(desk, "requeue", "41")
    assert await looks_again(desk) == []

    desk.cluster.jobs["41"] = replace(job("41"), restarts=1)  # it runs again by now

    (finished,) = await looks_again(desk)
    assert finished.state == "VERIFIED"


async def test_a_cancelled_job_that_is_gone_is_verified(desk: Desk) -> None:
    left_open(desk, "cancel", "41")
    del desk.cluster.jobs["41"]

    (finished,) = await looks_again(desk)

    assert finished.state == "VERIFIED"


async def test_a_cluster_that_cannot_be_read_leaves_everything_open(desk: Desk) -> None:
    left_open(desk, "drain", "gpu001", age=601)
    desk.cluster.is_cut = True

    assert await looks_again(desk) == []
    assert len(open_actions(desk.audit_file)) == 1


async def test_what_no_reading_can_prove_is_settled_only_when_old(desk: Desk) -> None:
    left_open(desk, "checkpoint", "41")
    assert await looks_again(desk) == []

    desk.clock.seconds += 601
    (finished,) = await looks_again(desk)
    assert finished.state == "UNKNOWN"
    assert open_actions(desk.audit_file) == ()


async def test_one_of_two_targets_resolved_leaves_the_other_open(desk: Desk) -> None:
    left_open(desk, "drain", "gpu001", "gpu002")
    desk.cluster.nodes["gpu002"] = node("gpu002", "IDLE", "DRAIN", reason="crashcart:alice xid 79")

    (finished,) = await looks_again(desk)

    assert finished.state == "PARTIAL"
    assert [action.targets for action in open_actions(desk.audit_file)] == [("gpu001",)]


async def test_an_action_that_still_runs_elsewhere_is_left_alone(desk: Desk) -> None:
    left_open(desk, "drain", "gpu001", age=601, executor=executor_mark())

    assert await looks_again(desk) == []
    assert [action.state for action in open_actions(desk.audit_file)] == ["RUNNING"]
