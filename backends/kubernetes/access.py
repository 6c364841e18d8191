"""Which server, and as whom: the official client's reading of a kubeconfig, with its refusals put into words.

Imported in worker threads only: the client takes its time to load, and a sign-in command may take longer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped]  # comes with the client, for the same file
from kubernetes import config
from kubernetes.client import Configuration
from kubernetes.config import ConfigException

from crashcart.backends.errors import Denied, Unsupported
from crashcart.backends.text import clean

from .options import Options

_config: Any = config  # untyped where it is called
_IN_CLUSTER = "the pod's service account"
_CONNECTIONS = 64
"""Kept open at most: each watch has one, and so has each action under way."""


class Access(NamedTuple):
    """A way in. `file` names what says so, `who` the user in it, `where` the server, `impersonate` whom we act as."""

    configuration: Any
    where: str
    who: str
    file: str
    impersonate: str | None = None


def open_access(options: Options) -> Access:
    """Read the kubeconfig, or the pod's service account. Raises Unsupported, Denied; may run a sign-in command."""
    configuration = Configuration()
    configuration.retries = False
    configuration.keep_alive = True
    configuration.connection_pool_maxsize = _CONNECTIONS
    files = _files(options)
    if not files:
        return _in_cluster(configuration, options)
    file = ":".join(files)
    told = _read(files)
    context = _context(options, told, file)
    try:
        _config.load_kube_config(file, context["name"], configuration, persist_config=False)
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise Unsupported(f"{file}: {clean(str(error), limit=240)}; try kubectl with it") from error
    name = str(context.get("user") or "")
    user = _named(told, "users", name).get("user")
    user = user if isinstance(user, dict) else {}
    _check_sign_in(configuration, user, name, file)
    who = f"user {clean(name, limit=80)!r} of {file}"
    return Access(
        configuration, _where(configuration, file), who, file, options.impersonate or _impersonated(user, who)
    )


def _files(options: Options) -> list[str]:
    """Existing kubeconfigs, in order. Raises Unsupported when the one that was named does not exist."""
    named = options.kubeconfig or os.environ.get("KUBECONFIG") or ""
    paths = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    found = [str(path) for path in paths if path.is_file()]
    if paths and not found:
        origin = "kubeconfig" if options.kubeconfig else "KUBECONFIG"
        raise Unsupported(f"{clean(named, limit=240)}: no such file; correct {origin}")
    default = Path("~/.kube/config").expanduser()
    if not paths and default.is_file():
        return [str(default)]
    return found


def _in_cluster(configuration: Any, options: Options) -> Access:
    if options.context is not None:
        raise Unsupported(f"context {options.context!r}: there is no kubeconfig; set kubeconfig, or KUBECONFIG")
    try:
        _config.load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise Unsupported("no kubeconfig and not inside a pod; set kubeconfig, or KUBECONFIG") from error
    return Access(configuration, _where(configuration, _IN_CLUSTER), _IN_CLUSTER, _IN_CLUSTER, options.impersonate)


def _read(files: list[str]) -> dict[str, list[dict[str, Any]] | str]:
    """Contexts and users of all files, the first that has a name wins, as kubectl merges them."""
    merged: dict[str, Any] = {"contexts": [], "users": []}
    for file in files:
        try:
            told = yaml.safe_load(Path(file).read_bytes())
        except (OSError, yaml.YAMLError) as error:
            raise Unsupported(f"{file}: {clean(str(error), limit=240)}") from error
        if not isinstance(told, dict):
            raise Unsupported(f"{file} is no kubeconfig")
        for part in ("contexts", "users"):
            entries = told.get(part) or []
            if not isinstance(entries, list):
                raise Unsupported(f"{file}: {part} is no list")
            merged[part] += [one for one in entries if isinstance(one, dict)]
        merged.setdefault("current-context", told.get("current-context") or "")
    return merged


def _context(options: Options, told: dict[str, Any], file: str) -> dict[str, Any]:
    """The context as `{name, user, cluster, ...}`. Raises Unsupported that names those there are."""
    name = options.context or told.get("current-context") or ""
    found = _named(told, "contexts", name)
    if not found:
        names = ", ".join(sorted(clean(str(one.get("name")), limit=80) for one in told["contexts"])[:12]) or "none"
        missing = f"no context {clean(name, limit=80)!r}" if name else "no current context"
        raise Unsupported(f"{file}: {missing}; it has: {names}; set context")
    inner = found.get("context")
    return {**(inner if isinstance(inner, dict) else {}), "name": name}


def _named(told: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    return next((one for one in told[part] if one.get("name") == name), {})


def _check_sign_in(configuration: Any, user: dict[str, Any], name: str, file: str) -> None:
    """The client goes on as nobody when a sign-in command fails; that would be told as a lack of permissions."""
    command = user.get("exec")
    if not isinstance(command, dict) or "BearerToken" in configuration.api_key or configuration.cert_file:
        return
    words = clean(" ".join([str(command.get("command")), *map(str, command.get("args") or ())]), limit=160)
    raise Denied(f"the sign-in command of user {name!r} ({file}) gave no credentials; try it: {words}")


def _impersonated(user: dict[str, Any], who: str) -> str | None:
    """Whom kubectl acts as with this user; the client does not look, and would act with more rights."""
    for key in ("as-groups", "as-uid", "as-user-extra"):
        if user.get(key):
            raise Unsupported(f"{who} says {key}, which is not supported here; set impersonate, or use another user")
    return str(user["as"]) if user.get("as") else None


def _where(configuration: Any, file: str) -> str:
    """Host and port of the server. Raises Unsupported for what is no address."""
    host = str(configuration.host)
    try:
        parts = urlsplit(host)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise Unsupported(f"{file}: server {clean(host, limit=160)!r} is not https://HOST:PORT")
    return clean(parts.netloc.rpartition("@")[2], limit=160)
