"""Retention rules and the dynamic configs of the Coordinator and of the Overlord."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.jackson import (
    JSON,
    cannot_construct,
    integer,
    refuse,
    type_id,
)

_BASE = "/druid/coordinator/v1"
_RULES = "org.apache.druid.server.coordinator.rules"

_LOAD = ("loadForever", "loadByInterval", "loadByPeriod")
_RULE_TYPES = frozenset(
    f"{verb}{span}"
    for verb in ("load", "drop", "broadcast")
    for span in ("Forever", "ByInterval", "ByPeriod")
) | {"dropBeforeByPeriod"}


class CoordinatorRoutes:
    """Handlers over the cluster's configuration."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._config = cluster.config

    def routes(self) -> list[web.RouteDef]:
        rules = f"{_BASE}/rules/{{ds}}"
        return [
            web.get(f"{_BASE}/rules", self.all_rules),
            web.get(rules, self.rules),
            web.post(rules, self.set_rules),
            web.get(f"{rules}/history", self.rules_history),
            web.get(f"{_BASE}/config", self.dynamic),
            web.post(f"{_BASE}/config", self.set_dynamic),
            web.get(f"{_BASE}/config/history", self.dynamic_history),
            web.get("/druid/indexer/v1/worker", self.workers),
            web.post("/druid/indexer/v1/worker", self.set_workers),
            web.get("/druid/indexer/v1/worker/history", self.workers_history),
        ]

    # --- rules ---------------------------------------------------------------------------------

    async def all_rules(self, request: web.Request) -> web.Response:
        return answers.ok(self._config.rules)

    async def rules(self, request: web.Request) -> web.Response:
        name = request.match_info["ds"]
        self._cluster.authorize(name)
        own = self._config.rules.get(name, [])
        more = self._config.rules["_default"] if "full" in request.query else []
        return answers.ok([*own, *more])

    async def set_rules(self, request: web.Request) -> web.Response:
        name = request.match_info["ds"]
        self._cluster.authorize(name)
        sent = await self._cluster.body(request)
        if sent is None:
            raise refuse("Rules cannot be null.")
        if not isinstance(sent, list):
            raise refuse(
                f"Cannot deserialize value of type `java.util.ArrayList<{_RULES}.Rule>` from "
                "Object value (token `JsonToken.START_OBJECT`)"
            )
        if name == "_default" and not sent:
            raise refuse("Cluster-level rules cannot be empty.")
        full = [_rule(n, rule) for n, rule in enumerate(sent)]
        if self._config.rules.get(name) != full:
            self._config.rules[name] = full
            self._config.record(request, name, "rules", full)
        return answers.empty(200)

    async def rules_history(self, request: web.Request) -> web.Response:
        return self._history(f"rules/{request.match_info['ds']}", request)

    def _history(self, key: str, request: web.Request) -> web.Response:
        rows = self._config.audit.get(key, [])
        count = request.query.get("count")
        return answers.ok(rows[: int(count)] if count else rows)

    # --- dynamic configuration -----------------------------------------------------------------

    async def dynamic(self, request: web.Request) -> web.Response:
        return answers.ok(self._config.coordinator)

    async def set_dynamic(self, request: web.Request) -> web.Response:
        """Merges: what is not sent stays; what is not known is dropped."""
        sent = await self._cluster.body(request)
        if sent is None:
            why = 'Cannot invoke "CoordinatorDynamicConfig$Builder.build" because it is null'
            return self._cluster.page(request, 500, f"java.lang.NullPointerException: {why}")
        integer(sent, "maxSegmentsToMove", None)
        ratio = sent.get("killTaskSlotRatio")
        if ratio is not None and not 0 <= ratio <= 1:
            words = f"killTaskSlotRatio [{ratio:.2f}] is invalid. It must be >= 0 and <= 1."
            words = f"org.apache.druid.error.DruidException: {words}"
            return self._cluster.page(request, 500, words)
        known = {k: v for k, v in sent.items() if k in self._config.coordinator}
        self._config.coordinator.update(known)
        kind = "coordinator.config"
        self._config.record(request, kind, kind, self._config.coordinator)
        return answers.empty(200)

    async def dynamic_history(self, request: web.Request) -> web.Response:
        return self._history("coordinator.config/coordinator.config", request)

    async def workers(self, request: web.Request) -> web.Response:
        if self._config.workers is None:
            return answers.empty(200, "application/json")
        return answers.ok(self._config.workers)

    async def set_workers(self, request: web.Request) -> web.Response:
        """Replaces: what is not sent goes back to its default."""
        sent = await self._cluster.body(request)
        self._config.workers = {
            "type": "default",
            "selectStrategy": _strategy((sent or {}).get("selectStrategy")),
            "autoScaler": (sent or {}).get("autoScaler"),
        }
        self._config.record(request, "worker.config", "worker.config", self._config.workers)
        return answers.empty(200)

    async def workers_history(self, request: web.Request) -> web.Response:
        return self._history("worker.config/worker.config", request)


def _rule(position: int, sent: Any) -> JSON:
    kind = type_id(sent, f"{_RULES}.Rule", _RULE_TYPES)
    if kind.endswith("ByInterval") and "/" not in str(sent.get("interval")):
        bad = sent.get("interval")
        raise refuse(
            f"Invalid interval[{bad}]: [Format requires a '/' separator: {bad}] (through "
            f'reference chain: java.util.ArrayList[{position}]->{_RULES}.Rule["interval"])'
        )
    full: JSON = {k: sent[k] for k in ("period", "interval") if k in sent}
    if kind.endswith("ByPeriod") and kind != "dropBeforeByPeriod":
        full["includeFuture"] = sent.get("includeFuture", True)
    if kind in _LOAD:
        replicas = sent.get("tieredReplicants") or {"_default_tier": 2}
        for tier, count in replicas.items():
            if count < 0:
                raise cannot_construct(
                    f"{_RULES}.ForeverLoadRule",
                    f"Invalid number of replicas for tier [{tier}]. "
                    f"Value [{count}] must be positive.",
                )
        full["tieredReplicants"] = replicas
        full["useDefaultTierForNull"] = sent.get("useDefaultTierForNull", True)
    return {**full, "type": kind}


def _strategy(sent: JSON | None) -> JSON:
    known = ("fillCapacity", "equalDistribution", "fillCapacityWithCategorySpec", "javascript")
    kind = (sent or {}).get("type")
    # An unknown strategy is taken without a word and becomes the default.
    kind = kind if kind in known else "equalDistribution"
    limits: JSON = {"maxSlotCountByType": {}, "maxSlotRatioByType": {}}
    extra = (sent or {}).get("affinityConfig")
    return {"type": kind, "affinityConfig": extra, "taskLimits": limits}
