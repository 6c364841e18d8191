"""`crashcart doctor`: everything this machine needs, one line each, with the next step where something is wrong."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

from crashcart.ops import audit_read
from crashcart.ops.actor import os_user, unix_groups
from crashcart.ops.config import Config
from crashcart.ops.policy_load import PolicyError, policy_of
from crashcart.ops.session import Session
from crashcart.ops.store import Store

from .exits import FAILED, OK
from .listing import list_once
from .opening import open_session

Mark = Literal["ok", "warn", "FAIL"]


class Finding(NamedTuple):
    """One line of the report."""

    mark: Mark
    what: str
    says: str


def run(arguments: argparse.Namespace) -> int:
    """Print the report; exit 4 when something that is configured does not work."""
    session, config = open_session(arguments)
    findings = [*_machine(), *_files(config), *_sources(session), *_policy(session), *_audit(session)]
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{finding.mark:<4}  {finding.what:<{width}}  {finding.says}")
    return FAILED if any(finding.mark == "FAIL" for finding in findings) else OK


def _machine() -> Iterator[Finding]:
    versions = ", ".join(f"{name} {version(name)}" for name in ("crashcart", "textual", "asyncssh", "msgspec"))
    yield Finding("ok", "versions", f"Python {platform.python_version()}, {versions}")
    term, colors = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if term in ("", "dumb") and sys.stdout.isatty():
        yield Finding("warn", "terminal", f"TERM={term!r}: the cockpit needs a real terminal, e.g. TERM=xterm-256color")
    else:
        depth = "true colour" if colors in ("truecolor", "24bit") else "colours as TERM says"
        yield Finding("ok", "terminal", f"TERM={term or 'not set'}, {depth}")
    encoding = (sys.stdout.encoding or "").lower()
    if "utf" not in encoding:
        yield Finding("warn", "encoding", f"{encoding or 'unknown'}: set a UTF-8 locale, e.g. LANG=C.UTF-8")


def _files(config: Config) -> Iterator[Finding]:
    if not config.files:
        yield Finding("ok", "configuration", "no file; what this machine has is used, else the demo cluster")
    for path in config.files:
        yield Finding("ok", "configuration", str(path))


def _sources(session: Session) -> Iterator[Finding]:
    store = asyncio.run(list_once(session, ("node", "job", "queue", "alert", "check")))
    if session.attach is not None:
        yield from _shared(session, session.attach, store)
        return
    for cluster in session.clusters:
        for backend in cluster.backends:
            yield from _source(store, cluster.name, backend)


def _shared(session: Session, attach: str, store: Store) -> Iterator[Finding]:
    """What a shared collector says, and which of its clusters this machine can act on."""
    shown, known = set(store.clusters()), {cluster.name for cluster in session.clusters}
    if store.collector_trouble or not shown:
        yield Finding("FAIL", "collector", store.collector_trouble or f"the collector at {attach} did not answer")
        return
    yield Finding("ok", "collector", f"attached to {attach}; it collects {', '.join(sorted(shown))}")
    for cluster, backend in sorted(store.sources):
        yield from _source(store, cluster, backend)
    for name in sorted(shown - known):
        says = f"is shown and cannot be acted on from here; add [cluster.{name}] to the configuration for that"
        yield Finding("warn", name, says)
    for name in sorted(known - shown):
        yield Finding("warn", name, "is configured here and not collected by that collector: it is not shown")


def _source(store: Store, cluster: str, backend: str) -> Iterator[Finding]:
    """How it answers, and what it says about itself."""
    what = f"{cluster}/{backend}"
    source = store.sources.get((cluster, backend))
    if source is None:
        feeds = any(name == cluster for name, _ in store.sources)
        yield Finding("ok" if feeds else "FAIL", what, "acts only, feeds nothing" if feeds else "no answer")
    elif source.state != "live":
        yield Finding("FAIL", what, f"{source.state}: {source.detail or 'no answer yet'}")
    else:
        counts = [
            f"{sum(entity.cluster == cluster for entity in table.values())} {kind}s"
            for kind, table in store.entities.items()
        ]
        yield Finding("ok", what, f"live: {', '.join(counts)}; every {source.interval_seconds:g} s")
        yield from _checks(store, cluster, backend)


def _checks(store: Store, cluster: str, backend: str) -> Iterator[Finding]:
    """What a source found to be wrong with itself or with what it reads."""
    for check in sorted(store.checks.values(), key=lambda check: check.name):
        if (check.cluster, check.source) == (cluster, backend) and check.state != "ok":
            mark: Mark = "FAIL" if check.state == "critical" else "warn"
            yield Finding(mark, f"{cluster}/{backend}", f"{check.name}: {check.detail or check.state}")


def _policy(session: Session) -> Iterator[Finding]:
    try:
        policy = policy_of(session)
    except PolicyError as error:
        yield Finding("FAIL", "policy", str(error))
        return
    roles = ", ".join(role.name for role in policy.roles_of(os_user(), unix_groups(os_user())))
    if not roles:
        yield Finding("warn", "policy", f"{os_user()} may look and do nothing: {policy.origin}")
    else:
        yield Finding("ok", "policy", f"{os_user()} is {roles}: {policy.origin}")


def _audit(session: Session) -> Iterator[Finding]:
    path = Path(session.audit_file)
    try:
        found = audit_read.verify(path)
    except FileNotFoundError:
        yield Finding("ok", "audit", f"{path}: none yet; the first action makes it")
        return
    except OSError as error:
        yield Finding("FAIL", "audit", f"{path}: cannot be read ({error.strerror}); no action will start")
        return
    if found.bad is not None:
        yield Finding("FAIL", "audit", f"{path}:{found.bad.line}: {found.bad.what}")
    elif not os.access(path, os.W_OK):
        yield Finding("FAIL", "audit", f"{path}: cannot be written; no action will start")
    else:
        yield Finding("ok", "audit", f"{path}: {found.count} records, chain unbroken")
    for action in audit_read.open_actions(path):
        yield Finding("warn", "audit", f"{action.verb} {', '.join(action.targets)}: its end is not on record")
