"""Drift: which fields that we send differ in the live object.

The comparison is a subset: what the live object has beyond the desired one (server defaults,
fields and list items of other managers) is never a difference. Values that the server rewrites
without changing their meaning are equal: quantities (``1024Mi`` and ``1Gi``), and empty values,
which Go's encoder drops.

Not seen: a field that we stopped sending (the hash of the intent tells), another order of a keyed
list, and a zero or ``false`` that somebody removed, since the server itself removes most of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from druid_operator.pkg.apply.merge_keys import (
    MergeKey,
    is_built_in,
    is_set,
    key_value,
    merge_key_of,
)
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.quantity import Quantity

#: Fields that hold quantities, or maps of them. An ``env`` value is none, whatever it looks like.
_QUANTITY_MAPS = frozenset({"requests", "limits", "capacity"})
_QUANTITIES = frozenset({"sizeLimit", "divisor", "averageValue"})
#: Maps of strings: Go drops them when empty. An empty *struct* (``emptyDir: {}``) is kept and means
#: something.
_STRING_MAPS = frozenset({
    "annotations", "labels", "matchLabels", "nodeSelector", "selector", "data", "binaryData",
    "requests", "limits",
})  # fmt: skip
#: Longer or multi-line text is named by its size: a properties file may hold a password.
_MAX_SHOWN = 80


@attrs.frozen
class Difference:
    """One field that is not as we send it.

    Args:
        path: for people, list items by their key:
            ``spec.template.spec.containers[name=druid].image``.
        desired: the value we send.
        live: the value found, ``None`` when the field is absent (``absent`` tells it from null).
    """

    path: str
    desired: Any
    live: Any = None
    absent: bool = False


def differences(desired: JSON, live: JSON) -> tuple[Difference, ...]:
    """Every field of ``desired`` that ``live`` lacks or has otherwise, in that order."""
    return tuple(_Comparison(keyed=is_built_in(desired)).objects(desired, live, ""))


@attrs.frozen
class _Comparison:
    keyed: bool

    def objects(self, desired: JSON, live: JSON, path: str) -> Iterator[Difference]:
        parent = path.rpartition(".")[2]
        for name, value in desired.items():
            theirs = live.get(name)
            # Nearly every field of nearly every pass, and ten times quicker than what follows.
            if type(value) is str and value == theirs:
                continue
            here = f"{path}.{name}" if path else name
            if name in live:
                yield from self._values(name, value, theirs, here, parent=parent)
            elif parent in _STRING_MAPS or not _dropped_when_empty(name, value):
                yield Difference(here, value, absent=True)

    def _values(
        self, name: str, desired: Any, live: Any, path: str, *, parent: str = ""
    ) -> Iterator[Difference]:
        if isinstance(desired, dict) and isinstance(live, dict):
            yield from self.objects(desired, live, path)
        elif isinstance(desired, list) and isinstance(live, list):
            yield from self._lists(name, desired, live, path)
        elif not _same_scalar(desired, live, quantity=_is_quantity(name, parent)):
            yield Difference(path, desired, live)

    def _lists(
        self, name: str, desired: Sequence[Any], live: Sequence[Any], path: str
    ) -> Iterator[Difference]:
        if is_set(name):
            yield from (Difference(path, v, absent=True) for v in desired if v not in live)
            return
        key = merge_key_of(name, desired) if self.keyed else None
        if key is not None and _unique(desired, key):
            yield from self._keyed_lists(desired, live, key, path)
        elif len(desired) != len(live):
            yield Difference(path, list(desired), list(live))
        else:
            for index, (ours, theirs) in enumerate(zip(desired, live, strict=True)):
                yield from self._values(name, ours, theirs, f"{path}[{index}]")

    def _keyed_lists(
        self, desired: Sequence[JSON], live: Sequence[Any], key: MergeKey, path: str
    ) -> Iterator[Difference]:
        found = {key_value(item, key): item for item in live if isinstance(item, dict)}
        for item in desired:
            value = key_value(item, key)
            shown = ",".join(f"{name}={part}" for (name, _), part in zip(key, value, strict=True))
            here = f"{path}[{shown}]"
            if value in found:
                yield from self.objects(item, found[value], here)
            else:
                yield Difference(here, item, absent=True)


def _unique(items: Sequence[JSON], key: MergeKey) -> bool:
    return len({key_value(item, key) for item in items}) == len(items)


def _dropped_when_empty(name: str, value: Any) -> bool:
    if isinstance(value, dict):
        return not value and name in _STRING_MAPS
    return not value


def _is_quantity(name: str, parent: str) -> bool:
    return name in _QUANTITIES or parent in _QUANTITY_MAPS or (parent, name) == ("target", "value")


def _same_scalar(desired: Any, live: Any, *, quantity: bool) -> bool:
    if isinstance(desired, bool) is not isinstance(live, bool):
        return False  # to Python, True equals 1
    if desired == live:
        return True
    if not quantity:
        return False
    try:
        return Quantity.parse(desired) == Quantity.parse(live)
    except (ValueError, TypeError):
        return False  # the server will say what is wrong with it


def describe(found: Sequence[Difference], *, secret: bool = False) -> str:
    """One line per difference, for logs and ``--dry-run``.

    Args:
        secret: the object is a Secret: paths are shown, no values.
    """
    return "\n".join(_describe(difference, secret=secret) for difference in found)


def _describe(difference: Difference, *, secret: bool) -> str:
    if secret:
        return f"{difference.path}: (not shown)"
    live = "absent" if difference.absent else _shown(difference.live)
    return f"{difference.path}: {live} -> {_shown(difference.desired)}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, dict | list):
        return f"{type(value).__name__} of {len(value)}"
    if "\n" in text or len(text) > _MAX_SHOWN:
        return f"text of {len(text)} characters"
    return repr(value)
