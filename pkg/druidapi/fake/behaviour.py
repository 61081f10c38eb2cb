"""What a test or a demo can decide about the fake: how fast, how well, and who may ask.

Defaults are quick and friendly. ``None`` for a time means Druid's own pace (what the spec says, or
what was measured), which is how the recordings are replayed.
"""

from __future__ import annotations

from typing import Literal

import attrs

Kafka = Literal["reachable", "unreachable", "unresolvable"]
#: ``none``: nobody leads. ``other``: asked directly, we are a follower and redirect.
Leader = Literal["here", "none", "other"]

#: Seconds, measured on 33.0.0 with a closed port: three failed runs after CONNECTING_TO_STREAM.
MEASURED_UNHEALTHY_AFTER = 12.5
#: Seconds before offsets are fetched for the first time, a constant of Druid's.
MEASURED_LAG_AFTER = 15.0


@attrs.define
class Behaviour:
    """Mutable on purpose: a test changes it while the fake runs.

    Attributes:
        start_delay: seconds from a (re)start to the first run of a supervisor.
        unhealthy_after: seconds from there until an unreachable stream makes it unhealthy.
        lag_after: seconds from there until the lag is known.
        batch_seconds: how long a batch task runs; a ``noop`` task runs its own ``runTime``.
        mutation_seconds: how long a supervisor mutation holds Druid's one lock.
        kafka: overrides what the bootstrap servers tell (port 1 is closed, ``.invalid`` unknown).
        lag: aggregate lag by datasource.
        stream_rows: rows that streams have put into a datasource, for counting queries.
        failing_tasks: datasources whose every streaming task dies at once, while Druid calls the
            supervisor healthy.
        failing_batches: datasources whose batch tasks fail, with the words to fail with.
        task_slots: most tasks in the queue, 429 beyond; ``None`` for no limit.
        extensions: loaded extensions, which is which supervisor types are known.
        broker: whether a Broker is there to answer queries.
        sql_tasks: whether SQL ingestion is loaded (an extension until 34).
        proxy: whether the router forwards management calls.
        router: whether we are a router, or the Coordinator-Overlord asked directly.
        leader_url: where a follower redirects to.
        basic_auth: user and password that are asked for.
        bearer_token: a token that is asked for, as a proxy or an extension would.
        forbidden: datasources that the user may not touch.
    """

    start_delay: float | None = 0.05
    unhealthy_after: float | None = 0.5
    lag_after: float | None = 0.0
    batch_seconds: float = 0.2
    mutation_seconds: float = 0.0
    kafka: Kafka | None = None
    lag: dict[str, int] = attrs.field(factory=dict)
    stream_rows: dict[str, int] = attrs.field(factory=dict)
    failing_tasks: set[str] = attrs.field(factory=set)
    failing_batches: dict[str, str] = attrs.field(factory=dict)
    task_slots: int | None = None
    extensions: frozenset[str] = frozenset({"kafka", "kinesis", "rabbit"})
    broker: bool = True
    sql_tasks: bool = True
    proxy: bool = True
    router: bool = True
    leader: Leader = "here"
    leader_url: str = "http://127.0.0.1:1"
    basic_auth: tuple[str, str] | None = None
    bearer_token: str | None = None
    forbidden: set[str] = attrs.field(factory=set)
