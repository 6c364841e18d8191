"""`scontrol show partition` and `scontrol ping`."""

from __future__ import annotations

import pytest

from crashcart.backends.errors import Malformed
from crashcart.backends.slurm.parse_nodes import parse_nodes
from crashcart.backends.slurm.parse_queues import parse_ping, parse_queues, with_gpus

from .recorded_slurm import VERSIONS, sample


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_listing_is_read(version: str) -> None:
    train, debug = parse_queues(sample(version, "scontrol-show-partition"), cluster="a100", when=5.0)
    assert (train.name, train.state, train.is_default, debug.is_default) == ("train", "UP", True, False)
    assert (train.max_time_seconds, debug.max_time_seconds) == (604800.0, 3600.0)
    assert train.node_list == f"gpu[01-{train.nodes_total:02}]"
    assert train.priority == 1
    assert train.gpus_total is None


@pytest.mark.parametrize("version", VERSIONS)
def test_gpus_of_a_partition_are_those_of_its_nodes(version: str) -> None:
    nodes = parse_nodes(sample(version, "scontrol-show-node"), cluster="a100", when=5.0)
    gpu_nodes = sum(node.gpus_total == 8 for node in nodes)
    queues = with_gpus(parse_queues(sample(version, "scontrol-show-partition"), cluster="a100", when=5.0), nodes)
    assert [queue.gpus_total for queue in queues] == [gpu_nodes * 8, gpu_nodes * 8]


def test_what_accounting_counts_is_believed() -> None:
    line = b"PartitionName=big State=UP TRES=cpu=192,mem=1500G,node=3,billing=192,gres/gpu=24,gres/gpu:h100=24"
    (queue,) = with_gpus(parse_queues(line, cluster="a100", when=5.0), [])
    assert queue.gpus_total == 24


def test_no_partition_is_no_queue() -> None:
    assert parse_queues(b"No partitions in the system\n", cluster="a100", when=5.0) == ()


@pytest.mark.parametrize(
    "line", [b"slurm_load_partitions error", b"PartitionName=x", b"PartitionName=x State=UP MaxTime=long"]
)
def test_what_is_no_partition_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_queues(line, cluster="a100", when=5.0)


def test_controllers_are_up_or_down() -> None:
    told = b"Slurmctld(primary) at login1 is DOWN\nSlurmctld(backup) at login2 is UP\n"
    assert parse_ping(told) == [("login1", False), ("login2", True)]
    assert parse_ping(b"scontrol: error: no such thing") == []
