"""What Druid answers, as frozen values. Unknown keys are ignored: each Druid version adds some."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

JSON = dict[str, Any]


@attrs.frozen
class ServerStatus:
    """``GET /status``: vendor builds have other version strings, so it is kept as it came."""

    version: str
    modules: frozenset[str] = frozenset()

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> ServerStatus:
        modules = (str(m.get("name", "")).rpartition(".")[2] for m in body.get("modules") or ())
        return cls(str(body.get("version", "")), frozenset(filter(None, modules)))

    @property
    def major(self) -> int | None:
        """``33`` of ``33.0.0-vendor.2``; ``None`` when the version does not begin with a number."""
        head = self.version.partition(".")[0]
        return int(head) if head.isdigit() else None


@attrs.frozen
class SupervisorState:
    """One row of ``?state=true``. It has no ``suspended``: that listing always says false."""

    id: str
    state: str
    detailed_state: str
    healthy: bool

    @classmethod
    def decode(cls, row: Mapping[str, Any]) -> SupervisorState:
        state = str(row.get("state", ""))
        return cls(
            str(row["id"]), state, str(row.get("detailedState", state)), row.get("healthy") is True
        )


@attrs.frozen
class SupervisorListing:
    """One row of ``?system``: the state, and the spec as Druid stores it.

    Attributes:
        spec_text: the stored spec as JSON text; equal bytes mean an unchanged spec.
        suspended: what the spec says, which for an unreachable stream differs from ``state``.
    """

    id: str
    state: str
    detailed_state: str
    healthy: bool
    type: str
    source: str
    suspended: bool
    spec_text: str = attrs.field(repr=False)  # it holds consumer passwords

    @classmethod
    def decode(cls, row: Mapping[str, Any]) -> SupervisorListing:
        state = SupervisorState.decode(row)
        return cls(
            id=state.id,
            state=state.state,
            detailed_state=state.detailed_state,
            healthy=state.healthy,
            type=str(row.get("type") or ""),
            source=str(row.get("source") or ""),
            suspended=row.get("suspended") is True,
            spec_text=str(row.get("specString") or "{}"),
        )

    def spec(self) -> JSON:
        """Decoded on demand: hundreds of specs are listed, and few of them changed."""
        spec: JSON = json.loads(self.spec_text)
        return spec


@attrs.frozen
class StreamError:
    """One of ``recentErrors``."""

    timestamp: str
    exception: str
    message: str
    stream: bool = False


@attrs.frozen
class SupervisorStatus:
    """``GET /supervisor/{id}/status``.

    Attributes:
        aggregate_lag: records not yet read, summed over partitions; ``None`` where Druid gives none
            (not a stream, or not measured yet).
        offsets_updated: when the lag was measured, RFC 3339, empty if never.
        payload: everything Druid said, for types that are not streams.
    """

    id: str
    generated: str
    state: str
    detailed_state: str
    healthy: bool | None
    suspended: bool | None
    stream: str = ""
    partitions: int = 0
    active_tasks: tuple[str, ...] = ()
    publishing_tasks: tuple[str, ...] = ()
    aggregate_lag: int | None = None
    offsets_updated: str = ""
    recent_errors: tuple[StreamError, ...] = ()
    payload: JSON = attrs.field(factory=dict, repr=False)

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> SupervisorStatus:
        payload: JSON = body.get("payload") or {}
        # autocompact has no `state` here: its word is `scheduleStatus`.
        state = str(payload.get("state") or payload.get("scheduleStatus") or "")
        return cls(
            id=str(body.get("id", "")),
            generated=str(body.get("generationTime", "")),
            state=state,
            detailed_state=str(payload.get("detailedState") or state),
            healthy=payload.get("healthy"),
            suspended=payload.get("suspended"),
            stream=str(payload.get("stream") or ""),
            partitions=payload.get("partitions") or 0,
            active_tasks=_ids(payload.get("activeTasks")),
            publishing_tasks=_ids(payload.get("publishingTasks")),
            aggregate_lag=payload.get("aggregateLag"),
            offsets_updated=str(payload.get("offsetsLastUpdated") or ""),
            recent_errors=tuple(_stream_error(e) for e in payload.get("recentErrors") or ()),
            payload=payload,
        )


def _ids(rows: Sequence[Mapping[str, Any]] | None) -> tuple[str, ...]:
    return tuple(str(row["id"]) for row in rows or ())


def _stream_error(row: Mapping[str, Any]) -> StreamError:
    return StreamError(
        timestamp=str(row.get("timestamp", "")),
        exception=str(row.get("exceptionClass", "")),
        message=str(row.get("message", "")),
        stream=row.get("streamException") is True,
    )


@attrs.frozen
class SupervisorSubmitted:
    """Druid's answer to a spec. Before 38 it says nothing of what it did with it."""

    id: str
    modified: bool | None = None
    restarted: bool | None = None

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> SupervisorSubmitted:
        return cls(str(body["id"]), body.get("modified"), body.get("restarted"))


