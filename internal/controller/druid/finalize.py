"""Deletion of a cluster, under its finalizer: workloads stop, then their claims go, then the
object.

Everything here reads the object as it is stored: one whose spec does not decode must be deletable
too. Nothing is created.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.api.v1alpha1.keys import FIELD_MANAGER_DRUID, PVC_FINALIZER
from druid_operator.internal.controller.druid.events import EventReason
from druid_operator.internal.controller.druid.gather import Observed
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druid.storage import claims_of_templates, mounted, template_names
from druid_operator.pkg.client import Client, merge_patch
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, is_controlled_by
from druid_operator.pkg.scheme.builtin import PERSISTENT_VOLUME_CLAIM, STATEFUL_SET


@attrs.frozen
class Step:
    """How far a deletion has come.

    Args:
        done: our finalizer is gone; the object may be too.
        message: what is waited for, while it is not done.
        events: of what was done.
    """

    done: bool
    message: str = ""
    events: tuple[Event, ...] = ()


def keeps_claims(druid: JSON) -> bool:
    """``spec.disablePVCDeletionFinalizer``, exactly true."""
    spec = druid.get("spec")
    return isinstance(spec, dict) and spec.get("disablePVCDeletionFinalizer") is True


def has_finalizer(druid: JSON) -> bool:
    return PVC_FINALIZER in (druid["metadata"].get("finalizers") or ())


async def align_finalizer(client: Client, druid: JSON) -> JSON:
    """Put the finalizer on before anything is created, or take it off where claims are kept.

    Returns the object as it is then. Raises ``Conflict`` when somebody else changed it meanwhile:
    the list is replaced whole, and another's finalizer must not get lost.
    """
    wanted = not keeps_claims(druid)
    if has_finalizer(druid) is wanted:
        return druid
    return await _set_finalizer(client, druid, present=wanted)


async def finalize(client: Client, observed: Observed) -> Step:
    """Take the next step of a deletion. May be repeated at any point.

    The StatefulSets go first: as long as one exists, its controller makes new claims. Their pods
    are waited for, because a claim under a running process is data lost before the process has
    ended.
    """
    druid = observed.druid
    if not has_finalizer(druid):
        return Step(done=True)
    if keeps_claims(druid):
        await _set_finalizer(client, druid, present=False)
        return Step(done=True)

    uid = druid["metadata"]["uid"]
    workloads = [s for s in observed.of_kind(STATEFUL_SET) if is_controlled_by(s, uid)]
    templates = template_names(druid, workloads)
    claims = claims_of_templates(observed.key.name, observed.claims, templates)
    if workloads:
        events = await _delete_all(client, STATEFUL_SET, workloads)
        note = f"Deleting {len(workloads)} StatefulSets, then {len(claims)} claims"
        started = Event("Normal", EventReason.FINALIZER_TRIGGERED, "Finalize", note)
        message = f"{len(workloads)} StatefulSets are going"
        return Step(False, message, (started, *events) if events else ())
    in_use = mounted(claims, observed.pods)
    if in_use:
        return Step(False, f"pods still use {len(in_use)} claims, {in_use[0]} among them")
    events = await _delete_all(client, PERSISTENT_VOLUME_CLAIM, claims)
    await _set_finalizer(client, druid, present=False)
    note = f"Deleted {len(claims)} claims"
    ended = Event("Normal", EventReason.FINALIZER_SUCCEEDED, "Finalize", note)
    return Step(True, "", (*events, ended))


async def _delete_all(
    client: Client, resource: Resource, objects: Sequence[JSON]
) -> tuple[Event, ...]:
    """Delete those that are not on their way out already; never a namesake that came later."""
    events = []
    for obj in objects:
        if obj["metadata"].get("deletionTimestamp"):
            continue
        key = NamespacedName.of(obj)
        try:
            await client.delete(resource, key, uid=obj["metadata"]["uid"], propagation="Background")
        except NotFound:
            continue
        note = f"Deleted {resource.kind} {key.name}: the cluster is being deleted"
        events.append(Event("Normal", EventReason.DELETED, "Delete", note))
    return tuple(events)


async def _set_finalizer(client: Client, druid: JSON, *, present: bool) -> JSON:
    metadata = druid["metadata"]
    others = [f for f in metadata.get("finalizers") or () if f != PVC_FINALIZER]
    body = {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "finalizers": [*others, PVC_FINALIZER] if present else others or None,
        }
    }
    try:
        return await client.patch(
            DRUID, NamespacedName.of(druid), merge_patch(body), field_owner=FIELD_MANAGER_DRUID
        )
    except NotFound:
        if present:
            raise
        return druid  # it is gone already, which is what taking the finalizer off was for
