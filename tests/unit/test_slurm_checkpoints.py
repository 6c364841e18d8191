"""What is read of a job's processes and files, when Slurm's commands run here and when they run on a login node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from crashcart.backends.contract import CheckpointFile, CommandResult, CommandRunner, Context
from crashcart.backends.errors import Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.local import LocalRunner
from crashcart.backends.slurm import BACKEND
from crashcart.backends.slurm.checkpoints import files
from crashcart.backends.slurm.options import Options
from tests.entities import job

USR1, TERM = 1 << 9, 1 << 14
LISTED = b"PID      JOBID    STEPID   LOCALID GLOBALID\n100    1   batch    0       0\n101   1   batch    -     -\n"
STEPS = b"PID      JOBID    STEPID   LOCALID GLOBALID\n100    1   batch    0       0\n200   1   0    0     0\n"
NOT_HERE = CommandResult("failed", 1, b"", b"There are no steps for job 1 on node gpu001.")


def caught(*masks: int) -> CommandResult:
    return CommandResult("ok", 0, b"".join(f"SigCgt:\t{mask:016x}\n".encode() for mask in masks))


@dataclass
class Host:
    """A place that answers listpids, grep, find and cat with one text each."""

    where: str = "local"
    says: Mapping[str, CommandResult] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - the contract's
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        self.asked.append(tuple(argv))
        known = next(word for word in argv if word in ("listpids", "grep", "find", "cat"))
        return self.says[known]


@dataclass
class Places:
    """Links to hosts by how they are reached; others are not offered."""

    hosts: Mapping[str, Host]

    def runner(self, via: str) -> CommandRunner:
        if via not in self.hosts:
            raise Unsupported(f"no way to {via}")
        return self.hosts[via]

    def context(self, via: str = "local", ssh_host: str = "{node}") -> Context:
        return Context("a100", Options(via=via), self, {"ssh_host": ssh_host})


RUNNING = job("1", node_list="gpu[001-002]")


async def test_only_the_script_counts_where_only_the_script_is_signalled() -> None:
    here = Host(says={"listpids": CommandResult("ok", 0, LISTED), "grep": caught(USR1 | TERM)})
    powers = BACKEND.powers(Places({"local": here}).context())
    assert await powers.caught_signals(RUNNING, "batch") == frozenset({"USR1", "TERM"})
    assert here.asked == [
        ("scontrol", "listpids", "1", "gpu001"),
        ("grep", "-h", "SigCgt", "/proc/100/status"),
    ]


async def test_steps_are_all_processes_but_the_script_and_every_one_must_handle_it() -> None:
    here = Host(says={"listpids": CommandResult("ok", 0, STEPS), "grep": caught(USR1 | TERM, TERM)})
    powers = BACKEND.powers(Places({"local": here}).context())
    assert await powers.caught_signals(RUNNING, "steps") == frozenset({"TERM"})
    assert here.asked[-1] == ("grep", "-h", "SigCgt", "/proc/200/status")


async def test_a_login_node_asks_the_jobs_node_over_ssh() -> None:
    login = Host(says={"listpids": NOT_HERE})
    node = Host("ssh:gpu001.ib", {"listpids": CommandResult("ok", 0, LISTED), "grep": caught(USR1)})
    powers = BACKEND.powers(Places({"local": login, "ssh:gpu001.ib": node}).context(ssh_host="{node}.ib"))
    assert await powers.caught_signals(RUNNING, "batch") == frozenset({"USR1"})


async def test_slurm_over_ssh_asks_the_jobs_node_at_once() -> None:
    login, node = (
        Host("ssh:login1"),
        Host("ssh:gpu001", {"listpids": CommandResult("ok", 0, LISTED), "grep": caught(TERM)}),
    )
    powers = BACKEND.powers(Places({"ssh:login1": login, "ssh:gpu001": node}).context("ssh:login1"))
    assert await powers.caught_signals(RUNNING, "batch") == frozenset({"TERM"})
    assert login.asked == []


@pytest.mark.parametrize(
    "says",
    [
        {"listpids": NOT_HERE},
        {"listpids": CommandResult("ok", 0, b"PID JOBID STEPID LOCALID GLOBALID\n")},
        {"listpids": CommandResult("unknown", None)},
        {"listpids": CommandResult("ok", 0, LISTED), "grep": CommandResult("failed", 2)},
    ],
)
async def test_what_cannot_be_read_is_not_known(says: dict[str, CommandResult]) -> None:
    powers = BACKEND.powers(Places({"local": Host(says=says)}).context())
    assert await powers.caught_signals(RUNNING, "batch") is None


async def test_a_job_without_nodes_has_no_processes() -> None:
    here = Host()
    powers = BACKEND.powers(Places({"local": here}).context())
    assert await powers.caught_signals(job("1", state="PENDING", node_list=""), "batch") is None
    assert here.asked == []


FOUND = b"1795589000.5\t65536\titer_0000100/mp_rank_00/a\nb.pt\0001795589001.0\t3\tlatest_checkpointed_iteration.txt\0"


async def test_files_come_with_size_time_and_the_text_of_trackers() -> None:
    here = Host(says={"find": CommandResult("ok", 0, FOUND), "cat": CommandResult("ok", 0, b"100\n")})
    assert await files(here, "/ckpt") == (
        CheckpointFile("iter_0000100/mp_rank_00/a␊b.pt", 65536, 1795589000.5),
        CheckpointFile("latest_checkpointed_iteration.txt", 3, 1795589001.0, "100"),
    )
    assert here.asked[-1] == ("cat", "/ckpt/latest_checkpointed_iteration.txt")


async def test_files_are_seen_as_the_jobs_node_sees_them() -> None:
    node = Host("ssh:gpu001", {"find": CommandResult("ok", 0)})
    powers = BACKEND.powers(Places({"ssh:login1": Host(), "ssh:gpu001": node}).context("ssh:login1"))
    assert await powers.checkpoint_files(RUNNING, "/ckpt") == ()
    assert node.asked[0][:2] == ("find", "/ckpt")


@pytest.mark.parametrize("directory", ["ckpt", "", "-delete", "/a/../b", "/a\0b", "~/ckpt"])
async def test_only_absolute_directories_are_looked_at(directory: str) -> None:
    here = Host()
    with pytest.raises(Malformed, match="not an absolute path"):
        await files(here, directory)
    assert here.asked == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (CommandResult("failed", 1, b"", b"find: '/ckpt': Permission denied"), Denied),
        (CommandResult("failed", 1, b"", b"find: '/ckpt': No such file or directory"), Unreachable),
        (CommandResult("unknown", None), Unreachable),
        (CommandResult("ok", 0, b"1.0\t1\ta\0", truncated=True), Malformed),
        (CommandResult("ok", 0, b"what is this\0"), Malformed),
    ],
)
async def test_a_directory_that_cannot_be_read_is_an_error_and_not_empty(
    answer: CommandResult, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await files(Host(says={"find": answer}), "/ckpt")


async def test_real_find_is_understood(tmp_path: object) -> None:
    result = await LocalRunner().run(
        ("sh", "-c", f"cd {tmp_path} && mkdir -p 'i t' && echo 7 > latest && : > 'i t/x'"), timeout=5
    )
    assert result.state == "ok"
    found = {file.path: (file.size_bytes, file.text) for file in await files(LocalRunner(), str(tmp_path))}
    assert found == {"latest": (2, "7"), "i t/x": (0, None)}
