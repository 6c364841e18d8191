"""Checkpoint: no signal that would kill, and no claim without a new complete checkpoint on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from crashcart.backends.contract import CheckpointFile
from crashcart.ops.actions.base import BadParams, CannotAct
from crashcart.ops.actions.checkpoint_profile import Layout, Profile, profile_of
from crashcart.ops.actions.checkpoint_proof import judge, listing
from crashcart.ops.audit import open_actions
from crashcart.ops.protocol import Finished
from tests.unit.runner_desk import Desk
from tests.unit.small_cluster import NOW, SmallCluster, job, node

GB = 10**9


def saved(layout: str, step: int, files: int = 4, size: int = GB, done: bool = True) -> list[CheckpointFile]:
    """A checkpoint as a framework leaves it below `/ckpt`."""
    top = {
        "megatron": f"iter_{step:07}",
        "deepspeed": f"global_step{step}",
        "hf": f"checkpoint-{step}",
        "torchtitan": f"step-{step}",
        "any": f"save-{step}",
    }[layout]
    found = [CheckpointFile(f"{top}/rank_{rank}.pt", size, NOW + step) for rank in range(files)]
    if done and layout == "megatron":
        found.append(CheckpointFile("latest_checkpointed_iteration.txt", 3, NOW, f"{step}\n"))
    if done and layout == "deepspeed":
        found.append(CheckpointFile("latest", 3, NOW, f"global_step{step}\n"))
    if layout in ("hf", "torchtitan") and done:
        found.append(
            CheckpointFile(f"{top}/{ {'hf': 'trainer_state.json', 'torchtitan': '.metadata'}[layout] }", 1, NOW)
        )
    return found


def verdict(before: list[CheckpointFile], *looks: list[CheckpointFile], layout: Layout = "any"):  # type: ignore[no-untyped-def]
    first = listing(before, "/ckpt", layout)
    previous = listing(looks[-2], "/ckpt", layout) if len(looks) > 1 else None
    return judge(first, previous, listing(looks[-1], "/ckpt", layout))


@pytest.mark.parametrize("layout", ["megatron", "deepspeed", "hf", "torchtitan", "any"])
@pytest.mark.parametrize("told", [True, False])
def test_a_complete_new_checkpoint_that_stays_the_same_has_landed(layout: Layout, told: bool) -> None:
    old, new = saved(layout, 100), saved(layout, 200)

    found = verdict(old, old + new, old + new, layout=layout if told else "any")

    assert (found.state, found.reasons) == ("LANDED", ())
    assert "4.0 GB" in found.text or "5 files" in found.text


@pytest.mark.parametrize(
    ("old", "looks", "state", "why"),
    [
        (saved("megatron", 100), [saved("megatron", 100)], "WAITING", ""),
        (saved("hf", 100), [saved("hf", 100) + saved("hf", 200)], "IN PROGRESS", "still growing"),
        (
            saved("hf", 1),
            [saved("hf", 1) + saved("hf", 2, 2), saved("hf", 1) + saved("hf", 2)],
            "IN PROGRESS",
            "still growing",
        ),
        (saved("megatron", 100), [saved("megatron", 200, done=False)] * 2, "IN PROGRESS", "iteration.txt says nothing"),
        (saved("deepspeed", 1), [saved("deepspeed", 2, done=False)] * 2, "IN PROGRESS", "latest says nothing"),
        (saved("hf", 100), [saved("hf", 200, done=False)] * 2, "IN PROGRESS", "trainer_state.json is missing"),
        (saved("hf", 100), [saved("hf", 200, files=3)] * 2, "IN PROGRESS", "4 of 5 files"),
        (saved("hf", 100), [saved("hf", 200, size=GB // 2)] * 2, "IN PROGRESS", "% of the last one's bytes"),
        (saved("hf", 300), [saved("hf", 200)] * 2, "IN PROGRESS", "step 200 is not beyond 300"),
        ([], [[CheckpointFile("slurm-42.out", 10, NOW)]] * 2, "WAITING", ""),
        (
            saved("hf", 100),
            [[*saved("hf", 200), CheckpointFile("checkpoint-200/checkpoint-is-incomplete.txt", 1, NOW)]] * 2,
            "IN PROGRESS",
            "checkpoint-is-incomplete.txt is there",
        ),
    ],
)
def test_anything_less_is_not_proved_and_says_why(
    old: list[CheckpointFile], looks: list[list[CheckpointFile]], state: str, why: str
) -> None:
    found = verdict(old, *looks)

    assert found.state == state
    assert why in "; ".join(found.reasons)


def test_a_trainer_that_died_after_three_of_four_shards_is_not_proved() -> None:
    old = saved("megatron", 100)
    half = [*old, *saved("megatron", 101, files=3, done=False)]

    assert verdict(old, half, half, layout="megatron").reasons == (
        "latest_checkpointed_iteration.txt says 100",
        "3 of 4 files",
        "75 % of the last one's bytes",
    )


def test_absolute_paths_are_taken_below_the_directory() -> None:
    files = [CheckpointFile("/ckpt/checkpoint-7/trainer_state.json", 1, NOW)]

    assert list(listing(files, "/ckpt", "hf").checkpoints) == ["checkpoint-7"]


# profiles


def test_the_first_matching_profile_of_the_site_is_taken() -> None:
    entries: list[dict[str, object]] = [
        {"match_partition": "debug", "signal": "USR2"},
        {
            "match_user": "b*",
            "signal": "TERM",
            "target": "steps",
            "continues": False,
            "directory": "{work_dir}/ckpt/{id}",
        },
        {"signal": "HUP"},
    ]

    profile = profile_of(job("41"), entries, {})

    assert profile.signal == "TERM"
    assert (profile.target, profile.continues, profile.directory) == ("steps", False, "/home/bob/ckpt/41")
    assert profile.origin == "checkpoint profile 2 of the configuration"


def test_a_comment_of_the_job_goes_before_the_site_and_the_operator_before_both() -> None:
    commented = replace(
        job("41"), comment="eval crashcart-ckpt:signal=USR2,target=steps,dir=/scratch/x,layout=megatron"
    )
    site = [{"signal": "TERM", "seconds": 600}]

    assert profile_of(commented, site, {}) == Profile(
        "USR2", "steps", None, "/scratch/x", "megatron", 600.0, "the job's comment"
    )
    assert profile_of(commented, site, {"signal": "sigusr1", "reason": "x"}).signal == "USR1"


def test_without_any_profile_it_is_a_guess() -> None:
    assert profile_of(job("41"), (), {}) == Profile()


@pytest.mark.parametrize(
    "comment",
    [
        "crashcart-ckpt:signal=KILL",
        "crashcart-ckpt:signal=USR1,dir=relative",
        "crashcart-ckpt:dir=/a/../etc",
        "crashcart-ckpt:dir=/x;id",
        "crashcart-ckpt:exec=rm",
        "crashcart-ckpt:",
    ],
)
def test_a_comment_that_could_do_harm_is_refused(comment: str) -> None:
    with pytest.raises(CannotAct, match="checkpoint profile of job 41"):
        profile_of(replace(job("41"), comment=comment), (), {})


def test_a_wrong_parameter_of_the_operator_is_told_as_such() -> None:
    with pytest.raises(BadParams, match="checkpoint"):
        profile_of(job("41"), (), {"signal": "KILL"})


# the verb


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    cluster = SmallCluster(nodes=[node("gpu001", "ALLOCATED")], jobs=[job("41")])
    cluster.files = saved("hf", 100)
    return Desk(cluster, tmp_path)


async def test_a_checkpoint_is_verified_when_it_has_landed(desk: Desk) -> None:
    desk.cluster.on_signal = lambda: desk.cluster.files.extend(saved("hf", 200))
    plan = await desk.previews("checkpoint", "41", directory="/ckpt", layout="hf")
    assert plan.targets[0].commands == ("scancel --signal=USR1 --batch 41",)

    finished = await desk.confirms(plan)

    assert isinstance(finished, Finished)
    assert finished.state == "VERIFIED"
    assert finished.results[0].seen == "LANDED checkpoint-200: 5 files, 4.0 GB"


async def test_a_job_that_does_not_handle_the_signal_is_not_signalled(desk: Desk) -> None:
    desk.cluster.caught = frozenset({"TERM"})

    refused = await desk.is_refused("checkpoint", "41", directory="/ckpt")

    assert refused.code == "unavailable"
    assert refused.why == "job 41 does not handle SIGUSR1: the signal would kill it (it handles: TERM)"
    assert desk.cluster.applied == []


async def test_a_guess_and_unread_handlers_are_warned_of(desk: Desk) -> None:
    desk.cluster.caught = None

    warnings = "; ".join((await desk.previews("checkpoint", "41")).targets[0].warnings)

    assert "no checkpoint profile covers this job" in warnings
    assert "a program that does not is killed by it" in warnings
    assert "runs on afterwards is not known" in warnings


async def test_without_a_directory_it_is_signalled_but_not_proven_and_not_left_open(desk: Desk) -> None:
    finished = await desk.does("checkpoint", "41")
    await desk.runner.settle()

    assert finished.state == "UNKNOWN"
    assert finished.results[0].detail == "signalled, not proven: no checkpoint directory is known"
    assert open_actions(desk.audit_file) == ()


async def test_a_checkpoint_that_never_comes_is_not_proved_and_never_signalled_twice(desk: Desk) -> None:
    finished = await desk.does("checkpoint", "41", directory="/ckpt", seconds="20")

    assert finished.state == "UNKNOWN"
    assert finished.results[0].detail == "NOT PROVED: no new checkpoint (after 20 s)"
    assert len(desk.cluster.applied) == 1


async def test_a_slow_checkpoint_is_verified_later(desk: Desk) -> None:
    finished = await desk.does("checkpoint", "41", directory="/ckpt", seconds="20")
    assert finished.state == "UNKNOWN"
    desk.cluster.files.extend(saved("hf", 200))
    await desk.runner.settle()

    news = desk.answers.sent[-1]
    assert isinstance(news, Finished)
    assert news.state == "VERIFIED"


async def test_a_directory_that_cannot_be_read_stops_it_before_the_signal(desk: Desk) -> None:
    plan = await desk.previews("checkpoint", "41", directory="/ckpt")

    desk.cluster.directory_is_gone = True
    finished = await desk.confirms(plan)

    assert isinstance(finished, Finished)
    assert (finished.state, finished.results[0].detail) == ("FAILED", "nothing was sent: small: no such directory")
    assert desk.cluster.applied == []
