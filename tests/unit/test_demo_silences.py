"""The simulated Alertmanager takes and refuses amtool's silence commands as the real one does."""

from __future__ import annotations

import pytest

from crashcart.backends.demo.matchers import BadMatcher, matches, parse
from crashcart.backends.demo.protocol import AlertsSeen, ObserveAlerts
from crashcart.backends.model import Matcher, Silence
from tests.demo_world import START, HandCluster

SOON = "--end=2027-01-15T09:00:00Z"  # one hour after START
ADD = f"amtool silence add {SOON} --author=crashcart:bob --comment=INC-1"


def silences(cluster: HandCluster) -> dict[str, Silence]:
    answer = cluster.ask(ObserveAlerts())
    assert isinstance(answer, AlertsSeen)
    return {silence.id: silence for silence in answer.silences}


def added(cluster: HandCluster, command: str) -> Silence:
    ran = cluster.run(command)
    assert ran.exit_status == 0, ran.stderr
    return silences(cluster)[ran.stdout.strip()]


def states(cluster: HandCluster, name: str) -> dict[str, str]:
    """State by node of the alerts of a name."""
    answer = cluster.ask(ObserveAlerts())
    assert isinstance(answer, AlertsSeen)
    return {dict(alert.labels)["node"]: alert.state for alert in answer.alerts if alert.name == name}


def test_a_silence_says_who_why_and_until_when() -> None:
    silence = added(HandCluster(), f"{ADD} 'alertname=\"GpuThermalSlowdown\"' 'rack=~\"r0.*\"'")
    assert (silence.state, silence.created_by, silence.comment) == ("active", "crashcart:bob", "INC-1")
    assert (silence.starts, silence.ends) == (START, START + 3600)
    assert silence.matchers == (Matcher("alertname", "GpuThermalSlowdown"), Matcher("rack", "r0.*", is_regex=True))


def test_it_quiets_what_all_its_matchers_match_and_nothing_else() -> None:
    cluster = HandCluster()
    one, *others = sorted(states(cluster, "GpuThermalSlowdown"))
    made = added(cluster, f"{ADD} alertname=GpuThermalSlowdown 'node=~\"{one[:-1]}[{one[-1]}]\"'")
    found = states(cluster, "GpuThermalSlowdown")
    assert found.pop(one) == "silenced"
    assert set(found.values()) == {"firing"} and len(found) == len(others)
    cluster.run(f"amtool silence expire {made.id}")
    assert states(cluster, "GpuThermalSlowdown")[one] == "firing"


def test_pollers_hear_of_the_silence_and_of_the_alert() -> None:
    cluster = HandCluster()
    first = cluster.poll()
    made = added(cluster, f"{ADD} alertname=GpuStraggler")
    changed = {entity.kind: entity for entity in cluster.poll(first.epoch, first.revision).entities}
    assert changed["silence"] == made
    assert changed["alert"].key.removeprefix("/") and getattr(changed["alert"], "silenced_by", ()) == (made.id,)


def test_a_silence_ends_by_itself() -> None:
    cluster = HandCluster()
    made = added(cluster, "amtool silence add -d 2m -c x alertname=GpuStraggler")
    assert made.ends == START + 120
    cluster.wait(119)
    assert set(states(cluster, "GpuStraggler").values()) == {"silenced"}
    cluster.wait(1)
    assert set(states(cluster, "GpuStraggler").values()) == {"firing"}
    assert silences(cluster)[made.id].state == "expired"


def test_a_silence_of_the_future_waits() -> None:
    cluster = HandCluster()
    made = added(cluster, f"{ADD} --start=2027-01-15T08:30:00Z alertname=GpuStraggler")
    assert made.state == "pending"
    assert set(states(cluster, "GpuStraggler").values()) == {"firing"}
    cluster.wait(1800)
    assert set(states(cluster, "GpuStraggler").values()) == {"silenced"}
    early = added(cluster, f"{ADD} --start=2027-01-15T07:00:00Z alertname=GpuStraggler")
    assert early.starts == cluster.now, "a start in the past is moved to now"


def test_an_update_moves_the_end_and_keeps_the_id() -> None:
    cluster = HandCluster()
    made = added(cluster, f"{ADD} alertname=GpuStraggler")
    ran = cluster.run(f"amtool silence update --end=2027-01-15T10:00:00Z --comment='INC-1 longer' {made.id}")
    assert ran.exit_status == 0 and made.id in ran.stdout and "2027-01-15 10:00:00 UTC" in ran.stdout
    moved = silences(cluster)[made.id]
    assert (moved.ends, moved.comment, moved.starts) == (START + 7200, "INC-1 longer", made.starts)
    cluster.wait(3601)
    assert silences(cluster)[made.id].state == "active", "the old end means nothing any more"
    cluster.wait(3600)
    assert silences(cluster)[made.id].state == "expired"


