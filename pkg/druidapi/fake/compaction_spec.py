"""A datasource's compaction configuration as Druid gives it back."""

from __future__ import annotations

from druid_operator.pkg.druidapi.fake.data_schema import granularity
from druid_operator.pkg.druidapi.fake.jackson import (
    JSON,
    boolean,
    byte_size,
    cannot_construct,
    integer,
    object_,
)

_CONFIG = "org.apache.druid.server.coordinator.InlineSchemaDataSourceCompactionConfig"

_TUNING_UNSET = (
    "maxRowsInMemory", "appendableIndexSpec", "maxBytesInMemory", "maxTotalRows", "splitHintSpec",
    "partitionsSpec", "indexSpec", "indexSpecForIntermediatePersists", "maxPendingPersists",
    "pushTimeout", "segmentWriteOutMediumFactory", "maxNumConcurrentSubTasks", "maxRetry",
    "taskStatusCheckPeriodMs", "chatHandlerTimeout", "chatHandlerNumRetries",
    "maxNumSegmentsToMerge", "totalNumMergeTasks", "maxColumnsToMerge",
)  # fmt: skip


def compaction_config(sent: JSON) -> JSON:
    if sent.get("dataSource") is None:
        raise cannot_construct(_CONFIG, "dataSource")
    return {
        "type": "inline",
        "dataSource": sent["dataSource"],
        "taskPriority": integer(sent, "taskPriority", 25),
        "inputSegmentSizeBytes": byte_size(sent, "inputSegmentSizeBytes", 100000000000000),
        "maxRowsPerSegment": integer(sent, "maxRowsPerSegment", None),
        "skipOffsetFromLatest": sent.get("skipOffsetFromLatest") or "P1D",
        "tuningConfig": _tuning(object_(sent, "tuningConfig")),
        "granularitySpec": _granularities(object_(sent, "granularitySpec")),
        "dimensionsSpec": sent.get("dimensionsSpec"),
        "metricsSpec": sent.get("metricsSpec"),
        "transformSpec": sent.get("transformSpec"),
        "projections": sent.get("projections"),
        "ioConfig": sent.get("ioConfig"),
        "engine": sent.get("engine"),
        "taskContext": sent.get("taskContext"),
    }


def _tuning(sent: JSON | None) -> JSON | None:
    if sent is None:
        return None
    full: JSON = {key: sent.get(key) for key in _TUNING_UNSET}
    partitions = object_(sent, "partitionsSpec")
    if partitions is not None and partitions.get("type") == "dynamic":
        full["partitionsSpec"] = {
            "type": "dynamic",
            "maxRowsPerSegment": integer(partitions, "maxRowsPerSegment", 5000000),
            "maxTotalRows": integer(partitions, "maxTotalRows", None),
        }
    full["type"] = "index_parallel"
    full["forceGuaranteedRollup"] = boolean(sent, "forceGuaranteedRollup", False)
    return full


def _granularities(sent: JSON | None) -> JSON | None:
    if sent is None:
        return None
    return {
        "segmentGranularity": granularity(sent.get("segmentGranularity"), None),
        "queryGranularity": granularity(sent.get("queryGranularity"), None),
        "rollup": sent.get("rollup"),
    }


def invalid_reason(config: JSON) -> str:
    """Why Druid would not run this configuration as a supervisor, empty if it would."""
    partitions = (config.get("tuningConfig") or {}).get("partitionsSpec") or {}
    if config.get("engine") == "msq" and partitions.get("type") == "hashed":
        kind = "HashedPartitionsSpec"
        return f"MSQ: Invalid partitioning type[{kind}]. Must be either 'dynamic' or 'range'"
    return ""
