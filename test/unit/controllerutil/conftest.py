"""A client over one dictionary of objects, with the API server's rules for versions and status."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.apistore.merge_patch import apply_merge_patch
from druid_operator.pkg.client.interface import Patch
from druid_operator.pkg.errors import AlreadyExists, Conflict, NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource


class World:
    """``before_write`` runs before each write: another writer's chance."""

    def __init__(self) -> None:
        self.objects: dict[NamespacedName, JSON] = {}
        self.writes: list[str] = []
        self.before_write: Callable[[], None] = lambda: None
        self._version = 0

    def store(self, obj: JSON) -> JSON:
        self._version += 1
        stored = copy.deepcopy(obj)
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[NamespacedName.of(obj)] = stored
        return copy.deepcopy(stored)

    async def get(self, kind: Resource, key: NamespacedName, /) -> JSON:
        if key not in self.objects:
            raise NotFound(str(key))
        return copy.deepcopy(self.objects[key])

    async def create(self, obj: JSON, /, **_: object) -> JSON:
        self.before_write()
        self.writes.append("create")
        if NamespacedName.of(obj) in self.objects:
            raise AlreadyExists("there is one")
        return self.store({k: v for k, v in obj.items() if k != "status"})

    async def update(self, obj: JSON, /, **_: object) -> JSON:
        self.before_write()
        self.writes.append("update")
        current = self.objects[NamespacedName.of(obj)]
        if obj["metadata"]["resourceVersion"] != current["metadata"]["resourceVersion"]:
            raise Conflict("changed meanwhile")
        return self.store({**obj, "status": current.get("status")})

    async def patch(
        self,
        kind: Resource,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        **_: object,
    ) -> JSON:
        self.before_write()
        self.writes.append(f"patch {subresource}".strip())
        current, body = self.objects[key], json.loads(patch.body)
        version = body.get("metadata", {}).get("resourceVersion")
        if version is not None and version != current["metadata"]["resourceVersion"]:
            raise Conflict("changed meanwhile")
        if subresource:
            body = {"status": body["status"]}
        else:
            body.pop("status", None)
        return self.store(apply_merge_patch(current, body))


@pytest.fixture
def world() -> Any:
    return World()
