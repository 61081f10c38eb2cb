"""The body of a PUT that replaces what is ours and keeps what is not.

A PUT with nothing but our intent would drop the labels, annotations, finalizers and owners that
others added: a cloud's load balancer finalizer, the annotation of a rolling restart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from druid_operator.pkg.apply.child import FieldPath
from druid_operator.pkg.apply.managed_fields import keys_written_by
from druid_operator.pkg.meta import JSON


def replacement(
    intent: JSON, live: JSON, *, managers: Collection[str], yielded: Iterable[FieldPath] = ()
) -> JSON:
    """Build the whole object to PUT over ``live``.

    Args:
        intent: what we want, annotated.
        live: as read from the server, ``managedFields`` included: they tell which labels and
            annotations were ours and are dropped when no longer wanted.
        managers: our field manager and its predecessors.
        yielded: fields that keep their live value.
    """
    metadata: JSON = {**live["metadata"], **intent["metadata"]}
    metadata.pop("managedFields", None)
    entries = live["metadata"].get("managedFields") or ()
    for name in ("labels", "annotations"):
        ours = keys_written_by(entries, managers, ("metadata", name))
        foreign = {k: v for k, v in (live["metadata"].get(name) or {}).items() if k not in ours}
        metadata[name] = {**foreign, **intent["metadata"].get(name, {})}
    wanted: list[JSON] = intent["metadata"].get("ownerReferences") or []
    uids = {ref["uid"] for ref in wanted}
    owners = live["metadata"].get("ownerReferences") or ()
    metadata["ownerReferences"] = [*(ref for ref in owners if ref["uid"] not in uids), *wanted]
    body: JSON = {**intent, "metadata": metadata}
    for path in yielded:
        body = _carried_over(body, live, path)
    return body


def _carried_over(body: JSON, live: JSON, path: FieldPath) -> JSON:
    name, *rest = path
    if name not in live:
        return body
    value: Any = live[name]
    if rest:
        value = _carried_over(body.get(name) or {}, value, tuple(rest))
    return {**body, name: value}
