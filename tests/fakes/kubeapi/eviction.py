"""Eviction: a deletion that PodDisruptionBudgets may refuse, with the arithmetic of the real subresource."""

from __future__ import annotations

from typing import Any

from .deletion import check_preconditions, delete_row
from .requests import Reply, Request
from .resources import BUDGETS, PODS
from .selectors import labels_of, matches_selector
from .status import bad_request, budget_exhausted, budget_not_observed, success, two_budgets
from .store import Store, Stored
from .strategies import timestamp
from .writes import found

Object = dict[str, Any]

EVICTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}


def evict(store: Store, request: Request) -> Reply:
    """201 with a Status, also for a pod that is already terminating, or the refusal of a budget."""
    body = request.json()
    name = (body.get("metadata") or {}).get("name")
    if name and name != request.place.name:
        raise bad_request("name in URL does not match name in Eviction object")
    options = dict(body.get("deleteOptions") or {})
    if request.is_dry_run:
        options["dryRun"] = ["All"]
    is_dry = "All" in (options.get("dryRun") or [])
    with store.lock:
        row = found(store, PODS, request)
        check_preconditions(row, options.pop("preconditions", None) or {})
        if not _can_ignore_budgets(row.value):
            _spend_budget(store, row.value, is_dry)
            row = _with_condition(store, row, is_dry)
        delete_row(store, row, options)
    return Reply.of(success(code=201), 201)


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def budgets_of(store: Store, pod: Object) -> list[Stored]:
    """The budgets of the pod's namespace that select it."""
    namespace = pod["metadata"]["namespace"]
    return [
        row
        for key, row in store.shelf(BUDGETS).rows.items()
        if key[0] == namespace and matches_selector(row.value["spec"].get("selector"), labels_of(pod))
    ]


def budget_condition(allowed: int, known: list[Object] | None = None) -> list[Object]:
    """`DisruptionAllowed` of a budget, with the moment of its last change."""
    wanted = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed > 0 else "False",
        "reason": "SufficientPods" if allowed > 0 else "InsufficientPods",
        "message": "",
    }
    before = next((one for one in known or [] if one["type"] == "DisruptionAllowed"), {})
    since = before.get("lastTransitionTime") if before.get("status") == wanted["status"] else timestamp()
    return [{**wanted, "lastTransitionTime": since}]


def _can_ignore_budgets(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _spend_budget(store: Store, pod: Object, is_dry: bool) -> None:
    budgets = budgets_of(store, pod)
    if len(budgets) > 1:
        raise two_budgets()
    if not budgets:
        return
    budget = budgets[0].value
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if not is_ready(pod) and healthy >= needed > 0:
        return
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise budget_not_observed(name)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed <= 0:
        raise budget_exhausted(name, needed, healthy)
    if is_dry:
        return
    disrupted = (status.get("disruptedPods") or {}) | {pod["metadata"]["name"]: timestamp()}
    status = {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": disrupted}
    status["conditions"] = budget_condition(allowed - 1, status.get("conditions"))
    store.put(BUDGETS, {**budget, "status": status})


def _with_condition(store: Store, row: Stored, is_dry: bool) -> Stored:
    if is_dry:
        return row
    pod = row.value
    status = pod.get("status") or {}
    others = [one for one in status.get("conditions") or [] if one["type"] != "DisruptionTarget"]
    condition = {**EVICTED, "lastProbeTime": None, "lastTransitionTime": timestamp()}
    return store.put(PODS, {**pod, "status": {**status, "conditions": [*others, condition]}})
