"""The command line as a user types it, on the demo cluster, with exit statuses and output for programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.alertmanager_server import Reply, ScriptedServer

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def crashcart() -> Iterator[Run]:
    home = Path(tempfile.mkdtemp(prefix="cc-"))  # short: the path of a Unix socket has room for 100 bytes
    env = {
        **os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }  # fmt: skip

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "crashcart.tui", *words]
        return subprocess.run(
            argv, capture_output=True, text=True, env=env, cwd=home, input=stdin, timeout=60, check=False
        )

    yield run
    shutil.rmtree(home, ignore_errors=True)


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


DEMO = ("--demo", "--nodes", "16")


def test_get_nodes_prints_one_array_of_objects(crashcart: Run) -> None:
    done = crashcart("get", "nodes", *DEMO, "-o", "json")
    assert done.returncode == 0, done.stderr
    nodes = objects(done)
    assert len(nodes) == 16
    wanted = {"cluster", "name", "state", "flags", "reason", "gpus_total", "gpus_used", "jobs", "partitions",
              "age_seconds", "source"}  # fmt: skip
    assert wanted <= nodes[0].keys()
    assert all(node["age_seconds"] >= 0 for node in nodes)


def test_get_gpus_knows_what_is_not_known(crashcart: Run) -> None:
    gpus = objects(crashcart("get", "gpus", *DEMO, "-o", "json"))
    assert len(gpus) == 16 * 8
    lost = [gpu for gpu in gpus if gpu["util_percent"] is None]
    assert lost, "a GPU that fell off the bus has no utilisation, not zero"
    assert lost[0]["xid"] is None, "its host no longer lists it, so nothing is known of it"
    assert {"host", "index", "memory_used_bytes", "temperature_celsius", "power_watts", "job"} <= lost[0].keys()


def test_get_filters_and_says_where_a_filter_is_wrong(crashcart: Run) -> None:
    jobs = objects(crashcart("get", "jobs", *DEMO, "--filter", "state=running & gpus>=8", "-o", "json"))
    assert jobs
    assert all(job["state"] == "running" and job["gpus"] >= 8 for job in jobs)
    wrong = crashcart("get", "jobs", *DEMO, "--filter", "gpus>lots")
    assert wrong.returncode == 2
    assert "not a number" in wrong.stderr


@pytest.mark.parametrize("form", ["table", "csv", "md"])
def test_get_has_forms_for_people_and_spreadsheets(crashcart: Run, form: str) -> None:
    done = crashcart("get", "queues", *DEMO, "-o", form)
    assert done.returncode == 0
    assert "train" in done.stdout


def test_alerts_carry_labels_and_fingerprint(crashcart: Run) -> None:
    alerts = objects(crashcart("get", "alerts", *DEMO, "-o", "json"))
    assert {"cluster", "name", "severity", "state", "since", "labels", "silenced_by", "fingerprint"} <= alerts[0].keys()


def test_act_drains_reads_back_and_is_on_record(crashcart: Run) -> None:
    done = crashcart("act", "drain", "gpu001", *DEMO, "--reason", "xid 79 on GPU 3", "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    (result,) = lines(done)
    assert (result["verb"], result["target"], result["state"]) == ("drain", "gpu001", "VERIFIED")
    (node,) = objects(crashcart("get", "nodes", *DEMO, "--filter", "name=gpu001", "-o", "json"))
    assert "DRAIN" in node["flags"]
    assert "xid 79" in node["reason"]
    assert crashcart("audit", "verify", "--demo").returncode == 0
    records = json.loads(crashcart("audit", "show", "--demo", "-o", "json").stdout)
    assert any(record.get("id") == result["action_id"] and record.get("state") == "VERIFIED" for record in records)


def test_a_dry_run_shows_the_commands_and_does_nothing(crashcart: Run) -> None:
    done = crashcart("act", "drain", "gpu[001-002]", *DEMO, "--reason", "maintenance", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("scontrol update") == 2
    nodes = objects(crashcart("get", "nodes", *DEMO, "--filter", "name in gpu[001-002]", "-o", "json"))
    assert not any("DRAIN" in node["flags"] for node in nodes)


def test_nothing_acts_without_a_person_or_yes(crashcart: Run) -> None:
    done = crashcart("act", "drain", "gpu001", *DEMO, "--reason", "maintenance", stdin="gpu001\n")
    assert done.returncode == 3
    assert "--yes" in done.stderr


def test_a_drain_without_a_reason_is_refused(crashcart: Run) -> None:
    done = crashcart("act", "drain", "gpu001", *DEMO, "--yes")
    assert done.returncode == 2
    assert "reason" in done.stderr


def test_a_foreign_drain_needs_more_than_yes(crashcart: Run) -> None:
    nodes = objects(crashcart("get", "nodes", *DEMO, "--filter", "reason~=.", "-o", "json"))
    name = nodes[0]["name"]
    refused = crashcart("act", "resume", name, *DEMO, "--yes")
    assert refused.returncode == 3, refused.stderr
    assert "--take-over" in refused.stderr
    taken = crashcart("act", "resume", name, *DEMO, "--yes", "--take-over")
    assert taken.returncode == 0, taken.stderr


def test_read_only_refuses_before_anything_starts(crashcart: Run) -> None:
    assert crashcart("act", "drain", "gpu001", *DEMO, "--read-only", "--reason", "x", "--yes").returncode == 3


@pytest.mark.parametrize("target", ["gpu001; id", "-rf", "ALL=1", "gpu[1-", "gpu*", "../x"])
def test_a_hostile_target_is_a_usage_error(crashcart: Run, target: str) -> None:
    done = crashcart("act", "drain", *DEMO, "--reason", "x", "--yes", "--", target)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_unknown_target_is_refused(crashcart: Run) -> None:
    done = crashcart("act", "drain", "gpu999", *DEMO, "--reason", "x", "--yes", "-o", "json")
    assert done.returncode in (2, 4)
    assert lines(done)[0]["state"] == "REFUSED"


def test_without_a_policy_everything_is_visible_and_nothing_may_be_done(crashcart: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[cluster.sim.demo]\nnodes = 16\n[policy]\nfile = "{tmp_path}/policy.toml"\n')
    assert crashcart("get", "nodes", "--config", str(config)).returncode == 0
    words = ("act", "drain", "gpu001", "--config", str(config), "--reason", "x", "--yes")
    done = crashcart(*words)
    assert done.returncode == 3
    assert "policy" in done.stderr
    assert crashcart("policy", "init", "--config", str(config)).returncode == 0
    again = crashcart("policy", "init", "--config", str(config))
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert crashcart("policy", "check", "--config", str(config)).returncode == 0
    explained = crashcart("policy", "explain", "drain", "gpu001", "--config", str(config))
    assert explained.returncode == 0
    assert "answer: yes" in explained.stdout
    assert crashcart(*words).returncode == 0


def test_a_wrong_configuration_is_one_line_with_its_place(crashcart: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[cluster.sim.demo]\nnods = 16\n")
    for words in (("get", "nodes"), ("act", "drain", "gpu001"), ("doctor",), ("config", "check")):
        done = crashcart(*words, "--config", str(config))
        assert done.returncode == 2
        assert done.stderr.startswith(f"crashcart: {config}:2: cluster.sim.demo.nods:")
        assert done.stderr.count("\n") == 1


def test_an_unreachable_backend_does_not_stop_the_others(crashcart: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[cluster.sim.demo]\nnodes = 16\n[cluster.far.slurm]\nvia = "local"\nbin_dir = "/nowhere"\n')
    done = crashcart("get", "nodes", "--config", str(config), "-o", "json")
    assert done.returncode == 0
    assert len(objects(done)) == 16
    assert "far/slurm" in done.stderr


def test_doctor_reports_every_source_with_a_next_step(crashcart: Run) -> None:
    done = crashcart("doctor", *DEMO)
    assert done.returncode == 0, done.stdout
    assert "demo/demo" in done.stdout
    assert "live" in done.stdout


def test_doctor_fails_over_what_a_live_source_says_is_wrong(crashcart: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    with ScriptedServer().running() as server:  # its alerts are old, so whoever should send them is silent
        config.write_text(f'[cluster.lab.alertmanager]\nurl = "{server.url}"\n')
        done = crashcart("doctor", "--config", str(config))
    assert done.returncode == 4, done.stdout
    found = [line.split(maxsplit=2) for line in done.stdout.splitlines() if "lab/alertmanager" in line]
    assert [words[0] for words in found] == ["ok", "FAIL"]
    assert found[1][2].startswith("alert delivery: no alert was refreshed since")


def test_doctor_warns_of_what_a_live_source_does_not_know(crashcart: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    with ScriptedServer().running() as server:
        server.everything(Reply())
        config.write_text(f'[cluster.lab.alertmanager]\nurl = "{server.url}"\n')
        done = crashcart("doctor", "--config", str(config))
    assert done.returncode == 0, done.stdout
    found = [line.split(maxsplit=2) for line in done.stdout.splitlines() if "lab/alertmanager" in line]
    assert [words[0] for words in found] == ["ok", "warn"]
    assert found[1][2].startswith("alert delivery: no alert is listed") and "set deadman" in found[1][2]


def test_config_show_names_the_origin_of_each_value(crashcart: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[cluster.sim.demo]\nnodes = 16\n")
    shown = crashcart("config", "show", "--config", str(config)).stdout
    assert "cluster.sim.demo.nodes" in shown
    assert str(config) in shown


def test_the_cockpit_needs_a_terminal(crashcart: Run) -> None:
    done = crashcart("demo")
    assert done.returncode == 2
    assert "terminal" in done.stderr


def test_keys_lists_the_action_menu(crashcart: Run) -> None:
    assert "action menu" in crashcart("keys").stdout
