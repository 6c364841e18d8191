"""Where the simulated cluster is reached: a Unix socket in a directory that only this user can enter."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from crashcart.backends.errors import Denied, Unsupported

from .options import Options
from .protocol import PROTOCOL

PATH_LIMIT = 103
"""Bytes; sockaddr_un holds 108 on Linux, 104 elsewhere, with a zero at the end."""


def socket_path(options: Options) -> Path:
    """The socket of this simulation, its directory made and checked. Raises Denied or Unsupported."""
    if options.socket is not None:
        path = Path(options.socket).absolute()
    else:
        shape = f"{options.nodes}x{options.gpus_per_node}-{options.seed}-{options.faults}"
        path = _runtime_directory() / f"demo{PROTOCOL}-{shape}"
    if len(os.fsencode(path)) > PATH_LIMIT:
        raise Unsupported(f"socket path {path} is longer than {PATH_LIMIT} bytes; set demo.socket to a shorter one")
    _check(path.parent)
    return path


def _runtime_directory() -> Path:
    given = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")
    is_ours = given.is_dir() and given.stat().st_uid == os.getuid()  # after `su` it is somebody else's
    base = given / "crashcart" if is_ours else Path(tempfile.gettempdir()) / f"crashcart-{os.getuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Denied(f"cannot make {base}: {error.strerror}; set XDG_RUNTIME_DIR or demo.socket") from error
    return base


def _check(directory: Path) -> None:
    """Whoever could write here could answer in the cluster's place."""
    try:
        found = directory.lstat()
    except OSError as error:
        raise Denied(f"cannot use {directory}: {error.strerror}; set demo.socket to another place") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Denied(f"{directory} must be a directory of your own with mode 0700; fix it or set demo.socket")
