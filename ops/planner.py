"""From a request to a plan: what it means, whether the policy allows it, and what the cluster is like now."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from uuid import uuid4

import msgspec

from crashcart.backends.contract import AlertPicture
from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from .action_record import ActionRecords
from .actions import ACTIONS
from .actions.base import BadParams, Order, Scene, scene_of
from .actor import Actor
from .clock import Clock
from .fresh import fresh_picture, observed
from .planning import Prepared, allowed, checked_targets, policy_request, prepare
from .policy import Decision, Policy, PolicyRequest
from .powers import ClusterPowers
from .protocol import PlanRequest
from .refusal import Refusal
from .session import ClusterSession, Session
from .verbs import Verb

PowersFor = Callable[[str], ClusterPowers]

INCIDENT = "incident"
"""The parameter that breaks the glass, of every verb."""

_INCIDENT_ID = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,63}\Z")


class Planner:
    """Plans for one operator. All methods that look at a cluster raise Refusal."""

    def __init__(
        self,
        session: Session,
        powers_for: PowersFor,
        policy: Policy,
        actor: Actor,
        clock: Clock,
        records: ActionRecords,
        *,
        has_second: bool,
        others: Callable[[float], int],
    ) -> None:
        self._session = session
        self._powers_for = powers_for
        self._policy = policy
        self._actor = actor
        self._clock = clock
        self._records = records
        self._has_second = has_second
        self._others = others  # targets that other operators acted on in the hour before a time

    async def prepare(self, request: PlanRequest, undoes: str = "") -> Prepared:
        """The plan of a request, with what it was made from."""
        if request.verb not in ACTIONS:
            raise Refusal(
                "usage", f"there is no verb {clean(request.verb, limit=40)!r}; there are {', '.join(ACTIONS)}"
            )
        cluster = self._cluster(request.cluster)
        action, verb = ACTIONS[request.verb], self._policy.verb(request.verb)
        request = checked_targets(request, verb)
        try:
            action.check_params(without_incident(request.params))
            params = action.settled_params(request.params, self._clock.now())
        except BadParams as error:
            raise Refusal("usage", str(error)) from error
        request = msgspec.structs.replace(request, params=params)
        if not self._policy.roles_of(self._actor.user, self._actor.groups):
            self.decide(request, None)  # says no before the cluster is asked for anything
        self._records.check()
        scene = await self._scene(cluster, request, verb)
        return await prepare(request, action, verb, scene, self.decide(request, scene), undoes)

    async def scene(self, request: PlanRequest) -> Scene:
        """What somebody else's request looks at, as it is now."""
        verb = self._policy.verb(request.verb)
        return await self._scene(self._cluster(request.cluster), checked_targets(request, verb), verb)

    async def silences(self, cluster: str) -> AlertPicture:
        """The silences of a cluster as they are now."""
        powers = self._powers(self._cluster(cluster))
        if powers.alerts is None:
            raise Refusal("unavailable", f"{clean(cluster, limit=40)} has no Alertmanager")
        return await observed(powers.alerts.observe_alerts(), cluster)

    def decide(self, request: PlanRequest, scene: Scene | None) -> Decision:
        """The policy's yes. Raises Refusal with the policy's no."""
        return allowed(self._policy, self.question(request, scene, self._actor))

    def question(self, request: PlanRequest, scene: Scene | None, actor: Actor) -> PolicyRequest:
        """What the policy is asked about this operator. Raises Refusal when no incident is named."""
        now = self._clock.now()
        recent = self._records.recent_targets(now) + self._others(now)
        asked = policy_request(actor, request, scene, now, recent)
        incident = incident_of(request.params)
        since = self._records.glass_since(incident, actor.user) if incident else None
        return dataclasses.replace(asked, has_second=self._has_second, incident=incident, glass_since=since)

    async def _scene(self, cluster: ClusterSession, request: PlanRequest, verb: Verb) -> Scene:
        powers = self._powers(cluster)
        picture = await fresh_picture(powers, cluster.name, verb, request.kind or verb.target)
        order = Order(self._actor.user, self._session.reason_prefix, uuid4().hex)
        return scene_of(cluster, powers, picture, request, order)

    def _powers(self, cluster: ClusterSession) -> ClusterPowers:
        try:
            return self._powers_for(cluster.name)
        except BackendError as error:
            raise Refusal("unavailable", str(error)) from error

    def _cluster(self, name: str) -> ClusterSession:
        try:
            return self._session.cluster(name)
        except KeyError as error:
            raise Refusal("usage", self._unknown(clean(name, limit=40))) from error

    def _unknown(self, name: str) -> str:
        if self._session.attach is None:
            return f"there is no cluster {name!r}"
        return (
            f"cluster {name!r} is shown by the collector at {self._session.attach}, but this machine does not know how "
            f"to reach it; add [cluster.{name}] to its configuration to act there"
        )


def incident_of(params: dict[str, str]) -> str:
    """The incident that breaks the glass, or an empty text. Raises Refusal."""
    found = params.get(INCIDENT)
    if found is None:
        return ""
    if not _INCIDENT_ID.match(found):
        raise Refusal("usage", f"{clean(found, limit=80)!r} is not the id of an incident, like INC-1234")
    return found


def without_incident(params: dict[str, str]) -> dict[str, str]:
    """The parameters that are the verb's own."""
    return {name: value for name, value in params.items() if name != INCIDENT}
