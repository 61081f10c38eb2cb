"""Figures of each ingestion, for alerts: as its last pass left it, gone when the object is."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts
from druid_operator.internal.controller.druidingestion.reasons import ConditionType
from druid_operator.pkg.meta import JSON, NamespacedName, find_condition

_OBJECT = ("namespace", "name")
_STATUSES = ("True", "False", "Unknown")
_SHOWN = (ConditionType.READY, ConditionType.SYNCED)


class IngestionMetrics:
    """``druid_operator_ingestion_*``. Labels are the object's names and words from closed sets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._states: dict[NamespacedName, str] = {}
        self._condition = Gauge(
            "druid_operator_ingestion_condition",
            "1 for the status that a condition of a DruidIngestion has, 0 for the others",
            (*_OBJECT, "type", "status"),
            registry=registry,
        )
        self._state = Gauge(
            "druid_operator_ingestion_state",
            "1 for the state that Druid reports of a DruidIngestion",
            (*_OBJECT, "state"),
            registry=registry,
        )
        self._lag = Gauge(
            "druid_operator_ingestion_lag_records",
            "Records of the stream that were not read yet, as Druid measured them last",
            _OBJECT,
            registry=registry,
        )
        self._tasks = Gauge(
            "druid_operator_ingestion_active_tasks",
            "Tasks that read the stream",
            _OBJECT,
            registry=registry,
        )
        self._drift = Counter(
            "druid_operator_ingestion_drift_corrections_total",
            "Times that something which others changed in Druid was changed back",
            _OBJECT,
            registry=registry,
        )

    def observe(self, key: NamespacedName, status: JSON, facts: Facts) -> None:
        """What a pass found out and wrote."""
        for type_ in _SHOWN:
            found = find_condition(status.get("conditions"), type_) or {}
            for word in _STATUSES:
                value = float(found.get("status") == word)
                self._condition.labels(key.namespace, key.name, type_, word).set(value)
        self._set_state(key, str(status.get("state") or ""))
        described = facts.supervisor.status if facts.supervisor else None
        if described is not None:
            self._tasks.labels(*_of(key)).set(len(described.active_tasks))
            if described.aggregate_lag is not None and described.offsets_updated:
                self._lag.labels(*_of(key)).set(described.aggregate_lag)
        drifts = sum(event.reason == EventReason.DRIFT_CORRECTED for event in facts.events)
        self._drift.labels(*_of(key)).inc(drifts)

    def forget(self, key: NamespacedName) -> None:
        """Remove every series of an object that is gone."""
        for type_ in _SHOWN:
            for word in _STATUSES:
                self._condition.remove(key.namespace, key.name, type_, word)
        self._set_state(key, "")
        for metric in (self._lag, self._tasks, self._drift):
            metric.remove(*_of(key))

    def _set_state(self, key: NamespacedName, state: str) -> None:
        before = self._states.pop(key, "")
        if before and before != state:
            self._state.remove(key.namespace, key.name, before)
        if state:
            self._states[key] = state
            self._state.labels(key.namespace, key.name, state).set(1)


def _of(key: NamespacedName) -> tuple[str, str]:
    return key.namespace, key.name
