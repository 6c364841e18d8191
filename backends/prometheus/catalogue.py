"""Which exporter metrics our GPU columns are made of, best first: NVIDIA dcgm-exporter, AMD device-metrics-exporter.

Names and units are those of the exporters' own lists. gpud names GPUs by UUID only and has no index to put them at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast

from crashcart.backends.metrics import Metric

MIB = float(1 << 20)

How = Literal["gauge", "sum", "difference", "rate"]
"""A value as it is; the sum of all names; the first name less the second; the rate of counters, summed."""

Pace = Literal["turn", "watch", "often", "seldom"]
"""How soon a change matters: at every turn, at every turn but only where it is not 0, in rotation, or each minute."""


class Recipe(NamedTuple):
    """One way to get a metric. All of `names` must be exported, those of `also` are added where they are."""

    metric: Metric
    names: tuple[str, ...]
    how: How = "gauge"
    scale: float = 1.0
    also: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()  # (label, values), for metrics that hold several things
    fallback: tuple[str, float] | None = None  # (name, scale) for GPUs that do not have the first: split ones

    @property
    def is_plain(self) -> bool:
        """Whether it is one exporter metric a GPU, unchanged but for its unit."""
        return self.how == "gauge" and not self.where

    @property
    def scales(self) -> dict[str, float]:
        """Exporter metric -> scale, the one that counts where a GPU has both last."""
        own = {self.names[0]: self.scale}
        return own if self.fallback is None else {self.fallback[0]: self.fallback[1], **own}


PACES: Mapping[Metric, Pace] = {
    "util_percent": "turn",
    "xid": "watch",
    "throttle_reasons": "watch",
    "ecc_uncorrected": "watch",
    "remap_failure": "watch",
    "memory_total_bytes": "seldom",
    "power_limit_watts": "seldom",
    "ecc_corrected": "seldom",
    "remapped_correctable": "seldom",
    "remapped_uncorrectable": "seldom",
    "nvlink_errors": "seldom",
    "pcie_replays": "seldom",
}
"""What is not listed here is read often."""

FLOORS: Mapping[Metric, float] = {"throttle_reasons": 8.0}
"""A watched value below this is no news (bits below 8 are idle, set clocks and the power cap); 1 for the others."""

_DCGM = "DCGM_FI_DEV_"
_PROF = "DCGM_FI_PROF_"
_NVLINK_ERRORS = tuple(
    f"{_DCGM}NVLINK_{what}_ERROR_COUNT_TOTAL" for what in ("CRC_FLIT", "CRC_DATA", "REPLAY", "RECOVERY")
)

RECIPES: tuple[Recipe, ...] = (
    Recipe("util_percent", (f"{_DCGM}GPU_UTIL",), fallback=(f"{_PROF}GR_ENGINE_ACTIVE", 100.0)),
    Recipe("util_percent", (f"{_PROF}GR_ENGINE_ACTIVE",), scale=100.0),
    Recipe("util_percent", ("gpu_gfx_activity",)),
    Recipe("tensor_percent", (f"{_PROF}PIPE_TENSOR_ACTIVE",), scale=100.0),
    Recipe("memory_used_bytes", (f"{_DCGM}FB_USED",), scale=MIB),
    Recipe("memory_used_bytes", ("gpu_used_vram",), scale=MIB),
    Recipe("memory_total_bytes", (f"{_DCGM}FB_TOTAL",), scale=MIB),
    Recipe("memory_total_bytes", (f"{_DCGM}FB_USED", f"{_DCGM}FB_FREE"), "sum", MIB, (f"{_DCGM}FB_RESERVED",)),
    Recipe("memory_total_bytes", ("gpu_total_vram",), scale=MIB),
    Recipe("temperature_celsius", (f"{_DCGM}GPU_TEMP",)),
    Recipe("temperature_celsius", ("gpu_junction_temperature",)),
    Recipe("temperature_celsius", ("gpu_edge_temperature",)),
    Recipe("memory_temperature_celsius", (f"{_DCGM}MEMORY_TEMP",)),
    Recipe("memory_temperature_celsius", ("gpu_memory_temperature",)),
    Recipe("memory_temperature_celsius", ("gpu_hbm_temperature",)),
    Recipe("temperature_margin_celsius", (f"{_DCGM}GPU_TEMP_LIMIT",)),
    Recipe("temperature_margin_celsius", (f"{_DCGM}SLOWDOWN_TEMP", f"{_DCGM}GPU_TEMP"), "difference"),
    Recipe("power_watts", (f"{_DCGM}POWER_USAGE",)),
    Recipe("power_watts", ("gpu_package_power",)),
    Recipe("power_watts", ("gpu_average_package_power",)),
    Recipe("power_watts", ("gpu_power_usage",)),
    Recipe("power_limit_watts", (f"{_DCGM}POWER_MGMT_LIMIT",)),
    Recipe("sm_clock_mhz", (f"{_DCGM}SM_CLOCK",)),
    Recipe("sm_clock_mhz", ("gpu_clock",), where=(("clock_type", ("GPU_CLOCK_TYPE_SYSTEM", "system")),)),
    Recipe("memory_clock_mhz", (f"{_DCGM}MEM_CLOCK",)),
    Recipe("memory_clock_mhz", ("gpu_clock",), where=(("clock_type", ("GPU_CLOCK_TYPE_MEMORY", "memory")),)),
    Recipe("xid", (f"{_DCGM}XID_ERRORS",)),
    Recipe("throttle_reasons", (f"{_DCGM}CLOCKS_EVENT_REASONS",)),
    Recipe("throttle_reasons", (f"{_DCGM}CLOCK_THROTTLE_REASONS",)),
    Recipe("ecc_corrected", (f"{_DCGM}ECC_SBE_VOL_TOTAL",)),
    Recipe("ecc_corrected", ("gpu_ecc_correct_total",)),
    Recipe("ecc_uncorrected", (f"{_DCGM}ECC_DBE_VOL_TOTAL",)),
    Recipe("ecc_uncorrected", ("gpu_ecc_uncorrect_total",)),
    Recipe("remapped_correctable", (f"{_DCGM}CORRECTABLE_REMAPPED_ROWS",)),
    Recipe("remapped_uncorrectable", (f"{_DCGM}UNCORRECTABLE_REMAPPED_ROWS",)),
    Recipe("remap_failure", (f"{_DCGM}ROW_REMAP_FAILURE",)),
    Recipe("nvlink_bytes_per_second", (f"{_PROF}NVLINK_TX_BYTES", f"{_PROF}NVLINK_RX_BYTES"), "sum"),
    # DCGM names no unit for this counter; the driver's counters under it are KiB.
    Recipe("nvlink_bytes_per_second", (f"{_DCGM}NVLINK_BANDWIDTH_TOTAL",), "rate", 1024.0),
    *(Recipe("nvlink_errors", (name,), "sum", also=_NVLINK_ERRORS) for name in _NVLINK_ERRORS),
    Recipe("pcie_bytes_per_second", (f"{_PROF}PCIE_TX_BYTES", f"{_PROF}PCIE_RX_BYTES"), "sum"),
    Recipe("pcie_bytes_per_second", ("pcie_bandwidth",), scale=1e6 / 8.0),
    Recipe("pcie_replays", (f"{_DCGM}PCIE_REPLAY_COUNTER",)),
    Recipe("pcie_replays", ("pcie_replay_count",)),
)

HISTORY: tuple[Metric, ...] = (
    "util_percent",
    "tensor_percent",
    "memory_used_bytes",
    "temperature_celsius",
    "power_watts",
    "sm_clock_mhz",
)
"""GPU metrics whose past is read for machines that somebody looks at."""


def known_names(overrides: Mapping[str, str]) -> tuple[str, ...]:
    """Every exporter metric that we could use, sorted: what a server is asked for once."""
    names = {name for recipe in RECIPES for name in (*recipe.names, *recipe.also)}
    return tuple(sorted(names | set(overrides.values())))


def plain_recipes(chosen: Mapping[Metric, Recipe]) -> dict[str, Recipe]:
    """Exporter metric -> recipe, of those in `HISTORY` that one query can read together."""
    found: dict[str, Recipe] = {}
    for metric in HISTORY:
        if metric in chosen and chosen[metric].is_plain:
            found |= dict.fromkeys(chosen[metric].scales, chosen[metric])
    return found


def choose(exported: frozenset[str], overrides: Mapping[str, str]) -> dict[Metric, Recipe]:
    """The best recipe of each metric that this server can answer; a metric that nothing exports is left out.

    An override holds even where its name is not exported: the operator has said that nothing else is meant.
    """
    chosen: dict[Metric, Recipe] = {}
    for recipe in RECIPES:
        metric = recipe.metric
        if metric not in chosen and metric not in overrides and exported.issuperset(recipe.names):
            also = tuple(name for name in recipe.also if name in exported - set(recipe.names))
            fallback = recipe.fallback if recipe.fallback and recipe.fallback[0] in exported else None
            chosen[metric] = recipe._replace(also=also, fallback=fallback)
    for metric_name, name in overrides.items():
        if name in exported:
            chosen[cast(Metric, metric_name)] = Recipe(cast(Metric, metric_name), (name,))
    return chosen
