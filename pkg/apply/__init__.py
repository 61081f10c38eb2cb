"""Brings the children of one object to what their controller wants: plan (pure), then execute.

    desired = [Child(CONFIG_MAP, {...}), Child(STATEFUL_SET, {...})]
    actions = plan(desired, live, owner_uid=uid, annotation="example.com/applied")
    outcomes = await engine.execute(actions, owner_uid=uid)

Works for every kind. Knows server-side apply, taking over fields that others wrote by PUT,
deletion of what is no longer wanted, and objects that are not ours to touch. Knows no order of
rollout: the caller turns actions into waits (:meth:`Action.held`) before they are executed.
"""

from druid_operator.pkg.apply.action import Action, Reason, Verb
from druid_operator.pkg.apply.child import Child, ChildId, FieldPath
from druid_operator.pkg.apply.diff import Difference, describe, differences
from druid_operator.pkg.apply.engine import Engine
from druid_operator.pkg.apply.intent import with_annotation
from druid_operator.pkg.apply.outcome import NameConflict, Outcome, Result
from druid_operator.pkg.apply.plan import Settled, plan

__all__ = [
    "Child", "ChildId", "FieldPath", "Action", "Verb", "Reason", "plan", "Settled",
    "Engine", "Outcome", "Result", "NameConflict", "Difference", "differences", "describe",
    "with_annotation",
]  # fmt: skip
