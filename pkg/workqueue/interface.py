"""What a controller and its handlers ask of a work queue."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeVar

from druid_operator.pkg.errors import OperatorError

K = TypeVar("K", bound=Hashable)

#: What nobody waits for: the initial list, resyncs, updates that changed nothing. A restart over
#: thousands of objects must not delay the one that a user edits meanwhile.
#: Source: controller-runtime, ``handler.LowPriority``.
LOW_PRIORITY = -100


class QueueShutDown(OperatorError):
    """The queue is closed and hands out nothing more: the worker is to end."""


class Queue(Protocol[K]):
    """Keys waiting to be reconciled."""

    def add(
        self, key: K, /, *, priority: int = 0, after: float = 0.0, rate_limited: bool = False
    ) -> None:
        """Ask for a run of ``key``; see :class:`~druid_operator.pkg.workqueue.PriorityQueue`."""
        ...

    async def get(self) -> tuple[K, int]:
        """Wait for a key and take it, with its priority. Raises ``QueueShutDown``."""
        ...

    def done(self, key: K, /) -> None:
        """The run of ``key`` has ended. To be called for every key that ``get`` gave."""
        ...

    def forget(self, key: K, /) -> None:
        """The run went well: back-off of ``key`` starts again from the shortest delay."""
        ...

    def retries(self, key: K, /) -> int:
        """How many rate-limited adds there were since ``forget``."""
        ...

    async def shut_down(self, *, drain: bool = True) -> None:
        """Close the queue; with ``drain`` wait until every key taken is done."""
        ...

    @property
    def shutting_down(self) -> bool: ...

    def __len__(self) -> int: ...
