"""What feed and powers say to the simulated cluster: u32 little-endian length, then one msgpack value.

One question, one answer. A poll names the revision it has and gets only what changed since.
"""

from __future__ import annotations

import struct

import msgspec

from crashcart.backends.model import Alert, AnyEntity, Job, Node, Queue, Silence
from crashcart.backends.pods import Budget, Pod

PROTOCOL = 3
HEAD = struct.Struct("<I")
REQUEST_LIMIT = 1 << 20
REPLY_LIMIT = 256 << 20


class Poll(msgspec.Struct, frozen=True, array_like=True, tag="poll"):
    """What changed since `revision` of the simulation that called itself `epoch`; 0 and 0 ask for everything."""

    epoch: int
    revision: int
    kube_revision: int = 0


class Observe(msgspec.Struct, frozen=True, array_like=True, tag="observe"):
    """The named nodes and jobs as they are now; None stands for all of them."""

    nodes: tuple[str, ...] | None
    jobs: tuple[str, ...] | None


class ObserveKube(msgspec.Struct, frozen=True, array_like=True, tag="observe-kube"):
    """What Kubernetes has of the named nodes and jobs now; None stands for all of them."""

    nodes: tuple[str, ...] | None
    jobs: tuple[str, ...] | None


class ObserveAlerts(msgspec.Struct, frozen=True, array_like=True, tag="observe-alerts"):
    """All alerts and silences as they are now."""


class AskHistory(msgspec.Struct, frozen=True, array_like=True, tag="ask-history"):
    """What these machines, and the alerts, were like before now; unknown machines are left out."""

    hosts: tuple[str, ...]
    alerts: bool


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


Request = Poll | Observe | ObserveKube | ObserveAlerts | AskHistory | Run | AskSignals | AskFiles


class News(msgspec.Struct, frozen=True, array_like=True, tag="news"):
    """Answer to Poll. `whole`: everything is listed. Columns that are left out are as they were.

    `kube` and `kube_gone` are what Kubernetes lists, as `entities` and `gone` are what all others do.
    `seconds` is how long the answer took to make.
    """

    epoch: int
    revision: int
    when: float
    whole: bool
    entities: tuple[AnyEntity, ...]
    gone: tuple[tuple[str, str], ...]  # kind, name
    hosts: tuple[str, ...] | None
    counts: tuple[int, ...] | None
    columns: dict[str, memoryview]
    seconds: float = 0.0
    kube: tuple[AnyEntity, ...] = ()
    kube_gone: tuple[tuple[str, str], ...] = ()
    kube_revision: int = 0


class Seen(msgspec.Struct, frozen=True, array_like=True, tag="seen"):
    """Answer to Observe."""

    when: float
    nodes: tuple[Node, ...]
    jobs: tuple[Job, ...]
    queues: tuple[Queue, ...]


class KubeSeen(msgspec.Struct, frozen=True, array_like=True, tag="kube-seen"):
    """Answer to ObserveKube; pods are those on the nodes that were asked for."""

    when: float
    nodes: tuple[Node, ...]
    jobs: tuple[Job, ...]
    queues: tuple[Queue, ...]
    pods: tuple[Pod, ...]
    budgets: tuple[Budget, ...]


class AlertsSeen(msgspec.Struct, frozen=True, array_like=True, tag="alerts-seen"):
    """Answer to ObserveAlerts."""

    when: float
    alerts: tuple[Alert, ...]
    silences: tuple[Silence, ...]


class Past(msgspec.Struct, frozen=True, array_like=True):
    """Series of one subject, in the form of `model.History`."""

    subject: str
    start: float
    step_seconds: float
    names: tuple[str, ...]
    values: memoryview


class Told(msgspec.Struct, frozen=True, array_like=True, tag="told"):
    """Answer to AskHistory."""

    when: float
    pasts: tuple[Past, ...]
    seconds: float = 0.0


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


Reply = News | Seen | KubeSeen | AlertsSeen | Told | Ran | Caught | Files

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def packed(message: Request | Reply) -> bytes:
    """The bytes of one message on the socket."""
    body = encode(message)
    return HEAD.pack(len(body)) + body
