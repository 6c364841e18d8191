"""`scontrol show node -d -o` of real clusters, and of states that are hard to bring about."""

from __future__ import annotations

import pytest

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Node
from crashcart.backends.slurm.parse_nodes import parse_nodes

from .recorded_slurm import VERSIONS, sample


def parse(raw: str | bytes) -> tuple[Node, ...]:
    return parse_nodes(raw.encode() if isinstance(raw, str) else raw, cluster="a100", when=5.0)


def one(line: str) -> Node:
    (found,) = parse(line)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_listing_is_read(version: str) -> None:
    nodes = {node.name: node for node in parse(sample(version, "scontrol-show-node"))}
    gpu01 = nodes["gpu01"]
    assert gpu01.version is not None and gpu01.version.startswith(version)
    assert (gpu01.state, gpu01.flags, gpu01.word) == ("MIXED", (), "mixed")
    assert (gpu01.gpus_total, gpu01.gpus_used, gpu01.gpu_type) == (8, 8, "h100")
    assert gpu01.gpus_used_indexes == tuple(range(8))
    assert gpu01.partitions == ("train", "debug")
    assert gpu01.memory_total_bytes == 512000 << 20
    assert (gpu01.cluster, gpu01.source, gpu01.when) == ("a100", "slurm", 5.0)
    assert nodes["cpu01"].gpus_total == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reason_is_text_who_and_when(version: str) -> None:
    gpu02 = next(node for node in parse(sample(version, "scontrol-show-node")) if node.name == "gpu02")
    assert (gpu02.word, gpu02.reason, gpu02.reason_by) == ("draining", "xid 79 A=B [x]", "root")
    assert gpu02.reason_at is not None
    assert gpu02.reason_at == pytest.approx(1795589000, abs=3600)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_requested_reboot_is_a_flag(version: str) -> None:
    gpu03 = next(node for node in parse(sample(version, "scontrol-show-node")) if node.name == "gpu03")
    assert gpu03.flags == ("DRAIN", "REBOOT_REQUESTED")


@pytest.mark.parametrize(
    ("text", "state", "flags", "word"),
    [
        ("IDLE", "IDLE", (), "idle"),
        ("IDLE+DRAIN", "IDLE", ("DRAIN",), "drained"),
        ("MIXED+DRAIN", "MIXED", ("DRAIN",), "draining"),
        ("MIXED+DRAIN+NOT_RESPONDING", "MIXED", ("DRAIN", "NOT_RESPONDING"), "down"),
        ("IDLE*", "IDLE", ("NOT_RESPONDING",), "down"),
        ("DOWN*+DRAIN", "DOWN", ("DRAIN", "NOT_RESPONDING"), "down"),
        ("IDLE*~", "IDLE", ("NOT_RESPONDING", "POWERED_DOWN"), "down"),
        ("ALLOCATED@", "ALLOCATED", ("REBOOT_REQUESTED",), "reboot"),
        ("IDLE+CLOUD+POWERED_DOWN", "IDLE", ("CLOUD", "POWERED_DOWN"), "idle"),
        ("IDLE+MAINTENANCE+RESERVED", "IDLE", ("MAINTENANCE", "RESERVED"), "maint"),
        ("IDLE+COMPLETING+DRAIN", "IDLE", ("COMPLETING", "DRAIN"), "draining"),
        ("UNKNOWN+INVALID_REG", "UNKNOWN", ("INVALID_REG",), "down"),
    ],
)
def test_states(text: str, state: str, flags: tuple[str, ...], word: str) -> None:
    node = one(f"NodeName=gpu01 State={text} ThreadsPerCore=1")
    assert (node.state, node.flags, node.word) == (state, flags, word)


@pytest.mark.parametrize(
    ("text", "reason", "by"),
    [
        ("Kill task failed [root@2026-11-23T18:48:11]", "Kill task failed", "root"),
        ("A=B State=IDLE Foo=x [y@z] [alice@2026-11-23T18:48:11]", "A=B State=IDLE Foo=x [y@z]", "alice"),
        ("fan [alice@2026-11-23T18:48:11] Comment=x [bob@2020-01-01T00:00:00]", "fan", "alice"),
        ("fan [alice@2026-11-23T18:48:11] Comment=c Extra=e", "fan", "alice"),
        ("no mark", "no mark", None),
        ("\x1b[2J [alice@2026-11-23T18:48:11]", "␛[2J", "alice"),
    ],
)
def test_reasons(text: str, reason: str, by: str | None) -> None:
    node = one(f"NodeName=gpu01 State=IDLE+DRAIN ExtSensorsTemp=n/s Reason={text}")
    assert (node.state, node.reason, node.reason_by) == ("IDLE", reason, by)


def test_without_a_reason_there_is_none() -> None:
    assert one("NodeName=gpu01 State=IDLE AveWatts=0 ").reason is None


def test_what_is_not_told_is_none_and_not_zero() -> None:
    node = one("NodeName=gpu01 State=IDLE CPULoad=N/A FreeMem=N/A")
    assert (node.load, node.memory_free_bytes, node.cpus_total, node.gpus_total, node.boot_time) == (None,) * 5


def test_jitter_of_load_and_free_memory_is_no_change() -> None:
    a = one("NodeName=gpu01 State=IDLE CPULoad=18.57 FreeMem=13422")
    b = one("NodeName=gpu01 State=IDLE CPULoad=18.62 FreeMem=13380")
    assert a == b
    assert (a.load, a.memory_free_bytes) == (18.6, 13376 << 20)


def test_nodes_that_were_not_found_are_left_out() -> None:
    assert [node.name for node in parse("NodeName=gpu01 State=IDLE\nNode nosuch not found\n")] == ["gpu01"]


@pytest.mark.parametrize(
    "line",
    [
        "slurm_load_node error: Unable to contact slurm controller",
        "NodeName=gpu01",
        "NodeName=-rf State=IDLE",
        "NodeName=gpu[01-04] State=IDLE",
        "NodeName=gpu01 State=IDLE;rm",
        "NodeName=gpu01 State=IDLE CPUTot=many",
        "NodeName=gpu01 State=IDLE BootTime=yesterday",
        "\x00\xff",
    ],
)
def test_what_is_no_node_is_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        parse(line)
