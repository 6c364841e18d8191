"""Signatures by the SSH keys that operators have already: made through their agent, checked against a list of signers.

`ssh-keygen -Y` does both; a private key never leaves the agent, and nothing here reads one.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from crashcart.backends.text import clean

from .approvals import NAMESPACE

SIGN_SECONDS = 60.0  # a key on a token waits for a touch
CHECK_SECONDS = 15.0


class SignatureError(Exception):
    """No signature can be made, or one does not count. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: all names that the list of signers has for the key."""

    principals: tuple[str, ...]
    key: str  # SHA256:...


def sign(text: bytes, key: Path | None, signers: Path | None) -> str:
    """Sign with a key of the agent: that of the public key file, else the first that the list knows."""
    with tempfile.TemporaryDirectory(prefix="crashcart-") as folder:
        public = key or _written(Path(folder) / "key.pub", _agent_key(signers))
        return _run(["-Y", "sign", "-n", NAMESPACE, "-f", str(public)], text, SIGN_SECONDS).decode("ascii", "replace")


def check(text: bytes, signature: str, signers: Path) -> Signer:
    """Who made the signature, by the list of signers. Raises SignatureError when it does not count."""
    check_list(signers)
    with tempfile.TemporaryDirectory(prefix="crashcart-") as folder:
        path = _written(Path(folder) / "signature", signature)
        told = _run(["-Y", "find-principals", "-s", str(path), "-f", str(signers)], b"", CHECK_SECONDS)
        found = [name for line in told.decode("utf-8", "replace").split() for name in line.split(",") if name]
        if not found:
            raise SignatureError(f"the key is not in {signers}")
        argv = ["-Y", "verify", "-f", str(signers), "-I", found[0], "-n", NAMESPACE, "-s", str(path)]
        said = _run(argv, text, CHECK_SECONDS).decode("utf-8", "replace")
    key = next((word for word in said.split() if word.startswith("SHA256:")), "")
    return Signer(tuple(clean(name, limit=120) for name in found), clean(key, limit=80))


def check_list(path: Path) -> None:
    """Raise SignatureError unless only its owner, root or this user, can have written the list of signers."""
    try:
        found = path.stat()
    except OSError as error:
        raise SignatureError(f"{path}: cannot be read: {error.strerror}") from error
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        raise SignatureError(f"{path}: must belong to root or to you, and nobody else may write it")


def _agent_key(signers: Path | None) -> str:
    """A key of the agent as a line of a public key file."""
    lines = _run(["-L"], b"", CHECK_SECONDS, program="ssh-add").decode("utf-8", "replace").splitlines()
    keys = [line for line in lines if len(line.split()) > 1 and "-cert-v01" not in line.split()[0]]
    try:
        known = signers.read_text(encoding="utf-8", errors="replace").split() if signers is not None else []
    except OSError as error:
        raise SignatureError(f"{signers}: cannot be read: {error.strerror}") from error
    found = next((line for line in keys if line.split()[1] in known), keys[0] if keys and signers is None else None)
    if found is None:
        where = f" that {signers} knows" if signers is not None else ""
        raise SignatureError(f"the SSH agent has no key{where}; add yours with: ssh-add")
    return found + "\n"


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _run(argv: list[str], given: bytes, seconds: float, *, program: str = "ssh-keygen") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - fixed programs, argument lists of ours
            [program, *argv], input=given, capture_output=True, timeout=seconds, check=False
        )
    except FileNotFoundError as error:
        raise SignatureError(f"{program} is not installed; it comes with OpenSSH") from error
    except subprocess.TimeoutExpired as error:
        raise SignatureError(f"{program} took longer than {seconds:.0f} s") from error
    if done.returncode:
        said = clean(done.stderr or done.stdout, limit=200, multiline=True).strip().replace("\n", "; ")
        raise SignatureError(f"{program}: {said or f'exit status {done.returncode}'}")
    return done.stdout
