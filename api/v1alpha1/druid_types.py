"""``Druid``: one object describes a cluster.

Every field of the Go operator's CRD (master and release 1.3.1) is here under the same JSON name,
with the same default, so that a stored object keeps its meaning. Embedded Kubernetes types are
plain dictionaries: nothing in them is dropped, and the API server's schema checks them.
"""

from __future__ import annotations

from typing import Any

import attrs

from druid_operator.pkg.meta import JSON
from druid_operator.pkg.schema import prop

NODE_TYPES = (
    "historical", "overlord", "middleManager", "indexer", "broker", "coordinator", "router",
)  # fmt: skip

_CORE = "io.k8s.api.core.v1."


@attrs.frozen
class SecretReference:
    name: str | None = prop("Name of the Secret.")
    namespace: str | None = prop("Namespace of the Secret; empty means the object's own.")


@attrs.frozen
class Auth:
    """Credentials for Druid's HTTP API."""

    type: str = prop("`basic-auth` or `bearer`.", required=True)
    secret_ref: SecretReference = prop(
        "The Secret that holds the credentials.", required=True, k8s=_CORE + "SecretReference"
    )
    username_key: str | None = prop("Key of the user name; `OperatorUserName` if absent.")
    password_key: str | None = prop("Key of the password; `OperatorPassword` if absent.")
    token_key: str | None = prop("Key of the token; `token` if absent.")


@attrs.frozen
class AdditionalContainer:
    """A sidecar, or an init container when `runAsInit` is true."""

    image: str = prop("Image of the container.", required=True)
    container_name: str = prop("Name of the container.", required=True)
    command: list[str] = prop("Entry point.", required=True)
    run_as_init: bool | None = prop("Run before the Druid container instead of beside it.")
    image_pull_policy: str | None = prop(
        "`Always`, `IfNotPresent` or `Never`; not inherited from the cluster."
    )
    args: list[str] | None = prop("Arguments of the entry point.")
    security_context: JSON | None = prop(
        "Of this container; not inherited.", k8s=_CORE + "SecurityContext"
    )
    resources: JSON | None = prop(
        "Requests and limits of this container.", k8s=_CORE + "ResourceRequirements"
    )
    volume_mounts: list[JSON] | None = prop(
        "Mounts of volumes of the pod.", k8s=_CORE + "VolumeMount"
    )
    env: list[JSON] | None = prop("Environment of this container.", k8s=_CORE + "EnvVar")
    env_from: list[JSON] | None = prop("Sources of its environment.", k8s=_CORE + "EnvFromSource")


@attrs.frozen
class ExtensionSpec:
    """`zookeeper`, `metadataStore` and `deepStorage`: a type and its properties."""

    type: str = prop("`default` is the only one.", required=True)
    spec: Any = prop(
        "The properties. The Go operator's CRD says base64 text here, its code reads an object: "
        "both are accepted.",
        required=True,
        preserve_unknown=True,
    )


