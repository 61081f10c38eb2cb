"""A client without a server, for unit tests of reconcilers: the API server's verbs in memory.

It keeps resource versions and conflicts, generations, status apart from spec, finalizers,
server-side apply and its ownership, dry runs, selectors, pages and watches, because it is a face of
the same store as the embedded API server. What it has not is the network, and whatever happens
between two requests; for that there is ``pkg/envtest``. ::

    client = FakeClient(Scheme(KINDS), objects=[...])
    await Reconciler(client).reconcile(key)
    assert (await client.get(CONFIG_MAP, key))["data"] == {...}

To make calls fail, wrap it: :func:`~druid_operator.pkg.client.intercept`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from druid_operator.pkg.apistore.history import Watch as StoreWatch
from druid_operator.pkg.apistore.options import DeleteOptions, ListOptions, WriteOptions
from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.client.base import ClientBase
from druid_operator.pkg.client.calls import Get, List, ObjectList, Watch, Write, field_selector
from druid_operator.pkg.client.interface import WatchStream
from druid_operator.pkg.client.listwatch import Frame
from druid_operator.pkg.client.watchstream import EventStream
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import MethodNotAllowed, NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CUSTOM_RESOURCE_DEFINITION, NAMESPACE

#: Whose a write is that names nobody.
FIELD_OWNER = "fake-client"


class FakeClient(ClientBase):
    """Implements :class:`~druid_operator.pkg.client.WithWatch`.

    Args:
        scheme: the kinds. Those that are not built in are served without a schema, with ``status``
            as a subresource; a test that wants the schema creates the real CRD first.
        objects: what is there already: dictionaries or typed, with their status.
        clock: for timestamps.

    Attributes:
        store: the same objects, for what a client cannot do.
    """

    def __init__(
        self, scheme: Scheme, objects: Iterable[Any] = (), *, clock: Clock | None = None
    ) -> None:
        super().__init__(scheme)
        self.store = APIStore(clock=clock)
        for obj in objects:
            self._put(scheme.encode(obj))

    def _put(self, obj: JSON) -> None:
        resource = self.scheme.resource_of(obj)
        self._serve(resource, obj["metadata"].get("namespace") or "")
        written = self.store.create(resource, obj, options=WriteOptions(FIELD_OWNER)).obj
        if "status" in obj and "status" not in written:
            self.store.update(
                resource, NamespacedName.of(obj), {**written, "status": obj["status"]},
                WriteOptions(FIELD_OWNER), "status",
            )  # fmt: skip

    def _serve(self, resource: Resource, namespace: str) -> None:
        """A kind of the scheme and a namespace are there when they are first used."""
        try:
            self.store.served(resource)
        except NotFound:
            self.store.create(CUSTOM_RESOURCE_DEFINITION, _definition(resource))
        if namespace:
            try:
                self.store.get(NAMESPACE, NamespacedName("", namespace))
            except NotFound:
                self.store.create(NAMESPACE, {"metadata": {"name": namespace}})

    async def do_get(self, call: Get) -> JSON:
        self._serve(call.resource, "")
        if call.subresource == "scale":
            return self.store.get_scale(call.resource, call.key)
        self.store.check_subresource(call.resource, call.subresource)
        return self.store.get(call.resource, call.key)

    async def do_list(self, call: List) -> ObjectList[Any]:
        self._serve(call.resource, "")
        options = ListOptions(
            label_selector=str(call.labels),
            field_selector=field_selector(call.fields),
            limit=call.limit,
            continue_=call.continue_token,
        )
        listed = self.store.list(call.resource, call.namespace, options)
        found: ObjectList[Any] = ObjectList(listed.objects())
        for obj in found:
            obj.setdefault("apiVersion", call.resource.api_version)
            obj.setdefault("kind", call.resource.kind)
        found.resource_version = listed.resource_version
        found.continue_token = listed.continue_
        found.remaining = listed.remaining
        return found

    @asynccontextmanager
    async def do_watch(self, call: Watch) -> AsyncIterator[WatchStream[JSON]]:
        self._serve(call.resource, "")
        options = ListOptions(
            label_selector=str(call.labels),
            field_selector=field_selector(call.fields),
            resource_version=call.resource_version,
        )
        watch = self.store.watch(call.resource, call.namespace, options)
        try:
            yield EventStream(_frames(watch), call.resource, call.resource_version)
        finally:
            self.store.close_watch(call.resource, watch)

    async def do_write(self, call: Write) -> JSON | None:
        self._serve(call.resource, call.key.namespace)
        answer = self._carry_out(call)
        if answer is None or answer.get("metadata", {}).get("deletionTimestamp"):
            # What kube-controller-manager does within seconds is done at once.
            self.store.collect_garbage()
        return answer

    def _carry_out(self, call: Write) -> JSON | None:
        store, resource, key = self.store, call.resource, call.key
        options = WriteOptions(
            field_manager=call.field_owner or FIELD_OWNER,
            force=call.force,
            dry_run=call.dry_run,
            field_validation=call.field_validation or "Warn",
        )
        match call.verb:
            case "create":
                return self._create(call, options)
            case "update":
                assert call.body is not None
                return store.update(resource, key, call.body, options, call.subresource).obj
            case "patch":
                assert call.patch is not None
                body = orjson.loads(call.patch.body)
                media_type = call.patch.media_type
                return store.patch(resource, key, media_type, body, options, call.subresource).obj
            case "apply":
                assert call.body is not None
                return store.apply(resource, call.body, options, call.subresource).obj
            case "delete":
                return self._delete(resource, key, call)
            case "delete_all_of":
                listed = store.list(resource, key.namespace, ListOptions(
                    label_selector=str(call.labels), field_selector=field_selector(call.fields),
                ))  # fmt: skip
                for obj in listed.objects():
                    self._delete(resource, NamespacedName.of(obj), call)
                return None

    def _create(self, call: Write, options: WriteOptions) -> JSON | None:
        assert call.body is not None
        if call.subresource == "eviction":
            self.store.evict(call.key)
            return None
        if call.subresource:
            raise MethodNotAllowed(f"the fake client creates no {call.subresource}")
        return self.store.create(call.resource, call.body, call.key.namespace, options).obj

    def _delete(self, resource: Resource, key: NamespacedName, call: Write) -> JSON | None:
        deleted = self.store.delete(resource, key, DeleteOptions(
            uid=call.preconditions.uid, resource_version=call.preconditions.resource_version,
            propagation=call.propagation, grace=call.grace_period, dry_run=call.dry_run,
        ))  # fmt: skip
        return None if deleted.gone else deleted.obj


async def _frames(watch: StoreWatch) -> AsyncIterator[Frame]:
    changed = asyncio.Event()
    watch.on_frame = changed.set
    while not watch.closed:
        while watch.frames:
            frame = watch.frames.popleft()
            yield Frame(frame.type, frame.raw)
        await changed.wait()
        changed.clear()


def _definition(resource: Resource) -> JSON:
    kind = resource.kind
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": resource.plural,
                      "singular": kind.lower()},
            "versions": [{
                "name": resource.gvk.version, "served": True, "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": True,
                }},
            }],
        },
    }  # fmt: skip
