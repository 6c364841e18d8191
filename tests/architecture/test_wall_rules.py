"""A wall is read-only by its structure: nothing that could change a cluster is ever imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WALL = [*sorted((ROOT / "tui" / "wall").glob("*.py")), ROOT / "tui" / "commandline" / "wall.py"]
HANDS = ("executor", "executor_link", "runner", "flow", "shell", "shells", "actions", "action_run", "policy", "planner",
         "protocol", "powers", "confirm", "command_line", "requests", "app", "screens", "commands")  # fmt: skip
OWN = "crashcart.tui.wall"


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if not name.startswith(OWN)}


def test_no_module_of_the_wall_names_what_could_act() -> None:
    for path in WALL:
        for name in imported(path):
            assert not (name.startswith("crashcart.") and set(name.split(".")) & set(HANDS)), f"{path.name}: {name}"


def test_no_module_of_the_wall_starts_a_process_or_opens_a_connection() -> None:
    for path in WALL:
        if path.name != "watchdog.py":  # to systemd, one word a second
            assert "socket" not in imported(path), path.name
        assert not imported(path) & {"subprocess", "requests", "asyncssh", "pty"}, path.name


def test_a_process_that_shows_a_wall_has_no_hands() -> None:
    script = "import sys, crashcart.tui.wall.app, crashcart.tui.commandline.wall; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = [name for name in done.stdout.split() if name.startswith("crashcart.") and not name.startswith(OWN)]
    assert loaded
    assert not [name for name in loaded if set(name.split(".")) & set(HANDS)]
    assert not {"asyncssh", "kubernetes", "requests", "numpy"} & set(done.stdout.split())
