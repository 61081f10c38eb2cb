"""The live client: each call is one request to the API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import orjson

from druid_operator.pkg.client.interface import FieldValidation, Patch, Propagation
from druid_operator.pkg.client.transport import Transport
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme import Scheme

T = TypeVar("T")

#: Server-side apply takes YAML; JSON is a subset of it.
APPLY_MEDIA_TYPE = "application/apply-patch+yaml"
#: A page of a live list, as client-go's pager.
PAGE_SIZE = 500


class RestClient:
    """Implements :class:`~druid_operator.pkg.client.interface.Client`, always live.

    Args:
        transport: shared with the watches.
        scheme: tells where a kind is served and how it is decoded.
        fence: called right before each write leaves; raises ``LeaderLost`` when this process may
            not
            write any more. Clients of code that runs without a lease have none.
        field_validation: what the server does with unknown and duplicate fields.
    """

    def __init__(
        self,
        transport: Transport,
        scheme: Scheme,
        *,
        fence: Callable[[], None] | None = None,
        field_validation: FieldValidation | None = None,
    ) -> None:
        self.transport = transport
        self.scheme = scheme
        self._fence = fence or (lambda: None)
        self._field_validation = field_validation

    @overload
    async def get(self, kind: Resource, key: NamespacedName, /) -> JSON: ...
    @overload
    async def get(self, kind: type[T], key: NamespacedName, /) -> T: ...
    async def get(self, kind: Any, key: NamespacedName, /) -> Any:
        resource = self.scheme.resource_for(kind)
        payload = await self.transport.request("GET", resource.path(*key))
        return self.scheme.decode(kind, orjson.loads(payload))

    @overload
    async def list(
        self, kind: Resource, /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[JSON]: ...
    @overload
    async def list(
        self, kind: type[T], /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[T]: ...
    async def list(
        self, kind: Any, /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Any]:
        """Reads every page. An ``Expired`` continue token raises: the caller's list starts
        again.
        """
        resource = self.scheme.resource_for(kind)
        params = {"limit": str(PAGE_SIZE)}
        if labels:
            params["labelSelector"] = ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
        items: list[Any] = []
        while True:
            payload = await self.transport.request(
                "GET", resource.path(namespace), params=params,
                timeout=self.transport.timeouts.list,
            )  # fmt: skip
            page = orjson.loads(payload)
            for item in page["items"]:
                # Items of a typed list carry no kind of their own.
                item.setdefault("apiVersion", resource.api_version)
                item.setdefault("kind", resource.kind)
                items.append(self.scheme.decode(kind, item))
            token = page["metadata"].get("continue")
            if not token:
                return items
            params["continue"] = token

    async def create(self, obj: JSON, /, *, field_owner: str = "", dry_run: bool = False) -> JSON:
        resource = self.scheme.resource_of(obj)
        namespace = obj["metadata"].get("namespace") or ""
        return await self._write(
            "POST", resource.path(namespace), obj, self._params(field_owner, dry_run)
        )

    async def update(
        self, obj: JSON, /, *, subresource: str = "", field_owner: str = "", dry_run: bool = False
    ) -> JSON:
        path = self.scheme.resource_of(obj).path(*NamespacedName.of(obj), subresource)
        return await self._write("PUT", path, obj, self._params(field_owner, dry_run))

    async def patch(
        self,
        kind: Resource,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> JSON:
        return await self._send(
            "PATCH", kind.path(*key, subresource), patch.body,
            self._params(field_owner, dry_run), patch.media_type,
        )  # fmt: skip

    async def apply(
        self,
        obj: JSON,
        /,
        *,
        field_owner: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> JSON:
        path = self.scheme.resource_of(obj).path(*NamespacedName.of(obj), subresource)
        params = self._params(field_owner, dry_run)
        if force:
            params["force"] = "true"
        return await self._send("PATCH", path, orjson.dumps(obj), params, APPLY_MEDIA_TYPE)

    async def delete(
        self,
        kind: Resource,
        key: NamespacedName,
        /,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> JSON | None:
        options: JSON = {"apiVersion": "v1", "kind": "DeleteOptions"}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if any(preconditions.values()):
            options["preconditions"] = {k: v for k, v in preconditions.items() if v}
        if propagation:
            options["propagationPolicy"] = propagation
        if dry_run:
            options["dryRun"] = ["All"]
        answer = await self._write("DELETE", kind.path(*key), options, {})
        return None if answer.get("kind") == "Status" else answer

    def _params(self, field_owner: str, dry_run: bool) -> dict[str, str]:
        params: dict[str, str] = {}
        if field_owner:
            params["fieldManager"] = field_owner
        if dry_run:
            params["dryRun"] = "All"
        if self._field_validation:
            params["fieldValidation"] = self._field_validation
        return params

    async def _write(self, method: str, path: str, obj: JSON, params: Mapping[str, str]) -> JSON:
        return await self._send(method, path, orjson.dumps(obj), params, "application/json")

    async def _send(
        self, method: str, path: str, body: bytes, params: Mapping[str, str], content_type: str
    ) -> JSON:
        self._fence()
        payload = await self.transport.request(
            method, path, params=params, body=body, content_type=content_type
        )
        answer: JSON = orjson.loads(payload)
        return answer
