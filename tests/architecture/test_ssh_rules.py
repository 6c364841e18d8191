"""Rules that a review would miss once: hosts are always checked, and nobody builds a shell line but one function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("tui", "ops", "backends", "themes")
SOURCES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
SSH_TESTS = sorted((ROOT / "tests").rglob("*ssh*.py"))

ALWAYS_CHECKED = {"known_hosts"}
NEVER_FORWARDED = {"agent_forwarding", "x11_forwarding"}
SHELLS = {"create_subprocess_shell", "system", "popen", "getoutput", "getstatusoutput"}
REMOTE_CALLS = {"create_process", "create_session", "open_session", "create_subprocess"}

Finder = Callable[[ast.AST], Iterator[str]]


def name_of(node: ast.expr) -> str:
    """The last part of a dotted name: `create_process` of `connection.create_process`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_constant(node: ast.expr, *values: object) -> bool:
    return isinstance(node, ast.Constant) and any(node.value is value for value in values)


def unchecked_hosts(tree: ast.AST) -> Iterator[str]:
    """`known_hosts` that is None, in a call, an assignment or a default that reaches asyncssh."""
    for call in calls(tree):
        for keyword in call.keywords:
            if keyword.arg in ALWAYS_CHECKED and is_constant(keyword.value, None):
                yield f"line {call.lineno}: {keyword.arg}=None"
            if keyword.arg in NEVER_FORWARDED and not is_constant(keyword.value, False):
                yield f"line {call.lineno}: {keyword.arg} is not False"
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in ALWAYS_CHECKED and is_constant(value, None):
                    yield f"line {node.lineno}: {key.value}: None"


def shells(tree: ast.AST) -> Iterator[str]:
    """Strings that are handed to a local shell."""
    for call in calls(tree):
        if name_of(call.func) in SHELLS:
            yield f"line {call.lineno}: {name_of(call.func)}"
        if any(keyword.arg == "shell" and not is_constant(keyword.value, False) for keyword in call.keywords):
            yield f"line {call.lineno}: shell="


def remote_calls(tree: ast.AST) -> Iterator[str]:
    """Calls that start something on the far side of a connection."""
    for call in calls(tree):
        if not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in REMOTE_CALLS:
            yield f"line {call.lineno}: {call.func.attr}"
        if call.func.attr == "run" and "conn" in name_of(call.func.value):
            yield f"line {call.lineno}: run on a connection"


def joined_lines(tree: ast.AST) -> Iterator[str]:
    """Places where argument lists become strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == "shlex" for alias in node.names):
            yield f"line {node.lineno}: import shlex"
        if isinstance(node, ast.ImportFrom) and node.module == "shlex":
            yield f"line {node.lineno}: from shlex import"


def offences(finder: Finder, paths: list[Path], allowed: frozenset[str] = frozenset()) -> list[str]:
    names = [(str(path.relative_to(ROOT)), path) for path in paths]
    return [
        f"{name} {found}"
        for name, path in names
        if name not in allowed
        for found in finder(ast.parse(path.read_text()))
    ]


def test_host_keys_are_never_left_unchecked_and_nothing_is_forwarded() -> None:
    assert offences(unchecked_hosts, SOURCES + SSH_TESTS) == []


def test_every_connection_is_opened_with_known_hosts() -> None:
    opened = [
        (path, {keyword.arg for keyword in call.keywords})
        for path in SOURCES
        for call in calls(ast.parse(path.read_text()))
        if ast.unparse(call.func) in ("asyncssh.connect", "asyncssh.connect_reverse", "asyncssh.create_connection")
    ]
    assert [str(path.relative_to(ROOT)) for path, _ in opened] == ["backends/ssh/pool.py"]
    assert all({"known_hosts", "agent_forwarding", "x11_forwarding"} <= keywords for _, keywords in opened)


def test_no_string_is_handed_to_a_local_shell() -> None:
    assert offences(shells, SOURCES) == []


def test_only_one_module_starts_something_on_the_far_side() -> None:
    assert offences(remote_calls, SOURCES, frozenset({"backends/ssh/starting.py"})) == []


def test_remote_command_lines_are_joined_in_one_module() -> None:
    inside = [path for path in SOURCES if path.is_relative_to(ROOT / "backends" / "ssh")]
    assert offences(joined_lines, inside, frozenset({"backends/ssh/runner.py"})) == []


def test_the_far_side_speaks_bytes() -> None:
    tree = ast.parse((ROOT / "backends" / "ssh" / "starting.py").read_text())
    started = [call for call in calls(tree) if name_of(call.func) in REMOTE_CALLS]
    assert started
    for call in started:
        assert any(keyword.arg == "encoding" and is_constant(keyword.value, None) for keyword in call.keywords)


@pytest.mark.parametrize(
    ("finder", "code"),
    [
        (unchecked_hosts, "asyncssh.connect('x', known_hosts=None)"),
        (unchecked_hosts, "f(**{'known_hosts': None})"),
        (unchecked_hosts, "asyncssh.connect('x', agent_forwarding=True)"),
        (shells, "os.system('id')"),
        (shells, "subprocess.run('id', shell=True)"),
        (shells, "asyncio.create_subprocess_shell('id')"),
        (remote_calls, "connection.create_process('id')"),
        (remote_calls, "self._conn.run('id')"),
        (joined_lines, "import shlex"),
        (joined_lines, "from shlex import join"),
    ],
)
def test_the_rules_see_what_they_look_for(finder: Finder, code: str) -> None:
    assert list(finder(ast.parse(code)))
