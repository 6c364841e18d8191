"""What an alert is about, by its labels: which of them name a node, a GPU, a rack or a job."""

from __future__ import annotations

from collections.abc import Mapping

from crashcart.backends.model import Alert
from crashcart.backends.text import JOB_ID

from .identity import NodeNames

NODE_LABELS = ("node", "Hostname", "hostname", "instance", "exported_instance", "host")
"""Labels that name a node, by dcgm-exporter, node_exporter and kube-state-metrics, most specific first."""

GPU_LABELS = ("gpu", "device", "gpu_id")
RACK_LABELS = ("rack",)
JOB_LABELS = ("job_id", "jobid", "slurm_job_id", "hpc_job", "job")
"""Labels that may hold a job id. Prometheus says `job` for a scrape, so it counts only when such a job exists."""


NAMESPACE_LABELS = ("exported_namespace", "namespace")
POD_LABELS = ("exported_pod", "pod")
"""Labels of a pod; where a scrape has some of its own, those of what it scraped are called exported."""


def pod_name(labels: Mapping[str, str]) -> str | None:
    """`NAMESPACE/NAME` of the pod that the labels name."""
    for namespace, pod in zip(NAMESPACE_LABELS, POD_LABELS, strict=True):
        if labels.get(namespace) and labels.get(pod):
            return f"{labels[namespace]}/{labels[pod]}"
    return None


def node_names(alert: Alert, names: NodeNames) -> dict[str, str]:
    """Label -> name of the node that it names, for the labels of this alert that may name one."""
    labels = dict(alert.labels)
    return {label: names.canonical(labels[label]) for label in NODE_LABELS if label in labels}


def gpu_index(alert: Alert) -> int | None:
    """The GPU index an alert is about: `gpu="3"` or `device="nvidia3"`."""
    labels = dict(alert.labels)
    for label in GPU_LABELS:
        digits = labels.get(label, "").removeprefix("nvidia")
        if digits.isdecimal() and len(digits) <= 3:
            return int(digits)
    return None


def job_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Label -> value of the labels that may hold a job id, most specific first."""
    return {label: labels[label] for label in JOB_LABELS if JOB_ID.match(labels.get(label, ""))}
