"""What is known of one cluster's supervisors, and when it was learnt.

A pass reads here and asks Druid nothing, unless it has to know at once. The poller and every
mutation of ours keep it fresh; whoever registered for an id is told when its facts change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import DruidAPI
from druid_operator.pkg.druidapi.types import (
    JSON,
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
)
from druid_operator.pkg.errors import OperatorError


@attrs.frozen(kw_only=True)
class SupervisorFacts:
    """One supervisor as Druid described it last.

    Args:
        spec: the stored spec; ``None`` when Druid has no supervisor of that id.
        suspended: what the spec says, not what the state says (a suspended supervisor whose stream
            cannot be reached never gets the state SUSPENDED).
        status: the full status, when it was asked for.
        failing: the newest error of tasks that fail one after the other; Druid calls a supervisor
            of such tasks running and healthy, without errors, for as long as anybody watched.
        observed_at: monotonic seconds.
    """

    id: str
    spec: JSON | None = attrs.field(repr=False)
    suspended: bool = False
    state: str = ""
    detailed_state: str = ""
    healthy: bool | None = None
    status: SupervisorStatus | None = attrs.field(default=None, repr=False)
    failing: str = ""
    observed_at: float = 0.0

    @property
    def exists(self) -> bool:
        return self.spec is not None

    def same_as(self, other: SupervisorFacts | None) -> bool:
        """Whether nothing that a pass decides on has changed; the time and the lag do not count."""
        return other is not None and (
            self.spec, self.suspended, self.state, self.detailed_state, self.healthy, self.failing,
        ) == (
            other.spec, other.suspended, other.state, other.detailed_state, other.healthy,
            other.failing,
        )  # fmt: skip


Listener = Callable[[str], None]


class ClusterView:
    """Facts by supervisor id.

    A listing that was asked for before something newer is known of a supervisor says nothing about
    it: read as news, it would show the world before our own mutation, which would be done again.

    Args:
        notify: told the id of a supervisor whose facts changed, if somebody follows it.
    """

    def __init__(self, notify: Listener) -> None:
        self._notify = notify
        self._facts: dict[str, SupervisorFacts] = {}
        self._followed: set[str] = set()
        self._texts: dict[str, tuple[str, JSON]] = {}
        self._not_before: dict[str, float] = {}
        #: Why Druid could not be asked the last time; ``None``: it could.
        self.failure: OperatorError | None = None

    def follow(self, supervisor_id: str) -> None:
        self._followed.add(supervisor_id)

    def unfollow(self, supervisor_id: str) -> None:
        self._followed.discard(supervisor_id)
        for known in (self._facts, self._texts, self._not_before):
            known.pop(supervisor_id, None)

    @property
    def followed(self) -> frozenset[str]:
        return frozenset(self._followed)

    def facts(self, supervisor_id: str) -> SupervisorFacts | None:
        """``None``: nobody has asked Druid yet."""
        return self._facts.get(supervisor_id)

    async def refresh(self, api: DruidAPI, supervisor_id: str, now: float) -> SupervisorFacts:
        """Ask Druid now, and remember. Raises what the client raises, but for ``NotFound``."""
        facts = await _ask(api, supervisor_id, now)
        self._not_before[supervisor_id] = now
        self._facts[supervisor_id] = facts
        return facts

    def forget(self, supervisor_id: str, now: float) -> None:
        """What is known may be stale (a mutation of unknown outcome): the next pass asks."""
        self._facts.pop(supervisor_id, None)
        self._not_before[supervisor_id] = now

    # --- what the poller learns, with the time at which it asked ------------------------------

    def take_failure(self, failure: OperatorError | None) -> None:
        """Everybody is told when Druid goes silent or comes back: nothing else would wake them."""
        before, self.failure = self.failure, failure
        if (before is None) != (failure is None):
            for supervisor_id in sorted(self._followed):
                self._notify(supervisor_id)

    def take_states(self, rows: Iterable[SupervisorState], asked_at: float) -> None:
        """A cheap listing: states, and who is missing."""
        seen = {row.id: row for row in rows}
        for supervisor_id in self._to_update(asked_at):
            known = self._facts.get(supervisor_id)
            if known is None:
                continue
            row = seen.get(supervisor_id)
            if row is None:
                self._set(SupervisorFacts(id=supervisor_id, spec=None, observed_at=asked_at))
            elif not known.exists:
                # It appeared; its spec is not known yet, so let the pass ask.
                self.forget(supervisor_id, asked_at)
                self._notify(supervisor_id)
            else:
                self._set(attrs.evolve(
                    known, state=row.state, detailed_state=row.detailed_state,
                    healthy=row.healthy, observed_at=asked_at,
                ))  # fmt: skip

    def take_listing(self, rows: Iterable[SupervisorListing], asked_at: float) -> None:
        """A full listing: specs too."""
        seen = {row.id: row for row in rows}
        for supervisor_id in self._to_update(asked_at):
            row = seen.get(supervisor_id)
            if row is None:
                self._set(SupervisorFacts(id=supervisor_id, spec=None, observed_at=asked_at))
                continue
            known = self._facts.get(supervisor_id)
            self._set(SupervisorFacts(
                id=row.id, spec=self._spec(row), suspended=row.suspended, state=row.state,
                detailed_state=row.detailed_state, healthy=row.healthy,
                status=known.status if known else None, failing=known.failing if known else "",
                observed_at=asked_at,
            ))  # fmt: skip

    def take_status(self, status: SupervisorStatus, asked_at: float) -> None:
        """One supervisor's own words. Those interested decide whether they are news."""
        known = self._facts.get(status.id)
        if known is None or not known.exists or self._is_old(status.id, asked_at):
            return
        self._facts[status.id] = attrs.evolve(known, status=status)
        if known.status is None or _told(status) != _told(known.status):
            self._notify(status.id)

    def take_tasks(self, supervisor_id: str, failing: str, asked_at: float) -> None:
        """What the newest tasks of a supervisor say of it."""
        known = self._facts.get(supervisor_id)
        if known is not None and known.exists and not self._is_old(supervisor_id, asked_at):
            self._set(attrs.evolve(known, failing=failing))

    def _to_update(self, asked_at: float) -> list[str]:
        return [i for i in sorted(self._followed) if not self._is_old(i, asked_at)]

    def _is_old(self, supervisor_id: str, asked_at: float) -> bool:
        return asked_at < self._not_before.get(supervisor_id, float("-inf"))

    def _spec(self, row: SupervisorListing) -> JSON:
        """Decoded once per text: a listing has every spec, and hardly any has changed."""
        text, spec = self._texts.get(row.id, ("", {}))
        if text != row.spec_text:
            spec = row.spec()
            self._texts[row.id] = (row.spec_text, spec)
        return spec

    def _set(self, facts: SupervisorFacts) -> None:
        old = self._facts.get(facts.id)
        self._facts[facts.id] = facts
        if not facts.same_as(old):
            self._notify(facts.id)


def _told(status: SupervisorStatus) -> tuple[object, ...]:
    """What somebody may want to know; times change with every look."""
    words = [(error.exception, error.message) for error in status.recent_errors]
    return status.active_tasks, status.aggregate_lag, status.offsets_updated == "", words


async def _ask(api: DruidAPI, supervisor_id: str, now: float) -> SupervisorFacts:
    try:
        spec = await api.supervisor_spec(supervisor_id)
        status = await api.supervisor_status(supervisor_id)
    except errors.NotFound:
        return SupervisorFacts(id=supervisor_id, spec=None, observed_at=now)
    state, detailed, healthy = status.state, status.detailed_state, status.healthy
    if healthy is None:
        # What is no stream has no state in its status; only the listing has.
        rows = {row.id: row for row in await api.supervisor_states()}
        row = rows.get(supervisor_id)
        if row is not None:
            state, detailed, healthy = row.state, row.detailed_state, row.healthy
    return SupervisorFacts(
        id=supervisor_id,
        spec=spec,
        suspended=spec.get("suspended") is True,
        state=state,
        detailed_state=detailed,
        healthy=healthy,
        status=status,
        observed_at=now,
    )
