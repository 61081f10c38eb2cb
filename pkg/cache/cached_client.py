"""The client reconcilers use: cached kinds are read from the cache, the rest live; writes are live
and are visible to the very next read."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Any

from druid_operator.pkg.cache.cache import Cache
from druid_operator.pkg.client import (
    ClientBase,
    Consistency,
    Get,
    List,
    ObjectList,
    RestClient,
    Watch,
    WatchStream,
    Write,
)
from druid_operator.pkg.errors import BadRequest, NotFound, OperatorError
from druid_operator.pkg.meta import JSON, NamespacedName, ObjectMeta, Resource


class MissingInformer(OperatorError):
    """A read of what no informer has, where the cache's options forbid to ask the server."""


class CachedClient(ClientBase):
    """Implements :class:`~druid_operator.pkg.client.WithWatch`.

    Read from the cache is what some informer could have: a kind without one, and a namespace or a
    name that none of its informers looks at, are read live. A read waits for the informer's first
    list. Subresources are read live, watches are the server's.

    Guarantees: after a write returns, a read of that object through this client shows the write's
    result or something newer (``consistency="overlay"``). A dry run changes nothing that is read.

    Args:
        live: for writes, and what is not cached.
        cache: for reads.
        disable_for: kinds that are always read live.
        consistency: of reads that do not say.
    """

    def __init__(
        self,
        live: RestClient,
        cache: Cache,
        *,
        disable_for: Collection[Resource] = (),
        consistency: Consistency = "overlay",
    ) -> None:
        super().__init__(live.scheme, live.mapper)
        self._live = live
        self._cache = cache
        self._disabled = frozenset(disable_for)
        self._consistency: Consistency = consistency

    async def do_get(self, call: Get) -> JSON | ObjectMeta:
        resource = call.resource
        if call.subresource or not self._is_cached(call, *call.key):
            return await self._live.do_get(call)
        consistency = call.consistency or self._consistency
        await self._cache.wait_until_readable(resource, call.key, consistency)
        found = self._cache.get(resource, call.key, overlay=consistency == "overlay")
        if found is None:
            raise NotFound(f'{resource} "{call.key.name}" not found')
        return found.meta if call.metadata_only else found.to_dict()

    async def do_list(self, call: List) -> ObjectList[Any]:
        resource = call.resource
        if not self._is_cached(call, call.namespace):
            return await self._live.do_list(call)
        if call.continue_token:
            raise BadRequest(f"{resource}: a list from the cache cannot be continued")
        consistency = call.consistency or self._consistency
        everything = NamespacedName(call.namespace, "")
        await self._cache.wait_until_readable(resource, everything, consistency)
        found = self._cache.select(
            resource,
            namespace=call.namespace,
            labels=call.labels,
            fields=call.fields,
            overlay=consistency == "overlay",
        )
        listed: ObjectList[Any] = ObjectList(
            obj.meta if call.metadata_only else obj.to_dict() for obj in found[: call.limit or None]
        )
        if call.limit and len(found) > call.limit:
            listed.remaining = len(found) - call.limit
        return listed

    def _is_cached(self, call: Get | List, namespace: str, name: str = "") -> bool:
        if call.resource in self._disabled:
            return False
        only = call.metadata_only
        if self._cache.covers(call.resource, namespace, name, metadata_only=only):
            return True
        if self._cache.options.fail_on_missing_informer:
            where = f" in {namespace}" if namespace else ""
            raise MissingInformer(
                f"no informer has {call.resource}{where}: watch it, or read it through api_reader"
            )
        return False

    def do_watch(self, call: Watch) -> AbstractAsyncContextManager[WatchStream[JSON]]:
        return self._live.do_watch(call)

    async def do_write(self, call: Write) -> JSON | None:
        answer = await self._live.do_write(call)
        # No await from here on: the caller's next read must find what it wrote.
        if not call.dry_run and call.verb != "delete_all_of":
            self._remember(call, answer)
        return answer

    def _remember(self, call: Write, answer: JSON | None) -> None:
        resource = call.resource
        if answer is None:
            found = self._cache.get(resource, call.key)
            uid = call.preconditions.uid or (found.meta.uid if found else "")
            if uid:
                self._cache.wrote_deletion(resource, call.key, uid)
            return
        if answer.get("kind") != resource.kind:
            return  # a subresource of another kind: it does not show the object
        metadata = answer.get("metadata") or {}
        # What removes the last finalizer of a deleted object is answered with the object as it was:
        # it is gone. After a delete it is there still, for as long as finalizers or a grace period
        # hold it.
        going = metadata.get("deletionTimestamp") and not metadata.get("finalizers")
        if going and call.verb != "delete":
            self._cache.wrote_deletion(resource, NamespacedName.of(answer), metadata["uid"])
        else:
            self._cache.wrote(resource, answer)
