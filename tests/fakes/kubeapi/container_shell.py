"""A make-believe container: a handful of commands and a prompt, enough for a shell that a person could type into."""

from __future__ import annotations

import json
import shlex

from .websocket import CLOSE, RESIZE, STDERR, STDIN, STDOUT, Channels

SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")
NOT_FOUND = 127


class ContainerShell:
    """Runs nothing for real; `stty size` tells the size of the terminal that the client sent last."""

    def __init__(self, channels: Channels, host: str, is_terminal: bool) -> None:
        self._channels, self._host, self._is_terminal = channels, host, is_terminal
        self._size = (24, 80)

    def run(self, command: list[str]) -> int:
        """Exit status of a command."""
        if command[0] in SHELLS:
            if command[1:2] in (["-c"], ["-lc"]):
                return self._script(command[2])
            return self._prompt()
        if command[0] == "cat" and len(command) == 1:
            return self._cat()
        return self._simple(command)

    def _script(self, text: str) -> int:
        code = 0
        for line in text.replace("&&", ";").replace("\n", ";").split(";"):
            words = shlex.split(line)
            if words[:1] == ["exit"]:
                return int(words[1]) if len(words) > 1 else code
            if words:
                code = self.run(words)
        return code

    def _simple(self, words: list[str]) -> int:
        match words:
            case ["true" | ":" | "kill" | "sync" | "sleep", *_]:
                return 0
            case ["false", *_]:
                return 1
            case ["echo", *rest]:
                self._say(" ".join(rest) + "\n")
                return 0
            case ["hostname"]:
                self._say(f"{self._host}\n")
                return 0
            case ["stty", "size"]:
                self._say(f"{self._size[0]} {self._size[1]}\n")
                return 0
        self._say(f"sh: {words[0]}: not found\n", STDERR)
        return NOT_FOUND

    def _prompt(self) -> int:
        """Lines from stdin, echoed on a terminal as a tty does."""
        self._ask()
        line, code = "", 0
        for channel, data in self._channels.messages():
            if channel == RESIZE:
                asked = json.loads(data)
                self._size = (asked["Height"], asked["Width"])
            elif channel == CLOSE and data == bytes([STDIN]):
                return code
            for letter in data.decode(errors="replace") if channel == STDIN else "":
                if letter == "\x04":
                    return code
                if self._is_terminal:
                    self._say("\n" if letter == "\r" else letter)
                if letter not in "\r\n":
                    line += letter
                    continue
                words, line = line.split(), ""
                if words[:1] == ["exit"]:
                    return int(words[1]) if len(words) > 1 else code
                code = self.run(words) if words else code
                self._ask()
        return code

    def _ask(self) -> None:
        if self._is_terminal:
            self._say("# ")

    def _cat(self) -> int:
        for channel, data in self._channels.messages():
            if channel == CLOSE or (channel == STDIN and data.endswith(b"\x04")):
                break
            if channel == STDIN:
                self._channels.send(STDOUT, data)
        return 0

    def _say(self, text: str, channel: int = STDOUT) -> None:
        """A terminal has one channel, and line ends of its own."""
        if self._is_terminal:
            channel, text = STDOUT, text.replace("\n", "\r\n")
        self._channels.send(channel, text.encode())
