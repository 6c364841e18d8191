"""`crashcart policy`: write a starter, check a file, explain a decision gate by gate."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Alert, Job, Node
from crashcart.ops.actor import os_user, unix_groups
from crashcart.ops.config import SYSTEM_POLICY, user_policy
from crashcart.ops.identity import NodeNames
from crashcart.ops.policy import PolicyRequest
from crashcart.ops.policy_load import PolicyError, policy_of, read_policy
from crashcart.ops.policy_starter import starter_policy
from crashcart.ops.policy_subject import policy_target
from crashcart.ops.session import ClusterSession
from crashcart.ops.store import Store
from crashcart.ops.targets import TargetError
from crashcart.ops.verbs import BY_NAME, TargetKind

from .exits import OK, REFUSED, CommandError
from .listing import list_once
from .opening import one_cluster, open_config, open_session
from .typed_targets import typed_targets


def run(arguments: argparse.Namespace) -> int:
    """Do one of init, check, explain."""
    try:
        match arguments.what:
            case "init":
                return _init(arguments)
            case "check":
                return _check(arguments)
            case _:
                return _explain(arguments)
    except (PolicyError, TargetError, BadIdentifier) as error:
        raise CommandError(str(error)) from error


def _init(arguments: argparse.Namespace) -> int:
    configured = open_config(arguments).policy_file
    path = Path(arguments.file).expanduser() if arguments.file else configured or _new_policy()
    text = starter_policy(arguments.user or os_user())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandError(f"{path}: exists already and is left alone; name another with --file") from error
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}; name another with --file") from error
    print(f"{path}: written. Read it, tighten it, then: crashcart policy check")
    if path not in (configured, SYSTEM_POLICY, user_policy()):
        print(f'To use it, put this into the configuration:\n[policy]\nfile = "{path}"')
    return OK


def _new_policy() -> Path:
    return SYSTEM_POLICY if os.geteuid() == 0 else user_policy()


def _check(arguments: argparse.Namespace) -> int:
    policy = read_policy(Path(arguments.file).expanduser()) if arguments.file else policy_of(open_session(arguments)[0])
    roles = policy.roles_of(os_user(), unix_groups(os_user()))
    print(f"{policy.origin}: good")
    print(f"you ({os_user()}) have: {', '.join(role.name for role in roles) or 'no role, so you may do nothing'}")
    return OK


@dataclass(frozen=True, slots=True)
class StorePlaces:
    """Where things of one cluster stand, as the store has them."""

    kind: TargetKind
    nodes: Mapping[str, Node]
    jobs: Mapping[str, Job]
    alerts: Mapping[str, Alert]
    names: NodeNames


def _explain(arguments: argparse.Namespace) -> int:
    session, _ = open_session(arguments)
    cluster = one_cluster(session, arguments.cluster)
    policy = policy_of(session)
    kind, names = typed_targets(BY_NAME[arguments.verb], arguments.targets)
    places = _places(asyncio.run(list_once(session, ("node", "job"))), cluster, kind)
    user = arguments.user or os_user()
    request = _request(places, cluster.name, arguments.verb, names, user)
    decision = policy.decide(replace(request, has_second=session.approvals is not None))
    for gate in decision.gates:
        print(gate)
    print(f"answer: {'yes' if decision.allowed else 'no'}, {decision.why}")
    return OK if decision.allowed else REFUSED


def _places(store: Store, cluster: ClusterSession, kind: TargetKind) -> StorePlaces:
    names = NodeNames(cluster.node_rules)
    nodes = {node.name: node for node in store.nodes.values() if node.cluster == cluster.name}
    names.learn(nodes)
    jobs = {job.id: job for job in store.jobs.values() if job.cluster == cluster.name}
    alerts = {alert.fingerprint: alert for alert in store.alerts.values() if alert.cluster == cluster.name}
    return StorePlaces(kind, nodes, jobs, alerts, names)


def _request(places: StorePlaces, cluster: str, verb: str, names: tuple[str, ...], user: str) -> PolicyRequest:
    sizes = Counter(partition for node in places.nodes.values() for partition in node.partitions)
    return PolicyRequest(
        user=user,
        groups=unix_groups(user),
        cluster=cluster,
        verb=verb,
        targets=tuple(policy_target(name, places) for name in names),
        now=time.time(),
        partition_sizes=sizes,
    )
