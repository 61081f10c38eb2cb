"""A registry of finalizers: what has to be undone outside before an object may go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import attrs

from druid_operator.pkg.controllerutil.finalizer import add_finalizer, remove_finalizer
from druid_operator.pkg.meta import JSON

#: Undoes what one finalizer stands for. It may be called again: a pass can be repeated.
Finalize: TypeAlias = Callable[[JSON], Awaitable[None]]


@attrs.frozen
class Finalized:
    """What became of an object.

    Args:
        object: with the finalizers it is to have; write it (``finalizers_patch``) if ``changed``.
        changed: whether they differ.
        failures: by name, those that raised. They stay on the object, so raise them when the
            others are written.
    """

    object: JSON
    changed: bool
    failures: tuple[tuple[str, Exception], ...] = ()

    def raise_failures(self) -> None:
        """One failure as it is, several as a group. Nothing when there is none."""
        errors = [error for _, error in self.failures]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("finalizers failed", errors)


class Finalizers:
    """Keyed by the finalizer's name, ``example.com/what``."""

    def __init__(self) -> None:
        self._by_name: dict[str, Finalize] = {}

    def register(self, name: str, finalize: Finalize) -> None:
        """Raises ``ValueError`` for a name that is taken, or that is not qualified: the API server
        warns of those, and they meet others' by chance.
        """
        if "/" not in name:
            raise ValueError(f"a finalizer needs a qualified name (example.com/what): {name!r}")
        if name in self._by_name:
            raise ValueError(f"finalizer {name!r} is registered already")
        self._by_name[name] = finalize

    async def finalize(self, obj: JSON) -> Finalized:
        """A live object gets every finalizer that is registered. Of a deleted one each that it has
        is run, in order of registration, and taken off when it did not raise; others go on.
        """
        before = list(obj["metadata"].get("finalizers") or ())
        failures: list[tuple[str, Exception]] = []
        deleting = "deletionTimestamp" in obj["metadata"]
        for name, finalize in self._by_name.items():
            if not deleting:
                obj = add_finalizer(obj, name)
            elif name in before:
                try:
                    await finalize(obj)
                except Exception as error:  # noqa: BLE001 - reported, and the others get their turn
                    failures.append((name, error))
                else:
                    obj = remove_finalizer(obj, name)
        after = list(obj["metadata"].get("finalizers") or ())
        return Finalized(obj, changed=after != before, failures=tuple(failures))
