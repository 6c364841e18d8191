"""From arguments to a session: which clusters, which policy, which audit log."""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec.structs import replace

from crashcart.ops.attach import parse_address
from crashcart.ops.config import Config, load, state_dir
from crashcart.ops.config_file import ConfigError
from crashcart.ops.defaults import configured_session, demo_session, found_here
from crashcart.ops.session import ClusterSession, Session

from .exits import USAGE, CommandError

DEMO_OPTIONS = ("nodes", "gpus_per_node", "seed", "faults")


def demo_options(arguments: argparse.Namespace) -> dict[str, object]:
    """The demo's options that were given."""
    return {name: getattr(arguments, name) for name in DEMO_OPTIONS if hasattr(arguments, name)}


def wants_demo(arguments: argparse.Namespace) -> bool:
    """Whether the embedded cluster was asked for."""
    return getattr(arguments, "demo", False) or arguments.command == "demo"


def open_config(arguments: argparse.Namespace) -> Config:
    """The configuration these arguments name. Raises CommandError."""
    explicit = getattr(arguments, "config", None)
    try:
        return load(Path(explicit) if explicit else None)
    except ConfigError as error:
        raise CommandError(str(error), USAGE) from error


def open_session(arguments: argparse.Namespace) -> tuple[Session, Config]:
    """The session these arguments name. Raises CommandError; starts nothing."""
    if wants_demo(arguments):
        return replace(_demo(arguments), attach=_attach(arguments, Config())), Config()
    if demo_options(arguments):
        names = ", ".join("--" + name.replace("_", "-") for name in demo_options(arguments))
        raise CommandError(f"{names}: only the demo cluster has these; add --demo or use `crashcart demo`")
    config = open_config(arguments)
    config.attach = _attach(arguments, config)
    if config.attach is not None:
        return configured_session(config), config  # without clusters of ours there is much to see and nothing to do
    if not config.clusters and not getattr(arguments, "config", None):
        config.clusters = found_here()
    if config.clusters:
        return configured_session(config), config
    if getattr(arguments, "config", None):
        raise CommandError(f"{arguments.config}: names no cluster; add e.g. [cluster.a100.slurm]")
    return _demo(arguments), config


def _attach(arguments: argparse.Namespace, config: Config) -> str | None:
    """The shared collector to attach to: that of the command line, of which `off` is none, or of the configuration."""
    given: str | None = getattr(arguments, "attach", None)
    if given is None:
        return config.attach
    if given == "off":
        return None
    try:
        parse_address(given)
    except ValueError as error:
        raise CommandError(f"--attach: {error}") from error
    return given


def _demo(arguments: argparse.Namespace) -> Session:
    from crashcart.backends import registry
    from crashcart.backends.errors import Unsupported
    from crashcart.ops.backend_options import convert

    options = demo_options(arguments)
    try:
        if options:
            convert(registry.load("demo"), options)
    except Unsupported as error:
        raise CommandError(str(error)) from error
    return demo_session(options, state_dir() / "demo" / "audit.jsonl")


def one_cluster(session: Session, wanted: str | None) -> ClusterSession:
    """The cluster an action is for. Raises CommandError when it is not clear which."""
    names = [cluster.name for cluster in session.clusters]
    if wanted is None and len(names) == 1:
        return session.clusters[0]
    if wanted in names:
        return session.cluster(wanted)
    if not names:
        raise CommandError(
            "no cluster is configured on this machine, so none can be acted on; add e.g. [cluster.a100.slurm]"
        )
    what = "which cluster?" if wanted is None else f"no cluster is called {wanted!r}."
    raise CommandError(f"{what} Say --cluster with one of: {', '.join(names)}")
