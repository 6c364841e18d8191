"""What a verb is to the Runner: may it be done, what will happen, which changes, and how its effect is read back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from crashcart.backends.contract import Change, Observer, Picture
from crashcart.backends.entity import Entity
from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Alert, Job, Node, Silence
from crashcart.backends.text import clean, node_name
from crashcart.ops.identity import NodeNames
from crashcart.ops.impact import jobs_by_node
from crashcart.ops.powers import ClusterPowers
from crashcart.ops.protocol import ActionState, PlanRequest, TargetPlan, TargetResult
from crashcart.ops.session import ClusterSession
from crashcart.ops.verbs import BY_NAME, TargetKind

REASON_PARAMS = frozenset({"reason", "ticket"})
"""Taken by every verb and kept in the audit log; some verbs also write them to the cluster."""


class CannotAct(Exception):
    """Found out while preparing that the action cannot or must not be done; the text is for the operator."""


class BadParams(ValueError):
    """The request says something that the verb does not take. The text says what it takes."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who orders what: the operator, the prefix of what is written in their name, and the id of the action."""

    actor: str
    prefix: str  # `crashcart`
    action_id: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What an action may look at: one cluster as it was when the plan was made, and who wants what."""

    cluster: ClusterSession
    powers: ClusterPowers
    picture: Picture
    nodes: Mapping[str, Node]
    jobs: Mapping[str, Job]
    alerts: Mapping[str, Alert]
    silences: Mapping[str, Silence]
    running: Mapping[str, tuple[Job, ...]]  # jobs on each node that is a target
    names: NodeNames  # of other planes
    order: Order
    kind: TargetKind  # what the targets are
    params: Mapping[str, str]
    now: float

    def node(self, name: str) -> Node:
        """The node in the picture. Raises CannotAct when there is none."""
        if name not in self.nodes:
            raise CannotAct(f"{self.cluster.name} knows no node {name}")
        return self.nodes[name]

    def job(self, job_id: str) -> Job:
        """The job in the picture. Raises CannotAct when it is gone."""
        if job_id not in self.jobs:
            raise CannotAct(f"{self.cluster.name} knows no job {job_id}; it has ended or never was")
        return self.jobs[job_id]

    def host(self, name: str) -> str:
        """How the node is called over SSH. Raises CannotAct when the configured rule makes no host name of it."""
        try:
            return node_name(self.cluster.ssh_host.replace("{node}", self.node(name).name))
        except BadIdentifier as error:
            raise CannotAct(f"ssh_host of {self.cluster.name}: {error}") from error

    @property
    def signature(self) -> str:
        """How reasons written by this operator begin."""
        return f"{self.order.prefix}:{self.order.actor}"

    def entity(self, target: str) -> Entity | None:
        """The target in the picture; None when it is not there, or is no entity of its own, as a rack."""
        tables: dict[TargetKind, Mapping[str, Entity]] = {
            "node": self.nodes, "job": self.jobs, "alert": self.alerts, "silence": self.silences
        }  # fmt: skip
        return tables.get(self.kind, {}).get(target)


def scene_of(
    cluster: ClusterSession, powers: ClusterPowers, picture: Picture, request: PlanRequest, order: Order
) -> Scene:
    """Make the scene of a request."""
    names = NodeNames(cluster.node_rules)
    names.learn(node.name for node in picture.nodes)
    return Scene(
        cluster=cluster,
        powers=powers,
        picture=picture,
        nodes={node.name: node for node in picture.nodes},
        jobs={job.id: job for job in picture.jobs},
        alerts={alert.fingerprint: alert for alert in picture.alerts},
        silences={silence.id: silence for silence in picture.silences},
        running=jobs_by_node(picture.jobs, request.targets),
        names=names,
        order=order,
        kind=request.kind or BY_NAME[request.verb].target,
        params=request.params,
        now=picture.when,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading back: whether the goal is reached, and what was seen in words.

    `impossible`: it can no longer be reached, so waiting is pointless. `unprovable`: no reading will ever tell.
    """

    outcome: Literal["reached", "not yet", "impossible", "unprovable"]
    text: str
    detail: str = ""


class Proof(ABC):
    """Reads back what an action did to one target; may remember earlier readings."""

    async def prepare(self) -> None:  # noqa: B027 - most proofs need no look before
        """Look before anything is applied, where a comparison needs it. On BackendError nothing is applied."""

    @abstractmethod
    async def look(self) -> Seen:
        """Look once. Raises BackendError."""