@attrs.frozen
class DruidNodeSpec:
    """One group of equal Druid processes, for example a tier of historicals."""

    node_type: str = prop("The Druid service.", required=True, enum=NODE_TYPES)
    druid_port: int = prop(
        "The port the service listens on (`druid.port`).",
        json="druid.port",
        required=True,
        format="int32",
    )
    runtime_properties: str = prop(
        "`runtime.properties` of the service.", json="runtime.properties", required=True
    )
    node_config_mount_path: str = prop("Where the service's files are mounted.", required=True)
    kind: str | None = prop("`StatefulSet` or `Deployment`.", default="StatefulSet")
    replicas: int | None = prop("Number of pods; absent means 0.", minimum=0, format="int32")
    jvm_options: str | None = prop("Replaces the cluster's `jvm.options`.", json="jvm.options")
    extra_jvm_options: str | None = prop("Appended to `jvm.options`.", json="extra.jvm.options")
    log4j_config: str | None = prop("Replaces the cluster's `log4j.config`.", json="log4j.config")
    pod_labels: dict[str, str] | None = prop("Merged over the cluster's.")
    pod_annotations: dict[str, str] | None = prop("Replaces the cluster's.")
    workload_annotations: dict[str, str] | None = prop("Merged over the cluster's.")
    ingress_annotations: dict[str, str] | None = prop("Annotations of the Ingress.")
    node_selector: dict[str, str] | None = prop("Replaces the cluster's.")
    pod_disruption_budget_spec: JSON | None = prop(
        "Makes a PodDisruptionBudget.", k8s="io.k8s.api.policy.v1.PodDisruptionBudgetSpec"
    )
    hp_autoscaler: JSON | None = prop(
        "Makes a HorizontalPodAutoscaler, which then owns the number of replicas.",
        k8s="io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec",
    )
    ingress: JSON | None = prop("Makes an Ingress.", k8s="io.k8s.api.networking.v1.IngressSpec")
    services: list[JSON] | None = prop("Replaces the cluster's.", k8s=_CORE + "Service")
    tolerations: list[JSON] | None = prop("Added to the cluster's.", k8s=_CORE + "Toleration")
    affinity: JSON | None = prop("Replaces the cluster's.", k8s=_CORE + "Affinity")
    topology_spread_constraints: list[JSON] | None = prop(
        "How the pods spread over zones and nodes.", k8s=_CORE + "TopologySpreadConstraint"
    )
    termination_grace_period_seconds: int | None = prop(
        "Seconds a pod has to end by itself.", format="int64"
    )
    ports: list[JSON] | None = prop(
        "Ports beside `druid.port`, which is appended as `druid-port`.", k8s=_CORE + "ContainerPort"
    )
    image: str | None = prop("Replaces the cluster's.")
    image_pull_policy: str | None = prop("Replaces the cluster's.")
    image_pull_secrets: list[JSON] | None = prop(
        "Replaces the cluster's.", k8s=_CORE + "LocalObjectReference"
    )
    service_account_name: str | None = prop("Replaces the cluster's `serviceAccount`.")
    priority_class_name: str | None = prop("Replaces the cluster's.")
    env: list[JSON] | None = prop("Replaces the cluster's whole list.", k8s=_CORE + "EnvVar")
    env_from: list[JSON] | None = prop("Replaces the cluster's.", k8s=_CORE + "EnvFromSource")
    resources: JSON | None = prop(
        "Requests and limits of the Druid container.", k8s=_CORE + "ResourceRequirements"
    )
    security_context: JSON | None = prop(
        "Of the pod; replaces the cluster's.", k8s=_CORE + "PodSecurityContext"
    )
    container_security_context: JSON | None = prop(
        "Of the container; replaces the cluster's.", k8s=_CORE + "SecurityContext"
    )
    pod_management_policy: str | None = prop("`Parallel` or `OrderedReady`.", default="Parallel")
    max_surge: int | None = prop("Deployments: pods above `replicas`.", format="int32")
    max_unavailable: int | None = prop("Deployments: pods below `replicas`.", format="int32")
    update_strategy: JSON | None = prop(
        "StatefulSets; replaces the cluster's.", k8s="io.k8s.api.apps.v1.StatefulSetUpdateStrategy"
    )
    liveness_probe: JSON | None = prop("Replaces the cluster's.", k8s=_CORE + "Probe")
    readiness_probe: JSON | None = prop("Replaces the cluster's.", k8s=_CORE + "Probe")
    startup_probe: JSON | None = prop(
        "Replaces the cluster's.", json="startUpProbe", k8s=_CORE + "Probe"
    )
    persistent_volume_claim: list[JSON] | None = prop(
        "Claims that belong to no pod.", k8s=_CORE + "PersistentVolumeClaim"
    )
    volume_claim_templates: list[JSON] | None = prop(
        "StatefulSets: claims of each pod; added to the cluster's.",
        k8s=_CORE + "PersistentVolumeClaim",
    )
    lifecycle: JSON | None = prop("Hooks of the Druid container.", k8s=_CORE + "Lifecycle")
    volume_mounts: list[JSON] | None = prop("Added to the cluster's.", k8s=_CORE + "VolumeMount")
    volumes: list[JSON] | None = prop("Added to the cluster's.", k8s=_CORE + "Volume")
    additional_container: list[AdditionalContainer] | None = prop("Added to the cluster's.")
    dynamic_config: JSON | None = prop(
        "Coordinators: coordinator dynamic configuration. MiddleManagers: overlord worker "
        "configuration.",
        preserve_unknown=True,
    )
    dns_policy: str | None = prop("Replaces the cluster's.")
    dns_config: JSON | None = prop("Replaces the cluster's.", k8s=_CORE + "PodDNSConfig")


