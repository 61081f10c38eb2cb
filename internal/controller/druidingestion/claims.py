"""Which object of a namespace a supervisor, or the settings of a datasource, belong to. Pure.

Druid itself would let each overwrite the other without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from druid_operator.api.v1alpha1.druidingestion_types import IngestionSpec
from druid_operator.internal.controller.druidingestion.gather import cluster_key
from druid_operator.internal.ingestion.document import DesiredDocument, build_document
from druid_operator.pkg.errors import InvalidObject
from druid_operator.pkg.meta import JSON, NamespacedName

_SUPERVISOR, _SETTINGS = "supervisor ", "rules and compaction of "


def supervisor_claim(supervisor_id: str) -> str:
    return _SUPERVISOR + supervisor_id


def settings_claim(data_source: str) -> str:
    return _SETTINGS + data_source


def claim_key(cluster: NamespacedName, claim: str) -> str:
    """The value of an index over :func:`claims_of`."""
    return f"{cluster} {claim}"


@attrs.frozen
class Claim:
    """One object's.

    Args:
        holds: Druid has it for this object.
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


def stronger_claimant(
    ingestion: Mapping[str, Any], others: Iterable[Mapping[str, Any]], claim: str
) -> str:
    """The name of the object that the claimed belongs to, empty if it is this one's."""
    mine = _claim_of(ingestion, claim)
    claims = [c for other in others if (c := _claim_of(other, claim)).uid != mine.uid]
    best = min(claims, key=lambda c: c.rank, default=mine)
    return best.name if best.rank < mine.rank else ""


def claims_of(ingestion: JSON) -> Iterator[str]:
    """All that an object asks for or holds, as index values."""
    spec = ingestion.get("spec") or {}
    cluster = cluster_key(ingestion)
    claims = {*_asked(spec.get("ingestion") or {}), *_held(ingestion.get("status") or {})}
    return (claim_key(cluster, claim) for claim in sorted(claims))


def _claim_of(ingestion: Mapping[str, Any], claim: str) -> Claim:
    meta = ingestion["metadata"]
    return Claim(
        name=str(meta["name"]),
        uid=str(meta["uid"]),
        created=str(meta.get("creationTimestamp") or ""),
        holds=claim in _held(ingestion.get("status") or {}),
    )


def _asked(given: Mapping[str, Any]) -> Iterator[str]:
    desired = _document(given)
    if desired is None:
        return  # it asks for nothing until it can be read
    if desired.supervisor_id:
        yield supervisor_claim(desired.supervisor_id)
    if given.get("rules") is not None or given.get("compaction") is not None:
        yield settings_claim(desired.data_source)


def _held(status: Mapping[str, Any]) -> Iterator[str]:
    supervisor = status.get("supervisorId")
    # The id is written before the first POST: alone it is only asked for.
    if supervisor and status.get("specHash"):
        yield supervisor_claim(supervisor)
    elif status.get("taskId") and not supervisor:
        yield supervisor_claim(status["taskId"])  # the Go operator's
    settings = status.get("dataSourceSettings") or {}
    if settings.get("dataSource"):
        yield settings_claim(settings["dataSource"])


def _document(given: Mapping[str, Any]) -> DesiredDocument | None:
    ingestion = IngestionSpec(
        type=given.get("type", ""), spec=given.get("spec"), native_spec=given.get("nativeSpec")
    )
    try:
        return build_document(ingestion, suspend=None)
    except InvalidObject:
        return None
