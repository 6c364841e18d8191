"""Who sits at this terminal, for the strip: user and host."""

from __future__ import annotations

import os
import pwd
import socket

from crashcart.backends.text import clean


def who_and_where() -> str:
    """`alice@login1`; the number where the user has no name."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return clean(f"{user}@{socket.gethostname().split('.', 1)[0]}", limit=60)
