"""All PromQL text is written here: every value from outside is quoted, every list of names is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .catalogue import Recipe
from .selector import LabelMatcher

_SPECIAL = re.compile(r"[^A-Za-z0-9_\u0080-\U0010ffff]")
NAME = "__name__"


def quoted(value: str) -> str:
    """A string literal of PromQL with exactly this value (a lone surrogate cannot be sent and becomes `?`)."""
    sendable = value.encode("utf-8", "replace").decode("utf-8")
    return '"' + sendable.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(value: str) -> str:
    """A regular expression (RE2) that matches exactly this value."""
    return _SPECIAL.sub(lambda found: f"\\{found.group()}", value)


def any_of(values: Iterable[str]) -> str:
    """A regular expression that matches exactly these values."""
    return "|".join(literal(value) for value in values)


def matcher(name: str, sign: str, value: str) -> str:
    """One condition of a selector."""
    return f"{name}{sign}{quoted(value)}"


class Promql:
    """Writes the queries of one server: with the operator's selector in each of them.

    `by` are the labels that name a row: machine labels that are in use, then GPU labels.
    """

    def __init__(self, selector: Sequence[LabelMatcher], hosts: Sequence[str], gpus: Sequence[str]) -> None:
        self._selector = tuple(matcher(one.name, one.sign, one.value) for one in selector)
        self._optional = tuple(_or_missing(one) for one in selector)
        self.hosts = tuple(hosts)
        self.gpus = tuple(gpus)
        self.rate_seconds = 120.0

    @property
    def by(self) -> tuple[str, ...]:
        """The labels of a slim answer, in the order of a row's key."""
        return (*self.hosts, *self.gpus)

    def series(self, name: str, *conditions: str) -> str:
        """A selector of one metric."""
        return f"{name}{{{','.join((*conditions, *self._selector))}}}"

    def named(self, names: Iterable[str], *conditions: str) -> str:
        """A selector of several metrics at once."""
        return self.series("", matcher(NAME, "=~", any_of(names)), *conditions)

    def exported(self, names: Iterable[str]) -> str:
        """Which of these metrics exist."""
        return f"count by ({NAME}) ({self.named(names)})"

    def slim(self, recipe: Recipe, *conditions: str) -> str:
        """A metric with the labels of a row and nothing else: parts of a split GPU are folded to their largest."""
        where = (*(matcher(name, "=~", any_of(values)) for name, values in recipe.where), *conditions)
        names = (*recipe.names, *recipe.also)
        by = ", ".join(self.by)
        match recipe.how:
            case "sum":
                return f"sum by ({by}) (max by ({NAME}, {by}) ({self.named(names, *where)}))"
            case "difference":
                first, second = (f"max by ({by}) ({self.series(name, *where)})" for name in recipe.names)
                return f"{first} - {second}"
            case "rate":
                rates = f"rate({self.series(names[0], *where)}[{self.rate_seconds:.0f}s])"
                return f"max by ({by}) ({rates})"
        slim = f"max by ({by}) ({self.series(names[0], *where)})"
        if recipe.fallback is None:
            return slim
        name, scale = recipe.fallback
        return f"{slim} or {scale / recipe.scale:g} * max by ({by}) ({self.series(name, *where)})"

    def needs_fallback(self, recipe: Recipe, fallback: str) -> str:
        """How many GPUs have the fallback of a metric only."""
        by = ", ".join(self.by)
        return f"count(max by ({by}) ({self.series(fallback)}) unless max by ({by}) ({self.series(recipe.names[0])}))"

    def at_least(self, recipe: Recipe, floor: float) -> str:
        """A metric where it is not below `floor`: few rows in a healthy cluster."""
        if recipe.is_plain and recipe.fallback is None:  # filtered first, there is next to nothing to fold
            return f"max by ({', '.join(self.by)}) ({self.series(recipe.names[0])} >= {floor:g})"
        return f"{self.slim(recipe)} >= {floor:g}"

    def sample_times(self, recipe: Recipe, labels: Sequence[str]) -> str:
        """When each machine was last sampled (server time), with the labels that say which scrape it comes from."""
        return f"max by ({', '.join(labels)}) ({self._times(recipe)})"

    def last_samples(self, recipe: Recipe, label: str, values: Iterable[str], seconds: float, step: float) -> str:
        """When machines that answer no more were last sampled within `seconds`."""
        times = self._times(recipe, matcher(label, "=~", any_of(values)))
        return f"max by ({label}) (max_over_time(({times})[{seconds:.0f}s:{step:.0f}s]))"

    def seen_within(self, recipe: Recipe, seconds: float, step: float) -> str:
        """Every GPU that was there within `seconds`, and when it was last sampled."""
        return f"max by ({', '.join(self.by)}) (max_over_time(({self._times(recipe)})[{seconds:.0f}s:{step:.0f}s]))"

    def last_values(self, names: Iterable[str], label: str, values: Iterable[str], seconds: float) -> str:
        """The last values of several plain metrics of machines that answer no more."""
        inner = self.named(names, matcher(label, "=~", any_of(values)))
        return f"max by ({NAME}, {', '.join(self.by)}) (last_over_time({inner}[{seconds:.0f}s]))"

    def raw(self, recipe: Recipe, label: str, value: str, seconds: float) -> str:
        """Samples of one machine as they were scraped."""
        return f"{self.series(recipe.names[0], matcher(label, '=', value))}[{seconds:.0f}s]"

    def owners(self, recipe: Recipe, labels: Sequence[str]) -> str:
        """Who has each GPU, by labels of its exporter."""
        series = " or ".join(self.series(name) for name in _names(recipe))
        return f"max by ({', '.join((*self.by, *labels))}) ({series})"

    def _times(self, recipe: Recipe, *conditions: str) -> str:
        return " or ".join(f"timestamp({self.series(name, *conditions)})" for name in _names(recipe))

    def exporter_pods(self, jobs: Iterable[str]) -> str:
        """The pods that exporters themselves run in."""
        return f"count by (pod) ({self.series('up', matcher('job', '=~', any_of(jobs)))})"

    def failing(self, labels: Sequence[str]) -> str:
        """Scrape targets that do not answer."""
        return f"max by ({', '.join(labels)}) ({self.series('up')}) == 0"

    def newest_scrape(self) -> str:
        """When anything was last scraped."""
        return f"max(timestamp({self.series('up')}))"

    def last_good(self, job: str, instances: Iterable[str], seconds: float) -> str:
        """Whether targets answered, as it was scraped."""
        return (
            f"{self.series('up', matcher('job', '=', job), matcher('instance', '=~', any_of(instances)))}"
            f"[{seconds:.0f}s]"
        )

    def dropped_notifications(self, seconds: float) -> str:
        """How many alerts Prometheus could not hand to any Alertmanager."""
        return f"sum(increase({self.series('prometheus_notifications_dropped_total')}[{seconds:.0f}s]))"

    def alertmanagers(self) -> str:
        """How many Alertmanagers Prometheus sends to."""
        return f"max({self.series('prometheus_notifications_alertmanagers_discovered')})"

    def gpu_history(self, names: Iterable[str], label: str, values: Iterable[str]) -> str:
        """Several plain metrics of a few machines."""
        inner = self.named(names, matcher(label, "=~", any_of(values)))
        return f"max by ({NAME}, {', '.join(self.by)}) ({inner})"

    def firing(self, step_seconds: float) -> str:
        """How many alerts of each name fired at most in the step before; alerts without our labels are everybody's."""
        conditions = ",".join((matcher("alertstate", "=", "firing"), *self._optional))
        window = f"[{step_seconds:.0f}s:{step_seconds / 6:.0f}s]"
        return f"max_over_time((count by (alertname) (ALERTS{{{conditions}}})){window})"


def _names(recipe: Recipe) -> tuple[str, ...]:
    """The metrics that say whether a GPU is there."""
    return (recipe.names[0],) if recipe.fallback is None else (recipe.names[0], recipe.fallback[0])


def _or_missing(one: LabelMatcher) -> str:
    """The condition, satisfied by a missing label too."""
    if one.sign == "=":
        return matcher(one.name, "=~", f"{literal(one.value)}|")
    if one.sign == "=~":
        return matcher(one.name, "=~", f"(?:{one.value})|")
    return matcher(one.name, one.sign, one.value)
