"""What asks for attention: its ages go on while nothing changes."""

from __future__ import annotations

from crashcart.backends import wire
from crashcart.backends.model import Alert, Batch, GpuColumn, GpuRows, Node
from crashcart.ops.store import Store
from crashcart.themes.loader import DEFAULT, load
from crashcart.tui.attention import attention
from crashcart.tui.heat_metrics import METRICS
from crashcart.tui.look import Look
from crashcart.tui.palette import build
from crashcart.tui.shown import Shown
from crashcart.tui.widgets.heatmap import Heatmap
from tests.entities import float_column
from tests.screens.clock import ManualClock


def store_with(*entities: Alert | Node) -> Store:
    store = Store()
    for entity in entities:
        batch = Batch(entity.source, entity.cluster, entity.kind, entity.when, (entity,), (), True)
        for part in wire.slices(batch, 1):
            store.apply(part)
    return store


def test_an_age_grows_without_any_change_of_the_picture() -> None:
    clock = ManualClock()
    fired = Alert(
        cluster="a100", source="alertmanager", when=clock.now(), fingerprint="a1", name="GpuXidError",
        severity="critical", state="firing", since=clock.now() - 8,
    )  # fmt: skip
    found = attention(Shown(store_with(fired), clock))

    def text(seconds: float) -> str:
        return "".join(span for span, _ in found.line(0, clock.now() + seconds))

    assert len(found) == 1
    assert "8s" in text(0)
    assert "38s" in text(30)
    assert "5m" in text(300)


def test_the_heatmap_begins_with_what_is_measured_where_no_scheduler_is_known() -> None:
    clock, store = ManualClock(), store_with()
    heatmap = Heatmap(Look(build(load(DEFAULT)), clock), Shown(store, clock))
    heatmap.refresh_picture()
    assert heatmap.metric is METRICS[0]

    store.apply(GpuRows("prometheus", "a100", 1, ("gpu001",), (1,)))
    store.apply(GpuColumn("prometheus", "a100", 1, "util_percent", clock.now(), float_column([50.0])))
    heatmap.refresh_picture()
    assert heatmap.metric.id == "util"
