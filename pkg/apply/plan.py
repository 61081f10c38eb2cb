"""From what is wanted and what is there to the ordered actions of one pass. Pure.

Laws: the same input gives the same actions; a plan that was carried out, planned again, writes
nothing; an object that somebody else owns is never written, nor deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from druid_operator.pkg.apply.action import Action, Reason, Verb
from druid_operator.pkg.apply.child import Child, ChildId
from druid_operator.pkg.apply.diff import Difference, differences
from druid_operator.pkg.apply.intent import (
    content_hash,
    intent_hash,
    intent_of,
    is_hash_of,
    with_annotation,
)
from druid_operator.pkg.apply.merge_keys import repeated_keys
from druid_operator.pkg.meta import JSON, Resource, controller_of, is_controlled_by


@attrs.frozen
class Settled:
    """Differences that the server made itself: it answered our write with these values.

    An admission webhook, a default in place of a zero, a field that the server does not know:
    writing again would change nothing, for ever. They stop being drift until the intent changes.
    """

    hash: str
    differences: tuple[Difference, ...]

    def explains(self, content: str, found: Collection[Difference]) -> bool:
        return is_hash_of(self.hash, content) and all(d in self.differences for d in found)


def plan(
    desired: Sequence[Child],
    live: Mapping[ChildId, JSON],
    *,
    owner_uid: str,
    annotation: str,
    prunable: Collection[Resource] = (),
    settled: Mapping[ChildId, Settled] | None = None,
) -> tuple[Action, ...]:
    """Decide for every object what to do with it.

    Args:
        desired: all children, in the order in which they are to be written.
        live: the children that exist, as the cache shows them; more than is desired is pruned.
        owner_uid: uid of the controlling owner. Only what it controls is written or deleted.
        annotation: the annotation that carries the hash of the intent.
        prunable: kinds of which an undesired object is deleted. A kind that holds data is left out.
        settled: what the engine learned, see :class:`Settled`.

    Returns:
        One action per object: the desired ones in their order, then the deletions by kind and name.
    """
    wanted: set[ChildId] = set()
    actions: list[Action] = []
    for child in desired:
        if child.id in wanted:
            actions.append(Action(Verb.REFUSE, Reason.NAMED_TWICE, child.id, child))
            continue
        wanted.add(child.id)
        known = (settled or {}).get(child.id)
        actions.append(_decide(child, live.get(child.id), owner_uid, annotation, known))
    return (*actions, *_prune(wanted, live, owner_uid, prunable))


def _decide(
    child: Child, live: JSON | None, owner_uid: str, annotation: str, settled: Settled | None
) -> Action:
    intent = intent_of(child)
    if live is None:
        body = with_annotation(intent, annotation, intent_hash(intent))
        return Action(Verb.CREATE, Reason.MISSING, child.id, child, body)
    metadata = live["metadata"]
    uid = metadata.get("uid", "")
    if not is_ours(child.object, live, owner_uid=owner_uid, annotation=annotation):
        note = describe_owner(live)
        return Action(Verb.REFUSE, Reason.NOT_OURS, child.id, child, uid=uid, note=note)
    if metadata.get("deletionTimestamp"):
        return Action(Verb.WAIT, Reason.BEING_DELETED, child.id, child, uid=uid)
    found = differences(intent, live)
    applied = (metadata.get("annotations") or {}).get(annotation)
    reason = _reason(applied, content_hash(intent), found, settled)
    if reason is Reason.IN_SYNC:
        return Action(Verb.NOTHING, reason, child.id, child, uid=uid)
    body = with_annotation(intent, annotation, intent_hash(intent))
    verb = _verb(intent, reason)
    return Action(verb, reason, child.id, child, body, uid, found, applied=applied or "")


def is_ours(desired: JSON, live: JSON, *, owner_uid: str, annotation: str) -> bool:
    """Whether a live object may be written for the desired one.

    It may when our owner controls it. A child that is to have no owner (so that it outlives us) is
    told by our annotation, as long as nobody else controls the object.
    """
    if is_controlled_by(live, owner_uid):
        return True
    if controller_of(desired) or controller_of(live):
        return False
    return annotation in (live["metadata"].get("annotations") or {})


def describe_owner(obj: JSON) -> str:
    """Who controls an object, for messages."""
    ref = controller_of(obj)
    return f"{ref['kind']} {ref['name']}" if ref else "nobody (it has no controller)"


def _reason(
    applied: str | None, content: str, found: tuple[Difference, ...], settled: Settled | None
) -> Reason:
    if applied is None:
        return Reason.NEVER_APPLIED
    if not is_hash_of(applied, content):
        return Reason.INTENT_CHANGED
    if found and not (settled and settled.explains(content, found)):
        return Reason.DRIFTED
    return Reason.IN_SYNC


def _verb(intent: JSON, reason: Reason) -> Verb:
    if repeated_keys(intent):
        return Verb.PUT
    return Verb.TAKE_OVER if reason is Reason.NEVER_APPLIED else Verb.APPLY


def _prune(
    wanted: Collection[ChildId],
    live: Mapping[ChildId, JSON],
    owner_uid: str,
    prunable: Collection[Resource],
) -> Iterator[Action]:
    for id_ in sorted(live.keys() - wanted, key=lambda i: (i.resource.plural, i.key)):
        obj = live[id_]
        deleting = obj["metadata"].get("deletionTimestamp")
        # Labels are no proof: a user's own object may carry ours.
        if id_.resource in prunable and is_controlled_by(obj, owner_uid) and not deleting:
            uid = obj["metadata"].get("uid", "")
            yield Action(Verb.DELETE, Reason.NOT_DESIRED, id_, uid=uid)
