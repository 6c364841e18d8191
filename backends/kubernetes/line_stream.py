"""An answer that never ends, read as it comes, which another thread can end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from crashcart.backends.errors import Malformed, Unreachable

_LINE_LIMIT = 16 << 20
"""An object in etcd is at most 1.5 MB, and an event holds one."""


class LineStream:
    """Lines as bytes. `heard` is called when something came; `failed` makes the error for a connection that broke."""

    def __init__(self, response: Any, heard: Callable[[], None], failed: Callable[[Exception], Unreachable]) -> None:
        self.has_ended = False
        self._response = response
        self._heard = heard
        self._failed = failed
        self._is_shut = False

    def bursts(self) -> Iterator[list[bytes]]:
        """Yield the lines that came together, until the server or `shutdown` ends it. Raises Unreachable, Malformed."""
        from urllib3.exceptions import HTTPError

        pending = b""
        try:
            for chunk in self._response.stream(decode_content=False):
                self._heard()
                *lines, pending = (pending + chunk).split(b"\n") if pending else chunk.split(b"\n")
                if lines:
                    yield [line for line in lines if line]
                if len(pending) > _LINE_LIMIT:
                    raise Malformed("the stream holds a line that is no event; is it an API server?")
        except (HTTPError, OSError, ValueError) as error:  # ValueError: closed under the reader's hands
            if not self._is_shut:
                raise self._failed(error) from error
        finally:
            self.has_ended = True
            self._response.close()

    def shutdown(self) -> None:
        """End it from another thread; who reads its lines finds no more of them."""
        self._is_shut = True
        with contextlib.suppress(ValueError, RuntimeError, OSError):  # it has ended by itself meanwhile
            self._response.shutdown()
