"""Does a served schema have what a newer release writes? An older CRD drops it without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from druid_operator.pkg.schema.structural import PRESERVE, Schema, child_path


def missing_fields(wanted: Schema, served: Schema, path: str = "") -> list[str]:
    """The paths of the fields of ``wanted`` that the API server would prune, outermost only.

    Args:
        wanted: the schema of the release that runs.
        served: the schema of the installed CRD, or the same part of it.
        path: prefix of the paths in the result.

    List items and map values are written as ``components[]`` and ``nodes[*]``.
    """
    return list(_missing(wanted, served, path))


def _missing(wanted: Schema, served: Schema, path: str) -> Iterator[str]:
    known: Mapping[str, Any] = served.get("properties") or {}
    keeps_all = bool(served.get(PRESERVE))
    for key, sub in (wanted.get("properties") or {}).items():
        here = child_path(path, key)
        if key in known:
            yield from _missing(sub, known[key], here)
        elif not keeps_all:
            yield here
    for key, suffix in (("items", "[]"), ("additionalProperties", "[*]")):
        ours, theirs = wanted.get(key), served.get(key)
        if not isinstance(ours, Mapping):
            continue
        if isinstance(theirs, Mapping):
            yield from _missing(ours, theirs, path + suffix)
        elif not keeps_all and theirs is not True:
            yield path + suffix
