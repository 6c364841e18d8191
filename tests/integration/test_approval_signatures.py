"""Signatures of a second person by real keys: made through a real agent, checked by ssh-keygen, tied to a user."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from crashcart.ops.audit import read
from crashcart.ops.protocol import Answered, Finished, Refused
from tests.integration.ssh_server import ssh_agent
from tests.unit.shared_desks import SHARED_POLICY, SharedDesk
from tests.unit.small_cluster import SmallCluster, node

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="no OpenSSH client: ssh-agent is not installed"),
]
STRICT = SHARED_POLICY.replace('unverified = "allow"', 'unverified = "deny"')


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """A key for each; the list of signers has alice and bob."""
    found: dict[str, Path] = {}
    for name in ("alice", "bob", "carol"):
        found[name] = tmp_path / f"key-{name}"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(found[name])]
        subprocess.run(argv, check=True)
    lines = [
        f'{name}@example.org namespaces="crashcart-approval" {found[name].with_suffix(".pub").read_text()}'
        for name in ("alice", "bob")
    ]
    signers = tmp_path / "allowed_signers"
    signers.write_text("".join(lines))
    signers.chmod(0o644)
    return found


class SigningDesks:
    """Alice and bob, both with the list of signers."""

    def __init__(self, folder: Path) -> None:
        self.cluster = SmallCluster(nodes=[node("gpu001")])
        self.alice = SharedDesk(self.cluster, folder, 1000, STRICT)
        self.bob = SharedDesk(self.cluster, folder, 1001, STRICT)
        for desk in (self.alice, self.bob):
            desk.desk = dataclasses.replace(desk.desk, signers=folder / "allowed_signers")

    async def asks(self) -> asyncio.Task[Finished | Refused]:
        plan = await self.alice.previews("reboot", "gpu001", reason="INC-1")
        return asyncio.create_task(self.alice.confirms(plan), name="confirm")

    async def leaves(self, waiting: asyncio.Task[Finished | Refused]) -> None:
        self.alice.runner.hang_up()
        assert isinstance(await waiting, Refused)
        assert self.cluster.applied == []


async def test_a_signature_by_the_agent_proves_who_agrees(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desks = SigningDesks(tmp_path)
    with ssh_agent(tmp_path / "agent", keys["carol"], keys["bob"]) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        waiting = await desks.asks()
        answer = await desks.bob.answers_with(await desks.bob.sees())

    assert isinstance(answer, Answered), answer
    assert answer.note.startswith("approved as bob (signed by bob@example.org)")
    assert isinstance(await waiting, Finished)
    intent = next(record for record in read(desks.alice.audit_file) if record["phase"] == "intent")
    assert intent["second_person"]["principal"] == "bob@example.org"
    assert intent["second_person"]["key"].startswith("SHA256:")


@pytest.mark.parametrize(
    ("key", "why"),
    [("alice", "the key is one of alice, who asked"), ("carol", "the SSH agent has no key that")],
)
async def test_a_key_of_somebody_else_proves_nothing(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, why: str
) -> None:
    desks = SigningDesks(tmp_path)
    with ssh_agent(tmp_path / "agent", keys[key]) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        waiting = await desks.asks()
        answer = await desks.bob.answers_with(await desks.bob.sees())

    assert isinstance(answer, Refused)
    assert why in answer.why
    await desks.leaves(waiting)


@pytest.mark.parametrize(
    ("namespace", "text", "why"),
    [
        ("git", None, "does not count"),
        ("crashcart-approval", b"crashcart-approval 1\nanother plan\n", "does not count"),
    ],
)
async def test_a_signature_for_something_else_does_not_count(
    keys: dict[str, Path], tmp_path: Path, namespace: str, text: bytes | None, why: str
) -> None:
    from crashcart.ops.approvals import signed_text

    desks = SigningDesks(tmp_path)
    waiting = await desks.asks()
    posted = await desks.bob.sees()
    given = text or signed_text(posted.request.id, posted.sha256)
    argv = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(keys["bob"])]
    made = subprocess.run(argv, input=given, capture_output=True, check=True).stdout.decode()

    desks.bob.forges(posted, signature=made)

    await desks.alice.hears(why)
    await desks.leaves(waiting)


@pytest.mark.parametrize(
    "signature", ["", "nonsense", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"]
)
async def test_no_signature_is_no_proof(keys: dict[str, Path], tmp_path: Path, signature: str) -> None:
    desks = SigningDesks(tmp_path)
    waiting = await desks.asks()

    desks.bob.forges(await desks.bob.sees(), signature=signature)

    await desks.alice.hears("an agreement does not count")
    await desks.leaves(waiting)


async def test_a_list_of_signers_that_others_may_write_proves_nothing(keys: dict[str, Path], tmp_path: Path) -> None:
    desks = SigningDesks(tmp_path)
    (tmp_path / "allowed_signers").chmod(0o666)
    waiting = await desks.asks()

    desks.bob.forges(await desks.bob.sees(), signature="x")

    await desks.alice.hears("nobody else may write it")
    await desks.leaves(waiting)
