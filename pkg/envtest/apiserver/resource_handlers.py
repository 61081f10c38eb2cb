"""The handlers of resource requests: from a target and a body to an answer."""

from __future__ import annotations

from typing import Any

import attrs
import orjson
from aiohttp import web

from druid_operator.pkg.apistore.body import parse_json
from druid_operator.pkg.apistore.options import Written
from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.apistore.tables import build_table, partial_metadata
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.envtest.apiserver.call import Call
from druid_operator.pkg.envtest.apiserver.negotiate import Form, wanted_form
from druid_operator.pkg.envtest.apiserver.replies import json_reply, success_status
from druid_operator.pkg.envtest.apiserver.request_body import parse_apply, parse_body
from druid_operator.pkg.envtest.apiserver.request_options import (
    delete_options,
    list_options,
    write_options,
)
from druid_operator.pkg.errors import MethodNotAllowed
from druid_operator.pkg.meta import JSON, NamespacedName


class ResourceHandlers:
    """One method per verb. Synchronous: nothing happens between a request's reads and writes."""

    def __init__(self, store: APIStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def handle(self, call: Call) -> web.Response:
        """Answer anything but a watch. Raises ``APIError``."""
        verbs = {
            "get": self._get,
            "list": self._list,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        target = call.target
        if (target.verb, target.plural, target.subresource) == ("create", "pods", "eviction"):
            return self._evict(call)
        collection = target.verb in ("list", "create", "deletecollection")
        if target.verb not in verbs or collection is bool(target.name):
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource", details={}
            )
        return verbs[target.verb](call)

    def _get(self, call: Call) -> web.Response:
        target = call.target
        form = wanted_form(call.accept)
        resource = call.served.resource
        if target.subresource == "scale":
            return json_reply(self._store.get_scale(resource, target.key))
        self._store.check_subresource(resource, target.subresource)
        return self._object_reply(call, self._store.get(resource, target.key), form)

    def _object_reply(
        self,
        call: Call,
        obj: JSON,
        form: Form,
        *,
        status: int = 200,
        warnings: tuple[str, ...] = (),
    ) -> web.Response:
        body: Any = obj
        if form == "table":
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            body = self._table(call, [obj], metadata)
        elif form == "metadata":
            body = partial_metadata(obj)
        return json_reply(body, status=status, warnings=warnings)

    def _table(self, call: Call, objects: list[JSON], metadata: JSON) -> JSON:
        return build_table(
            call.served,
            objects,
            self._clock.now(),
            metadata=metadata,
            include=call.query.get("includeObject", "Metadata"),
        )

    def _list(self, call: Call) -> web.Response:
        form = wanted_form(call.accept)
        served = call.served
        listed = self._store.list(served.resource, call.target.namespace, list_options(call.query))
        metadata: JSON = {"resourceVersion": listed.resource_version}
        if listed.continue_:
            metadata["continue"] = listed.continue_
        if listed.remaining is not None:
            metadata["remainingItemCount"] = listed.remaining
        if form == "table":
            identity = {"apiVersion": served.resource.api_version, "kind": served.resource.kind}
            objects = [{**identity, **obj} for obj in listed.objects()]
            return json_reply(self._table(call, objects, metadata))
        if form == "metadata":
            items = [partial_metadata(obj) for obj in listed.objects()]
            return json_reply(
                {
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": metadata,
                    "items": items,
                }
            )
        head = {
            "kind": served.list_kind,
            "apiVersion": served.resource.api_version,
            "metadata": metadata,
        }
        # The items are bytes already; decoding a thousand objects to encode them again would cost
        # more than all else.
        raw = orjson.dumps(head)[:-1] + b',"items":[' + b",".join(listed.items) + b"]}\n"
        return json_reply(None, raw=raw)

    def _body(self, call: Call) -> JSON:
        served = call.served
        type_ = served.type if served.custom is None else None
        return parse_body(call, served.resource.kind, type_)

    def _create(self, call: Call) -> web.Response:
        options = write_options(call)
        obj = self._body(call)
        written = self._store.create(call.served.resource, obj, call.target.namespace, options)
        return self._written(call, written, 201)

    def _update(self, call: Call) -> web.Response:
        options = write_options(call)
        obj = self._body(call)
        target = call.target
        written = self._store.update(
            call.served.resource, target.key, obj, options, target.subresource
        )
        return self._written(call, written, 201 if written.created else 200)

    def _patch(self, call: Call) -> web.Response:
        options = write_options(call)
        target = call.target
        resource = call.served.resource
        body = parse_apply(call.body) if call.is_apply else parse_json(call.body, resource.kind)
        written = self._store.patch(
            resource, target.key, call.content_type, body, options, target.subresource
        )
        return self._written(call, written, 201 if written.created else 200)

    def _written(self, call: Call, written: Written, status: int) -> web.Response:
        form = wanted_form(call.accept)
        return self._object_reply(call, written.obj, form, status=status, warnings=written.warnings)

    def _delete(self, call: Call) -> web.Response:
        target = call.target
        resource = call.served.resource
        deleted = self._store.delete(resource, target.key, delete_options(call))
        if not deleted.gone or call.served.returns_deleted:
            return json_reply(deleted.obj)
        details: JSON = {"name": target.name}
        if resource.group:
            details["group"] = resource.group
        details |= {"kind": resource.plural, "uid": deleted.obj["metadata"]["uid"]}
        return json_reply(success_status(details))

    def _evict(self, call: Call) -> web.Response:
        sent = parse_body(call, "Eviction", None)
        body = attrs.evolve(call, body=orjson.dumps(sent.get("deleteOptions") or {}))
        self._store.evict(call.target.key, delete_options(body))
        return json_reply(success_status({}), status=201)

    def _delete_collection(self, call: Call) -> web.Response:
        resource = call.served.resource
        options = attrs.evolve(list_options(call.query), limit=0, continue_="")
        listed = self._store.list(resource, call.target.namespace, options)
        wanted = delete_options(call)
        items = []
        for obj in listed.objects():
            key = NamespacedName.of(obj)
            items.append(self._store.delete(resource, key, wanted).obj)
        return json_reply(
            {
                "kind": call.served.list_kind,
                "apiVersion": resource.api_version,
                "metadata": {"resourceVersion": listed.resource_version},
                "items": items,
            }
        )
