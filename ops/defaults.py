"""Which clusters to open when nobody wrote a configuration: what this machine has, else the demo."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from crashcart.backends import registry
from crashcart.backends.errors import Unsupported

from .config import Config
from .session import ClusterSession, Session


def found_here() -> tuple[ClusterSession, ...]:
    """The cluster that this machine offers without configuration, by the backends that say so; empty for none."""
    found: dict[str, dict[str, object]] = {}
    for name in registry.names():
        try:
            if registry.load(name).found():
                found[name] = {}
        except Unsupported:
            continue
    return (ClusterSession(name="local", backends=found),) if found else ()


def demo_session(options: dict[str, object], audit_file: Path) -> Session:
    """The embedded demo cluster with a policy of its own."""
    policy = resources.files("crashcart.ops").joinpath("demo_policy.toml").read_text(encoding="utf-8")
    return Session(
        clusters=(ClusterSession(name="demo", color="cyan", backends={"demo": dict(options)}),),
        audit_file=str(audit_file),
        policy_text=policy,
    )


def configured_session(config: Config) -> Session:
    """What the configuration says, as children need it."""
    return Session(
        clusters=config.clusters,
        audit_file=str(config.audit_file),
        policy_file=str(config.policy_file) if config.policy_file else None,
        attach=config.attach,
        attach_ssh=config.attach_ssh,
        approvals=config.approvals,
    )
