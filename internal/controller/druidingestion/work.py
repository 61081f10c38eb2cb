"""What a pass over Druid is given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import attrs

from druid_operator.api.v1alpha1 import DruidIngestionSpec
from druid_operator.internal.controller.druidingestion.policies import Policies
from druid_operator.internal.druidconn import Connection
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.marker import Marker
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.meta import JSON


@attrs.frozen(kw_only=True)
class Work:
    """Args:
    spec: of the object, typed.
    policies: what it says about runs, drift and adoption.
    desired: the document that Druid shall have.
    generation: of the object.
    secrets: versions of the Secrets whose values are in the document, by name.
    status: of the object, as stored.
    owner: who we are, in Druid's terms.
    comment: on whose behalf we act, for Druid's audit log.
    connection: to the cluster.
    remember: writes some status fields at once, before Druid is told; returns when the API server
        has them.
    """

    spec: DruidIngestionSpec
    policies: Policies
    desired: DesiredDocument
    generation: int
    secrets: Mapping[str, str]
    status: JSON
    owner: Marker
    comment: str
    connection: Connection
    remember: Callable[[JSON], Awaitable[None]]
    clock: Clock

    @property
    def cluster(self) -> str:
        """Name of the ``Druid``."""
        return self.connection.key.cluster.name
