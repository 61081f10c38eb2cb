"""The options of the verbs whose signatures are overloaded, each stated once.

They are written as keyword arguments, and checked as such::

    await client.list(POD, namespace="druid", labels={"app": "broker"})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from druid_operator.pkg.client.calls import Consistency
from druid_operator.pkg.meta import Labels

__all__ = ["ListOptions", "PatchOptions", "WatchOptions"]


class ListOptions(TypedDict, total=False):
    """Which objects of a kind. None given is all of them, in every namespace.

    Attributes:
        namespace: those of one namespace; empty is every one.
        labels: equalities, or any selector in the API's notation.
        fields: equalities; live, those that the kind can be selected by, and from a cache, those
            that have an index.
        limit: at most so many; 0, the default, is all.
        continue_token: of the list that this one continues; only live, with the same options.
        consistency: see :data:`Consistency`; only from a cache.
    """

    namespace: str
    labels: Labels
    fields: Mapping[str, str] | None
    limit: int
    continue_token: str
    consistency: Consistency | None


class WatchOptions(TypedDict, total=False):
    """Whose changes, and from when.

    Attributes:
        namespace, labels, fields: as in :class:`ListOptions`.
        resource_version: changes after it; empty, what is there comes first, as ``ADDED``.
        timeout_seconds: when the server is to end it; 300 by default.
    """

    namespace: str
    labels: Labels
    fields: Mapping[str, str] | None
    resource_version: str
    timeout_seconds: int


class PatchOptions(TypedDict, total=False):
    """How a patch is stored.

    Attributes:
        subresource: the part that is patched, such as ``status``; empty is the object.
        field_owner: recorded in managed fields; empty is the user agent.
        dry_run: check, and store nothing.
    """

    subresource: str
    field_owner: str
    dry_run: bool
