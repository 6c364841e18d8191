"""The policy: what it allows, which gate says no, and which files it refuses to be read from."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from crashcart.ops.policy import Decision, Policy, PolicyRequest, PolicyTarget, nothing_allowed
from crashcart.ops.policy_load import PolicyError, parse_policy, policy_of, read_policy
from crashcart.ops.policy_starter import starter_policy
from crashcart.ops.session import Session
from crashcart.ops.verbs import VERBS

TEXT = """\
version = 1
default = "deny"
[limits]
max_targets = 64
max_partition_pct = 20
per_hour = 100
[[freeze]]
name = "quarter-close"
from = 2026-12-20T00:00:00Z
to = 2027-01-03T00:00:00Z
verbs = ["drain", "cancel"]
[[role]]
name = "oncall"
allow = [
    { verbs = ["drain", "resume", "requeue"], scope = "main/train/*" },
    { verbs = ["shell", "reboot"], scope = "main/*/gpu0*" },
]
deny = [{ verbs = ["*"], scope = "main/*/login*" }]
max_targets = 20
[[role]]
name = "storage"
allow = [{ verbs = ["drain"], scope = "main/storage/*" }]
[[bind]]
role = "oncall"
users = ["alice"]
groups = ["unix:gpu-oncall"]
[[bind]]
role = "storage"
users = ["alice"]
"""

JUNE = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
CHRISTMAS = datetime(2026, 12, 25, tzinfo=UTC).timestamp()


@pytest.fixture
def policy() -> Policy:
    return parse_policy(TEXT, "test")


def ask(
    policy: Policy,
    verb: str,
    *targets: tuple[str, ...],
    user: str = "alice",
    groups: tuple[str, ...] = (),
    cluster: str = "main",
    now: float = JUNE,
    size: int = 200,
    recent: int = 0,
) -> Decision:
    """Each target is its name and then its partitions, `train` unless said otherwise."""
    asked = tuple(
        PolicyTarget(name, partitions or ("train",)) for name, *rest in targets for partitions in [tuple(rest)]
    )
    sizes = {partition: size for target in asked for partition in target.partitions}
    return policy.decide(PolicyRequest(user, groups, cluster, verb, asked, now, sizes, recent))


def nodes(count: int) -> list[tuple[str, ...]]:
    return [(f"gpu{number:03}",) for number in range(count)]


def test_a_decision_names_every_gate_in_order(policy: Policy) -> None:
    decision = ask(policy, "drain", *nodes(1))

    assert decision.allowed
    assert (decision.role, decision.confirm_kind) == ("oncall", "type-name")
    assert [gate.partition(":")[0] for gate in decision.gates] == [
        "targets",
        "role",
        "deny",
        "allow",
        "max_targets",
        "max_partition_pct",
        "freeze",
        "per_hour",
        "max_silence_hours",
        "confirm",
    ]


def test_without_a_policy_every_verb_is_denied() -> None:
    policy = nothing_allowed("there is no policy")

    for verb in VERBS:
        decision = ask(policy, verb.name, ("1",))
        assert not decision.allowed
        assert "there is no policy" in decision.why


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (lambda p: ask(p, "drain"), "targets: none"),
        (lambda p: ask(p, "drain", ("gpu001",), ("gpu001",)), "targets: one is named twice"),
        (lambda p: ask(p, "drain", ("gpu[1-9]",)), "targets: 'gpu[1-9]' is a pattern"),
        (lambda p: ask(p, "drain", ("gpu0б",)), "targets: 'gpu0б' is a pattern"),
        (lambda p: ask(p, "drain", ("gpu001",), user="bob"), "role: no role is bound to bob"),
        (lambda p: ask(p, "drain", ("login1",)), "deny: role oncall forbids drain on login1"),
        (lambda p: ask(p, "cancel", ("42",)), "allow: no single role may cancel all targets"),
        (lambda p: ask(p, "drain", ("gpu001",), cluster="other"), "allow: no single role"),
        (lambda p: ask(p, "drain", *nodes(21)), "max_targets: 21 targets are more than 20"),
        (lambda p: ask(p, "drain", *nodes(5), size=20), "max_partition_pct: 5 of the 20 nodes of train"),
        (lambda p: ask(p, "drain", ("gpu001",), now=CHRISTMAS), "freeze: quarter-close refuses drain until 2027-01-03"),
        (lambda p: ask(p, "drain", ("gpu001",), recent=100), "per_hour: 100 targets in the last hour and 1 more"),
        (
            lambda p: ask(p, "reboot", ("gpu001",)),
            "confirm: reboot needs a second person, because its risk is critical",
        ),
        (lambda p: ask(p, "drain", *nodes(17)), "17 targets are more than 16; name 16 or fewer"),
        (lambda p: ask(p, "explode", ("gpu001",)), "verb: 'explode' is not one of drain"),
    ],
)
def test_each_gate_says_no_with_its_reason(policy: Policy, decision, why: str) -> None:  # type: ignore[no-untyped-def]
    answer: Decision = decision(policy)

    assert not answer.allowed
    assert why in answer.why
    assert answer.gates[-1] == answer.why


def test_a_deny_wins_over_every_allow_in_any_partition_of_the_node(policy: Policy) -> None:
    wide = parse_policy(
        TEXT.replace('scope = "main/*/login*"', 'scope = "main/secret/*"').replace('"main/train/*"', '"*"'), "test"
    )

    assert ask(wide, "drain", ("gpu001", "train")).allowed
    assert not ask(wide, "drain", ("gpu001", "train", "secret")).allowed


def test_a_node_is_allowed_by_any_of_its_partitions(policy: Policy) -> None:
    assert ask(policy, "drain", ("gpu001", "debug", "train")).allowed
    assert not ask(policy, "drain", ("gpu001", "debug")).allowed


def test_one_role_must_allow_all_targets(policy: Policy) -> None:
    assert ask(policy, "drain", ("gpu001", "train")).allowed
    assert ask(policy, "drain", ("oss1", "storage")).allowed
    assert not ask(policy, "drain", ("gpu001", "train"), ("oss1", "storage")).allowed


@pytest.mark.parametrize(
    ("scope", "covers"),
    [("*", True), ("*/*/*", True), ("main/*/gpu1", True), ("main/*", None), ("m*/*/GPU1", False), ("*/gpu1/*", False)],
)
def test_a_star_stays_within_its_segment(scope: str, covers: bool | None) -> None:
    text = TEXT.replace("main/train/*", scope)
    if covers is None:
        with pytest.raises(PolicyError, match="CLUSTER/PARTITION/NAME"):
            parse_policy(text, "test")
    else:
        assert ask(parse_policy(text, "test"), "resume", ("gpu1",)).allowed is covers


def test_groups_of_the_system_bind_roles(policy: Policy) -> None:
    assert ask(policy, "drain", ("gpu001",), user="carol", groups=("unix:gpu-oncall",)).allowed
    assert not ask(policy, "drain", ("gpu001",), user="carol", groups=("unix:users",)).allowed


def test_a_verb_that_only_reads_is_not_frozen_nor_counted() -> None:
    text = TEXT.replace('"drain", "cancel"', '"*"').replace('["drain", "resume", "requeue"]', '["*"]')
    policy = parse_policy(text, "test")

    assert ask(policy, "diagnose", ("gpu001",), now=CHRISTMAS, recent=1000).allowed
    assert not ask(policy, "resume", ("gpu001",), now=CHRISTMAS).allowed


def test_giving_nodes_back_is_not_limited_by_the_share_of_a_partition(policy: Policy) -> None:
    assert ask(policy, "resume", *nodes(5), size=5).allowed


@pytest.mark.parametrize(("count", "kind"), [(1, "type-name"), (2, "type-count"), (16, "type-count")])
def test_confirmation_grows_with_the_number_of_targets(policy: Policy, count: int, kind: str) -> None:
    assert ask(policy, "drain", *nodes(count)).confirm_kind == kind


def test_a_verb_override_changes_its_risk_and_with_it_the_confirmation() -> None:
    policy = parse_policy(TEXT + '[verb.reboot]\nrisk = "high"\n', "test")

    assert ask(policy, "reboot", ("gpu001",)).confirm_kind == "type-name"
    assert policy.verb("reboot").risk == "high"
    assert policy.verb("drain").idempotent


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("[[role]]", "[[roel]]", 12, "unknown field `roel`"),
        ("version = 1", "version = 2", 1, "version"),
        ('default = "deny"', 'default = "allow"', 2, "default"),
        ("max_targets = 64", "max_target = 64", 4, "unknown field `max_target`"),
        ("max_partition_pct = 20", "max_partition_pct = 200", 5, "must be between 0 and 100"),
        ('"resume"', '"resmue"', 15, "unknown verb 'resmue'"),
        ('role = "storage"', 'role = "storrage"', 28, "not defined"),
        ('"unix:gpu-oncall"', '"gpu-oncall"', 26, "is not written unix:NAME"),
        ('"main/*/gpu0*"', '"main/gpu0*"', 16, "CLUSTER/PARTITION/NAME"),
        ("2026-12-20T00:00:00Z", "2026-12-20T00:00:00", 8, "times with a zone"),
        ("2027-01-03", "2025-01-03", 8, "ends before it begins"),
        ('verbs = ["drain", "cancel"]', 'verbs = "drain"', None, "Expected `array`"),
        ("[limits]", "[limits", None, "not TOML"),
    ],
)
def test_a_file_with_a_mistake_is_refused_as_a_whole_and_says_where(
    old: str, new: str, line: int | None, why: str
) -> None:
    assert old in TEXT
    with pytest.raises(PolicyError) as caught:
        parse_policy(TEXT.replace(old, new, 1), "/etc/policy.toml")

    assert str(caught.value).startswith(f"/etc/policy.toml:{line}: " if line else "/etc/policy.toml:")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("glass", "why"),
    [
        ('roles = ["nobody"]\nverbs = ["*"]', "breakglass names the role 'nobody', which is not defined"),
        ('roles = ["oncall"]\nverbs = ["explode"]', "breakglass: unknown verb 'explode'"),
        ('roles = ["oncall"]\nverbs = ["*"]\nminutes = 0', "breakglass.minutes must be between 1 and 1440"),
        ('roles = ["oncall"]\nverbs = ["*"]\nmintues = 5', "unknown field `mintues`"),
        ('roles = ["oncall"]', "missing required field `verbs`"),
    ],
)
def test_a_mistake_in_breakglass_is_refused(glass: str, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(f"{TEXT}[breakglass]\n{glass}\n", "test")

    assert why in str(caught.value)


def test_an_unknown_confirmation_size_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"test:32: confirm\.over_many"):
        parse_policy(TEXT + '\n[confirm]\nover_many = "key"\n', "test")


def test_a_policy_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(TEXT)
    path.chmod(0o644)
    assert read_policy(path).origin == str(path)

    path.chmod(0o664)
    with pytest.raises(PolicyError, match="chmod go-w"):
        read_policy(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_policy_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(TEXT)
    os.chown(path, 65534, 65534)

    with pytest.raises(PolicyError, match="belongs to user id 65534"):
        read_policy(path)


def test_a_missing_file_and_a_directory_are_refused_with_their_name(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path / "none.toml")
    with pytest.raises(PolicyError, match="not a regular file"):
        read_policy(tmp_path)


def test_a_session_without_a_policy_may_do_nothing() -> None:
    policy = policy_of(Session(clusters=(), audit_file="x"))

    assert not policy.document.role
    assert "crashcart policy init" in policy.origin


def test_the_starter_puts_its_user_on_call_for_every_cluster() -> None:
    policy = parse_policy(starter_policy("alice"), "starter")

    for verb in VERBS:
        assert ask(policy, verb.name, ("gpu001",), cluster="anything").allowed, verb.name
    assert not ask(policy, "drain", ("login1",)).allowed
    assert not ask(policy, "drain", ("gpu001",), user="NAME").allowed


def test_the_demo_lets_everybody_try_everything_within_its_limits() -> None:
    text = resources.files("crashcart.ops").joinpath("demo_policy.toml").read_text(encoding="utf-8")
    policy = parse_policy(text, "demo")

    for verb in VERBS:
        assert ask(policy, verb.name, ("gpu001",), user="anybody").allowed, verb.name
    assert ask(policy, "drain", *nodes(32)).confirm_kind == "type-count"
    assert "max_targets" in ask(policy, "drain", *nodes(33)).why
    assert "max_partition_pct" in ask(policy, "drain", *nodes(6), size=10).why
