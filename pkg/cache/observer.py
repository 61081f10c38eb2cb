"""Who is told of what a cache meets: metrics and the log."""

from __future__ import annotations

from druid_operator.pkg.client import Scope
from druid_operator.pkg.meta import NamespacedName, Resource


class CacheObserver:
    """Does nothing; override what is of interest. Called in the event loop, so be quick."""

    def index_error(self, resource: Resource, index: str, key: NamespacedName) -> None:
        """An index function raised; the object is in no value of that index."""

    def transform_error(self, resource: Resource, key: NamespacedName, error: Exception) -> None:
        """A transform raised; the object is kept as it came."""

    def handler_error(self, resource: Resource, error: Exception) -> None:
        """A handler or predicate raised; the event is lost for it, and the next one comes."""

    def overlay_expired(self, resource: Resource, key: NamespacedName) -> None:
        """An own write was not seen in the watch for a minute."""

    def watch_error(self, resource: Resource, scope: Scope, error: Exception) -> None:
        """A list or watch failed, and will be tried again."""

    def relisting(self, resource: Resource, scope: Scope, reason: str) -> None:
        """A list after the first one: ``expired``, ``version_too_large``, ``shape``, ``error``."""

    def restarting(self, resource: Resource, scope: Scope, reason: str) -> None:
        """A watch is opened anew after one that ended by ``eof``, ``cut``, ``refused``, ``silent``
        or ``throttled``.
        """

    def waited(self, resource: Resource, seconds: float) -> None:
        """A read with ``consistency="wait"`` waited for the watch."""

    def removed(self, resource: Resource, scope: Scope) -> None:
        """An informer is gone."""
