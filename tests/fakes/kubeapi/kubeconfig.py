"""A kubeconfig with a context per user, and a way of signing in of each kind: certificate, token, exec plugin."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .users import EXPIRED, token_of

Object = dict[str, Any]

CLUSTER = "lab"
USERS = ("admin", "oncall", "viewer", "nobody", "expired")
"""Each is a context too, in the namespace that is said."""


def written(home: Path, port: int, ca: Path, admin: tuple[Path, Path], namespace: str) -> Path:
    """The file, below `home`. `admin` has a certificate, `viewer` an exec plugin, the others tokens."""
    plugin = home / "credential-plugin.py"
    plugin.write_text(_PLUGIN)
    users: dict[str, Object] = {
        "admin": {"client-certificate": str(admin[0]), "client-key": str(admin[1])},
        "oncall": {"token": token_of("oncall")},
        "viewer": {"exec": _exec(plugin, "viewer")},
        "nobody": {"token": token_of("nobody")},
        "expired": {"token": EXPIRED},
    }
    path = home / "kubeconfig"
    server = f"https://127.0.0.1:{port}"
    path.write_text(json.dumps(config(server, {"certificate-authority": str(ca)}, users, namespace), indent=1))
    path.chmod(0o600)
    return path


def config(server: str, trust: Object, users: dict[str, Object], namespace: str) -> Object:
    """A kubeconfig in which the first user is the current one."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": {"server": server, **trust}}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [
            {"name": name, "context": {"cluster": CLUSTER, "user": name, "namespace": namespace}} for name in users
        ],
        "current-context": next(iter(users)),
    }


def _exec(plugin: Path, user: str) -> Object:
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(plugin), token_of(user)],
        "interactiveMode": "Never",
    }


_PLUGIN = '''"""Signs in: prints the token it was started with."""

import json
import sys

status = {"token": sys.argv[1]}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
'''
