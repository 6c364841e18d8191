"""What was there before we came: a machine or GPU that died in the last half hour belongs on the map from the start."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

from msgspec.structs import astuple

from crashcart.backends.metrics import Metric

from .catalogue import Recipe, plain_recipes
from .desk import Desk
from .fleet import Fleet
from .gpu_columns import placed
from .promql import NAME
from .sample_times import SampleTimes

LOOK_BACK_SECONDS = 1800.0
_STEP_SECONDS = 60.0
_MOST_MACHINES = 200


async def find_the_departed(desk: Desk, fleet: Fleet, times: SampleTimes, presence: Recipe) -> None:
    """Give rows to every GPU of the last half hour; whoever does not answer now is then seen to have vanished."""
    query = desk.promql.seen_within(presence, LOOK_BACK_SECONDS, _STEP_SECONDS)
    answer = await desk.attempt("look back", desk.client.vector("look back", query, desk.promql.by))
    desk.problems.pop("look back", None)  # asked once: without it only what died before us is not on the map
    if answer is None:
        return
    rows, _ = fleet.place([astuple(sample.metric) for sample in answer.result])
    last = {row: sample.value[1] for row, sample in zip(rows, answer.result, strict=True) if row >= 0}
    for host, start, end in fleet.spans():
        known = [last[row] for row in range(start, end) if row in last]
        if known:
            times.last[host] = max(known)
            times.alive.add(host)


async def recall(desk: Desk, fleet: Fleet, recipes: Mapping[Metric, Recipe], hosts: Iterable[str]) -> None:
    """Fill in the last values of machines that had vanished before we came."""
    plain = plain_recipes(recipes)
    by_label: dict[str, list[str]] = {}
    for host in sorted(hosts)[:_MOST_MACHINES]:
        label, value = fleet.raw_hosts[host]
        by_label.setdefault(label, []).append(value)
    for label, values in by_label.items() if plain else ():
        query = desk.promql.last_values(plain, label, values, LOOK_BACK_SECONDS)
        answer = await desk.attempt("last values", desk.client.vector("last values", query, (NAME, *desk.promql.by)))
        desk.problems.pop("last values", None)
        rows, _ = fleet.place([astuple(sample.metric)[1:] for sample in answer.result]) if answer else ([], False)
        for row, sample in zip(rows, answer.result if answer else (), strict=True):
            name = astuple(sample.metric)[0]
            column = fleet.columns.setdefault(plain[name].metric, array("f", fleet.blank()))
            placed(column, [row], [sample], plain[name].scales[name])
