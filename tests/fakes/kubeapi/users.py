"""Who asks: by bearer token or client certificate, with the names, uids and groups of the recording."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .status import unauthorized

AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()

    @property
    def is_superuser(self) -> bool:
        return "system:masters" in self.groups

    @property
    def service_account(self) -> tuple[str, str] | None:
        """Namespace and name, when it is one."""
        parts = self.name.split(":")
        return (parts[2], parts[3]) if self.name.startswith("system:serviceaccount:") and len(parts) == 4 else None


ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))
ADMIN = User("admin", "1", ("system:masters", AUTHENTICATED))
USERS = (
    ADMIN,
    User("oncall", "2", ("oncall", AUTHENTICATED)),
    User("viewer", "3", ("viewer", AUTHENTICATED)),
    User("nobody", "4", (AUTHENTICATED,)),
)
EXPIRED = "expired-token"


def token_of(name: str) -> str:
    """The bearer token of one of the USERS."""
    return f"{name}-token"


@dataclass
class Doorkeeper:
    """Knows all tokens, and until when each is good (seconds since the epoch)."""

    tokens: dict[str, tuple[User, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The tokens of USERS are good again."""
        for user in USERS:
            self.tokens[token_of(user.name)] = (user, float("inf"))
        self.tokens[EXPIRED] = (USERS[1], 0.0)

    def issue(self, token: str, user: User, until: float) -> None:
        self.tokens[token] = (user, until)

    def revoke(self, token: str) -> None:
        """From now on the token is as unknown as any."""
        self.tokens.pop(token, None)

    def who(self, authorization: str, certificate: User | None) -> User:
        """A certificate goes before a token; nothing at all is the anonymous user; a wrong token is refused."""
        if certificate is not None:
            return certificate
        scheme, _, token = authorization.partition(" ")
        if not authorization or scheme.lower() != "bearer":
            return ANONYMOUS
        user, until = self.tokens.get(token.strip(), (ANONYMOUS, 0.0))
        if until < time.time():
            raise unauthorized()
        return user
