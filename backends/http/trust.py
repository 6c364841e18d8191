"""Which certificates are trusted, and which is ours."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from .options import HttpOptions


def trusted(options: HttpOptions) -> str | bool:
    """A file or folder of certificates, as `requests` takes it; False where nothing is checked.

    Without `ca_file` those of this machine, which curl, amtool and promtool take too, and not those of a package.
    """
    if options.insecure:
        return False
    named = _path(options.ca_file) or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    own = ssl.get_default_verify_paths()
    return named or own.cafile or own.capath or True


def certificate(options: HttpOptions) -> str | tuple[str, str] | None:
    """Our own certificate with its key, as `requests` takes it."""
    file, key = _path(options.cert_file), _path(options.key_file)
    return (file, key) if file and key else file


def _path(name: str | None) -> str | None:
    return None if name is None else str(Path(name).expanduser())
