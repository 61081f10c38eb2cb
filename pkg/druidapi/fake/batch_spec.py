"""Batch tasks as Druid gives them back, and what it refuses about them."""

from __future__ import annotations

from druid_operator.pkg.druidapi.fake.data_schema import data_schema, index_spec
from druid_operator.pkg.druidapi.fake.jackson import (
    JSON,
    boolean,
    byte_size,
    cannot_construct,
    integer,
    object_,
)
from druid_operator.pkg.druidapi.fake.versions import Version

_TASK = "org.apache.druid.indexing.common.task"
_PARALLEL = f"{_TASK}.batch.parallel.ParallelIndexSupervisorTask"
_TUNING = f"{_TASK}.batch.parallel.ParallelIndexTuningConfig"

#: What 33.0.0 without extensions knows.
TASK_TYPES = frozenset(
    (
        "archive", "compact", "index", "index_parallel", "index_realtime_appenderator", "kill",
        "move", "noop", "partial_dimension_cardinality", "partial_dimension_distribution",
        "partial_index_generate", "partial_index_generic_merge", "partial_range_index_generate",
        "restore", "single_phase_sub_task",
    )
)  # fmt: skip


def check_task_id(task_id: str, kind: str) -> None:
    problem = ""
    if "/" in task_id:
        problem = f"Value [{task_id}] cannot contain '/'."
    elif task_id.startswith("."):
        problem = f"Value [{task_id}] cannot start with '.'."
    elif not task_id:
        problem = "must not be null"
    if problem:
        java = f"{_TASK}.{'NoopTask' if kind == 'noop' else 'AbstractTask'}"
        raise cannot_construct(java, f"Invalid value for field [task ID]: {problem}")


def noop_payload(sent: JSON, task_id: str) -> JSON:
    return {
        "type": "noop",
        "id": task_id,
        "groupId": sent.get("groupId") or task_id,
        "dataSource": sent.get("dataSource") or "none",
        "runTime": integer(sent, "runTime", 2500),
        "context": _context(sent),
        "resource": {"availabilityGroup": task_id, "requiredCapacity": 1},
    }


def _context(sent: JSON) -> JSON:
    added = {"forceTimeChunkLock": True, "useLineageBasedSegmentAllocation": True}
    return {**added, **(sent.get("context") or {})}


def index_payload(sent: JSON, task_id: str, version: Version) -> JSON:
    """``index_parallel`` and ``index``; the recordings have the first."""
    spec = object_(sent, "spec") or {}
    schema = data_schema(object_(spec, "dataSchema") or {}, version)
    io = object_(spec, "ioConfig") or {}
    if object_(io, "inputSource") is None:
        raise cannot_construct(_PARALLEL, "inputSource")
    tuning = _tuning(sent["type"], object_(spec, "tuningConfig") or {}, version)
    return {
        "type": sent["type"],
        "id": task_id,
        "groupId": sent.get("groupId") or task_id,
        "resource": {"availabilityGroup": task_id, "requiredCapacity": 1},
        "spec": {"dataSchema": schema, "ioConfig": _io(sent["type"], io), "tuningConfig": tuning},
        "context": _context(sent),
        "dataSource": schema["dataSource"],
    }


def _io(kind: str, sent: JSON) -> JSON:
    return {
        "type": kind,
        "inputSource": sent["inputSource"],
        "inputFormat": sent.get("inputFormat"),
        "appendToExisting": boolean(sent, "appendToExisting", False),
        "dropExisting": boolean(sent, "dropExisting", False),
    }


def _tuning(kind: str, sent: JSON, version: Version) -> JSON:
    partitions = object_(sent, "partitionsSpec") or {"type": "dynamic"}
    perfect = boolean(sent, "forceGuaranteedRollup", False)
    if not perfect and partitions.get("type") != "dynamic":
        problem = "DynamicPartitionsSpec must be used for best-effort rollup"
        raise cannot_construct(_TUNING, problem)
    if partitions.get("type") == "dynamic":
        partitions = {
            "type": "dynamic",
            "maxRowsPerSegment": integer(partitions, "maxRowsPerSegment", 5000000),
            "maxTotalRows": integer(partitions, "maxTotalRows", None),
        }
    return {
        "type": kind,
        "maxRowsPerSegment": integer(sent, "maxRowsPerSegment", 5000000),
        "appendableIndexSpec": sent.get("appendableIndexSpec")
        or {"type": "onheap", "preserveExistingMetrics": False},
        "maxRowsInMemory": integer(sent, "maxRowsInMemory", 1000000),
        "maxBytesInMemory": byte_size(sent, "maxBytesInMemory", 0),
        "skipBytesInMemoryOverheadCheck": boolean(sent, "skipBytesInMemoryOverheadCheck", False),
        "maxTotalRows": integer(sent, "maxTotalRows", None),
        "numShards": integer(sent, "numShards", None),
        "splitHintSpec": sent.get("splitHintSpec"),
        "partitionsSpec": partitions,
        "indexSpec": index_spec(object_(sent, "indexSpec"), version),
        "indexSpecForIntermediatePersists": index_spec(
            object_(sent, "indexSpecForIntermediatePersists") or object_(sent, "indexSpec"), version
        ),
        "maxPendingPersists": integer(sent, "maxPendingPersists", 0),
        "forceGuaranteedRollup": perfect,
        "reportParseExceptions": boolean(sent, "reportParseExceptions", False),
        "pushTimeout": integer(sent, "pushTimeout", 0),
        "segmentWriteOutMediumFactory": sent.get("segmentWriteOutMediumFactory"),
        "maxNumConcurrentSubTasks": integer(sent, "maxNumConcurrentSubTasks", 1),
        "maxRetry": integer(sent, "maxRetry", 3),
        "taskStatusCheckPeriodMs": integer(sent, "taskStatusCheckPeriodMs", 1000),
        "chatHandlerTimeout": sent.get("chatHandlerTimeout") or "PT10S",
        "chatHandlerNumRetries": integer(sent, "chatHandlerNumRetries", 5),
        "maxNumSegmentsToMerge": integer(sent, "maxNumSegmentsToMerge", 100),
        "totalNumMergeTasks": integer(sent, "totalNumMergeTasks", 10),
        "logParseExceptions": boolean(sent, "logParseExceptions", False),
        "maxParseExceptions": integer(sent, "maxParseExceptions", 2147483647),
        "maxSavedParseExceptions": integer(sent, "maxSavedParseExceptions", 0),
        "maxColumnsToMerge": integer(sent, "maxColumnsToMerge", -1),
        "awaitSegmentAvailabilityTimeoutMillis": integer(
            sent, "awaitSegmentAvailabilityTimeoutMillis", 0
        ),
        "maxAllowedLockCount": integer(sent, "maxAllowedLockCount", -1),
        "numPersistThreads": integer(sent, "numPersistThreads", 1),
        "partitionDimensions": sent.get("partitionDimensions") or [],
    }
