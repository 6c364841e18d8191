"""Tightening a policy never turns a no into a yes."""

from __future__ import annotations

import dataclasses

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from crashcart.ops.policy import Policy, PolicyRequest, PolicyTarget
from crashcart.ops.policy_rules import Bind, BreakGlass, Document, Limits, Role, Rule, VerbRule

VERB = st.sampled_from(["drain", "resume", "cancel", "shell", "*"])
SEGMENT = st.sampled_from(["*", "a", "b", "a*", "?"])
SCOPE = st.one_of(st.just("*"), st.builds("{}/{}/{}".format, SEGMENT, SEGMENT, SEGMENT))
RULE = st.builds(Rule, verbs=st.lists(VERB, min_size=1, max_size=2).map(tuple), scope=SCOPE)
ROLE = st.builds(
    Role,
    name=st.sampled_from(["one", "two", "three"]),
    allow=st.lists(RULE, max_size=4).map(tuple),
    deny=st.lists(RULE, max_size=2).map(tuple),
    max_targets=st.one_of(st.none(), st.integers(0, 4)),
)
DOCUMENT = st.builds(
    lambda roles, limits, glass: Document(
        version=1,
        default="deny",
        limits=limits,
        verb={"cancel": VerbRule(risk="critical")},
        role=tuple(roles),
        bind=tuple(Bind(role=role.name, users=("alice",)) for role in roles),
        breakglass=glass,
    ),
    st.lists(ROLE, min_size=1, max_size=3, unique_by=lambda role: role.name),
    st.builds(
        Limits, max_targets=st.integers(0, 4), max_partition_pct=st.integers(0, 100), per_hour=st.integers(0, 10)
    ),
    st.sampled_from([None, BreakGlass(("one", "two"), ("cancel",)), BreakGlass(("one",), ("*",))]),
)
NAME = st.sampled_from(["a", "b", "ab"])
REQUEST = st.builds(
    PolicyRequest,
    user=st.sampled_from(["alice", "alice", "bob"]),
    groups=st.just(()),
    cluster=NAME,
    verb=st.sampled_from(["drain", "resume", "cancel", "shell"]),
    targets=st.lists(
        st.builds(PolicyTarget, name=NAME, partitions=st.lists(NAME, max_size=2, unique=True).map(tuple)), max_size=3
    ).map(tuple),
    now=st.just(0.0),
    partition_sizes=st.just({"a": 3, "b": 10, "ab": 1}),
    recent=st.integers(0, 10),
    has_second=st.booleans(),
    incident=st.sampled_from(["", "", "INC-1"]),
    glass_since=st.sampled_from([None, -7200.0]),
)


def with_role(document: Document, index: int, role: Role) -> Policy:
    roles = list(document.role)
    roles[index % len(roles)] = role
    return Policy(msgspec.structs.replace(document, role=tuple(roles)), "tightened", "x")


def is_allowed(policy: Policy, request: PolicyRequest) -> bool:
    return policy.decide(request).allowed


@given(DOCUMENT, REQUEST, RULE, st.integers(0, 2))
def test_adding_a_deny_never_allows_more(document: Document, request: PolicyRequest, rule: Rule, index: int) -> None:
    role = document.role[index % len(document.role)]
    tightened = with_role(document, index, msgspec.structs.replace(role, deny=(*role.deny, rule)))

    assert is_allowed(Policy(document, "", ""), request) or not is_allowed(tightened, request)


@given(DOCUMENT, REQUEST, st.integers(0, 2), st.integers(0, 3))
def test_removing_an_allow_never_allows_more(
    document: Document, request: PolicyRequest, index: int, which: int
) -> None:
    role = document.role[index % len(document.role)]
    kept = tuple(rule for number, rule in enumerate(role.allow) if number != which)
    tightened = with_role(document, index, msgspec.structs.replace(role, allow=kept))

    assert is_allowed(Policy(document, "", ""), request) or not is_allowed(tightened, request)


@given(DOCUMENT, REQUEST, st.integers(0, 2))
def test_unbinding_a_role_that_denies_nothing_never_allows_more(
    document: Document, request: PolicyRequest, index: int
) -> None:
    role = document.role[index % len(document.role)]
    left = tuple(bind for bind in document.bind if bind.role != role.name or role.deny)
    tightened = Policy(msgspec.structs.replace(document, bind=left), "", "")

    assert is_allowed(Policy(document, "", ""), request) or not is_allowed(tightened, request)


@given(DOCUMENT, REQUEST)
def test_a_yes_names_its_role_and_a_confirmation_that_can_be_given(document: Document, request: PolicyRequest) -> None:
    decision = Policy(document, "", "").decide(request)

    if decision.allowed:
        assert decision.role in {role.name for role in document.role}
        assert decision.confirm_kind != "second-person" or (request.has_second and not request.incident)
    else:
        assert decision.why == decision.gates[-1]


@given(DOCUMENT, REQUEST)
def test_breaking_the_glass_never_overrules_roles_denies_and_limits(document: Document, request: PolicyRequest) -> None:
    """Whatever it allows, somebody with a second person at hand and no freeze would have been allowed."""
    policy = Policy(document, "", "")
    ordinary = dataclasses.replace(request, incident="", has_second=True)

    assert is_allowed(policy, ordinary) or not is_allowed(policy, dataclasses.replace(request, incident="INC-1"))
