"""The ssh table: what is refused, and what an operator would type for the same shell."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from crashcart.backends.ssh import BACKEND
from crashcart.backends.ssh.options import Options
from crashcart.backends.ssh.powers import SshPowers
from crashcart.backends.ssh.routes import config_files


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"configg": "x"}, "configg"),
        ({"port": "22"}, "port"),
        ({"port": 0}, "between 1 and 65535"),
        ({"port": 65536}, "between 1 and 65535"),
        ({"connect_timeout_seconds": 0}, "connect_timeout_seconds: between"),
        ({"login_timeout_seconds": -1}, "login_timeout_seconds: between"),
        ({"keepalive_seconds": 0}, "keepalive_seconds: between"),
        ({"keepalive_seconds": float("nan")}, "keepalive_seconds: between"),
        ({"keepalive_count": 0}, "keepalive_count: between"),
        ({"max_connects": 0}, "max_connects: between"),
        ({"sessions_per_host": 0}, "sessions_per_host: between"),
        ({"config": ""}, "config: leave it out"),
        ({"known_hosts": ""}, "known_hosts: leave it out"),
    ],
)
def test_a_wrong_table_is_refused_with_the_key(table: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(table, Options)


def test_a_silent_link_can_never_be_waited_for_without_end() -> None:
    given = Options()
    assert given.keepalive_seconds * (given.keepalive_count + 1) <= 15


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({}, "ssh gpu001"),
        ({"user": "ops", "port": 2222}, "ssh -l ops -p 2222 gpu001"),
        ({"config": "/etc/x y", "identity": "~/k"}, "ssh -F '/etc/x y' -i '~/k' gpu001"),
        ({"known_hosts": "/etc/kh"}, "ssh -o UserKnownHostsFile=/etc/kh gpu001"),
    ],
)
def test_a_shell_is_shown_as_an_operator_would_type_it(table: dict[str, Any], text: str) -> None:
    assert SshPowers(Options(**table)).shell_text("gpu001") == text


def test_without_a_file_of_ones_own_there_is_no_ssh_config_to_read(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_files(Options()) == []
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").touch()
    assert config_files(Options()) == [str(tmp_path / ".ssh" / "config")]
    (tmp_path / "mine").touch()
    assert config_files(Options(config="~/mine")) == [str(tmp_path / "mine")]


def test_it_acts_and_does_not_watch() -> None:
    assert BACKEND.name == "ssh"
    assert not BACKEND.found()


def test_loading_the_backend_does_not_load_the_client() -> None:
    script = (
        "import sys; from crashcart.backends.ssh import BACKEND; "
        "from crashcart.backends.contract import Context; "
        "BACKEND.powers(Context('a', BACKEND.options(), None)); "
        "sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
