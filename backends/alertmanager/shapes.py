"""What Alertmanager's API v2 sends, as typed JSON; fields that are not named here are skipped without building them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Receiver(msgspec.Struct):
    name: str


class AlertStatus(msgspec.Struct, rename="camel"):
    state: str = "active"
    silenced_by: list[str] | None = None
    inhibited_by: list[str] | None = None


class ApiAlert(msgspec.Struct, rename="camel"):
    """One of `GET /api/v2/alerts`."""

    labels: dict[str, str]
    fingerprint: str
    starts_at: datetime
    updated_at: datetime
    status: AlertStatus
    annotations: dict[str, str] | None = None
    receivers: list[Receiver] | None = None


class ApiMatcher(msgspec.Struct, rename="camel"):
    """A condition, in silences and in what makes them."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class SilenceStatus(msgspec.Struct):
    state: str


class ApiSilence(msgspec.Struct, rename="camel"):
    """One of `GET /api/v2/silences`."""

    id: str
    status: SilenceStatus
    matchers: list[ApiMatcher]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str = ""
    comment: str = ""


class KeptSilence(msgspec.Struct, rename="camel"):
    """What of a silence must be sent back letter by letter to keep its id."""

    id: str
    status: SilenceStatus
    matchers: list[ApiMatcher]
    starts_at: str
    created_by: str


class PostedSilence(msgspec.Struct, rename="camel", omit_defaults=True):
    """The body that makes a silence, or moves the end of one when it has an id."""

    matchers: list[ApiMatcher]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str
    id: str = ""


class Posted(msgspec.Struct):
    """The answer to it."""

    silence_id: str = msgspec.field(name="silenceID")


ALERTS = msgspec.json.Decoder(list[ApiAlert])
SILENCES = msgspec.json.Decoder(list[ApiSilence])
KEPT = msgspec.json.Decoder(KeptSilence)
POSTED_SILENCE = msgspec.json.Decoder(PostedSilence)
POSTED = msgspec.json.Decoder(Posted)
