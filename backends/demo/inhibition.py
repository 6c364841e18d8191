"""Which firing alerts keep others from notifying anybody: the `inhibit_rules` of the simulated Alertmanager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """While an alert `source` fires, alerts of `targets` with the same values of the labels `equal` are quiet."""

    source: str
    targets: frozenset[str]
    equal: tuple[str, ...]


RULES: tuple[Rule, ...] = (
    Rule("SlurmNodeDown", frozenset({"DcgmExporterDown", "NodeExporterDown"}), ("node",)),
    Rule("GpuXidCritical", frozenset({"GpuMissing"}), ("node", "gpu")),
)


class Inhibitor:
    """Built from the alerts that fire at one time: (fingerprint, labels) pairs."""

    def __init__(self, firing: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        self._sources: dict[tuple[str, ...], list[str]] = {}
        for fingerprint, labels in firing:
            for number, rule in enumerate(RULES):
                if labels["alertname"] == rule.source:
                    self._sources.setdefault(_slot(number, rule, labels), []).append(fingerprint)

    def inhibiting(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Fingerprints of the alerts that keep an alert with these labels quiet."""
        return tuple(
            fingerprint
            for number, rule in enumerate(RULES)
            if labels["alertname"] in rule.targets
            for fingerprint in self._sources.get(_slot(number, rule, labels), ())
        )


def _slot(number: int, rule: Rule, labels: Mapping[str, str]) -> tuple[str, ...]:
    return (str(number), *(labels.get(label, "") for label in rule.equal))
