"""What a real Alertmanager said, as entities."""

from __future__ import annotations

import msgspec
import pytest

from crashcart.backends.alertmanager.merge import merged_alerts, merged_silences
from crashcart.backends.alertmanager.parse import (
    Listed,
    ListedSilence,
    failed_notifications,
    parse_alerts,
    parse_silences,
    rfc3339,
)
from crashcart.backends.model import Alert, Matcher, Silence
from tests.entities import alert

from .alertmanager_server import sample

RECORDED = 1795596066.0
"""2026-11-25 08:41:06 UTC, just after the answers were recorded."""

MIGRATION = "117b8174-a4fe-48c9-8d7e-30684a12a21c"


def alerts(body: bytes, severity_label: str = "severity") -> dict[str, Alert]:
    listed = parse_alerts(body, cluster="a100", when=RECORDED, severity_label=severity_label)
    return {one.alert.name: one.alert for one in listed}


def silences(body: bytes, when: float = RECORDED) -> dict[str, Silence]:
    return {one.silence.id: one.silence for one in parse_silences(body, cluster="a100", when=when)}


def silence(id: str, ends: float, state: str = "expired") -> dict[str, object]:
    return {
        "id": id, "status": {"state": state}, "updatedAt": rfc3339(ends), "startsAt": rfc3339(ends - 60),
        "endsAt": rfc3339(ends), "matchers": [{"name": "a", "value": "b", "isRegex": False}], "createdBy": "x",
        "comment": "y",
    }  # fmt: skip


def test_recorded_alerts_have_their_states() -> None:
    found = alerts(sample("alerts.json"))
    assert {name: one.state for name, one in found.items()} == {
        "Watchdog": "firing",
        "GpuXidCritical": "firing",
        "(no name)": "firing",
        "ExporterDown": "firing",
        "Lustre": "silenced",
        "GpuHot": "inhibited",
    }
    assert found["Lustre"].silenced_by == (MIGRATION,)
    assert found["GpuHot"].inhibited_by == (found["ExporterDown"].fingerprint,)


def test_an_alert_says_what_since_when_and_who_is_told() -> None:
    xid = alerts(sample("alerts.json"))["GpuXidCritical"]
    assert (xid.severity, xid.receivers, xid.since) == ("critical", ("pager",), 1795596065.789)
    assert dict(xid.labels)["Hostname"] == "gpu001"
    assert dict(xid.annotations)["runbook_url"] == "https://runbooks.example.org/xid"
    assert (xid.cluster, xid.source, xid.when) == ("a100", "alertmanager", RECORDED)


def test_severities_are_lower_case_and_of_the_chosen_label() -> None:
    assert alerts(sample("alerts.json"))["Lustre"].severity == "warning"
    by_xid = alerts(sample("alerts.json"), severity_label="xid")
    assert (by_xid["GpuXidCritical"].severity, by_xid["Lustre"].severity) == ("79", "none")


def test_nothing_a_terminal_obeys_comes_through() -> None:
    nameless = alerts(sample("alerts.json"))["(no name)"]
    assert dict(nameless.labels)["job"] == "␛]0;owned␇<U+202E>"
    assert dict(nameless.annotations)["summary"] == "line one␊line two"


def test_an_alert_muted_by_a_time_interval_is_quiet() -> None:
    muted = sample("alerts.json").replace(b'"state":"active"', b'"state":"suppressed","mutedBy":["weekend"]')
    assert alerts(muted)["GpuXidCritical"].state == "silenced"


def test_times_that_change_at_every_evaluation_change_no_alert() -> None:
    later = sample("alerts.json").replace(b'"updatedAt":"2026-11-25T08:41', b'"updatedAt":"2026-11-25T08:44')
    later = later.replace(b'"endsAt":"2026-11-25T08:46', b'"endsAt":"2026-11-25T08:49')
    assert later != sample("alerts.json")
    assert alerts(later) == alerts(sample("alerts.json"))