@attrs.frozen
class TaskSubmitted:
    """``existed``: a task of that id was there already, so an earlier submission had arrived."""

    id: str
    existed: bool = False


@attrs.frozen
class TaskStatus:
    """One task.

    Attributes:
        state: RUNNING (also while it waits for a slot), SUCCESS or FAILED.
        runner_state: WAITING (for locks), PENDING (for a slot), RUNNING, NONE.
        duration: milliseconds, -1 until it has ended.
        error: Druid's ``errorMsg``, which can be a whole stack trace.
    """

    id: str
    type: str
    state: str
    runner_state: str = ""
    duration: int = -1
    created: str = ""
    data_source: str = ""
    error: str = ""

    @property
    def ended(self) -> bool:
        return self.state in ("SUCCESS", "FAILED")

    @classmethod
    def decode(cls, row: Mapping[str, Any]) -> TaskStatus:
        return cls(
            id=str(row["id"]),
            type=str(row.get("type") or ""),
            state=str(row.get("statusCode") or row.get("status") or ""),
            runner_state=str(row.get("runnerStatusCode") or ""),
            duration=row.get("duration", -1),
            created=str(row.get("createdTime") or ""),
            data_source=str(row.get("dataSource") or ""),
            error=str(row.get("errorMsg") or ""),
        )


@attrs.frozen
class RowStats:
    """Rows of a batch task's report, of its last phase that built segments."""

    processed: int = 0
    processed_with_error: int = 0
    thrown_away: int = 0
    unparseable: int = 0


@attrs.frozen
class TaskReport:
    """``GET /task/{id}/reports``, of a native task or of a SQL one.

    Attributes:
        segments_available: whether Druid saw the segments loaded; ``None`` if it did not wait.
        context: the task's context: our owner keys come back in it.
    """

    rows: RowStats = RowStats()
    error: str = ""
    segments_published: int | None = None
    segments_available: bool | None = None
    context: JSON = attrs.field(factory=dict)
    body: JSON = attrs.field(factory=dict, repr=False)

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> TaskReport:
        if "multiStageQuery" in body:
            return _sql_report(body)
        payload = (body.get("ingestionStatsAndErrors") or {}).get("payload") or {}
        stats = payload.get("rowStats") or {}
        rows = stats.get("buildSegments") or (stats.get("totals") or {}).get("buildSegments") or {}
        return cls(
            rows=RowStats(
                processed=rows.get("processed", 0),
                processed_with_error=rows.get("processedWithError", 0),
                thrown_away=rows.get("thrownAway", 0),
                unparseable=rows.get("unparseable", 0),
            ),
            error=str(payload.get("errorMsg") or ""),
            segments_published=payload.get("segmentsPublished"),
            segments_available=payload.get("segmentAvailabilityConfirmed"),
            context=(body.get("taskContext") or {}).get("payload") or {},
            body=dict(body),
        )


def _sql_report(body: Mapping[str, Any]) -> TaskReport:
    payload = body["multiStageQuery"].get("payload") or {}
    status = payload.get("status") or {}
    error = (status.get("errorReport") or {}).get("error") or {}
    workers = [w for stage in (payload.get("counters") or {}).values() for w in stage.values()]
    pushed = (w.get("segmentGenerationProgress", {}).get("rowsPushed", 0) for w in workers)
    words = ": ".join(filter(None, (error.get("errorCode"), error.get("errorMessage"))))
    return TaskReport(rows=RowStats(processed=sum(pushed)), error=words, body=dict(body))
