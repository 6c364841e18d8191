"""The words of the command line, declared in one place."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, get_args

from crashcart.backends.demo.options import Faults
from crashcart.ops.attach import DEFAULT_SOCKET
from crashcart.ops.verbs import VERBS

GET_KINDS = (
    "nodes", "gpus", "jobs", "pods", "queues", "alerts", "silences", "targets", "checks", "events", "budgets",
)  # fmt: skip

COLLECTOR_TEXT = """Collect for the configured clusters and serve any number of cockpits.

It reads with the rights of whoever runs it and can change nothing; whoever may connect
to the socket sees what it sees, and none of its configuration. It runs until SIGTERM,
SIGINT or SIGHUP, and collects also while nobody is attached."""

COLLECTOR_UNIT = """As a service, in /etc/systemd/system/crashcart-collector.service:

  [Unit]
  Description=Crashcart collector
  After=network-online.target
  Wants=network-online.target

  [Service]
  User=crashcart
  SupplementaryGroups=oncall
  RuntimeDirectory=crashcart
  ExecStart=/usr/local/bin/crashcart collector --group oncall --config /etc/crashcart/config.toml
  Restart=always
  NoNewPrivileges=yes
  ProtectSystem=strict
  ProtectHome=read-only

  [Install]
  WantedBy=multi-user.target
"""


def parser() -> argparse.ArgumentParser:
    """The parser of `crashcart`; options common to all commands are taken before and after the command's name."""
    top = argparse.ArgumentParser(
        prog="crashcart",
        description="See what is wrong on a GPU cluster, see whom it hurts, act safely, prove that it worked.",
        epilog="Without a command the cockpit opens. `crashcart demo` opens it on a simulated cluster.",
        parents=[_common()],
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    _add(commands, "demo", "open the cockpit on the embedded demo cluster")
    _add_get(commands)
    _add_act(commands)
    _add_collector(commands)
    _add_wall(commands)
    _add(commands, "doctor", "check everything this machine needs, and say the next step")
    _add_audit(commands)
    _add_policy(commands)
    _add_approvals(commands)
    _add_undo(commands)
    _add_output(
        _add(commands, "mine", "list what you hold: nodes, silences, requests, unknown ends"), ("table", "json")
    )
    config = _add(commands, "config", "check or show the configuration")
    config.add_argument("what", choices=("check", "show"), help="show prints each value with the file it came from")
    keys = _add(commands, "keys", "print the key table")
    keys.add_argument("--markdown", action="store_true", help="as the table of the README")
    return top


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: reading package metadata delays the first frame."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from importlib.metadata import version

        print(f"crashcart {version('crashcart')}")
        parser.exit()


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", metavar="FILE", help="this configuration file and no other")
    common.add_argument("--demo", action="store_true", help="use the embedded demo cluster")
    common.add_argument(
        "--attach", metavar="WHERE", help="read from the shared collector at PATH or ssh:HOST[:PATH]; off: from our own"
    )
    common.add_argument("--read-only", action="store_true", help="start nothing that could change a cluster")
    common.add_argument("--theme", metavar="NAME", help="night, day, high-contrast, colour-blind, ansi or mono")
    painting = common.add_mutually_exclusive_group()
    painting.add_argument(
        "--slow-link", action="store_true", help="for a bad link: 16 colours, keys first, two refreshes a second"
    )
    painting.add_argument(
        "--no-diff", action="store_true", help="repaint whole lines, for a terminal that shows wrong cells"
    )
    demo = common.add_argument_group("the demo cluster")
    demo.add_argument("--nodes", type=int, metavar="N", help="nodes, 1 to 12500 (64)")
    demo.add_argument("--gpus-per-node", type=int, metavar="N", help="GPUs in each node (8)")
    demo.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same cluster (1)")
    demo.add_argument(
        "--faults", choices=get_args(Faults), help="an incident, a healthy cluster, or a monitoring that dies"
    )
    return common


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text.capitalize() + ".", parents=[_common()])


def _add_output(parser: argparse.ArgumentParser, choices: tuple[str, ...]) -> None:
    parser.add_argument("-o", "--output", choices=choices, default=choices[0], help=f"format ({choices[0]})")


