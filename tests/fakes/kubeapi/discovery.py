"""What the server says of itself: version, health, groups, versions and kinds."""

from __future__ import annotations

from typing import Any

from .requests import Reply
from .resources import ALL, OPTIONAL, Resource
from .reviews import REVIEWS
from .status import no_such_page

Object = dict[str, Any]

GIT_VERSION = "v1.36.2"
_ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_SUBRESOURCES = {
    "status": ("", ["get", "patch", "update"]),
    "eviction": ("Eviction", ["create"]),
    "log": ("Pod", ["get"]),
    "exec": ("PodExecOptions", ["create", "get"]),
    "binding": ("Binding", ["create"]),
    "token": ("TokenRequest", ["create"]),
}
_HEALTH = ("/healthz", "/livez", "/readyz")


class Discovery:
    """`installed` are the groups of CRDs that exist."""

    def __init__(self) -> None:
        self.installed: set[str] = set()
        self.served_versions: dict[str, tuple[str, ...]] = {}
        """Of a group, where not all versions are served; the first is preferred."""
        self.is_ready = True

    def clear(self) -> None:
        """No CRDs, and ready."""
        self.installed.clear()
        self.served_versions.clear()
        self.is_ready = True

    def install(self, name: str) -> None:
        """By a name of OPTIONAL: `kueue`."""
        self.installed.add(OPTIONAL[name])

    def uninstall(self, name: str) -> None:
        self.installed.discard(OPTIONAL[name])

    def serve(self, name: str, versions: tuple[str, ...]) -> None:
        """Let a group have these versions only, the first of them preferred."""
        self.served_versions[OPTIONAL[name]] = versions

    def versions(self, resource: Resource) -> tuple[str, ...]:
        return self.served_versions.get(resource.group, resource.versions)

    def serves(self, resource: Resource, version: str) -> bool:
        present = not resource.is_custom or resource.group in self.installed
        return present and version in self.versions(resource)

    def answer(self, path: str) -> Reply:
        """A path that is no resource."""
        parts = [part for part in path.split("/") if part]
        if path.rstrip("/") == "/version":
            return Reply.of(_version())
        if "/" + parts[0] in _HEALTH if parts else False:
            return self._health(parts[0])
        match parts:
            case ["api"]:
                return Reply.of({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
            case ["api", "v1"]:
                return Reply.of(self._resources("", "v1"))
            case ["apis"]:
                groups = [self._group(name) for name in self._groups() if name]
                return Reply.of({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
            case ["apis", group] if group in self._groups():
                return Reply.of({"kind": "APIGroup", "apiVersion": "v1", **self._group(group)})
            case ["apis", group, version] if (group, version) in self._group_versions():
                return Reply.of(self._resources(group, version))
        raise no_such_page()

    def _health(self, name: str) -> Reply:
        if self.is_ready or name == "livez":
            return Reply(body=b"ok", content_type="text/plain; charset=utf-8")
        text = f"[+]ping ok\n[-]etcd failed: reason withheld\n{name} check failed\n"
        return Reply(500, text.encode(), "text/plain; charset=utf-8")

    def _present(self) -> list[Resource]:
        return [resource for resource in ALL if not resource.is_custom or resource.group in self.installed]

    def _groups(self) -> list[str]:
        return list(dict.fromkeys([resource.group for resource in self._present()] + [group for group, _ in REVIEWS]))

    def _group_versions(self) -> set[tuple[str, str]]:
        known = {(resource.group, version) for resource in self._present() for version in self.versions(resource)}
        return known | {(group, "v1") for group, _ in REVIEWS}

    def _group(self, name: str) -> Object:
        resources = [resource for resource in self._present() if resource.group == name]
        versions = self.versions(resources[0]) if resources else ("v1",)
        shown = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
        return {"name": name, "versions": shown, "preferredVersion": shown[0]}

    def _resources(self, group: str, version: str) -> Object:
        listed: list[Object] = []
        for resource in self._present():
            if resource.group == group and version in self.versions(resource):
                listed += _described(resource)
        for (review_group, plural), kind in REVIEWS.items():
            if review_group == group:
                listed.append({"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind,
                               "verbs": ["create"]})  # fmt: skip
        group_version = f"{group}/{version}" if group else version
        head = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
        return head | {"groupVersion": group_version, "resources": listed}


def _described(resource: Resource) -> list[Object]:
    own: Object = {"name": resource.plural, "singularName": resource.kind.lower(), "namespaced": resource.namespaced,
                   "kind": resource.kind, "verbs": _ALL_VERBS}  # fmt: skip
    if resource.short:
        own["shortNames"] = list(resource.short)
    parts = []
    for name in resource.all_subresources:
        kind, verbs = _SUBRESOURCES[name]
        part = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
        if name == "eviction":
            part |= {"group": "policy", "version": "v1"}
        parts.append(part | {"kind": kind or resource.kind, "verbs": verbs})
    return [own, *parts]


def _version() -> Object:
    return {"major": "1", "minor": "36", "gitVersion": GIT_VERSION, "gitTreeState": "clean", "goVersion": "go1.26.1",
            "compiler": "gc", "platform": "linux/amd64"}  # fmt: skip
