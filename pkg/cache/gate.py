"""A gate for controllers that must not act on anything older than their own last write.

The overlay shows own writes at once, which is enough for most. Two things it cannot do: make
*other* objects as new as the write (a Pod that the write's effect has already ended), and cover
writes that did not go through the client. A gated pass waits for the watch to be past the write::

    gate.wrote(request, STATEFUL_SET, answer["metadata"]["resourceVersion"])
    ...
    if not gate.is_open(request):
        return Result(requeue_after=gate.retry_after)

Source: KEP-5647, as kube-controller-manager 1.36 does it for its own controllers.
"""

from __future__ import annotations

from collections.abc import Hashable

from druid_operator.pkg.cache.cache import Cache
from druid_operator.pkg.meta import Resource
from druid_operator.pkg.meta.resource_version import at_least, comparable, newer


class VersionGate:
    """Remembers, for each owner, the newest version that was written of each kind.

    Args:
        cache: whose informers must have come so far. A kind without informer holds nothing up, and
            neither do versions that cannot be compared.
        retry_after: seconds after which a closed gate is worth another look.
    """

    def __init__(self, cache: Cache, *, retry_after: float = 0.1) -> None:
        self._cache = cache
        self._written: dict[Hashable, dict[Resource, str]] = {}
        self.retry_after = retry_after

    def wrote(self, owner: Hashable, resource: Resource, version: str) -> None:
        """A write for ``owner`` was answered with that resource version."""
        versions = self._written.setdefault(owner, {})
        before = versions.get(resource)
        if before is None or newer(version, before):
            versions[resource] = version

    def is_open(self, owner: Hashable) -> bool:
        """Whether every informer of every kind written for ``owner`` has seen the write."""
        versions = self._written.get(owner)
        if versions is None:
            return True
        for resource, version in tuple(versions.items()):
            if self._seen(resource, version):
                del versions[resource]
        if not versions:
            del self._written[owner]
        return not versions

    def forget(self, owner: Hashable) -> None:
        """The owner is gone."""
        self._written.pop(owner, None)

    def _seen(self, resource: Resource, version: str) -> bool:
        return all(
            at_least(informer.version, version) or not comparable(version)
            for informer in self._cache.all_informers()
            if informer.resource == resource
        )
