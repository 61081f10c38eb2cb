"""Carries a plan out through a client: the only writer of children.

Laws: an object that the plan did not see is created, never overwritten; every other write carries
the uid that was seen; the failure of one object stops only those that require it; nothing is
retried here, because the next pass starts from what is true then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

import attrs

from druid_operator.pkg.apply.action import Action, Reason, Verb
from druid_operator.pkg.apply.child import Child, ChildId
from druid_operator.pkg.apply.diff import differences
from druid_operator.pkg.apply.intent import same_shape
from druid_operator.pkg.apply.managed_fields import fold, has_update_of
from druid_operator.pkg.apply.merge_keys import repeated_keys
from druid_operator.pkg.apply.outcome import NameConflict, Outcome, Result
from druid_operator.pkg.apply.plan import Settled, describe_owner, is_ours
from druid_operator.pkg.apply.replacement import replacement
from druid_operator.pkg.client.interface import Client, Reader, merge_patch
from druid_operator.pkg.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    LeaderLost,
    NotFound,
    OperatorError,
)
from druid_operator.pkg.meta import JSON

_REMADE = "{} was deleted and created again since it was read"


class Engine:
    """Executes actions, one after the other, in the order of the plan.

    Args:
        client: for the writes; a cached one learns from their answers.
        live: reads from the server. Ownership of fields is read there, since caches strip it.
        field_manager: under which everything is written.
        predecessors: managers whose fields become ours, for example an operator that ran before.
        annotation: the annotation that carries the hash of the intent.
    """

    def __init__(
        self,
        client: Client,
        live: Reader,
        *,
        field_manager: str,
        annotation: str,
        predecessors: Collection[str] = (),
    ) -> None:
        self._client = client
        self._live = live
        self._manager = field_manager
        self._annotation = annotation
        self._predecessors = frozenset(predecessors)
        self._settled: dict[ChildId, Settled] = {}

    @property
    def settled(self) -> Mapping[ChildId, Settled]:
        """What the server stores otherwise than it was sent, for :func:`~.plan.plan`.

        In memory only: after a restart each such object is applied once more.
        """
        return self._settled

    async def execute(self, actions: Sequence[Action], *, owner_uid: str) -> tuple[Outcome, ...]:
        """Carry out each action; failures are collected, one outcome per action, in order.

        Args:
            actions: of one plan.
            owner_uid: the uid it was made for.

        Raises ``LeaderLost`` at once: this process may not write any more.
        """
        outcomes: list[Outcome] = []
        unfinished: set[ChildId] = set()
        for action in actions:
            requires = action.child.requires if action.writes and action.child else ()
            blocker = next((id_ for id_ in requires if id_ in unfinished), None)
            if blocker is not None:
                outcome = Outcome(action, Result.WAITING, blocked_by=blocker)
            else:
                outcome = await self._attempt(action, owner_uid)
            if outcome.result in (Result.FAILED, Result.WAITING):
                unfinished.add(action.id)
            outcomes.append(outcome)
        return tuple(outcomes)

    async def _attempt(self, action: Action, owner_uid: str) -> Outcome:
        try:
            return await self._execute(action, owner_uid)
        except LeaderLost:
            raise
        except OperatorError as error:
            return Outcome(action, Result.FAILED, error=error)

    async def _execute(self, action: Action, owner_uid: str) -> Outcome:
        match action.verb:
            case Verb.CREATE:
                return await self._create(action, owner_uid)
            case Verb.APPLY if self._leaves_nothing_behind(action):
                return await self._apply(action, action.uid)
            case Verb.APPLY | Verb.TAKE_OVER | Verb.PUT:
                return await self._write(action, action.uid)
            case Verb.DELETE:
                return await self._delete(action)
            case Verb.WAIT:
                return Outcome(action, Result.WAITING)
            case Verb.NOTHING:
                return Outcome(action, Result.UNCHANGED)
            case Verb.REFUSE:
                raise NameConflict(action.id, action.note or "another child of the same owner")
            case _:
                assert_never(action.verb)

    async def _create(self, action: Action, owner_uid: str) -> Outcome:
        """POST, because an apply would silently adopt whatever has the name."""
        _, body = _sent(action)
        try:
            obj = await self._client.create(body, field_owner=self._manager)
        except AlreadyExists:
            return await self._meet(action, owner_uid)
        return self._stored(action, Result.CREATED, obj)

    async def _meet(self, action: Action, owner_uid: str) -> Outcome:
        """The name is taken: by our own object, not in the cache yet, or by another's."""
        _, body = _sent(action)
        live = await self._live.get(*action.id)
        if not is_ours(body, live, owner_uid=owner_uid, annotation=self._annotation):
            raise NameConflict(action.id, describe_owner(live))
        return await self._write(action, live["metadata"]["uid"], live)

    async def _write(self, action: Action, uid: str, live: JSON | None = None) -> Outcome:
        """Change an existing object, starting from its live state.

        Without that read a field that an earlier POST or PUT left behind would go only with a
        second apply, and a workload would roll twice.
        """
        child, body = _sent(action)
        if live is None:
            live = await self._live.get(*action.id)
        if live["metadata"]["uid"] != uid:
            raise Conflict(_REMADE.format(action.id))
        if live["metadata"].get("deletionTimestamp"):
            waiting = attrs.evolve(action, verb=Verb.WAIT, reason=Reason.BEING_DELETED)
            return Outcome(waiting, Result.WAITING)
        if repeated_keys(body):
            managers = {self._manager, *self._predecessors}
            put = replacement(body, live, managers=managers, yielded=child.yielded)
            obj = await self._client.update(put, field_owner=self._manager)
            return self._stored(action, Result.APPLIED, obj)
        if self._must_take_over(child, body, live):
            await self._take_over(child, live)
        return await self._apply(action, uid)

    async def _apply(self, action: Action, uid: str) -> Outcome:
        _, body = _sent(action)
        # The uid is a precondition: an apply to a name would create it anew.
        metadata = {**body["metadata"], "uid": uid}
        try:
            obj = await self._client.apply(
                {**body, "metadata": metadata}, field_owner=self._manager, force=True
            )
        except Invalid as error:
            # How the server says it of a namesake that exists.
            if _is_about(error, "metadata.uid"):
                raise Conflict(_REMADE.format(action.id)) from error
            raise
        return self._stored(action, Result.APPLIED, obj)

    def _leaves_nothing_behind(self, action: Action) -> bool:
        """Whether an apply alone does it all, so that the live state need not be read.

        It does if we set the same fields as when we last wrote. With predecessors that cannot be
        known: one of them may have written since, and caches strip who owns what.
        """
        child, body = _sent(action)
        if child.yielded or self._predecessors:
            return False
        return same_shape(action.applied, body["metadata"]["annotations"][self._annotation])

    def _must_take_over(self, child: Child, body: JSON, live: JSON) -> bool:
        """Whether a field could be left behind that only an ``Update`` entry still owns.

        Our own POST is such an entry. As long as we set the same fields as when we last wrote, it
        owns nothing that we want to be rid of, and a request is saved with each first change.
        """
        metadata = live["metadata"]
        if child.yielded or has_update_of(metadata.get("managedFields") or (), self._predecessors):
            return True
        before = (metadata.get("annotations") or {}).get(self._annotation, "")
        return not same_shape(before, body["metadata"]["annotations"][self._annotation])

    async def _take_over(self, child: Child, live: JSON) -> None:
        metadata = live["metadata"]
        folded = fold(
            metadata.get("managedFields") or (),
            manager=self._manager,
            predecessors=self._predecessors,
            api_version=child.resource.api_version,
            yielded=child.yielded,
        )
        if folded is None:
            return
        patch = merge_patch({
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "managedFields": folded,
            }
        })  # fmt: skip
        await self._client.patch(child.resource, child.id.key, patch, field_owner=self._manager)

    async def _delete(self, action: Action) -> Outcome:
        try:
            await self._client.delete(*action.id, uid=action.uid, propagation="Background")
        except NotFound:
            pass  # somebody was faster: what was wanted is true
        self._settled.pop(action.id, None)
        return Outcome(action, Result.DELETED)

    def _stored(self, action: Action, result: Result, obj: JSON) -> Outcome:
        """Compare the answer with what was sent, and remember what the server did not keep."""
        _, body = _sent(action)
        unkept = differences(body, obj)
        if unkept:
            hash_ = body["metadata"]["annotations"][self._annotation]
            self._settled[action.id] = Settled(hash_, unkept)
        else:
            self._settled.pop(action.id, None)
        return Outcome(action, result, obj, unkept=unkept)


def _sent(action: Action) -> tuple[Child, JSON]:
    if action.child is None or action.body is None:
        raise ValueError(f"an action that writes needs a child and a body: {action.verb}")
    return action.child, action.body


def _is_about(error: Invalid, field: str) -> bool:
    return any(cause.get("field") == field for cause in error.details.get("causes") or ())
