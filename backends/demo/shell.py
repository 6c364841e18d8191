"""A terminal on a simulated node: a line editor with an echo, and a prompt behind every command."""

from __future__ import annotations

import asyncio
import shlex

from crashcart.backends.contract import CommandRunner
from crashcart.backends.errors import BackendError

COMMAND_SECONDS = 20.0
HELP = """\
This is a simulated node. It knows: hostname, uptime, nvidia-smi [-q | -L | topo -m], dmesg, journalctl -k,
dcgmi diag -r 1, ibstat, findmnt -D, squeue, sinfo, amtool silence [add | update | expire | query], ls, help, exit [N].
"""


class DemoTerminal:
    """One session. Commands run one after the other in a task that ends with the session."""

    def __init__(self, runner: CommandRunner, host: str, columns: int, rows: int) -> None:
        self._runner = runner
        self._prompt = f"operator@{host}:~$ "
        self._screen: asyncio.Queue[bytes] = asyncio.Queue()
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._editor = LineEditor()
        self._status: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.columns, self.rows = columns, rows
        self._show(f"Last login: from the cockpit, terminal {columns}x{rows}\n{self._prompt}")
        self._task = asyncio.create_task(self._serve(), name=f"demo shell {host}")

    async def read(self) -> bytes:
        """The next bytes for the screen; b"" when the session has ended."""
        if self._status.done() and self._screen.empty():
            return b""
        return await self._screen.get()

    def write(self, data: bytes) -> None:
        """What the operator types."""
        if self._status.done():
            return
        echo, lines = self._editor.type(data)
        if echo:
            self._screen.put_nowait(echo)
        for line in lines:
            self._lines.put_nowait(line)

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows

    async def wait(self) -> int | None:
        """The exit status; None when the session was closed from outside."""
        return await asyncio.shield(self._status)

    def close(self) -> None:
        self._task.cancel()
        self._finish(None)

    def _finish(self, status: int | None) -> None:
        if not self._status.done():
            self._status.set_result(status)
            self._screen.put_nowait(b"")

    def _show(self, text: str) -> None:
        self._screen.put_nowait(text.replace("\n", "\r\n").encode())

    async def _serve(self) -> None:
        last = 0
        while True:
            line = await self._lines.get()
            words = _words(line)
            if words[:1] == ["exit"] or line == LineEditor.END:
                self._show("logout\n")
                self._finish(int(words[1]) % 256 if len(words) > 1 and words[1].isdigit() else last)
                return
            last = await self._command(words, last)
            self._show(self._prompt)

    async def _command(self, words: list[str], last: int) -> int:
        if not words:
            return last
        if words[0] in ("help", "?"):
            self._show(HELP)
            return 0
        if words[0] == "clear":
            self._screen.put_nowait(b"\x1b[H\x1b[2J")
            return 0
        try:
            result = await self._runner.run(words, timeout=COMMAND_SECONDS)
        except BackendError as error:
            self._show(f"{error}\n")
            return 255
        self._screen.put_nowait((result.stdout + result.stderr).replace(b"\n", b"\r\n"))
        return 255 if result.exit_status is None else result.exit_status


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


class LineEditor:
    """The terminal driver's part: echo, erase, kill, interrupt, end of file."""

    END = "\x04"

    def __init__(self) -> None:
        self._line = ""
        self._in_escape = False

    def type(self, data: bytes) -> tuple[bytes, list[str]]:
        """Take keys in; return what to echo and the lines that are complete."""
        echo: list[str] = []
        lines: list[str] = []
        for key in data.decode("utf-8", "ignore"):
            echo.append(self._key(key, lines))
        return "".join(echo).encode(), lines

    def _key(self, key: str, lines: list[str]) -> str:
        if self._in_escape:  # arrows and function keys: swallowed to their final letter
            self._in_escape = not (key.isalpha() or key == "~")
            return ""
        if key in "\r\n":
            lines.append(self._line)
            self._line = ""
            return "\r\n"
        if key in "\x7f\b":
            was, self._line = self._line, self._line[:-1]
            return "\b \b" if was else ""
        if key in "\x03\x15":
            erased, self._line = len(self._line), ""
            lines.extend([""] if key == "\x03" else [])
            return "^C\r\n" if key == "\x03" else "\b \b" * erased
        if key == "\x04":
            if not self._line:
                lines.append(self.END)
            return ""
        self._in_escape = key == "\x1b"
        if not key.isprintable():
            return ""
        self._line += key
        return key
