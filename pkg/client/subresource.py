"""Reads and writes of one subresource: ``status``, ``scale``, ``eviction``, ``binding``, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from druid_operator.pkg.client.calls import Get, Write
from druid_operator.pkg.client.patch import Patch
from druid_operator.pkg.meta import JSON, NamespacedName

if TYPE_CHECKING:
    from druid_operator.pkg.client.base import ClientBase

T = TypeVar("T")


@attrs.frozen
class SubResourceClient:
    """Made by :meth:`ClientBase.sub_resource`; goes wherever that client's calls go.

    What a subresource takes and answers is often another kind than the object (a ``Scale``, an
    ``Eviction``): :meth:`get` and :meth:`create` speak dictionaries.
    """

    client: ClientBase
    name: str

    async def get(self, kind: Any, key: NamespacedName, /) -> JSON:
        """Raises ``NotFound``."""
        resource = await self.client.resource_for(kind)
        answer = await self.client.do_get(Get(resource=resource, key=key, subresource=self.name))
        assert isinstance(answer, dict)
        return answer

    async def create(
        self, kind: Any, key: NamespacedName, body: JSON, /, *, dry_run: bool = False
    ) -> JSON | None:
        """POST ``body`` to the subresource: evict a pod, bind it, ask for a token."""
        return await self.client.do_write(
            Write(
                verb="create", resource=await self.client.resource_for(kind), key=key,
                subresource=self.name, body=body, dry_run=dry_run,
            )
        )  # fmt: skip

    async def replace(
        self, kind: Any, key: NamespacedName, body: JSON, /, *, field_owner: str = ""
    ) -> JSON:
        """PUT ``body``, of whatever kind the subresource is."""
        answer = await self.client.do_write(
            Write(
                verb="update", resource=await self.client.resource_for(kind), key=key,
                subresource=self.name, body=body, field_owner=field_owner,
            )
        )  # fmt: skip
        assert answer is not None
        return answer

    async def update(self, obj: T, /, *, field_owner: str = "", dry_run: bool = False) -> T:
        """PUT the object; the server takes this part of it. Raises ``Conflict``."""
        return await self.client.update(
            obj, subresource=self.name, field_owner=field_owner, dry_run=dry_run
        )

    async def patch(
        self,
        kind: Any,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        field_owner: str = "",
        dry_run: bool = False,
    ) -> Any:
        """See :meth:`Writer.patch`; the answer is what ``kind`` says."""
        return await self.client.patch(
            kind, key, patch, subresource=self.name, field_owner=field_owner, dry_run=dry_run
        )

    async def patch_from(
        self, old: T, new: T, /, *, optimistic_lock: bool = False, field_owner: str = ""
    ) -> T:
        """See :meth:`ClientBase.patch_from`."""
        return await self.client.patch_from(
            old,
            new,
            optimistic_lock=optimistic_lock,
            subresource=self.name,
            field_owner=field_owner,
        )

    async def apply(
        self, obj: T, /, *, field_owner: str, force: bool = False, dry_run: bool = False
    ) -> T:
        """See :meth:`Writer.apply`."""
        return await self.client.apply(
            obj, subresource=self.name, field_owner=field_owner, force=force, dry_run=dry_run
        )
