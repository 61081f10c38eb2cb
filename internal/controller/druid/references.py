"""ConfigMaps that a spec refers to: watched one by one, because they carry no label of ours.

A watch on all ConfigMaps would keep every one of them in memory, and a read in every pass would be
a request in every pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Protocol

from druid_operator.pkg.cache import Cache, Change, name_scope
from druid_operator.pkg.client import Reader
from druid_operator.pkg.errors import NotFound, ServerTimeout
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP
from druid_operator.pkg.source import Channel

#: Seconds until a new watch must have its object; the server answers within milliseconds.
SYNC_TIMEOUT_SECONDS = 10.0


class ConfigMapReader(Protocol):
    """Reads ConfigMaps for an object, which hears of their changes from then on."""

    async def read(
        self, user: NamespacedName, references: Collection[NamespacedName], /
    ) -> Mapping[NamespacedName, Mapping[str, str]]:
        """``data`` of those that exist."""
        ...

    def forget(self, user: NamespacedName, /) -> None: ...


class ReferencedConfigMaps:
    """Keeps a watch per referenced ConfigMap, for as long as some object refers to it.

    A reference that may not be read leaves no watch behind: it would never fill, and an operator
    whose caches are not filled is not ready, for all objects because of one.

    Args:
        cache: whose informers are used.
        live: asked once for each new reference: a refusal is known at once, not after a deadline
            that a worker would have to wait for.
        changed: is told the key of each object whose reference changed, came or went.
    """

    def __init__(self, cache: Cache, live: Reader, changed: Channel[NamespacedName]) -> None:
        self._cache = cache
        self._live = live
        self._changed = changed
        self._users: dict[NamespacedName, set[NamespacedName]] = {}

    async def read(
        self, user: NamespacedName, references: Collection[NamespacedName]
    ) -> Mapping[NamespacedName, Mapping[str, str]]:
        """``data`` of those that exist, and from now on news of all of them.

        Raises what the API server raises, ``Forbidden`` where the right to read ConfigMaps of that
        namespace is missing, and ``ServerTimeout`` when a new watch does not answer. A missing
        object is no answer to wait for.
        """
        for gone in [ref for ref, users in self._users.items() if user in users]:
            if gone not in references:
                self._release(gone, user)
        found: dict[NamespacedName, Mapping[str, str]] = {}
        for reference in references:
            if reference not in self._users:
                await self._ask(reference)
            await self._watch(reference, user)
            stored = self._cache.get(CONFIG_MAP, reference)
            if stored is not None:
                found[reference] = stored.to_dict().get("data") or {}
        return found

    def forget(self, user: NamespacedName) -> None:
        """The object is gone, and with it its references."""
        for reference in [ref for ref, users in self._users.items() if user in users]:
            self._release(reference, user)

    async def _ask(self, reference: NamespacedName) -> None:
        try:
            await self._live.get(CONFIG_MAP, reference)
        except NotFound:
            pass

    async def _watch(self, reference: NamespacedName, user: NamespacedName) -> None:
        users = self._users.setdefault(reference, set())
        informers = self._cache.informers(CONFIG_MAP, name_scope(reference))
        if not users:
            for informer in informers:
                informer.add_handler(_Tell(self._changed, users))
        users.add(user)
        try:
            async with asyncio.timeout(SYNC_TIMEOUT_SECONDS):
                for informer in informers:
                    await informer.wait_for_sync()
        except TimeoutError as error:
            reason = next((i.last_error for i in informers if i.last_error), "no answer")
            self._release(reference, user)
            raise ServerTimeout(f"cannot read ConfigMap {reference}: {reason}") from error

    def _release(self, reference: NamespacedName, user: NamespacedName) -> None:
        users = self._users[reference]
        users.discard(user)
        if not users:
            del self._users[reference]
            self._cache.remove_informer(CONFIG_MAP, name_scope(reference))


class _Tell:
    """Puts the users of a reference into the queue, whatever happened to it.

    The initial list is no news: the pass that began the watch waits for it.
    """

    def __init__(self, changed: Channel[NamespacedName], users: set[NamespacedName]) -> None:
        self._changed = changed
        self._users = users

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> None:
        for user in () if is_in_initial_list else sorted(self._users):
            self._changed.put(user)
