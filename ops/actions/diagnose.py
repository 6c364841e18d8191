"""Diagnose: run a read-only check on a node and keep what it says."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from crashcart.backends.contract import CommandResult, CommandRunner
from crashcart.backends.diagnostics import CHECKS, Check
from crashcart.backends.model import Job
from crashcart.backends.text import clean
from crashcart.ops.protocol import ActionState, TargetPlan, TargetResult

from .base import BadParams, CannotAct, Reading, Scene, words
from .saved_output import save

SAVED_LIMIT = 8 << 20
_STATES: dict[str, ActionState] = {"ok": "VERIFIED", "failed": "FAILED", "not_sent": "FAILED", "unknown": "UNKNOWN"}


class Diagnose(Reading):
    """The output is evidence: it is saved whole beside the audit log, and shown as far as it is short."""

    verb = "diagnose"
    params = frozenset({"check"})

    def check_params(self, params: Mapping[str, str]) -> None:
        super().check_params(params)
        if params.get("check") not in CHECKS:
            name = clean(params.get("check", ""), limit=40)
            raise BadParams(f"diagnose needs check=NAME, not {name!r}; there are {', '.join(sorted(CHECKS))}")

    def unavailable(self, target: str, scene: Scene) -> str | None:
        if scene.powers.commands is None:
            return f"nothing in {scene.cluster.name} can run commands on nodes with this configuration"
        node, check = scene.node(target), _check(scene)
        if check.needs_drained and not (node.is_draining and not node.is_busy):
            return f"{check.title} disturbs running work: {node.name} must be drained first, and is {words(node)}"
        return None

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        check = _check(scene)
        runner = _commands(scene, target)
        return TargetPlan(
            target=target,
            commands=(f"{shlex.join(check.argv)}  # {runner.where}",),
            state=words(scene.node(target)),
            notes=(check.help, f"at most {check.timeout_seconds:.0f} s"),
        )

    async def collect(self, target: str, scene: Scene, folder: Path) -> TargetResult:
        check = _check(scene)
        result = await _commands(scene, target).run(check.argv, timeout=check.timeout_seconds, limit=SAVED_LIMIT)
        text = _text(result)
        shown, saved = save(folder, f"{target}-{check.name}", text)
        if check.found_nothing(result):
            return TargetResult(target, "VERIFIED", "nothing found", "", shown, saved)
        return TargetResult(target, _STATES[result.state], _detail(result), "", shown, saved)

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "nothing to undo: it only reads"

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return ()


def _check(scene: Scene) -> Check:
    return CHECKS[scene.params["check"]]


def _commands(scene: Scene, target: str) -> CommandRunner:
    if scene.powers.commands is None:
        raise CannotAct(f"nothing in {scene.cluster.name} can run commands on nodes")
    return scene.powers.commands.host_runner(scene.host(target))


def _text(result: CommandResult) -> str:
    parts = [clean(result.stdout, limit=SAVED_LIMIT, multiline=True)]
    if result.stderr:
        parts.append(clean(result.stderr, limit=SAVED_LIMIT, multiline=True))
    return "\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _detail(result: CommandResult) -> str:
    if result.state == "unknown":
        return clean(result.detail, limit=200) or "the link was lost, there is no exit status"
    if result.state == "not_sent":
        return f"not run: {clean(result.detail, limit=200)}"
    cut = "; the output was cut" if result.truncated else ""
    return f"exit status {result.exit_status}{cut}"
