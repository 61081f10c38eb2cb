"""Every finalizer gets its turn, and stays for as long as it fails."""

from __future__ import annotations

import pytest

from druid_operator.pkg.controllerutil import Finalizers

A, B = "example.com/a", "example.com/b"


def an_object(*finalizers: str, deleting: bool = False) -> dict:
    metadata: dict = {"name": "x", "finalizers": list(finalizers)}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata}


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def finalizers(log: list[str]) -> Finalizers:
    registry = Finalizers()

    async def undo_a(obj: dict) -> None:
        log.append("a")

    async def undo_b(obj: dict) -> None:
        log.append("b")
        raise RuntimeError("b is stuck")

    registry.register(A, undo_a)
    registry.register(B, undo_b)
    return registry


async def test_live_object_gets_all_of_them(finalizers, log) -> None:
    result = await finalizers.finalize(an_object("foreign"))
    assert result.object["metadata"]["finalizers"] == ["foreign", A, B]
    assert (result.changed, log) == (True, [])
    again = await finalizers.finalize(result.object)
    assert not again.changed


async def test_deleted_object_loses_those_that_are_done(finalizers, log) -> None:
    result = await finalizers.finalize(an_object("foreign", A, B, deleting=True))
    assert log == ["a", "b"]
    assert result.object["metadata"]["finalizers"] == ["foreign", B]
    assert result.changed
    with pytest.raises(RuntimeError, match="b is stuck"):
        result.raise_failures()


async def test_deleted_object_gets_none_and_runs_only_those_it_has(finalizers, log) -> None:
    result = await finalizers.finalize(an_object("foreign", deleting=True))
    assert (result.changed, log) == (False, [])
    result.raise_failures()


async def test_several_failures_are_raised_together(finalizers) -> None:
    async def stuck(obj: dict) -> None:
        raise ValueError("c is stuck too")

    finalizers.register("example.com/c", stuck)
    result = await finalizers.finalize(an_object(B, "example.com/c", deleting=True))
    with pytest.raises(ExceptionGroup) as caught:
        result.raise_failures()
    assert len(caught.value.exceptions) == 2


@pytest.mark.parametrize("name", [A, "unqualified"])
def test_taken_and_unqualified_names_are_refused(finalizers, name) -> None:
    async def nothing(obj: dict) -> None: ...

    with pytest.raises(ValueError, match="finalizer"):
        finalizers.register(name, nothing)
