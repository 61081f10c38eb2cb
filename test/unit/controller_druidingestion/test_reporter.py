"""The one writer of a status: on top of what it saw, never into another object's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.metrics import IngestionMetrics
from druid_operator.internal.controller.druidingestion.reporter import Reporter
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import Conflict, NotFound

JSON = dict[str, Any]


class Cluster:
    """One object; patches are kept, and refused when they name another version."""

    def __init__(self, stored: JSON | None) -> None:
        self.stored = stored
        self.patches: list[JSON] = []
        self.told: list[tuple[str, ...]] = []

    async def get(self, kind: Any, key: Any) -> JSON:
        if self.stored is None:
            raise NotFound("gone")
        return self.stored

    async def patch(self, kind: Any, key: Any, patch: Any, **options: Any) -> JSON:
        body = json.loads(patch.body)
        assert self.stored is not None
        if body["metadata"]["resourceVersion"] != self.stored["metadata"]["resourceVersion"]:
            raise Conflict("another version")
        assert options["subresource"] == "status"
        self.patches.append(body["status"])
        status = {**self.stored.get("status", {}), **body["status"]}
        self.stored = {**self.stored, "status": status}
        return self.stored

    def event(self, obj: JSON, kind: str, reason: str, action: str, note: str) -> None:
        self.told.append((kind, reason, action, note))


@pytest.fixture
def stored(ingestion: Any) -> JSON:
    found: JSON = ingestion()
    found["metadata"]["resourceVersion"] = "7"
    return found


def reporter(cluster: Any) -> Reporter:
    return Reporter(cluster, cluster, IngestionMetrics(CollectorRegistry()), FakeClock())


async def test_i29_a_status_is_written_on_top_of_what_was_read(stored: JSON) -> None:
    """The Go operator's patches had no version, on a base that it read anew."""
    cluster = Cluster(stored)
    await reporter(cluster).remember(stored, {"taskId": "t"})
    assert cluster.patches == [{"taskId": "t"}]
    cluster.stored = {**stored, "metadata": {**stored["metadata"], "resourceVersion": "8"}}
    with pytest.raises(Conflict):
        await reporter(cluster).write(stored, {"taskId": "other"})


@pytest.mark.parametrize("now", ["gone", "another"])
async def test_what_must_be_remembered_of_an_object_that_is_gone_ends_the_pass(
    stored: JSON, now: str
) -> None:
    """Before a task is sent its id is written; where that cannot be, nothing may be sent."""
    cluster = Cluster(None)
    if now == "another":
        cluster.stored = {**stored, "metadata": {**stored["metadata"], "uid": "other"}}
    with pytest.raises(NotFound):
        await reporter(cluster).remember(stored, {"taskId": "t"})
    await reporter(cluster).report(stored, Facts(trouble=Trouble("X", "m")))
    assert cluster.patches == []


async def test_an_unchanged_status_is_not_written(stored: JSON) -> None:
    cluster = Cluster(stored)
    facts = Facts(trouble=Trouble("X", "m", stalled=True), synced=False)
    await reporter(cluster).report(stored, facts)
    await reporter(cluster).report(stored, facts)
    assert len(cluster.patches) == 1


async def test_a_trouble_is_told_once_per_wording(stored: JSON) -> None:
    cluster = Cluster(stored)
    for words in ("m", "m", "other"):
        facts = Facts(trouble=Trouble("InvalidSpec", words, stalled=True))
        await reporter(cluster).report(stored, facts)
    assert [note for _, _, _, note in cluster.told] == ["m", "other"]
