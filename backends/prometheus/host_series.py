"""What is asked of node_exporter about a machine that somebody looks at: one expression for each of our host metrics.

Series that an exporter does not have are simply not in the answer, so nothing is probed for.
"""

from __future__ import annotations

from collections.abc import Iterable

from crashcart.backends.metrics import HostMetric

from .promql import Promql, any_of, literal, matcher, quoted

SERIES = "series"
_BY = "sum by (instance)"
_NO_DISK = matcher("fstype", "!~", "tmpfs|devtmpfs|ramfs|overlay|squashfs|nsfs|fuse[.].*|iso9660|efivarfs|autofs")
_NO_PART = matcher("device", "!~", "(ram|loop|fd|dm-|md|sr)[0-9]*.*|nvme[0-9]+n[0-9]+p[0-9]+|[hsv]d[a-z]+[0-9]+")
_NO_LOCAL = matcher("device", "!~", "lo|(veth|cali|cni|flannel|docker|br-|virbr|tap|tunl|lxc|cilium|ifb|dummy|kube).*")


def instances_pattern(names: Iterable[str], instances: Iterable[str]) -> str:
    """Matches `instance` of these machines: as known, or by name, with or without a domain and a port."""
    by_name = [f"{literal(name)}([.][^:]*)?(:[0-9]+)?" for name in names]
    return "|".join([*by_name, *filter(None, [any_of(instances)])])


def host_history(promql: Promql, pattern: str) -> str:
    """All host metrics of the machines whose `instance` matches, each marked with its name in the label `series`."""
    where = matcher("instance", "=~", pattern)
    parts = (
        f"label_replace({expression}, {quoted(SERIES)}, {quoted(name)}, {quoted('')}, {quoted('')})"
        for name, expression in _expressions(promql, where).items()
    )
    return " or ".join(parts)


def _expressions(promql: Promql, where: str) -> dict[HostMetric, str]:
    def rate(name: str, *conditions: str) -> str:
        return f"rate({promql.series(name, where, *conditions)}[{promql.rate_seconds:.0f}s])"

    def largest(name: str) -> str:
        return f"max by (instance) ({promql.series(name, where)})"

    idle = rate("node_cpu_seconds_total", matcher("mode", "=", "idle"))
    free = promql.series("node_filesystem_avail_bytes", where, _NO_DISK)
    size = promql.series("node_filesystem_size_bytes", where, _NO_DISK)
    received_errors = rate("node_network_receive_errs_total", _NO_LOCAL)
    sent_errors = rate("node_network_transmit_errs_total", _NO_LOCAL)
    return {
        "cpu_percent": f"100 - 100 * avg by (instance) ({idle})",
        "load": largest("node_load1"),
        "memory_available_bytes": largest("node_memory_MemAvailable_bytes"),
        "memory_total_bytes": largest("node_memory_MemTotal_bytes"),
        "disk_free_percent": f"min by (instance) (100 * {free} / ({size} > 0))",
        "disk_read_bytes_per_second": f"{_BY} ({rate('node_disk_read_bytes_total', _NO_PART)})",
        "disk_write_bytes_per_second": f"{_BY} ({rate('node_disk_written_bytes_total', _NO_PART)})",
        "network_receive_bytes_per_second": f"{_BY} ({rate('node_network_receive_bytes_total', _NO_LOCAL)})",
        "network_transmit_bytes_per_second": f"{_BY} ({rate('node_network_transmit_bytes_total', _NO_LOCAL)})",
        "network_errors_per_second": f"{_BY} ({received_errors}) + {_BY} ({sent_errors})",
        "infiniband_receive_bytes_per_second": f"{_BY} ({rate('node_infiniband_port_data_received_bytes_total')})",
        "infiniband_transmit_bytes_per_second": f"{_BY} ({rate('node_infiniband_port_data_transmitted_bytes_total')})",
        "infiniband_ports_down": f"{_BY} ({promql.series('node_infiniband_state_id', where)} != bool 4)",
        "infiniband_link_downed": f"{_BY} ({promql.series('node_infiniband_link_downed_total', where)})",
        "oom_kills": largest("node_vmstat_oom_kill"),
    }
