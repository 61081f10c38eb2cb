"""The verbs that write: ``create``, ``update``, ``patch``, ``apply``, ``delete``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, Unpack, overload

from druid_operator.pkg.client.calls import Preconditions, Propagation, Untyped, Write
from druid_operator.pkg.client.core import ClientCore
from druid_operator.pkg.client.merge_from import merge_from
from druid_operator.pkg.client.options import PatchOptions
from druid_operator.pkg.client.patch import Patch
from druid_operator.pkg.meta import JSON, Labels, NamespacedName

T = TypeVar("T")


class Writing(ClientCore):
    """See :class:`~druid_operator.pkg.client.Writer` for what each promises."""

    async def create(self, obj: T, /, *, field_owner: str = "", dry_run: bool = False) -> T:
        body, resource, metadata = await self._body(obj)
        # With generateName the name is the server's to give.
        key = NamespacedName(metadata.get("namespace") or "", metadata.get("name") or "")
        return await self._write(
            obj,
            Write(
                verb="create", resource=resource, key=key, body=body,
                field_owner=field_owner, dry_run=dry_run,
            ),
        )  # fmt: skip

    async def update(
        self, obj: T, /, *, subresource: str = "", field_owner: str = "", dry_run: bool = False
    ) -> T:
        if not isinstance(obj, dict) and not subresource:
            raise TypeError(
                f"update would delete the fields that {type(obj).__name__} does not know: "
                "use patch_from or apply"
            )
        body, resource, _ = await self._body(obj)
        return await self._write(
            obj,
            Write(
                verb="update", resource=resource, key=NamespacedName.of(body), body=body,
                subresource=subresource, field_owner=field_owner, dry_run=dry_run,
            ),
        )  # fmt: skip

    @overload
    async def patch(
        self, kind: Untyped, key: NamespacedName, patch: Patch, /, **options: Unpack[PatchOptions]
    ) -> JSON: ...
    @overload
    async def patch(
        self, kind: type[T], key: NamespacedName, patch: Patch, /, **options: Unpack[PatchOptions]
    ) -> T: ...
    async def patch(
        self, kind: Any, key: NamespacedName, patch: Patch, /, **options: Unpack[PatchOptions]
    ) -> Any:
        resource = await self.resource_for(kind)
        call = Write(verb="patch", resource=resource, key=key, patch=patch, **options)
        answer = await self.do_write(call)
        assert answer is not None
        return self._answer(kind, resource, answer)

    async def patch_from(
        self,
        old: T,
        new: T,
        /,
        *,
        optimistic_lock: bool = False,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> T:
        """Bring ``old`` to ``new`` by a merge patch of what differs; nothing is sent if nothing
        does.

        Fields that the model does not know are left alone.

        Args:
            optimistic_lock: refuse (``Conflict``) when another writer came since ``old`` was read.
                Needed wherever a list is changed: a merge patch replaces it whole.
        """
        before, resource, _ = await self._body(old)
        after, _, _ = await self._body(new)
        patch = merge_from(before, after, optimistic_lock=optimistic_lock)
        if patch is None:
            return old
        return await self._write(
            new,
            Write(
                verb="patch", resource=resource, key=NamespacedName.of(before), patch=patch,
                subresource=subresource, field_owner=field_owner, dry_run=dry_run,
            ),
        )  # fmt: skip

    async def apply(
        self,
        obj: T,
        /,
        *,
        field_owner: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> T:
        body, resource, _ = await self._body(obj)
        return await self._write(
            obj,
            Write(
                verb="apply", resource=resource, key=NamespacedName.of(body), body=body,
                subresource=subresource, field_owner=field_owner, force=force, dry_run=dry_run,
            ),
        )  # fmt: skip

    async def delete(
        self,
        kind: type[Any] | Untyped,
        key: NamespacedName,
        /,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation | None = None,
        grace_period: int | None = None,
        dry_run: bool = False,
    ) -> JSON | None:
        return await self.do_write(
            Write(
                verb="delete", resource=await self.resource_for(kind), key=key,
                preconditions=Preconditions(uid=uid, resource_version=resource_version),
                propagation=propagation, grace_period=grace_period, dry_run=dry_run,
            )
        )  # fmt: skip

    async def delete_all_of(
        self,
        kind: type[Any] | Untyped,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        propagation: Propagation | None = None,
        grace_period: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete every object of a kind in a namespace that the selectors select.

        Reads through a cache show the deletions only once the watch has.
        """
        await self.do_write(
            Write(
                verb="delete_all_of", resource=await self.resource_for(kind),
                key=NamespacedName(namespace, ""), labels=labels, fields=fields,
                propagation=propagation, grace_period=grace_period,
                dry_run=dry_run,
            )
        )  # fmt: skip
