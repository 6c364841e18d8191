"""One collector process for many cockpits: it costs what one costs, and nobody can harm it or the others."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from crashcart.backends.errors import Unreachable
from crashcart.ops.store import Store
from tests.pty_terminal import PtyTerminal, children, command_line
from tests.shared_collector import Reader, attached_session, hello_frame, linked, readers

from .collector_service import CRASHCART, SECRET, CollectorService, collector_service
from .slurm_daemons import until

NODE = "counted/n00000"


@pytest.fixture
def service() -> Iterator[CollectorService]:
    with collector_service() as made:
        yield made


def poll_of(store: Store) -> int:
    """Which poll the picture is from."""
    node = store.nodes.get(NODE)
    return int((node.reason or "0").split()[0]) if node else 0


def at_poll(number: int) -> Callable[[Store], bool]:
    return lambda store: poll_of(store) >= number


def memory_mb(pid: int) -> float:
    """Resident memory of a process now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)


# what it costs


async def test_ten_readers_cost_the_cluster_what_one_does(service: CollectorService) -> None:
    service.start_counting()
    async with readers(service.socket, 10) as attached:
        await asyncio.gather(*(reader.until(at_poll(5)) for reader in attached))
        polls, begun = service.counted("polls"), time.monotonic()
        await asyncio.gather(*(reader.until(at_poll(polls + 10)) for reader in attached))
        asked, passed = service.counted("polls") - polls, time.monotonic() - begun
    assert asked <= passed / 0.2 + 2, "one poll an interval, however many look on"


async def test_it_collects_while_nobody_is_attached_and_shows_the_newest_at_once(service: CollectorService) -> None:
    service.start_counting()
    await asyncio.to_thread(until, "five polls", lambda: service.counted("polls") >= 5, 10)
    async with readers(service.socket, 1) as (reader,):
        await reader.until(lambda store: store.last_beat)
        assert poll_of(reader.store) >= 5


async def test_ten_restless_readers_make_the_feeds_look_no_oftener_than_one(service: CollectorService) -> None:
    service.start_counting()
    async with readers(service.socket, 10) as attached:
        begun = time.monotonic()
        for turn in range(20):
            for number, reader in enumerate(attached):
                reader.look_at(("counted", f"n{turn:03}{number:02}"))
            await asyncio.sleep(0.05)
        passed = time.monotonic() - begun
        looks = service.counted("looks")
    assert 1 <= looks <= passed / 0.5 + 2


async def test_nothing_of_the_configuration_reaches_a_reader(service: CollectorService) -> None:
    service.start_counting()
    reader, writer = await asyncio.open_unix_connection(service.socket)
    writer.write(hello_frame())
    seen = b""
    async with asyncio.timeout(10):
        while seen.count(b"n00000") < 5:
            seen += await reader.read(1 << 16)
    writer.close()
    assert SECRET.encode() not in seen
    assert str(service.folder / "site").encode() not in seen
    assert b"config.toml" not in seen
    assert b"password" not in seen


# readers that stop, trickle, or talk nonsense

READER = """if True:
    import asyncio, sys
    from pathlib import Path
    from tests.shared_collector import Reader
    async def main():
        reader = await Reader.attached(Path(sys.argv[1]))
        await reader.until(lambda store: store.last_beat)
        print("attached", flush=True)
        await reader.end(1000)
    asyncio.run(main())
"""


@pytest.fixture
def stopped_readers(service: CollectorService) -> Iterator[Callable[[], None]]:
    """Attaches three processes and stops them as ctrl-z or a frozen machine does."""
    processes: list[subprocess.Popen[str]] = []

    def stop() -> None:
        argv, env = [sys.executable, "-c", READER, str(service.socket)], {**os.environ, "PYTHONPATH": str(Path.cwd())}
        processes.extend(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) for _ in range(3))
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "attached\n"
            process.send_signal(signal.SIGSTOP)

    yield stop
    for process in processes:
        with process:
            process.kill()


