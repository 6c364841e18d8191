"""dcgm-exporters of a made-up fleet in one thread: true names and labels, numbers that stand still, faults on call."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

BLANK_INT64 = 9223372036854775794  # DCGM_INT64_BLANK + 2, "not supported"
BLANK_FP64 = 140737488355328.0
LISTENERS = 64  # nodes with an address of their own on loopback; larger fleets share these

Value = Callable[[int, int, float], float]  # node, GPU, seconds since the start

METRICS: dict[str, tuple[str, str, Value]] = {
    "DCGM_FI_DEV_SM_CLOCK": ("gauge", "SM clock frequency (in MHz).", lambda node, gpu, _: 1700 + node % 50 + gpu),
    "DCGM_FI_DEV_MEM_CLOCK": ("gauge", "Memory clock frequency (in MHz).", lambda node, gpu, _: 2619),
    "DCGM_FI_DEV_MEMORY_TEMP": ("gauge", "Memory temperature (in C).", lambda node, gpu, _: 50 + (node + 2 * gpu) % 25),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "GPU temperature (in C).", lambda node, gpu, _: 40 + (3 * node + gpu) % 30),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "Power draw (in W).", lambda node, gpu, _: 300.125 + node % 100 + 10 * gpu),
    "DCGM_FI_DEV_POWER_MGMT_LIMIT": ("gauge", "Current power limit (in W).", lambda node, gpu, _: 700),
    "DCGM_FI_DEV_SLOWDOWN_TEMP": ("gauge", "Slowdown temperature (in C).", lambda node, gpu, _: 87),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": (
        "counter", "Total energy consumption since boot (in mJ).", lambda node, gpu, at: int(at * 300_000)),
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": ("counter", "Total number of PCIe retries.", lambda node, gpu, _: gpu),
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "GPU utilization (in %).", lambda node, gpu, _: 5 + (31 * node + 7 * gpu) % 90),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("gauge", "Memory utilization (in %).", lambda node, gpu, _: (node + gpu) % 60),
    "DCGM_FI_DEV_XID_ERRORS": ("gauge", "Value of the last XID error encountered.", lambda node, gpu, _: 0),
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": ("gauge", "Current clock throttle reasons.", lambda node, gpu, _: 0),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "Framebuffer memory free (in MiB).", lambda node, gpu, _: 20_000 - 100 * gpu),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Framebuffer memory used (in MiB).", lambda node, gpu, _: 60_000 + 100 * gpu),
    "DCGM_FI_DEV_FB_RESERVED": ("gauge", "Framebuffer memory reserved (in MiB).", lambda node, gpu, _: 559),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": (
        "counter", "Number of remapped rows for uncorrectable errors", lambda node, gpu, _: 0),
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": (
        "counter", "Number of remapped rows for correctable errors", lambda node, gpu, _: gpu % 2),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": ("gauge", "Whether remapping of rows has failed", lambda node, gpu, _: 0),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": (
        "counter", "Total number of double-bit volatile ECC errors.", lambda node, gpu, _: 0),
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL": (
        "counter", "Total number of NVLink bandwidth counters for all lanes.", lambda node, gpu, at: int(at * 1000)),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": (
        "gauge", "Ratio of cycles the tensor (HMMA) pipe is active.", lambda node, gpu, _: 0.25 + gpu / 100),
    "DCGM_FI_PROF_PCIE_TX_BYTES": (
        "gauge", "The rate of data transmitted over the PCIe bus (in bytes).", lambda node, gpu, _: 1_000_000 + gpu),
    "DCGM_FI_PROF_PCIE_RX_BYTES": (
        "gauge", "The rate of data received over the PCIe bus (in bytes).", lambda node, gpu, _: 2_000_000 + gpu),
}  # fmt: skip
"""What dcgm-exporter's default-counters.csv enables, and what sites commonly add: type, help, value."""


