"""From a request to its answer: who asks, may they, and which part of the server answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from . import deletion, writes
from .access import Attributes, Authorizer, refusal
from .binding import bind
from .discovery import Discovery
from .eviction import evict
from .listing import list_objects
from .pod_access import PodAccess
from .requests import Reply, Request
from .resources import BY_NAME, Resource
from .reviews import REVIEWS, Reviews
from .status import Refusal, method_not_allowed, no_such_page
from .store import Store
from .tokens import TokenRequests
from .users import Doorkeeper
from .watching import Watching


class Api:
    """The server without its sockets."""

    def __init__(self, store: Store, open_gate: Callable[[], Callable[[], None]]) -> None:
        self.store = store
        self.doorkeeper = Doorkeeper()
        self.authorizer = Authorizer(store)
        self.discovery = Discovery()
        self.reviews = Reviews(self.authorizer)
        self.watching = Watching(store, open_gate)
        self.pods = PodAccess(store)
        self._requests: deque[str] = deque(maxlen=10_000)
        self._tokens = TokenRequests(store, self.doorkeeper)

    def heal(self) -> None:
        """All settings as in the beginning; what is installed stays."""
        self.doorkeeper.reset()
        self.watching.heal()
        self.pods.unreachable.clear()
        self.discovery.is_ready = True
        self.reviews.rules_are_complete = True

    def taken_requests(self) -> list[str]:
        """Method and path of all requests since the last call."""
        taken = list(self._requests)
        self._requests.clear()
        return taken

    def answer(self, request: Request) -> Reply:
        """Never raises for what a client can do wrong."""
        self._requests.append(f"{request.method} {request.path}")
        try:
            return self._answer(request)
        except Refusal as error:
            return Reply.refusing(error)

    def _answer(self, request: Request) -> Reply:
        self.authorizer.require(request.user, request.attributes)
        place = request.place
        if not place.resource:
            if request.method not in ("GET", "HEAD"):
                raise method_not_allowed()
            return self.discovery.answer(request.path)
        if (place.group, place.resource) in REVIEWS:
            if request.method != "POST" or place.version != "v1":
                raise method_not_allowed()
            return self.reviews.answer(request)
        resource = BY_NAME.get((place.group, place.resource))
        if resource is None or not self.discovery.serves(resource, place.version):
            raise no_such_page()
        if place.subresource:
            return self._part(request, resource)
        return self._whole(request, resource)

    def _whole(self, request: Request, resource: Resource) -> Reply:
        if request.is_watch:
            return self.watching.reply(request, resource)
        answers: dict[str, Callable[[Store, Resource, Request], Reply]] = {
            "get": writes.read,
            "update": writes.update,
            "patch": writes.patch,
            "delete": deletion.delete,
            "create": writes.create,
            "deletecollection": deletion.delete_all,
        }
        if request.verb == "list":
            return list_objects(self.store, request, resource)
        is_create_in_place = request.verb == "create" and request.place.name
        needs_namespace = resource.namespaced and request.verb != "list" and not request.place.namespace
        if request.verb not in answers or is_create_in_place or needs_namespace:
            raise method_not_allowed()
        return answers[request.verb](self.store, resource, request)

    def _part(self, request: Request, resource: Resource) -> Reply:
        part = request.place.subresource
        if part not in resource.all_subresources:
            raise no_such_page()
        match (part, request.method):
            case ("status", "GET"):
                return writes.read(self.store, resource, request)
            case ("status", "PUT"):
                return writes.update(self.store, resource, request)
            case ("status", "PATCH"):
                return writes.patch(self.store, resource, request)
            case ("eviction", "POST"):
                return evict(self.store, request)
            case ("binding", "POST"):
                return bind(self.store, request)
            case ("token", "POST"):
                return self._tokens.answer(request)
            case ("log", "GET"):
                return self.pods.log(request)
            case ("exec", "GET") if request.is_upgrade:
                self._require_create(request)
                return self.pods.exec(request)
        raise method_not_allowed()

    def _require_create(self, request: Request) -> None:
        """Since 1.36 a websocket exec needs `create` too; the refusal does not say so, nor anything else."""
        place = request.place
        asked = Attributes("create", place.group, place.resource, place.subresource, place.namespace, place.name)
        if not self.authorizer.allows(request.user, asked)[0]:
            denied = refusal(request.user, asked)
            raise Refusal(403, f'pods "{place.name}" is forbidden: ', denied.reason, denied.details)
