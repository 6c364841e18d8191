"""The cockpit on a real pty, as an operator sees it: from key press to the state read back."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.slurm_cluster import SlurmCluster
from tests.pty_terminal import PtyTerminal, children, command_line

COCKPIT = (sys.executable, "-m", "crashcart.tui")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}


def demo(home: Path, *words: str, columns: int = 120, rows: int = 35) -> PtyTerminal:
    return PtyTerminal([*COCKPIT, "demo", *words], columns=columns, rows=rows, env=environment(home))


def type_slowly(terminal: PtyTerminal, text: str) -> None:
    """As a person types; keys that come in a burst confirm nothing."""
    for letter in text:
        terminal.send(letter)
        rest(terminal, 0.08)


def rest(terminal: PtyTerminal, seconds: float) -> None:
    """Watch the screen for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        terminal.pump(left)


def select(terminal: PtyTerminal, node: str) -> None:
    """Bring the cursor of the node list to one node and open the action menu."""
    terminal.send("2")
    terminal.wait_for("STATE")
    terminal.send("/")
    type_slowly(terminal, f"name={node}")
    terminal.send("enter")
    terminal.wait_for(r"1 of \d+|1/1")
    terminal.send("x")
    terminal.wait_for("Drain +medium")


def drain(terminal: PtyTerminal, node: str, reason: str) -> None:
    """From the node list to the confirmed drain of one node."""
    select(terminal, node)
    terminal.send("d")
    terminal.wait_for("Reason")
    type_slowly(terminal, reason)
    terminal.send("enter")
    terminal.settle()
    terminal.send("enter")
    confirm(terminal, node)


def confirm(terminal: PtyTerminal, node: str) -> None:
    """Type the node's name into the preview, as a person who has read it."""
    terminal.wait_for(f"Type the node's name: {node}")
    rest(terminal, 0.6)  # the confirmation takes no key in its first 0.4 s
    type_slowly(terminal, node)
    terminal.send("enter")


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_drain_from_key_press_to_read_back_state_on_the_demo(home: Path) -> None:
    with demo(home) as terminal:
        terminal.wait_for(r"\d+ in use")
        drain(terminal, "gpu020", "INC-7 fan")
        terminal.wait_for("verified")
        terminal.wait_for("read back")
        terminal.send("esc")
        terminal.wait_for("draining")
    ends = [record for record in records(home / "crashcart" / "demo" / "audit.jsonl") if record["phase"] == "end"]
    assert [record["state"] for record in ends] == ["VERIFIED"]


def on_slurm(home: Path, cluster: SlurmCluster) -> PtyTerminal:
    """The cockpit on the real cluster, with the current user on call."""
    from crashcart.ops.actor import os_user
    from crashcart.ops.policy_starter import starter_policy

    policy, config = home / "policy.toml", home / "config.toml"
    policy.write_text(starter_policy(os_user()).replace("max_partition_pct = 20", "max_partition_pct = 100"))
    config.write_text(
        f'[cluster.real.slurm]\nenv = {{ SLURM_CONF = "{cluster.env["SLURM_CONF"]}" }}\ninterval_seconds = 1.0\n'
        f'[policy]\nfile = "{policy}"\n[audit]\nfile = "{home}/audit.jsonl"\n'
    )
    return PtyTerminal([*COCKPIT, "--config", str(config)], columns=120, rows=35, env=environment(home))


def command(terminal: PtyTerminal, line: str, expected: str) -> None:
    """Type a verb on the command line, confirm its preview by `expected`, and see it verified."""
    terminal.send(":")
    type_slowly(terminal, line)
    terminal.send("enter")
    terminal.wait_for(r"Type .*: |press y|y to")
    rest(terminal, 0.7)
    type_slowly(terminal, expected)
    if expected != "y":  # low risk: the letter is the answer
        terminal.send("enter")
    terminal.wait_for("Done, and read back")
    rest(terminal, 0.3)
    terminal.send("esc")
    terminal.wait_gone("Done, and read back")


@pytest.mark.real
def test_a_drain_from_key_press_to_read_back_state_on_a_real_slurm(home: Path, slurm: SlurmCluster) -> None:
    with on_slurm(home, slurm) as terminal:
        terminal.wait_for(r"\d+ in use")
        drain(terminal, "gpu02", "INC-8 xid 79")
        terminal.wait_for("verified")
        assert "DRAIN" in slurm.show_node("gpu02")["State"]
        terminal.send("esc")
        terminal.wait_for("drained")


@pytest.mark.real
def test_verbs_typed_on_the_command_line_of_the_cockpit_reach_a_real_slurm(home: Path, slurm: SlurmCluster) -> None:
    waiting = slurm.submit("--begin=now+1hour")
    running = slurm.running("--gres=gpu:h100:2", "--nodelist=gpu01")
    with on_slurm(home, slurm) as terminal:
        terminal.wait_for(r"\d+ in use")
        command(terminal, f"hold {waiting}", "y")
        assert slurm.show_job(waiting)["Reason"].startswith("JobHeld")
        command(terminal, f"release {waiting}", "y")
        assert slurm.show_job(waiting)["Priority"] != "0"
        command(terminal, f"requeue {running}", running)
        assert slurm.show_job(running)["Restarts"] == "1"
        command(terminal, f"cancel {waiting}", waiting)
        assert slurm.show_job(waiting)["JobState"] == "CANCELLED"
        command(terminal, "drain gpu[03-04] fan", "2")
        assert "DRAIN" in slurm.show_node("gpu04")["State"]
        command(terminal, "resume gpu03", "gpu03")
        assert "DRAIN" not in slurm.show_node("gpu03")["State"]
        command(terminal, "reboot gpu01 kernel", "gpu01")
        assert "REBOOT" in slurm.show_node("gpu01")["State"]
    verbs = [record["verb"] for record in records(home / "audit.jsonl") if record["phase"] == "intent"]
    assert verbs == ["hold", "release", "requeue", "cancel", "drain", "resume", "reboot"]


