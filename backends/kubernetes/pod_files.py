"""What lies in a job's checkpoint directory, as its first pod sees it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from crashcart.backends.contract import CheckpointFile, CommandResult
from crashcart.backends.errors import Denied, Malformed, Unreachable
from crashcart.backends.text import clean

from .exec_stream import PodCommands

TRACKERS = frozenset({"latest", "latest_checkpointed_iteration.txt"})
"""Small files that name the newest complete checkpoint: DeepSpeed's and Megatron-LM's."""

DEEPEST = 4
_LIMIT = 16 << 20
_NO_PRINTF = (b"unrecognized: -printf", b"unknown predicate")
_NUMBERS = re.compile(r"(-?\d{1,12}(?:\.\d+)?)\t(\d{1,18})\t(.*)\Z", re.DOTALL)


async def files(commands: PodCommands, directory: str) -> tuple[CheckpointFile, ...]:
    """Files below `directory` with size and time, small trackers with their text. Raises BackendError."""
    shown = clean(directory, limit=120)
    if not directory.startswith("/") or "\0" in directory or ".." in PurePosixPath(directory).parts:
        raise Malformed(f"checkpoint directory {shown!r} is not an absolute path")
    result, end = await _found(commands, directory)
    if result.state != "ok":
        said = clean(" ".join(result.stderr.decode("utf-8", "replace").split()), limit=240)
        text = f"{shown} in {commands.where} cannot be read: {result.detail or said or 'find failed'}"
        raise Denied(text) if b"Permission denied" in result.stderr else Unreachable(text)
    if result.truncated:
        raise Malformed(f"{shown} in {commands.where} holds too many files; name a directory of this job alone")
    lines = [line for line in result.stdout.decode("utf-8", "backslashreplace").split(end) if line]
    return tuple([await _with_text(commands, directory, _file(line, directory)) for line in lines])


async def _found(commands: PodCommands, directory: str) -> tuple[CommandResult, str]:
    """The listing, and what ends each of its lines; busybox has no -printf, and stat then writes the same."""
    start = ["find", directory, "-mindepth", "1", "-maxdepth", str(DEEPEST), "-type", "f"]
    result = await commands.run([*start, "-printf", r"%T@\t%s\t%P\0"], timeout=30.0, limit=_LIMIT)
    if result.state == "failed" and any(sign in result.stderr for sign in _NO_PRINTF):
        return await commands.run(
            [*start, "-exec", "stat", "-c", "%Y\t%s\t%n", "{}", "+"], timeout=30.0, limit=_LIMIT
        ), "\n"
    return result, "\0"


def _file(line: str, directory: str) -> CheckpointFile:
    match = _NUMBERS.match(line)
    if match is None:
        raise Malformed(f"not a line of find: {clean(line, limit=120)}")
    path = match[3].removeprefix(f"{directory.rstrip('/')}/")
    return CheckpointFile(clean(path, limit=1024), int(match[2]), float(match[1]))


async def _with_text(commands: PodCommands, directory: str, file: CheckpointFile) -> CheckpointFile:
    if file.path not in TRACKERS or file.size_bytes > 256:
        return file
    read = await commands.run(["cat", f"{directory}/{file.path}"], timeout=10.0, limit=256)
    text = clean(read.stdout, limit=256).replace("␊", "").strip() if read.state == "ok" else None
    return CheckpointFile(file.path, file.size_bytes, file.modified, text)