@attrs.frozen
class DruidSpec:
    """The desired cluster."""

    common_runtime_properties: str = prop(
        "`common.runtime.properties` of every service.",
        json="common.runtime.properties",
        required=True,
    )
    nodes: dict[str, DruidNodeSpec] = prop("Groups of processes by name.", required=True)
    ignored: bool | None = prop(
        "Unused; set the annotation `druid.apache.org/ignored` instead.", default=False
    )
    extra_common_config: list[JSON] | None = prop(
        "ConfigMaps whose keys join the common configuration.", k8s=_CORE + "ObjectReference"
    )
    force_delete_sts_pod_on_error: bool | None = prop(
        "Delete a pod of an ordered StatefulSet that hangs in an error.", default=True
    )
    scale_pvc_sts: bool | None = prop("Expand claims when a template's size grows.", default=False)
    common_config_mount_path: str | None = prop(
        "Where the common files are mounted.",
        default="/opt/druid/conf/druid/cluster/_common",
    )
    disable_pvc_deletion_finalizer: bool | None = prop(
        "Keep the claims when the object is deleted.",
        json="disablePVCDeletionFinalizer",
        default=False,
    )
    disable_pvc_annotation_update: bool | None = prop(
        "Leave the annotations of claims alone.", json="disablePVCAnnotationUpdate", default=False
    )
    delete_orphan_pvc: bool | None = prop("Delete claims of pods that are gone.", default=True)
    start_script: str | None = prop("Entry point of the image.", default="/druid.sh")
    image: str | None = prop("Image of every service.")
    service_account: str | None = prop("Service account of the pods.")
    priority_class_name: str | None = prop("Priority class of the pods.")
    image_pull_secrets: list[JSON] | None = prop(
        "Secrets with credentials for the image registry.", k8s=_CORE + "LocalObjectReference"
    )
    image_pull_policy: str | None = prop(
        "`Always`, `IfNotPresent` or `Never`.", default="IfNotPresent"
    )
    env: list[JSON] | None = prop("Environment of the Druid containers.", k8s=_CORE + "EnvVar")
    env_from: list[JSON] | None = prop("Sources of that environment.", k8s=_CORE + "EnvFromSource")
    jvm_options: str | None = prop("`jvm.config` of every service.", json="jvm.options")
    log4j_config: str | None = prop("`log4j2.xml` of every service.", json="log4j.config")
    security_context: JSON | None = prop("Of the pods.", k8s=_CORE + "PodSecurityContext")
    container_security_context: JSON | None = prop(
        "Of the Druid containers.", k8s=_CORE + "SecurityContext"
    )
    volume_claim_templates: list[JSON] | None = prop(
        "StatefulSets: claims of each pod.", k8s=_CORE + "PersistentVolumeClaim"
    )
    volume_mounts: list[JSON] | None = prop(
        "Mounts in every Druid container.", k8s=_CORE + "VolumeMount"
    )
    volumes: list[JSON] | None = prop("Volumes of every pod.", k8s=_CORE + "Volume")
    pod_annotations: dict[str, str] | None = prop("Annotations of the pods.")
    workload_annotations: dict[str, str] | None = prop(
        "Annotations of StatefulSets and Deployments."
    )
    pod_management_policy: str | None = prop(
        "Never in force: every node has its own default.", default="Parallel"
    )
    pod_labels: dict[str, str] | None = prop("Labels of pods, selectors and most children.")
    update_strategy: JSON | None = prop(
        "How StatefulSets replace their pods.", k8s="io.k8s.api.apps.v1.StatefulSetUpdateStrategy"
    )
    liveness_probe: JSON | None = prop("When a Druid container is restarted.", k8s=_CORE + "Probe")
    readiness_probe: JSON | None = prop("When a pod gets traffic.", k8s=_CORE + "Probe")
    startup_probe: JSON | None = prop(
        "How long a Druid container may take to start.", json="startUpProbe", k8s=_CORE + "Probe"
    )
    services: list[JSON] | None = prop(
        "Services of every node; `%s` in a name stands for the node's own name.",
        k8s=_CORE + "Service",
    )
    node_selector: dict[str, str] | None = prop("Labels of the Kubernetes nodes to run on.")
    tolerations: list[JSON] | None = prop(
        "Taints that the pods tolerate.", k8s=_CORE + "Toleration"
    )
    affinity: JSON | None = prop("Where the pods are scheduled.", k8s=_CORE + "Affinity")
    additional_container: list[AdditionalContainer] | None = prop("Sidecars of every pod.")
    rolling_deploy: bool | None = prop("Change one node group after the other.", default=True)
    default_probes: bool | None = prop("Probes for services that declare none.", default=True)
    zookeeper: ExtensionSpec | None = prop("Adds ZooKeeper properties to the common ones.")
    metadata_store: ExtensionSpec | None = prop(
        "Adds metadata store properties to the common ones."
    )
    deep_storage: ExtensionSpec | None = prop("Adds deep storage properties to the common ones.")
    metric_dimensions_json: str | None = prop(
        "The file of that name, beside the common properties.", json="metricDimensions.json"
    )
    hdfs_site_xml: str | None = prop(
        "The file of that name, beside the common properties.", json="hdfs-site.xml"
    )
    core_site_xml: str | None = prop(
        "The file of that name, beside the common properties.", json="core-site.xml"
    )
    dynamic_config: JSON | None = prop("Unused.", preserve_unknown=True)
    auth: Auth | None = prop("Credentials for Druid's HTTP API.")
    dns_policy: str | None = prop("DNS policy of the pods.")
    dns_config: JSON | None = prop("DNS settings of the pods.", k8s=_CORE + "PodDNSConfig")


