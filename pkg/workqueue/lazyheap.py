"""A heap whose entries can die where they lie.

Taking an entry out of the middle of a heap costs a search. Instead it stays, its owner says that it
died, and it is dropped when it comes to the top, or with all other dead ones when they are the
majority: without that, a hot key that is added again and again with new delays would grow the heap
for ever.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

#: Lowest first. No two entries that a heap holds may have the same one: entries are not compared.
Rank: TypeAlias = tuple[float, int]

#: A heap this small is not worth rebuilding.
MIN_REBUILD = 64


class LazyHeap(Generic[T]):
    """Entries by rank, lowest first.

    Args:
        is_live: asked about an entry when it comes to the top. It may turn from true to false while
            the entry is in the heap, and the owner then calls ``note_death`` once.
    """

    def __init__(self, is_live: Callable[[T], bool]) -> None:
        self._is_live = is_live
        self._heap: list[tuple[Rank, T]] = []
        self._dead = 0

    def push(self, rank: Rank, entry: T) -> None:
        heapq.heappush(self._heap, (rank, entry))

    def note_death(self) -> None:
        """One of the entries held has died."""
        self._dead += 1
        if self._dead >= MIN_REBUILD and self._dead * 2 > len(self._heap):
            self._heap = [node for node in self._heap if self._is_live(node[1])]
            heapq.heapify(self._heap)
            self._dead = 0

    def peek(self) -> T | None:
        """The live entry of lowest rank, left where it is."""
        while self._heap:
            entry = self._heap[0][1]
            if self._is_live(entry):
                return entry
            heapq.heappop(self._heap)
            self._dead -= 1
        return None

    def pop(self) -> T | None:
        """The live entry of lowest rank, taken out."""
        entry = self.peek()
        if entry is not None:
            heapq.heappop(self._heap)
        return entry

    def clear(self) -> None:
        self._heap.clear()
        self._dead = 0

    @property
    def size(self) -> int:
        """How many entries are held, dead ones included: what it costs."""
        return len(self._heap)

    def __len__(self) -> int:
        return len(self._heap) - self._dead
