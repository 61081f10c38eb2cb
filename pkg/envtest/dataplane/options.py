"""How fast the simulated world turns."""

from __future__ import annotations

import attrs

from druid_operator.pkg.clock import Clock, SystemClock


@attrs.frozen(kw_only=True)
class DataPlaneOptions:
    """All times are seconds of the simulated world.

    Args:
        time_scale: real seconds per simulated one: 0.1 makes a minute pass in six seconds.
        ready_after: from being scheduled to Ready, unless the pod says otherwise.
        delete_after: from being told to end to being gone, unless the pod says otherwise.
        crash_interval: between two restarts of a pod in a crash loop.
        nodes: how many nodes there are; pods go to them in turn.
        clock: tells wall time for timestamps and monotonic time for delays.
    """

    time_scale: float = 1.0
    ready_after: float = 0.0
    delete_after: float = 0.0
    crash_interval: float = 1.0
    nodes: int = 3
    clock: Clock = attrs.field(factory=SystemClock)


class SimulatedTime:
    """Simulated seconds since the start, and back to real ones."""

    def __init__(self, options: DataPlaneOptions) -> None:
        self._clock = options.clock
        self._scale = options.time_scale
        self._start = options.clock.monotonic()

    def now(self) -> float:
        return (self._clock.monotonic() - self._start) / self._scale

    def real(self, seconds: float) -> float:
        """How long ``seconds`` of the simulated world take here."""
        return seconds * self._scale
