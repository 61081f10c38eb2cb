"""How the lists of built-in kinds merge: as maps by a key, as sets, or as one value.

The API server knows it from its OpenAPI document. Two questions need it here: whether a live list
holds what we sent (servers and other managers add items), and whether a list of ours repeats a key,
which a PUT may and server-side apply may not.

Source: ``x-kubernetes-list-map-keys`` and ``x-kubernetes-patch-merge-key`` of Kubernetes 1.37.
Lists that are not named here are atomic, as are all lists of custom kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from druid_operator.pkg.meta import JSON

#: Field names and the value that a missing one stands for.
MergeKey: TypeAlias = tuple[tuple[str, Any], ...]

_NAME: MergeKey = (("name", None),)
_MERGE_KEYS: Mapping[str, MergeKey] = {
    "containers": _NAME,
    "initContainers": _NAME,
    "ephemeralContainers": _NAME,
    "env": _NAME,
    "volumes": _NAME,
    "imagePullSecrets": _NAME,
    "resourceClaims": _NAME,
    "volumeMounts": (("mountPath", None),),
    "volumeDevices": (("devicePath", None),),
    "hostAliases": (("ip", None),),
    "topologySpreadConstraints": (("topologyKey", None), ("whenUnsatisfiable", None)),
    "ownerReferences": (("uid", None),),
    "conditions": (("type", None),),
}
# Containers and Services both call the list `ports`; the items tell which it is.
_CONTAINER_PORT: MergeKey = (("containerPort", None), ("protocol", "TCP"))
_SERVICE_PORT: MergeKey = (("port", None), ("protocol", "TCP"))
_SETS = frozenset({"finalizers"})


def is_built_in(obj: Mapping[str, Any]) -> bool:
    """True for the kinds of Kubernetes itself: their groups have no dot or end in ``.k8s.io``."""
    group, _, _ = str(obj.get("apiVersion", "")).rpartition("/")
    return "." not in group or group.endswith(".k8s.io")


def is_set(field: str) -> bool:
    """True when the list named ``field`` holds each value once, in no order."""
    return field in _SETS


def merge_key_of(field: str, items: Sequence[Any]) -> MergeKey | None:
    """The key by which the items of the list named ``field`` merge, ``None`` if it is atomic."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    if field == "ports":
        if all("containerPort" in item for item in items):
            return _CONTAINER_PORT
        return _SERVICE_PORT if all("port" in item for item in items) else None
    key = _MERGE_KEYS.get(field)
    needed = [name for name, default in key or () if default is None]
    return key if all(name in item for item in items for name in needed) else None


def key_value(item: Mapping[str, Any], key: MergeKey) -> tuple[Any, ...]:
    """The item's own values for the key, defaults filled in."""
    return tuple(item.get(name) or default for name, default in key)


def repeated_keys(obj: JSON) -> tuple[str, ...]:
    """Paths of the lists in ``obj`` that hold one merge key twice; empty for what apply accepts."""
    return tuple(_repeats(obj, "")) if is_built_in(obj) else ()


def _repeats(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            if isinstance(inner, list) and _has_repeats(name, inner):
                yield here
            yield from _repeats(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeats(inner, f"{path}[{index}]")


def _has_repeats(field: str, items: Sequence[Any]) -> bool:
    key = merge_key_of(field, items)
    if key is None:
        return False
    return len({key_value(item, key) for item in items}) < len(items)
