"""Whatever happens in a cluster, in whatever order it is told: the steps lead to the picture of its end."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashcart.backends.entity import Kind
from crashcart.backends.errors import BackendError
from crashcart.backends.kubernetes import watch_events
from crashcart.backends.kubernetes.failures import failure
from crashcart.backends.kubernetes.folding import fold
from crashcart.backends.kubernetes.pending import short_reason
from crashcart.backends.kubernetes.shapes import RawPod
from crashcart.backends.model import AnyEntity, Batch
from crashcart.backends.text import clean
from crashcart.ops.targets import expand
from tests.fakes.kubeapi.objects.jobs import budget, job, job_set
from tests.fakes.kubeapi.objects.nodes import node
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.objects.queues import local_queue, workload
from tests.unit.kubernetes_scene import Scene, stamp

Object = dict[str, Any]
KINDS: tuple[Kind, ...] = ("node", "pod", "job", "queue", "budget", "event")

names = st.sampled_from(["a", "b", "c"])
owners = st.one_of(
    st.none(),
    st.tuples(st.sampled_from(["Job", "JobSet", "PyTorchJob", "DaemonSet"]), names),
)
texts = st.one_of(st.just(""), st.text(max_size=12), st.sampled_from(["\x1b]0;x\x07", "\u202e", "a\nb"]))


def owned(value: Object, owner: tuple[str, str] | None) -> Object:
    value["metadata"]["uid"] = f"uid-{value['kind']}-{value['metadata']['name']}"
    if owner is not None:
        kind, name = owner
        api = {"Job": "batch/v1", "JobSet": "jobset.x-k8s.io/v1alpha2"}.get(kind, "example.org/v1")
        value["metadata"]["ownerReferences"] = [
            {"kind": kind, "name": name, "apiVersion": api, "uid": f"uid-{kind}-{name}", "controller": True}
        ]
    return value


@st.composite
def pods(draw: st.DrawFn) -> Object:
    value = pod(draw(names), node=draw(st.sampled_from(["", "n1", "n2", "n3"])), gpus=draw(st.sampled_from([0, 1, 4])),
                annotations={"crashcart.io/user": draw(texts), "crashcart.io/gpu-indexes": draw(texts)})  # fmt: skip
    phase = draw(st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]))
    if draw(st.booleans()):
        value["metadata"]["deletionTimestamp"] = stamp(1e9)
    return {**owned(value, draw(owners)), "status": {"phase": phase, "reason": draw(texts), "message": draw(texts)}}


@st.composite
def jobs(draw: st.DrawFn) -> Object:
    value = job(draw(names), pods=1, gpus=draw(st.sampled_from([0, 2])), suspend=draw(st.booleans()))
    ends = draw(st.sampled_from(["", "Complete", "Failed"]))
    conditions = [{"type": ends, "status": "True", "reason": draw(texts), "message": draw(texts)}] if ends else []
    return {**owned(value, draw(owners)), "status": {"conditions": conditions, "failed": draw(st.integers(0, 3))}}


objects = st.one_of(
    pods(),
    pods(),
    jobs(),
    st.builds(lambda name, owner: owned(job_set(name), owner), names, owners),
    st.builds(
        lambda name, gpus, cordoned: node(name, gpus=gpus, cordoned=cordoned),
        st.sampled_from(["n1", "n2"]), st.sampled_from([0, 8]), st.booleans(),
    ),
    st.builds(lambda name, owner: owned(workload(name, queue="q"), owner), names, owners),
    st.builds(lambda name: local_queue(name, "train", "research"), names),
    st.builds(lambda name, label: budget(name, match={"app": label}, min_available=1), names, texts),
)  # fmt: skip
events = st.lists(st.tuples(objects, st.sampled_from(["put", "put", "put", "drop", "list"])), max_size=30)


def identity(value: Object) -> tuple[str, str]:
    return value["kind"], value["metadata"]["name"]


def without_times(entities: tuple[AnyEntity, ...]) -> dict[str, AnyEntity]:
    return {entity.key: msgspec.structs.replace(entity, when=0.0) for entity in entities}


class Reader:
    """Follows batches as a hub does."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, AnyEntity]] = {kind: {} for kind in KINDS}

    def take(self, batch: Batch) -> None:
        table = self.entities.setdefault(batch.kind, {})
        if batch.complete:
            table.clear()
        assert not {entity.key for entity in batch.upserts} & set(batch.gone)
        for key in batch.gone:
            table.pop(key, None)  # it may have come and gone between two batches
        table.update((entity.key, entity) for entity in batch.upserts)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=events)
def test_steps_lead_to_the_picture_of_the_end(told: list[tuple[Object, str]]) -> None:
    scene, reader = Scene(), Reader()
    now: dict[tuple[str, str], Object] = {}
    for showing in scene.picture.showings.values():
        showing.is_ready = True
    for number, (value, what) in enumerate(told):
        if what == "drop":
            now.pop(identity(value), None)
            scene.change(gone=[value])
        else:
            now[identity(value)] = value
            if what == "put":
                scene.change(value)
            else:
                scene.list(now.values())
        if number % 3 == 0:
            for batch in scene.picture.batches(lambda kind: 1.0):
                reader.take(batch)
    for batch in scene.picture.batches(lambda kind: 2.0):
        reader.take(batch)
    fresh = Scene(*now.values())
    for kind in KINDS:
        expected = without_times(fresh.picture.entities(kind))
        assert without_times(scene.picture.entities(kind)) == expected
        assert without_times(tuple(reader.entities[kind].values())) == expected


@settings(max_examples=100, deadline=None)
@given(told=st.lists(objects, max_size=12))
def test_no_text_of_a_picture_holds_what_a_terminal_would_obey(told: list[Object]) -> None:
    scene = Scene(*told)
    for kind in KINDS:
        for text in _texts(msgspec.to_builtins(scene.picture.entities(kind))):
            assert clean(text) == text


@given(line=st.one_of(st.binary(max_size=60), st.sampled_from([
    b'{"type":"ERROR","object":{"code":410,"status":"Failure"}}', b'{"type":"ADDED"}', b'{"type":"ADDED","object":[]}',
    b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}', b'{"type":7}',
])))  # fmt: skip
def test_any_line_of_a_watch_is_an_event_a_refusal_or_malformed(line: bytes) -> None:
    try:
        told = watch_events.event(line, RawPod, "pods")
    except BackendError:
        return
    assert isinstance(told, watch_events.Refusal) or isinstance(told[1], RawPod)


@given(code=st.integers(100, 599), body=st.binary(max_size=200))
def test_any_refusal_is_an_error_of_ours_with_clean_words(code: int, body: bytes) -> None:
    error = failure(code, body, what="pods", where="here", who="me")
    assert isinstance(error, BackendError)
    assert clean(str(error), limit=10_000) == str(error)


@given(text=st.text(max_size=300))
def test_any_message_of_a_scheduler_becomes_one_clean_line(text: str) -> None:
    for message in (text, f"0/9 nodes are available: {text}"):
        assert clean(short_reason(message)) == short_reason(message)


@given(
    st.lists(st.from_regex(r"[a-z]{1,3}-?[0-9]{0,4}(\.[a-z]{1,3}[0-9]?)?", fullmatch=True), max_size=30, unique=True)
)
def test_folded_names_are_read_back(found: list[str]) -> None:
    names = [name for name in found if not name.endswith("-")]
    assert sorted(expand(fold(names))) == sorted(names) if names else fold(names) == ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for text in _texts(list(pair))]
    return [text for part in value for text in _texts(part)] if isinstance(value, list | tuple) else []
