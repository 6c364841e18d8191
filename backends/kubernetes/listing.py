"""Lists a resource page by page, so that no body is large and no deadline is for all of them together."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.text import clean

from .client import KubernetesClient, Query
from .failures import Expired
from .inbox import Objects
from .ledger import Ledger
from .resources import Resource
from .shapes import ListMeta, Shape

PAGE = 250
"""Objects a page: 5,000 pods in pages of 250 hold a loop up by 5 ms, in one body by 40 ms and 240 MB."""

_MOST_PAGES = 4000
_ATTEMPTS = 3


class Listing(NamedTuple):
    """All objects by key, as they were at this version."""

    objects: Objects
    version: str


@lru_cache(maxsize=64)
def _decoder(shape: type) -> msgspec.json.Decoder[Any]:
    fields: list[Any] = [
        ("metadata", ListMeta, msgspec.field(default_factory=ListMeta)),
        ("items", list[shape] | None, None),  # type: ignore[valid-type]
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Page", fields, bases=(Shape,), gc=False))


def key_of(thing: Any) -> str:
    """`namespace/name`, or `name` of what has no namespace."""
    meta = thing.metadata
    return f"{meta.namespace}/{meta.name}" if meta.namespace else str(meta.name)


def list_all(
    client: KubernetesClient,
    resource: Resource,
    path: str,
    ledger: Ledger | None = None,
    *,
    fields: str = "",
    labels: str = "",
) -> Listing:
    """List everything below `path` that fits the selectors. Raises Unreachable, Denied, Unsupported, Malformed."""
    chosen = {"fieldSelector": fields or resource.fields, "labelSelector": labels}
    for attempt in range(_ATTEMPTS):
        try:
            return _pages(client, resource, path, ledger, [(key, value) for key, value in chosen.items() if value])
        except Expired:  # between two pages: the server forgot the version that we are reading
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _pages(client: KubernetesClient, resource: Resource, path: str, ledger: Ledger | None, chosen: Query) -> Listing:
    started, size, objects, token = time.monotonic(), 0, Objects(), ""
    for _ in range(_MOST_PAGES):
        query = [("limit", str(PAGE)), *chosen]
        query += [("continue", token)] if token else []
        reply = client.get(path, query=query, what=resource.name)
        size += len(reply.body)
        page = decoded(_decoder(resource.shape), reply.body, resource.name, client)
        objects.update([(key_of(item), item) for item in page.items or ()])
        token = page.metadata.continue_
        if not token:
            if ledger is not None:
                ledger.listed(f"list {resource.name}", time.monotonic() - started, size, len(objects))
            return Listing(objects, page.metadata.resource_version)
    raise Malformed(f"{resource.name}: {client.access.where} goes on for ever with pages")


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes, what: str, client: KubernetesClient) -> Any:
    """A body in its shape. Raises Malformed."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        where = client.access.where
        raise Malformed(f"{what}: {where} sent what is not understood: {clean(str(error), limit=200)}") from error
