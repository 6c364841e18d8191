"""What is the same for every object of one cluster: its name, the site's rules and labels, the server's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from crashcart.backends.contract import Context
from crashcart.backends.errors import BadIdentifier
from crashcart.backends.http.server_clock import ServerClock
from crashcart.backends.text import clean, node_name, user_name

from .amounts import GpuResources
from .moments import moment
from .options import Options

SOURCE = "kubernetes"


class Site:
    """Turns names and times of the API into ours, and counts what had to be left out."""

    def __init__(self, context: Context, clock: ServerClock) -> None:
        self.cluster = context.cluster
        self.options: Options = context.options
        self.gpus = GpuResources(self.options.all_gpu_resources)
        self.left_out: dict[str, set[str]] = {}  # "pod" -> keys of those whose name cannot be used
        self._clock = clock
        self._rules = context.node_name
        self._nodes: dict[str, str | None] = {}

    def node(self, raw: str) -> str | None:
        """A node's name after node_rules; None for what is no identifier."""
        if raw not in self._nodes:
            try:
                self._nodes[raw] = node_name(self._rules(node_name(raw)))
            except BadIdentifier:
                self._nodes[raw] = None
        return self._nodes[raw]

    def leave_out(self, kind: str, key: str, *, is_left_out: bool) -> None:
        """Note whether this object cannot be shown for its name."""
        if is_left_out:
            self.left_out.setdefault(kind, set()).add(key)
        elif kind in self.left_out:
            self.left_out[kind].discard(key)

    def time(self, told: datetime | None) -> float | None:
        """Unix seconds on our clock."""
        return None if told is None else moment(self._clock, told)

    def user(self, *told: Mapping[str, str] | None) -> str | None:
        """Who is named by the first label or annotation that names a user."""
        for label in self.options.user_labels:
            for names in told:
                if names and (name := names.get(label)):
                    try:
                        return user_name(name)
                    except BadIdentifier:
                        continue
        return None


def first_label(labels: Mapping[str, str] | None, names: Sequence[str]) -> str | None:
    """The value of the first of these labels that is there."""
    for name in names:
        if labels and (value := labels.get(name)):
            return clean(value, limit=80)
    return None
