"""Who we are, out of files that are read anew for each request: tokens are exchanged while we run."""

from __future__ import annotations

import base64
from pathlib import Path

from crashcart.backends.errors import Denied

from .options import Auth


def authorization(auth: Auth) -> str:
    """The value of the header. Raises Denied when the file with the secret cannot be used."""
    path = Path(auth.file).expanduser()
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Denied(f"auth: {path} cannot be read: {why}; nothing was asked") from error
    if not secret or not secret.isprintable():
        raise Denied(f"auth: {path} must hold the secret alone, on one line; nothing was asked")
    if auth.token_file is not None:
        if not secret.isascii():
            raise Denied(f"auth: {path} holds no token, for there are letters in it that no token has")
        return f"Bearer {secret}"
    return "Basic " + base64.b64encode(f"{auth.username}:{secret}".encode()).decode()
