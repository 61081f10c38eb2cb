"""What is known of the rules and the compaction of one cluster's datasources."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import CompactionAPI, DataSourceAPI
from druid_operator.pkg.druidapi.types import JSON


@attrs.frozen
class DataSourceFacts:
    """One datasource as Druid described it last: its own rules, and its compaction if any."""

    rules: list[JSON]
    compaction: JSON | None


class SettingsView:
    """Facts by datasource, for those that somebody follows. Kept like ``ClusterView``.

    Args:
        notify: told the name of a datasource whose facts changed.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._facts: dict[str, DataSourceFacts] = {}
        self._followed: set[str] = set()
        self._not_before: dict[str, float] = {}

    @property
    def followed(self) -> frozenset[str]:
        return frozenset(self._followed)

    def follow(self, data_source: str) -> None:
        self._followed.add(data_source)

    def unfollow(self, data_source: str) -> None:
        self._followed.discard(data_source)
        self._facts.pop(data_source, None)
        self._not_before.pop(data_source, None)

    async def facts(
        self, api: DataSourceAPI, generation: CompactionAPI, data_source: str, now: float
    ) -> DataSourceFacts:
        """What is known; Druid is asked if nothing is."""
        known = self._facts.get(data_source)
        return known or await self.refresh(api, generation, data_source, now)

    async def refresh(
        self, api: DataSourceAPI, generation: CompactionAPI, data_source: str, now: float
    ) -> DataSourceFacts:
        """Ask Druid now, and remember."""
        rules = await api.rules(data_source)
        try:
            compaction: JSON | None = await api.compaction(generation, data_source)
        except errors.NotFound:
            compaction = None
        facts = DataSourceFacts(rules, compaction)
        self._not_before[data_source] = now
        self._facts[data_source] = facts
        return facts

    def forget(self, data_source: str, now: float) -> None:
        """What is known may be stale: the next pass asks."""
        self._facts.pop(data_source, None)
        self._not_before[data_source] = now

    def take(
        self,
        rules: Mapping[str, list[JSON]],
        compaction: Mapping[str, JSON],
        asked_at: float,
    ) -> None:
        """What the poller learnt of all datasources at once."""
        for name in sorted(self._followed):
            known = self._facts.get(name)
            if known is None or asked_at < self._not_before.get(name, float("-inf")):
                continue
            facts = DataSourceFacts(list(rules.get(name, [])), compaction.get(name))
            self._facts[name] = facts
            if facts != known:
                self._notify(name)
