"""Shell: open a terminal on the node; everything it shows is recorded."""

from __future__ import annotations

from crashcart.backends.model import Job
from crashcart.ops.protocol import TargetPlan

from .base import CannotAct, Scene, Session, words
from .node_verb import running_note


class Shell(Session):
    """The recording lies beside the audit log. What is typed there is the operator's own doing and has no preview."""

    verb = "shell"
    params = frozenset({"term", "columns", "rows"})

    def unavailable(self, target: str, scene: Scene) -> str | None:
        if scene.powers.shells is None:
            return f"nothing in {scene.cluster.name} can open a shell with this configuration"
        scene.node(target)
        return None

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        if scene.powers.shells is None:
            raise CannotAct(f"nothing in {scene.cluster.name} can open a shell")
        return TargetPlan(
            target=target,
            commands=(scene.powers.shells.shell_text(scene.host(target)),),
            state=words(scene.node(target)),
            notes=(running_note(self.touched_jobs(target, scene)), "the terminal is recorded"),
            warnings=("what you type there is not checked by the policy and cannot be undone from here",),
        )

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "nothing: what is done in the shell is done"

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return scene.running[target]
