"""Which events are worth a reconcile. A predicate answers before anything is queued.

Combine with ``&``, ``|`` and ``~``: ``GenerationChanged() | AnnotationChanged()``. The four kinds
of event are answered one by one, so ``~p`` turns each of the four answers round.

A predicate saves work and must never be what makes an operator right: a reconciler is to give the
same result when every event comes through. Predicates are synchronous, look only at the event, and
do not raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from druid_operator.pkg.event import CreateEvent, DeleteEvent, GenericEvent, Object, UpdateEvent
from druid_operator.pkg.meta import ObjectMeta


class Predicate(Protocol):
    """Inherit, and override the answers that are to differ: by default everything passes."""

    def create(self, event: CreateEvent[Object], /) -> bool:
        return True

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return True

    def delete(self, event: DeleteEvent[Object], /) -> bool:
        return True

    def generic(self, event: GenericEvent[Object], /) -> bool:
        return True

    def __and__(self, other: Predicate, /) -> Predicate:
        return And(self, other)

    def __or__(self, other: Predicate, /) -> Predicate:
        return Or(self, other)

    def __invert__(self) -> Predicate:
        return Not(self)


@attrs.frozen
class And(Predicate):
    """Passes what both pass; ``right`` is not asked when ``left`` refuses."""

    left: Predicate
    right: Predicate

    def create(self, event: CreateEvent[Object], /) -> bool:
        return self.left.create(event) and self.right.create(event)

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return self.left.update(event) and self.right.update(event)

    def delete(self, event: DeleteEvent[Object], /) -> bool:
        return self.left.delete(event) and self.right.delete(event)

    def generic(self, event: GenericEvent[Object], /) -> bool:
        return self.left.generic(event) and self.right.generic(event)


@attrs.frozen
class Or(Predicate):
    """Passes what either passes; ``right`` is not asked when ``left`` passes."""

    left: Predicate
    right: Predicate

    def create(self, event: CreateEvent[Object], /) -> bool:
        return self.left.create(event) or self.right.create(event)

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return self.left.update(event) or self.right.update(event)

    def delete(self, event: DeleteEvent[Object], /) -> bool:
        return self.left.delete(event) or self.right.delete(event)

    def generic(self, event: GenericEvent[Object], /) -> bool:
        return self.left.generic(event) or self.right.generic(event)


@attrs.frozen
class Not(Predicate):
    """Passes what ``inner`` refuses."""

    inner: Predicate

    def create(self, event: CreateEvent[Object], /) -> bool:
        return not self.inner.create(event)

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return not self.inner.update(event)

    def delete(self, event: DeleteEvent[Object], /) -> bool:
        return not self.inner.delete(event)

    def generic(self, event: GenericEvent[Object], /) -> bool:
        return not self.inner.generic(event)


class _Changed(Predicate):
    """Refuses only updates, and of those the ones that leave one part of the metadata as it was."""

    def part(self, meta: ObjectMeta, /) -> object:
        raise NotImplementedError

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return self.part(event.old.meta) != self.part(event.new.meta)


class GenerationChanged(_Changed):
    """Refuses updates of status or metadata alone.

    The API server raises ``generation`` only for changes outside both, and only for kinds with a
    status subresource; ConfigMaps and Secrets have no generation, so this would refuse every update
    of theirs. The start of a deletion raises it too.
    """

    def part(self, meta: ObjectMeta, /) -> object:
        return meta.generation


class ResourceVersionChanged(_Changed):
    """Refuses resyncs: updates that show an object as it already was."""

    def part(self, meta: ObjectMeta, /) -> object:
        return meta.resource_version


class LabelChanged(_Changed):
    """Refuses updates that leave the labels as they were."""

    def part(self, meta: ObjectMeta, /) -> object:
        return meta.labels or {}


class AnnotationChanged(_Changed):
    """Refuses updates that leave the annotations as they were."""

    def part(self, meta: ObjectMeta, /) -> object:
        return meta.annotations or {}


class FinalizersChanged(_Changed):
    """Refuses updates that leave the list of finalizers as it was."""

    def part(self, meta: ObjectMeta, /) -> object:
        return meta.finalizers or ()


class DeletionStarted(_Changed):
    """Of updates passes only the one in which ``deletionTimestamp`` appears."""

    def part(self, meta: ObjectMeta, /) -> object:
        return meta.deleting


class IgnoreOwnWrites(Predicate):
    """Refuses events that only echo this process's last write of the object.

    It saves the pass that finds nothing to do. It is not for a reconciler that makes several steps
    and counts on the echo to be called for the next; such a one returns ``requeue_after``.

    Not every echo is known as one: of two quick writes only the last one's, and none that the watch
    delivered before the write was answered.
    """

    def create(self, event: CreateEvent[Object], /) -> bool:
        return not event.own_write

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return not event.own_write


@attrs.frozen
class LabelSelectorPredicate(Predicate):
    """Passes objects that carry all of ``labels``.

    An update passes when the old or the new object carries them, so that a controller also hears of
    the object that leaves its selection.
    """

    labels: Mapping[str, str]

    def _selects(self, obj: Object) -> bool:
        have = obj.meta.labels or {}
        return all(have.get(key) == value for key, value in self.labels.items())

    def create(self, event: CreateEvent[Object], /) -> bool:
        return self._selects(event.object)

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return self._selects(event.old) or self._selects(event.new)

    def delete(self, event: DeleteEvent[Object], /) -> bool:
        return self._selects(event.object)

    def generic(self, event: GenericEvent[Object], /) -> bool:
        return self._selects(event.object)


def _pass(event: object, /) -> bool:
    return True


@attrs.frozen(kw_only=True)
class Funcs(Predicate):
    """One function per kind of event; what is not given passes."""

    on_create: Callable[[CreateEvent[Object]], bool] = _pass
    on_update: Callable[[UpdateEvent[Object]], bool] = _pass
    on_delete: Callable[[DeleteEvent[Object]], bool] = _pass
    on_generic: Callable[[GenericEvent[Object]], bool] = _pass

    def create(self, event: CreateEvent[Object], /) -> bool:
        return self.on_create(event)

    def update(self, event: UpdateEvent[Object], /) -> bool:
        return self.on_update(event)

    def delete(self, event: DeleteEvent[Object], /) -> bool:
        return self.on_delete(event)

    def generic(self, event: GenericEvent[Object], /) -> bool:
        return self.on_generic(event)


def from_function(accept: Callable[[Object], bool]) -> Predicate:
    """One question for every kind of event; of an update only the new object is asked about."""
    return Funcs(
        on_create=lambda event: accept(event.object),
        on_update=lambda event: accept(event.new),
        on_delete=lambda event: accept(event.object),
        on_generic=lambda event: accept(event.object),
    )
