"""Logs of pods and commands in them: what the API server passes on to the kubelet of a node, or cannot."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .container_shell import ContainerShell
from .requests import Reply, Request, Socket
from .resources import PODS
from .status import Refusal, bad_request
from .store import Store, encode
from .strategies import timestamp
from .websocket import ERROR, STDERR, STDOUT, Channels, chosen_protocol, handshake_headers
from .writes import found

Object = dict[str, Any]

RESOLVER = "192.0.2.53:53"
FOLLOW_SECONDS = 0.02  # between two looks at a log that is followed


@dataclass
class Command:
    """One command that somebody ran in a container."""

    namespace: str
    pod: str
    container: str
    command: list[str]
    user: str


@dataclass
class ScriptedAnswer:
    """What a command that matches `pattern` (its words joined by spaces, `*` is anything) says and returns."""

    pattern: str
    stdout: str = ""
    stderr: str = ""
    code: int = 0
    seconds: float = 0.0


@dataclass
class PodAccess:
    """State of the kubelets, as far as logs and commands go."""

    store: Store
    unreachable: set[str] = field(default_factory=set)
    has_kubelets: bool = True
    logs: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    answers: list[ScriptedAnswer] = field(default_factory=list)

    def clear(self) -> None:
        """Forget logs, commands and answers; all kubelets can be reached."""
        self.unreachable.clear()
        self.logs.clear()
        self.commands.clear()
        self.answers.clear()

    def log(self, request: Request) -> Reply:
        """Text, whole or as it grows (`follow`)."""
        pod, container = self._container(request)
        self._reach(pod, "containerLogs", container)
        place = request.place
        lines = self.logs.get((place.namespace, place.name, container), [])
        tail = request.option("tailLines")
        shown = lines[len(lines) - min(len(lines), int(tail)) :] if tail else list(lines)
        stamped = request.is_on("timestamps")
        if request.is_on("follow"):
            stream = self._follow((place.namespace, place.name, container), shown, len(lines), stamped)
            return Reply(content_type="text/plain", stream=stream)
        return Reply(body=b"".join(_log_line(line, stamped) for line in shown), content_type="text/plain")

    def exec(self, request: Request) -> Reply:
        """101 also when the kubelet cannot be reached: what went wrong then is told on channel 3."""
        protocol = chosen_protocol(request.headers.get("sec-websocket-protocol", ""))
        if not protocol:
            raise bad_request("unable to upgrade: no supported subprotocol was offered")
        pod, container = self._container(request)
        if not request.query.get("command"):
            raise bad_request("you must specify at least 1 command for the container")
        place = request.place
        command = Command(place.namespace, place.name, container, list(request.query["command"]), request.user.name)
        headers = handshake_headers(dict(request.headers), protocol)
        is_terminal = request.is_on("tty")

        def talk(socket: Socket) -> None:
            self._run(Channels(socket), pod, command, is_terminal)

        return Reply(101, headers=headers, talk=talk)

    def _run(self, channels: Channels, pod: Object, command: Command, is_terminal: bool) -> None:
        for channel in (STDOUT, STDERR):
            channels.send(channel, b"")
        try:
            self._reach(pod, "exec", command.container)
        except Refusal as error:
            status = {"metadata": {}, "status": "Failure", "message": error.message, "code": 500}
            channels.send(ERROR, encode(status))
            channels.close()
            return
        self.commands.append(command)
        code = self._answer(channels, command, is_terminal)
        channels.send(ERROR, encode(_exit_status(code)))
        channels.close()

    def _answer(self, channels: Channels, command: Command, is_terminal: bool) -> int:
        said = " ".join(command.command)
        scripted = next((one for one in self.answers if fnmatch.fnmatchcase(said, one.pattern)), None)
        if scripted is None:
            return ContainerShell(channels, command.pod, is_terminal).run(command.command)
        time.sleep(scripted.seconds)
        for channel, text in ((STDOUT, scripted.stdout), (STDERR, scripted.stderr)):
            if text:
                channels.send(channel, text.encode())
        return scripted.code

    def _container(self, request: Request) -> tuple[Object, str]:
        pod = found(self.store, PODS, request).value
        names = [entry["name"] for entry in pod["spec"]["containers"]]
        asked = request.option("container")
        name = request.place.name
        if asked and asked not in names:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        if not asked and len(names) > 1:
            raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
        container = asked or names[0]
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {name} does not have a host assigned")
        if (pod.get("status") or {}).get("phase") == "Pending":
            raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
        return pod, container

    def _reach(self, pod: Object, what: str, container: str) -> None:
        node, metadata = pod["spec"]["nodeName"], pod["metadata"]
        if node in self.unreachable or not self.has_kubelets:
            lookup = f"dial tcp: lookup {node} on {RESOLVER}: no such host"
            path = f"{what}/{metadata['namespace']}/{metadata['name']}/{container}"
            if what == "exec":
                raise Refusal(500, f"error dialing backend: {lookup}")
            raise Refusal(500, f'Get "https://{node}:10250/{path}": {lookup}')

    def _follow(self, key: tuple[str, str, str], shown: list[str], known: int, stamped: bool) -> Iterator[bytes]:
        yield b"".join(_log_line(line, stamped) for line in shown)
        while self.store.get(PODS, key[:2]) is not None:
            lines = self.logs.get(key, [])
            if len(lines) > known:
                yield b"".join(_log_line(line, stamped) for line in lines[known:])
                known = len(lines)
            else:
                time.sleep(FOLLOW_SECONDS)
                yield b""


def _log_line(line: str, stamped: bool) -> bytes:
    return (f"{timestamp()} {line}\n" if stamped else f"{line}\n").encode()


def _exit_status(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
