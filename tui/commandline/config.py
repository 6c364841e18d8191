"""`crashcart config`: is it right, and where does each value come from."""

from __future__ import annotations

import argparse

from crashcart.ops.config import SYSTEM_FILE, user_file

from .exits import OK
from .opening import open_config
from .output import render

HIDDEN_KEYS = ("password", "token", "secret")


def run(arguments: argparse.Namespace) -> int:
    """Check the configuration, or show each value with its origin."""
    config = open_config(arguments)
    if not config.files:
        print(f"no configuration file; looked for {SYSTEM_FILE} and {user_file()}")
        return OK
    if arguments.what == "check":
        for path in config.files:
            print(f"{path}: good")
        print(f"clusters: {', '.join(cluster.name for cluster in config.clusters) or 'none'}")
        return OK
    rows = [
        {"key": ".".join(setting.keys), "value": _shown(setting.keys, setting.value), "origin": setting.origin}
        for setting in config.settings
        if setting.value != {}
    ]
    rows.append({"key": "policy.file (used)", "value": str(config.policy_file or "none"), "origin": "-"})
    rows.append({"key": "audit.file (used)", "value": str(config.audit_file), "origin": "-"})
    print(render(rows, ("key", "value", "origin"), "table"))
    return OK


def _shown(keys: tuple[str, ...], value: object) -> str:
    return "(hidden)" if any(word in keys[-1].lower() for word in HIDDEN_KEYS) else str(value)