class Exporters:
    """`gpu001`.. up to `nodes`, `gpus` each, served from `start` to `close`. Nodes and GPUs are called by number."""

    def __init__(
        self, nodes: int = 3, gpus: int = 8, *, host_label: str = "Hostname", pod_targets: bool = False
    ) -> None:
        self.nodes, self.gpus = nodes, gpus
        self.host_label = host_label
        self.port = 0
        self.scrapes = 0
        self._pod_targets = pod_targets  # targets that are pods themselves: what a GPU's pod is, becomes `exported_pod`
        self._injected: dict[tuple[int, int, str], float | str] = {}
        self._vanished: set[tuple[int, int]] = set()
        self._faults: dict[int, str] = {}
        self._labels: dict[int, list[str]] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._began = time.time()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="exporters", daemon=True)

    def __enter__(self) -> Exporters:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen; from now on `targets` tells where."""
        self._thread.start()
        for number in range(1, min(self.nodes, LISTENERS) + 1):
            self._do(self._listen(_address(number)))

    def close(self) -> None:
        """Stop listening, drop all connections and end the thread."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # what is scraped

    def host(self, node: int) -> str:
        """Name of a node, `gpu001`."""
        return f"gpu{node:03}"

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(self.host(node) for node in range(1, self.nodes + 1))

    def instance(self, node: int) -> str:
        """The label `instance` of a node's target."""
        return f"{self.host(node)}:9400"

    def targets(self) -> list[dict[str, Any]]:
        """For `file_sd_configs`: each node is a target with its own path, rack and instance."""
        return [self._target(node) for node in range(1, self.nodes + 1)]

    def value(self, node: int, gpu: int, metric: str) -> float | str:
        """What this GPU's exporter tells: what was injected, or the number it has by nature."""
        injected = self._injected.get((node, gpu, metric))
        return METRICS[metric][2](node, gpu, time.time() - self._began) if injected is None else injected

    def owner(self, node: int, gpu: int) -> str:
        """Whom the labels of a GPU name: six GPUs have a job of Slurm, one a pod, one nobody."""
        if gpu < self.gpus - 2:
            return f"job:{1000 + node}"
        return f"pod:research/train-{node}" if gpu == self.gpus - 2 else ""

    # faults

    def inject(self, node: int, gpu: int, metric: str, value: float | str) -> None:
        """From the next scrape on this GPU tells `value`."""
        assert metric in METRICS, metric
        self._injected[node, gpu, metric] = value

    def vanish(self, node: int, gpu: int) -> None:
        """The exporter lives and no longer lists this GPU."""
        self._vanished.add((node, gpu))

    def down(self, node: int) -> None:
        """The exporter answers 503."""
        self._faults[node] = "down"

    def hang(self, node: int) -> None:
        """The exporter takes the request and never answers."""
        self._faults[node] = "hang"

    def slow(self, node: int, seconds: float) -> None:
        """The exporter takes that long for each answer."""
        self._faults[node] = str(seconds)

    def kill(self, node: int) -> None:
        """Nobody listens any more: connections are refused."""
        assert self.nodes <= LISTENERS, "nodes of a large fleet share listeners"
        self._do(self._close(_address(node)))

    def heal(self) -> None:
        """All nodes and GPUs are as in the beginning."""
        self._injected.clear()
        self._vanished.clear()
        self._faults.clear()
        for number in range(1, min(self.nodes, LISTENERS) + 1):
            if _address(number) not in self._servers:
                self._do(self._listen(_address(number)))

    # inside

    def _target(self, node: int) -> dict[str, Any]:
        labels = {
            "__metrics_path__": f"/{node}/metrics",
            "instance": self.instance(node),
            "cluster": "lab",
            "rack": f"r{(node - 1) // 8:02}",
        }
        if self._pod_targets:
            labels |= {"namespace": "gpu-operator", "pod": f"dcgm-exporter-{node}", "container": "exporter"}
        return {"targets": [f"{_address(node)}:{self.port}"], "labels": labels}

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, address: str) -> None:
        server = await asyncio.start_server(self._serve, address, self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._servers[address] = server

    async def _close(self, address: str) -> None:
        self._servers.pop(address).close()
        for writer in list(self._writers):
            if writer.get_extra_info("sockname")[0] == address:
                writer.transport.abort()

    async def _end(self) -> None:
        for address in list(self._servers):
            await self._close(address)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._answer(int(head.split(b"/", 2)[1])))
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, node: int) -> bytes:
        while (fault := self._faults.get(node)) == "hang":  # noqa: ASYNC110 - faults are set from another thread
            await asyncio.sleep(0.02)
        if fault == "down":
            return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        if fault is not None:
            await asyncio.sleep(float(fault))
        body = self.text(node).encode()
        self.scrapes += 1
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def text(self, node: int) -> str:
        """What `/metrics` of a node says now."""
        at = time.time() - self._began
        rows = [gpu for gpu in range(self.gpus) if (node, gpu) not in self._vanished]
        labels = self._labels.setdefault(node, [self._label_set(node, gpu) for gpu in range(self.gpus)])
        lines: list[str] = []
        for name, (kind, text, value) in METRICS.items():
            lines.append(f"# HELP {name} {text}\n# TYPE {name} {kind}\n")
            for gpu in rows:
                injected = self._injected.get((node, gpu, name)) if self._injected else None
                lines.append(f"{name}{{{labels[gpu]}}} {value(node, gpu, at) if injected is None else injected}\n")
        return "".join(lines)

    def _label_set(self, node: int, gpu: int) -> str:
        owner = self.owner(node, gpu)
        pod = owner.removeprefix("pod:").partition("/") if owner.startswith("pod:") else ("", "", "")
        labels = {
            "gpu": gpu,
            "UUID": f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{self.host(node)}-{gpu}')}",
            "pci_bus_id": f"00000000:{0x18 + 0x11 * gpu:02X}:00.0",
            "device": f"nvidia{gpu}",
            "modelName": "NVIDIA H100 80GB HBM3",
            self.host_label: self.host(node),
            "DCGM_FI_DRIVER_VERSION": "550.90.07",
            "container": "pytorch" if pod[2] else "",
            "namespace": pod[0],
            "pod": pod[2],
        }
        if owner.startswith("job:"):
            labels["hpc_job"] = owner.removeprefix("job:")
        return ",".join(f'{name}="{value}"' for name, value in labels.items())


def _address(node: int) -> str:
    return f"127.0.0.{2 + (node - 1) % LISTENERS}"
