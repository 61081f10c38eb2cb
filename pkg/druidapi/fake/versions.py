"""What differs between Druid versions, as far as an operator can see it over HTTP.

One row per change, the first version that has it. Held to exchanges recorded from 33.0.0 and
37.0.0; what no recording shows is read in Druid's source, and marked so.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Version:
    """A Druid version and what it brings."""

    text: str

    @property
    def major(self) -> int:
        return int(self.text.partition(".")[0])

    def since(self, major: int) -> bool:
        return self.major >= major

    @property
    def skips_unmodified(self) -> bool:
        """``skipRestartIfUnmodified`` is known; an unchanged spec adds no history row."""
        return self.since(33)

    @property
    def unified_compaction(self) -> bool:
        """Compaction is configured on the Overlord too; compaction writes answer a body."""
        return self.since(33)

    @property
    def explicit_ids(self) -> bool:
        """A supervisor's ``id`` is honoured, and its stream cannot be changed in place."""
        return self.since(34)

    @property
    def jetty12(self) -> bool:
        """The error page has raw newlines inside its JSON strings (source: 35; recorded: 37)."""
        return self.since(35)

    @property
    def bounded_history(self) -> bool:
        """``history?count`` is honoured (source: 35; recorded: 37)."""
        return self.since(35)

    @property
    def keeps_task_count(self) -> bool:
        """An autoscaled spec keeps the ``taskCount`` that was sent (33: the minimum; 37: kept)."""
        return self.since(37)

    @property
    def status_ready(self) -> bool:
        return self.since(37)

    @property
    def sparse_index_spec(self) -> bool:
        """Unset parts of ``indexSpec`` come back as null instead of their defaults."""
        return self.since(37)

    @property
    def compaction_supervisors_by_default(self) -> bool:
        return self.since(37)

    @property
    def refuses_invalid_compaction(self) -> bool:
        """An invalid ``autocompact`` spec is a 400; before, only its status tells."""
        return self.since(37)

    @property
    def tells_modified(self) -> bool:
        """Submitting a supervisor answers ``modified`` and ``restarted`` (source)."""
        return self.since(38)
