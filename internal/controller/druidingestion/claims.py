"""Which object of a namespace a supervisor belongs to, where several ask for it. Pure.

Druid itself would let each overwrite the other without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from druid_operator.api.v1alpha1.druidingestion_types import IngestionSpec
from druid_operator.internal.ingestion.document import build_document
from druid_operator.pkg.errors import InvalidObject
from druid_operator.pkg.meta import JSON, NamespacedName


@attrs.frozen
class Claim:
    """One object's.

    Args:
        holds: Druid has the supervisor for this object.
        created: RFC 3339.
    """

    name: str
    uid: str
    created: str
    holds: bool

    @property
    def rank(self) -> tuple[bool, str, str]:
        """The lowest wins: who holds it, then who is older; the uid decides within a second."""
        return not self.holds, self.created, self.uid


def claim_of(ingestion: Mapping[str, Any], supervisor_id: str) -> Claim:
    meta = ingestion["metadata"]
    status = ingestion.get("status") or {}
    mine = supervisor_id in (status.get("supervisorId"), status.get("taskId"))
    return Claim(
        name=str(meta["name"]),
        uid=str(meta["uid"]),
        created=str(meta.get("creationTimestamp") or ""),
        holds=mine and bool(status.get("specHash") or not status.get("supervisorId")),
    )


def stronger_claimant(
    ingestion: Mapping[str, Any], others: Iterable[Mapping[str, Any]], supervisor_id: str
) -> str:
    """The name of the object that the supervisor belongs to, empty if it is this one's."""
    mine = claim_of(ingestion, supervisor_id)
    claims = [c for other in others if (c := claim_of(other, supervisor_id)).uid != mine.uid]
    best = min(claims, key=lambda claim: claim.rank, default=mine)
    return best.name if best.rank < mine.rank else ""


def claimed(ingestion: JSON) -> Iterator[str]:
    """The ids that an object asks for or holds: values of an index, see :func:`claim_key`."""
    spec = ingestion.get("spec") or {}
    cluster = NamespacedName(ingestion["metadata"]["namespace"], str(spec.get("druidCluster")))
    wanted = {str((ingestion.get("status") or {}).get("supervisorId") or ""), _wanted(spec)}
    return (claim_key(cluster, supervisor_id) for supervisor_id in sorted(wanted - {""}))


def claim_key(cluster: NamespacedName, supervisor_id: str) -> str:
    return f"{cluster} {supervisor_id}"


def _wanted(spec: Mapping[str, Any]) -> str:
    """Empty for what cannot be read: it claims nothing until it is mended."""
    given = spec.get("ingestion") or {}
    ingestion = IngestionSpec(
        type=given.get("type", ""), spec=given.get("spec"), native_spec=given.get("nativeSpec")
    )
    try:
        return build_document(ingestion, suspend=None).supervisor_id
    except InvalidObject:
        return ""
