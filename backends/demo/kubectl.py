"""The simulated cluster understands the few kubectl commands that previews show; exit codes and texts are kubectl's."""

from __future__ import annotations

import json

from .kube_half import KubeHalf
from .kube_state import SimCordon, SimPod, SimWorkload
from .protocol import Ran

BLOCKED = "Cannot evict pod as it would violate the pod's disruption budget."


def run(half: KubeHalf, user: str, argv: tuple[str, ...]) -> Ran | None:
    """Run a command; None when it is not kubectl's."""
    match argv:
        case ("kubectl", "cordon", node, *reason):
            return _cordon(half, node, user, " ".join(reason))
        case ("kubectl", "uncordon", node):
            return _uncordon(half, node)
        case ("kubectl", "drain", node, *_):
            return _drain(half, node)
        case ("kubectl", "-n", namespace, "patch", _, name, "-p", *bodies):
            return _patch(half, namespace, name, [body for body in bodies if body != "--then"])
        case ("kubectl", "-n", namespace, "delete", _, name):
            return _delete(half, namespace, name)
        case ("kubectl", *_):
            return Ran(1, stderr=f"error: unknown command {' '.join(argv[1:2])!r} for 'kubectl'\n")
    return None


def _no_node(name: str) -> Ran:
    return Ran(1, stderr=f'Error from server (NotFound): nodes "{name}" not found\n')


def _cordon(half: KubeHalf, node: str, user: str, reason: str) -> Ran:
    if node not in half.nodes:
        return _no_node(node)
    half.cordon(node, SimCordon(reason, user, half.sim.now))
    return Ran(0, f"node/{node} cordoned\n")


def _uncordon(half: KubeHalf, node: str) -> Ran:
    if node not in half.nodes:
        return _no_node(node)
    half.uncordon(node)
    return Ran(0, f"node/{node} uncordoned\n")


def _drain(half: KubeHalf, node: str) -> Ran:
    """Evict what budgets let go; what they keep is told."""
    if node not in half.nodes:
        return _no_node(node)
    said, kept = "", ""
    for pod in tuple(half.on_node(node)):
        if (why := blocked(half, pod)) is not None:
            kept += f'error when evicting pods/"{pod.name}" -n "{pod.namespace}": {BLOCKED} {why}\n'
        else:
            half.evict(pod)
            said += f"pod/{pod.name} evicted\n"
    return Ran(1, said, kept) if kept else Ran(0, f"{said}node/{node} drained\n")


def blocked(half: KubeHalf, pod: SimPod) -> str | None:
    """The words of the budget that keeps a pod; None when it may go."""
    for budget in half.guards(pod):
        if not half.allowed(budget):
            return (
                f"The disruption budget {budget.name} needs {budget.needed} healthy pods"
                f" and has {half.healthy(budget)} currently"
            )
    return None


def _find(half: KubeHalf, namespace: str, name: str) -> SimWorkload | None:
    return next((one for one in half.workloads.values() if (one.namespace, one.name) == (namespace, name)), None)


def _patch(half: KubeHalf, namespace: str, name: str, bodies: list[str]) -> Ran:
    workload = _find(half, namespace, name)
    if workload is None:
        return Ran(1, stderr=f'Error from server (NotFound): "{name}" not found\n')
    for body in bodies:
        try:
            wanted = json.loads(body)["spec"]["suspend"]
        except (ValueError, KeyError, TypeError):
            return Ran(1, stderr="error: unable to parse the patch\n")
        (half.suspend if wanted else half.resume)(workload)
    return Ran(0, f"{workload.kind.lower()}/{name} patched\n")


def _delete(half: KubeHalf, namespace: str, name: str) -> Ran:
    workload = _find(half, namespace, name)
    if workload is None:
        return Ran(1, stderr=f'Error from server (NotFound): "{name}" not found\n')
    half.delete(workload)
    return Ran(0, f'{workload.kind.lower()} "{name}" deleted\n')
