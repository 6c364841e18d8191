"""`crashcart act`: the same plan, confirmation, audit and read-back as the cockpit, in lines of text."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.protocol import Finished, Plan, Planned, Progress, Refused, TargetResult
from crashcart.ops.targets import TargetError
from crashcart.ops.verbs import BY_NAME

from .exits import FAILED, OK, REFUSED, UNKNOWN, USAGE, CommandError
from .opening import one_cluster, open_session
from .plan_text import plan_lines
from .typed_targets import typed_targets

OUTCOMES = {"VERIFIED": OK, "FAILED": FAILED, "UNKNOWN": UNKNOWN, "PARTIAL": UNKNOWN, "CANCELLED": FAILED}
REFUSALS = {
    "policy": REFUSED,
    "usage": USAGE,
    "unavailable": FAILED,
    "confirmation": REFUSED,
    "approval": REFUSED,
    "audit": FAILED,
}
FOREIGN_WORDS = "pass --take-over to override it"


def run(arguments: argparse.Namespace) -> int:
    """Plan, ask, act; the exit status is that of the worst target."""
    if getattr(arguments, "read_only", False):
        raise CommandError("read-only: nothing that could change a cluster is started", REFUSED)
    if arguments.verb == "shell":
        raise CommandError("a shell needs the cockpit's screen: open it and press s on the node")
    session, _ = open_session(arguments)
    cluster = one_cluster(session, arguments.cluster)
    return asyncio.run(_act(ExecutorLink(session), cluster.name, arguments))


def _params(arguments: argparse.Namespace) -> dict[str, str]:
    params = {"reason": arguments.reason} if arguments.reason else {}
    if arguments.break_glass:
        params["incident"] = arguments.break_glass
    for pair in arguments.set:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise CommandError(f"--set {pair}: write NAME=VALUE")
        params[name] = value
    return params


async def _act(link: ExecutorLink, cluster: str, arguments: argparse.Namespace) -> int:
    params = _params(arguments)
    try:
        kind, targets = typed_targets(BY_NAME[arguments.verb], arguments.targets)
    except TargetError as error:
        raise CommandError(str(error)) from error
    try:
        answer = await link.plan(cluster, arguments.verb, targets, params, kind)
        if isinstance(answer, Refused):
            return refused(answer, arguments.verb, arguments, targets)
        return await confirmed(link, answer, arguments)
    finally:
        await link.close()


async def confirmed(link: ExecutorLink, planned: Planned, arguments: argparse.Namespace) -> int:
    """Show a plan, have it confirmed, and report how it ended."""
    plan = planned.plan
    for_people = arguments.output != "json"
    print("\n".join(plan_lines(plan)), file=sys.stdout if for_people else sys.stderr)
    if arguments.dry_run:
        if not for_people:
            results = [TargetResult(target.target, "PLANNED", "; ".join(target.commands)) for target in plan.targets]
            _print_json(plan, tuple(results))
        await link.cancel(plan.plan_id)
        return OK
    typed, foreign = await asyncio.to_thread(_typed, plan, arguments)
    if plan.confirmation.kind == "second-person":
        print(
            f"request {plan.plan_id[:8]}: crashcart approvals approve {plan.plan_id[:8]}", file=sys.stderr, flush=True
        )
    answer = await link.confirm(plan.plan_id, typed, foreign, on_progress=_progress if for_people else None)
    if isinstance(answer, Refused):
        return refused(answer, plan.verb, arguments, tuple(target.target for target in plan.targets))
    _report(plan, answer, for_people)
    return OUTCOMES.get(answer.state, UNKNOWN)


def _typed(plan: Plan, arguments: argparse.Namespace) -> tuple[str, str]:
    """What the operator types, or what --yes types for them."""
    wanted = plan.confirmation
    if wanted.foreign and not arguments.take_over and (arguments.yes or not sys.stdin.isatty()):
        holders = ", ".join(sorted({target.held_by for target in plan.targets if target.held_by}))
        raise CommandError(f"held by {holders}: {FOREIGN_WORDS}", REFUSED)
    if arguments.yes and plan.break_glass:
        raise CommandError("breaking the glass is typed by hand: --yes does not do it", REFUSED)
    if arguments.yes:
        return wanted.expect, wanted.foreign or ""
    if not sys.stdin.isatty():
        raise CommandError("nobody is there to confirm: --yes answers for you", REFUSED)
    expected = f"{wanted.prompt} ({wanted.expect}): " if plan.break_glass else f"{wanted.prompt} "
    print(expected, end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline().strip()
    if not wanted.foreign or arguments.take_over:
        return typed, wanted.foreign or ""
    print(f"somebody else holds it; type {wanted.foreign} to override: ", end="", file=sys.stderr, flush=True)
    return typed, sys.stdin.readline().strip()


def _progress(progress: Progress) -> None:
    if progress.state == "CONFIRMED" and "left" in progress.detail and not progress.detail.endswith(":00 left"):
        return  # a line a minute says enough of a second person who has not answered yet
    print(f"{progress.target}: {progress.state} {progress.detail}".rstrip(), file=sys.stderr, flush=True)


def _report(plan: Plan, finished: Finished, for_people: bool) -> None:
    if not for_people:
        _print_json(plan, finished.results)
        return
    for result in finished.results:
        print(f"{result.target}: {result.state}  {result.detail}".rstrip())
        for line in (f"seen: {result.seen}", f"saved: {result.saved}"):
            if not line.endswith((": ", ": None")):
                print(f"  {line}")
        if result.output:
            print(result.output)
    print(f"{plan.verb}: {finished.state}")


def _print_json(plan: Plan, results: tuple[TargetResult, ...]) -> None:
    """One object a line, so that a reader need not wait for the last target."""
    for result in results:
        print(json.dumps(_object(plan, result), ensure_ascii=False))


def _object(plan: Plan, result: TargetResult) -> dict[str, Any]:
    return {
        "action_id": plan.plan_id,
        "verb": plan.verb,
        "cluster": plan.cluster,
        "target": result.target,
        "state": result.state,
        "detail": result.detail,
        "seen": result.seen or None,
        "saved": result.saved,
    }


def refused(said: Refused, verb: str, arguments: argparse.Namespace, targets: tuple[str, ...]) -> int:
    """Say why nothing was done; returns the exit status."""
    print(f"crashcart: refused ({said.code}): {said.why}", file=sys.stderr)
    for gate in said.gates:
        print(f"  {gate}", file=sys.stderr)
    if arguments.output == "json":
        row = {"action_id": None, "verb": verb, "state": "REFUSED", "detail": said.why}
        for target in targets:
            print(json.dumps(row | {"target": target}, ensure_ascii=False))
    return REFUSALS.get(said.code, UNKNOWN)