@attrs.frozen
class DruidNodeStatus:
    """The Go operator's summary, kept filled."""

    druid_node: str | None = prop("`All`, or the name of a pod in error.")
    druid_node_condition_status: str | None = prop("Always `True`.")
    druid_node_condition_type: str | None = prop("`DruidClusterReady` or `DruidNodeErrorState`.")
    reason: str | None = prop("Why, in words.")


@attrs.frozen
class ComponentStatus:
    """One node group as it is now."""

    name: str = prop("Key in `spec.nodes`.", required=True)
    node_type: str | None = prop("The Druid service.")
    kind: str | None = prop("`StatefulSet` or `Deployment`.")
    desired: int | None = prop("Pods wanted.", format="int32")
    ready: int | None = prop("Pods ready.", format="int32")
    updated: int | None = prop("Pods of the newest revision.", format="int32")
    message: str | None = prop("What it waits for.")


@attrs.frozen
class DruidStatus:
    """The cluster as the operator sees it."""

    observed_generation: int | None = prop(
        "The generation that the rest of the status speaks of.", format="int64"
    )
    conditions: list[JSON] | None = prop(
        "`Ready` always; `Reconciling` and `Stalled` only when True.",
        k8s="io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
        list_map_keys=["type"],
    )
    components: list[ComponentStatus] | None = prop(
        "One entry for each node group.", list_map_keys=["name"]
    )
    ready_components: str | None = prop("Ready node groups of all, as `5/6`.")
    druid_node_status: DruidNodeStatus | None = prop("The Go operator's summary.")
    stateful_sets: list[str] | None = prop("Names, sorted.")
    deployments: list[str] | None = prop("Names, sorted.")
    services: list[str] | None = prop("Names, sorted.")
    config_maps: list[str] | None = prop("Names, sorted.")
    pod_disruption_budgets: list[str] | None = prop("Names, sorted.")
    ingress: list[str] | None = prop("Names, sorted.")
    hp_autoscalers: list[str] | None = prop("Names, sorted.", json="hpAutoscalers")
    pods: list[str] | None = prop("Names, sorted.")
    persistent_volume_claims: list[str] | None = prop("Names, sorted.")


@attrs.frozen
class Druid:
    """A Druid cluster."""

    metadata: JSON = prop(required=True)
    spec: DruidSpec = prop("The desired cluster.", required=True)
    status: DruidStatus | None = prop(
        # Generic tools would take an object without status for a finished one.
        "The cluster as the operator sees it.",
        default={"observedGeneration": -1},
    )
