"""What a pass found out about an ingestion, as values: the input of its status. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn.view import SupervisorFacts
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.runs import Run
from druid_operator.pkg.meta import JSON


@attrs.frozen
class Trouble:
    """Why the ingestion is not as it should be.

    Args:
        reason: of the conditions.
        message: what is wrong and what to do, without secrets.
        stalled: no retry will help: the object, the cluster or Druid must change.
        unknown: Druid could not be asked, so nothing can be said of the ingestion itself.
    """

    reason: str
    message: str
    stalled: bool = False
    unknown: bool = False


@attrs.frozen(kw_only=True)
class SettingFacts:
    """What became of the datasource's rules and compaction.

    Args:
        trouble: ``None`` if Druid has what is declared, or nothing is.
        drift: what Druid has that was not declared, where the policy says to leave it.
        remember, events: as of :class:`Facts`.
    """

    trouble: Trouble | None = None
    drift: Trouble | None = None
    remember: JSON = attrs.field(factory=dict)
    events: tuple[Event, ...] = ()


@attrs.frozen(kw_only=True)
class Facts:
    """The end of one pass.

    Args:
        desired: ``None`` when the object's document could not be read.
        supervisor: as Druid described it last, for streaming types.
        runs: newest first, for batch types.
        suspended: a batch that would be submitted and is not, as declared.
        trouble: ``None`` if all is well, or on its way.
        drift: what Druid has that was not declared, where the policy says to leave it.
        synced: whether Druid has the document; ``None``: not known in this pass.
        remember: status fields that decisions of later passes need, set as they are here
            (``None`` removes one).
        events: of what was done.
        requeue_after: seconds after which somebody should look again; ``None``: the usual wait.
    """

    desired: DesiredDocument | None = None
    supervisor: SupervisorFacts | None = None
    runs: Sequence[Run] = ()
    suspended: bool = False
    trouble: Trouble | None = None
    drift: Trouble | None = None
    synced: bool | None = None
    remember: JSON = attrs.field(factory=dict)
    events: tuple[Event, ...] = ()
    requeue_after: float | None = None

    def with_settings(self, settings: SettingFacts) -> Facts:
        """Both together. What is wrong with the ingestion itself is told first."""
        trouble = self.trouble or settings.trouble
        return attrs.evolve(
            self,
            trouble=trouble,
            drift=self.drift or settings.drift,
            synced=False if settings.trouble or settings.drift else self.synced,
            remember={**self.remember, **settings.remember},
            events=(*self.events, *settings.events),
        )
