"""What a child process (collector, executor) is told at its start: the resolved configuration, as one JSON line.

It travels over the inherited socket and not by argument list or environment, which other users of the machine can read.
"""

from __future__ import annotations

from typing import Any

import msgspec


class ClusterSession(msgspec.Struct, frozen=True):
    """One cluster and the tables of its backends, as checked by the configuration loader."""

    name: str
    color: str | None = None
    backends: dict[str, dict[str, Any]] = {}
    node_rules: tuple[tuple[str, str], ...] = ()  # (pattern, replacement): names of other planes -> node name
    ssh_host: str = "{node}"  # how a node is called over SSH
    checkpoint: tuple[dict[str, Any], ...] = ()  # checkpoint profiles, first match wins


class ApprovalsSession(msgspec.Struct, frozen=True):
    """Where requests for a second person lie, and whose signatures count there."""

    directory: str
    allowed_signers: str | None = None
    key: str | None = None  # public key to sign with; without it a key of the agent that the list knows


class Session(msgspec.Struct, frozen=True):
    """All that a child needs. `policy_file` None means: no policy, so nothing may be done."""

    clusters: tuple[ClusterSession, ...]
    audit_file: str
    policy_file: str | None = None
    policy_text: str | None = None  # the demo brings its own policy instead of a file
    reason_prefix: str = "crashcart"
    attach: str | None = None  # a shared collector instead of one of our own, see `attach.parse_address`
    attach_ssh: dict[str, Any] = {}  # the ssh backend's table for the way there
    approvals: ApprovalsSession | None = None

    def cluster(self, name: str) -> ClusterSession:
        """The cluster of that name. Raises KeyError."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise KeyError(name)


encode_session = msgspec.json.Encoder().encode
decode_session = msgspec.json.Decoder(Session).decode
