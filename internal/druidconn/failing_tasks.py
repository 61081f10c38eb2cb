"""Do the tasks of a supervisor fail one after the other? Druid itself does not say so. Pure.

Measured on 33.0.0: a supervisor whose every task dies at once stays RUNNING, healthy, without a
recent error, for as long as it was watched; a new task fails about every two seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from druid_operator.internal.druidconn.view import SupervisorFacts
from druid_operator.pkg.druidapi.types import SupervisorStatus, TaskStatus

#: Finished tasks that are looked at, and how many of the newest must have failed.
TASKS_LOOKED_AT = 10
FAILED_IN_A_ROW = 3
_MAX_WORDS = 512


def needs_task_look(before: SupervisorFacts, status: SupervisorStatus) -> bool:
    """Whether its tasks are worth a request: there are none, or others than at the last look.

    Healthy tasks live as long as ``taskDuration``, an hour by default.
    """
    if status.suspended or status.state not in ("RUNNING", "UNHEALTHY_TASKS"):
        return False
    known = before.status.active_tasks if before.status is not None else status.active_tasks
    return not status.active_tasks or status.active_tasks != known


def is_steady(before: SupervisorFacts, status: SupervisorStatus) -> bool:
    """The same tasks run as at the last look, which failing ones do not live to do."""
    known = before.status.active_tasks if before.status is not None else ()
    return bool(status.active_tasks) and status.active_tasks == known


def task_names(facts: SupervisorFacts) -> tuple[str, str]:
    """The datasource of a supervisor's tasks, and how their ids begin."""
    spec = facts.spec or {}
    schema = (spec.get("spec") or {}).get("dataSchema") or {}
    data_source = str(schema.get("dataSource") or facts.id)
    return data_source, f"index_{spec.get('type')}_{facts.id}_"


def failing_tasks(tasks: Iterable[TaskStatus], prefix: str) -> str:
    """The newest error when the last few that ended have all failed, else empty.

    Args:
        tasks: newest first.
    """
    ended = [task for task in tasks if task.ended and task.id.startswith(prefix)]
    newest = ended[:FAILED_IN_A_ROW]
    if len(newest) < FAILED_IN_A_ROW or any(task.state != "FAILED" for task in newest):
        return ""
    return f"{newest[0].id}: {newest[0].error or 'no reason given'}"[:_MAX_WORDS]
