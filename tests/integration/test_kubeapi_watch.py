"""Watches of the fake Kubernetes: events from a revision, bookmarks, ends, and history that is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from urllib3.exceptions import HTTPError, ReadTimeoutError

from tests.fakes.kubeapi.objects.pods import pod

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]


def revision(cluster: KubernetesCluster, resource: str = "pods") -> str:
    return str(cluster.call("GET", cluster.path(resource))[1]["metadata"]["resourceVersion"])


def watch(cluster: KubernetesCluster, *, read_seconds: float = 10.0, **query: object) -> Iterator[Object]:
    asked = "&".join(f"{key}={value}" for key, value in ({"watch": 1} | query).items())
    return cluster.user("admin").events(f"{cluster.path('pods')}?{asked}", read_seconds)


def still(name: str, labels: dict[str, str] | None = None) -> Object:
    """A pod that nobody but the test touches."""
    return pod(name, labels=labels, scheduler="nobody")


def label(cluster: KubernetesCluster, name: str, **labels: str | None) -> None:
    cluster.patch("pods", name, {"metadata": {"labels": labels}})


def told(event: Object) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


def test_events_come_from_a_revision_on_and_in_order(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(still("before"))
    since = revision(kubernetes)
    kubernetes.create(still("one"))
    label(kubernetes, "before", a="b")
    assert kubernetes.call("DELETE", kubernetes.path("pods", "one"))[0] == 200
    events = watch(kubernetes, resourceVersion=since, timeoutSeconds=3)
    seen = [next(events) for _ in range(3)]
    assert [told(event) for event in seen] == [("ADDED", "one"), ("MODIFIED", "before"), ("DELETED", "one")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert int(since) < versions[0] < versions[1] < versions[2]
    assert seen[0]["object"]["kind"] == "Pod"


def test_without_a_revision_it_begins_with_what_is_there(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(still("one"))
    events = watch(kubernetes, timeoutSeconds=3)
    assert told(next(events)) == ("ADDED", "one")
    kubernetes.create(still("two"))
    assert told(next(events)) == ("ADDED", "two")


def test_what_no_longer_matches_is_deleted_for_who_watches(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(still("one", labels={"app": "a"}))
    events = watch(kubernetes, resourceVersion=revision(kubernetes), labelSelector="app=a", timeoutSeconds=3)
    label(kubernetes, "one", app="b")
    assert told(next(events)) == ("DELETED", "one")
    label(kubernetes, "one", app="a")
    assert told(next(events)) == ("ADDED", "one")


def test_the_stream_ends_when_it_was_asked_to(kubernetes: KubernetesCluster) -> None:
    began = time.monotonic()
    assert list(watch(kubernetes, resourceVersion=revision(kubernetes), timeoutSeconds=1)) == []
    assert 0.9 < time.monotonic() - began < 3


def test_bookmarks_tell_how_far_one_has_come(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.bookmarks_every(0.2)
    since = revision(kubernetes)
    events = watch(kubernetes, resourceVersion=since, allowWatchBookmarks=True, timeoutSeconds=5)
    kubernetes.make_nodes(1)  # of another kind: only a bookmark can tell
    now = revision(kubernetes)
    marks = [next(events) for _ in range(4)]
    assert {mark["type"] for mark in marks} == {"BOOKMARK"}
    assert int(marks[-1]["object"]["metadata"]["resourceVersion"]) >= int(now) > int(since)
    assert marks[0]["object"]["kind"] == "Pod"
    assert marks[0]["object"]["spec"] == {"containers": None}


def test_the_last_bookmark_comes_two_seconds_before_the_end(kubernetes: KubernetesCluster) -> None:
    began = time.monotonic()
    events = watch(kubernetes, resourceVersion=revision(kubernetes), allowWatchBookmarks=True, timeoutSeconds=3)
    assert next(events)["type"] == "BOOKMARK"
    assert 0.9 < time.monotonic() - began < 2.5
    assert list(events) == []
    assert 2.9 < time.monotonic() - began < 4.5


def test_nobody_gets_bookmarks_unasked(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.bookmarks_every(0.1)
    assert list(watch(kubernetes, resourceVersion=revision(kubernetes), timeoutSeconds=1)) == []


def test_a_list_can_be_streamed(kubernetes: KubernetesCluster) -> None:
    for name in ("one", "two"):
        kubernetes.create(still(name))
    events = watch(
        kubernetes,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        timeoutSeconds=5,
    )
    assert [told(next(events)) for _ in range(2)] == [("ADDED", "one"), ("ADDED", "two")]
    end = next(events)
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    kubernetes.create(still("three"))
    assert told(next(events)) == ("ADDED", "three")


def test_an_older_server_does_not_stream_lists(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.stream_lists(False)
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    code, body = kubernetes.call("GET", f"{kubernetes.path('pods')}?{query}")
    assert (code, body["reason"]) == (422, "Invalid")


def test_forgotten_history_is_an_error_inside_of_the_stream(kubernetes: KubernetesCluster) -> None:
    since = revision(kubernetes)
    kubernetes.create(still("one"))
    kubernetes.control.forget_history()
    (event,) = watch(kubernetes, resourceVersion=since, timeoutSeconds=5)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith(f"too old resource version: {since} (")
    now = revision(kubernetes)
    kubernetes.create(still("two"))
    assert told(next(watch(kubernetes, resourceVersion=now, timeoutSeconds=5))) == ("ADDED", "two")


def test_a_list_of_a_forgotten_moment_is_gone(kubernetes: KubernetesCluster) -> None:
    since = revision(kubernetes)
    kubernetes.create(still("one"))
    path = f"{kubernetes.path('pods')}?resourceVersion={since}&resourceVersionMatch=Exact"
    code, body = kubernetes.call("GET", path)
    assert (code, body["items"]) == (200, [])
    kubernetes.control.forget_history()
    code, body = kubernetes.call("GET", path)
    assert (code, body["reason"]) == (410, "Expired")


def test_a_page_of_a_forgotten_moment_is_gone(kubernetes: KubernetesCluster) -> None:
    for name in ("one", "two", "three"):
        kubernetes.create(still(name))
    _, first = kubernetes.call("GET", f"{kubernetes.path('pods')}?limit=1")
    kubernetes.create(still("four"))
    kubernetes.control.forget_history()
    code, body = kubernetes.call("GET", f"{kubernetes.path('pods')}?limit=1&continue={first['metadata']['continue']}")
    assert (code, body["reason"]) == (410, "Expired")
    assert body["message"].startswith("The provided continue parameter is too old")


def test_who_is_too_slow_for_the_history_is_told(kubernetes: KubernetesCluster) -> None:
    """A kind's log holds so many writes; what fell out of it is as gone as by compaction."""
    kubernetes.create(still("one"))
    since = revision(kubernetes)
    shelf_size = kubernetes.fake.store.history
    for number in range(shelf_size + 1):
        kubernetes.control.change("pods", "one", "train", status={"phase": "Pending", "message": str(number)})
    (event,) = watch(kubernetes, resourceVersion=since, timeoutSeconds=5)
    assert event["object"]["code"] == 410


