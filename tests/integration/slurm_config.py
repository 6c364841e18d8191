"""The configuration of a Slurm cluster on one host, with GPUs that are only device files."""

from __future__ import annotations

import os
import socket
from pathlib import Path

GPUS = 8
FIRST_PORT, LAST_PORT = 20_000, 32_000  # below the ephemeral range, where any client may sit on a port

_SLURM_CONF = """\
ClusterName=crash
SlurmctldHost=localhost
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge/sock
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool/%n
SlurmctldPidFile={home}/run/slurmctld.pid
SlurmdPidFile={home}/run/slurmd-%n.pid
SlurmctldLogFile={home}/log/slurmctld.log
SlurmdLogFile={home}/log/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=1
SlurmdTimeout=30
KillWait=5
MessageTimeout=10
JobRequeue=1
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1024
SlurmdParameters=config_overrides
PriorityType=priority/multifactor
PriorityWeightAge=1000
PriorityWeightPartition=1000
RebootProgram=/bin/true
GresTypes=gpu
{accounting}
NodeName=gpu[01-{gpu_nodes:02}] NodeHostname=localhost NodeAddr=127.0.0.1 Port={gpu_ports} {shape} RealMemory=512000 \
Gres=gpu:h100:{gpus} State=UNKNOWN
NodeName=cpu01 NodeHostname=localhost NodeAddr=127.0.0.1 Port={cpu_port} {shape} RealMemory=256000 State=UNKNOWN
PartitionName=train Nodes=gpu[01-{gpu_nodes:02}] Default=YES MaxTime=7-0 State=UP
PartitionName=debug Nodes=ALL MaxTime=1:00:00 PriorityJobFactor=100 State=UP
"""
_SHAPE = "CPUs=64 Sockets=2 CoresPerSocket=32 ThreadsPerCore=1"
_NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={port}
AccountingStoragePass={home}/munge/sock
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits,qos"""
_SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={home}/munge/sock
DbdHost=localhost
DbdPort={port}
SlurmUser=root
LogFile={home}/log/slurmdbd.log
PidFile={home}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=x
StorageLoc=slurm_acct_db
"""


def write(home: Path, gpu_nodes: int, *, dbd: bool) -> None:
    """Write slurm.conf, gres.conf, slurmdbd.conf and the GPU device files below `home`."""
    base = _free_ports(gpu_nodes + 3)
    first, last = base + 3, base + 2 + gpu_nodes
    text = _SLURM_CONF.format(
        home=home,
        port=base,
        accounting=_ACCOUNTING.format(home=home, port=base + 1) if dbd else _NO_ACCOUNTING,
        gpu_nodes=gpu_nodes,
        gpu_ports=f"{first}-{last}" if last > first else str(first),
        cpu_port=base + 2,
        shape=_SHAPE,
        gpus=GPUS,
    )
    (home / "slurm.conf").write_text(text)
    files = f"{home}/dev/nvidia[0-{GPUS - 1}]"
    (home / "gres.conf").write_text(
        f"AutoDetect=off\nNodeName=gpu[01-{gpu_nodes:02}] Name=gpu Type=h100 File={files}\n"
    )
    for index in range(GPUS):  # slurmd counts GPUs of real character devices only
        os.mknod(home / "dev" / f"nvidia{index}", 0o20666, os.makedev(1, 3))
    if dbd:
        (home / "slurmdbd.conf").write_text(_SLURMDBD_CONF.format(home=home, port=base + 1))
        (home / "slurmdbd.conf").chmod(0o600)


def _free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on; the process id spreads parallel test processes."""
    step = 32
    slots = (LAST_PORT - FIRST_PORT) // step
    for attempt in range(slots):
        base = FIRST_PORT + (os.getpid() + attempt) % slots * step
        if all(_is_free(base + offset) for offset in range(count)):
            return base
    raise RuntimeError(f"no {count} free ports in a row between {FIRST_PORT} and {LAST_PORT}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
