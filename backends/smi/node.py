"""Asks one node for its GPUs: nvidia-smi with the fields that its driver knows, else amd-smi; now and then for Xids."""

from __future__ import annotations

import time

from crashcart.backends.contract import CommandResult, CommandRunner
from crashcart.backends.diagnostics import CHECKS
from crashcart.backends.errors import Unreachable, Unsupported
from crashcart.backends.text import clean

from . import amd, fields
from .memory import Memory, NodeMemory
from .parse import Readings, last_xids, parse_query

MOST_BYTES = 64 << 10
"""Kept of each stream: 16 GPUs are 4 kB, a kernel log with more than this has repeated itself."""

XID_SECONDS = 60.0
_TRIES = 6
_NO_COMMAND = 127
_XIDS = CHECKS["xids"]


class NodeReader:
    """Reads one node. What it learned of the node is in `memory` and outlives it."""

    def __init__(self, runner: CommandRunner, memory: Memory, host: str, seconds: float) -> None:
        self._runner = runner
        self._memory = memory
        self._node: NodeMemory = memory.node(host)
        self._seconds = seconds
        self.size_bytes = 0

    async def read(self) -> Readings:
        """The node's GPUs. Raises BackendError."""
        if self._node.tool == "amd-smi":
            return await self._amd()
        found = await self._nvidia()
        if found is None:
            return await self._amd()
        self._node.tool = "nvidia-smi"
        await self._read_xids()
        return found

    async def _nvidia(self) -> Readings | None:
        """None when nvidia-smi is not there."""
        asked = self._node.fields or self._memory.fields
        for _ in range(_TRIES):
            result = await self._run(fields.argv(asked, max(1.0, self._seconds - 2.0)))
            if result.exit_status == _NO_COMMAND:
                return None
            said = (result.stdout + result.stderr).decode(errors="replace")
            known = fields.without_refused(asked, said)
            if known is None:
                found = parse_query(result.stdout.decode(errors="replace"), asked)
                if not found.gpus and not found.lost:
                    raise self._failed("nvidia-smi", result)
                self._node.fields = self._memory.fields = asked
                return found
            asked = known
        raise Unsupported("nvidia-smi knows too few of the fields; its driver is too old")

    async def _amd(self) -> Readings:
        result = await self._run(("timeout", f"{max(1.0, self._seconds - 2.0):g}", *amd.ARGV))
        if result.exit_status == _NO_COMMAND:
            raise Unsupported(
                "neither nvidia-smi nor amd-smi is there; install the driver's tools or leave the node out"
            )
        if result.state != "ok":
            raise self._failed("amd-smi", result)
        found = amd.parse_metric(result.stdout)
        self._node.tool = "amd-smi"
        return found

    async def _read_xids(self) -> None:
        """Faults in the kernel log, at most once a minute; where it may not be read, nothing is known of them."""
        if time.monotonic() - self._node.xids_read_at < XID_SECONDS:
            return
        self._node.xids_read_at = time.monotonic()
        result = await self._run(_XIDS.argv)
        if result.state == "ok" or _XIDS.found_nothing(result):
            self._node.xids = last_xids(result.stdout.decode(errors="replace"))
        else:
            self._node.xids = None

    async def _run(self, argv: tuple[str, ...]) -> CommandResult:
        result = await self._runner.run(argv, timeout=self._seconds, limit=MOST_BYTES)
        self.size_bytes += len(result.stdout) + len(result.stderr)
        return result

    def _failed(self, tool: str, result: CommandResult) -> Unreachable:
        if result.exit_status == 124:
            return Unreachable(f"{tool} did not end; the driver hangs, look into the kernel log for Xid 119")
        said = clean(result.stderr or result.stdout, limit=160).replace("␊", " ").strip()
        return Unreachable(f"{tool}: {said or result.detail or result.state}")
