"""What an H100 shows under each kind of load: 70 W idle, about 630 W in training, 120 W in a hung collective."""

from __future__ import annotations

import msgspec

PRODUCT = "NVIDIA H100 80GB HBM3"
DRIVER = "580.95.05"
CUDA = "13.0"
GPU_MEMORY_BYTES = 81_559 * 2**20
POWER_LIMIT_WATTS = 700.0
MAX_CLOCK_MHZ = 1980.0
MEMORY_CLOCK_MHZ = 2619.0
SLOWDOWN_CELSIUS = 87.0
GIB = float(2**30)
GB = 1e9

THROTTLE_IDLE = 0x1
THROTTLE_HW_SLOWDOWN = 0x8
THROTTLE_HW_THERMAL = 0x40


class Spread(msgspec.Struct, frozen=True):
    """Values around `mean`, never outside `low` and `high`."""

    mean: float
    deviation: float
    low: float
    high: float


class Load(msgspec.Struct, frozen=True):
    """The spread of each metric under one kind of load."""

    util_percent: Spread
    tensor_percent: Spread
    memory_used_bytes: Spread
    temperature_celsius: Spread
    memory_temperature_celsius: Spread
    power_watts: Spread
    sm_clock_mhz: Spread
    nvlink_bytes_per_second: Spread
    pcie_bytes_per_second: Spread
    throttle_reasons: int = 0


Pair = tuple[float, float]  # mean, deviation


def _load(
    util: Pair, memory_gib: Pair, celsius: Pair, watts: Pair, mhz: Pair, tensor: Pair, links: Pair, throttle: int = 0
) -> Load:
    """`links` are the means of NVLink and PCIe in GB/s; HBM is some degrees hotter than the GPU, as is usual."""
    nvlink, pcie = (Spread(mean * GB, mean * GB * 0.08, 0.0, 900.0 * GB) for mean in links)
    return Load(
        util_percent=Spread(*util, 0.0, 100.0),
        tensor_percent=Spread(*tensor, 0.0, 100.0),
        memory_used_bytes=Spread(memory_gib[0] * GIB, memory_gib[1] * GIB, 0.5 * GIB, 79.0 * GIB),
        temperature_celsius=Spread(*celsius, 24.0, 93.0),
        memory_temperature_celsius=Spread(celsius[0] * 1.13 + 2.0, celsius[1] * 1.2, 27.0, 104.0),
        power_watts=Spread(*watts, 62.0, POWER_LIMIT_WATTS),
        sm_clock_mhz=Spread(*mhz, 210.0, MAX_CLOCK_MHZ),
        nvlink_bytes_per_second=nvlink,
        pcie_bytes_per_second=pcie,
        throttle_reasons=throttle,
    )


LOADS: dict[str, Load] = {
    "idle": _load((0, 0), (0.6, 0.02), (31, 2), (70, 2), (345, 0), (0, 0), (0, 0), THROTTLE_IDLE),
    "train": _load((98, 1.5), (68, 1.2), (63, 3), (648, 16), (1755, 12), (46, 3), (212, 6)),
    "moe": _load((92, 4), (74, 0.8), (59, 3), (566, 32), (1830, 20), (33, 4), (268, 7)),
    "serve": _load((54, 18), (71, 1.0), (50, 4), (330, 60), (1905, 30), (18, 7), (38, 2.5)),
    "light": _load((37, 16), (22, 9), (44, 4), (245, 55), (1935, 25), (5, 3), (2, 1.1)),
    "save": _load((9, 5), (68, 1.2), (52, 3), (152, 14), (1980, 0), (0, 0), (1, 11)),
    "hang": _load((100, 0), (68, 1.2), (43, 2), (121, 3), (1980, 0), (0, 0), (0, 0.02)),
    "hot": _load(
        *((97, 2), (68, 1.2), (88.5, 1.2), (431, 14), (1155, 45), (30, 2), (141, 4)),
        throttle=THROTTLE_HW_THERMAL | THROTTLE_HW_SLOWDOWN,
    ),
}
"""`save`: while a checkpoint is written; `hang`: spinning in a collective that never ends; `hot`: slowed by heat."""
