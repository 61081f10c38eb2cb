"""Comparing resource versions.

Since KEP-5504 they are decimal integers of unlimited size that grow within one kind. They are
compared as text (longer is newer, equal length by characters), so no width is assumed. A version
that is not of that form (an aggregated API may use any) compares with nothing.
"""

from __future__ import annotations


def comparable(version: str) -> bool:
    return version.isascii() and version.isdigit() and (version[0] != "0" or version == "0")


def newer(a: str, b: str) -> bool:
    """True when ``a`` is certainly newer than ``b``; false when older, equal or not comparable."""
    if not (comparable(a) and comparable(b)):
        return False
    return (len(a), a) > (len(b), b)


def at_least(a: str, b: str) -> bool:
    """True when ``a`` is certainly ``b`` or newer."""
    return a == b or newer(a, b)
