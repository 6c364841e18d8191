"""The fields of each kind, declared once: what filters compare, tables show and `get` prints."""

from __future__ import annotations

from collections.abc import Callable

from crashcart.backends.model import Alert, Check, Job, Node, Queue, Silence, Target

from .field import Field, FieldType, GpuRow, Scene, Value
from .holds import held_since, holders, reasons
from .pod_fields import budget_fields, event_fields, pod_fields
from .xid import decode

__all__ = ["FIELDS", "Field", "FieldType", "GpuRow", "Scene", "Value"]

DISAGREE, UNKNOWN = "disagree", "unknown"
"""Words among the planes of a node: they contradict each other; one of them is not live, so that nobody knows."""


def _node_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Node], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("name", "text", lambda s, n: n.name),
        of("cluster", "text", lambda s, n: n.cluster),
        of("state", "text", lambda s, n: n.word),
        of("flags", "names", lambda s, n: n.flags),
        of("reason", "text", lambda s, n: reasons(n)),
        of("reason_by", "text", lambda s, n: holders(n)),
        of("reason_age", "seconds", lambda s, n: None if (at := held_since(n)) is None else s.now - at),
        Field("planes", "names", node_planes, UNKNOWN),  # type: ignore[arg-type]
        of("finding", "text", lambda s, n: "; ".join(f.text for f in s.joins.findings.of(n.key, s.now)) or None),
        of("partition", "names", lambda s, n: n.partitions),
        of("gpus", "number", lambda s, n: n.gpus_total),
        of("gpus_used", "number", lambda s, n: n.gpus_used),
        of("gpus_allocatable", "number", lambda s, n: n.gpus_allocatable),
        of("gpu_type", "text", lambda s, n: n.gpu_type),
        of("conditions", "names", lambda s, n: n.conditions),
        of("taints", "names", lambda s, n: n.taints),
        of("pods", "number", lambda s, n: len(s.joins.pods.of_node(n.key))),
        of("jobs", "number", lambda s, n: len(s.joins.jobs_on_node(n.key))),
        of("user", "names", lambda s, n: tuple(job.user for job in s.joins.jobs_on_node(n.key))),
        of("alerts", "number", lambda s, n: len(s.joins.alerts.firing_on(n.key))),
        of("cpus", "number", lambda s, n: n.cpus_total),
        of("memory", "bytes", lambda s, n: n.memory_total_bytes),
        of("load", "number", lambda s, n: n.load),
        of("rack", "text", lambda s, n: n.rack),
        of("switch", "text", lambda s, n: n.switch),
        of("age", "seconds", lambda s, n: s.now - s.store.when_true(n)),
        of("source", "text", lambda s, n: n.source),
    )


def node_planes(scene: Scene, node: Node) -> tuple[str, ...]:
    """Who knows the node: schedulers and telemetry; with `disagree` and `unknown` where that is so."""
    measured_by = scene.joins.gpus.source(node.key)
    telemetry = () if measured_by is None else (measured_by,)
    schedulers = tuple(plane.source for plane in node.planes) or (node.source,)
    disagree = any(finding.is_known for finding in scene.joins.findings.of(node.key, scene.now))
    known = scene.joins.findings.is_known(node, scene.now)
    sources = dict.fromkeys((*schedulers, *telemetry))
    return (*sources, *((DISAGREE,) if disagree else ()), *(() if known else (UNKNOWN,)))


def _job_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Job], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("id", "text", lambda s, j: j.id),
        of("name", "text", lambda s, j: j.name),
        of("cluster", "text", lambda s, j: j.cluster),
        of("user", "text", lambda s, j: j.user),
        of("account", "text", lambda s, j: j.account),
        of("partition", "text", lambda s, j: j.partition),
        of("qos", "text", lambda s, j: j.qos),
        of("state", "text", lambda s, j: j.state.lower()),
        of("reason", "text", lambda s, j: j.reason),
        of("nodes", "number", lambda s, j: j.node_count),
        of("node", "names", lambda s, j: tuple(node.name for node in s.joins.nodes_of_job(j))),
        of("gpus", "number", lambda s, j: j.gpus),
        of("elapsed", "seconds", lambda s, j: j.elapsed_seconds(s.now)),
        of("limit", "seconds", lambda s, j: j.time_limit_seconds),
        of("priority", "number", lambda s, j: j.priority),
        of("restarts", "number", lambda s, j: j.restarts),
        of("tasks", "number", lambda s, j: j.array_tasks),
        of("waiting", "seconds", lambda s, j: s.now - j.submit_time if j.is_pending and j.submit_time else None),
        of("checkpoint_age", "seconds", lambda s, j: None if j.checkpoint_time is None else s.now - j.checkpoint_time),
        of("requeueable", "flag", lambda s, j: j.requeueable),
        of("workload", "text", lambda s, j: j.workload),
        of("managed_by", "text", lambda s, j: j.managed_by),
        of("pods", "number", lambda s, j: None if j.workload is None else len(s.joins.pods.of_job(j.key))),
        of("age", "seconds", lambda s, j: s.now - s.store.when_true(j)),
        of("source", "text", lambda s, j: j.source),
    )


