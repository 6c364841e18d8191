"""The commands that an operator would type for what we do through the API."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from .cordoned_by import AT, BY, REASON
from .options import Options

_NOW = '"$(date -u +%FT%TZ)"'


class Kubectl:
    """Writes commands for one cluster of one kubeconfig."""

    def __init__(self, options: Options) -> None:
        words = ["kubectl"]
        for flag, value in (
            ("--kubeconfig", options.kubeconfig),
            ("--context", options.context),
            ("--as", options.impersonate),
        ):
            words += [flag, value] if value is not None else []
        self._start = tuple(words)

    def text(self, *words: str) -> str:
        """One command."""
        return shlex.join((*self._start, *words))

    def cordon(self, node: str, by: str, reason: str) -> str:
        marks = self.text("annotate", "node", node, "--overwrite", f"{BY}={by}", f"{REASON}={reason}")
        return f"{self.text('cordon', node)} && {marks} {AT}={_NOW}"

    def uncordon(self, node: str) -> str:
        return (
            f"{self.text('uncordon', node)} && {self.text('annotate', 'node', node, f'{BY}-', f'{REASON}-', f'{AT}-')}"
        )

    def drain(self, node: str, seconds: float) -> str:
        """It waits for budgets as we do, and tries blocked pods every 5 s."""
        flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", f"--timeout={seconds:.0f}s")
        return self.text("drain", node, *flags)

    def patch(self, namespace: str, resource: str, name: str, change: Any) -> str:
        body = json.dumps(change, separators=(",", ":"))
        return self.text("-n", namespace, "patch", resource, name, "--type=merge", "-p", body)

    def wait_gone(self, namespace: str, selector: str, seconds: float) -> str:
        """Until the pods that match are no more."""
        return self.text("-n", namespace, "wait", "--for=delete", "pod", "-l", selector, f"--timeout={seconds:.0f}s")

    def delete(self, namespace: str, resource: str, name: str) -> str:
        return self.text("-n", namespace, "delete", resource, name, "--cascade=foreground", "--wait=false")

    def run(self, namespace: str, pods: Sequence[str], container: str, command: Sequence[str]) -> str:
        """A command in one container of each pod."""
        if len(pods) == 1:
            return self.text("-n", namespace, "exec", pods[0], "-c", container, "--", *command)
        words = self.text("-n", namespace, "exec", "POD", "-c", container, "--", *command).replace(" POD ", ' "$pod" ')
        return f"for pod in {shlex.join(pods)}; do {words}; done"
