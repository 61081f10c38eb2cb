"""Owner references: what is deleted with its owner, and which controller an object belongs to.

All functions are pure; objects that are passed in are never changed. An owner is identified by its
uid: a namesake that was created later is another owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from druid_operator.pkg.errors import TerminalError
from druid_operator.pkg.meta import JSON, GroupVersionKind, controller_of, owner_reference


class AlreadyOwned(TerminalError):
    """The object has another controller, which would undo whatever we did to it."""

    def __init__(self, obj: Mapping[str, Any], owner: Mapping[str, Any]) -> None:
        kind, name = obj.get("kind", "object"), obj["metadata"].get("name", "")
        super().__init__(
            f"{kind} {name} belongs to {owner['kind']} {owner['name']} already; "
            "rename one of the two, or remove that owner reference",
            reason="AlreadyOwned",
        )
        self.owner = owner


def set_controller_reference(
    owner: Mapping[str, Any], obj: Mapping[str, Any], *, block_owner_deletion: bool = True
) -> JSON:
    """A copy of ``obj`` whose controller is ``owner``.

    Args:
        owner: an object as the server has it, with ``apiVersion``, ``kind`` and a uid.
        obj: what it is to own.
        block_owner_deletion: under foreground deletion the owner waits for this object. Setting it
            needs the right to update the owner's finalizers where the API server enforces that.

    Raises:
        AlreadyOwned: another object is the controller.
        ValueError: ``owner`` cannot own ``obj``: it lives in another namespace, or in one while
            ``obj`` lives in none. The garbage collector would delete ``obj``.
    """
    current = controller_of(obj)
    if current is not None and current.get("uid") != owner["metadata"]["uid"]:
        raise AlreadyOwned(obj, current)
    return _with_reference(owner, obj, controller=True, block=block_owner_deletion)


def set_owner_reference(owner: Mapping[str, Any], obj: Mapping[str, Any]) -> JSON:
    """A copy of ``obj`` that is deleted with ``owner``, beside any owners that it has.

    Raises:
        ValueError: as for :func:`set_controller_reference`.
    """
    return _with_reference(owner, obj, controller=False, block=False)


def remove_owner_reference(owner: Mapping[str, Any], obj: Mapping[str, Any]) -> JSON:
    """A copy of ``obj`` that ``owner`` does not own."""
    uid = owner["metadata"]["uid"]
    return _with(obj, [ref for ref in _references(obj) if ref.get("uid") != uid])


def has_controller_reference(obj: Mapping[str, Any]) -> bool:
    return controller_of(obj) is not None


def _with_reference(
    owner: Mapping[str, Any], obj: Mapping[str, Any], *, controller: bool, block: bool
) -> JSON:
    meta = owner["metadata"]
    home, place = meta.get("namespace") or "", obj["metadata"].get("namespace") or ""
    if home and home != place:
        raise ValueError(
            f"{owner['kind']} {meta['name']} of namespace {home} cannot own an object of "
            f"{'namespace ' + place if place else 'no namespace'}"
        )
    ref = owner_reference(
        GroupVersionKind.of(owner), meta["name"], meta["uid"], block_owner_deletion=block
    )
    if not controller:
        del ref["controller"]
    refs = _references(obj)
    at = next((i for i, old in enumerate(refs) if old.get("uid") == meta["uid"]), len(refs))
    return _with(obj, [*refs[:at], ref, *refs[at + 1 :]])


def _references(obj: Mapping[str, Any]) -> list[JSON]:
    return list(obj.get("metadata", {}).get("ownerReferences") or ())


def _with(obj: Mapping[str, Any], references: list[JSON]) -> JSON:
    metadata = {**obj.get("metadata", {}), "ownerReferences": references}
    if not references:
        del metadata["ownerReferences"]
    return {**obj, "metadata": metadata}
