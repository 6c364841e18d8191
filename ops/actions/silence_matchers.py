"""Which silences cover an alert, a node, a rack or a job.

A silence is a conjunction, so alerts that name the same node by different labels need one silence a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crashcart.backends.model import Alert, Matcher
from crashcart.ops.alert_subjects import RACK_LABELS, job_labels, node_names
from crashcart.ops.impact import job_nodes

from .base import CannotAct, Scene

Matchers = tuple[Matcher, ...]

USUAL_LABELS = ("Hostname", "instance")
"""What names a node where no alert of the cluster tells: dcgm-exporter's label, and the one every scrape has."""

MOST_HOSTS = 64
"""Hosts in one regular expression; more are silenced by rack, or in smaller steps."""


def silences_for(target: str, scene: Scene) -> tuple[Matchers, ...]:
    """The matchers of each silence that this target needs. Raises CannotAct."""
    match scene.kind:
        case "alert":
            if target not in scene.alerts:
                raise CannotAct(f"Alertmanager no longer has the alert {target}: it has ended, or never reached it")
            return (tuple(Matcher(name, value) for name, value in scene.alerts[target].labels),)
        case "node":
            return _of_hosts((scene.node(target).name,), scene)
        case "rack":
            return _of_rack(target, scene)
        case "job":
            return _of_job(target, scene)
        case "silence":
            return (_of_ended(target, scene),)
        case _:
            raise CannotAct(f"a {scene.kind} cannot be silenced")


def matched(matchers: Sequence[Matcher], alerts: Iterable[Alert]) -> list[Alert]:
    """The alerts that a silence with these matchers, all made here, keeps quiet."""
    return [alert for alert in alerts if _all_match(matchers, dict(alert.labels))]


def _all_match(matchers: Sequence[Matcher], labels: dict[str, str]) -> bool:
    for matcher in matchers:
        value = labels.get(matcher.name, "")
        hit = bool(re.fullmatch(matcher.value, value)) if matcher.is_regex else value == matcher.value
        if hit != matcher.is_equal:
            return False
    return True


def _of_ended(silence_id: str, scene: Scene) -> Matchers:
    """The matchers of a silence that has ended, for one anew."""
    if silence_id not in scene.silences:
        raise CannotAct(f"silence {silence_id[:8]} is no longer listed")
    if scene.silences[silence_id].state != "expired":
        raise CannotAct(f"silence {silence_id[:8]} has not ended: extend it")
    return scene.silences[silence_id].matchers


def _of_rack(rack: str, scene: Scene) -> tuple[Matchers, ...]:
    hosts = tuple(node.name for node in scene.nodes.values() if node.rack == rack)
    if not hosts:
        raise CannotAct(f"{scene.cluster.name} knows no rack {rack}")
    about = [alert for alert in scene.alerts.values() if node_names(alert, scene.names)]
    for label in RACK_LABELS:
        if about and all(label in dict(alert.labels) for alert in about):
            return ((Matcher(label, rack),),)
    return _of_hosts(hosts, scene)


def _of_job(job_id: str, scene: Scene) -> tuple[Matchers, ...]:
    job = scene.job(job_id)
    found = [job_labels(dict(alert.labels)) for alert in scene.alerts.values()]
    labels = sorted({label for labels in found for label, value in labels.items() if value in (job.id, job.raw_id)})
    own = tuple((Matcher(label, job_id),) for label in labels)
    hosts = tuple(sorted(job_nodes(job)))
    if not own and not hosts:
        raise CannotAct(f"job {job_id} has no nodes, and no alert names it")
    return own + (_of_hosts(hosts, scene) if hosts else ())


def _of_hosts(hosts: tuple[str, ...], scene: Scene) -> tuple[Matchers, ...]:
    if len(hosts) > MOST_HOSTS:
        raise CannotAct(f"{len(hosts)} nodes are too many for one silence; silence the rack, or {MOST_HOSTS} at a time")
    seen: dict[str, set[str]] = {}  # label -> the spellings of these hosts
    for alert in scene.alerts.values():
        labels = dict(alert.labels)
        for label, name in node_names(alert, scene.names).items():
            if name in scene.nodes:
                spellings = seen.setdefault(label, set())
                spellings.update({labels[label]} if name in hosts else ())
    return tuple((_host_matcher(label, hosts, seen.get(label, set())),) for label in seen or USUAL_LABELS)


def _host_matcher(label: str, hosts: tuple[str, ...], spellings: set[str]) -> Matcher:
    """Matches the hosts with any port and domain, and the spellings that were seen of them."""
    names = "|".join(_plain(host) for host in hosts)
    pattern = f"({names})([.].*)?(:[0-9]+)?" if len(hosts) > 1 else f"{names}([.].*)?(:[0-9]+)?"
    others = sorted(_plain(spelling) for spelling in spellings if not re.fullmatch(pattern, spelling))
    return Matcher(label, "|".join((pattern, *others)), is_regex=True)


def _plain(text: str) -> str:
    """The text as a regular expression that RE2 and Python read alike."""
    return "".join(_plain_char(char) for char in text)


def _plain_char(char: str) -> str:
    if char.isalnum() or char in "-_:":
        return char
    return f"[{char}]" if char == "." else f"\\{char}"