async def test_stopped_and_trickling_readers_delay_nobody_and_cost_no_memory(
    service: CollectorService, stopped_readers: Callable[[], None]
) -> None:
    service.start_counting(nodes=3000)
    async with readers(service.socket, 2) as attached:
        await asyncio.to_thread(stopped_readers)
        trickle = asyncio.create_task(trickling(service.socket))
        now = max(poll_of(reader.store) for reader in attached)
        await asyncio.gather(*(reader.until(at_poll(now + 10), 30) for reader in attached))
        before, worst = memory_mb(service.pid), 0.0
        for poll in range(now + 11, now + 41):
            await asyncio.gather(*(reader.until(at_poll(poll), 30) for reader in attached))
            worst = max(
                worst, *(time.time() - reader.store.confirmed["counted", "counting", "node"] for reader in attached)
            )
        after = memory_mb(service.pid)
        assert not trickle.done()
        trickle.cancel()
        await asyncio.wait({trickle})
    assert worst < 2.0, "the picture of the others stays young"
    assert after - before < 12, "30 versions of 0.5 MB for four readers would be 60 MB"


async def trickling(path: Path) -> None:
    """Read 200 bytes every 50 ms, as over a very bad link."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as link:
        link.setblocking(False)
        await loop.sock_connect(link, str(path))
        await loop.sock_sendall(link, hello_frame())
        seen = hello_frame()
        while seen:
            seen = await loop.sock_recv(link, 200)
            await asyncio.sleep(0.05)


async def test_a_stopped_reader_that_goes_on_has_the_newest_picture(service: CollectorService) -> None:
    service.start_counting(nodes=3000)
    reader = await Reader.attached(service.socket)
    await reader.until(at_poll(2))
    reader.pause()
    async with readers(service.socket, 1) as (other,):
        await other.until(at_poll(poll_of(reader.store) + 15), 30)
    taken = reader.raw
    reader.resume()
    begun, polls = time.monotonic(), service.counted("polls")
    await reader.until(at_poll(polls))
    assert time.monotonic() - begun < 2.0
    assert reader.raw - taken < 50, "versions were skipped: 15 of 6 frames each would be 90"
    assert len(reader.store.nodes) == 3000
    await reader.leave()


async def test_garbage_from_a_reader_ends_that_reader(service: CollectorService) -> None:
    service.start_counting()
    async with readers(service.socket, 1) as (good,):
        for garbage in (b"GET / HTTP/1.0\r\n\r\n", os.urandom(4096), b"\0" * 100, hello_frame() + os.urandom(4096)):
            reader, writer = await asyncio.open_unix_connection(service.socket)
            writer.write(garbage)
            async with asyncio.timeout(10):
                with suppress(ConnectionResetError):
                    await reader.read(-1)  # to the end, which comes although we do not close
            writer.close()
        await good.until(at_poll(service.counted("polls") + 2))
    assert service.process is not None
    assert service.process.poll() is None
    assert "Traceback" not in service.log.read_text()


# coming and going


async def test_a_cockpit_keeps_its_picture_while_the_collector_is_replaced(service: CollectorService) -> None:
    service.start_counting()
    async with linked(attached_session(str(service.socket))) as seen:
        await seen.until(at_poll(3))
        for how in (signal.SIGTERM, signal.SIGKILL):
            status = await asyncio.to_thread(service.end, how)
            assert status == (0 if how == signal.SIGTERM else -signal.SIGKILL)
            assert service.socket.exists() == (how == signal.SIGKILL)
            await seen.until(lambda store: not store.collector_alive, 5)
            assert NODE in seen.store.nodes
            assert seen.store.freshness("counted", "counting", time.time()) == "down"
            last = poll_of(seen.store)
            await asyncio.to_thread(service.start)
            await seen.until(lambda store: store.collector_alive, 20)
            await seen.until(at_poll(last + 1))


async def test_a_frozen_collector_is_told_from_a_quiet_cluster(service: CollectorService) -> None:
    service.start_counting(interval=60.0)
    async with linked(attached_session(str(service.socket))) as seen:
        await seen.until(at_poll(1))
        await asyncio.sleep(3.0)  # nothing but beats
        assert seen.store.collector_alive
        os.kill(service.pid, signal.SIGSTOP)
        await seen.until(lambda store: "no sign of life" in store.collector_trouble, 20)
        os.kill(service.pid, signal.SIGCONT)
        await seen.until(lambda store: store.collector_alive, 20)


def test_a_second_collector_is_refused_and_the_first_goes_on(service: CollectorService) -> None:
    service.start_counting()
    argv = [*CRASHCART, "collector", "--demo", "--socket", str(service.socket)]
    done = subprocess.run(argv, env={**os.environ, **service.env}, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert f"process {service.pid}" in done.stderr
    assert service.socket.is_socket()
    assert service.end() == 0


def test_who_attaches_is_logged_as_the_kernel_says(service: CollectorService) -> None:
    service.start_counting("--readers", "1")

    async def attach() -> None:
        async with readers(service.socket, 1) as (reader,):
            await reader.until(lambda store: store.last_beat)
            goodbye = None
            while goodbye is None:  # turned away while it still spoke, a reader hears nothing and tries again
                with suppress(Unreachable):
                    async with readers(service.socket, 1) as (extra,):
                        goodbye = await extra.end()
            assert "serves 1 cockpits already" in goodbye.why

    asyncio.run(asyncio.wait_for(attach(), 20))
    service.end()
    log = service.log.read_text()
    assert f"reader.attached uid={os.getuid()} pid={os.getpid()} " in log
    assert "reader.turned-away" in log
    assert log.count("collector.stopped") == 1


CONNECT = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(len(s.recv(9)))"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become somebody else")
def test_only_the_owner_and_the_group_may_attach(service: CollectorService) -> None:
    def connects(uid: int, gid: int) -> bool:
        become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        argv = [*become, "/usr/bin/python3", "-c", CONNECT, str(service.socket)]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout == "9\n"

    service.folder.chmod(0o755)
    service.start_counting()
    assert not connects(65534, 65534)
    service.end()
    service.start_counting("--group", "games")
    assert connects(65534, service.socket.stat().st_gid)
    assert not connects(65534, 65534)
    service.end()


# real cockpits


def cockpit(service: CollectorService, *words: str) -> PtyTerminal:
    argv = [*CRASHCART, "demo", "--attach", str(service.socket), *words]
    return PtyTerminal(argv, columns=140, rows=35, env=service.env)


def test_two_cockpits_see_one_collector_and_what_either_does(service: CollectorService) -> None:
    from .test_cockpit_terminal import drain

    service.start("--demo")
    with cockpit(service) as one, cockpit(service, "--read-only") as two:
        for terminal in (one, two):
            terminal.wait_for(r"[1-9]\d* in use")
            assert not [pid for pid in children(terminal.process.pid) if "ops.collector" in command_line(pid)]
        drain(one, "gpu020", "INC-7 fan")
        one.wait_for("verified")
        two.send("2")
        two.wait_for(r"gpu020 +▽ draining")
        service.end()
        for terminal in (one, two):
            terminal.wait_for("COLLECTOR LOST .*was stopped")
        service.start()
        for terminal in (one, two):
            terminal.wait_gone("COLLECTOR LOST")
    assert "Traceback" not in service.log.read_text()


def test_a_cluster_that_is_not_configured_here_is_looked_at_only(service: CollectorService) -> None:
    from .test_cockpit_terminal import type_slowly

    service.start("--demo")
    with PtyTerminal([*CRASHCART, "--attach", str(service.socket)], columns=140, rows=35, env=service.env) as terminal:
        terminal.wait_for(r"[1-9]\d* in use")
        terminal.send(":")
        type_slowly(terminal, "hold 184204")
        terminal.send("enter")
        terminal.wait_for("refused")
        terminal.wait_for(r"add \[cluster\.demo\]")


def test_a_cockpit_that_finds_no_collector_says_so_and_waits_for_it(service: CollectorService) -> None:
    with PtyTerminal([*CRASHCART, "--attach", str(service.socket)], columns=140, rows=35, env=service.env) as terminal:
        terminal.wait_for(f"NO COLLECTOR +there is no collector at {service.socket}")
        terminal.wait_for("No GPUs: there is no collector")
        service.start_counting()
        terminal.wait_for("crashcart +counted")
        terminal.wait_gone("NO COLLECTOR")
        terminal.send("2")
        terminal.wait_for("n00001")


def test_get_and_doctor_read_from_it_too(service: CollectorService) -> None:
    service.start_counting()

    def crashcart(*words: str) -> subprocess.CompletedProcess[str]:
        argv, env = [*CRASHCART, *words, "--attach", str(service.socket)], {**os.environ, **service.env}
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)

    listed = crashcart("get", "nodes", "-o", "csv")
    assert listed.returncode == 0
    assert "n00001" in listed.stdout
    report = crashcart("doctor").stdout
    assert "it collects counted" in report
    assert "add [cluster.counted] to the configuration" in report
    service.end()
    gone = crashcart("get", "nodes")
    assert gone.returncode == 5
    assert f"there is no collector at {service.socket}" in gone.stderr
