"""Ways in: TLS and passwords, both spellings of the host label, and one clear line for each wrong address or secret."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .monitoring_service import free_port
from .monitoring_stack import MonitoringStack
from .monitoring_watch import Watch, session, watching

pytestmark = pytest.mark.real

FIRST_SECONDS = 20.0
LINE = 320  # characters: source, what is wrong where, and the next step
BACKENDS = ("prometheus", "alertmanager")
Tables = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def guarded(make_monitoring: Callable[..., MonitoringStack]) -> MonitoringStack:
    """TLS with an authority of its own, and a password."""
    return make_monitoring(nodes=1, secure=True)


def is_live(watch: Watch) -> bool:
    return watch.has_gpus and watch.freshness("prometheus") == watch.freshness("alertmanager") == "live"


async def test_tls_and_a_password_let_us_in(guarded: MonitoringStack, tmp_path: Path) -> None:
    async with watching(session(tmp_path, guarded.tables())) as watch:
        await watch.until("live", lambda: is_live(watch), FIRST_SECONDS)
        await watch.until("alerts", lambda: bool(watch.alerts("Watchdog", "firing", "alertmanager")), FIRST_SECONDS)
        assert watch.value("util_percent", "gpu001", 0) is not None


async def test_a_wrong_password_is_denied_in_one_line(guarded: MonitoringStack, tmp_path: Path) -> None:
    tables = guarded.tables()
    wrong = tmp_path / "password"
    wrong.write_text("guess\n")
    tables["prometheus"]["password_file"] = str(wrong)
    tables["alertmanager"]["password_file"] = str(wrong)
    async with watching(session(tmp_path, tables)) as watch:
        for source in ("prometheus", "alertmanager"):
            await watch.until("denied", lambda source=source: watch.freshness(source) == "denied", FIRST_SECONDS)  # type: ignore[misc]
            assert "401" in watch.detail(source)
            assert str(wrong) in watch.detail(source), "the next step names the file"
            assert "guess" not in watch.detail(source)
        assert not watch.has_gpus


async def test_an_unknown_authority_is_told_as_such(guarded: MonitoringStack, tmp_path: Path) -> None:
    tables = guarded.tables()
    del tables["prometheus"]["ca_file"], tables["alertmanager"]["ca_file"]
    async with watching(session(tmp_path, tables)) as watch:
        for source in ("prometheus", "alertmanager"):
            await watch.until("refused", lambda source=source: bool(watch.detail(source)), FIRST_SECONDS)  # type: ignore[misc]
            assert "certificate" in watch.detail(source)
            assert "ca_file" in watch.detail(source)


async def test_the_new_spelling_of_the_host_label_and_exported_pods_are_understood(
    make_monitoring: Callable[..., MonitoringStack], tmp_path: Path
) -> None:
    monitoring = make_monitoring(nodes=2, host_label="hostname", pod_targets=True)
    monitoring.exporters.inject(2, 1, "DCGM_FI_DEV_XID_ERRORS", 79)
    async with watching(session(tmp_path, monitoring.tables())) as watch:
        await watch.until("live", lambda: is_live(watch), FIRST_SECONDS)
        await watch.until("Xid", lambda: watch.value("xid", "gpu002", 1) == 79.0, FIRST_SECONDS)
        await watch.until("owners", lambda: bool(watch.table.owners), FIRST_SECONDS)
        assert watch.table.rows.hosts == ("gpu001", "gpu002")
        assert watch.table.owner("gpu002", 6) == "pod:research/train-2", "not the pod of the exporter"
        assert watch.table.owner("gpu002", 0) == "job:1002"


# doctor, as a user types it

Doctor = Callable[[Tables], list[str]]


@pytest.fixture
def doctor() -> Iterator[Doctor]:
    """Runs `crashcart doctor` on these tables; returns its lines about them."""
    home = Path(tempfile.mkdtemp(prefix="cc-"))
    variables = ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME")
    env = {**os.environ, **{name: str(home) for name in variables}}

    def run(tables: Tables) -> list[str]:
        config = home / "config.toml"
        config.write_text("".join(f"[cluster.lab.{name}]\n{toml(table)}" for name, table in tables.items()))
        argv = [sys.executable, "-m", "crashcart.tui", "doctor", "--config", str(config)]
        done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=home, timeout=60, check=False)
        assert "Traceback" not in done.stdout + done.stderr
        lines = [line for line in done.stdout.splitlines() if " lab/" in line]
        assert (done.returncode == 0) == (not any(line.startswith("FAIL") for line in lines)), done.stdout
        return lines

    yield run
    shutil.rmtree(home, ignore_errors=True)


def toml(table: dict[str, Any]) -> str:
    """Keys and values of a table; strings, numbers and lists are written as JSON writes them."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())


