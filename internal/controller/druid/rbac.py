"""What the controller of ``Druid`` may do. The roles in ``config/rbac`` are generated from this."""

from druid_operator.api.v1alpha1 import GROUP
from druid_operator.pkg.meta.rbac import READ, WRITE, PolicyRule

#: Children are created by POST and applied by PATCH; PUT where a list repeats a merge key.
_CHILD = (*READ, *WRITE)

RULES: tuple[PolicyRule, ...] = (
    PolicyRule(group=GROUP, resources=("druids",), verbs=(*READ, "patch")),
    PolicyRule(group=GROUP, resources=("druids/status",), verbs=("patch",)),
    # For owner references where OwnerReferencesPermissionEnforcement is switched on.
    PolicyRule(group=GROUP, resources=("druids/finalizers",), verbs=("update",)),
    PolicyRule(resources=("configmaps", "services", "persistentvolumeclaims"), verbs=_CHILD),
    PolicyRule(group="apps", resources=("deployments", "statefulsets"), verbs=_CHILD),
    PolicyRule(group="autoscaling", resources=("horizontalpodautoscalers",), verbs=_CHILD),
    PolicyRule(group="networking.k8s.io", resources=("ingresses",), verbs=_CHILD),
    PolicyRule(group="policy", resources=("poddisruptionbudgets",), verbs=_CHILD),
    PolicyRule(resources=("pods",), verbs=READ),
    # Whether a claim may grow.
    PolicyRule(group="storage.k8s.io", resources=("storageclasses",), verbs=READ),
    # Read one by one where a spec refers to them, never listed or watched.
    PolicyRule(resources=("secrets",), verbs=("get",)),
    PolicyRule(group="events.k8s.io", resources=("events",), verbs=("create", "patch")),
)
