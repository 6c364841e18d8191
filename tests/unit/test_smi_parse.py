"""What nvidia-smi, amd-smi and the kernel print is read; whatever is no number is unknown, and a lost GPU is a row."""

from __future__ import annotations

import json
import math

import pytest

from crashcart.backends.demo.kernel_log import as_dmesg, as_journal, pci_bus, xid_line
from crashcart.backends.demo.reading import lost_line
from crashcart.backends.errors import Malformed
from crashcart.backends.smi.amd import parse_metric
from crashcart.backends.smi.fields import FIELDS, MIB, argv, without_refused
from crashcart.backends.smi.parse import last_xids, number, parse_query

ROW = {
    "index": "0", "pci.bus_id": "00000000:1B:00.0", "utilization.gpu": "100", "memory.used": "64513",
    "memory.total": "81559", "temperature.gpu": "59", "temperature.memory": "[N/A]", "temperature.gpu.tlimit": "28",
    "power.draw": "631.95", "power.limit": "700.00", "clocks.current.sm": "1980", "clocks.current.memory": "2619",
    "clocks_event_reasons.active": "0x0000000000000004", "ecc.errors.corrected.volatile.total": "2",
    "ecc.errors.uncorrected.volatile.total": "0", "remapped_rows.correctable": "1",
    "remapped_rows.uncorrectable": "0", "remapped_rows.failure": "No",
}  # fmt: skip


def row(**changes: str) -> str:
    """One line of nvidia-smi for all fields."""
    values = ROW | {key.replace("__", "."): value for key, value in changes.items()}
    return ", ".join(values[name] for name in FIELDS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100", 100), ("631.95", 631.95), ("0x48", 72), ("Yes", 1), ("Not Active", 0), ("15690 MiB", 15690),
        ("[N/A]", None), ("N/A", None), ("", None), ("[Not Supported]", None), ("[GPU is lost]", None),
        ("[Unknown Error]", None), ("[Requested functionality has been deprecated]", None), ("inf", None),
        ("[Insufficient Permissions]", None), ("0xzz", None),
    ],
)  # fmt: skip
def test_a_value_is_a_number_or_unknown(text: str, value: float | None) -> None:
    found = number(text)
    assert (None if math.isnan(found) else found) == value


def test_a_row_is_read_by_the_place_of_its_fields() -> None:
    found = parse_query(row() + "\n", FIELDS).gpus[0]
    assert found["memory_used_bytes"] == 64513 * MIB
    assert (found["power_watts"], found["throttle_reasons"], found["remap_failure"]) == (631.95, 4, 0)
    assert math.isnan(found["memory_temperature_celsius"])


def test_a_lost_gpu_keeps_its_place_among_the_others() -> None:
    text = "\n".join((row(), row(index="2"), lost_line(1).strip()))
    found = parse_query(text, FIELDS)
    assert (sorted(found.gpus), found.count, len(found.lost)) == ([0, 2], 3, 1)
    assert "device handle" in found.lost[0]


def test_noise_is_no_gpu() -> None:
    found = parse_query("Welcome to the cluster\n-1, x\n\n", FIELDS)
    assert (found.gpus, found.lost, found.count) == ({}, [], 0)


def test_an_unknown_field_is_asked_by_its_other_name_or_left_out() -> None:
    said = 'Field "clocks_event_reasons.active" is not a valid field to query.\n'
    asked = without_refused(FIELDS, said)
    assert asked is not None
    assert "clocks_throttle_reasons.active" in asked and "clocks_event_reasons.active" not in asked
    fewer = without_refused(asked, 'Field "temperature.gpu.tlimit" is not a valid field to query.')
    assert fewer is not None and len(fewer) == len(FIELDS) - 1
    assert without_refused(fewer, row()) is None


def test_the_command_ends_itself() -> None:
    assert argv(("index", "power.draw"), 13.0)[:3] == ("timeout", "13", "nvidia-smi")


def test_xids_are_found_in_every_form_of_the_kernel_log() -> None:
    log = "\n".join(
        (
            as_journal(1e9, "gpu001", xid_line(48, 0)),
            as_dmesg(1e9, xid_line(79, 1)),
            as_journal(1e9, "gpu001", xid_line(63, 0)),
            "[1.2] NVRM: Xid (0000:03:00): 14, Channel 00000001",
            "NVRM: Xid (PCI:0009:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)",
            "NVRM: GPU 0000:29:00.0: GPU has fallen off the bus.",
            "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  580.95.05",
        )
    )
    assert last_xids(log) == {
        pci_bus(0): 63, pci_bus(1): 79, "0000:03:00": 14, "0009:01:00": 154, "0000:29:00": 79,
    }  # fmt: skip


GPU = {
    "gpu": 1, "usage": {"gfx_activity": {"value": 97, "unit": "%"}}, "power": {"socket_power": {"value": 612}},
    "temperature": {"edge": "N/A", "hotspot": {"value": 71, "unit": "C"}, "mem": {"value": 55, "unit": "C"}},
    "mem_usage": {"total_vram": {"value": 196592, "unit": "MB"}, "used_vram": {"value": 1024, "unit": "MB"}},
}  # fmt: skip


@pytest.mark.parametrize("wrapped", [[GPU], {"gpu_data": [GPU]}])
def test_amds_json_is_read_as_a_list_and_wrapped(wrapped: object) -> None:
    found = parse_metric(json.dumps(wrapped).encode())
    assert found.count == 2, "GPU 0 is not listed"
    gpu = found.gpus[1]
    assert (gpu["util_percent"], gpu["power_watts"], gpu["temperature_celsius"]) == (97, 612, 71)
    assert gpu["memory_used_bytes"] == 1024 * MIB
    assert math.isnan(gpu["ecc_uncorrected"])


@pytest.mark.parametrize("raw", [b"", b"{", b'"x"', b"[1]", b'{"a": 1}'])
def test_what_is_no_list_of_amd_gpus_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_metric(raw)
