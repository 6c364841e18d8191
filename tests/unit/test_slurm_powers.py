"""Changes as an operator would type them, names that are refused, and what Slurm's answers mean."""

from __future__ import annotations

import shlex

import pytest

from crashcart.backends.contract import (
    Applier,
    Change,
    Checkpointer,
    CommandResult,
    JobControl,
    NodeMaintainer,
    Observer,
)
from crashcart.backends.errors import BadIdentifier, Denied, Malformed, Unreachable
from crashcart.backends.slurm import BACKEND
from crashcart.backends.slurm.powers import SlurmPowers

from .recorded_slurm import RecordedSlurm, failed


def powers(**options: object) -> SlurmPowers:
    return BACKEND.powers(RecordedSlurm().context(**options))


def test_it_offers_what_the_contract_names() -> None:
    assert all(isinstance(powers(), power) for power in (Observer, Applier, NodeMaintainer, JobControl, Checkpointer))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (powers().drain("gpu01", "xid 79 [x]"), "scontrol update nodename=gpu01 state=drain 'reason=xid 79 [x]'"),
        (powers().resume("gpu01"), "scontrol update nodename=gpu01 state=resume"),
        (powers().reboot("gpu01", "kernel"), "scontrol reboot ASAP nextstate=RESUME reason=kernel gpu01"),
        (powers().requeue("42"), "scontrol requeue 42"),
        (powers().requeue_hold("9_0"), "scontrol requeuehold 9_0"),
        (powers().hold("42"), "scontrol hold 42"),
        (powers().release("42"), "scontrol release 42"),
        (powers().cancel("11+1"), "scancel 11+1"),
        (powers().signal("42", "USR1", "batch"), "scancel --signal=USR1 --batch 42"),
        (powers().signal("42", "USR2", "steps"), "scancel --signal=USR2 42"),
    ],
)
def test_a_change_is_one_command_as_an_operator_would_type_it(change: Change, text: str) -> None:
    assert change.text == text
    assert change.argv == tuple(shlex.split(text))
    assert change.where == "local"


def test_a_change_says_where_it_runs_and_hides_no_path_in_its_text() -> None:
    change = powers(via="ssh:login1", bin_dir="/opt/slurm/bin").hold("42")
    assert (change.text, change.where) == ("scontrol hold 42", "ssh:login1")


@pytest.mark.parametrize(
    "node", ["ALL", "all", "All", "gpu[01-99]", "gpu01,gpu02", "-n", "gpu01 state=down", "a;b", "", "x\n"]
)
def test_only_one_node_by_its_name_can_be_changed(node: str) -> None:
    with pytest.raises(BadIdentifier):
        powers().drain(node, "x")
    with pytest.raises(BadIdentifier):
        powers().resume(node)
    with pytest.raises(BadIdentifier):
        powers().reboot(node, "x")


@pytest.mark.parametrize("job", ["", "-f", "42 43", "42,43", "9_[0-3]", "name=x", "42;id", "4\n2"])
def test_only_one_job_by_its_id_can_be_changed(job: str) -> None:
    for build in (powers().requeue, powers().requeue_hold, powers().hold, powers().release, powers().cancel):
        with pytest.raises(BadIdentifier):
            build(job)
    with pytest.raises(BadIdentifier):
        powers().signal(job, "USR1", "batch")


def test_only_signals_that_ask_can_be_sent() -> None:
    with pytest.raises(Malformed, match="KILL"):
        powers().signal("42", "KILL", "batch")


async def applied(answer: CommandResult) -> CommandResult:
    slurm = RecordedSlurm()
    slurm.say["change"] = answer
    backend = BACKEND.powers(slurm.context())
    return await backend.apply(backend.requeue("8"), timeout=5)


@pytest.mark.parametrize(
    ("stderr", "meaning"),
    [
        ("Invalid job id specified for job 8", "does not know this job"),
        ("scancel: error: Kill job error on job id 8: Job can not be altered now, try again later", "does not run"),
        ("slurm_update error: Invalid node name specified", "does not know this node"),
        ("scontrol_reboot_nodes error: RebootProgram isn't defined", "RebootProgram"),
    ],
)
async def test_a_refusal_is_explained_and_quoted(stderr: str, meaning: str) -> None:
    result = await applied(failed(stderr))
    assert result.state == "failed"
    assert meaning in result.detail
    assert stderr in result.detail


