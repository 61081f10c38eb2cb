"""Writes that begin with a read: create or patch, and trying again when another writer came first.

For children that a controller owns whole, server-side apply (:mod:`druid_operator.pkg.apply`) is
the better tool; these are for objects of which only a part is ours.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from druid_operator.pkg.client.interface import Client, merge_patch
from druid_operator.pkg.client.merge_from import merge_diff
from druid_operator.pkg.errors import Conflict, NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource

T = TypeVar("T")

#: Source: client-go ``retry.DefaultRetry``.
CONFLICT_TRIES = 5
CONFLICT_PAUSE = 0.01
CONFLICT_JITTER = 0.1


class OperationResult(StrEnum):
    """What was done. Source: controller-runtime ``controllerutil.OperationResult``."""

    UNCHANGED = "unchanged"
    CREATED = "created"
    UPDATED = "updated"
    UPDATED_STATUS = "updatedStatus"
    UPDATED_STATUS_ONLY = "updatedStatusOnly"


async def retry_on_conflict(
    try_: Callable[[], Awaitable[T]],
    *,
    tries: int = CONFLICT_TRIES,
    pause: float = CONFLICT_PAUSE,
    uniform: Callable[[], float] = random.random,
) -> T:
    """Call ``try_`` until it raises no ``Conflict``, at most ``tries`` times.

    Args:
        try_: reads the object anew, changes it and writes it. One that keeps its first read would
            meet the same conflict each time.
        tries: at least 1.
        pause: seconds between two, stretched by up to ``CONFLICT_JITTER``.
        uniform: draws from [0, 1).

    Raises:
        Conflict: the last one.
    """
    for _ in range(tries - 1):
        try:
            return await try_()
        except Conflict:
            await asyncio.sleep(pause * (1 + CONFLICT_JITTER * uniform()))
    return await try_()


async def create_or_patch(
    client: Client,
    kind: Resource,
    key: NamespacedName,
    mutate: Callable[[JSON], None],
    *,
    field_owner: str = "",
) -> tuple[JSON, OperationResult]:
    """Bring one object to the state that ``mutate`` makes of it, by a merge patch of what differs.

    Args:
        client: reads and writes.
        kind, key: which object.
        mutate: changes the object in place: the one read, or one with nothing but its identity. It
            must leave that identity alone. It runs once.
        field_owner: recorded in managed fields.

    Returns:
        The object as the server stored it, and what was done. Nothing is sent when nothing differs.

    Raises:
        ValueError: ``mutate`` changed the object's name or namespace.
        APIError: ``AlreadyExists`` when another created it meanwhile: start over.

    Does not guarantee that a concurrent change of the *same list* survives; a patch with
    ``optimistic_lock`` does (:func:`~druid_operator.pkg.client.merge_from.merge_from`).
    """
    try:
        before = await client.get(kind, key)
    except NotFound:
        return await _create(client, kind, key, mutate, field_owner)
    after = _mutated(before, key, mutate)
    diff = merge_diff(before, after)
    status = diff.pop("status", None)
    stored = before
    if diff:
        patch = merge_patch(diff)
        stored = await client.patch(kind, key, patch, field_owner=field_owner)
    if status is not None:
        patch = merge_patch({"status": status})
        stored = await client.patch(kind, key, patch, subresource="status", field_owner=field_owner)
    return stored, _result(main=bool(diff), status=status is not None)


async def create_or_update(
    client: Client,
    kind: Resource,
    key: NamespacedName,
    mutate: Callable[[JSON], None],
    *,
    field_owner: str = "",
) -> tuple[JSON, OperationResult]:
    """As :func:`create_or_patch`, but write the whole object under the version that was read.

    The status is not written.

    Raises:
        ValueError: ``mutate`` changed the object's name or namespace.
        Conflict: another writer came first: start over, for example in :func:`retry_on_conflict`.
    """
    try:
        before = await client.get(kind, key)
    except NotFound:
        return await _create(client, kind, key, mutate, field_owner)
    after = _mutated(before, key, mutate)
    if not merge_diff(before, after):
        return before, OperationResult.UNCHANGED
    stored = await client.update(after, field_owner=field_owner)
    return stored, OperationResult.UPDATED


async def _create(
    client: Client,
    kind: Resource,
    key: NamespacedName,
    mutate: Callable[[JSON], None],
    field_owner: str,
) -> tuple[JSON, OperationResult]:
    metadata: JSON = {"name": key.name}
    if key.namespace:
        metadata["namespace"] = key.namespace
    bare: JSON = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    made = _mutated(bare, key, mutate)
    return await client.create(made, field_owner=field_owner), OperationResult.CREATED


def _mutated(before: JSON, key: NamespacedName, mutate: Callable[[JSON], None]) -> JSON:
    after = copy.deepcopy(before)
    mutate(after)
    if NamespacedName.of(after) != key:
        raise ValueError(f"mutate must not change which object it is: {key}")
    return after


def _result(*, main: bool, status: bool) -> OperationResult:
    if main and status:
        return OperationResult.UPDATED_STATUS
    if status:
        return OperationResult.UPDATED_STATUS_ONLY
    return OperationResult.UPDATED if main else OperationResult.UNCHANGED