def test_doctor_says_that_all_is_well(monitoring: MonitoringStack, doctor: Doctor) -> None:
    lines = doctor(monitoring.tables())
    assert [line.split()[:2] for line in lines] == [["ok", "lab/prometheus"], ["ok", "lab/alertmanager"]]
    assert all("live" in line for line in lines)


@pytest.mark.parametrize("name", BACKENDS)
def test_doctor_says_in_one_line_that_nobody_listens(doctor: Doctor, name: str) -> None:
    port = free_port()
    line = failure(doctor({name: {"url": f"http://127.0.0.1:{port}"}}))
    assert f"127.0.0.1:{port}" in line
    assert "refused" in line


@pytest.mark.parametrize("name", BACKENDS)
def test_doctor_says_in_one_line_that_a_name_is_unknown(doctor: Doctor, name: str) -> None:
    line = failure(doctor({name: {"url": "http://monitoring.invalid:9090"}}))
    assert "monitoring.invalid" in line
    assert "DNS" in line


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("prometheus", "alertmanager0"),
        ("prometheus", "node_exporter"),
        ("alertmanager", "prometheus"),
        ("alertmanager", "node_exporter"),
    ],
)
def test_doctor_says_in_one_line_that_something_else_answers(
    monitoring: MonitoringStack, doctor: Doctor, name: str, what: str
) -> None:
    line = failure(doctor({name: {"url": f"http://127.0.0.1:{monitoring.ports[what]}"}}))
    assert f"127.0.0.1:{monitoring.ports[what]}" in line
    assert re.search(f"(no|not an?) {name}", line, re.IGNORECASE), line
    assert "check url" in line


@pytest.mark.parametrize("name", BACKENDS)
def test_doctor_says_in_one_line_that_a_token_is_wrong(
    guarded: MonitoringStack, doctor: Doctor, tmp_path: Path, name: str
) -> None:
    token = tmp_path / "token"
    token.write_text("eyJhbGciOi-not-this-one\n")
    table = guarded.tables()[name]
    del table["username"], table["password_file"]
    line = failure(doctor({name: {**table, "token_file": str(token)}}))
    assert "401" in line
    assert str(token) in line, "the next step names the file"
    assert "eyJ" not in line


@pytest.mark.parametrize("name", BACKENDS)
def test_doctor_says_in_one_line_that_the_other_side_speaks_tls_or_does_not(
    guarded: MonitoringStack, monitoring: MonitoringStack, doctor: Doctor, name: str
) -> None:
    def url(stack: MonitoringStack) -> str:
        return stack.prometheus_url if name == "prometheus" else stack.alertmanager_url

    for wrong in (url(monitoring).replace("http:", "https:"), url(guarded).replace("https:", "http:")):
        assert "TLS" in failure(doctor({name: {"url": wrong}}))


def failure(lines: list[str]) -> str:
    """The only line, which says that something is wrong and fits on a screen."""
    (line,) = lines
    assert line.startswith("FAIL"), line
    assert len(line) < LINE
    return line
