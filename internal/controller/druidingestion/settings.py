"""Retention rules and compaction of the datasource: kept as declared, read back, never sent twice.

A setting's results are three: nothing to do, done, refused. The Go operator took the first for the
last, and called every good ingestion without compaction a failure.
"""

from __future__ import annotations

from typing import Any

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import SettingFacts, Trouble
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn import DataSourceFacts
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.settings import (
    SettingDecision,
    SettingMemory,
    SettingName,
    decide_compaction,
    decide_rules,
    remembered,
)
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import CompactionAPI
from druid_operator.pkg.meta import JSON

#: The status field that holds the memory of both.
FIELD = "dataSourceSettings"


def declares_settings(ingestion: JSON) -> bool:
    """Whether the object declares one, or did and has to take it back."""
    spec = (ingestion.get("spec") or {}).get("ingestion") or {}
    managed = (ingestion.get("status") or {}).get(FIELD)
    return bool(managed) or spec.get("rules") is not None or spec.get("compaction") is not None


@attrs.frozen
class SettingsPass:
    """One pass over both settings of one datasource."""

    work: Work

    async def run(self) -> SettingFacts:
        """Raises ``DruidError`` when Druid does not answer or fails."""
        data_source = self.work.desired.data_source
        settings, api = self.work.connection.settings, self.work.connection.api
        settings.follow(data_source)
        generation = (await self.work.connection.capabilities()).compaction_api
        now = self.work.clock.monotonic()
        live = await settings.facts(api, generation, data_source, now)
        rules = await self._setting("rules", live, generation)
        compaction = await self._setting("compaction", live, generation)
        kept: JSON = {"rules": rules[0], "compaction": compaction[0]}
        kept = {name: memory for name, memory in kept.items() if memory}
        if kept:
            kept["dataSource"] = data_source
        return SettingFacts(
            remember={FIELD: kept or None, **self._go_rules(rules[0])},
            trouble=rules[1].trouble or compaction[1].trouble,
            drift=rules[1].drift or compaction[1].drift,
            events=(*rules[1].events, *compaction[1].events),
        )

    async def _setting(
        self, name: SettingName, live: DataSourceFacts, generation: CompactionAPI
    ) -> tuple[JSON, SettingFacts]:
        """What to remember of it, and what became of it."""
        memory = _memory(self.work, name)
        decision = self._decide(name, live, memory)
        match decision.action:
            case "Keep":
                return _written(decision.memory or memory), SettingFacts()
            case "Forget":
                return {}, self._told(name, decision, "Normal", EventReason.SETTING_RELEASED)
            case "Drift":
                drift = Trouble("Drifted", f"{name}: {decision.message}")
                return _written(memory), SettingFacts(drift=drift)
            case "Refuse":
                trouble = _refused(name, decision.message)
                return _written(memory), SettingFacts(trouble=trouble)
            case "Set" | "Remove":
                return await self._change(name, decision, memory, generation)

    def _decide(
        self, name: SettingName, live: DataSourceFacts, memory: SettingMemory
    ) -> SettingDecision:
        drift = self.work.policies.drift
        if name == "rules":
            return decide_rules(self.work.spec.ingestion.rules, live.rules, memory, drift)
        return decide_compaction(self._compaction(), live.compaction, memory, drift)

    def _compaction(self) -> JSON | None:
        given = self.work.spec.ingestion.compaction
        return None if given is None else {**given, "dataSource": self.work.desired.data_source}

    async def _change(
        self,
        name: SettingName,
        decision: SettingDecision,
        memory: SettingMemory,
        generation: CompactionAPI,
    ) -> tuple[JSON, SettingFacts]:
        settings, data_source = self.work.connection.settings, self.work.desired.data_source
        desired = self.work.spec.ingestion.rules if name == "rules" else self._compaction()
        try:
            await self._send(name, desired, generation)
        except errors.Rejected as error:
            words = redact_text(error.message)
            refused = attrs.evolve(
                memory, rejected_hash=remembered(desired, None).spec_hash, rejected_message=words
            )
            event = Event("Warning", EventReason.OPERATION_FAILED, "Set", f"{name}: {words}")
            facts = SettingFacts(trouble=_refused(name, words), events=(event,))
            return _written(refused), facts
        except errors.OutcomeUnknown:
            settings.forget(data_source, self.work.clock.monotonic())
            raise
        live = await settings.refresh(
            self.work.connection.api, generation, data_source, self.work.clock.monotonic()
        )
        if decision.action == "Remove":
            return {}, self._told(name, decision, "Normal", EventReason.SETTING_RELEASED)
        after = live.rules if name == "rules" else live.compaction
        kind = "Warning" if decision.reason == "DriftCorrected" else "Normal"
        facts = self._told(name, decision, kind, EventReason.SETTING_CHANGED)
        return _written(remembered(desired, after)), facts

    async def _send(self, name: SettingName, desired: Any, generation: CompactionAPI) -> None:
        api, comment = self.work.connection.api, self.work.comment
        data_source = self.work.desired.data_source
        if name == "rules":
            await api.set_rules(data_source, desired or [], comment=comment)
        elif desired is not None:
            await api.set_compaction(generation, desired, comment=comment)
        else:
            try:
                await api.delete_compaction(generation, data_source, comment=comment)
            except errors.NotFound:
                pass  # gone already

    def _told(
        self, name: SettingName, decision: SettingDecision, kind: Any, reason: EventReason
    ) -> SettingFacts:
        words = {"Set": "Set", "Remove": "Removed", "Forget": "Released"}[decision.action]
        note = f"{words} {name} of {self.work.desired.data_source}"
        why = decision.message or decision.reason
        return SettingFacts(events=(Event(kind, reason, words, f"{note}: {why}"),))

    def _go_rules(self, kept: JSON) -> JSON:
        """The rules that Druid took, where the Go operator keeps them: it compares byte by byte."""
        rules = self.work.spec.ingestion.rules
        taken = bool(kept) and not kept.get("rejected") and rules is not None
        return {"rules": rules} if taken else {}


def _memory(work: Work, name: SettingName) -> SettingMemory:
    stored = work.status.get(FIELD) or {}
    if stored.get("dataSource") != work.desired.data_source:
        # What was set for another datasource stays there: its rows do, too.
        return SettingMemory()
    row = stored.get(name) or {}
    rejected = row.get("rejected") or {}
    return SettingMemory(
        spec_hash=row.get("specHash", ""),
        live_baseline=row.get("liveBaseline", ""),
        rejected_hash=rejected.get("specHash", ""),
        rejected_message=rejected.get("message", ""),
    )


def _written(memory: SettingMemory) -> JSON:
    row: JSON = {}
    if memory.spec_hash:
        row |= {"specHash": memory.spec_hash, "liveBaseline": memory.live_baseline}
    if memory.rejected_hash:
        row["rejected"] = {"specHash": memory.rejected_hash, "message": memory.rejected_message}
    return row


def _refused(name: SettingName, words: str) -> Trouble:
    reason = "RulesRejected" if name == "rules" else "CompactionRejected"
    return Trouble(reason, f"spec.ingestion.{name}: {words}", stalled=True)