class Action(ABC):
    """Base of all verbs. One object serves all requests, so it keeps nothing between calls."""

    verb: ClassVar[str]
    params: ClassVar[frozenset[str]] = frozenset()
    stops_work: ClassVar[bool] = False  # running work is lost back to its last checkpoint
    single: ClassVar[bool] = False  # takes one target at a time
    verify_seconds: ClassVar[float] = 20.0
    when_unseen: ClassVar[ActionState] = "FAILED"  # the command was accepted and its effect not seen by the deadline
    binds: ClassVar[bool] = True  # a target that changes between preview and confirmation makes the preview untrue

    def check_params(self, params: Mapping[str, str]) -> None:
        """Raise BadParams on anything the verb does not take or needs and does not get."""
        known = self.params | REASON_PARAMS
        unknown = sorted(set(params) - known)
        if unknown:
            name = clean(unknown[0], limit=40)
            raise BadParams(f"{self.verb} has no parameter {name!r}; it takes {', '.join(sorted(known))}")

    def settled_params(self, params: Mapping[str, str], now: float) -> dict[str, str]:
        """The parameters with everything that depends on the moment made absolute, so that a repeat means the same."""
        return dict(params)

    def spoken(self, target: str, scene: Scene) -> str:
        """What people call the target, to be shown and typed."""
        return target

    def loses(self, job: Job, scene: Scene) -> bool:
        """Whether this job's work since its last checkpoint is lost."""
        return self.stops_work

    @abstractmethod
    def unavailable(self, target: str, scene: Scene) -> str | None:
        """Why it cannot be done to this target now, or None. Raises CannotAct for a target that is not there."""

    @abstractmethod
    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        """What will happen to this target. Raises CannotAct, BackendError."""

    @abstractmethod
    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        """How to take it back, in words."""

    @abstractmethod
    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        """Jobs that this target's change concerns."""


class Changing(Action):
    """A verb that changes the cluster through `Applier` and is proved by reading back."""

    provable_later: ClassVar[bool] = True  # from the snapshot in the audit log, by another process

    @abstractmethod
    def power(self, target: str, scene: Scene) -> object | None:
        """The object whose changes these are, where they do not name a plane."""

    @abstractmethod
    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        """The changes to apply, in order. Pure."""

    @abstractmethod
    def proof(self, target: str, scene: Scene) -> Proof:
        """A fresh proof for one run; made before anything is applied."""

    def deadline_seconds(self, target: str, scene: Scene) -> float:
        """How long the effect may take to be seen."""
        return self.verify_seconds


class Reading(Action):
    """A verb that changes nothing and brings back output."""

    @abstractmethod
    async def collect(self, target: str, scene: Scene, folder: Path) -> TargetResult:
        """Do it, save what it said below `folder`. Raises BackendError."""


class Session(Action):
    """A verb that opens a terminal; how it ended is its exit status."""

    single = True


def words(node: Node) -> str:
    """A node's state as operators say it, with the scheduler's own words: `drained (IDLE+DRAIN)`."""
    return f"{node.word} ({'+'.join((node.state, *node.flags))})"


def ended(state: ActionState, target: str, detail: str, seen: str = "") -> TargetResult:
    """A result without output."""
    return TargetResult(target, state, detail, seen)


@dataclass(frozen=True, slots=True)
class NodeProof(Proof):
    """Reads one node back and judges it by a pure function."""

    observer: Observer
    name: str
    judge: NodeJudge

    async def look(self) -> Seen:
        found = await self.observer.observe_nodes((self.name,))
        node = next((node for node in found if node.name == self.name), None)
        if node is None:
            return Seen("impossible", "not there", f"the scheduler no longer knows {self.name}")
        return self.judge(node)


@dataclass(frozen=True, slots=True)
class JobProof(Proof):
    """Reads one job back and judges it by a pure function; None stands for a job that is gone."""

    observer: Observer
    job_id: str
    judge: JobJudge

    async def look(self) -> Seen:
        found = await self.observer.observe_jobs((self.job_id,))
        return self.judge(next((job for job in found if job.id == self.job_id), None))


class NodeJudge(Protocol):
    def __call__(self, node: Node, /) -> Seen: ...


class JobJudge(Protocol):
    def __call__(self, job: Job | None, /) -> Seen: ...
