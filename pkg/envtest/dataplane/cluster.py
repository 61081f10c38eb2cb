"""The store as the data plane uses it: what is not there is ``None``, and races are no errors.

There are no races within one pass, because the store is in this process. But a pass may act on what
its own earlier writes changed: an object created twice, or deleted before its status is written.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from druid_operator.pkg.apistore.history import EventType
from druid_operator.pkg.apistore.options import DeleteOptions, WriteOptions
from druid_operator.pkg.apistore.store import APIStore, Subscriber
from druid_operator.pkg.errors import AlreadyExists, NotFound
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import BUILTIN

_RESOURCES = {resource.gvk: resource for resource in BUILTIN}


class Cluster:
    """Reads and writes as ``manager``, the name that managed fields then show.

    What is read are the store's own objects, kept by kind and namespace as its events bring them:
    decoding a namespace for each key made thirty StatefulSets take half a minute. They are shared,
    so nobody may change them.
    """

    def __init__(self, store: APIStore, manager: str = "kube-controller-manager") -> None:
        self._store = store
        self._options = WriteOptions(field_manager=manager)
        self._objects: dict[tuple[Resource, str], dict[str, JSON]] = {}

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call ``callback`` for every object there is, then after each change.

        Answers what ends that. Reads see a change from the moment ``callback`` is told of it.
        """

        def listener(event: EventType, resource: Resource, obj: JSON) -> None:
            key = NamespacedName.of(obj)
            names = self._objects.setdefault((resource, key.namespace), {})
            if event == "DELETED":
                names.pop(key.name, None)
            else:
                names[key.name] = obj
            callback(event, resource, obj)

        for resource in BUILTIN:
            # The items of a list do not say what kind they are.
            kind = {"apiVersion": resource.api_version, "kind": resource.kind}
            for item in self._store.list(resource).items:
                listener("ADDED", resource, {**orjson.loads(item), **kind})
        return self._store.subscribe(listener)

    def get(self, resource: Resource, key: NamespacedName) -> JSON | None:
        return self._objects.get((resource, key.namespace), {}).get(key.name)

    def list(self, resource: Resource, namespace: str = "") -> list[JSON]:
        """Those of a namespace, or all; in no promised order."""
        if namespace or not resource.namespaced:
            return [*self._objects.get((resource, namespace), {}).values()]
        return [
            obj
            for (kind, _), names in self._objects.items()
            if kind == resource
            for obj in names.values()
        ]

    def create(self, obj: JSON) -> None:
        """Create an object, unless one of its name is there."""
        try:
            self._store.create(_resource_of(obj), obj, options=self._options)
        except AlreadyExists:
            pass

    def write(self, obj: JSON) -> JSON | None:
        """Store metadata and spec; answers the object as stored, ``None`` if it is gone."""
        return self._update(obj, "")

    def write_status(self, obj: JSON) -> None:
        """Store the status and, as the real server lets it, annotations that go with it."""
        live = self.get(_resource_of(obj), NamespacedName.of(obj))
        if live is None or live["metadata"]["uid"] != obj["metadata"]["uid"]:
            return
        metadata = live["metadata"]
        if "annotations" in obj["metadata"]:
            metadata = {**metadata, "annotations": obj["metadata"]["annotations"]}
        self._update({**live, "metadata": metadata, "status": obj["status"]}, "status")

    def delete(self, obj: JSON) -> None:
        """Ask for an object's deletion."""
        self._delete(obj, DeleteOptions(uid=obj["metadata"]["uid"]))

    def remove(self, pod: JSON) -> None:
        """End a pod's grace: it is gone, unless a finalizer holds it."""
        self._delete(pod, DeleteOptions(uid=pod["metadata"]["uid"], grace=0))

    def _update(self, obj: JSON, subresource: str) -> JSON | None:
        key = NamespacedName.of(obj)
        try:
            return self._store.update(_resource_of(obj), key, obj, self._options, subresource).obj
        except NotFound:
            return None

    def _delete(self, obj: JSON, options: DeleteOptions) -> None:
        try:
            self._store.delete(_resource_of(obj), NamespacedName.of(obj), options)
        except NotFound:
            pass


def _resource_of(obj: JSON) -> Resource:
    return _RESOURCES[GroupVersionKind.of(obj)]
