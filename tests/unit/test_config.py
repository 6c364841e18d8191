"""Configuration: merged, checked, and every error at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.ops import config
from crashcart.ops.config_file import ConfigError
from crashcart.ops.defaults import configured_session
from crashcart.ops.session import ApprovalsSession, decode_session, encode_session

GOOD = """
[cluster.a100]
color = "red"
node_rules = [["node-(.*)", "gpu\\\\1"]]
[cluster.a100.slurm]
via = "ssh:login1"
env = { SLURM_CONF = "/etc/slurm/slurm.conf" }
[cluster.a100.ssh]
config = "~/.ssh/config"
[policy]
file = "/etc/crashcart/policy.toml"
[audit]
file = "/var/lib/crashcart/audit.jsonl"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    read = config.load(write(tmp_path, GOOD))
    (cluster,) = read.clusters
    assert (cluster.name, cluster.color) == ("a100", "red")
    assert cluster.backends["slurm"]["via"] == "ssh:login1"
    assert cluster.node_rules == (("node-(.*)", "gpu\\1"),)
    assert read.policy_file == Path("/etc/crashcart/policy.toml")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[cluster.a100.slurm]\nvai = 'local'\n", ":2:", "vai"),
        ("[cluster.a100.slurm]\n\nvia = 3\n", ":3:", "Expected `str`"),
        ("[clutser.a100.slurm]\nvia = 'local'\n", ":1:", "unknown table"),
        ("[cluster.a100.slrum]\n", ":1:", "unknown key"),
        ("[cluster.a100]\ncolor = 'red'\n", ":1:", "no backend"),
        ("[cluster.a100]\ncolor = 'pnik'\n[cluster.a100.slurm]\n", ":2:", "not a colour"),
        ("[cluster.'A B'.slurm]\n", ":1:", "cluster name"),
        ("[policy]\nfile = 1\n", ":2:", "must be text"),
        ("[policy]\nfiel = 'x'\n", ":2:", "unknown key"),
        ("[cluster.a.slurm]\n[cluster.a]\nnode_rules = [['(', 'x']]\n", ":3:", "regular expression"),
        ("[cluster\n", "", "not TOML"),
        ("[approvals]\nallowed_signers = 'x'\n", ":1:", "approvals.directory: is missing"),
        ("[approvals]\ndirectory = 'x'\nsigners = 'y'\n", ":3:", "unknown key"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f"{path}{place}")
    assert words in str(caught.value)


def test_a_missing_file_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        config.load(tmp_path / "nowhere.toml")


def test_the_users_file_changes_keys_and_keeps_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, own = tmp_path / "system.toml", tmp_path / "own.toml"
    system.write_text(GOOD)
    own.write_text('[cluster.a100.slurm]\nvia = "local"\n')
    monkeypatch.setattr(config, "SYSTEM_FILE", system)
    monkeypatch.setattr(config, "user_file", lambda: own)
    read = config.load()
    (cluster,) = read.clusters
    assert cluster.backends["slurm"] == {"via": "local", "env": {"SLURM_CONF": "/etc/slurm/slurm.conf"}}
    origins = {setting.keys: setting.origin for setting in read.settings}
    assert origins["cluster", "a100", "slurm", "via"] == str(own)
    assert origins["cluster", "a100", "color"] == str(system)


def test_where_second_persons_agree_reaches_the_children(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + '[approvals]\ndirectory = "/srv/approvals"\nallowed_signers = "~/signers"\n')

    session = configured_session(config.load(path))

    assert session.approvals == ApprovalsSession("/srv/approvals", str(Path("~/signers").expanduser()))
    assert decode_session(encode_session(session)) == session