def _add_get(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    get = _add(
        commands,
        "get",
        "list nodes, GPUs, jobs, pods, queues, alerts, silences, failing targets, checks of the monitoring, events "
        "or disruption budgets once",
    )
    get.add_argument("kind", choices=GET_KINDS)
    get.add_argument("--filter", metavar="EXPR", default="", help="e.g. 'state=drained & gpus>4'")
    get.add_argument("--cluster", metavar="C", help="this cluster only")
    _add_output(get, ("table", "json", "csv", "md"))


def _add_act(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    act = _add(commands, "act", "run one verb on nodes or jobs, with preview, confirmation, audit and read-back")
    act.add_argument(
        "verb", choices=[verb.name for verb in VERBS], metavar="VERB", help=", ".join(v.name for v in VERBS)
    )
    act.add_argument("targets", nargs="+", metavar="TARGET", help="gpu017, gpu[017-018] or a job id")
    act.add_argument("--reason", default="", help="why, for the cluster and the audit log")
    act.add_argument("--cluster", metavar="C", help="needed when there are several")
    act.add_argument("--dry-run", action="store_true", help="show the preview and do nothing")
    act.add_argument("--yes", action="store_true", help="answer typed confirmations; never a second person")
    act.add_argument(
        "--break-glass", metavar="INCIDENT", default="", help="do without a second person and in a freeze; on record"
    )
    act.add_argument("--take-over", action="store_true", help="override a drain that somebody else holds")
    act.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="e.g. check=gpu, signal=USR1")
    _add_output(act, ("table", "json"))


def _add_undo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    undo = _add(commands, "undo", "take back the last thing you did within a day, or the action you name")
    undo.add_argument("id", nargs="?", default="", metavar="ID", help="its id, or how it begins")
    undo.add_argument("--dry-run", action="store_true", help="show the preview and do nothing")
    undo.add_argument("--yes", action="store_true", help="answer typed confirmations; never a second person")
    undo.add_argument("--take-over", action="store_true", help="override a drain that somebody else holds")
    _add_output(undo, ("table", "json"))


def _add_approvals(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    approvals = _add(commands, "approvals", "list, show, approve or deny what waits for a second person")
    steps = approvals.add_subparsers(dest="what", metavar="WHAT", required=True)
    _add_output(_add(steps, "list", "requests that wait"), ("table", "json"))
    for name, text in (
        ("show", "the whole plan of a request"),
        ("approve", "agree, with a signature by your SSH key"),
        ("deny", "deny, which is final"),
    ):
        step = _add(steps, name, text)
        step.add_argument("id", metavar="ID", help="how its id begins, six letters or more")
        if name == "deny":
            step.add_argument("--why", default="", help="told to whoever asked")


def _add_collector(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    collector = commands.add_parser(
        "collector",
        help="collect once for many cockpits, which --attach to its socket",
        description=COLLECTOR_TEXT,
        epilog=COLLECTOR_UNIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common()],
    )
    collector.add_argument("--socket", metavar="PATH", default=DEFAULT_SOCKET, help=f"where to ({DEFAULT_SOCKET})")
    collector.add_argument("--group", metavar="NAME", help="who may attach besides this user (nobody)")
    collector.add_argument("--readers", type=int, default=64, metavar="N", help="cockpits at the same time (64)")


def _add_wall(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    wall = _add(commands, "wall", "show page after page on a display that nobody attends; it can change nothing")
    wall.add_argument(
        "--pages",
        metavar="A,B",
        default="overview,heatmap,queues,alerts,jobs",
        help="which and in which order (overview,heatmap,queues,alerts,jobs)",
    )
    wall.add_argument("--every", metavar="TIME", default="20s", help="how long each page stays, e.g. 45s or 2m (20s)")
    wall.add_argument("--cluster", metavar="A,B", help="these clusters only")
    wall.add_argument("--size", metavar="WxH", default="auto", help="in cells, e.g. 60x17 or 100x28 (the terminal's)")
    wall.add_argument(
        "--serve", metavar="HOST:PORT", help="in browsers instead of here; a port alone: on this machine only"
    )
    wall.add_argument("--mask", metavar="A,B", default="", help="users, jobs or both: names that visitors may not read")


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = _add(commands, "audit", "show or verify the audit log")
    audit.add_argument("what", choices=("show", "verify"))
    audit.add_argument("--last", type=int, default=50, metavar="N", help="records to show (50)")
    audit.add_argument("--file", metavar="FILE", help="another log than the configured one")
    _add_output(audit, ("table", "json"))


def _add_policy(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    policy = _add(commands, "policy", "write, check or explain the policy")
    steps = policy.add_subparsers(dest="what", metavar="WHAT", required=True)
    init = _add(steps, "init", "write a commented starter policy")
    init.add_argument("--file", metavar="FILE", help="where to (the configured place)")
    init.add_argument("--user", metavar="NAME", help="who is on call for every cluster (you)")
    check = _add(steps, "check", "read the policy and say what is wrong with it")
    check.add_argument("--file", metavar="FILE")
    explain = _add(steps, "explain", "show every gate and its answer for one action")
    explain.add_argument("verb", choices=[verb.name for verb in VERBS], metavar="VERB")
    explain.add_argument("targets", nargs="+", metavar="TARGET")
    explain.add_argument("--cluster", metavar="C")
    explain.add_argument("--user", metavar="NAME", help="for somebody else than you")