def _queue_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Queue], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("name", "text", lambda s, q: q.name),
        of("cluster", "text", lambda s, q: q.cluster),
        of("state", "text", lambda s, q: q.state.lower()),
        of("nodes", "number", lambda s, q: q.nodes_total),
        of("running", "number", lambda s, q: c.running if (c := s.joins.queue_counts(q)).knows_jobs else None),
        of("pending", "number", lambda s, q: c.pending if (c := s.joins.queue_counts(q)).knows_jobs else None),
        of("gpus", "number", lambda s, q: s.joins.queue_counts(q).gpus_total),
        of("gpus_used", "number", lambda s, q: s.joins.queue_counts(q).gpus_used),
        of("limit", "seconds", lambda s, q: q.max_time_seconds),
        of("priority", "number", lambda s, q: q.priority),
        of("age", "seconds", lambda s, q: s.now - s.store.when_true(q)),
        of("source", "text", lambda s, q: q.source),
    )


def _alert_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Alert], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    def node_name(s: Scene, a: Alert) -> Value:
        node = s.joins.alerts.node(a)
        return node.name if node else None

    return (
        of("name", "text", lambda s, a: a.name),
        of("cluster", "text", lambda s, a: a.cluster),
        of("severity", "text", lambda s, a: a.severity),
        of("state", "text", lambda s, a: a.state),
        of("since", "seconds", lambda s, a: s.now - a.since),
        of("node", "text", node_name),
        of("gpu", "number", lambda s, a: s.joins.alerts.gpu(a)),
        of("rack", "text", lambda s, a: s.joins.alerts.rack(a)),
        of("job", "text", lambda s, a: None if (job := s.joins.alerts.job(a)) is None else job.id),
        of("summary", "text", lambda s, a: dict(a.annotations).get("summary")),
        of("labels", "names", lambda s, a: tuple(f"{name}={value}" for name, value in a.labels)),
        of("silenced", "flag", lambda s, a: bool(a.silenced_by)),
        of("silenced_by", "names", lambda s, a: tuple(silence.created_by for silence in s.joins.alerts.silences(a))),
        of("inhibited", "flag", lambda s, a: bool(a.inhibited_by)),
        of("receiver", "names", lambda s, a: a.receivers),
        of("age", "seconds", lambda s, a: s.now - s.store.when_true(a)),
        of("source", "text", lambda s, a: a.source),
    )


def _silence_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Silence], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("id", "text", lambda s, x: x.id),
        of("cluster", "text", lambda s, x: x.cluster),
        of("state", "text", lambda s, x: x.state),
        of("by", "text", lambda s, x: x.created_by),
        of("comment", "text", lambda s, x: x.comment),
        of("matchers", "names", lambda s, x: tuple(map(str, x.matchers))),
        of("left", "seconds", lambda s, x: x.ends - s.now),
        of("running", "seconds", lambda s, x: s.now - x.starts),
        of("alerts", "number", lambda s, x: len(s.joins.alerts.silenced_by(x))),
        of("age", "seconds", lambda s, x: s.now - s.store.when_true(x)),
        of("source", "text", lambda s, x: x.source),
    )


def _target_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Target], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("job", "text", lambda s, t: t.job),
        of("instance", "text", lambda s, t: t.instance),
        of("cluster", "text", lambda s, t: t.cluster),
        of("node", "text", lambda s, t: s.joins.node_name(t.cluster, t.host) if t.host else None),
        of("error", "text", lambda s, t: t.error or None),
        of("silent", "seconds", lambda s, t: s.now - t.since),
        of("age", "seconds", lambda s, t: s.now - s.store.when_true(t)),
        of("source", "text", lambda s, t: t.source),
    )


def _check_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, Check], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    return (
        of("name", "text", lambda s, c: c.name),
        of("cluster", "text", lambda s, c: c.cluster),
        of("state", "text", lambda s, c: c.state),
        of("detail", "text", lambda s, c: c.detail),
        of("since", "seconds", lambda s, c: None if c.since is None else s.now - c.since),
        of("age", "seconds", lambda s, c: s.now - s.store.when_true(c)),
        of("source", "text", lambda s, c: c.source),
    )


