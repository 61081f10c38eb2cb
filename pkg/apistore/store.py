"""The API server's verbs on an in-memory store.

Everything is synchronous and nothing does I/O: the embedded HTTP server, the fake client and a
simulated data plane are three faces of this. One store belongs to one thread.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

import orjson

from druid_operator.pkg.apistore import (
    crd,
    creation,
    deletion,
    eviction,
    garbage,
    reads,
    scale,
    updating,
)
from druid_operator.pkg.apistore.backend import Backend, Registry
from druid_operator.pkg.apistore.body import view_of
from druid_operator.pkg.apistore.history import EventType, Stored, Watch
from druid_operator.pkg.apistore.options import (
    Deleted,
    DeleteOptions,
    Listed,
    ListOptions,
    WriteOptions,
    Written,
)
from druid_operator.pkg.apistore.patching import (
    APPLY_PATCH,
    MERGE_PATCH,
    apply_patch,
    check_media_type,
)
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.status_errors import not_found
from druid_operator.pkg.apistore.storage import Storage
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.errors import BadRequest, NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import (
    CUSTOM_RESOURCE_DEFINITION,
    NAMESPACE,
    POD,
    SERVICE_ACCOUNT,
)

#: What generated names end in; without vowels and look-alikes, as the real server's.
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

#: ``callback(event_type, resource, obj)``; ``obj`` is shared and must not be changed.
Subscriber = Callable[[EventType, Resource, JSON], None]


class APIStore:
    """See the module.

    Args:
        clock: for timestamps.
        new_uid: makes object uids.
        new_suffix: makes the five characters after ``generateName``.
        graceful_pods: deleting a pod that a node runs marks it, and a data plane removes it later.
            By default it goes at once, as with kwok.
        history_limit: events kept per kind; a watch from before them is answered 410.
        namespaces: those that exist from the start.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        new_uid: Callable[[], str] | None = None,
        new_suffix: Callable[[], str] | None = None,
        graceful_pods: bool = False,
        history_limit: int = 20_000,
        namespaces: tuple[str, ...] = ("default", "kube-system", "kube-public", "kube-node-lease"),
    ) -> None:
        self._backend = Backend(
            clock=clock or SystemClock(),
            new_uid=new_uid or (lambda: str(uuid.uuid4())),
            new_suffix=new_suffix or _random_suffix,
            graceful_pods=graceful_pods,
            storage=Storage(history_limit),
        )
        self._backend.storage.subscribe(self._definition_changed)
        options = WriteOptions(field_manager="kube-apiserver")
        for name in namespaces:
            self.create(NAMESPACE, {"metadata": {"name": name}}, options=options)

    @property
    def registry(self) -> Registry:
        """The resources served now."""
        return self._backend.registry

    @property
    def resource_version(self) -> str:
        """The version of the newest write."""
        return str(self._backend.storage.revision)

    def served(self, resource: Resource) -> Served:
        """Raises ``NotFound`` for a resource that no definition serves."""
        return self.registry.require(resource)

    # Reads

    def get(self, resource: Resource, key: NamespacedName) -> JSON:
        """A copy of the object. Raises ``NotFound``."""
        return reads.get(self._backend, self.served(resource), key)

    def list(
        self, resource: Resource, namespace: str = "", options: ListOptions | None = None
    ) -> Listed:
        """See :func:`druid_operator.pkg.apistore.reads.list_objects`."""
        options = options or ListOptions()
        return reads.list_objects(self._backend, self.served(resource), namespace, options)

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        options: ListOptions | None = None,
        *,
        send_initial: bool = False,
    ) -> Watch:
        """See :func:`druid_operator.pkg.apistore.reads.open_watch`. Close it when done."""
        return reads.open_watch(
            self._backend,
            self.served(resource),
            namespace,
            options or ListOptions(),
            send_initial=send_initial,
        )

    def close_watch(self, resource: Resource, watch: Watch) -> None:
        served = self.registry.find(resource.gvk.group, resource.gvk.version, resource.plural)
        if served is None:
            watch.close()  # the definition went, and its watches with it
        else:
            reads.close_watch(self._backend, served, watch)

    # Writes

    def create(
        self,
        resource: Resource,
        obj: JSON,
        namespace: str = "",
        options: WriteOptions | None = None,
    ) -> Written:
        """POST. ``obj`` is not changed."""
        namespace = namespace or (obj.get("metadata") or {}).get("namespace", "")
        served = self.served(resource)
        return creation.create(
            self._backend, served, _copy(obj), namespace, options or WriteOptions()
        )

    def update(
        self,
        resource: Resource,
        key: NamespacedName,
        obj: JSON,
        options: WriteOptions | None = None,
        subresource: str = "",
    ) -> Written:
        """PUT."""
        served = self._with_subresource(resource, subresource)
        options = options or WriteOptions()
        if subresource == "scale":
            return scale.write(self._backend, served, key, lambda _: _copy(obj), options)
        return updating.update(self._backend, served, key, _copy(obj), options, subresource)

    def patch(
        self,
        resource: Resource,
        key: NamespacedName,
        media_type: str,
        body: Any,
        options: WriteOptions | None = None,
        subresource: str = "",
    ) -> Written:
        """PATCH; ``body`` is decoded JSON. Apply creates a missing object, the others do not."""
        served = self._with_subresource(resource, subresource)
        options = options or WriteOptions()
        if media_type == APPLY_PATCH and subresource != "scale":
            if not isinstance(body, dict):
                raise BadRequest("invalid object type: /, Kind=")
            return updating.apply(self._backend, served, key, _copy(body), options, subresource)
        check_media_type(served, media_type)
        if subresource == "scale":
            return scale.write(
                self._backend,
                served,
                key,
                lambda live: apply_patch(served, live, media_type, body),
                options,
            )
        stored = self._backend.find(served, key)
        if stored is None:
            raise not_found(resource, key.name)
        document = apply_patch(served, view_of(served, stored), media_type, body)
        return updating.patched(self._backend, served, stored, document, options, subresource)

    def apply(
        self,
        resource: Resource,
        obj: JSON,
        options: WriteOptions | None = None,
        subresource: str = "",
    ) -> Written:
        """Server-side apply of ``obj``, which names itself."""
        return self.patch(resource, NamespacedName.of(obj), APPLY_PATCH, obj, options, subresource)

    def delete(
        self, resource: Resource, key: NamespacedName, options: DeleteOptions | None = None
    ) -> Deleted:
        """DELETE. Dependents are left to :meth:`collect_garbage`."""
        options = options or DeleteOptions()
        return deletion.delete(self._backend, self.served(resource), key, options)

    def evict(self, key: NamespacedName, options: DeleteOptions | None = None) -> None:
        """See :func:`druid_operator.pkg.apistore.eviction.evict`."""
        eviction.evict(self._backend, self.served(POD), key, options or DeleteOptions())

    def freeze(self) -> None:
        """Answer reads from now on as a replica that no longer hears of writes, until :meth:`thaw`.

        Writes are carried out. Watches see nothing of them; their server must hold them back.
        """
        self._backend.frozen = self._backend.storage.revision

    def thaw(self) -> None:
        self._backend.frozen = None

    def collect_garbage(self) -> int:
        """Garbage collection and namespace deletion until nothing is left to do."""
        return garbage.collect(self._backend)

    def ensure_service_accounts(self) -> None:
        """Give every living namespace its ``default`` ServiceAccount, as a cluster does."""
        for obj in self.list(NAMESPACE).objects():
            name = obj["metadata"]["name"]
            key = NamespacedName(name, "default")
            if "deletionTimestamp" in obj["metadata"]:
                continue
            if self._backend.find(self.served(SERVICE_ACCOUNT), key) is None:
                account = {"metadata": {"name": "default", "namespace": name}}
                options = WriteOptions(field_manager="kube-controller-manager")
                self.create(SERVICE_ACCOUNT, account, options=options)

    def get_scale(self, resource: Resource, key: NamespacedName) -> JSON:
        """The ``scale`` subresource."""
        return scale.read(self._backend, self._with_subresource(resource, "scale"), key)

    def compact(self) -> None:
        """Forget the history: watches and pages from before now are answered 410."""
        self._backend.storage.compact()

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call ``callback`` after each commit; returns what ends that.

        It runs within the write, so it sees each state, in order. It may write.
        """

        def listener(type_: EventType, bucket: tuple[str, str], stored: Stored) -> None:
            served = self.registry.in_bucket(bucket)
            if served is not None:
                callback(type_, served.resource, stored.obj)

        return self._backend.storage.subscribe(listener)

    def check_subresource(self, resource: Resource, subresource: str) -> None:
        """Raises ``NotFound`` for a subresource that the kind does not have."""
        self._with_subresource(resource, subresource)

    def _with_subresource(self, resource: Resource, subresource: str) -> Served:
        served = self.served(resource)
        exists = {"": True, "status": served.status, "scale": served.scale is not None}
        if not exists.get(subresource, False):
            raise NotFound("the server could not find the requested resource", details={})
        return served

    def _definition_changed(
        self, type_: EventType, bucket: tuple[str, str], stored: Stored
    ) -> None:
        definitions = (CUSTOM_RESOURCE_DEFINITION.group, CUSTOM_RESOURCE_DEFINITION.plural)
        if bucket != definitions:
            return
        spec = stored.obj["spec"]
        custom = (spec["group"], spec["names"]["plural"])
        if type_ == "DELETED":
            self._remove_custom(custom)
            return
        self.registry.set_custom(custom, crd.served_resources(stored.obj))
        status = crd.established_status(stored.obj, self._backend.now())
        if status != stored.obj.get("status"):
            options = WriteOptions(field_manager="kube-apiserver")
            self.patch(
                CUSTOM_RESOURCE_DEFINITION,
                stored.key,
                MERGE_PATCH,
                {"status": status},
                options,
                "status",
            )

    def _remove_custom(self, bucket: tuple[str, str]) -> None:
        """A definition takes its objects with it, finalizers or not being honoured first."""
        served = self.registry.in_bucket(bucket)
        if served is not None:
            log = self._backend.storage.log(bucket)
            for stored in list(log.objects.values()):
                deletion.delete_now(self._backend, served, stored)
            for watch in tuple(log.watches):
                reads.close_watch(self._backend, served, watch)
        self.registry.set_custom(bucket, ())


def _copy(obj: JSON) -> JSON:
    copied: JSON = orjson.loads(orjson.dumps(obj))
    return copied


def _random_suffix() -> str:
    return "".join(random.choices(_SUFFIX_ALPHABET, k=5))
