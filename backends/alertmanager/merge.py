"""What several Alertmanagers list as one picture: the union, and where they differ the newest, on the loud side.

Each of them sends its notifications itself, so an alert is quiet only where all that list it keep it quiet: a member
that a silence has not reached goes on paging.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from crashcart.backends.model import Alert, Silence

from .parse import Listed, ListedSilence


def merged_alerts(listings: Sequence[Sequence[Listed]]) -> tuple[Alert, ...]:
    """One alert a fingerprint."""
    if len(listings) == 1:
        return tuple({listed.alert.fingerprint: listed.alert for listed in listings[0]}.values())
    found: dict[str, list[Listed]] = {}
    for listing in listings:
        for listed in listing:
            found.setdefault(listed.alert.fingerprint, []).append(listed)
    return tuple(_one_alert(same) for same in found.values())


def merged_silences(listings: Sequence[Sequence[ListedSilence]]) -> tuple[Silence, ...]:
    """One silence an id, as it was changed last."""
    found: dict[str, ListedSilence] = {}
    for listing in listings:
        for listed in listing:
            known = found.get(listed.silence.id)
            if known is None or listed.updated > known.updated:
                found[listed.silence.id] = listed
    return tuple(listed.silence for listed in found.values())


def _one_alert(same: Sequence[Listed]) -> Alert:
    if len(same) == 1:
        return same[0].alert
    alerts = [listed.alert for listed in same]
    states = {alert.state for alert in alerts}
    return msgspec.structs.replace(
        max(same, key=lambda listed: listed.updated).alert,
        state=next(state for state in ("firing", "inhibited", "silenced") if state in states),
        since=min(alert.since for alert in alerts),
        silenced_by=_union(alert.silenced_by for alert in alerts),
        inhibited_by=_union(alert.inhibited_by for alert in alerts),
        receivers=_union(alert.receivers for alert in alerts),
    )


def _union(words: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*words)))
