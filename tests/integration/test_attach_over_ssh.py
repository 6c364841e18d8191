"""Attaching to a collector on another machine, through a real SSH server and its bastion."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends import wire
from crashcart.backends.errors import BadIdentifier, Denied, Unreachable
from crashcart.backends.ssh.powers import SshPowers
from crashcart.backends.streams import SocketOpener
from crashcart.ops.session import Session
from crashcart.ops.store import Store
from tests.pty_terminal import children, command_line
from tests.shared_collector import attached_session, linked

from .collector_service import CRASHCART, CollectorService, collector_service
from .fault_proxy import FaultProxy
from .ssh_server import SshServer

pytestmark = pytest.mark.real

NODE = "counted/n00000"


@pytest.fixture
def service() -> Iterator[CollectorService]:
    with collector_service() as made:
        yield made


def session(server: SshServer, service: CollectorService, host: str = "node01", **table: Any) -> Session:
    """Attached to the service through `host`."""
    options = {"config": server.config, "keepalive_seconds": 0.5, "keepalive_count": 2, **table}
    return attached_session(f"ssh:{host}:{service.socket}", attach_ssh=options)


def poll_of(store: Store) -> int:
    node = store.nodes.get(NODE)
    return int((node.reason or "0").split()[0]) if node else 0


def relays() -> list[int]:
    return [pid for pid in children(os.getpid()) if "collector_relay" in command_line(pid)]


def test_the_ssh_backend_opens_sockets(server: SshServer) -> None:
    assert isinstance(SshPowers(server.options()), SocketOpener)


@pytest.mark.parametrize("host", ["node01", "inner03"])
async def test_the_picture_comes_through_ssh_also_behind_a_bastion(
    server: SshServer, service: CollectorService, host: str
) -> None:
    service.start_counting(nodes=1000)
    async with linked(session(server, service, host)) as seen:
        await seen.until(lambda store: len(store.nodes) == 1000, 20)
        first = poll_of(seen.store)
        await seen.until(lambda store: poll_of(store) > first + 3)
        assert len(relays()) == 1
    assert relays() == []


async def test_what_is_looked_at_goes_the_other_way(server: SshServer, service: CollectorService) -> None:
    from crashcart.ops.collector_link import CollectorLink

    service.start_counting()
    store, changed = Store(), asyncio.Event()
    link = CollectorLink(session(server, service))
    task = asyncio.create_task(link.run(store, lambda kinds: changed.set()))
    async with asyncio.timeout(20):
        while not store.nodes:
            changed.clear()
            await changed.wait()
        link.look_at(wire.Focus((("counted", "n00001"),)))
        polls = poll_of(store)
        while poll_of(store) < polls + 5:
            changed.clear()
            await changed.wait()
    task.cancel()
    await asyncio.wait({task})
    assert service.counted("looks") == 1


async def test_a_collector_that_is_replaced_is_found_again(server: SshServer, service: CollectorService) -> None:
    service.start_counting()
    async with linked(session(server, service)) as seen:
        await seen.until(poll_of, 20)
        for how, why in ((signal.SIGTERM, "was stopped"), (signal.SIGKILL, "has gone")):
            await asyncio.to_thread(service.end, how)
            await seen.until(lambda store: not store.collector_alive, 5)
            assert why in seen.store.collector_trouble
            assert NODE in seen.store.nodes, "the picture stays"
            last = poll_of(seen.store)
            await asyncio.to_thread(service.start)
            await seen.until(lambda store: store.collector_alive, 30)
            await seen.until(lambda store, last=last: poll_of(store) > last)  # type: ignore[misc]


async def test_a_link_that_breaks_is_stale_and_comes_back(
    server: SshServer, service: CollectorService, proxy: FaultProxy
) -> None:
    service.start_counting()
    config = server.config_with({"frail": proxy.port})
    async with linked(session(server, service, "frail", config=config)) as seen:
        await seen.until(poll_of, 20)
        proxy.rst()
        await seen.until(lambda store: not store.collector_alive, 10)
        assert "has gone" in seen.store.collector_trouble
        await seen.until(lambda store: store.collector_alive, 30)


async def test_a_relay_that_is_killed_is_replaced(server: SshServer, service: CollectorService) -> None:
    service.start_counting()
    async with linked(session(server, service)) as seen:
        await seen.until(poll_of, 20)
        (relay,) = relays()
        os.kill(relay, signal.SIGKILL)
        await seen.until(lambda store: not store.collector_alive, 5)
        await seen.until(lambda store: store.collector_alive, 20)
        assert relay not in relays()


async def test_why_nothing_comes_is_said_in_words(server: SshServer, service: CollectorService) -> None:
    async with linked(session(server, service)) as seen:
        await seen.until(lambda store: store.collector_trouble, 20)
        assert f"there is no socket {service.socket} on node01" in seen.store.collector_trouble
    service.start_counting()
    await asyncio.to_thread(service.end, signal.SIGKILL)
    async with linked(session(server, service)) as seen:
        await seen.until(lambda store: store.collector_trouble, 20)
        assert f"{service.socket} on node01 was not opened" in seen.store.collector_trouble


async def test_a_certificate_that_may_forward_nothing_is_told_what_it_lacks(
    server: SshServer, service: CollectorService
) -> None:
    service.start_counting()
    server.key("shell_only", only="permit-pty")
    config = server.config_with({}, key="shell_only")
    async with linked(session(server, service, config=config)) as seen:
        await seen.until(lambda store: store.collector_trouble, 20)
        assert "permit-port-forwarding" in seen.store.collector_trouble
        assert not seen.store.nodes


async def test_a_login_that_is_refused_is_not_repeated_at_once(
    server: SshServer, service: CollectorService, tmp_path: Path
) -> None:
    service.start_counting()
    server.key("stranger", authority="other_ca")
    config = server.config_with({}, key="stranger")
    async with linked(session(server, service, config=config)) as seen:
        await seen.until(lambda store: "refused the login" in store.collector_trouble, 20)
        await asyncio.sleep(2.0)
        assert relays() == [], "the next try comes after a minute"


async def test_a_host_whose_key_is_not_known_gets_nothing(
    server: SshServer, service: CollectorService, tmp_path: Path
) -> None:
    service.start_counting()
    nobody = tmp_path / "known_hosts"
    nobody.write_text("")
    async with linked(session(server, service, known_hosts=str(nobody))) as seen:
        await seen.until(lambda store: store.collector_trouble, 20)
        assert "make sure it is the right machine" in seen.store.collector_trouble


async def test_a_stream_to_a_socket_that_is_not_there_is_unreachable(server: SshServer) -> None:
    powers = SshPowers(server.options())
    with pytest.raises(Unreachable, match="no socket /run/nowhere"):
        await powers.open_socket("node01", "/run/nowhere.sock")
    with pytest.raises(BadIdentifier):
        await powers.open_socket("node01;id", "/run/nowhere.sock")
    await powers.close()


async def test_a_stream_ends_when_its_link_does(
    server: SshServer, service: CollectorService, proxy: FaultProxy
) -> None:
    service.start_counting()
    powers = SshPowers(server.options(config=server.config_with({"frail": proxy.port})))
    stream = await powers.open_socket("frail", str(service.socket))
    assert await stream.read(), "the hello"
    proxy.rst()
    async with asyncio.timeout(10):
        while await stream.read():
            pass
        await stream.write(b"dropped")
    stream.close()
    with pytest.raises((Unreachable, Denied)):
        await powers.close()
        await powers.open_socket("nowhere.invalid", str(service.socket))
    await powers.close()


def test_get_reads_through_ssh_by_the_configuration(server: SshServer, service: CollectorService) -> None:
    service.start_counting()
    config = service.folder / "laptop.toml"
    config.write_text(
        f'[collector]\nattach = "ssh:node02:{service.socket}"\n[collector.ssh]\nconfig = "{server.config}"\n'
    )
    argv = [*CRASHCART, "get", "nodes", "--config", str(config), "-o", "csv"]
    begun = time.monotonic()
    done = subprocess.run(argv, env={**os.environ, **service.env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "n00001" in done.stdout
    assert time.monotonic() - begun < 15


async def test_a_cable_pulled_out_is_noticed_and_found_again(
    server: SshServer, service: CollectorService, proxy: FaultProxy
) -> None:
    service.start_counting()
    config = server.config_with({"frail": proxy.port})
    async with linked(session(server, service, "frail", config=config)) as seen:
        await seen.until(poll_of, 20)
        proxy.freeze()
        await seen.until(lambda store: not store.collector_alive, 20)
        proxy.thaw()
        await seen.until(lambda store: store.collector_alive, 40)


async def test_on_a_slow_link_the_picture_is_whole_and_no_older_than_what_is_under_way(
    server: SshServer, service: CollectorService, proxy: FaultProxy
) -> None:
    service.start_counting(nodes=1000, interval=0.5)
    config = server.config_with({"frail": proxy.port})
    async with linked(session(server, service, "frail", config=config)) as seen:
        await seen.until(lambda store: len(store.nodes) == 1000, 20)
        proxy.throttle(100_000)  # a version is 0.17 MB, twice a second
        last = poll_of(seen.store)
        await seen.until(lambda store: poll_of(store) >= last + 20, 60)
        assert seen.store.collector_alive
        assert len(seen.store.nodes) == 1000
        age = time.time() - seen.store.confirmed["counted", "counting", "node"]
        assert age < 12, "window, buffers and one version at 0.1 MB/s; a queue would grow for ever"