def test_from_the_future_nothing_comes_at_all(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.bookmarks_every(0.1)
    events = watch(kubernetes, read_seconds=1.0, resourceVersion=99_999_999, allowWatchBookmarks=True)
    kubernetes.create(still("one"))
    with pytest.raises(ReadTimeoutError):
        next(events)


def test_watches_can_be_cut_off(kubernetes: KubernetesCluster) -> None:
    events = watch(kubernetes, resourceVersion=revision(kubernetes))
    kubernetes.create(still("one"))
    assert told(next(events)) == ("ADDED", "one")
    kubernetes.control.drop_watches()
    with pytest.raises(HTTPError):
        next(events)
    assert kubernetes.call("GET", kubernetes.path("pods"))[0] == 200


def test_frozen_watches_stay_silent_while_all_else_works(kubernetes: KubernetesCluster) -> None:
    since = revision(kubernetes)
    kubernetes.control.freeze_watches()
    kubernetes.create(still("one"))
    with pytest.raises(ReadTimeoutError):
        next(watch(kubernetes, read_seconds=0.5, resourceVersion=since))
    kubernetes.control.thaw()
    assert told(next(watch(kubernetes, resourceVersion=since, timeoutSeconds=5))) == ("ADDED", "one")


def test_the_official_watch_reads_it(kubernetes: KubernetesCluster) -> None:
    from kubernetes.watch import Watch

    kubernetes.create(still("one"))
    core, seen = CoreV1Api(kubernetes.client()), []
    for event in Watch().stream(core.list_namespaced_pod, kubernetes.namespace, timeout_seconds=1):
        seen.append((event["type"], event["object"].metadata.name))
    assert seen == [("ADDED", "one")]
