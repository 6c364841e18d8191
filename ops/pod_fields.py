"""The fields of what only Kubernetes has: pods, disruption budgets and events."""

from __future__ import annotations

from collections.abc import Callable

from crashcart.backends.pods import Budget, Event, Pod

from .field import Field, FieldType, Scene, Value
from .pod_joins import is_movable


def pod_fields() -> tuple[Field, ...]:
    """Fields of pods."""

    def of(name: str, kind: FieldType, read: Callable[[Scene, Pod], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    def budget_names(s: Scene, p: Pod) -> Value:
        return tuple(guard.budget.name for guard in s.joins.pods.guards(p) if guard.is_sure)

    return (
        of("name", "text", lambda s, p: f"{p.namespace}/{p.name}"),
        of("cluster", "text", lambda s, p: p.cluster),
        of("namespace", "text", lambda s, p: p.namespace),
        of("state", "text", lambda s, p: p.phase.lower()),
        of("reason", "text", lambda s, p: p.reason),
        of("message", "text", lambda s, p: p.message),
        of("node", "text", lambda s, p: p.node),
        of("job", "text", lambda s, p: p.job),
        of("user", "text", lambda s, p: None if (job := s.joins.pods.job(p)) is None else job.user),
        of("owner", "text", lambda s, p: p.owner),
        of("gpus", "number", lambda s, p: p.gpus),
        of("gpus_known_by", "text", lambda s, p: p.gpus_known_by),
        of("restarts", "number", lambda s, p: p.restarts),
        of("priority", "number", lambda s, p: p.priority),
        of("created", "seconds", lambda s, p: None if p.created is None else s.now - p.created),
        of("terminating", "seconds", lambda s, p: None if p.deleted is None else s.now - p.deleted),
        of("bare", "flag", lambda s, p: p.owner is None and not p.is_mirror),
        of("movable", "flag", lambda s, p: is_movable(p)),
        of("budget", "names", budget_names),
        of("blocked", "flag", is_blocked),
        of("labels", "names", lambda s, p: p.labels),
        of("age", "seconds", lambda s, p: s.now - s.store.when_true(p)),
        of("source", "text", lambda s, p: p.source),
    )


def is_blocked(scene: Scene, pod: Pod) -> bool | None:
    """Whether a budget would stop its eviction now; None where it is not known whether one matches it."""
    closed = [guard for guard in scene.joins.pods.guards(pod) if guard.budget.allowed == 0]
    if any(guard.is_sure for guard in closed):
        return True
    return None if closed else False


def event_fields() -> tuple[Field, ...]:
    """Fields of events."""

    def of(name: str, kind: FieldType, read: Callable[[Scene, Event], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("about", "text", lambda s, e: e.about),
        of("cluster", "text", lambda s, e: e.cluster),
        of("kind", "text", lambda s, e: e.about.partition("/")[0].lower()),
        of("node", "text", event_node),
        of("job", "text", event_job),
        of("reason", "text", lambda s, e: e.reason),
        of("message", "text", lambda s, e: e.message),
        of("count", "number", lambda s, e: e.count),
        of("seen", "seconds", lambda s, e: s.now - e.last_seen),
        of("age", "seconds", lambda s, e: s.now - s.store.when_true(e)),
        of("source", "text", lambda s, e: e.source),
    )


def event_node(scene: Scene, event: Event) -> str | None:
    """The node it is about, or that its pod is on."""
    kind, _, name = event.about.partition("/")
    pod = scene.store.pods.get(f"{event.cluster}/{name}") if kind == "Pod" else None
    return name if kind == "Node" else pod.node if pod is not None else None


def event_job(scene: Scene, event: Event) -> str | None:
    """The job it is about, or that its pod belongs to."""
    found = scene.joins.pods.place(event)
    if found is None or found[0] == "node":
        return None
    if found[0] == "pod":
        return scene.store.pods[found[1]].job
    return scene.store.jobs[found[1]].id


def budget_fields() -> tuple[Field, ...]:
    """Fields of disruption budgets."""

    def of(name: str, kind: FieldType, read: Callable[[Scene, Budget], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("name", "text", lambda s, b: f"{b.namespace}/{b.name}"),
        of("cluster", "text", lambda s, b: b.cluster),
        of("namespace", "text", lambda s, b: b.namespace),
        of("selector", "text", lambda s, b: b.selector),
        of("allowed", "number", lambda s, b: b.allowed),
        of("healthy", "number", lambda s, b: b.healthy),
        of("desired", "number", lambda s, b: b.desired),
        of("expected", "number", lambda s, b: b.expected),
        of("blocks", "flag", lambda s, b: None if b.allowed is None else b.allowed == 0),
        of("pods", "number", lambda s, b: len(s.joins.pods.guarded(b))),
        of("node", "names", lambda s, b: tuple(sorted({p.node for p in s.joins.pods.guarded(b) if p.node}))),
        of("age", "seconds", lambda s, b: s.now - s.store.when_true(b)),
        of("source", "text", lambda s, b: b.source),
    )
