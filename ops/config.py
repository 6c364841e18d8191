"""The configuration: `/etc/crashcart/config.toml`, over it the user's own, or one file named by `--config`.

A table of the user's file replaces keys, not whole tables; each value remembers the file it came from. Unknown keys and
wrong types are refused with file, line and key before anything starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from crashcart.backends import registry
from crashcart.backends.errors import Unsupported

from .attach import parse_address
from .backend_options import convert
from .config_file import ConfigError, at, read_toml
from .session import ApprovalsSession, ClusterSession

SYSTEM_FILE = Path("/etc/crashcart/config.toml")
CLUSTER_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
COLORS = ("red", "green", "yellow", "blue", "magenta", "cyan", "white")
CLUSTER_KEYS = frozenset({"color", "node_rules", "ssh_host", "checkpoint"})
TOP_KEYS = frozenset({"cluster", "policy", "audit", "screen", "collector", "approvals"})
SECTION_KEYS = {
    "policy": {"file"},
    "audit": {"file"},
    "screen": {"theme", "keys"},
    "collector": {"attach", "ssh"},
    "approvals": {"directory", "allowed_signers", "key"},
}
SYSTEM_POLICY = Path("/etc/crashcart/policy.toml")


def user_file() -> Path:
    """Where the user's own configuration lives."""
    return platformdirs.user_config_path("crashcart") / "config.toml"


def user_policy() -> Path:
    """Where the user's own policy lives; the system's, where there is one, is used instead of it."""
    return platformdirs.user_config_path("crashcart") / "policy.toml"


def policy_in_force() -> Path | None:
    """The policy file that holds when the configuration names none."""
    return next((path for path in (SYSTEM_POLICY, user_policy()) if path.exists()), None)