def test_the_executor_finishes_and_records_after_the_terminal_is_gone(home: Path) -> None:
    terminal = demo(home)
    try:
        terminal.wait_for(r"\d+ in use")
        drain(terminal, "gpu021", "INC-9 link")
        audit = home / "crashcart" / "demo" / "audit.jsonl"
        deadline = time.monotonic() + 10
        while not any(record["phase"] == "start" for record in records(audit)):
            assert time.monotonic() < deadline
            terminal.pump(0.01)
    finally:
        terminal.process.kill()
        terminal.close()
    while not any(record["phase"] == "end" for record in records(audit)):
        assert time.monotonic() < deadline, records(audit)
        time.sleep(0.05)
    (end,) = [record for record in records(audit) if record["phase"] == "end"]
    assert end["state"] == "VERIFIED"


def test_read_only_starts_no_executor_and_says_so(home: Path) -> None:
    with demo(home, "--read-only") as terminal:
        terminal.wait_for("READ-ONLY")
        terminal.wait_for(r"\d+ in use")
        terminal.send("2", "x")
        terminal.settle()
        terminal.send("d", "s")
        terminal.settle()
        started = [command_line(pid) for pid in children(terminal.process.pid)]
        assert not any("ops.executor" in line for line in started), started


def test_a_killed_collector_leaves_the_picture_stale_and_comes_back(home: Path) -> None:
    with demo(home) as terminal:
        terminal.wait_for(r"\d+ in use")
        (collector,) = [pid for pid in children(terminal.process.pid) if "ops.collector" in command_line(pid)]
        os.kill(collector, signal.SIGSTOP)
        terminal.wait_for(r"✕|◌|stale|lost", 6)
        assert "gpu001" in terminal.text, "the picture stays"
        terminal.wait_for("demo ●", 12)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50), (60, 17)])
def test_every_view_opens_at_this_size(home: Path, columns: int, rows: int) -> None:
    with demo(home, columns=columns, rows=rows) as terminal:
        terminal.wait_for("gpu001")
        for key, title in (
            ("2", "Nodes"),
            ("3", "Jobs"),
            ("4", "Alerts"),
            ("5", "Queues"),
            ("8", "Audit"),
            ("1", "Heatmap"),
        ):
            terminal.send(key)
            terminal.wait_for(f" {title} ")
            terminal.settle(0.1)
        terminal.send("?")
        terminal.wait_for("Keys of this view")
        assert "Traceback" not in terminal.text


def test_a_storm_of_sizes_ends_with_the_right_picture(home: Path) -> None:
    with demo(home) as terminal:
        terminal.wait_for(r"\d+ in use")
        for number in range(60):
            terminal.resize(20 + number * 7 % 180, 5 + number * 3 % 45)
            terminal.pump(0.01)
        terminal.resize(100, 30)
        terminal.settle(0.4)
        terminal.wait_for("Heatmap")
        assert terminal.process.poll() is None


def test_a_shell_on_a_node_takes_the_screen_and_gives_it_back(home: Path) -> None:
    with demo(home) as terminal:
        terminal.wait_for(r"\d+ in use")
        select(terminal, "gpu020")
        terminal.send("t")
        confirm(terminal, "gpu020")
        terminal.wait_for(r"gpu020.*[#$] ")
        type_slowly(terminal, "hostname")
        terminal.send("enter")
        terminal.settle()
        type_slowly(terminal, "exit 0")
        terminal.send("enter")
        terminal.wait_for("exit status|exit 0|ended")
    recorded = list((home / "crashcart" / "demo").rglob("*.cast"))
    assert recorded
    events = [json.loads(line) for line in recorded[0].read_text().splitlines()[1:]]
    assert "hostname" in "".join(data for _, kind, data in events if kind == "o")


def test_an_action_without_an_end_on_record_is_told_at_the_next_start(home: Path) -> None:
    from crashcart.ops.audit import AuditLog

    folder = home / "crashcart" / "demo"
    folder.mkdir(parents=True)
    log = AuditLog(folder / "audit.jsonl")
    intent = {"id": "lost", "state": "CONFIRMED", "verb": "drain", "cluster": "demo", "targets": ["gpu003"],
              "actor": {"user": "anna"}, "params": {"reason": "fan"}}  # fmt: skip
    log.append("intent", intent)
    log.append("start", {"id": "lost", "state": "RUNNING", "executor": {"host": "gone", "pid": 1, "started": "1"}})
    log.close()
    with demo(home) as terminal:
        terminal.wait_for("No end is on record")
        terminal.wait_for("drain gpu003")
