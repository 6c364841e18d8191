"""Which kinds of objects the server knows, under which groups and versions, and what each can do."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind. `versions` are the served ones, preferred (and stored) first."""

    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = True
    subresources: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    field_labels: tuple[str, ...] = field(default=())

    @property
    def api_version(self) -> str:
        """As objects name it: `batch/v1`, `v1`."""
        return self.api_version_at(self.versions[0])

    def api_version_at(self, version: str) -> str:
        return f"{self.group}/{version}" if self.group else version

    @property
    def is_custom(self) -> bool:
        """Defined by a CRD: its objects keep apiVersion and kind even inside of lists."""
        return self.group in OPTIONAL.values()

    @property
    def all_subresources(self) -> tuple[str, ...]:
        return (("status",) if self.has_status else ()) + self.subresources


OPTIONAL = {
    "kueue": "kueue.x-k8s.io",
    "jobset": "jobset.x-k8s.io",
    "volcano": "scheduling.volcano.sh",
    "volcano-jobs": "batch.volcano.sh",
    "kubeflow": "kubeflow.org",
}
"""Groups that exist only where somebody installed them, by a name for tests."""

POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)


def _core(plural: str, kind: str, namespaced: bool = True, has_status: bool = False) -> Resource:
    return Resource("", ("v1",), plural, kind, namespaced, has_status)


def _kueue(plural: str, kind: str, namespaced: bool = False, has_status: bool = True) -> Resource:
    return Resource(OPTIONAL["kueue"], ("v1beta2", "v1beta1"), plural, kind, namespaced, has_status)


_RBAC = "rbac.authorization.k8s.io"

NODES = Resource("", ("v1",), "nodes", "Node", False, short=("no",), field_labels=("spec.unschedulable",))
PODS = Resource(
    "",
    ("v1",),
    "pods",
    "Pod",
    subresources=("eviction", "log", "exec", "binding"),
    short=("po",),
    field_labels=POD_FIELDS,
)
NAMESPACES = Resource("", ("v1",), "namespaces", "Namespace", False, short=("ns",), field_labels=("status.phase",))
EVENTS = Resource("", ("v1",), "events", "Event", has_status=False, short=("ev",), field_labels=EVENT_FIELDS)
SERVICE_ACCOUNTS = Resource(
    "", ("v1",), "serviceaccounts", "ServiceAccount", has_status=False, subresources=("token",), short=("sa",)
)
QUOTAS = _core("resourcequotas", "ResourceQuota", has_status=True)
JOBS = Resource("batch", ("v1",), "jobs", "Job", field_labels=("status.successful",))
BUDGETS = Resource("policy", ("v1",), "poddisruptionbudgets", "PodDisruptionBudget", short=("pdb",))
DAEMON_SETS = Resource("apps", ("v1",), "daemonsets", "DaemonSet", short=("ds",))
REPLICA_SETS = Resource("apps", ("v1",), "replicasets", "ReplicaSet", short=("rs",))
STATEFUL_SETS = Resource("apps", ("v1",), "statefulsets", "StatefulSet", short=("sts",))
DEPLOYMENTS = Resource("apps", ("v1",), "deployments", "Deployment", short=("deploy",))
CLUSTER_ROLES = Resource(_RBAC, ("v1",), "clusterroles", "ClusterRole", False, False)
CLUSTER_ROLE_BINDINGS = Resource(_RBAC, ("v1",), "clusterrolebindings", "ClusterRoleBinding", False, False)
ROLES = Resource(_RBAC, ("v1",), "roles", "Role", True, False)
ROLE_BINDINGS = Resource(_RBAC, ("v1",), "rolebindings", "RoleBinding", True, False)
LEASES = Resource("coordination.k8s.io", ("v1",), "leases", "Lease", True, False)
WORKLOADS = _kueue("workloads", "Workload", namespaced=True)
CLUSTER_QUEUES = _kueue("clusterqueues", "ClusterQueue")
LOCAL_QUEUES = _kueue("localqueues", "LocalQueue", namespaced=True)
RESOURCE_FLAVORS = _kueue("resourceflavors", "ResourceFlavor", has_status=False)
JOB_SETS = Resource(OPTIONAL["jobset"], ("v1alpha2",), "jobsets", "JobSet")
VOLCANO_QUEUES = Resource(OPTIONAL["volcano"], ("v1beta1",), "queues", "Queue", False)
POD_GROUPS = Resource(OPTIONAL["volcano"], ("v1beta1",), "podgroups", "PodGroup")
VOLCANO_JOBS = Resource(OPTIONAL["volcano-jobs"], ("v1alpha1",), "jobs", "Job")
PYTORCH_JOBS = Resource(OPTIONAL["kubeflow"], ("v1",), "pytorchjobs", "PyTorchJob")

ALL = (
    NODES,
    PODS,
    NAMESPACES,
    EVENTS,
    SERVICE_ACCOUNTS,
    QUOTAS,
    _core("configmaps", "ConfigMap"),
    _core("secrets", "Secret"),
    _core("services", "Service", has_status=True),
    JOBS,
    BUDGETS,
    DAEMON_SETS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DEPLOYMENTS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    ROLES,
    ROLE_BINDINGS,
    LEASES,
    WORKLOADS,
    CLUSTER_QUEUES,
    LOCAL_QUEUES,
    RESOURCE_FLAVORS,
    JOB_SETS,
    VOLCANO_QUEUES,
    POD_GROUPS,
    VOLCANO_JOBS,
    PYTORCH_JOBS,
)
BY_NAME = {(resource.group, resource.plural): resource for resource in ALL}
BY_KIND = {(resource.group, resource.kind): resource for resource in ALL}


def group_of(api_version: str) -> str:
    """Group of an object's `apiVersion`: empty for `v1`."""
    return api_version.rpartition("/")[0]


def resource_of(thing: dict[str, object]) -> Resource:
    """The resource that an object belongs to, by its apiVersion and kind."""
    return BY_KIND[group_of(str(thing["apiVersion"])), str(thing["kind"])]


def resource_named(name: str) -> Resource:
    """`nodes`, `jobs.batch`."""
    plural, _, group = name.partition(".")
    return BY_NAME[group, plural]
