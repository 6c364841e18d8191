"""Tokens of service accounts (`serviceaccounts/token`): good until they expire, then 401."""

from __future__ import annotations

import secrets
import time

from .requests import Reply, Request
from .resources import SERVICE_ACCOUNTS
from .store import Store
from .strategies import timestamp
from .users import AUTHENTICATED, Doorkeeper, User
from .writes import found

SHORTEST = 600  # seconds; the server refuses or lengthens less


class TokenRequests:
    """Issues tokens to the doorkeeper's list."""

    def __init__(self, store: Store, doorkeeper: Doorkeeper) -> None:
        self._store, self._doorkeeper = store, doorkeeper

    def answer(self, request: Request) -> Reply:
        """201 with a TokenRequest."""
        account = found(self._store, SERVICE_ACCOUNTS, request).value["metadata"]
        spec = dict(request.json().get("spec") or {})
        seconds = max(int(spec.get("expirationSeconds") or 3600), SHORTEST)
        namespace, name = account["namespace"], account["name"]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        token, until = secrets.token_urlsafe(40), time.time() + seconds
        self._doorkeeper.issue(token, User(f"system:serviceaccount:{namespace}:{name}", account["uid"], groups), until)
        return Reply.of(
            {
                "kind": "TokenRequest",
                "apiVersion": "authentication.k8s.io/v1",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"audiences": ["https://kubernetes.default.svc"], **spec, "expirationSeconds": seconds},
                "status": {"token": token, "expirationTimestamp": timestamp(until)},
            },
            201,
        )
