"""Commands in containers: signals, what handles them, checkpoints and logs; an error on channel 3 is never success."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from crashcart.backends.errors import Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.backends.model import Job
from tests.fakes.kubeapi.objects.jobs import job
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.roles import binding, role, rule, user

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import powers_of

DIRECTORY = "/ckpt/llm"
FIND = f"find {DIRECTORY} *-printf*"
CATCHES = "/proc/1/status:Name:\tpython\n/proc/1/status:SigCgt:\t0000000000000201\n"  # HUP and USR1


@pytest.fixture
def powers(kubernetes: KubernetesCluster) -> Iterator[KubernetesPowers]:
    kubernetes.control  # noqa: B018 - what containers say is scripted
    kubernetes.make_nodes(1)
    kubernetes.create(job("llm", pods=2, gpus=1))
    kubernetes.running("app=llm", 2)
    with powers_of(kubernetes) as made:
        yield made


async def look(powers: KubernetesPowers, name: str = "llm") -> Job:
    (found,) = await powers.observe_jobs([f"train/{name}"])
    return found


def commands(kubernetes: KubernetesCluster) -> list[tuple[str, list[str]]]:
    return sorted((one["container"], one["command"]) for one in kubernetes.control.commands())


# signals


async def test_every_pod_of_a_job_is_signalled(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    await look(powers)
    change = powers.signal("train/llm", "USR1", "batch")
    result = await powers.apply(change, timeout=20)

    assert (result.state, result.detail) == ("ok", "2 pods signalled")
    assert commands(kubernetes) == [("main", ["sh", "-c", "kill -USR1 1"])] * 2
    assert change.text.startswith("for pod in llm-") and change.text.endswith("-- sh -c 'kill -USR1 1'; done")


async def test_a_job_of_one_pod_reads_as_one_command(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.create(pod("solo", gpus=1, labels={"app": "solo"}, containers=("trainer", "sidecar")))
    kubernetes.running("app=solo", 1)
    await look(powers, "solo.pod")
    change = powers.signal("train/solo.pod", "TERM", "steps")

    assert change.text.endswith("-n train exec solo -c trainer -- sh -c 'kill -TERM -- -1'")
    assert (await powers.apply(change, timeout=20)).state == "ok"
    assert commands(kubernetes) == [("trainer", ["sh", "-c", "kill -TERM -- -1"])]


async def test_a_signal_that_saves_nothing_is_refused(powers: KubernetesPowers) -> None:
    await look(powers)
    with pytest.raises(Malformed, match="'KILL' is not one of"):
        powers.signal("train/llm", "KILL", "batch")


async def test_a_job_without_a_running_pod_cannot_be_signalled(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    kubernetes.create(job("big", gpus=64))
    await look(powers, "big")
    with pytest.raises(Unsupported, match="train/big has no running pod"):
        powers.signal("train/big", "USR1", "batch")


async def test_the_process_that_the_pod_names_is_signalled(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    kubernetes.create(pod("wrapped", gpus=1, labels={"app": "w"}, annotations={"crashcart.io/checkpoint-pid": "7"}))
    kubernetes.running("app=w", 1)
    kubernetes.control.answer_command("grep *", stdout=CATCHES.replace("/proc/1/", "/proc/7/"))
    found = await look(powers, "wrapped.pod")

    assert powers.signal("train/wrapped.pod", "USR1", "batch").text.endswith("-- sh -c 'kill -USR1 7'")
    assert await powers.caught_signals(found, "batch") == frozenset({"HUP", "USR1"})


@pytest.mark.parametrize("shared", ["hostPID", "shareProcessNamespace"])
async def test_a_signal_never_leaves_the_container(
    powers: KubernetesPowers, kubernetes: KubernetesCluster, shared: str
) -> None:
    made = pod("open", gpus=1, labels={"app": "open"})
    kubernetes.create({**made, "spec": {**made["spec"], shared: True}})
    kubernetes.running("app=open", 1)
    await look(powers, "open.pod")
    with pytest.raises(Unsupported, match="train/open does not have its process ids for itself"):
        powers.signal("train/open.pod", "USR1", "batch")


async def test_a_command_that_fails_says_how(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.answer_command("sh -c kill *", stderr="kill: (1): Operation not permitted\n", code=1)
    await look(powers)
    result = await powers.apply(powers.signal("train/llm", "USR1", "batch"), timeout=20)

    assert result.state == "failed"
    assert result.detail.startswith("0 of 2 pods signalled; llm-")
    assert "kill: (1): Operation not permitted" in result.detail


async def test_a_kubelet_that_cannot_be_reached_ran_nothing(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    await look(powers)
    kubernetes.control.kubelet_down("gpu-0000")
    with pytest.raises(Unreachable, match="its kubelet cannot be reached: error dialing backend: dial tcp"):
        await powers.apply(powers.signal("train/llm", "USR1", "batch"), timeout=20)


async def test_one_pod_that_is_gone_is_named(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    await look(powers)
    change = powers.signal("train/llm", "USR1", "batch")
    gone = kubernetes.items("pods")[0]["metadata"]["name"]
    kubernetes.control.hold("jobs")
    kubernetes.control.remove("pods", gone, "train")
    result = await powers.apply(change, timeout=20)

    assert result.state == "failed"
    assert result.detail.startswith(f"1 of 2 pods signalled; {gone}: ")
    assert f'pods "{gone}" not found' in result.detail


async def test_a_server_that_freezes_in_the_middle_leaves_it_open(
    powers: KubernetesPowers, kubernetes: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crashcart.backends.kubernetes.signals._SECONDS", 2.0)
    kubernetes.control.answer_command("sh -c kill *", seconds=1.0)
    await look(powers)
    signalling = asyncio.create_task(powers.apply(powers.signal("train/llm", "USR1", "batch"), timeout=20))
    await asyncio.to_thread(kubernetes.until, lambda: len(kubernetes.control.commands()) == 2, "two commands")
    kubernetes.control.freeze()
    try:
        result = await signalling
    finally:
        kubernetes.control.heal()

    assert result.state == "unknown"
    assert "no end within 2 s" in result.detail


async def test_a_viewer_is_refused_in_the_words_of_the_server(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    with powers_of(kubernetes, "viewer") as others:
        await look(others)
        with pytest.raises(Denied, match='User "viewer" cannot get resource "pods/exec" in API group ""'):
            await others.apply(others.signal("train/llm", "USR1", "batch"), timeout=20)


async def test_get_without_create_is_explained_where_the_server_is_silent(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    half = [
        role("looker", [rule(["get"], [""], ["pods/exec"])], "train"),
        binding("b", "looker", [user("viewer")], "train"),
    ]
    kubernetes.control.load(half)
    with powers_of(kubernetes, "viewer") as others:
        await look(others)
        with pytest.raises(Denied, match=r"is forbidden:.*get and create on pods/exec are needed"):
            await others.apply(others.signal("train/llm", "USR1", "batch"), timeout=20)
        why = await others.refusal("checkpoint", "train/llm")
        assert why == 'User "viewer" cannot create resource "pods/exec" in API group "" in the namespace "train"'


# who handles a signal


async def test_signals_that_process_1_handles_are_read(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.answer_command("grep *", stdout=CATCHES)
    assert await powers.caught_signals(await look(powers), "batch") == frozenset({"HUP", "USR1"})


async def test_signals_of_the_others_are_those_that_all_of_them_handle(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    kubernetes.control.answer_command(
        "find /proc *",
        stdout=CATCHES
        + "/proc/7/status:Name:\tpython\n/proc/7/status:SigCgt:\t0000000000000600\n"
        + "/proc/8/status:Name:\tpython\n/proc/8/status:SigCgt:\t0000000000000a00\n"
        + "/proc/9/status:Name:\tgrep\n/proc/9/status:SigCgt:\t0000000000000000\n"
        + "/proc/10/status:Name:\tfind\n/proc/10/status:SigCgt:\t0000000000000000\n",
    )
    assert await powers.caught_signals(await look(powers), "steps") == frozenset({"USR1"})


@pytest.mark.parametrize(
    "said", ["", "/proc/1/status:Name:\tbash\n/proc/1/status:SigCgt:\t00000000ffffffff\n", "no such thing\n"]
)
async def test_what_tells_nothing_is_not_known(
    powers: KubernetesPowers, kubernetes: KubernetesCluster, said: str
) -> None:
    kubernetes.control.answer_command("grep *", stdout=said)
    assert await powers.caught_signals(await look(powers), "batch") is None


async def test_a_container_without_grep_is_not_known(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.kubelet_down("gpu-0000")
    assert await powers.caught_signals(await look(powers), "batch") is None


# checkpoints


async def test_checkpoints_are_listed_with_their_trackers(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    rows = "".join(f"{row}\0" for row in ("1795597000.5\t1024\tglobal_step10/mp_rank_00", "1795597001.0\t13\tlatest"))
    kubernetes.control.answer_command(FIND, stdout=rows)
    kubernetes.control.answer_command(f"cat {DIRECTORY}/latest", stdout="global_step10\n")
    found = await powers.checkpoint_files(await look(powers), DIRECTORY)

    assert [(one.path, one.size_bytes, one.modified, one.text) for one in found] == [
        ("global_step10/mp_rank_00", 1024, 1795597000.5, None),
        ("latest", 13, 1795597001.0, "global_step10"),
    ]


async def test_busybox_lists_them_as_well(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.answer_command("find * -exec stat *", stdout=f"1795597000\t7\t{DIRECTORY}/step 5/a\n")
    kubernetes.control.answer_command(FIND, stderr="find: unrecognized: -printf\n", code=1)
    (found,) = await powers.checkpoint_files(await look(powers), DIRECTORY)
    assert (found.path, found.size_bytes, found.modified) == ("step 5/a", 7, 1795597000.0)


@pytest.mark.parametrize(
    ("stderr", "error"),
    [("find: '/ckpt/llm': Permission denied\n", Denied), ("find: '/ckpt/llm': No such file\n", Unreachable)],
)
async def test_a_directory_that_cannot_be_read_is_said_to_be_so(
    powers: KubernetesPowers, kubernetes: KubernetesCluster, stderr: str, error: type[Exception]
) -> None:
    kubernetes.control.answer_command(FIND, stderr=stderr, code=1)
    with pytest.raises(error, match=r"/ckpt/llm in pod train/llm-.* cannot be read: find: "):
        await powers.checkpoint_files(await look(powers), DIRECTORY)


@pytest.mark.parametrize("directory", ["ckpt", "/ckpt/../etc", "/ckpt\0x"])
async def test_only_plain_directories_are_looked_into(powers: KubernetesPowers, directory: str) -> None:
    with pytest.raises(Malformed, match="is not an absolute path"):
        await powers.checkpoint_files(await look(powers), directory)


async def test_rows_that_are_none_are_not_guessed_at(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.answer_command(FIND, stdout="OCI runtime exec failed\0")
    with pytest.raises(Malformed, match="not a line of find"):
        await powers.checkpoint_files(await look(powers), DIRECTORY)


# logs


async def test_the_last_lines_of_the_first_pod_are_read(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    names = sorted(one["metadata"]["name"] for one in kubernetes.items("pods"))
    kubernetes.control.write_log("train", names[0], [f"step {number}" for number in range(10)])
    assert await powers.log_tail(await look(powers), lines=3) == "step 7\nstep 8\nstep 9\n"


async def test_a_log_that_the_kubelet_keeps_is_said_to_be_out_of_reach(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    found = await look(powers)
    kubernetes.control.kubelet_down("gpu-0000")
    with pytest.raises(Unreachable, match=r"answers 500: Get .*no such host"):
        await powers.log_tail(found, lines=3)


async def test_a_job_without_pods_has_printed_nothing_that_is_left(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    kubernetes.create(job("held", gpus=1, suspend=True))
    found = await look(powers, "held")
    with pytest.raises(Unsupported, match="train/held has no pod"):
        await powers.log_tail(found, lines=3)
