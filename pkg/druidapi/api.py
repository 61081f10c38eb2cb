"""What the operator asks of a Druid cluster: a protocol per concern, all together ``DruidAPI``.

One implementation speaks HTTP (``client``). Every call has a deadline of its own and raises a
``DruidError``. ``NotFound`` is trusted: before raising it, the leader was asked if it is one.
``comment`` goes to Druid's audit log (kind, namespace, name and generation of the object on whose
behalf we act).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import attrs

from druid_operator.pkg.druidapi.types import (
    JSON,
    ServerStatus,
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
    SupervisorSubmitted,
    TaskReport,
    TaskStatus,
    TaskSubmitted,
)

#: Where automatic compaction is configured: on the Coordinator (all versions), or on the Overlord
#: (33 and later), whose form also works where compaction runs as supervisors.
CompactionAPI = Literal["legacy", "unified"]

TaskState = Literal["waiting", "pending", "running", "complete"]


@attrs.frozen
class Capabilities:
    """What this Druid can do, found by asking once per address and version.

    Attributes:
        sql_tasks: whether SQL can be run as a task; ``None``: no Broker was there to tell.
    """

    version: str
    modules: frozenset[str]
    compaction_api: CompactionAPI
    sql_tasks: bool | None

    @property
    def major(self) -> int | None:
        return ServerStatus(self.version).major


class ClusterAPI(Protocol):
    """Is anybody there, and who?"""

    async def check_ready(self) -> None:
        """Return when the Overlord's leader answers, else ``NotReady`` or ``ProxyDisabled``."""
        ...

    async def server_status(self) -> ServerStatus:
        """Version and modules of the Overlord's leader."""
        ...

    async def capabilities(self) -> Capabilities: ...

    async def sql(self, query: str, *, parameters: Sequence[JSON] = ()) -> list[JSON]:
        """The rows of a query, one object each."""
        ...


class SupervisorAPI(Protocol):
    """Supervisors. Mutations hold one lock in Druid and can take as long as a task's shutdown."""

    async def supervisor_states(self) -> list[SupervisorState]:
        """All that we may read, the cheapest way. It cannot tell a suspended one."""
        ...

    async def supervisor_listing(self) -> list[SupervisorListing]:
        """All that we may read, with their specs: megabytes where there are hundreds."""
        ...

    async def supervisor_spec(self, supervisor_id: str) -> JSON: ...

    async def supervisor_status(self, supervisor_id: str) -> SupervisorStatus: ...

    async def submit_supervisor(
        self, spec: Mapping[str, Any], *, comment: str = "", skip_restart_if_unmodified: bool = True
    ) -> SupervisorSubmitted:
        """Create or replace. A spec without ``suspended`` resumes a suspended supervisor."""
        ...

    async def suspend_supervisor(self, supervisor_id: str, *, comment: str = "") -> bool:
        """False when it was suspended already."""
        ...

    async def resume_supervisor(self, supervisor_id: str, *, comment: str = "") -> bool:
        """False when it was running already."""
        ...

    async def terminate_supervisor(self, supervisor_id: str, *, comment: str = "") -> None:
        """Tasks publish and stop; offsets stay stored."""
        ...

    async def reset_supervisor(self, supervisor_id: str, *, comment: str = "") -> None:
        """Forget all offsets: loses or repeats data. On explicit request only."""
        ...

    async def reset_offsets(
        self, supervisor_id: str, offsets: Mapping[str, Any], *, comment: str = ""
    ) -> None:
        """Set offsets. ``offsets`` must not be empty: Druid takes nothing for everything."""
        ...


class TaskAPI(Protocol):
    """Batch tasks: submitted once, never changed."""

    async def submit_task(self, task: Mapping[str, Any], *, comment: str = "") -> TaskSubmitted:
        """With an ``id`` in ``task`` a second submission is recognised, as ``existed``."""
        ...

    async def task_status(self, task_id: str) -> TaskStatus: ...

    async def tasks(
        self,
        *,
        data_source: str = "",
        state: TaskState | None = None,
        task_type: str = "",
        limit: int | None = None,
    ) -> list[TaskStatus]:
        """Newest first. ``limit`` bounds the finished ones."""
        ...

    async def task_report(self, task_id: str) -> TaskReport | None:
        """``None`` while there is none: natively, only a finished task has one."""
        ...

    async def shutdown_task(self, task_id: str, *, comment: str = "") -> None: ...


class SqlTaskAPI(Protocol):
    """SQL ingestion: a query that runs as a task."""

    async def submit_sql_task(
        self, query_id: str, query: Mapping[str, Any], *, comment: str = ""
    ) -> TaskSubmitted:
        """Answers the task's id, which Druid makes of ``query_id``. A second submission of the same
        id is recognised, as ``existed``.

        Args:
            query: as Druid takes it: ``query``, and ``context`` if wanted.
        """
        ...


class DataSourceAPI(Protocol):
    """What belongs to a datasource rather than to an ingestion: retention rules and compaction."""

    async def rules(self, data_source: str) -> list[JSON]:
        """Its own rules, without the cluster's defaults."""
        ...

    async def set_rules(
        self, data_source: str, rules: Sequence[Mapping[str, Any]], *, comment: str = ""
    ) -> None:
        """Replace them all; an empty list gives the datasource back to the cluster's defaults."""
        ...

    async def all_rules(self) -> dict[str, list[JSON]]:
        """Rules by datasource; those of the cluster under ``_default``."""
        ...

    async def all_compaction(self, api: CompactionAPI) -> dict[str, JSON]:
        """Configurations by datasource."""
        ...

    async def compaction(self, api: CompactionAPI, data_source: str) -> JSON:
        """Raises ``NotFound`` where none is configured."""
        ...

    async def set_compaction(
        self, api: CompactionAPI, config: Mapping[str, Any], *, comment: str = ""
    ) -> None:
        """``config`` names its ``dataSource``."""
        ...

    async def delete_compaction(
        self, api: CompactionAPI, data_source: str, *, comment: str = ""
    ) -> None: ...


class DruidAPI(ClusterAPI, SupervisorAPI, TaskAPI, SqlTaskAPI, DataSourceAPI, Protocol):
    """All of it."""
