"""What feed and powers say to the simulated cluster: u32 little-endian length, then one msgpack value.

One question, one answer. A poll names the revision it has and gets only what changed since.
"""

from __future__ import annotations

import struct

import msgspec

from crashcart.backends.model import AnyEntity, Job, Node, Queue

PROTOCOL = 1
HEAD = struct.Struct("<I")
REQUEST_LIMIT = 1 << 20
REPLY_LIMIT = 256 << 20


class Poll(msgspec.Struct, frozen=True, array_like=True, tag="poll"):
    """What changed since `revision` of the simulation that called itself `epoch`; 0 and 0 ask for everything."""

    epoch: int
    revision: int


class Observe(msgspec.Struct, frozen=True, array_like=True, tag="observe"):
    """The named nodes and jobs as they are now; None stands for all of them."""

    nodes: tuple[str, ...] | None
    jobs: tuple[str, ...] | None


class Run(msgspec.Struct, frozen=True, array_like=True, tag="run"):
    """A command on a node, or on the login node when `host` is empty."""

    host: str
    user: str
    argv: tuple[str, ...]


class AskSignals(msgspec.Struct, frozen=True, array_like=True, tag="signals"):
    """Which signals the processes of a job handle."""

    job: str


class AskFiles(msgspec.Struct, frozen=True, array_like=True, tag="files"):
    """The files below a directory, as a job's node sees them."""

    job: str
    directory: str


Request = Poll | Observe | Run | AskSignals | AskFiles


class News(msgspec.Struct, frozen=True, array_like=True, tag="news"):
    """Answer to Poll. `whole`: everything is listed. Columns that are left out are as they were."""

    epoch: int
    revision: int
    when: float
    whole: bool
    entities: tuple[AnyEntity, ...]
    gone: tuple[tuple[str, str], ...]  # kind, name
    hosts: tuple[str, ...] | None
    counts: tuple[int, ...] | None
    columns: dict[str, memoryview]


class Seen(msgspec.Struct, frozen=True, array_like=True, tag="seen"):
    """Answer to Observe."""

    when: float
    nodes: tuple[Node, ...]
    jobs: tuple[Job, ...]
    queues: tuple[Queue, ...]


class Ran(msgspec.Struct, frozen=True, array_like=True, tag="ran"):
    """Answer to Run. `unreachable` says why the host could not be reached; then nothing ran."""

    exit_status: int
    stdout: str = ""
    stderr: str = ""
    unreachable: str = ""


class Caught(msgspec.Struct, frozen=True, array_like=True, tag="caught"):
    """Answer to AskSignals; None when there is no process to ask."""

    signals: tuple[str, ...] | None


class File(msgspec.Struct, frozen=True, array_like=True):
    """One file below the directory that was asked for; `text` of small tracker files."""

    path: str
    size_bytes: int
    modified: float
    text: str | None = None


class Files(msgspec.Struct, frozen=True, array_like=True, tag="files"):
    """Answer to AskFiles; `why` is set when they could not be listed."""

    files: tuple[File, ...]
    why: str = ""


Reply = News | Seen | Ran | Caught | Files

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def packed(message: Request | Reply) -> bytes:
    """The bytes of one message on the socket."""
    body = encode(message)
    return HEAD.pack(len(body)) + body
