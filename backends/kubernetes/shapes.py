"""The parts of API objects that we look at; everything else in a body is skipped without being built.

`gc=False` on all: the cyclic collector otherwise costs more than the decoding of 5,000 pods.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

Amounts = dict[str, str | int | float]
"""Resource name to quantity: `{"cpu": "500m", "nvidia.com/gpu": "8"}`."""


class Shape(msgspec.Struct, gc=False, rename="camel", kw_only=True):
    """Base of all shapes."""


class OwnerRef(Shape):
    kind: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    controller: bool | None = None


class Meta(Shape):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerRef] | None = None


class ManagedField(Shape):
    manager: str = ""
    time: datetime | None = None
    fields_v1: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="fieldsV1")


class NodeMeta(Meta):
    managed_fields: list[ManagedField] | None = None


class Condition(Shape):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


# nodes


class Taint(Shape):
    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: datetime | None = None


class NodeSpec(Shape):
    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class Address(Shape):
    type: str = ""
    address: str = ""


class NodeInfo(Shape):
    kubelet_version: str = ""


class NodeStatus(Shape):
    capacity: Amounts | None = None
    allocatable: Amounts | None = None
    conditions: list[Condition] | None = None
    addresses: list[Address] | None = None
    node_info: NodeInfo | None = None


class RawNode(Shape):
    metadata: NodeMeta = msgspec.field(default_factory=NodeMeta)
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


# pods


class Wants(Shape):
    requests: Amounts | None = None
    limits: Amounts | None = None


class Container(Shape):
    name: str = ""
    resources: Wants | None = None
    restart_policy: str | None = None  # of an init container: Always makes it a sidecar


class EmptyDir(Shape):
    pass


class Volume(Shape):
    empty_dir: EmptyDir | None = None


class PodSpec(Shape):
    node_name: str = ""
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    priority: int | None = None
    priority_class_name: str = ""
    host_pid: bool = msgspec.field(default=False, name="hostPID")
    share_process_namespace: bool = False


class Waiting(Shape):
    reason: str = ""
    message: str = ""


class Terminated(Shape):
    reason: str = ""
    message: str = ""
    exit_code: int | None = None


class ContainerState(Shape):
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(Shape):
    restart_count: int = 0
    state: ContainerState | None = None


class PodStatus(Shape):
    phase: str = ""
    reason: str = ""
    message: str = ""
    start_time: datetime | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class RawPod(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)


# jobs and what decides when they run


class PodTemplate(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: PodSpec = msgspec.field(default_factory=PodSpec)


class JobSpec(Shape):
    suspend: bool | None = None
    parallelism: int | None = None
    active_deadline_seconds: float | None = None
    template: PodTemplate = msgspec.field(default_factory=PodTemplate)


class JobStatus(Shape):
    active: int | None = None
    failed: int | None = None
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: list[Condition] | None = None


class RawJob(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


class JobTemplate(Shape):
    spec: JobSpec = msgspec.field(default_factory=JobSpec)


class ReplicatedJob(Shape):
    replicas: int = 1
    template: JobTemplate = msgspec.field(default_factory=JobTemplate)


class JobSetSpec(Shape):
    suspend: bool | None = None
    replicated_jobs: list[ReplicatedJob] | None = None


class JobSetStatus(Shape):
    restarts: int | None = None
    conditions: list[Condition] | None = None


class RawJobSet(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: JobSetSpec = msgspec.field(default_factory=JobSetSpec)
    status: JobSetStatus = msgspec.field(default_factory=JobSetStatus)


class WorkloadSpec(Shape):
    queue_name: str = ""
    active: bool | None = None
    priority: int | None = None


class Admission(Shape):
    cluster_queue: str = ""


class WorkloadStatus(Shape):
    admission: Admission | None = None
    conditions: list[Condition] | None = None


class RawWorkload(Shape):
    """Kueue's view of one job."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: WorkloadSpec = msgspec.field(default_factory=WorkloadSpec)
    status: WorkloadStatus = msgspec.field(default_factory=WorkloadStatus)


class PodGroupSpec(Shape):
    queue: str = ""


class PodGroupStatus(Shape):
    phase: str = ""
    conditions: list[Condition] | None = None


class RawPodGroup(Shape):
    """Volcano's view of one job."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: PodGroupSpec = msgspec.field(default_factory=PodGroupSpec)
    status: PodGroupStatus = msgspec.field(default_factory=PodGroupStatus)


# queues


class Quota(Shape):
    name: str = ""
    nominal_quota: str | int | float = 0


class Flavor(Shape):
    name: str = ""
    resources: list[Quota] | None = None


class ResourceGroup(Shape):
    flavors: list[Flavor] | None = None


class ClusterQueueSpec(Shape):
    resource_groups: list[ResourceGroup] | None = None
    stop_policy: str = ""


class QueueStatus(Shape):
    conditions: list[Condition] | None = None
    state: str = ""  # Volcano


class RawClusterQueue(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: ClusterQueueSpec = msgspec.field(default_factory=ClusterQueueSpec)
    status: QueueStatus = msgspec.field(default_factory=QueueStatus)


class LocalQueueSpec(Shape):
    cluster_queue: str = ""
    stop_policy: str = ""


class RawLocalQueue(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: LocalQueueSpec = msgspec.field(default_factory=LocalQueueSpec)
    status: QueueStatus = msgspec.field(default_factory=QueueStatus)


class VolcanoQueueSpec(Shape):
    capability: Amounts | None = None
    priority: int | None = None


class RawVolcanoQueue(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: VolcanoQueueSpec = msgspec.field(default_factory=VolcanoQueueSpec)
    status: QueueStatus = msgspec.field(default_factory=QueueStatus)


# budgets and events


class Requirement(Shape):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class Selector(Shape):
    match_labels: dict[str, str] | None = None
    match_expressions: list[Requirement] | None = None


class BudgetSpec(Shape):
    selector: Selector | None = None


class BudgetStatus(Shape):
    disruptions_allowed: int | None = None
    current_healthy: int | None = None
    desired_healthy: int | None = None
    expected_pods: int | None = None


class RawBudget(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: BudgetSpec = msgspec.field(default_factory=BudgetSpec)
    status: BudgetStatus = msgspec.field(default_factory=BudgetStatus)


class Involved(Shape):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class Series(Shape):
    count: int = 0
    last_observed_time: datetime | None = None


class RawEvent(Shape):
    metadata: Meta = msgspec.field(default_factory=Meta)
    involved_object: Involved = msgspec.field(default_factory=Involved)
    reason: str = ""
    message: str = ""
    count: int | None = None
    series: Series | None = None
    event_time: datetime | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None


# lists


class ListMeta(Shape):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
