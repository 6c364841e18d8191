"""The way to one Alertmanager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crashcart.backends.http.addresses import name_of
from crashcart.backends.http.link import Link

from .options import Options

if TYPE_CHECKING:
    from .transport import Transport


class AlertmanagerLink(Link["Transport"]):
    """For one caller at a time. `name` is what this Alertmanager is called on the screen."""

    def __init__(self, url: str, options: Options) -> None:
        self.name = name_of(url)
        self._url = url
        self._options = options
        super().__init__(f"alertmanager {self.name}", self._transport, threads="alertmanager")

    def _transport(self) -> Transport:
        from .transport import Transport

        return Transport(self.name, self._url, self._options)
