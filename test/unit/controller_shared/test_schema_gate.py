"""A kind whose installed CRD is older than the operator is left alone, and everybody is told."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import attrs
import pytest

from druid_operator.api.v1alpha1 import KINDS
from druid_operator.internal.controller.schema_gate import (
    LOOK_AGAIN,
    REASON,
    WHILE_OUTDATED,
    SchemaGate,
    find_problem,
    shipped_crd,
)
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import Forbidden, InternalError, NotFound
from druid_operator.pkg.healthz import CheckFailed
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.recorder import FakeRecorder
from druid_operator.pkg.scheme.builtin import CUSTOM_RESOURCE_DEFINITION

KEY = NamespacedName("data", "tiny")


def outdated(crd: JSON) -> JSON:
    old = copy.deepcopy(crd)
    status = old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    del status["properties"]["conditions"]
    return old


@attrs.define
class Server:
    crd: JSON | Exception
    asked: int = 0
    answers: asyncio.Event = attrs.field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self.answers.set()

    async def get(self, resource: Any, key: NamespacedName) -> JSON:
        if resource != CUSTOM_RESOURCE_DEFINITION:
            return {
                "apiVersion": "druid.apache.org/v1alpha1", "kind": "Druid",
                "metadata": {"name": key.name, "namespace": key.namespace, "uid": "u"},
            }  # fmt: skip
        self.asked += 1
        await self.answers.wait()
        if isinstance(self.crd, Exception):
            raise self.crd
        return self.crd


class Rig:
    def __init__(self, crd: JSON | Exception) -> None:
        self.server = Server(crd)
        self.clock = FakeClock()
        self.recorder = FakeRecorder()
        self.passes: list[NamespacedName] = []
        self.gate = SchemaGate(
            KINDS[0], self, self.server, self.recorder, self.clock  # type: ignore[arg-type] # a double
        )  # fmt: skip

    async def reconcile(self, request: NamespacedName) -> None:
        self.passes.append(request)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.resource.kind)
def test_shipped_crd_is_right_and_an_older_one_is_named_with_its_field(kind: Any) -> None:
    crd = shipped_crd(kind)
    assert find_problem(crd, crd) == ""
    problem = find_problem(crd, outdated(crd))
    assert kind.crd_name in problem
    assert "status.conditions" in problem
    assert "not installed" in find_problem(crd, None)


async def test_right_crd_lets_every_pass_through_and_is_looked_at_rarely() -> None:
    rig = Rig(shipped_crd(KINDS[0]))
    for _ in range(100):
        await rig.gate.reconcile(KEY)
    await rig.gate.check()
    assert (len(rig.passes), rig.server.asked) == (100, 1)
    rig.clock.step(LOOK_AGAIN)
    await rig.gate.reconcile(KEY)
    assert rig.server.asked == 2


async def test_outdated_crd_stops_the_kind_until_the_right_one_is_applied() -> None:
    crd = shipped_crd(KINDS[0])
    rig = Rig(outdated(crd))
    result = await rig.gate.reconcile(KEY)
    assert result is not None
    assert result.requeue_after == WHILE_OUTDATED
    assert rig.passes == []
    assert [REASON in event for event in rig.recorder.events] == [True]
    with pytest.raises(CheckFailed, match="apply config/crd"):
        await rig.gate.check()

    rig.server.crd = crd
    rig.clock.step(WHILE_OUTDATED)
    await rig.gate.reconcile(KEY)
    assert rig.passes == [KEY]
    await rig.gate.check()


async def test_missing_crd_is_reported_too() -> None:
    with pytest.raises(CheckFailed, match="not installed"):
        await Rig(NotFound("x")).gate.check()


async def test_operator_that_may_not_read_crds_works_all_the_same() -> None:
    rig = Rig(Forbidden("no"))
    await rig.gate.reconcile(KEY)
    assert rig.passes == [KEY]


async def test_no_worker_passes_before_the_first_look_is_over() -> None:
    rig = Rig(outdated(shipped_crd(KINDS[0])))
    rig.server.answers.clear()
    async with asyncio.TaskGroup() as workers:
        for _ in range(8):
            workers.create_task(rig.gate.reconcile(KEY))
        await asyncio.sleep(0)
        rig.server.answers.set()
    assert (rig.passes, rig.server.asked) == ([], 1)


async def test_api_server_that_fails_changes_nothing_that_is_known() -> None:
    crd = shipped_crd(KINDS[0])
    rig = Rig(InternalError("no"))
    with pytest.raises(InternalError):
        await rig.gate.reconcile(KEY)
    rig.server.crd = outdated(crd)
    await rig.gate.reconcile(KEY)
    rig.clock.step(WHILE_OUTDATED)
    rig.server.crd = InternalError("no")
    await rig.gate.reconcile(KEY)
    assert (rig.passes, rig.server.asked) == ([], 3)