def state_dir() -> Path:
    """Where logs, the audit log and recordings live unless the configuration says otherwise."""
    return platformdirs.user_state_path("crashcart")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value with its origin, for `config show`."""

    keys: tuple[str, ...]
    value: Any
    origin: str


@dataclass(slots=True)
class Config:
    """The checked configuration."""

    clusters: tuple[ClusterSession, ...] = ()
    policy_file: Path | None = None
    audit_file: Path = field(default_factory=lambda: state_dir() / "audit.jsonl")
    theme: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    attach: str | None = None
    attach_ssh: dict[str, Any] = field(default_factory=dict)
    approvals: ApprovalsSession | None = None
    settings: tuple[Setting, ...] = ()
    files: tuple[Path, ...] = ()


def load(explicit: Path | None = None) -> Config:
    """Read and check the configuration. Raises ConfigError. Without any file the result has no clusters."""
    files = [explicit] if explicit is not None else [path for path in (SYSTEM_FILE, user_file()) if path.exists()]
    merged: dict[tuple[str, ...], Setting] = {}
    for path in files:
        tables = read_toml(path)
        for setting in _flatten(path, tables):
            merged[setting.keys] = setting
    return _build(tuple(merged.values()), tuple(files))


def _flatten(path: Path, tables: dict[str, Any]) -> Iterator[Setting]:
    """Leaves of the file, with the shape above them checked."""
    for name, section in tables.items():
        if name not in TOP_KEYS:
            raise at(path, (name,), f"unknown table; there are: {', '.join(sorted(TOP_KEYS))}")
        if not isinstance(section, dict):
            raise at(path, (name,), "must be a table")
        if name == "cluster":
            for cluster, table in section.items():
                yield from _flatten_cluster(path, cluster, table)
            continue
        for key, value in section.items():
            if key not in SECTION_KEYS[name]:
                raise at(path, (name, key), f"unknown key; there are: {', '.join(sorted(SECTION_KEYS[name]))}")
            yield Setting((name, key), value, str(path))


def _flatten_cluster(path: Path, cluster: str, table: Any) -> Iterator[Setting]:
    keys = ("cluster", cluster)
    if not CLUSTER_NAME.match(cluster):
        raise at(path, keys, "a cluster name is lower-case letters, digits and hyphens")
    if not isinstance(table, dict):
        raise at(path, keys, "must be a table")
    backends = registry.names()
    for key, value in table.items():
        if key in CLUSTER_KEYS:
            yield Setting((*keys, key), value, str(path))
            continue
        if key not in backends:
            known = ", ".join([*sorted(CLUSTER_KEYS), *backends])
            raise at(path, (*keys, key), f"unknown key; there are: {known}")
        if not isinstance(value, dict):
            raise at(path, (*keys, key), "must be a table")
        yield Setting((*keys, key), {}, str(path))
        for option, setting in value.items():
            yield Setting((*keys, key, option), setting, str(path))


def _build(settings: tuple[Setting, ...], files: tuple[Path, ...]) -> Config:
    config = Config(settings=settings, files=files, policy_file=policy_in_force())
    clusters: dict[str, dict[str, Any]] = {}
    backends: dict[str, dict[str, dict[str, Any]]] = {}
    approvals: dict[str, str] = {}
    for setting in settings:
        match setting.keys:
            case ("policy", "file"):
                config.policy_file = Path(_string(setting)).expanduser()
            case ("audit", "file"):
                config.audit_file = Path(_string(setting)).expanduser()
            case ("screen", "theme"):
                config.theme = _string(setting)
            case ("screen", "keys"):
                config.keys = _string_table(setting)
            case ("collector", "attach"):
                config.attach = _address(setting)
            case ("collector", "ssh"):
                config.attach_ssh = _attach_ssh(setting)
            case ("approvals", key):
                approvals[key] = str(Path(_string(setting)).expanduser())
            case ("cluster", name, key):
                clusters.setdefault(name, {})
                if key in CLUSTER_KEYS:
                    clusters[name][key] = setting
                else:
                    backends.setdefault(name, {}).setdefault(key, {})
            case ("cluster", name, backend, option):
                backends[name][backend][option] = setting.value
    config.approvals = _approvals(approvals, settings)
    config.clusters = tuple(_cluster(name, own, backends.get(name, {}), settings) for name, own in clusters.items())
    return config


def _approvals(found: dict[str, str], settings: tuple[Setting, ...]) -> ApprovalsSession | None:
    if not found:
        return None
    if "directory" not in found:
        keys = ("approvals", "directory")
        raise at(_origin(settings, keys), keys, "is missing: where requests for a second person lie")
    return ApprovalsSession(**found)


def _cluster(
    name: str, own: dict[str, Setting], backends: dict[str, dict[str, Any]], settings: tuple[Setting, ...]
) -> ClusterSession:
    if not backends:
        raise at(_origin(settings, ("cluster", name)), ("cluster", name), "has no backend; add e.g. [cluster.*.slurm]")
    for backend, table in backends.items():
        _check_options(name, backend, table, settings)
    color = _string(own["color"]) if "color" in own else None
    if color is not None and color not in COLORS:
        raise _wrong(own["color"], f"is not a colour; there are: {', '.join(COLORS)}")
    return ClusterSession(
        name=name,
        color=color,
        backends=backends,
        node_rules=_node_rules(own["node_rules"]) if "node_rules" in own else (),
        ssh_host=_string(own["ssh_host"]) if "ssh_host" in own else "{node}",
        checkpoint=_checkpoint(own["checkpoint"]) if "checkpoint" in own else (),
    )


def _check_options(cluster: str, backend: str, table: dict[str, Any], settings: tuple[Setting, ...]) -> None:
    keys = ("cluster", cluster, backend)
    try:
        convert(registry.load(backend), table)
    except Unsupported as error:
        # msgspec ends its message with the path (`$.env`) or names the unknown field in backquotes
        found = re.search(r"\$\.(\w+)|unknown field `(\w+)`", str(error))
        option = next((part for part in found.groups() if part), None) if found else None
        place = (*keys, option) if option else keys
        raise at(_origin(settings, place), place, str(error)) from error


def _origin(settings: tuple[Setting, ...], keys: tuple[str, ...]) -> Path:
    for setting in reversed(settings):
        if setting.keys[: len(keys)] == keys:
            return Path(setting.origin)
    return _origin(settings, keys[:-1])


def _wrong(setting: Setting, what: str) -> ConfigError:
    return at(Path(setting.origin), setting.keys, what)


def _string(setting: Setting) -> str:
    if not isinstance(setting.value, str):
        raise _wrong(setting, f"must be text, not {type(setting.value).__name__}")
    return setting.value


def _address(setting: Setting) -> str:
    try:
        parse_address(_string(setting))
    except ValueError as error:
        raise _wrong(setting, str(error)) from error
    return _string(setting)


def _attach_ssh(setting: Setting) -> dict[str, Any]:
    if not isinstance(setting.value, dict):
        raise _wrong(setting, "must be a table")
    try:
        convert(registry.load("ssh"), setting.value)
    except Unsupported as error:
        raise _wrong(setting, str(error)) from error
    return dict(setting.value)


def _string_table(setting: Setting) -> dict[str, str]:
    table = setting.value
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise _wrong(setting, "must be a table of command = key")
    return dict(table)


def _node_rules(setting: Setting) -> tuple[tuple[str, str], ...]:
    rules: list[tuple[str, str]] = []
    for rule in setting.value if isinstance(setting.value, list) else [None]:
        if not (isinstance(rule, list) and len(rule) == 2 and all(isinstance(part, str) for part in rule)):
            raise _wrong(setting, 'must be a list of [pattern, name] pairs, e.g. [["node-(.*)", "gpu\\\\1"]]')
        try:
            re.compile(rule[0])
        except re.error as error:
            raise _wrong(setting, f"{rule[0]!r} is not a regular expression: {error}") from error
        rules.append((rule[0], rule[1]))
    return tuple(rules)


def _checkpoint(setting: Setting) -> tuple[dict[str, Any], ...]:
    profiles = setting.value
    if not isinstance(profiles, list) or not all(isinstance(profile, dict) for profile in profiles):
        raise _wrong(setting, "must be an array of tables: [[cluster.NAME.checkpoint]]")
    return tuple(profiles)
