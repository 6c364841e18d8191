"""Names of the numbers: of a GPU, in columns, and of a machine, in histories."""

from __future__ import annotations

from typing import Literal

Metric = Literal[
    "util_percent",
    "tensor_percent",
    "memory_used_bytes",
    "memory_total_bytes",
    "temperature_celsius",
    "memory_temperature_celsius",
    "temperature_margin_celsius",
    "power_watts",
    "power_limit_watts",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "xid",
    "throttle_reasons",
    "ecc_corrected",
    "ecc_uncorrected",
    "remapped_correctable",
    "remapped_uncorrectable",
    "remap_failure",
    "nvlink_bytes_per_second",
    "nvlink_errors",
    "pcie_bytes_per_second",
    "pcie_replays",
    "age_seconds",
]
"""Names of GPU columns. `age_seconds` is how much older than the column's `when` each sample is; `throttle_reasons` is
NVML's bit mask (8 and 0x48.. are hardware slowdowns); `xid` is the last Xid, 0 for none; `temperature_margin_celsius`
is how far the GPU is below its slowdown temperature; `remap_failure` is 0 or 1; errors and replays are totals."""

HostMetric = Literal[
    "cpu_percent",
    "load",
    "memory_available_bytes",
    "memory_total_bytes",
    "disk_free_percent",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
    "network_errors_per_second",
    "infiniband_receive_bytes_per_second",
    "infiniband_transmit_bytes_per_second",
    "infiniband_ports_down",
    "infiniband_link_downed",
    "oom_kills",
]
"""Names of a machine's own series in a `History`. `disk_free_percent` is that of the fullest file system;
`infiniband_link_downed` and `oom_kills` are totals since boot."""
