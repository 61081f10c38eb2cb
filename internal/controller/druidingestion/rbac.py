"""What the controller of ``DruidIngestion`` may do. ``config/rbac`` is generated from this."""

from druid_operator.api.v1alpha1 import GROUP
from druid_operator.pkg.meta.rbac import READ, WRITE, PolicyRule

RULES: tuple[PolicyRule, ...] = (
    PolicyRule(group=GROUP, resources=("druidingestions",), verbs=(*READ, "patch")),
    PolicyRule(group=GROUP, resources=("druidingestions/status",), verbs=("patch",)),
    # For owner references where OwnerReferencesPermissionEnforcement is switched on.
    PolicyRule(group=GROUP, resources=("druidingestions/finalizers",), verbs=("update",)),
    # The cluster that ingests, and the Service where its router answers.
    PolicyRule(group=GROUP, resources=("druids",), verbs=READ),
    PolicyRule(resources=("services",), verbs=READ),
    # The desired document of each ingestion.
    PolicyRule(resources=("configmaps",), verbs=(*READ, *WRITE)),
    # Read one by one where a spec refers to them, never listed or watched.
    PolicyRule(resources=("secrets",), verbs=("get",)),
    PolicyRule(group="events.k8s.io", resources=("events",), verbs=("create", "patch")),
)
