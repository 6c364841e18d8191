"""A process beside the cockpit that passes bytes between it and a shared collector on another machine, by SSH.

`python -m crashcart.ops.collector_relay --fd N`. It is apart from the cockpit because loading and running the SSH
client would stall the screen. It understands nothing of what it passes on; when there is nobody to pass it to, it says
goodbye in the collector's place.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
from collections.abc import Coroutine

from crashcart.backends import wire
from crashcart.backends.errors import BackendError, Denied, Unsupported
from crashcart.backends.streams import ByteStream, SocketOpener

from .attach import Address, parse_address
from .links import SSH, SessionLinks
from .session import ClusterSession, Session, decode_session

LINE_LIMIT = 1 << 20
_CHUNK = 1 << 16

log = logging.getLogger("crashcart.relay")


async def relay(session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes both ways until either side ends."""
    links = SessionLinks(ClusterSession("collector", backends={SSH: session.attach_ssh}))
    try:
        stream = await _opened(links, parse_address(session.attach or ""))
    except BackendError as error:
        log.warning("relay.refused %s", error)
        writer.write(wire.frame(wire.Goodbye(str(error), isinstance(error, Denied | Unsupported))))
        await writer.drain()
    else:
        await _first_end(_there(reader, stream), _back(stream, writer))
        stream.close()
    finally:
        writer.close()
        await links.close()


async def _opened(links: SessionLinks, address: Address) -> ByteStream:
    powers = links.ssh_powers()
    if address.host is None or not isinstance(powers, SocketOpener):
        raise Unsupported(f"the ssh backend leads to no socket at {address}")
    return await powers.open_socket(address.host, address.path)


async def _there(reader: asyncio.StreamReader, stream: ByteStream) -> None:
    while data := await reader.read(_CHUNK):
        await stream.write(data)


async def _back(stream: ByteStream, writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(high=0)  # a cockpit that does not read holds the collector back
    while data := await stream.read():
        writer.write(data)
        await writer.drain()


async def _first_end(*ways: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.create_task(way) for way in ways]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _main(fd: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd), limit=LINE_LIMIT)
    line = await reader.readline()
    if not line:
        return
    await relay(decode_session(line), reader, writer)


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(description="Crashcart relay to a shared collector; started by the cockpit.")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket of the cockpit")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every channel
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the cockpit's; the end of its socket ends us
    asyncio.run(_main(arguments.fd))


if __name__ == "__main__":
    main()
