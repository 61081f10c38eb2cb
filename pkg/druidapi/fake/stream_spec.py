"""A streaming supervisor's spec as Druid gives it back: defaults filled in, sections twice.

Kafka is held to recordings. Kinesis and RabbitMQ share its shape; their own fields are from Druid's
documentation, and no recording vouches for them.
"""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.druidapi.fake.data_schema import data_schema, index_spec
from druid_operator.pkg.druidapi.fake.jackson import (
    JSON,
    boolean,
    byte_size,
    cannot_construct,
    duration,
    integer,
    number,
    object_,
    type_id,
)
from druid_operator.pkg.druidapi.fake.versions import Version

_PACKAGES = {
    "kafka": ("org.apache.druid.indexing.kafka.supervisor", "Kafka"),
    "kinesis": ("org.apache.druid.indexing.kinesis.supervisor", "Kinesis"),
    "rabbit": ("org.apache.druid.indexing.rabbitstream.supervisor", "RabbitStream"),
}


def stream_spec(sent: JSON, version: Version) -> JSON:
    """Both layouts are taken: everything under ``spec``, or the three sections at top level."""
    kind = sent["type"]
    package, name = _PACKAGES[kind]
    java = f"{package}.{name}SupervisorSpec"
    sections = {**sent, **(object_(sent, "spec") or {})}
    schema_sent = object_(sections, "dataSchema")
    io_sent = object_(sections, "ioConfig")
    schema = data_schema(schema_sent, version) if schema_sent is not None else None
    io = _io(kind, io_sent, version) if io_sent is not None else None
    if schema is None:
        raise cannot_construct(java, "dataSchema")
    if io is None:
        raise cannot_construct(java, "ioConfig")
    tuning = _tuning(kind, object_(sections, "tuningConfig") or {}, version)
    body = {"dataSchema": schema, "ioConfig": io, "tuningConfig": tuning}
    spec: JSON = {"type": kind}
    if version.explicit_ids:
        spec["id"] = sent.get("id") or schema["dataSource"]
    return {
        **spec,
        "spec": body,
        "dataSchema": schema,
        "tuningConfig": tuning,
        "ioConfig": io,
        "context": sent.get("context"),
        "suspended": boolean(sent, "suspended", False),
    }


def _io(kind: str, sent: JSON, version: Version) -> JSON:
    _check_io(kind, sent)
    package, name = _PACKAGES[kind]
    chain = (
        f'{package}.{name}SupervisorSpec["spec"]->{package}.{name}SupervisorIngestionSpec'
        f'["ioConfig"]->{package}.{name}SupervisorIOConfig'
    )
    scaler = _auto_scaler(object_(sent, "autoScalerConfig"), version)
    tasks = integer(sent, "taskCount", 1)
    if scaler is not None and scaler["enableTaskAutoScaler"] and not version.keeps_task_count:
        tasks = scaler["taskCountMin"]
    earliest = "useEarliestOffset" if kind == "kafka" else "useEarliestSequenceNumber"
    from_start = boolean(sent, earliest, boolean(sent, "useEarliestSequenceNumber", False))
    late, early = "lateMessageRejectionPeriod", "earlyMessageRejectionPeriod"
    full: JSON = {
        **_source(kind, sent),
        "inputFormat": sent.get("inputFormat"),
        "replicas": integer(sent, "replicas", 1),
        "taskCount": tasks,
        "taskDuration": duration(sent, "taskDuration", "PT3600S", chain),
        "autoScalerConfig": scaler,
        "startDelay": duration(sent, "startDelay", "PT5S", chain),
        "period": duration(sent, "period", "PT30S", chain),
        earliest: from_start,
        "completionTimeout": duration(sent, "completionTimeout", "PT1800S", chain),
        late: duration(sent, late, None, chain),
        early: duration(sent, early, None, chain),
        "lateMessageRejectionStartDateTime": sent.get("lateMessageRejectionStartDateTime"),
        "idleConfig": _idle(object_(sent, "idleConfig")),
        "stopTaskCount": sent.get("stopTaskCount"),
    }
    if version.explicit_ids:
        full["lagAggregator"] = sent.get("lagAggregator") or {"type": "default"}
        full["serverPriorityToReplicas"] = sent.get("serverPriorityToReplicas")
    if kind == "kafka":
        full["configOverrides"] = sent.get("configOverrides")
        full["emitTimeLagMetrics"] = boolean(sent, "emitTimeLagMetrics", False)
    full["stream"] = sent.get("topic") or sent.get("topicPattern") or sent.get("stream")
    full["useEarliestSequenceNumber"] = from_start
    return full


def _check_io(kind: str, sent: JSON) -> None:
    package, name = _PACKAGES[kind]
    java = f"{package}.{name}SupervisorIOConfig"
    if kind != "kafka":
        if not sent.get("stream"):
            raise cannot_construct(java, "stream")
        return
    if not sent.get("topic") and not sent.get("topicPattern"):
        raise cannot_construct(java, "Either topic or topicPattern must be specified")
    consumer = object_(sent, "consumerProperties")
    if consumer is None:
        raise cannot_construct(java, "consumerProperties")
    if "bootstrap.servers" not in consumer:
        raise cannot_construct(
            java, "consumerProperties must contain entry for [bootstrap.servers]"
        )


