"""Controller revisions: the templates a StatefulSet has had, as objects with names."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import attrs

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.hashing import short_hash
from druid_operator.pkg.meta import JSON, is_controlled_by

# apps/v1's default for spec.revisionHistoryLimit.
HISTORY_LIMIT = 10


@attrs.frozen(kw_only=True)
class Revisions:
    """The two revisions that matter, and what must be written for them to exist.

    Args:
        current: what pods below a partition, and those not yet rolled, are made from.
        update: what the template says now.
        create: ``update``, when it is new.
        changed: revisions to store again: adopted, or ``update`` renumbered by a rollback.
    """

    current: JSON
    update: JSON
    create: tuple[JSON, ...] = ()
    changed: tuple[JSON, ...] = ()


def find_revisions(sts: JSON, existing: Sequence[JSON]) -> Revisions:
    """Match the template with the history; equal data is the same revision, whatever its number."""
    uid = sts["metadata"]["uid"]
    orphans = {r["metadata"]["name"] for r in existing if not is_controlled_by(r, uid)}
    history = [podfacts.adopted(r, sts) if not is_controlled_by(r, uid) else r for r in existing]
    history.sort(key=lambda r: (r["revision"], r["metadata"]["name"]))
    number = history[-1]["revision"] + 1 if history else 1
    proposed = _revision(sts, number)
    equal = [r for r in history if r["data"] == proposed["data"]]
    rewritten = {r["metadata"]["name"]: r for r in history if r["metadata"]["name"] in orphans}
    create: tuple[JSON, ...] = ()
    if not equal:
        update, create = proposed, (proposed,)
    elif equal[-1] is history[-1]:
        update = history[-1]
    else:  # a rollback: the old revision becomes the newest
        update = {**equal[-1], "revision": number}
        rewritten[update["metadata"]["name"]] = update
    named = sts.get("status", {}).get("currentRevision")
    current = next((r for r in history if r["metadata"]["name"] == named), update)
    return Revisions(
        current=current, update=update, create=create, changed=tuple(rewritten.values())
    )


def expired(
    sts: JSON, existing: Sequence[JSON], revisions: Revisions, pods: Sequence[JSON]
) -> list[JSON]:
    """Revisions that no pod uses, beyond the history limit; the oldest go."""
    live = {podfacts.revision(p) for p in pods}
    live |= {r["metadata"]["name"] for r in (revisions.current, revisions.update)}
    history = [r for r in existing if r["metadata"]["name"] not in live]
    history.sort(key=lambda r: (r["revision"], r["metadata"]["name"]))
    limit = sts["spec"].get("revisionHistoryLimit", HISTORY_LIMIT)
    return history[: max(0, len(history) - limit)]


def template_of(revision: JSON) -> JSON:
    """The pod template that a revision recorded."""
    template = copy.deepcopy(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    return dict(template)


def _revision(sts: JSON, number: int) -> JSON:
    metadata = sts["metadata"]
    template = copy.deepcopy(sts["spec"]["template"])
    # The data is a strategic merge patch that would restore the template.
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    digest = short_hash(data, sts.get("status", {}).get("collisionCount") or 0)
    labels = (template.get("metadata") or {}).get("labels") or {}
    revision: JSON = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": {**labels, "controller.kubernetes.io/hash": digest},
            "ownerReferences": [podfacts.controlled_by(sts)],
        },
        "data": data,
        "revision": number,
    }
    if metadata.get("annotations"):
        revision["metadata"]["annotations"] = dict(metadata["annotations"])
    return revision