async def test_a_refusal_of_an_unknown_kind_is_quoted() -> None:
    result = await applied(failed("something new in Slurm 27"))
    assert (result.state, result.detail) == ("failed", "something new in Slurm 27")


@pytest.mark.parametrize(
    "stderr",
    [
        "slurm_update error: Invalid user id",
        "Access/permission denied for job 8",
        "scontrol_reboot_nodes error: Permission denied",
        "scancel: error: Kill job error on job id 8: Access/permission denied",
    ],
)
async def test_missing_rights_are_denied(stderr: str) -> None:
    with pytest.raises(Denied, match="AdminLevel"):
        await applied(failed(stderr, 210))


@pytest.mark.parametrize(
    "stderr",
    [
        "slurm_update error: Socket timed out on send/recv operation",
        "slurm_update error: Zero Bytes were transmitted or received",
        "slurm_update error: Message receive failure",
    ],
)
async def test_an_answer_that_never_came_is_unknown(stderr: str) -> None:
    result = await applied(failed(stderr))
    assert (result.state, result.exit_status) == ("unknown", None)
    assert "may have done it" in result.detail


async def test_what_slurmctld_never_heard_of_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await applied(failed("slurm_update error: Unable to contact slurm controller (connect failure)"))
    with pytest.raises(Unreachable):
        await applied(failed("env: 'scontrol': No such file or directory", 127))


async def test_a_lost_link_stays_unknown() -> None:
    assert (await applied(CommandResult("unknown", None, detail="link lost"))).state == "unknown"


async def test_named_nodes_are_asked_for_in_one_command() -> None:
    slurm = RecordedSlurm()
    slurm.say["node"] = CommandResult("failed", 1, b"NodeName=gpu01 State=IDLE\nNode nosuch not found\n")
    nodes = await BACKEND.powers(slurm.context()).observe_nodes(["gpu01", "nosuch"])
    assert [node.name for node in nodes] == ["gpu01"]
    assert slurm.asked == [("scontrol", "show", "node", "-d", "-o", "gpu01,nosuch")]


async def test_many_nodes_are_picked_from_one_listing() -> None:
    slurm = RecordedSlurm()
    names = [f"gpu{number:02}" for number in range(1, 40)]
    nodes = await BACKEND.powers(slurm.context()).observe_nodes(names)
    assert [node.name for node in nodes] == ["gpu01", "gpu02", "gpu03", "gpu04"]
    assert slurm.asked == [("scontrol", "show", "node", "-d", "-o")]


async def test_no_name_asks_nothing() -> None:
    slurm = RecordedSlurm()
    backend = BACKEND.powers(slurm.context())
    assert await backend.observe_nodes([]) == ()
    assert await backend.observe_jobs([]) == ()
    assert slurm.asked == []


async def test_jobs_that_are_gone_are_left_out() -> None:
    slurm = RecordedSlurm()
    slurm.say["squeue"] = failed("slurm_load_jobs error: Invalid job id specified")
    assert await BACKEND.powers(slurm.context()).observe_jobs(["9999"]) == ()


async def test_a_reading_that_fails_is_an_error_and_not_an_empty_cluster() -> None:
    slurm = RecordedSlurm()
    backend = BACKEND.powers(slurm.context())
    slurm.say["node"] = failed("slurm_load_node error: Unable to contact slurm controller (connect failure)")
    slurm.say["squeue"] = failed("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    with pytest.raises(Unreachable):
        await backend.observe_nodes(["gpu01"])
    with pytest.raises(Unreachable):
        await backend.observe_jobs(["1"])
    with pytest.raises(Unreachable):
        await backend.observe()


async def test_a_picture_holds_everything_with_details() -> None:
    picture = await BACKEND.powers(RecordedSlurm().context()).observe()
    assert (len(picture.nodes), len(picture.queues)) == (5, 2)
    assert next(job for job in picture.jobs if job.id == "2").gpu_map == (("gpu01", (4, 5)), ("gpu02", (0, 1)))