def _source(kind: str, sent: JSON) -> JSON:
    if kind == "kafka":
        return {
            "topic": sent.get("topic"),
            "topicPattern": sent.get("topicPattern"),
            "consumerProperties": sent["consumerProperties"],
            "pollTimeout": integer(sent, "pollTimeout", 100),
        }
    if kind == "kinesis":
        return {
            "endpoint": sent.get("endpoint") or "kinesis.us-east-1.amazonaws.com",
            "fetchDelayMillis": integer(sent, "fetchDelayMillis", 0),
            "awsAssumedRoleArn": sent.get("awsAssumedRoleArn"),
            "awsExternalId": sent.get("awsExternalId"),
        }
    return {"uri": sent.get("uri"), "consumerProperties": sent.get("consumerProperties") or {}}


def _idle(sent: JSON | None) -> JSON | None:
    if sent is None:
        return None
    millis = integer(sent, "inactiveAfterMillis", None)
    return {"enabled": boolean(sent, "enabled", False), "inactiveAfterMillis": millis}


def _auto_scaler(sent: JSON | None, version: Version) -> JSON | None:
    if sent is None:
        return None
    older = {} if version.explicit_ids else {"lagAggregate": sent.get("lagAggregate")}
    return {
        **older,
        "autoScalerStrategy": sent.get("autoScalerStrategy") or "lagBased",
        "lagCollectionIntervalMillis": integer(sent, "lagCollectionIntervalMillis", 30000),
        "lagCollectionRangeMillis": integer(sent, "lagCollectionRangeMillis", 600000),
        "scaleActionStartDelayMillis": integer(sent, "scaleActionStartDelayMillis", 300000),
        "scaleActionPeriodMillis": integer(sent, "scaleActionPeriodMillis", 60000),
        "scaleOutThreshold": integer(sent, "scaleOutThreshold", 6000000),
        "scaleInThreshold": integer(sent, "scaleInThreshold", 1000000),
        "triggerScaleOutFractionThreshold": number(sent, "triggerScaleOutFractionThreshold", 0.3),
        "triggerScaleInFractionThreshold": number(sent, "triggerScaleInFractionThreshold", 0.9),
        "taskCountMax": integer(sent, "taskCountMax", 0),
        "taskCountMin": integer(sent, "taskCountMin", 0),
        "scaleInStep": integer(sent, "scaleInStep", 1),
        "scaleOutStep": integer(sent, "scaleOutStep", 2),
        "enableTaskAutoScaler": boolean(sent, "enableTaskAutoScaler", False),
        "minTriggerScaleActionFrequencyMillis": integer(
            sent, "minTriggerScaleActionFrequencyMillis", 600000
        ),
    }


def _tuning(kind: str, sent: JSON, version: Version) -> JSON:
    package, name = _PACKAGES[kind]
    chain = f"{package}.{name}SupervisorTuningConfig"
    if sent:  # left out, it is all defaults; given, it must say its type
        type_id(sent, chain, frozenset({kind}))
    full: JSON = {
        "type": kind,
        "appendableIndexSpec": sent.get("appendableIndexSpec")
        or {"type": "onheap", "preserveExistingMetrics": False},
        "maxRowsInMemory": integer(sent, "maxRowsInMemory", 150000),
        "maxBytesInMemory": byte_size(sent, "maxBytesInMemory", 0),
        "skipBytesInMemoryOverheadCheck": boolean(sent, "skipBytesInMemoryOverheadCheck", False),
        "maxRowsPerSegment": integer(sent, "maxRowsPerSegment", 5000000),
        "maxTotalRows": integer(sent, "maxTotalRows", None),
        "intermediatePersistPeriod": sent.get("intermediatePersistPeriod") or "PT10M",
        "maxPendingPersists": integer(sent, "maxPendingPersists", 0),
        "indexSpec": index_spec(object_(sent, "indexSpec"), version),
        "indexSpecForIntermediatePersists": index_spec(
            object_(sent, "indexSpecForIntermediatePersists") or object_(sent, "indexSpec"), version
        ),
        "reportParseExceptions": boolean(sent, "reportParseExceptions", False),
        "handoffConditionTimeout": integer(sent, "handoffConditionTimeout", 900000),
        "resetOffsetAutomatically": boolean(sent, "resetOffsetAutomatically", False),
        "segmentWriteOutMediumFactory": sent.get("segmentWriteOutMediumFactory"),
        "workerThreads": integer(sent, "workerThreads", None),
        "chatRetries": integer(sent, "chatRetries", 8),
        "httpTimeout": duration(sent, "httpTimeout", "PT10S", chain),
        "shutdownTimeout": duration(sent, "shutdownTimeout", "PT80S", chain),
        "offsetFetchPeriod": duration(sent, "offsetFetchPeriod", "PT30S", chain),
        "intermediateHandoffPeriod": sent.get("intermediateHandoffPeriod") or "P2147483647D",
        "logParseExceptions": boolean(sent, "logParseExceptions", False),
        "maxParseExceptions": integer(sent, "maxParseExceptions", 2147483647),
        "maxSavedParseExceptions": integer(sent, "maxSavedParseExceptions", 0),
        "numPersistThreads": integer(sent, "numPersistThreads", 1),
        "maxColumnsToMerge": integer(sent, "maxColumnsToMerge", -1),
        "skipSequenceNumberAvailabilityCheck": boolean(
            sent, "skipSequenceNumberAvailabilityCheck", False
        ),
        "repartitionTransitionDuration": duration(
            sent, "repartitionTransitionDuration", "PT120S", chain
        ),
    }
    if version.explicit_ids:
        full["releaseLocksOnHandoff"] = boolean(sent, "releaseLocksOnHandoff", False)
    return full


def stream_of(spec: JSON) -> tuple[bool, Any]:
    """Whether a pattern, and the topic, pattern or stream that a normalised spec reads."""
    io = spec["spec"]["ioConfig"]
    return bool(io.get("topicPattern")), io["stream"]
