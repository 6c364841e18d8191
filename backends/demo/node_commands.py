"""Commands on a simulated node: the diagnostics that operators run, answered from the state of the simulation."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import smi
from .kernel_log import BOOT_LINES, as_dmesg, as_journal
from .protocol import Ran
from .reading import Reading
from .state import SimNode

KERNEL = "6.8.0-87-generic"


def run(reading: Reading, argv: tuple[str, ...]) -> Ran:
    """Run `argv` on the node; 127 for what is not there."""
    if not argv:
        return Ran(0)
    name, words = argv[0].rsplit("/", 1)[-1], list(argv[1:])
    if name in ("timeout", "sudo", "env"):
        return run(reading, tuple(_behind(name, words)))
    if name == "nvidia-smi":
        return smi.run(reading, words)
    command = _COMMANDS.get(name)
    if command is None:
        return Ran(127, stderr=f"bash: {argv[0]}: command not found\n")
    return command(reading, words)


def _behind(name: str, words: list[str]) -> list[str]:
    """What a wrapper runs: its own options, the time of timeout and the settings of env are skipped."""
    rest = list(words)
    while rest and (rest[0].startswith("-") or (name == "env" and "=" in rest[0])):
        rest.pop(0)
    return rest[1:] if name == "timeout" else rest


def _log(node: SimNode) -> list[tuple[float, str]]:
    return [(node.boot_time + after, line) for after, line in BOOT_LINES] + sorted(node.kernel_log)


def _dmesg(reading: Reading, words: list[str]) -> Ran:
    is_faults_only = any(word.startswith(("--level", "-l")) for word in words)
    lines = sorted(reading.node.kernel_log) if is_faults_only else _log(reading.node)
    return Ran(0, "".join(f"{as_dmesg(when, line)}\n" for when, line in lines))


def _journalctl(reading: Reading, words: list[str]) -> Ran:
    wanted = words[words.index("-g") + 1] if "-g" in words[:-1] else ""
    since = reading.now - _ago(words)
    lines = [(when, line) for when, line in _log(reading.node) if when >= since and wanted in line]
    if not lines:
        return Ran(1 if wanted else 0, "-- No entries --\n")
    return Ran(0, "".join(f"{as_journal(when, reading.node.name, line)}\n" for when, line in lines))


def _ago(words: list[str]) -> float:
    """Seconds that `--since -24h` goes back; all time for what is not of this form."""
    text = words[words.index("--since") + 1] if "--since" in words[:-1] else ""
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}.get(text[-1:], 0.0)
    number = text[1:-1]
    return float(number) * unit if text[:1] == "-" and number.isdecimal() and unit else float("inf")


def _dcgmi(reading: Reading, words: list[str]) -> Ran:
    if words[:1] != ["diag"]:
        return Ran(1, stderr="PARSE ERROR: no subsystem was given; try diag\n")
    rows = [
        ("Deployment", None),
        ("Denylist", "Pass"),
        ("NVML Library", "Pass"),
        ("CUDA Main Library", "Pass"),
        ("Permissions and OS Blocks", "Pass"),
        ("Persistence Mode", "Pass"),
        ("Environment Variables", "Pass"),
        ("Page Retirement/Row Remap", "Fail" if _has_ecc(reading.node) else "Pass"),
        ("Graphics Processes", "Pass"),
        ("Inforom", "Fail" if _has_lost(reading.node) else "Pass"),
    ]
    bar = "+---------------------------+------------------------------------------------+"
    head = f"| {'Diagnostic':<25} | {'Result':<46} |"
    lines = ["Successfully ran diagnostic for group.", bar, head, bar.replace("-", "=")]
    for name, result in rows:
        lines.append(f"| {name:<25} | {result:<46} |" if result else f"|{f'-----  {name}  ':-<27}+{'-' * 48}|")
    for gpu, fault in reading.node.faults.items():
        if fault.is_lost:
            lines.append(f"| Warning                   | {f'GPU {gpu} is lost: reboot the node':<46} |")
        elif fault.ecc_uncorrected:
            lines.append(f"| Warning                   | {f'GPU {gpu} has a pending row remap: reset the GPU':<46} |")
    is_bad = _has_ecc(reading.node) or _has_lost(reading.node)
    return Ran(226 if is_bad else 0, "\n".join([*lines, bar]) + "\n")


def _has_ecc(node: SimNode) -> bool:
    return any(fault.ecc_uncorrected for fault in node.faults.values())


def _has_lost(node: SimNode) -> bool:
    return any(fault.is_lost for fault in node.faults.values())


def _ibstat(reading: Reading, words: list[str]) -> Ran:
    is_sick = "mlx5_3" in (reading.node.failed_check or "")
    text = ""
    for number in range(len(reading.node.owners)):
        is_down = is_sick and number == 3
        text += (
            f"CA 'mlx5_{number}'\n\tCA type: MT4129\n\tNumber of ports: 1\n\tFirmware version: 28.43.2026\n\tPort 1:\n"
            f"\t\tState: {'Down' if is_down else 'Active'}\n"
            f"\t\tPhysical state: {'Polling' if is_down else 'LinkUp'}\n"
            f"\t\tRate: {'10' if is_down else '400'}\n\t\tBase lid: {0 if is_down else 200 + reading.node.index}\n"
            "\t\tLink layer: InfiniBand\n"
        )
    return Ran(0, text)


def _findmnt(reading: Reading, words: list[str]) -> Ran:
    rows = [
        ("SOURCE", "FSTYPE", "SIZE", "USED", "AVAIL", "USE%", "TARGET"),
        ("/dev/md0", "ext4", "438.1G", "61.7G", "354.1G", "14%", "/"),
        ("/dev/md1", "xfs", "27.9T", "3.2T", "24.7T", "11%", "/scratch"),
    ]
    if "/lustre" not in (reading.node.failed_check or ""):
        rows.append(("10.12.0.2@o2ib:10.12.0.3@o2ib:/lustre", "lustre", "11.4P", "8.9P", "2.5P", "78%", "/lustre"))
    return Ran(0, "".join("{:<38} {:<7} {:>7} {:>6} {:>7} {:>4} {}\n".format(*row) for row in rows))


def _uptime(reading: Reading, words: list[str]) -> Ran:
    up = int(reading.now - reading.node.boot_time)
    load = 0.7 + reading.node.gpus_used * 7.4
    clock = time.strftime("%H:%M:%S", time.gmtime(reading.now))
    days, hours, minutes = up // 86_400, up // 3600 % 24, up // 60 % 60
    since = f"{days} days, {hours:2d}:{minutes:02d}" if days else f"{hours:2d}:{minutes:02d}"
    return Ran(0, f" {clock} up {since},  1 user,  load average: {load:.2f}, {load * 0.98:.2f}, {load * 0.97:.2f}\n")


def _ls(reading: Reading, words: list[str]) -> Ran:
    jobs = {owner.id: owner for owner in reading.node.owners if owner is not None}
    where = next((word for word in words if not word.startswith("-")), "")
    if where in ("", "~", "."):
        return Ran(0, "bin  notes.txt  runbooks\n")
    for job in jobs.values():
        if where.rstrip("/") == job.work_dir:
            return Ran(0, "checkpoints  logs  train.py\n")
    return Ran(2, stderr=f"ls: cannot access '{where}': No such file or directory\n")


def _text(make: Callable[[Reading], str]) -> Callable[[Reading, list[str]], Ran]:
    return lambda reading, words: Ran(0, make(reading))


_COMMANDS: dict[str, Callable[[Reading, list[str]], Ran]] = {
    "dmesg": _dmesg,
    "journalctl": _journalctl,
    "dcgmi": _dcgmi,
    "ibstat": _ibstat,
    "findmnt": _findmnt,
    "uptime": _uptime,
    "ls": _ls,
    "hostname": _text(lambda reading: f"{reading.node.name}\n"),
    "uname": _text(lambda reading: f"Linux {reading.node.name} {KERNEL} x86_64 GNU/Linux\n"),
    "whoami": _text(lambda reading: "operator\n"),
    "pwd": _text(lambda reading: "/home/operator\n"),
    "true": _text(lambda reading: ""),
}
