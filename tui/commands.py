"""Every command of the cockpit, declared once.

Bindings, footer, help, palette, keymap overrides and the README's key table are read from this table. No command
changes a cluster: those that lead there (`x`, `s`, `:`) open a menu, and behind it a preview with its confirmation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Scope = Literal[
    "app", "motion", "list", "alerts", "heatmap", "page", "prompt", "menu", "form", "confirm", "progress", "text"
]  # fmt: skip

SCOPE_TITLES: dict[Scope, str] = {
    "app": "Everywhere",
    "motion": "Moving",
    "list": "Lists",
    "alerts": "Alerts",
    "heatmap": "Heatmap",
    "page": "Details",
    "prompt": "Filter and command line",
    "menu": "Action menu",
    "form": "Forms",
    "confirm": "Confirmation",
    "progress": "Progress",
    "text": "Help and saved output",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `keys` are Textual key names, comma-separated; `call` is the action on the scope's widget.

    `at_once` runs it before the next key is handed out: on a bad link keys come in one packet, and the letter after `/`
    must not reach the list as a command.
    """

    id: str
    keys: str
    title: str
    help: str
    scope: Scope
    call: str
    footer: bool = False
    verb: str | None = None
    at_once: bool = False

    def binding(self) -> Binding:
        """The Textual binding; its id makes it a subject of the user's keymap."""
        return Binding(
            self.keys, self.call, self.title, show=False, tooltip=self.help, id=self.id, priority=self.at_once
        )


COMMANDS: tuple[Command, ...] = (
    # everywhere
    Command("go.heatmap", "1", "Heatmap", "Every GPU of the cluster at a glance.", "app", "go('heatmap')"),
    Command("go.nodes", "2", "Nodes", "All nodes.", "app", "go('nodes')"),
    Command("go.jobs", "3", "Jobs", "All jobs.", "app", "go('jobs')"),
    Command("go.alerts", "4", "Alerts", "All alerts.", "app", "go('alerts')"),
    Command("go.queues", "5", "Queues", "Partitions and what waits in them.", "app", "go('queues')"),
    Command("go.audit", "8", "Audit", "What was done, by whom, and how it ended.", "app", "go('audit')"),
    Command(
        "app.filter",
        "slash",
        "Filter",
        "Narrow the view: state=drained, gpus>4, a word.",
        "app",
        "filter",
        True,
        at_once=True,
    ),
    Command(
        "app.command", "colon", "Command", "Type a command; Tab completes.", "app", "command_line", True, at_once=True
    ),
    Command("app.actions", "x", "Act", "Open the action menu: the only way to a change.", "app", "actions", True),
    Command("app.shell", "s", "Shell", "Ask for a recorded shell on the node.", "app", "shell", verb="shell"),
    Command("app.undo", "Z", "Undo", "Ask to take back the last thing you did, with its preview.", "app", "app.undo"),
    Command("app.freeze", "P", "Freeze", "Hold the picture still; ages go on counting.", "app", "app.freeze", True),
    Command("app.clusters", "0", "All clusters", "Show every cluster again.", "app", "app.all_clusters"),
    Command("app.help", "question_mark", "Help", "Keys of this view.", "app", "app.help", True),
    Command("history.back", "left_square_bracket", "Back", "To the view before.", "app", "back"),
    Command("history.forward", "right_square_bracket", "Forward", "To the view after.", "app", "forward"),
    Command("history.last", "minus", "Last view", "Between this view and the last one.", "app", "last_view"),
    Command("app.escape", "escape", "Out", "Leave details, drop marks, then the filter. Never quits.", "app", "escape"),
    Command("app.close", "q", "Close", "Close this view; at the root, ask whether to quit.", "app", "app.close", True),
    Command(
        "app.refresh", "ctrl+r", "Refresh", "Read what this view reads itself again, and repaint.", "app", "app.again"
    ),
    Command("app.quit", "ctrl+c", "Quit", "Ask whether to quit.", "app", "app.ask_to_quit"),
    Command("app.repaint", "ctrl+l", "Repaint", "Paint the whole terminal anew.", "app", "app.repaint"),
    # moving
    Command("move.down", "j,down", "Down", "One line down.", "motion", "step(0, 1)"),
    Command("move.up", "k,up", "Up", "One line up.", "motion", "step(0, -1)"),
    Command("move.half_down", "ctrl+d", "Half page down", "Half a page down.", "motion", "page(0.5)"),
    Command("move.half_up", "ctrl+u", "Half page up", "Half a page up.", "motion", "page(-0.5)"),
    Command("move.page_down", "pagedown", "Page down", "A page down.", "motion", "page(1.0)"),
    Command("move.page_up", "pageup", "Page up", "A page up.", "motion", "page(-1.0)"),
    Command("move.top", "g,home", "Top", "To the first line.", "motion", "edge(-1)"),
    Command("move.bottom", "G,end", "Bottom", "To the last line.", "motion", "edge(1)"),
    Command("move.open", "enter,d", "Details", "Open what the cursor is on.", "motion", "open", True),
    Command("move.copy", "c,y", "Copy name", "Copy the name to the clipboard (OSC 52).", "motion", "copy"),
    # lists
    Command("list.mark", "space", "Mark", "Mark or unmark the line.", "list", "mark", True),
    Command("list.range", "V", "Mark range", "Mark from the last mark to here.", "list", "mark_range"),
    Command("list.clear", "u", "Unmark all", "Drop all marks.", "list", "clear_marks"),
    Command("list.sort", "o", "Sort", "Sort by the next column; again for the one after.", "list", "sort_next", True),
    Command("list.reverse", "O", "Reverse", "Turn the order round.", "list", "sort_reverse"),
    # alerts
    Command("alerts.group", "b", "Group", "Group by alert name, node or rack, or not at all.", "alerts", "group", True),
    Command(
        "alerts.silences", "S", "Silences", "Silences: whose, until when.", "alerts", "screen.go('silences')", True
    ),
    Command("alerts.targets", "T", "Targets", "Scrape targets that fail.", "alerts", "screen.go('targets')"),
    # heatmap
    Command("heat.left", "h,left", "Left", "One GPU to the left.", "heatmap", "step(-1, 0)"),
    Command("heat.right", "l,right", "Right", "One GPU to the right.", "heatmap", "step(1, 0)"),
    Command(
        "heat.metric", "m", "Metric", "Next metric: allocation, use, memory, heat, ...", "heatmap", "metric(1)", True
    ),
    Command("heat.metric_back", "M", "Metric back", "The metric before.", "heatmap", "metric(-1)"),
    Command("heat.zoom", "z", "Zoom", "One cell a GPU, or one cell a node.", "heatmap", "zoom", True),
    Command("heat.group", "b", "Group by", "Group nodes by rack, switch, partition or job.", "heatmap", "group", True),
    Command("heat.worst", "n", "Next fault", "To the next GPU or node with a fault.", "heatmap", "next_fault"),
    # filter and command line
    Command("prompt.accept", "enter", "Accept", "Keep the filter, or run the command.", "prompt", "accept", True),
    Command("prompt.cancel", "escape", "Cancel", "As it was before.", "prompt", "cancel", True),
    Command("prompt.complete", "tab", "Complete", "Complete the word; again for the next.", "prompt", "complete", True),
    Command("prompt.older", "up", "Older", "What was typed before.", "prompt", "recall(-1)"),
    Command("prompt.newer", "down", "Newer", "What was typed after.", "prompt", "recall(1)"),
    # action menu and forms
    Command("menu.down", "down", "Down", "Next action.", "menu", "step(1)"),
    Command("menu.up", "up", "Up", "Action before.", "menu", "step(-1)"),
    Command("menu.choose", "enter", "Choose", "Open the preview of the action.", "menu", "choose", True),
    Command("menu.close", "escape", "Close", "Do nothing.", "menu", "close", True),
    Command("form.next", "enter", "Next", "To the next field, then to the preview.", "form", "next", True),
    Command("form.close", "escape", "Cancel", "Do nothing.", "form", "close", True),
    # confirmation and progress
    Command("confirm.cancel", "escape", "Cancel", "Nothing is done. This is the default.", "confirm", "cancel", True),
    Command("confirm.down", "down,pagedown", "More", "Scroll the preview.", "confirm", "scroll(1)", True),
    Command("confirm.up", "up,pageup", "Back", "Scroll the preview.", "confirm", "scroll(-1)"),
    Command("progress.down", "j,down", "Down", "Next target.", "progress", "step(1)"),
    Command("progress.up", "k,up", "Up", "Target before.", "progress", "step(-1)"),
    Command("progress.output", "enter,o", "Output", "What the target said.", "progress", "output", True),
    Command("progress.retry", "r", "Retry failed", "Plan the failed targets again.", "progress", "retry", True),
    Command(
        "progress.stop", "c", "Stop", "Start no more targets; what runs, runs to its end.", "progress", "stop", True
    ),
    Command("progress.close", "escape,q", "Close", "Back; a running action goes on.", "progress", "close", True),
    Command("text.down", "j,down", "Down", "One line down.", "text", "step(1)"),
    Command("text.up", "k,up", "Up", "One line up.", "text", "step(-1)"),
    Command("text.page_down", "space,pagedown,ctrl+d", "Page down", "A page down.", "text", "page(1)", True),
    Command("text.page_up", "pageup,ctrl+u", "Page up", "A page up.", "text", "page(-1)"),
    Command("text.top", "g,home", "Top", "To the first line.", "text", "edge(-1)"),
    Command("text.bottom", "G,end", "Bottom", "To the last line.", "text", "edge(1)"),
    Command("text.close", "escape,q,question_mark", "Close", "Back.", "text", "close", True),
)

BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}

_SHOWN = {
    "slash": "/", "colon": ":", "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]",
    "minus": "-", "escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "down": "↓", "up": "↑", "left": "←",
    "right": "→",
}  # fmt: skip


def of(scope: Scope) -> Iterator[Command]:
    """The commands of one scope, in the table's order."""
    return (command for command in COMMANDS if command.scope == scope)


def bindings(*scopes: Scope) -> list[Binding]:
    """What a widget or screen of these scopes binds."""
    return [command.binding() for scope in scopes for command in of(scope)]


def shown_keys(keys: str) -> str:
    """Key names as people write them: `j ↓`, `^d`, `/`."""
    return " ".join(_shown(key) for key in keys.split(","))


def _shown(key: str) -> str:
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+')}"
    return _SHOWN.get(key, key)


def unknown_ids(keymap: Mapping[str, str]) -> list[str]:
    """Ids of a keymap that name no command."""
    return sorted(set(keymap) - set(BY_ID))


def footer(scopes: Iterable[Scope], keymap: Mapping[str, str]) -> list[tuple[Command, str]]:
    """The most useful commands of these scopes with the first of their keys."""
    return [
        (command, _shown(keymap.get(command.id, command.keys).split(",")[0]))
        for scope in scopes
        for command in of(scope)
        if command.footer
    ]


def markdown() -> str:
    """The key table of the README."""
    lines = ["| Keys | Command | What it does |", "|---|---|---|"]
    for scope, title in SCOPE_TITLES.items():
        lines.append(f"| | **{title}** | |")
        for command in of(scope):
            keys = " ".join(f"`{_shown(key)}`" for key in command.keys.split(","))
            lines.append(f"| {keys} | {command.title} | {command.help} |")
    return "\n".join(lines) + "\n"
