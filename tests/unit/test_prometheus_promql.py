"""Queries hold the operator's selector and quote every value; metrics are chosen by what is exported."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from crashcart.backends.metrics import HostMetric, Metric
from crashcart.backends.prometheus.catalogue import RECIPES, Recipe, choose, known_names, plain_recipes
from crashcart.backends.prometheus.host_series import host_history, instances_pattern
from crashcart.backends.prometheus.promql import Promql, any_of, quoted
from crashcart.backends.prometheus.selector import parse_selector

SELECTOR = parse_selector('{cluster="a100",rack!~"old.*"}')
DCGM_DEFAULT = frozenset(
    f"DCGM_FI_{name}"
    for name in (
        "DEV_GPU_UTIL", "DEV_FB_USED", "DEV_FB_FREE", "DEV_FB_RESERVED", "DEV_GPU_TEMP", "DEV_MEMORY_TEMP",
        "DEV_POWER_USAGE", "DEV_SM_CLOCK", "DEV_MEM_CLOCK", "DEV_XID_ERRORS", "DEV_NVLINK_BANDWIDTH_TOTAL",
        "DEV_PCIE_REPLAY_COUNTER", "DEV_UNCORRECTABLE_REMAPPED_ROWS", "DEV_CORRECTABLE_REMAPPED_ROWS",
        "DEV_ROW_REMAP_FAILURE", "PROF_GR_ENGINE_ACTIVE", "PROF_PIPE_TENSOR_ACTIVE", "PROF_PCIE_TX_BYTES",
        "PROF_PCIE_RX_BYTES",
    )
)  # fmt: skip
AMD = frozenset({"gpu_gfx_activity", "gpu_used_vram", "gpu_total_vram", "gpu_edge_temperature", "gpu_clock"})


def promql() -> Promql:
    return Promql(SELECTOR, ("Hostname", "instance"), ("gpu", "gpu_id"))


def every_query(of: Promql) -> list[str]:
    """One of each kind, with values that would break out of careless quotes."""
    nasty = ('a"} or up or up{x="', "back\\slash", "line\nfeed", "ünï.code", "a|b", "(", "node-1.example.org:9100")
    everything = frozenset(known_names({}))
    recipes = [*RECIPES, *choose(everything, {}).values()]
    util = Recipe("util_percent", ("DCGM_FI_DEV_GPU_UTIL",), fallback=("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 100.0))
    return [
        of.exported(everything),
        *(of.slim(recipe) for recipe in recipes),
        *(of.at_least(recipe, 8.0) for recipe in recipes),
        of.needs_fallback(util, "DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
        of.sample_times(util, ("Hostname", "instance", "job")),
        of.last_samples(util, "Hostname", nasty, 600.0, 5.0),
        of.seen_within(util, 1800.0, 60.0),
        of.last_values(["a", "b:c"], "Hostname", nasty, 60.0),
        of.raw(util, "Hostname", nasty[0], 600.0),
        of.owners(util, ("hpc_job", "pod")),
        of.exporter_pods(nasty),
        of.failing(("job", "instance")),
        of.newest_scrape(),
        of.last_good(nasty[0], nasty, 3600.0),
        of.dropped_notifications(300.0),
        of.alertmanagers(),
        of.gpu_history(["a", "b"], "Hostname", nasty),
        of.firing(1800.0),
        host_history(of, instances_pattern(nasty, nasty)),
    ]


@pytest.mark.real
def test_prometheus_itself_can_read_every_query(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    queries = [query for query in every_query(promql()) if not query.endswith("s]")]  # a rule may not yield a range
    queries += [f"count({query[: query.rindex('[')]})" for query in every_query(promql()) if query.endswith("s]")]
    rules = tmp_path / "rules.yml"
    lines = [f"  - {{record: r{number}, expr: {_yaml(query)}}}" for number, query in enumerate(queries)]
    rules.write_text("groups: [{name: g, rules: [\n" + ",\n".join(line.strip(" -") for line in lines) + "]}]\n")
    done = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def _yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def test_the_selector_is_in_every_selector_of_every_query() -> None:
    for query in every_query(promql()):
        for braces in re.findall(r"\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\}", query):
            assert 'cluster="a100"' in braces or 'cluster=~"a100|"' in braces, query
            assert 'rack!~"old.*"' in braces


def test_alerts_without_the_selectors_label_are_everybodys() -> None:
    one = Promql(parse_selector('{a="x.y",b=~"c.*",d!="e"}'), ("Hostname",), ("gpu",)).firing(1800.0)
    assert 'ALERTS{alertstate="firing",a=~"x\\\\.y|",b=~"(?:c.*)|",d!="e"}' in one


def test_a_quoted_value_is_a_go_string_and_a_pattern_matches_exactly() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
    assert quoted("\ud800") == '"?"'
    assert re.fullmatch(any_of(["a.b", "c|d"]), "a.b") and re.fullmatch(any_of(["a.b", "c|d"]), "c|d")
    assert not re.fullmatch(any_of(["a.b", "c|d"]), "axb") and not re.fullmatch(any_of(["a.b", "c|d"]), "c")


def test_what_dcgm_exporter_enables_by_default_is_used() -> None:
    chosen = choose(DCGM_DEFAULT, {})
    assert set(get_args(Metric)) - chosen.keys() == {
        "temperature_margin_celsius", "power_limit_watts", "throttle_reasons", "ecc_corrected", "ecc_uncorrected",
        "nvlink_errors", "age_seconds",
    }  # fmt: skip
    assert chosen["memory_total_bytes"].also == ("DCGM_FI_DEV_FB_RESERVED",)
    assert chosen["nvlink_bytes_per_second"].how == "rate"
    assert chosen["util_percent"].fallback == ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 100.0)


def test_what_is_not_exported_is_not_asked_for() -> None:
    assert choose(frozenset(), {}) == {}
    only_used = choose(frozenset({"DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_UTIL"}), {})
    assert only_used.keys() == {"memory_used_bytes", "util_percent"}
    assert only_used["util_percent"].fallback is None
    one_error = choose(frozenset({"DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL"}), {})
    assert one_error["nvlink_errors"].also == ()


def test_amd_names_are_known() -> None:
    chosen = choose(AMD, {})
    assert chosen["temperature_celsius"].names == ("gpu_edge_temperature",)
    assert 'gpu_clock{clock_type=~"GPU_CLOCK_TYPE_SYSTEM|system"' in promql().slim(chosen["sm_clock_mhz"])
    assert not chosen["sm_clock_mhz"].is_plain


def test_an_override_is_meant_even_where_it_is_not_there() -> None:
    overrides = {"util_percent": "site:util", "xid": "site:xid"}
    chosen = choose(DCGM_DEFAULT | {"site:util"}, overrides)
    assert chosen["util_percent"] == Recipe("util_percent", ("site:util",))
    assert "xid" not in chosen
    assert set(overrides.values()) <= set(known_names(overrides))


def test_a_history_reads_both_names_of_split_gpus() -> None:
    plain = plain_recipes(choose(DCGM_DEFAULT, {}))
    names = list(plain)
    assert names.index("DCGM_FI_PROF_GR_ENGINE_ACTIVE") < names.index("DCGM_FI_DEV_GPU_UTIL"), "what counts comes last"
    assert plain["DCGM_FI_PROF_GR_ENGINE_ACTIVE"].scales["DCGM_FI_PROF_GR_ENGINE_ACTIVE"] == 100.0


def test_every_host_metric_has_a_series() -> None:
    query = host_history(promql(), instances_pattern(["gpu001"], []))
    for name in get_args(HostMetric):
        assert f'"series", "{name}"' in query


@pytest.mark.parametrize(
    ("instance", "matches"),
    [
        ("gpu001", True),
        ("gpu001:9100", True),
        ("gpu001.example.org:9100", True),
        ("10.1.2.3:9100", True),
        ("gpu0011:9100", False),
        ("xgpu001:9100", False),
        ("gpu001:9100:x", False),
    ],
)
def test_instances_of_a_machine_are_matched_by_name_or_as_known(instance: str, matches: bool) -> None:
    pattern = instances_pattern(["gpu001"], ["10.1.2.3:9100"])
    assert bool(re.fullmatch(pattern, instance)) == matches
