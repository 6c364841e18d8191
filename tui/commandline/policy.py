"""`crashcart policy`: write a starter, check a file, explain a decision gate by gate."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path

from crashcart.backends.errors import BadIdentifier
from crashcart.ops.actor import os_user, unix_groups
from crashcart.ops.config import SYSTEM_POLICY, user_policy
from crashcart.ops.policy import Policy, PolicyRequest, PolicyTarget
from crashcart.ops.policy_load import PolicyError, policy_of, read_policy
from crashcart.ops.policy_starter import starter_policy
from crashcart.ops.store import Store
from crashcart.ops.targets import TargetError, expand, expand_jobs
from crashcart.ops.verbs import BY_NAME

from .exits import OK, REFUSED, CommandError
from .listing import list_once
from .opening import one_cluster, open_config, open_session


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


def _explain(arguments: argparse.Namespace) -> int:
    session, _ = open_session(arguments)
    cluster = one_cluster(session, arguments.cluster)
    policy = policy_of(session)
    names = _names(arguments.verb, arguments.targets)
    store = asyncio.run(list_once(session, ("node", "job")))
    user = arguments.user or os_user()
    decision = policy.decide(_request(policy, store, cluster.name, arguments.verb, names, user))
    for gate in decision.gates:
        print(gate)
    print(f"answer: {'yes' if decision.allowed else 'no'}, {decision.why}")
    return OK if decision.allowed else REFUSED


def _names(verb: str, texts: list[str]) -> tuple[str, ...]:
    read = expand if BY_NAME[verb].target == "node" else expand_jobs
    return tuple(name for text in texts for name in read(text))


def _request(policy: Policy, store: Store, cluster: str, verb: str, names: tuple[str, ...], user: str) -> PolicyRequest:
    sizes: dict[str, int] = {}
    for node in store.nodes.values():
        for partition in node.partitions:
            sizes[partition] = sizes.get(partition, 0) + 1
    return PolicyRequest(
        user=user,
        groups=unix_groups(user),
        cluster=cluster,
        verb=verb,
        targets=tuple(PolicyTarget(name, _partitions(store, f"{cluster}/{name}", verb)) for name in names),
        now=time.time(),
        partition_sizes=sizes,
    )


def _partitions(store: Store, key: str, verb: str) -> tuple[str, ...]:
    if BY_NAME[verb].target == "node":
        return store.nodes[key].partitions if key in store.nodes else ()
    job = store.jobs.get(key)
    return tuple((job.partition or "").split(",")) if job else ()
