"""The shape of the tree: what is packaged, how large a file may be, what may be imported where."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("tui", "ops", "backends", "themes")
SOURCES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
BANNED_NAMES = ("utils", "helpers", "manager", "misc", "common")
BROAD_EXCEPT_ALLOWED = {"ops/supervisor.py", "ops/fan_out.py"}


def test_every_package_directory_is_declared() -> None:
    declared = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    on_disk = {
        "crashcart." + ".".join(init.parent.relative_to(ROOT).parts)
        for layer in LAYERS
        for init in (ROOT / layer).rglob("__init__.py")
    }
    assert declared == on_disk


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE, "split the file: one idea each"
    assert path.stem not in BANNED_NAMES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno
            assert length <= LONGEST_FUNCTION, f"{node.name} is {length} lines long"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_its_idea(path: Path) -> None:
    text = path.read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module begins with its one idea"


def test_only_the_two_supervisors_catch_everything() -> None:
    broad = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    }
    assert broad <= BROAD_EXCEPT_ALLOWED


def modules_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["ops.collector", "ops.executor", "ops.runner", "ops.config", "backends.registry"])
def test_headless_modules_load_no_screen(module: str) -> None:
    loaded = modules_after(f"import crashcart.{module}")
    assert not {"textual", "rich", "numpy"} & loaded


def test_the_screen_loads_no_client_and_no_runner() -> None:
    loaded = modules_after("import crashcart.tui.app")
    assert not {"asyncssh", "kubernetes", "pynvml", "pyslurm", "numpy"} & loaded
    assert "crashcart.ops.runner" not in loaded, "the cockpit can ask, not act"


def test_the_command_line_starts_without_the_screen() -> None:
    loaded = modules_after("import crashcart.tui.cli, crashcart.tui.commandline.get")
    assert not {"textual", "rich", "asyncssh"} & loaded
