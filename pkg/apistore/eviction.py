"""Evicting a pod: a delete that disruption budgets can refuse."""

from __future__ import annotations

from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import view_of
from druid_operator.pkg.apistore.deletion import delete
from druid_operator.pkg.apistore.history import Stored
from druid_operator.pkg.apistore.options import DeleteOptions
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.selectors import selector_from_object
from druid_operator.pkg.apistore.status_errors import not_found
from druid_operator.pkg.errors import APIError, TooManyRequests
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import POD, POD_DISRUPTION_BUDGET

_BUDGETS = (POD_DISRUPTION_BUDGET.group, POD_DISRUPTION_BUDGET.plural)


def evict(backend: Backend, served: Served, key: NamespacedName, options: DeleteOptions) -> None:
    """Delete the pod if its budgets allow that now.

    A pod that is not ready counts for no budget, so it may go unless a budget guards such pods too.

    Raises:
        NotFound: there is no such pod.
        TooManyRequests: a budget allows no disruption; try again later.
        APIError: 500, when the pod has more than one budget, as on a real server.
    """
    stored = backend.find(served, key)
    if stored is None:
        raise not_found(POD, key.name)
    if not options.dry_run and _is_ready(stored.obj):
        _spend(backend, stored)
    delete(backend, served, key, options)


def _is_ready(pod: JSON) -> bool:
    status = pod.get("status") or {}
    conditions = status.get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return status.get("phase") == "Running" and ready


def _spend(backend: Backend, pod: Stored) -> None:
    """Take one of the disruptions that the pod's budget still allows."""
    budgets = [
        budget
        for budget in backend.storage.log(_BUDGETS).objects.values()
        if budget.key.namespace == pod.key.namespace
        and selector_from_object(budget.obj["spec"].get("selector")).matches(pod.obj)
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise APIError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support.",
            code=500,
            reason="InternalError",
        )
    budget, served = budgets[0], backend.registry.in_bucket(_BUDGETS)
    status = budget.obj["status"]
    if status.get("disruptionsAllowed", 0) <= 0 or served is None:
        message = (
            f"The disruption budget {budget.key.name} needs {status.get('desiredHealthy', 0)} "
            f"healthy pods and has {status.get('currentHealthy', 0)} currently"
        )
        raise TooManyRequests(
            "Cannot evict pod as it would violate the pod's disruption budget.",
            details={"causes": [{"reason": "DisruptionBudget", "message": message}]},
        )
    spent = view_of(served, budget)
    spent["status"]["disruptionsAllowed"] -= 1
    spent["status"].setdefault("disruptedPods", {})[pod.key.name] = backend.now()
    backend.storage.put(_BUDGETS, budget.key, spent)
