"""How we sign in: the secret is read from its file for every request, so that a renewed token is taken at once."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

from crashcart.backends.errors import Denied

from .options import HttpOptions

_LONGEST = 64 << 10
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # RFC 7617 allows none in a password; mostly it is the wrong file


def authorization(options: HttpOptions) -> str | None:
    """The value of the Authorization header, None where we sign in without. Raises Denied naming option and file."""
    if options.token_file is not None:
        token = _secret("token_file", options.token_file).strip()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Denied(f"token_file {options.token_file} does not hold one token; write the token alone into it")
        return f"Bearer {token}"
    if options.password_file is not None:
        password = _secret("password_file", options.password_file)
        if _CONTROL.search(password):
            raise Denied(f"password_file {options.password_file} must hold the password alone, on one line")
        return f"Basic {b64encode(f'{options.username}:{password}'.encode()).decode()}"
    return None


def _secret(option: str, name: str) -> str:
    """The content without the line end that editors leave."""
    try:
        with Path(name).expanduser().open("rb") as file:
            raw = file.read(_LONGEST + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Denied(f"{option} {name} cannot be read ({reason}); check its place and mode") from error
    try:
        secret = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Denied(f"{option} {name} is not text; check which file it names") from error
    if not secret.strip() or len(raw) > _LONGEST:
        raise Denied(f"{option} {name} is {'too large' if len(raw) > _LONGEST else 'empty'}; check which file it names")
    return secret
