"""The incident: what is broken when the demonstration begins, and what breaks while it is being looked at."""

from __future__ import annotations

from .kernel_log import xid_line
from .shape import NODES_A_RACK
from .simulation import Simulation
from .state import GpuFault, SimJob, SimNode

LOST_AGO_SECONDS = 95.0
SECOND_LOST_AFTER_SECONDS = 40.0
HUNG_AGO_SECONDS = 412.0
HOUR = 3600.0

OLD_REASONS: tuple[tuple[str, str], ...] = (
    ("NHC: check_hw_ib: mlx5_3 port 1 is not ACTIVE", "root"),
    ("Kill task failed", "root"),
    ("NHC: check_fs_mount: /lustre not mounted", "root"),
    ("RMA HW-2291 GPU 5, vendor on site Thursday", "rkapoor"),
    ("NHC: nv_gpu_count: 7 of 8 GPUs", "root"),
)


class FaultScript:
    """Breaks things in a filled cluster. Roles that the workload could not place are left out."""

    def __init__(self, sim: Simulation, roles: dict[str, SimJob]) -> None:
        self.sim = sim
        self.roles = roles

    def play(self) -> None:
        """Break what is broken from the start, and plan the rest."""
        self._lose_a_gpu()
        self._overheat_a_rack()
        self._slow_one_gpu_down()
        self._starve_one_gpu()
        self._hang_a_job()
        self._take_nodes_out()
        self._corrupt_memory()
        self._silence_an_exporter()
        self._wear_out_a_big_cluster()
        self.sim.timeline.after(SECOND_LOST_AFTER_SECONDS, self._lose_another_gpu)

    def _place(self, role: str, node: int, gpu: int) -> tuple[SimNode, int] | None:
        job = self.roles.get(role)
        if job is None or not job.placement:
            return None
        chosen, gpus = job.placement[node % len(job.placement)]
        return chosen, gpus[gpu % len(gpus)]

    def _lose_a_gpu(self) -> None:
        place = self._place("victim", 6, 4)
        if place is not None:
            self._lose(*place, xid=79, at=self.sim.now - LOST_AGO_SECONDS, has_vanished=True)

    def _lose_another_gpu(self) -> None:
        place = self._place("next-victim", 1, 2)
        if place is not None:
            self._lose(*place, xid=119, at=self.sim.now)

    def _lose(self, node: SimNode, gpu: int, xid: int, at: float, *, has_vanished: bool = False) -> None:
        fault = GpuFault(xid=xid, at=at, is_lost=True, has_vanished=has_vanished)
        self.sim.break_gpu(node, gpu, fault, xid_line(xid, gpu))
        action = "0x2 (Node Reboot Required)"
        node.kernel_log.append(
            (at + 0.4, xid_line(154, gpu, f"GPU recovery action changed from 0x0 (None) to {action}"))
        )

    def _overheat_a_rack(self) -> None:
        job = self.roles.get("hot")
        if job is None:
            return
        racks = [node.rack for node, _ in job.placement]
        whole = [rack for rack in dict.fromkeys(racks) if racks.count(rack) == NODES_A_RACK]
        if not whole:
            return
        for node in self.sim.nodes:
            if node.rack == whole[len(whole) // 2]:
                node.hot_since = self.sim.now - 0.4 * HOUR
                self.sim.touch_node(node)

    def _slow_one_gpu_down(self) -> None:
        place = self._place("straggling", 1, 2)
        if place is not None:
            fault = GpuFault(xid=0, at=self.sim.now - 1.2 * HOUR, sm_clock_mhz=990.0)
            self.sim.break_gpu(*place, fault, "")

    def _starve_one_gpu(self) -> None:
        """In the largest job one GPU does less than its peers, and no alert says so: only the comparison shows it."""
        job = self.roles.get("hot")
        cool = [] if job is None else [place for place in job.placement if place[0].hot_since is None]
        if len(cool) > 1:
            node, gpus = cool[1]
            fault = GpuFault(xid=0, at=self.sim.now - 2.3 * HOUR, is_starved=True)
            self.sim.break_gpu(node, gpus[3 % len(gpus)], fault, "")

    def _hang_a_job(self) -> None:
        place = self._place("hung", 2, 5)
        if place is not None:
            since = self.sim.now - HUNG_AGO_SECONDS
            self.sim.break_gpu(*place, GpuFault(xid=0, at=since, is_silent=True), "")
            self.sim.hang(self.roles["hung"], since)

    def _take_nodes_out(self) -> None:
        empty = [node for node in self.sim.nodes if node.takes_work and not node.gpus_used]
        if len(self.sim.nodes) < 8 or len(empty) < 3:
            return
        train = [node for node in empty if "train" in node.partitions] or empty
        self._drain(train[-2 % len(train)], *OLD_REASONS[0], hours_ago=3.1, comes_back=True)
        self._bring_down(train[-1], hours_ago=0.35)

    def _drain(self, node: SimNode, reason: str, by: str, hours_ago: float, *, comes_back: bool = False) -> None:
        node.flags.add("DRAIN")
        node.explain(reason, by, self.sim.now - hours_ago * HOUR)
        node.failed_check = reason if comes_back else None
        self.sim.touch_node(node)

    def _bring_down(self, node: SimNode, hours_ago: float) -> None:
        node.is_down, node.responds = True, False
        node.unreachable_since = self.sim.now - hours_ago * HOUR
        node.explain("Not responding", "slurm", self.sim.now - hours_ago * HOUR)
        self.sim.touch_node(node)

    def _batch_nodes(self) -> list[SimNode]:
        return [self.sim.nodes[index] for index in next(p.members for p in self.sim.partitions if p.name == "batch")]

    def _corrupt_memory(self) -> None:
        batch = self._batch_nodes()
        if len(self.sim.nodes) < 8:
            return
        node, at = batch[4 % len(batch)], self.sim.now - 0.7 * HOUR
        gpu = 6 % len(node.owners)
        self.sim.break_gpu(node, gpu, GpuFault(xid=48, at=at, ecc_uncorrected=2), xid_line(48, gpu))
        node.kernel_log.append((at + 0.1, xid_line(63, gpu)))
        node.kernel_log.append(
            (at + 0.2, xid_line(154, gpu, "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)"))
        )
        colleague = batch[-2 % len(batch)]
        self._drain(colleague, OLD_REASONS[3][0], OLD_REASONS[3][1], hours_ago=20.5)

    def _silence_an_exporter(self) -> None:
        batch = self._batch_nodes()
        if len(self.sim.nodes) >= 8:
            batch[7 % len(batch)].exporter_down_at = self.sim.now - 214.0
            self.sim.touch_node(batch[7 % len(batch)])

    def _wear_out_a_big_cluster(self) -> None:
        """About one node in a hundred is out of service in a big cluster, for reasons of every age."""
        chance = self.sim.chance
        empty = [node for node in self.sim.nodes if node.takes_work and not node.gpus_used]
        for node in empty[: len(self.sim.nodes) // 100]:
            if chance.random() < 0.25:
                self._bring_down(node, chance.uniform(0.2, 90.0))
            else:
                self._drain(node, *chance.choice(OLD_REASONS), hours_ago=chance.uniform(0.5, 200.0))
