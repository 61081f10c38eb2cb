"""What a creator with generated names must wait for before it counts its children again.

Where names are derived from the owner's, a second creation is refused and nothing is needed. With
``generateName`` a pass that does not see the children of the one before makes them once more. Reads
of the framework's client show own writes at once; expectations are for those that count children in
an index, or through another client::

    expectations.expect_creations(request, 3)
    for _ in range(3):
        try:
            await client.create(child)
        except APIError:
            expectations.creation_observed(request)   # it will not come
    ...
    if not expectations.satisfied(request):
        return Result()                               # the events to come will call again

Source: kubernetes ``pkg/controller/controller_utils.go``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import attrs

from druid_operator.pkg.clock import Clock, SystemClock

#: Seconds after which an expectation is given up: the event was missed, or the write never made.
#: Source: kubernetes ``ExpectationsTimeout``.
EXPECTATIONS_TIMEOUT = 300.0


@attrs.define
class _Expected:
    at: float
    creations: int = 0
    deletions: set[str] = attrs.field(factory=set)

    @property
    def fulfilled(self) -> bool:
        return self.creations <= 0 and not self.deletions


@attrs.define
class Expectations:
    """Creations and deletions by owner that were asked for and not seen.

    Deletions are told apart by uid: an object that was deleted twice is expected once.

    Args:
        clock: measures their age.
        timeout: seconds after which they no longer hold anything up.
    """

    clock: Clock = attrs.field(factory=SystemClock)
    timeout: float = EXPECTATIONS_TIMEOUT
    _owners: dict[Hashable, _Expected] = attrs.field(factory=dict, init=False)

    def expect_creations(self, owner: Hashable, count: int) -> None:
        """Before they are made: the event may come before the answer."""
        self._of(owner).creations += count

    def expect_deletions(self, owner: Hashable, uids: Iterable[str]) -> None:
        """Before they are made."""
        self._of(owner).deletions.update(uids)

    def creation_observed(self, owner: Hashable) -> None:
        """A child was seen, or its creation has failed for certain."""
        expected = self._owners.get(owner)
        if expected is not None:
            expected.creations -= 1

    def deletion_observed(self, owner: Hashable, uid: str) -> None:
        """A child is gone, or its deletion has failed for certain."""
        expected = self._owners.get(owner)
        if expected is not None:
            expected.deletions.discard(uid)

    def satisfied(self, owner: Hashable) -> bool:
        """Whether nothing is outstanding, or it has been for too long."""
        expected = self._owners.get(owner)
        if expected is None:
            return True
        if expected.fulfilled or self.clock.monotonic() - expected.at > self.timeout:
            del self._owners[owner]
            return True
        return False

    def forget(self, owner: Hashable) -> None:
        """The owner is gone."""
        self._owners.pop(owner, None)

    def _of(self, owner: Hashable) -> _Expected:
        expected = self._owners.setdefault(owner, _Expected(self.clock.monotonic()))
        expected.at = self.clock.monotonic()
        return expected
