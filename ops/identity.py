"""One node, many names: what exporters, other planes and SSH call it, mapped to its scheduler's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


class NodeNames:
    """Maps names of other planes to node names by rules, in order; the first pattern that matches whole wins.

    A rule is (regular expression, replacement), e.g. `("node-(\\d+)\\.example\\.org(:\\d+)?", "gpu\\1")`. Without a
    rule a port is dropped, and a domain too where the short name is a known node.
    """

    def __init__(self, rules: Sequence[tuple[str, str]] = ()) -> None:
        self._rules = [(re.compile(pattern), replacement) for pattern, replacement in rules]
        self._known: frozenset[str] = frozenset()
        self.canonical = lru_cache(maxsize=65_536)(self._canonical)

    def learn(self, names: Iterable[str]) -> None:
        """Tell which node names exist."""
        known = frozenset(names)
        if known is self._known:  # the usual case, asked for every name: comparing thousands each time would show
            return
        if known != self._known:
            self.canonical.cache_clear()
        self._known = known

    def _canonical(self, raw: str) -> str:
        for pattern, replacement in self._rules:
            if match := pattern.fullmatch(raw):
                return match.expand(replacement)
        if raw in self._known:
            return raw
        host = re.sub(r":\d+\Z", "", raw)
        short = host.split(".", 1)[0]
        return short if short in self._known else host
