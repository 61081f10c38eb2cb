"""StatefulSets, Deployments, ReplicaSets, DaemonSets."""

from __future__ import annotations

from druid_operator.pkg.apistore.selectors import selector_from_object
from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.apistore.validation.pods import validate_pod_spec
from druid_operator.pkg.meta import JSON


def validate_pod(pod: JSON, faults: Faults) -> None:
    validate_pod_spec(pod["spec"], "spec", faults)


def _validate_template(
    kind: str, spec: JSON, faults: Faults, *, claims: tuple[str, ...] = ()
) -> None:
    template = spec["template"]
    selector = spec.get("selector")
    if selector is None:
        faults.required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        faults.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
    labels = template["metadata"].get("labels")
    labels = dict(sorted(labels.items())) if labels else None
    if selector is None or not selector_from_object(selector).matches(template):
        faults.invalid(
            "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
        )
    pod_spec = template["spec"]
    if claims:
        # The controller adds a volume for each claim template; mounts may name them.
        volumes = [*(pod_spec.get("volumes") or ()), *({"name": c} for c in claims)]
        known = {v["name"]: v for v in volumes}
        pod_spec = {**pod_spec, "volumes": list(known.values())}
    validate_pod_spec(pod_spec, "spec.template.spec", faults)
    if pod_spec.get("restartPolicy") != "Always":
        faults.unsupported(
            "spec.template.spec.restartPolicy", pod_spec["restartPolicy"], ("Always",)
        )


def validate_stateful_set(obj: JSON, faults: Faults) -> None:
    spec = obj["spec"]
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        why = "must be 'OrderedReady' or 'Parallel'"
        faults.invalid("spec.podManagementPolicy", spec["podManagementPolicy"], why)
    strategy = spec["updateStrategy"]
    if strategy["type"] not in ("RollingUpdate", "OnDelete"):
        shown = {"Type": strategy["type"], "RollingUpdate": strategy.get("rollingUpdate")}
        faults.invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif strategy["type"] == "OnDelete" and (rolling := strategy.get("rollingUpdate")) is not None:
        shown = {
            "Partition": rolling.get("partition", 0),
            "MaxUnavailable": rolling.get("maxUnavailable"),
        }
        why = "only allowed for updateStrategy 'RollingUpdate'"
        faults.invalid("spec.updateStrategy.rollingUpdate", shown, why)
    faults.not_negative("spec.replicas", spec["replicas"])
    faults.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    claims = tuple(c["metadata"].get("name", "") for c in spec.get("volumeClaimTemplates") or ())
    _validate_template("statefulset", spec, faults, claims=claims)


def validate_deployment(obj: JSON, faults: Faults) -> None:
    spec = obj["spec"]
    faults.not_negative("spec.replicas", spec["replicas"])
    _validate_template("deployment", spec, faults)
    strategy = spec["strategy"]
    path = "spec.strategy.rollingUpdate"
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "Recreate" and rolling is not None:
        faults.forbidden(path, "may not be specified when strategy `type` is 'Recreate'")
    elif strategy["type"] not in ("Recreate", "RollingUpdate"):
        faults.unsupported("spec.strategy.type", strategy["type"], ("Recreate", "RollingUpdate"))
    elif rolling and rolling["maxSurge"] in (0, "0%") and rolling["maxUnavailable"] in (0, "0%"):
        value = rolling["maxUnavailable"]
        faults.invalid(f"{path}.maxUnavailable", value, "may not be 0 when `maxSurge` is 0")


def validate_replica_set(obj: JSON, faults: Faults) -> None:
    faults.not_negative("spec.replicas", obj["spec"]["replicas"])
    _validate_template("replicaset", obj["spec"], faults)


def validate_daemon_set(obj: JSON, faults: Faults) -> None:
    _validate_template("daemonset", obj["spec"], faults)


def validate_workload_update(obj: JSON, before: JSON, faults: Faults) -> None:
    _immutable(obj, before, ("selector",), faults)


def validate_stateful_set_update(obj: JSON, before: JSON, faults: Faults) -> None:
    """Everything else of the spec may change since 1.36; these decide pods' names and disks."""
    fields = ("selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy")
    _immutable(obj, before, fields, faults)


def _immutable(obj: JSON, before: JSON, fields: tuple[str, ...], faults: Faults) -> None:
    for name in fields:
        if obj["spec"].get(name) != before["spec"].get(name):
            faults.invalid(f"spec.{name}", obj["spec"].get(name), "field is immutable")
