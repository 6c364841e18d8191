"""Asks a job's processes to save themselves, and looks beforehand whether they would take it as that.

`batch` is process 1 of the first container, or the one that the pod names; `steps` are all but process 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from crashcart.backends.contract import CommandResult, SignalTarget
from crashcart.backends.errors import BackendError, Malformed
from crashcart.backends.pods import Pod

from .asking import Asking, each
from .exec_stream import PodCommands
from .outcome import failed

SIGNALS = frozenset({"USR1", "USR2", "TERM", "INT", "HUP", "CONT"})
SIGNAL_BITS = {"HUP": 0, "INT": 1, "USR1": 9, "USR2": 11, "TERM": 14, "CONT": 17}
"""Bit of each signal in SigCgt of /proc/PID/status: its number on Linux, less one."""

BASH_CATCHES_ALL = sum(1 << number - 1 for number in (24, 25, 26, 31))  # XCPU XFSZ VTALRM SYS
"""bash with an EXIT trap catches every signal that ends a program, and ends all the same: nothing is known then."""

_SECONDS = 20.0
_NAMED = 3
_STATUS = re.compile(rb"(?m)^/proc/(\d+)/status:(Name|SigCgt):\s*(\S*)")
_LOOKERS = frozenset({b"find", b"grep"})


def command_of(signal: str, target: SignalTarget, main: int) -> tuple[str, ...]:
    """The command in a container that sends the signal, to process `main` or to all but process 1.

    It is the shell's own `kill`: many images have no other. Raises Malformed for a signal that is not for this.
    """
    if signal not in SIGNALS:
        raise Malformed(f"{signal!r} is not one of {', '.join(sorted(SIGNALS))}")
    return ("sh", "-c", f"kill -{signal} {main}" if target == "batch" else f"kill -{signal} -- -1")


async def send(
    asking: Asking,
    namespace: str,
    pods: Sequence[str],
    container: str,
    command: Sequence[str],
    told: Callable[[str], None],
) -> CommandResult:
    """Run the command in every pod. Raises BackendError when it reached none of them."""
    done = 0

    async def one(pod: str) -> tuple[str, CommandResult | BackendError]:
        nonlocal done
        try:
            result = await PodCommands(asking, namespace, pod, container).run(command, timeout=_SECONDS)
        except BackendError as error:
            return pod, error
        done += result.state == "ok"
        if len(pods) > 1:
            told(f"{done} of {len(pods)} pods signalled")
        return pod, result

    ends = await each(one, pods)
    errors = [end for _, end in ends if isinstance(end, BackendError)]
    if len(errors) == len(ends) and errors:
        raise errors[0]
    return _together(ends)


def _together(ends: Sequence[tuple[str, CommandResult | BackendError]]) -> CommandResult:
    troubles = [(pod, end) for pod, end in ends if isinstance(end, BackendError) or end.state != "ok"]
    if not troubles:
        return CommandResult("ok", 0, detail=f"{len(ends)} pods signalled" if len(ends) > 1 else "")
    named = "; ".join(f"{pod}: {_words(end)}" for pod, end in troubles[:_NAMED])
    more = f"; and {len(troubles) - _NAMED} more" if len(troubles) > _NAMED else ""
    words = f"{len(ends) - len(troubles)} of {len(ends)} pods signalled; {named}{more}" if len(ends) > 1 else named
    is_open = any(not isinstance(end, BackendError) and end.state == "unknown" for _, end in troubles)
    return CommandResult("unknown", None, detail=words) if is_open else failed(words)


def _words(end: CommandResult | BackendError) -> str:
    if isinstance(end, BackendError):
        return str(end)
    said = " ".join(end.stderr.decode("utf-8", "replace").split())
    return end.detail or said or f"exit status {end.exit_status}"


async def caught_signals(asking: Asking, pod: Pod, target: SignalTarget, main: int) -> frozenset[str] | None:
    """Signals that every process handles which `target` reaches in a pod; None when that cannot be read."""
    if not pod.containers:
        return None
    commands = PodCommands(asking, pod.namespace, pod.name, pod.containers[0])
    try:
        told = await commands.run(_look(target, main), timeout=_SECONDS, limit=1 << 20)
    except BackendError:
        return None
    masks = _masks(told.stdout, target, main)
    if not masks or any(mask & BASH_CATCHES_ALL == BASH_CATCHES_ALL for mask in masks):
        return None
    return frozenset(name for name, bit in SIGNAL_BITS.items() if all(mask >> bit & 1 for mask in masks))


def _look(target: SignalTarget, main: int) -> tuple[str, ...]:
    words = ("grep", "-H", "-e", "^Name:", "-e", "^SigCgt:")
    if target == "batch":
        return (*words, f"/proc/{main}/status")
    return ("find", "/proc", "-maxdepth", "2", "-path", "/proc/[0-9]*/status", "-exec", *words, "{}", ";")


def _masks(raw: bytes, target: SignalTarget, main: int) -> list[int]:
    """SigCgt of the processes that are meant; who looks is none of them."""
    named: dict[bytes, bytes] = {}
    masks: dict[bytes, int] = {}
    for number, key, value in _STATUS.findall(raw):
        if key == b"Name":
            named[number] = value
        elif re.fullmatch(rb"[0-9a-f]{1,16}", value):
            masks[number] = int(value, 16)
    if target == "batch":
        wanted = str(main).encode()
        return [masks[wanted]] if wanted in masks else []
    return [mask for number, mask in masks.items() if number != b"1" and named.get(number) not in _LOOKERS]
