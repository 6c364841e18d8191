"""Who may do what in the fake Kubernetes: users, reviews of oneself, refusals in the words of the real one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.kubeapi.objects.pods import pod

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]

AUTHORIZATION = "/apis/authorization.k8s.io/v1"


def review(cluster: KubernetesCluster, user: str, **attributes: str) -> Object:
    spec = {"resourceAttributes": attributes}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    code, answer = cluster.call("POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", body, user=user)
    assert code == 201
    return dict(answer["status"])


def who(cluster: KubernetesCluster, user: str) -> tuple[int, Object]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return cluster.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body, user=user)


@pytest.mark.parametrize("user", ["admin", "oncall", "viewer", "nobody"])
def test_everybody_can_ask_who_they_are(kubernetes: KubernetesCluster, user: str) -> None:
    """By certificate, by token, and by an exec plugin."""
    code, body = who(kubernetes, user)
    assert code == 201
    info = body["status"]["userInfo"]
    assert info["username"] == kubernetes.username(user)
    assert "system:authenticated" in info["groups"]


def test_an_expired_token_is_refused(kubernetes: KubernetesCluster) -> None:
    code, body = kubernetes.call("GET", "/api/v1/nodes", user="expired")
    assert code == 401
    assert body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


def test_who_says_nothing_is_anonymous(kubernetes: KubernetesCluster) -> None:
    caller, nobody = kubernetes.user("nobody"), {"Authorization": ""}
    code, body = caller.call("GET", "/api/v1/nodes", headers=nobody)
    said = 'User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope'
    assert (code, body["message"]) == (403, f"nodes is forbidden: {said}")
    assert caller.call("GET", "/readyz", headers=nobody) == (200, "ok")
    assert caller.call("GET", "/version", headers=nobody)[0] == 200
    assert caller.call("GET", "/apis", headers=nobody)[1]["message"] == (
        'forbidden: User "system:anonymous" cannot get path "/apis"'
    )


def test_a_token_can_be_revoked_in_the_middle(kubernetes: KubernetesCluster) -> None:
    assert kubernetes.call("GET", "/api/v1/nodes", user="oncall")[0] == 200
    kubernetes.control.revoke("oncall")
    assert kubernetes.call("GET", "/api/v1/nodes", user="oncall")[0] == 401
    kubernetes.control.readmit()
    assert kubernetes.call("GET", "/api/v1/nodes", user="oncall")[0] == 200


def test_nobody_sees_nothing_and_is_told_so(kubernetes: KubernetesCluster) -> None:
    name = kubernetes.username("nobody")
    code, body = kubernetes.call("GET", "/api/v1/nodes", user="nobody")
    said = f'User "{name}" cannot list resource "nodes" in API group "" at the cluster scope'
    assert (code, body["message"]) == (403, f"nodes is forbidden: {said}")
    assert body["details"] == {"kind": "nodes"}
    code, body = kubernetes.call("DELETE", kubernetes.path("jobs.batch", "ft"), user="nobody")
    where = f'in API group "batch" in the namespace "{kubernetes.namespace}"'
    assert body["message"] == f'jobs.batch "ft" is forbidden: User "{name}" cannot delete resource "jobs" {where}'


def test_the_refusal_comes_before_the_search(kubernetes: KubernetesCluster) -> None:
    assert kubernetes.call("PATCH", "/api/v1/nodes/nope", {"spec": {}}, user="viewer")[0] == 403
    assert kubernetes.call("PATCH", "/api/v1/nodes/nope", {"spec": {}}, user="oncall")[0] == 404


def test_health_and_version_are_open_to_all(kubernetes: KubernetesCluster) -> None:
    assert kubernetes.call("GET", "/readyz", user="nobody") == (200, "ok")
    assert kubernetes.call("GET", "/version", user="nobody")[1]["major"] == "1"


def test_a_review_names_the_binding(kubernetes: KubernetesCluster) -> None:
    asked = {"verb": "patch", "group": "batch", "resource": "jobs", "namespace": kubernetes.namespace}
    granted = review(kubernetes, "oncall", **asked)
    assert granted["allowed"] is True
    assert granted["reason"].startswith(f'RBAC: allowed by RoleBinding "train-operator/{kubernetes.namespace}" of Role')
    assert review(kubernetes, "viewer", **asked) == {"allowed": False}
    assert review(kubernetes, "nobody", **asked) == {"allowed": False}
    assert review(kubernetes, "admin", **asked)["allowed"] is True


def test_a_right_in_one_namespace_is_none_in_another(kubernetes: KubernetesCluster) -> None:
    asked = {"verb": "create", "resource": "pods", "subresource": "exec"}
    assert review(kubernetes, "oncall", namespace=kubernetes.namespace, **asked)["allowed"] is True
    assert review(kubernetes, "oncall", namespace="default", **asked)["allowed"] is False


def rules(cluster: KubernetesCluster, user: str) -> Object:
    body = {"spec": {"namespace": cluster.namespace}}
    code, answer = cluster.call("POST", f"{AUTHORIZATION}/selfsubjectrulesreviews", body, user=user)
    assert code == 201
    return dict(answer["status"])


def test_one_call_lists_all_rules_of_a_namespace(kubernetes: KubernetesCluster) -> None:
    told = rules(kubernetes, "oncall")
    granted = {(verb, what) for rule in told["resourceRules"] for verb in rule["verbs"] for what in rule["resources"]}
    assert {("patch", "nodes"), ("create", "pods/eviction"), ("create", "pods/exec"), ("patch", "jobs")} <= granted
    assert ("delete", "nodes") not in granted
    assert told["incomplete"] is False
    assert ("patch", "nodes") not in {
        (verb, what) for rule in rules(kubernetes, "viewer")["resourceRules"] for verb in rule["verbs"]
        for what in rule["resources"]
    }  # fmt: skip


def test_the_list_of_rules_can_be_incomplete(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.rules_are_complete(False)
    assert rules(kubernetes, "oncall")["incomplete"] is True


def test_a_new_binding_counts_at_once(kubernetes: KubernetesCluster) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{kubernetes.namespace}"
    subject: Object = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": kubernetes.username("viewer")}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "train-operator"}
    binding = {"metadata": {"name": "promoted"}, "subjects": [subject], "roleRef": reference}
    assert kubernetes.call("POST", f"{rbac}/rolebindings", binding)[0] == 201
    asked = {"verb": "delete", "resource": "pods", "namespace": kubernetes.namespace}
    kubernetes.until(lambda: review(kubernetes, "viewer", **asked)["allowed"], "right of the new binding")
    assert kubernetes.call("DELETE", f"{rbac}/rolebindings/promoted")[0] == 200


def test_a_service_account_gets_a_token(kubernetes: KubernetesCluster) -> None:
    path = f"/api/v1/namespaces/{kubernetes.namespace}/serviceaccounts/default"
    kubernetes.until(lambda: kubernetes.call("GET", path)[0] == 200, "service account")
    code, body = kubernetes.call("POST", f"{path}/token", {"spec": {"expirationSeconds": 600}})
    assert (code, body["kind"], body["spec"]["expirationSeconds"]) == (201, "TokenRequest", 600)
    caller = kubernetes.user("nobody")
    headers = {"Authorization": f"Bearer {body['status']['token']}"}
    name = f"system:serviceaccount:{kubernetes.namespace}:default"
    assert f'User "{name}" cannot list' in caller.call("GET", "/api/v1/nodes", headers=headers)[1]["message"]


def test_a_pod_of_a_missing_service_account_is_refused(kubernetes: KubernetesCluster) -> None:
    value = pod("one", kubernetes.namespace)
    value["spec"]["serviceAccountName"] = "none-such"
    code, body = kubernetes.call("POST", kubernetes.path("pods"), value)
    assert code == 403
    assert 'serviceaccount "none-such" not found' in body["message"]
