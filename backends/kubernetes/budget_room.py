"""How many of several pods their budgets let go at a time: a dry run asks for each pod as if it were the only one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from . import resources
from .asking import Asking, each
from .failures import NotSignedIn
from .listing import key_of, list_all
from .shapes import RawBudget, RawPod, Requirement, Selector


async def remarks(asking: Asking, going: Sequence[RawPod]) -> dict[str, str]:
    """By pod (NAMESPACE/NAME) what its budget says to all of these going at once, where that is not simply yes."""

    async def budgets_in(namespace: str) -> list[RawBudget]:
        path = resources.BUDGETS.path(namespace)
        try:
            return [*(await asking.run(list_all, asking.client, resources.BUDGETS, path)).objects.values()]
        except NotSignedIn:
            raise
        except BackendError:  # it only serves a remark
            return []

    found: dict[str, str] = {}
    for budgets in await each(budgets_in, sorted({pod.metadata.namespace for pod in going})):
        for budget in budgets:
            here = [pod for pod in going if _covers(budget, pod)]
            allowed = budget.status.disruptions_allowed
            if allowed is not None and 0 < allowed < len(here):
                name = clean(budget.metadata.name, limit=80)
                words = f"budget {name} lets {allowed} go at a time, {len(here)} of its pods are here"
                found |= {key_of(pod): words for pod in here}
    return found


def _covers(budget: RawBudget, pod: RawPod) -> bool:
    return pod.metadata.namespace == budget.metadata.namespace and selects(
        budget.spec.selector, pod.metadata.labels or {}
    )


def selects(selector: Selector | None, labels: Mapping[str, str]) -> bool:
    """Whether a selector takes what has these labels; an empty one takes all, none takes nothing."""
    if selector is None:
        return False
    wanted = selector.match_labels or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _meets(requirement, labels) for requirement in selector.match_expressions or ()
    )


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement.key), requirement.values or ()
    match requirement.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
