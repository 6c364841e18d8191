"""What an H100 shows under each kind of load: 70 W idle, about 630 W in training, 120 W in a hung collective."""

from __future__ import annotations

import msgspec

PRODUCT = "NVIDIA H100 80GB HBM3"
DRIVER = "580.95.05"
CUDA = "13.0"
GPU_MEMORY_BYTES = 81_559 * 2**20
POWER_LIMIT_WATTS = 700.0
MAX_CLOCK_MHZ = 1980.0
GIB = float(2**30)

THROTTLE_IDLE = 0x1
THROTTLE_HW_SLOWDOWN = 0x8
THROTTLE_HW_THERMAL = 0x40


class Spread(msgspec.Struct, frozen=True):
    """Values around `mean`, never outside `low` and `high`. `pace` is how many seconds a value stays about the same."""

    mean: float
    deviation: float
    low: float
    high: float
    pace: float = 2.0


class Load(msgspec.Struct, frozen=True):
    """The spread of each metric under one kind of load."""

    util_percent: Spread
    memory_used_bytes: Spread
    temperature_celsius: Spread
    power_watts: Spread
    sm_clock_mhz: Spread
    throttle_reasons: int = 0


def _load(
    util: tuple[float, float],
    memory_gib: tuple[float, float],
    celsius: tuple[float, float],
    watts: tuple[float, float],
    mhz: tuple[float, float],
    throttle: int = 0,
) -> Load:
    return Load(
        util_percent=Spread(*util, 0.0, 100.0),
        memory_used_bytes=Spread(memory_gib[0] * GIB, memory_gib[1] * GIB, 0.5 * GIB, 79.0 * GIB, 0.0),
        temperature_celsius=Spread(*celsius, 24.0, 93.0, 30.0),
        power_watts=Spread(*watts, 62.0, POWER_LIMIT_WATTS),
        sm_clock_mhz=Spread(*mhz, 210.0, MAX_CLOCK_MHZ),
        throttle_reasons=throttle,
    )


LOADS: dict[str, Load] = {
    "idle": _load((0, 0), (0.6, 0.02), (31, 2), (70, 2), (345, 0), THROTTLE_IDLE),
    "train": _load((98, 1.5), (68, 1.2), (63, 3), (648, 16), (1755, 12)),
    "moe": _load((92, 4), (74, 0.8), (59, 3), (566, 32), (1830, 20)),
    "serve": _load((54, 18), (71, 1.0), (50, 4), (330, 60), (1905, 30)),
    "light": _load((37, 16), (22, 9), (44, 4), (245, 55), (1935, 25)),
    "save": _load((9, 5), (68, 1.2), (52, 3), (152, 14), (1980, 0)),
    "hang": _load((100, 0), (68, 1.2), (43, 2), (121, 3), (1980, 0)),
    "hot": _load((97, 2), (68, 1.2), (88.5, 1.2), (431, 14), (1155, 45), THROTTLE_HW_THERMAL | THROTTLE_HW_SLOWDOWN),
}
"""`save`: while a checkpoint is written; `hang`: spinning in a collective that never ends; `hot`: slowed by heat."""