def test_an_update_of_an_expired_silence_makes_another() -> None:
    cluster = HandCluster()
    made = added(cluster, f"{ADD} alertname=GpuStraggler")
    assert cluster.run(f"amtool silence expire {made.id}").exit_status == 0
    assert cluster.run(f"amtool silence expire {made.id}").exit_status == 0, "amtool takes it twice"
    before = set(silences(cluster))
    ran = cluster.run(f"amtool silence update --end=2027-01-15T10:00:00Z {made.id}")
    (fresh,) = set(silences(cluster)) - before
    assert fresh in ran.stdout and made.id not in ran.stdout
    assert silences(cluster)[made.id].state == "expired"
    assert silences(cluster)[fresh].matchers == made.matchers


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"amtool silence add {SOON} alertname=X", "comment required by config"),
        (f"amtool silence add {SOON} --comment= alertname=X", "comment required by config"),
        (ADD, "no matchers specified"),
        (f"{ADD} 'a=~\".*\"'", "silence invalid: at least one matcher must not match the empty string"),
        (f"{ADD} 'a=\"\"' 'b!=\"x\"'", "silence invalid: at least one matcher must not match the empty string"),
        (f"{ADD} 'a=~\"(\"'", "error parsing regexp"),
        (f"{ADD} x '0a=\"x\"'", "bad matcher format"),
        (f"{ADD} --start=2027-01-15T10:00:00Z alertname=X", "silence cannot start after it ends"),
        ("amtool silence add --end=2016-12-25T10:00:00Z --comment=x alertname=X", "cannot start after it ends"),
        ("amtool silence add --end=soon --comment=x alertname=X", 'parsing time "soon"'),
        ("amtool silence add --duration=soon --comment=x alertname=X", 'not a valid duration string: "soon"'),
        ("amtool silence add --frob alertname=X", "unknown long flag '--frob'"),
        (f"amtool silence update {SOON} 11111111-1111-1111-1111-111111111111", "[404] getSilenceNotFound"),
        (f"amtool silence update {SOON}", "no silence IDs specified"),
        ("amtool silence expire 11111111-1111-1111-1111-111111111111", "[500] deleteSilenceInternalServerError"),
        ("amtool silence expire", "no silence IDs specified"),
        ("amtool frob", 'expected command but got "frob"'),
    ],
)
def test_what_amtool_or_alertmanager_refuse_is_refused_in_their_words(command: str, says: str) -> None:
    cluster = HandCluster()
    before = silences(cluster)
    ran = cluster.run(command)
    assert ran.exit_status == 1
    assert ran.stderr.startswith("amtool: error: ") and says in ran.stderr
    assert silences(cluster) == before


def test_a_bare_first_word_is_the_name_of_an_alert() -> None:
    silence = added(HandCluster(), f"{ADD} GpuStraggler node=gpu001")
    assert silence.matchers == (Matcher("alertname", "GpuStraggler"), Matcher("node", "gpu001"))


def test_the_listing_shows_what_is_not_over() -> None:
    cluster = HandCluster()
    made = added(cluster, f"{ADD} alertname=GpuStraggler")
    listed = cluster.run("amtool silence query").stdout
    assert made.id in listed and "INC-3187" in listed and "INC-3190" not in listed


@pytest.mark.parametrize("value", ["gpu001", 'a"b', "a\\b", "a\\\\", 'x"', "tab\there", "=", "a=~b", "ünï", ""])
@pytest.mark.parametrize("is_regex", [False, True])
@pytest.mark.parametrize("is_equal", [False, True])
def test_matchers_are_read_as_they_are_written(value: str, is_regex: bool, is_equal: bool) -> None:
    if is_regex and value == "a\\":
        pytest.skip("no regular expression ends so")
    matcher = Matcher("node", value, is_regex=is_regex, is_equal=is_equal)
    assert parse(str(matcher)) == matcher


@pytest.mark.parametrize("text", ["", "node", "=x", 'a b="x"', 'a="x" junk', 'a-b="x"', 'node="x"y"', 'a=~"("'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(BadMatcher):
        parse(text)


def test_a_regular_expression_must_match_the_whole_value() -> None:
    labels = {"node": "gpu017"}
    assert matches(parse('node=~"gpu01.*"'), labels)
    assert not matches(parse('node=~"gpu01"'), labels)
    assert matches(parse('node!~"gpu01"'), labels)
    assert not matches(parse('node!="gpu017"'), labels)
    assert matches(parse('other=""'), labels), "a label that is missing is empty"
