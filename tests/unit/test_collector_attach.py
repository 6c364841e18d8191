"""Where a shared collector is, from the words of a configuration or a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.ops.attach import DEFAULT_SOCKET, PATH_LIMIT, Address, parse_address
from crashcart.ops.config import load
from crashcart.ops.config_file import ConfigError
from crashcart.ops.defaults import configured_session
from crashcart.ops.session import Session
from crashcart.tui.commandline.arguments import parser
from crashcart.tui.commandline.exits import CommandError
from crashcart.tui.commandline.opening import one_cluster, open_session


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/run/x.sock", Address(None, "/run/x.sock")),
        ("ssh:login1", Address("login1", DEFAULT_SOCKET)),
        ("ssh:login1.example.org:/run/x.sock", Address("login1.example.org", "/run/x.sock")),
    ],
)
def test_an_address_is_a_path_or_a_host_with_one(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert parse_address("~/x.sock") == Address(None, "/home/anna/x.sock")


@pytest.mark.parametrize(
    "text",
    ["", "x.sock", "/run/", "ssh:", "ssh:-oProxyCommand=id", "ssh:login1:", "ssh:login1:x.sock", "ssh:a b:/x", "/a\0b",
     "ssh:login1;id:/x", "/" + PATH_LIMIT * "x"],
)  # fmt: skip
def test_what_cannot_be_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"socket|node name|bytes"):
        parse_address(text)


def config(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    return file


def test_the_configuration_names_the_collector_and_the_way_to_it(tmp_path: Path) -> None:
    text = '[collector]\nattach = "ssh:login1"\n[collector.ssh]\nuser = "anna"\n[cluster.a.demo]\n'
    session = configured_session(load(config(tmp_path, text)))
    assert (session.attach, session.attach_ssh) == ("ssh:login1", {"user": "anna"})
    assert [cluster.name for cluster in session.clusters] == ["a"], "actions go by our own configuration"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[collector]\nattach = "here"\n', "attach"),
        ("[collector]\nattach = 1\n", "text"),
        ('[collector]\nattach = "/x"\nssh = "login1"\n', "table"),
        ("[collector.ssh]\nuser = 1\n", "user"),
        ("[collector.ssh]\nport = 70000\n", "port"),
        ("[collector]\nsocket = '/x'\n", "unknown key"),
    ],
)
def test_a_wrong_collector_table_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = config(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as refused:
        load(file)
    assert str(file) in str(refused.value)


def opened(*words: str) -> Session:
    return open_session(parser().parse_args(words))[0]


def test_the_command_line_goes_before_the_configuration_and_off_is_our_own(tmp_path: Path) -> None:
    file = str(config(tmp_path, '[collector]\nattach = "ssh:login1"\n[cluster.a.demo]\n'))
    assert opened("--config", file).attach == "ssh:login1"
    assert opened("--config", file, "--attach", "/run/x.sock").attach == "/run/x.sock"
    assert opened("--config", file, "get", "nodes", "--attach", "off").attach is None
    assert opened("demo").attach is None, "the demo is here"


def test_who_only_attaches_needs_no_cluster_and_gets_none_by_accident(tmp_path: Path) -> None:
    file = str(config(tmp_path, '[collector]\nattach = "ssh:login1"\n'))
    session = opened("--config", file)
    assert session.clusters == ()
    with pytest.raises(CommandError, match="no cluster is configured"):
        one_cluster(session, "a100")


def test_a_wrong_address_on_the_command_line_starts_nothing() -> None:
    with pytest.raises(CommandError, match="--attach"):
        opened("--attach", "here")


def test_the_help_of_the_collector_has_a_unit_for_systemd(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["collector", "--help"])
    said = capsys.readouterr().out
    for line in ("RuntimeDirectory=crashcart", "ExecStart=", "SupplementaryGroups=", "Restart=always"):
        assert line in said
