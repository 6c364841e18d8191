"""Output that is evidence: saved whole in a file of its own, and shown as far as it is short."""

from __future__ import annotations

import os
import time
from pathlib import Path

OUTPUT_LIMIT = 64 << 10  # characters that travel to the screen


def save(folder: Path, name: str, text: str) -> tuple[str, str]:
    """What is shown of `text`, and the path of the new file that holds all of it, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    path = folder / f"{stamp}-{os.urandom(3).hex()}-{name.replace('/', '_')}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    shown = text if len(text) <= OUTPUT_LIMIT else text[:OUTPUT_LIMIT] + f"\n… cut here; all of it is in {path}\n"
    return shown, str(path)
