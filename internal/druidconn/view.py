"""What is known of one cluster's supervisors, and when it was learnt.

A pass reads here and asks Druid nothing, unless it has to know at once. The poller and every
mutation of ours keep it fresh; whoever registered for an id is told when its facts change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import SupervisorAPI
from druid_operator.pkg.druidapi.types import (
    JSON,
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
)


@attrs.frozen(kw_only=True)
class SupervisorFacts:
    """One supervisor as Druid described it last.

    Args:
        spec: the stored spec; ``None`` when Druid has no supervisor of that id.
        suspended: what the spec says, not what the state says (a suspended supervisor whose stream
            cannot be reached never gets the state SUSPENDED).
        status: the full status, when it was asked for.
        observed_at: monotonic seconds.
    """

    id: str
    spec: JSON | None = attrs.field(repr=False)
    suspended: bool = False
    state: str = ""
    detailed_state: str = ""
    healthy: bool | None = None
    status: SupervisorStatus | None = attrs.field(default=None, repr=False)
    observed_at: float = 0.0

    @property
    def exists(self) -> bool:
        return self.spec is not None

    def same_as(self, other: SupervisorFacts | None) -> bool:
        """Whether nothing that a pass decides on has changed; the time and the lag do not count."""
        return other is not None and (
            self.spec, self.suspended, self.state, self.detailed_state, self.healthy,
        ) == (
            other.spec, other.suspended, other.state, other.detailed_state, other.healthy,
        )  # fmt: skip


Listener = Callable[[str], None]


class ClusterView:
    """Facts by supervisor id.

    Args:
        notify: told the id of a supervisor whose facts changed, if somebody follows it.
    """

    def __init__(self, notify: Listener) -> None:
        self._notify = notify
        self._facts: dict[str, SupervisorFacts] = {}
        self._followed: set[str] = set()

    def follow(self, supervisor_id: str) -> None:
        self._followed.add(supervisor_id)

    def unfollow(self, supervisor_id: str) -> None:
        self._followed.discard(supervisor_id)
        self._facts.pop(supervisor_id, None)

    @property
    def followed(self) -> frozenset[str]:
        return frozenset(self._followed)

    def facts(self, supervisor_id: str) -> SupervisorFacts | None:
        """``None``: nobody has asked Druid yet."""
        return self._facts.get(supervisor_id)

    async def refresh(self, api: SupervisorAPI, supervisor_id: str, now: float) -> SupervisorFacts:
        """Ask Druid now, and remember. Raises what the client raises, but for ``NotFound``."""
        facts = await _ask(api, supervisor_id, now)
        self._facts[supervisor_id] = facts
        return facts

    def forget(self, supervisor_id: str) -> None:
        """What is known may be stale (a mutation of unknown outcome): the next pass asks."""
        self._facts.pop(supervisor_id, None)

    def take_states(self, rows: Iterable[SupervisorState], now: float) -> None:
        """A cheap listing: states, and who is missing."""
        seen = {row.id: row for row in rows}
        for supervisor_id in sorted(self._followed):
            known = self._facts.get(supervisor_id)
            if known is None:
                continue
            row = seen.get(supervisor_id)
            if row is None:
                self._set(SupervisorFacts(id=supervisor_id, spec=None, observed_at=now))
            elif not known.exists:
                # It appeared; its spec is not known yet, so let the pass ask.
                self.forget(supervisor_id)
                self._notify(supervisor_id)
            else:
                self._set(attrs.evolve(
                    known, state=row.state, detailed_state=row.detailed_state,
                    healthy=row.healthy, observed_at=now,
                ))  # fmt: skip

    def take_listing(self, rows: Iterable[SupervisorListing], now: float) -> None:
        """A full listing: specs too."""
        seen = {row.id: row for row in rows}
        for supervisor_id in sorted(self._followed):
            row = seen.get(supervisor_id)
            if row is None:
                self._set(SupervisorFacts(id=supervisor_id, spec=None, observed_at=now))
                continue
            known = self._facts.get(supervisor_id)
            self._set(SupervisorFacts(
                id=row.id, spec=row.spec(), suspended=row.suspended, state=row.state,
                detailed_state=row.detailed_state, healthy=row.healthy,
                status=known.status if known else None, observed_at=now,
            ))  # fmt: skip

    def take_status(self, status: SupervisorStatus) -> None:
        known = self._facts.get(status.id)
        if known is not None:
            self._facts[status.id] = attrs.evolve(known, status=status)
            self._notify(status.id)

    def _set(self, facts: SupervisorFacts) -> None:
        old = self._facts.get(facts.id)
        self._facts[facts.id] = facts
        if not facts.same_as(old):
            self._notify(facts.id)


async def _ask(api: SupervisorAPI, supervisor_id: str, now: float) -> SupervisorFacts:
    try:
        spec = await api.supervisor_spec(supervisor_id)
        status = await api.supervisor_status(supervisor_id)
    except errors.NotFound:
        return SupervisorFacts(id=supervisor_id, spec=None, observed_at=now)
    suspended = spec.get("suspended") is True or (spec.get("spec") or {}).get("suspended") is True
    return SupervisorFacts(
        id=supervisor_id,
        spec=spec,
        suspended=suspended,
        state=status.state,
        detailed_state=status.detailed_state,
        healthy=status.healthy,
        status=status,
        observed_at=now,
    )
