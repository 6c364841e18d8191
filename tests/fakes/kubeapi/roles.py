"""The roles and bindings that a cluster has from the beginning, and those of the recorded on-call user and viewer."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_API = "rbac.authorization.k8s.io/v1"
_READ = ["get", "list", "watch"]
_OPEN_PATHS = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_OPEN_PATHS]


def rule(verbs: list[str], groups: list[str], resources: list[str]) -> Object:
    return {"verbs": verbs, "apiGroups": groups, "resources": resources}


def role(name: str, rules: list[Object], namespace: str = "") -> Object:
    kind = "Role" if namespace else "ClusterRole"
    return {"apiVersion": _API, "kind": kind, "metadata": _metadata(name, namespace), "rules": rules}


def binding(
    name: str, role_name: str, subjects: list[Object], namespace: str = "", *, cluster_role: bool = False
) -> Object:
    """To a Role of the same namespace, or to a ClusterRole."""
    kind = "ClusterRole" if cluster_role or not namespace else "Role"
    return {
        "apiVersion": _API,
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": _metadata(name, namespace),
        "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role_name},
    }


def user(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


def group(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}


ONCALL_RULES = [
    rule(["patch"], [""], ["nodes"]),
    rule(["create"], [""], ["pods/eviction"]),
    rule(["get"], [""], ["pods/log"]),
]
VIEW_RULES = [
    rule(_READ, [""], ["nodes", "pods", "events", "namespaces", "resourcequotas"]),
    rule(_READ, ["batch"], ["jobs"]),
    rule(_READ, ["policy"], ["poddisruptionbudgets"]),
    rule(_READ, ["apps"], ["daemonsets", "replicasets", "statefulsets", "deployments"]),
    rule(_READ, ["kueue.x-k8s.io"], ["workloads", "clusterqueues", "localqueues", "resourceflavors"]),
    rule(_READ, ["jobset.x-k8s.io"], ["jobsets"]),
    rule(_READ, ["scheduling.volcano.sh"], ["queues", "podgroups"]),
    rule(_READ, ["batch.volcano.sh"], ["jobs"]),
    rule(_READ, ["kubeflow.org"], ["pytorchjobs"]),
]
OPERATOR_RULES = [
    rule(["patch", "delete"], ["batch"], ["jobs"]),
    rule(["delete"], [""], ["pods"]),
    rule(["get", "create"], [""], ["pods/exec"]),
    rule(["patch"], ["kueue.x-k8s.io"], ["workloads"]),
]
"""What the on-call user may do in the namespaces of jobs."""


def system_roles() -> list[Object]:
    """What every cluster has: reviews of oneself, discovery, and the paths that are open to all."""
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    everybody = [group("system:authenticated")]
    return [
        role(
            "system:basic-user",
            [
                rule(["create"], ["authorization.k8s.io"], reviews),
                rule(["create"], ["authentication.k8s.io"], ["selfsubjectreviews"]),
            ],
        ),
        binding("system:basic-user", "system:basic-user", everybody),
        role("system:discovery", [{"verbs": ["get"], "nonResourceURLs": sorted(_DISCOVERY_PATHS)}]),
        binding("system:discovery", "system:discovery", everybody),
        role("system:public-info-viewer", [{"verbs": ["get"], "nonResourceURLs": _OPEN_PATHS}]),
        binding(
            "system:public-info-viewer", "system:public-info-viewer", [*everybody, group("system:unauthenticated")]
        ),
    ]


def recorded_roles() -> list[Object]:
    """`oncall` may read, cordon and evict; `viewer` may read; in namespaces see `operator_roles`."""
    return [
        role("crashcart-oncall", ONCALL_RULES),
        binding("crashcart-oncall", "crashcart-oncall", [user("oncall")]),
        role("crashcart-view", VIEW_RULES),
        binding("crashcart-view", "crashcart-view", [user("oncall"), user("viewer")]),
    ]


def operator_roles(namespace: str, subject: Object | None = None) -> list[Object]:
    """In one namespace `oncall` may suspend and delete jobs, delete pods and look into them."""
    return [
        role("train-operator", OPERATOR_RULES, namespace),
        binding("train-operator", "train-operator", [subject or user("oncall")], namespace),
    ]


def _metadata(name: str, namespace: str) -> Object:
    return {"name": name, "namespace": namespace} if namespace else {"name": name}