def test_recorded_silences_have_states_and_matchers() -> None:
    found = silences(sample("silences.json"))
    migration = found[MIGRATION]
    assert (migration.state, migration.created_by, migration.comment) == (
        "active",
        "crashcart:bob",
        "INC-7 migration␊to OST0024",
    )
    assert migration.matchers == (Matcher("alertname", "Lustre"), Matcher("target", "OST.*", is_regex=True))
    assert (migration.starts, migration.ends) == (1795596065.794, 1798761600.123)
    assert sorted(one.state for one in found.values()) == ["active", "expired", "expired", "expired", "pending"]
    assert Matcher("severity", "critical", is_equal=False) in found["b8ed9483-a724-4a42-a25f-7d30fb00a55a"].matchers


def test_silences_that_ended_days_ago_are_left_out_and_others_never() -> None:
    a_day_later = silences(sample("silences.json"), when=RECORDED + 86_400 + 60)
    assert sorted(one.state for one in a_day_later.values()) == ["active", "pending"]


def test_at_most_200_ended_silences_are_kept_the_newest() -> None:
    many = [silence(f"s{number}", RECORDED - number) for number in range(300)] + [
        silence("live", RECORDED + 9, "active")
    ]
    found = silences(msgspec.json.encode(many))
    assert len(found) == 201
    assert {"s0", "s199", "live"} <= found.keys() and "s200" not in found


def test_failed_notifications_are_summed_by_integration() -> None:
    told = failed_notifications(sample("metrics.txt"))
    assert len(told) == 10 and set(told.values()) == {0.0}
    newer = (
        b'alertmanager_notifications_failed_total{integration="webhook",reason="clientError"} 3\n'
        b'alertmanager_notifications_failed_total{integration="webhook",reason="other"} 1e+01\n'
        b'alertmanager_notification_requests_failed_total{integration="webhook"} 99\n'
    )
    assert failed_notifications(newer) == {"webhook": 13.0}


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}]", b'[{"labels":{}}]', b"\xff", b"[1]", sample("alerts.json")[:-9]])
def test_anything_else_is_no_listing(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        alerts(body)
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        silences(body)


# several Alertmanagers


def test_one_alert_of_two_members_is_listed_once_with_what_both_know() -> None:
    old = Listed(alert(since=990.0, receivers=("pager",), annotations=(("value", "1"),)), 1000.0)
    new = Listed(alert(since=995.0, receivers=("chat",), annotations=(("value", "2"),)), 1015.0)
    other = Listed(alert("f2"), 1.0)
    merged = merged_alerts([[old, other], [new]])
    assert [one.fingerprint for one in merged] == ["f1", "f2"]
    assert (merged[0].since, merged[0].receivers, merged[0].annotations) == (
        990.0,
        ("chat", "pager"),
        (("value", "2"),),
    )
    assert merged_alerts([[new], [old, other]])[0] == merged[0]


@pytest.mark.parametrize(
    ("one", "other", "state"),
    [
        ("silenced", "silenced", "silenced"),
        ("silenced", "firing", "firing"),
        ("inhibited", "firing", "firing"),
        ("silenced", "inhibited", "inhibited"),
    ],
)
def test_an_alert_is_quiet_only_where_no_member_pages(one: str, other: str, state: str) -> None:
    listings = [[Listed(alert(state=one), 2.0)], [Listed(alert(state=other), 1.0)]]
    assert merged_alerts(listings)[0].state == merged_alerts(listings[::-1])[0].state == state


def test_of_one_silence_the_version_changed_last_is_shown() -> None:
    def listed(ends: float, updated: float) -> ListedSilence:
        made = Silence(
            cluster="a100", source="alertmanager", when=1.0, id="s", state="active", matchers=(), starts=0.0, ends=ends,
            created_by="bob", comment="x",
        )  # fmt: skip
        return ListedSilence(made, updated)

    for order in ([[listed(100.0, 1.0)], [listed(200.0, 2.0)]], [[listed(200.0, 2.0)], [listed(100.0, 1.0)]]):
        assert [one.ends for one in merged_silences(order)] == [200.0]
