"""The live client: each call is one request to the API server, but for lists, which have pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

from druid_operator.pkg.client.base import ClientBase
from druid_operator.pkg.client.calls import (
    FieldValidation,
    Get,
    List,
    ObjectList,
    Watch,
    Write,
    field_selector,
)
from druid_operator.pkg.client.interface import WatchStream
from druid_operator.pkg.client.listwatch import (
    METADATA,
    METADATA_LIST,
    RestListWatch,
    Scope,
)
from druid_operator.pkg.client.patch import APPLY_MEDIA_TYPE
from druid_operator.pkg.client.restmapper import RESTMapper
from druid_operator.pkg.client.transport import Transport
from druid_operator.pkg.client.watchstream import EventStream
from druid_operator.pkg.errors import Expired
from druid_operator.pkg.meta import JSON, nesting
from druid_operator.pkg.scheme import Scheme

#: A page of a live list, as client-go's pager.
PAGE_SIZE = 500
_JSON = "application/json"
_METHODS = {"create": "POST", "update": "PUT"}


class RestClient(ClientBase):
    """Implements :class:`~druid_operator.pkg.client.WithWatch`, always live.

    Args:
        transport: shared with the watches.
        scheme: tells where a kind is served and how it is decoded.
        fence: called right before each write leaves; raises ``LeaderLost`` when this process may
            not write any more. Clients of code that runs without a lease have none.
        field_validation: what the server does with unknown and duplicate fields.
        mapper: finds kinds that are not in the scheme; one of its own by default.
    """

    def __init__(
        self,
        transport: Transport,
        scheme: Scheme,
        *,
        fence: Callable[[], None] | None = None,
        field_validation: FieldValidation | None = None,
        mapper: RESTMapper | None = None,
    ) -> None:
        super().__init__(scheme, mapper or RESTMapper(transport))
        self.transport = transport
        self._fence = fence or (lambda: None)
        self._field_validation: FieldValidation | None = field_validation

    async def do_get(self, call: Get) -> JSON:
        path = call.resource.path(*call.key, call.subresource)
        accept = METADATA if call.metadata_only else _JSON
        payload = await self.transport.request("GET", path, accept=accept)
        obj: JSON = nesting.loads(payload)
        return obj

    async def do_list(self, call: List) -> ObjectList[Any]:
        """One page where a limit is given, else all of them.

        When a continue token expires on the way the list is read anew, in one piece: the pages had
        by then show another state than those to come.
        """
        params = _selectors(call)
        if call.continue_token:
            params["continue"] = call.continue_token
        params["limit"] = str(call.limit or PAGE_SIZE)
        found = await self._page(call, params)
        while found.continue_token and not call.limit:
            try:
                page = await self._page(call, {**params, "continue": found.continue_token})
            except Expired:
                return await self._page(call, _selectors(call))
            found.extend(page)
            found.of(page)
        return found

    async def _page(self, call: List, params: Mapping[str, str]) -> ObjectList[Any]:
        payload = await self.transport.request(
            "GET", call.resource.path(call.namespace), params=params,
            accept=METADATA_LIST if call.metadata_only else _JSON,
            timeout=self.transport.timeouts.list,
        )  # fmt: skip
        page = nesting.loads(payload)
        found: ObjectList[Any] = ObjectList(page["items"] or ())
        for item in found:
            # Items of a typed list carry no kind of their own.
            item.setdefault("apiVersion", call.resource.api_version)
            item.setdefault("kind", call.resource.kind)
        found.resource_version = page["metadata"].get("resourceVersion") or ""
        found.continue_token = page["metadata"].get("continue") or ""
        found.remaining = page["metadata"].get("remainingItemCount")
        return found

    @asynccontextmanager
    async def do_watch(self, call: Watch) -> AsyncIterator[WatchStream[JSON]]:
        scope = Scope(
            namespace=call.namespace, labels=str(call.labels), fields=field_selector(call.fields)
        )
        source = RestListWatch(self.transport, call.resource, scope)
        async with source.watch(
            resource_version=call.resource_version,
            send_initial_events=False,
            timeout_seconds=call.timeout_seconds,
        ) as frames:
            yield EventStream(frames, call.resource, call.resource_version)

    async def do_write(self, call: Write) -> JSON | None:
        params = _params(call, self._field_validation)
        path = call.resource.path(*call.key, call.subresource)
        match call.verb:
            case "create" | "update":
                if call.verb == "create" and not call.subresource:
                    path = call.resource.path(call.key.namespace)
                method = _METHODS[call.verb]
                return await self._send(method, path, orjson.dumps(call.body), params, _JSON)
            case "apply":
                body = orjson.dumps(call.body)
                return await self._send("PATCH", path, body, params, APPLY_MEDIA_TYPE)
            case "patch":
                assert call.patch is not None
                patch = call.patch
                return await self._send("PATCH", path, patch.body, params, patch.media_type)
            case "delete" | "delete_all_of":
                options = orjson.dumps(_delete_options(call))
                answer = await self._send("DELETE", path, options, _collection(call), _JSON)
                gone = call.verb == "delete_all_of" or answer.get("kind") == "Status"
                return None if gone else answer

    async def _send(
        self, method: str, path: str, body: bytes, params: Mapping[str, str], content_type: str
    ) -> JSON:
        self._fence()
        payload = await self.transport.request(
            method, path, params=params, body=body, content_type=content_type
        )
        answer: JSON = nesting.loads(payload)
        return answer


def _selectors(call: List | Write) -> dict[str, str]:
    params: dict[str, str] = {}
    if call.labels:
        params["labelSelector"] = str(call.labels)
    if call.fields:
        params["fieldSelector"] = field_selector(call.fields)
    return params


def _collection(call: Write) -> dict[str, str]:
    return _selectors(call) if call.verb == "delete_all_of" else {}


def _params(call: Write, field_validation: FieldValidation | None) -> dict[str, str]:
    params: dict[str, str] = {}
    if call.field_owner:
        params["fieldManager"] = call.field_owner
    if call.dry_run:
        params["dryRun"] = "All"
    if call.force:
        params["force"] = "true"
    validation = call.field_validation or field_validation
    if validation:
        params["fieldValidation"] = validation
    return params


def _delete_options(call: Write) -> JSON:
    options: JSON = {"apiVersion": "v1", "kind": "DeleteOptions"}
    conditions = {
        "uid": call.preconditions.uid,
        "resourceVersion": call.preconditions.resource_version,
    }
    if any(conditions.values()):
        options["preconditions"] = {key: value for key, value in conditions.items() if value}
    if call.propagation:
        options["propagationPolicy"] = call.propagation
    if call.grace_period is not None:
        options["gracePeriodSeconds"] = call.grace_period
    if call.dry_run:
        options["dryRun"] = ["All"]
    return options
