"""Clients that stand between another one and its caller.

Each changes the calls on their way, or answers them itself. They nest, and a subresource goes the
same way as the object::

    client = dry_run_client(namespaced_client(mgr.client, "team-a"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import attrs

from druid_operator.pkg.client.base import ClientBase
from druid_operator.pkg.client.calls import (
    FieldValidation,
    Get,
    List,
    ObjectList,
    Watch,
    Write,
)
from druid_operator.pkg.client.interface import WatchStream
from druid_operator.pkg.errors import TerminalError
from druid_operator.pkg.meta import JSON, ObjectMeta, Resource

K = TypeVar("K", Get, Write)
S = TypeVar("S", List, Watch)


class WrongNamespace(TerminalError):
    """A client of one namespace was asked for an object of another."""


class Wrapper(ClientBase):
    """Passes every call on. Override what is to be different."""

    def __init__(self, inner: ClientBase) -> None:
        super().__init__(inner.scheme, inner.mapper)
        self._inner = inner

    async def do_get(self, call: Get) -> JSON | ObjectMeta:
        return await self._inner.do_get(call)

    async def do_list(self, call: List) -> ObjectList[Any]:
        return await self._inner.do_list(call)

    def do_watch(self, call: Watch) -> AbstractAsyncContextManager[WatchStream[JSON]]:
        return self._inner.do_watch(call)

    async def do_write(self, call: Write) -> JSON | None:
        return await self._inner.do_write(call)


class _Writing(Wrapper):
    """Changes writes."""

    def __init__(self, inner: ClientBase, change: Callable[[Write], Write]) -> None:
        super().__init__(inner)
        self._change = change

    async def do_write(self, call: Write) -> JSON | None:
        return await self._inner.do_write(self._change(call))


def dry_run_client(client: ClientBase) -> ClientBase:
    """Every write is checked by the server, and none is stored."""
    return _Writing(client, lambda call: attrs.evolve(call, dry_run=True))


def field_owner_client(client: ClientBase, owner: str) -> ClientBase:
    """Writes that name no field owner are ``owner``'s."""
    return _Writing(client, lambda call: attrs.evolve(call, field_owner=call.field_owner or owner))


def field_validation_client(client: ClientBase, validation: FieldValidation) -> ClientBase:
    """What the server does with unknown and repeated fields: ``Strict`` refuses them."""
    return _Writing(client, lambda call: attrs.evolve(call, field_validation=validation))


def namespaced_client(client: ClientBase, namespace: str) -> ClientBase:
    """Sees and changes one namespace: where a call names none it is put in, and another one raises
    :class:`WrongNamespace`. Kinds without namespaces are as ever.
    """
    return _Namespaced(client, namespace)


class _Namespaced(Wrapper):
    def __init__(self, inner: ClientBase, namespace: str) -> None:
        super().__init__(inner)
        self._namespace = namespace

    async def do_get(self, call: Get) -> JSON | ObjectMeta:
        return await self._inner.do_get(self._keyed(call))

    async def do_list(self, call: List) -> ObjectList[Any]:
        return await self._inner.do_list(self._scoped(call))

    def do_watch(self, call: Watch) -> AbstractAsyncContextManager[WatchStream[JSON]]:
        return self._inner.do_watch(self._scoped(call))

    async def do_write(self, call: Write) -> JSON | None:
        call = self._keyed(call)
        if call.body is not None and call.resource.namespaced and not call.subresource:
            metadata = {**call.body["metadata"], "namespace": self._namespace}
            call = attrs.evolve(call, body={**call.body, "metadata": metadata})
        return await self._inner.do_write(call)

    def _keyed(self, call: K) -> K:
        if not call.resource.namespaced:
            return call
        self._check(call.resource, call.key.namespace)
        return attrs.evolve(call, key=call.key._replace(namespace=self._namespace))

    def _scoped(self, call: S) -> S:
        if not call.resource.namespaced:
            return call
        self._check(call.resource, call.namespace)
        return attrs.evolve(call, namespace=self._namespace)

    def _check(self, resource: Resource, namespace: str) -> None:
        if namespace not in ("", self._namespace):
            raise WrongNamespace(
                f"{resource} of namespace {namespace!r} asked of a client of {self._namespace!r}",
                reason="WrongNamespace",
            )


GetFunc: TypeAlias = Callable[
    [Get, Callable[[Get], Awaitable[JSON | ObjectMeta]]], Awaitable[JSON | ObjectMeta]
]
ListFunc: TypeAlias = Callable[
    [List, Callable[[List], Awaitable[ObjectList[Any]]]], Awaitable[ObjectList[Any]]
]
WriteFunc: TypeAlias = Callable[
    [Write, Callable[[Write], Awaitable[JSON | None]]], Awaitable[JSON | None]
]
WatchFunc: TypeAlias = Callable[[Watch], Awaitable[None]]


@attrs.frozen(kw_only=True)
class Funcs:
    """One function per verb, given the call and how to go on with it; none passes it on.

    A function may raise, answer by itself, change the call, or change the answer. ``watch`` is
    asked before the connection is opened, and may only raise. Subresources come to the same
    functions: the call names them.
    """

    get: GetFunc | None = None
    list: ListFunc | None = None
    watch: WatchFunc | None = None
    create: WriteFunc | None = None
    update: WriteFunc | None = None
    patch: WriteFunc | None = None
    apply: WriteFunc | None = None
    delete: WriteFunc | None = None
    delete_all_of: WriteFunc | None = None


def intercept(client: ClientBase, funcs: Funcs) -> ClientBase:
    """A client whose verbs go through ``funcs``: to count, to refuse, to fail on purpose."""
    return _Intercepted(client, funcs)


class _Intercepted(Wrapper):
    def __init__(self, inner: ClientBase, funcs: Funcs) -> None:
        super().__init__(inner)
        self._funcs = funcs

    async def do_get(self, call: Get) -> JSON | ObjectMeta:
        func = self._funcs.get
        return await (func(call, self._inner.do_get) if func else self._inner.do_get(call))

    async def do_list(self, call: List) -> ObjectList[Any]:
        func = self._funcs.list
        return await (func(call, self._inner.do_list) if func else self._inner.do_list(call))

    @asynccontextmanager
    async def do_watch(self, call: Watch) -> AsyncIterator[WatchStream[JSON]]:
        if self._funcs.watch is not None:
            await self._funcs.watch(call)
        async with self._inner.do_watch(call) as events:
            yield events

    async def do_write(self, call: Write) -> JSON | None:
        func: WriteFunc | None = getattr(self._funcs, call.verb)
        return await (func(call, self._inner.do_write) if func else self._inner.do_write(call))
