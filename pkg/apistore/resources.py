"""Which resources this server serves, and what is special about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.pkg.apistore.fieldset import FieldSet
from druid_operator.pkg.apistore.typeschema import Type, builtin_types
from druid_operator.pkg.meta import GroupVersionKind, Resource
from druid_operator.pkg.scheme import builtin as b


@attrs.frozen(eq=False)
class ScalePaths:
    """Where the ``scale`` subresource finds its fields, as paths below the object."""

    replicas: tuple[str, ...] = ("spec", "replicas")
    status: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ("spec", "selector")


@attrs.frozen(eq=False)
class CustomKind:
    """What a CustomResourceDefinition adds: its schema and how ``kubectl get`` shows it."""

    schema: Mapping[str, Any]
    columns: tuple[Mapping[str, Any], ...] = ()
    selectable: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class Served:
    """A resource as the server serves it.

    Args:
        resource: group, version, kind, plural, scope.
        type: its structure.
        short_names, categories: for ``kubectl``.
        status: there is a ``status`` subresource, and the main one cannot write ``status``.
        generation: ``metadata.generation`` counts changes of what is not metadata or status.
        status_resets: what a write to ``status`` resets beside the ``spec``.
        scale: there is a ``scale`` subresource.
        unconditional: a PUT may leave out ``resourceVersion``.
        create_on_update: a PUT to a missing object creates it.
        returns_deleted: DELETE answers the object, not a ``Status``.
        storage: the resource under which objects lie when several serve the same (events).
        custom: set for custom kinds.
    """

    resource: Resource
    type: Type
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    singular: str = ""
    list_kind: str = ""
    status: bool = False
    generation: bool = False
    status_resets: FieldSet = attrs.field(factory=FieldSet)
    scale: ScalePaths | None = None
    unconditional: bool = True
    create_on_update: bool = False
    returns_deleted: bool = False
    storage: Resource | None = None
    custom: CustomKind | None = None

    @property
    def bucket(self) -> tuple[str, str]:
        """Where its objects lie: all versions of a kind share it."""
        resource = self.storage or self.resource
        return resource.group, resource.plural

    def ignored(self, subresource: str) -> FieldSet:
        """Fields that a write resets, which therefore nobody comes to own by it."""
        if subresource == "status":
            return self.status_resets
        return _STATUS if self.status else _NOTHING


_NOTHING = FieldSet()
_STATUS = FieldSet.of(("f:status",))
_SPEC = FieldSet.of(("f:spec",))
_SPEC_AND_LABELS = FieldSet.of(("f:spec",), ("f:metadata", "f:labels"))
_SPEC_AND_METADATA = FieldSet.of(("f:spec",), ("f:metadata",))
_POD_STATUS = FieldSet.of(
    ("f:spec",), ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")
)


def _resource(group: str, version: str, kind: str, plural: str) -> Resource:
    return Resource(GroupVersionKind(group, version, kind), plural)


#: Served beside the framework's own list, because people look at them next to the others.
ENDPOINTS = _resource("", "v1", "Endpoints", "endpoints")
ENDPOINT_SLICE = _resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
DAEMON_SET = _resource("apps", "v1", "DaemonSet", "daemonsets")
JOB = _resource("batch", "v1", "Job", "jobs")
CRON_JOB = _resource("batch", "v1", "CronJob", "cronjobs")
NETWORK_POLICY = _resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
SCALE = GroupVersionKind("autoscaling", "v1", "Scale")

_STATUS_AND_GENERATION: dict[str, Any] = {
    "status": True, "generation": True, "status_resets": _SPEC,
}  # fmt: skip
_WORKLOAD: dict[str, Any] = {
    **_STATUS_AND_GENERATION, "categories": ("all",), "scale": ScalePaths(),
}  # fmt: skip
_STATUS_ONLY: dict[str, Any] = {"status": True, "status_resets": _SPEC}

_BUILTIN: tuple[tuple[Resource, str, dict[str, Any]], ...] = (
    (b.CONFIG_MAP, "cm", {}),
    (b.SECRET, "", {}),
    (b.SERVICE, "svc", {**_STATUS_ONLY, "categories": ("all",), "create_on_update": True,
                          "returns_deleted": True}),
    (b.SERVICE_ACCOUNT, "sa", {"returns_deleted": True}),
    (b.POD, "po", {
        "status": True, "generation": True, "status_resets": _POD_STATUS, "categories": ("all",),
        "returns_deleted": True,
    }),
    (b.NAMESPACE, "ns", {**_STATUS_ONLY, "returns_deleted": True}),
    (b.NODE, "no", _STATUS_ONLY),
    (b.PERSISTENT_VOLUME_CLAIM, "pvc", {**_STATUS_ONLY, "returns_deleted": True}),
    (b.PERSISTENT_VOLUME, "pv", {**_STATUS_ONLY, "returns_deleted": True}),
    (b.CORE_EVENT, "ev", {"create_on_update": True}),
    (b.EVENT, "ev", {"create_on_update": True, "storage": b.CORE_EVENT}),
    (ENDPOINTS, "ep", {"create_on_update": True}),
    (ENDPOINT_SLICE, "", {"generation": True}),
    (b.STATEFUL_SET, "sts", _WORKLOAD),
    (b.DEPLOYMENT, "deploy", {**_WORKLOAD, "status_resets": _SPEC_AND_LABELS}),
    (b.REPLICA_SET, "rs", _WORKLOAD),
    (DAEMON_SET, "ds", {**_STATUS_AND_GENERATION, "categories": ("all",)}),
    (b.CONTROLLER_REVISION, "", {}),
    (JOB, "", {**_STATUS_AND_GENERATION, "categories": ("all",)}),
    (CRON_JOB, "cj", {**_STATUS_AND_GENERATION, "categories": ("all",)}),
    (b.POD_DISRUPTION_BUDGET, "pdb", {**_STATUS_AND_GENERATION, "unconditional": False}),
    (b.HORIZONTAL_POD_AUTOSCALER, "hpa", {**_STATUS_AND_GENERATION, "categories": ("all",)}),
    (b.INGRESS, "ing", _STATUS_AND_GENERATION),
    (NETWORK_POLICY, "netpol", {"generation": True}),
    (b.STORAGE_CLASS, "sc", {"returns_deleted": True}),
    (b.LEASE, "", {"unconditional": False, "create_on_update": True}),
    (b.ROLE, "", {"create_on_update": True}),
    (b.ROLE_BINDING, "", {"create_on_update": True}),
    (b.CLUSTER_ROLE, "", {"create_on_update": True}),
    (b.CLUSTER_ROLE_BINDING, "", {"create_on_update": True}),
    (b.CUSTOM_RESOURCE_DEFINITION, "crd", {
        **_STATUS_AND_GENERATION, "status_resets": _SPEC_AND_METADATA, "unconditional": False,
        "categories": ("api-extensions",),
    }),
)  # fmt: skip


def builtin_resources() -> tuple[Served, ...]:
    """Every built-in resource. Raises ``KeyError`` if the generated table lacks one."""
    types = builtin_types()
    made = []
    for resource, short, flags in _BUILTIN:
        type_ = types.kind(resource.gvk)
        if type_ is None:
            raise KeyError(f"builtin_schema.json has no {resource.gvk}")
        names = ("crd", "crds") if short == "crd" else tuple(filter(None, (short,)))
        made.append(
            Served(
                resource,
                type_,
                short_names=names,
                singular=resource.kind.lower(),
                list_kind=f"{resource.kind}List",
                **flags,
            )
        )
    return tuple(made)


def custom_status_resets() -> FieldSet:
    return _SPEC_AND_METADATA
