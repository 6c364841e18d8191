"""Daemons of a Slurm cluster as children of the test process: ended by pid, and by the kernel should we be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
POLL_SECONDS = 0.1

_SCHEMA = (
    "create database if not exists slurm_acct_db;"
    "create user if not exists slurm@localhost identified by 'x';"
    "grant all on slurm_acct_db.* to slurm@localhost"
)
_ACCOUNTS = (
    ("add", "cluster", "crash"),
    ("add", "account", "ml"),
    ("add", "user", "root", "account=ml"),
    ("add", "qos", "high", "priority=1000"),
    ("modify", "user", "root", "set", "qos=normal,high", "defaultqos=normal"),
)


def missing(*names: str) -> str | None:
    """Why these daemons cannot be started here, or None."""
    absent = [name for name in names if shutil.which(name, path=SBIN) is None]
    if absent:
        return f"{', '.join(absent)} not installed"
    return None if os.geteuid() == 0 else "needs root: device files and daemons of other users"


def until(what: str, check: Callable[[], bool], seconds: float) -> None:
    """Poll until `check` holds. Raises TimeoutError."""
    ends = time.monotonic() + seconds
    while not check():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


class Daemons:
    """What runs below one directory. `env` is what they and their clients need."""

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        self.home = home
        self.env = dict(env)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, argv: Sequence[str], **env: str) -> None:
        """Start one in the foreground; `name` is for `stop` and its log file."""
        program = shutil.which(argv[0], path=SBIN)
        assert program is not None, f"{argv[0]} is not installed"
        # Slurm loses its GRES when called by another name than its link's, so the name must not be resolved.
        with (self.home / "log" / f"{name}.out").open("ab") as log:
            self._running[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig=TERM", program, *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.env, **env},
                start_new_session=True,
            )

    def runs(self, name: str) -> bool:
        """Whether one was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def stop(self, name: str, seconds: float = 10.0) -> None:
        """End one and wait for it; nothing when it does not run."""
        process = self._running.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one, SIGSTOP to freeze it for instance."""
        self._running[name].send_signal(number)

    def stop_all(self) -> None:
        """End all, the last first: clients before servers."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.terminate()
        for name in list(reversed(self._running)):
            self.stop(name)

    def start_munge(self) -> None:
        """A munged of our own with a key of its own."""
        home = self.home / "munge"
        (home / "key").write_bytes(os.urandom(1024))
        (home / "key").chmod(0o400)
        self.start(
            "munged",
            (
                "munged", "--foreground", "--force", f"--key-file={home}/key", f"--socket={home}/sock",
                f"--pid-file={self.home}/run/munged.pid", f"--seed-file={home}/seed",
            ),
        )  # fmt: skip
        until("munged answers", lambda: self._answers("munge", "-n", f"--socket={home}/sock"), 10)

    def start_accounting(self) -> None:
        """mariadbd and slurmdbd with one account, and a QOS `high`."""
        home, socket = self.home / "db", f"{self.home}/db/my.sock"
        home.mkdir()
        shutil.chown(home, "mysql", "mysql")
        self._must(
            "mariadb-install-db", "--user=mysql", f"--datadir={home}", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        )  # fmt: skip
        self.start(
            "mariadbd",
            (
                "mariadbd", "--no-defaults", "--user=mysql", f"--datadir={home}", f"--socket={socket}",
                "--skip-networking", "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=0",
                "--innodb-lock-wait-timeout=900", f"--pid-file={home}/my.pid",
            ),
        )  # fmt: skip
        until("mariadbd answers", lambda: self._answers("mariadb-admin", f"--socket={socket}", "ping"), 30)
        self._must("mariadb", f"--socket={socket}", "-e", _SCHEMA)
        self.start("slurmdbd", ("slurmdbd", "-D"), MYSQL_UNIX_PORT=socket)
        until("slurmdbd answers", lambda: self._answers("sacctmgr", "-n", "list", "cluster"), 30)
        for words in _ACCOUNTS:
            self._must("sacctmgr", "-Qi", *words)

    def _answers(self, *argv: str) -> bool:
        return subprocess.run(argv, capture_output=True, env=self.env, check=False, timeout=20).returncode == 0

    def _must(self, *argv: str) -> None:
        done = subprocess.run(argv, capture_output=True, env=self.env, check=False, timeout=60)
        assert done.returncode == 0, f"{argv}: {done.stdout!r} {done.stderr!r}"
