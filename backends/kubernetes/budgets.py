"""PodDisruptionBudgets: what may stop a drain."""

from __future__ import annotations

from crashcart.backends.pods import Budget
from crashcart.backends.text import clean

from .owners import is_identifier
from .shapes import RawBudget, Selector
from .site import SOURCE, Site

_LONGEST = 300


def budget(raw: RawBudget, site: Site, when: float) -> Budget | None:
    """This budget; None when its name is no identifier."""
    meta, status = raw.metadata, raw.status
    if not is_identifier(meta.namespace, meta.name):
        return None
    return Budget(
        cluster=site.cluster,
        source=SOURCE,
        when=when,
        namespace=meta.namespace,
        name=meta.name,
        selector=_text(raw.spec.selector),
        allowed=status.disruptions_allowed,
        healthy=status.current_healthy,
        desired=status.desired_healthy,
        expected=status.expected_pods,
    )


def _text(selector: Selector | None) -> str:
    """As kubectl takes it: `app=llm,tier in (a,b),!debug`; an empty selector is all pods of the namespace."""
    if selector is None:
        return "(none)"
    words = [f"{key}={value}" for key, value in sorted((selector.match_labels or {}).items())]
    for one in selector.match_expressions or ():
        values = f"({','.join(one.values or ())})"
        match one.operator:
            case "In":
                words.append(f"{one.key} in {values}")
            case "NotIn":
                words.append(f"{one.key} notin {values}")
            case "Exists":
                words.append(one.key)
            case _:
                words.append(f"!{one.key}")
    return clean(",".join(words) or "(all)", limit=_LONGEST)
