"""What a job's processes do with a signal, and what lies in its checkpoint directory."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from crashcart.backends.contract import CheckpointFile, CommandRunner, SignalTarget
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable
from crashcart.backends.model import Job
from crashcart.backends.text import clean

from .client import SlurmClient
from .fields import expand, lines

SIGNAL_BITS = {"HUP": 0, "INT": 1, "USR1": 9, "USR2": 11, "TERM": 14, "CONT": 17}
"""Bit of each signal in SigCgt of /proc/PID/status: its number on Linux, less one."""

TRACKERS = frozenset({"latest", "latest_checkpointed_iteration.txt"})
"""Small files that name the newest complete checkpoint: DeepSpeed's and Megatron-LM's."""

BASH_CATCHES_ALL = sum(1 << number - 1 for number in (24, 25, 26, 31))  # XCPU XFSZ VTALRM SYS
"""bash with an EXIT trap, or after `read`, catches every signal that ends a program, and ends all the same. No program
handles these four for its own sake, so where all are caught nothing is known about the others."""

DEEPEST = 4
MOST_PROCESSES = 64


def first_node(job: Job) -> str | None:
    """The node that runs the batch script; None for a job without nodes."""
    return expand(job.node_list)[0] if job.node_list else None


async def caught_signals(
    client: SlurmClient, on_node: Callable[[str], CommandRunner], job: Job, host: str, target: SignalTarget
) -> frozenset[str] | None:
    """Signals that every process handles which `target` reaches on `host`; None when that cannot be read."""
    words = client.argv("scontrol", "listpids", job.raw_id, host)
    try:
        runner = on_node(host)
        listed = await runner.run(words, timeout=10.0, env=client.env())
        numbers = _process_ids(listed.stdout, target) if listed.state == "ok" else []
        if not numbers:
            return None
        paths = [f"/proc/{number}/status" for number in numbers[:MOST_PROCESSES]]
        told = await runner.run(["grep", "-h", "SigCgt", *paths], timeout=10.0)
    except BackendError:
        return None
    masks = [int(found, 16) for found in re.findall(rb"SigCgt:\s*([0-9a-f]{1,16})", told.stdout)]
    if not masks or any(mask & BASH_CATCHES_ALL == BASH_CATCHES_ALL for mask in masks):
        return None
    return frozenset(name for name, bit in SIGNAL_BITS.items() if all(mask >> bit & 1 for mask in masks))


def _process_ids(raw: bytes, target: SignalTarget) -> list[int]:
    """Processes that a signal reaches, from the columns PID JOBID STEPID LOCALID of `scontrol listpids`.

    `scancel --batch` signals the script alone (it has a LOCALID, its children have `-`); without it every process of
    the steps is signalled.
    """
    found: list[int] = []
    for line in lines(raw):
        columns = line.split()
        if len(columns) < 4 or not columns[0].isdigit():
            continue
        is_batch = columns[2] == "batch"
        reached = is_batch and columns[3].isdigit() if target == "batch" else not is_batch and columns[2] != "extern"
        if reached:
            found.append(int(columns[0]))
    return found


async def files(runner: CommandRunner, directory: str) -> tuple[CheckpointFile, ...]:
    """Files below `directory` with size and time, small trackers with their text."""
    shown = clean(directory, limit=120)
    if not directory.startswith("/") or "\0" in directory or ".." in PurePosixPath(directory).parts:
        raise Malformed(f"checkpoint directory {shown!r} is not an absolute path")
    argv = ["find", directory, "-mindepth", "1", "-maxdepth", str(DEEPEST), "-type", "f", "-printf", r"%T@\t%s\t%P\0"]
    result = await runner.run(argv, timeout=30.0)
    if result.state != "ok":
        text = f"{shown} on {runner.where} cannot be read: {result.detail}"
        raise Denied(text) if b"Permission denied" in result.stderr else Unreachable(text)
    if result.truncated:
        raise Malformed(f"{shown} on {runner.where} holds too many files; name a directory of this job alone")
    found = [_file(line) for line in result.stdout.decode("utf-8", "backslashreplace").split("\0") if line]
    return tuple([await _with_text(runner, directory, file) for file in found])


def _file(line: str) -> CheckpointFile:
    modified, tab, rest = line.partition("\t")
    size, second, path = rest.partition("\t")
    if not (tab and second and re.match(r"\d{1,18}\Z", size) and re.match(r"-?\d{1,12}(\.\d+)?\Z", modified)):
        raise Malformed(f"not a line of find: {clean(line, limit=120)}")
    return CheckpointFile(clean(path, limit=1024), int(size), float(modified))


async def _with_text(runner: CommandRunner, directory: str, file: CheckpointFile) -> CheckpointFile:
    if file.path not in TRACKERS or file.size_bytes > 256:
        return file
    read = await runner.run(["cat", f"{directory}/{file.path}"], timeout=10.0, limit=256)
    text = clean(read.stdout, limit=256).replace("␊", "").strip() if read.state == "ok" else None
    return CheckpointFile(file.path, file.size_bytes, file.modified, text)
