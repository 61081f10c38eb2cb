"""What a controller can be told, and where it takes the rest from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

import attrs

from druid_operator.pkg.meta import GroupVersionKind
from druid_operator.pkg.workqueue import Queue, RateLimiter

K = TypeVar("K", bound=Hashable)


@attrs.frozen(kw_only=True)
class ControllerDefaults:
    """A manager's defaults for its controllers; the values here are controller-runtime's.

    Args:
        group_kind_concurrency: workers by reconciled kind, as ``Kind.group`` (``ConfigMap`` for
            one without group).
        max_concurrent_reconciles: workers of the others.
        cache_sync_timeout: seconds for the sources to deliver what is there.
        reconciliation_timeout: seconds for one pass, ``None`` for no limit.
        recover_exceptions: count programming errors and go on; if false they stop the manager.
        need_leader_election: run only while leading.
        enable_warmup: start the sources before the lease is won, so that a new leader begins at
            once.
    """

    group_kind_concurrency: Mapping[str, int] = attrs.field(factory=dict)
    max_concurrent_reconciles: int = 1
    cache_sync_timeout: float = 120.0
    reconciliation_timeout: float | None = None
    recover_exceptions: bool = True
    need_leader_election: bool = True
    enable_warmup: bool = False


@attrs.frozen(kw_only=True)
class ControllerOptions(Generic[K]):
    """``None`` is as the manager's :class:`ControllerDefaults`, where the words are explained.

    Args:
        rate_limiter: delays between failing passes; per key, 5 ms doubling to 1000 s by default.
        new_queue: makes the queue from the controller's name and the rate limiter; a priority queue
            by default.
        debounce: seconds that an event waits for others of its key, counted from the first: a burst
            becomes one pass, and no stream of events can put it off for ever.
        age_after: seconds after which a key of low priority is as urgent as any other; by default
            it waits for as long as others keep coming.
    """

    max_concurrent_reconciles: int | None = None
    cache_sync_timeout: float | None = None
    reconciliation_timeout: float | None = None
    recover_exceptions: bool | None = None
    need_leader_election: bool | None = None
    enable_warmup: bool | None = None
    rate_limiter: RateLimiter[K] | None = None
    new_queue: Callable[[str, RateLimiter[K]], Queue[K]] | None = None
    debounce: float = 0.0
    age_after: float | None = None

    def with_defaults(
        self, defaults: ControllerDefaults, kind: GroupVersionKind | None = None
    ) -> ControllerDefaults:
        """The settings of one controller.

        Args:
            kind: what it reconciles, for the concurrency of that kind.
        """
        own = {
            field.name: value
            for field in attrs.fields(ControllerDefaults)
            if (value := getattr(self, field.name, None)) is not None
        }
        if kind is not None and "max_concurrent_reconciles" not in own:
            name = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
            if name in defaults.group_kind_concurrency:
                own["max_concurrent_reconciles"] = defaults.group_kind_concurrency[name]
        return attrs.evolve(defaults, **own)