def _gpu_fields() -> tuple[Field, ...]:
    def of(name: str, kind: FieldType, read: Callable[[Scene, GpuRow], Value]) -> Field:
        return Field(name, kind, read)  # type: ignore[arg-type]

    def metric(name: str, column: str, kind: FieldType = "number") -> Field:
        def read(s: Scene, g: GpuRow) -> Value:
            table = s.store.gpus.get(g.cluster)
            return None if table is None else table.value(column, g.host, g.index)

        return of(name, kind, read)

    def of_node(name: str, read_node: Callable[[Node], Value], kind: FieldType = "text") -> Field:
        def read(s: Scene, g: GpuRow) -> Value:
            node = s.store.nodes.get(f"{g.cluster}/{s.joins.node_name(g.cluster, g.host)}")
            return None if node is None else read_node(node)

        return of(name, kind, read)

    def of_job(name: str, read_job: Callable[[Job], Value]) -> Field:
        def read(s: Scene, g: GpuRow) -> Value:
            job = s.joins.job_on_gpu(g.cluster, g.host, g.index)
            return None if job is None else read_job(job)

        return of(name, "text", read)

    return (
        of("host", "text", lambda s, g: g.host),
        of("index", "number", lambda s, g: g.index),
        of("cluster", "text", lambda s, g: g.cluster),
        metric("util", "util_percent"),
        metric("memory", "memory_used_bytes", "bytes"),
        metric("memory_total", "memory_total_bytes", "bytes"),
        metric("temp", "temperature_celsius"),
        metric("power", "power_watts"),
        metric("clock", "sm_clock_mhz"),
        metric("xid", "xid"),
        metric("throttle", "throttle_reasons"),
        metric("ecc", "ecc_uncorrected"),
        of_node("state", lambda n: n.word),
        of_node("partition", lambda n: n.partitions, "names"),
        of_node("rack", lambda n: n.rack),
        of_node("switch", lambda n: n.switch),
        Field("planes", "names", _gpu_planes, UNKNOWN),  # type: ignore[arg-type]
        of_job("job", lambda j: j.id),
        of_job("user", lambda j: j.user),
        metric("margin", "temperature_margin_celsius"),
        of("xid_name", "text", _xid_name),
        of("missing", "flag", lambda s, g: _gpu_state(s, g) == "missing"),
        of("telemetry", "text", _gpu_state),
        of("outlier", "flag", _is_outlier),
        of("age", "seconds", _gpu_age),
    )


def _gpu_planes(scene: Scene, gpu: GpuRow) -> Value:
    """Those of its node; of a host that no scheduler lists, its telemetry alone."""
    node = scene.store.nodes.get(f"{gpu.cluster}/{scene.joins.node_name(gpu.cluster, gpu.host)}")
    if node is not None:
        return node_planes(scene, node)
    table = scene.store.gpus.get(gpu.cluster)
    if table is None:
        return None
    is_stray = (gpu.cluster, gpu.host) in scene.joins.findings.strays(scene.now)
    return (table.source_of(gpu.host), DISAGREE if is_stray else UNKNOWN)


def _gpu_state(scene: Scene, gpu: GpuRow) -> str:
    """live, stale, exporter down, missing, or no data."""
    key = f"{gpu.cluster}/{scene.joins.node_name(gpu.cluster, gpu.host)}"
    return scene.joins.gpus.state(key, gpu.index, scene.now)


def _is_outlier(scene: Scene, gpu: GpuRow) -> bool:
    key = f"{gpu.cluster}/{scene.joins.node_name(gpu.cluster, gpu.host)}"
    return gpu.index in scene.joins.gpus.outliers_on(key, scene.joins.jobs_on_node(key))


def _xid_name(scene: Scene, gpu: GpuRow) -> str | None:
    """What the last Xid means; None without one."""
    table = scene.store.gpus.get(gpu.cluster)
    xid = None if table is None else table.value("xid", gpu.host, gpu.index)
    return decode(int(xid)).title if xid else None


def _gpu_age(scene: Scene, gpu: object) -> Value:
    assert isinstance(gpu, GpuRow)  # noqa: S101 - narrows the type for the checker
    table = scene.store.gpus.get(gpu.cluster)
    when = None if table is None else table.sample_time("util_percent", gpu.host, gpu.index)
    return None if when is None else scene.now - when


FIELDS: dict[str, dict[str, Field]] = {
    kind: {field.name: field for field in fields}
    for kind, fields in (
        ("node", _node_fields()),
        ("job", _job_fields()),
        ("queue", _queue_fields()),
        ("alert", _alert_fields()),
        ("silence", _silence_fields()),
        ("target", _target_fields()),
        ("check", _check_fields()),
        ("gpu", _gpu_fields()),
        ("pod", pod_fields()),
        ("event", event_fields()),
        ("budget", budget_fields()),
    )
}
