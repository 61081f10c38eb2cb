"""The short hashes that controllers put into names: FNV in an alphabet without vowels."""

from __future__ import annotations

from typing import Any

import orjson

_PRIME = 16777619
_OFFSET = 2166136261
# `rand.SafeEncodeString`: no vowels and none of 0, 1, 3, so that no word can appear in a name.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def short_hash(value: Any, probe: int | None = None) -> str:
    """A hash of a JSON value; ``probe`` is the collision count, which gives another one.

    Revisions are hashed as the real controller does it (FNV-1 over sorted JSON). It hashes a pod
    template by dumping Go structs, which no other language can repeat: only the form agrees there.
    """
    content = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if probe is not None:
        content += str(probe).encode()
    digest = _OFFSET
    for byte in content:
        digest = (digest * _PRIME & 0xFFFFFFFF) ^ byte
    return "".join(_ALPHABET[ord(c) % len(_ALPHABET)] for c in str(digest))
