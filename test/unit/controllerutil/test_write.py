"""What the world holds after a create-or-patch, and what was written for it."""

from __future__ import annotations

import pytest

from druid_operator.pkg.controllerutil import (
    OperationResult,
    create_or_patch,
    create_or_update,
    retry_on_conflict,
)
from druid_operator.pkg.errors import AlreadyExists, Conflict
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

KEY = NamespacedName("ns", "a")


def set_data(obj: JSON) -> None:
    obj.setdefault("data", {})["k"] = "v"


def existing(**fields: object) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "ns"},
        **fields,
    }


@pytest.mark.parametrize("write", [create_or_patch, create_or_update])
async def test_what_is_missing_is_created(world, write) -> None:
    stored, result = await write(world, CONFIG_MAP, KEY, set_data)
    assert result == OperationResult.CREATED
    assert stored == world.objects[KEY]
    assert stored == {**existing(data={"k": "v"}), "metadata": stored["metadata"]}


@pytest.mark.parametrize("write", [create_or_patch, create_or_update])
async def test_what_is_as_it_should_be_costs_no_write(world, write) -> None:
    world.store(existing(data={"k": "v", "theirs": "x"}))
    stored, result = await write(world, CONFIG_MAP, KEY, set_data)
    assert (result, world.writes) == (OperationResult.UNCHANGED, [])
    assert stored == world.objects[KEY]


@pytest.mark.parametrize("write", [create_or_patch, create_or_update])
async def test_what_differs_is_changed_and_the_rest_stays(world, write) -> None:
    world.store(existing(data={"k": "old", "theirs": "x"}))
    _, result = await write(world, CONFIG_MAP, KEY, set_data)
    assert result == OperationResult.UPDATED
    assert world.objects[KEY]["data"] == {"k": "v", "theirs": "x"}
    assert len(world.writes) == 1


async def test_a_patch_leaves_a_concurrent_change_of_another_field_alone(world) -> None:
    world.store(existing(data={"k": "old"}))
    world.before_write = lambda: world.store(existing(data={"k": "old", "new": "x"}))
    await create_or_patch(world, CONFIG_MAP, KEY, set_data)
    assert world.objects[KEY]["data"] == {"k": "v", "new": "x"}


async def test_an_update_meets_the_concurrent_change(world) -> None:
    world.store(existing(data={"k": "old"}))
    world.before_write = lambda: world.store(existing(data={"k": "other"}))
    with pytest.raises(Conflict):
        await create_or_update(world, CONFIG_MAP, KEY, set_data)


@pytest.mark.parametrize(
    ("spec", "ready", "result", "writes"),
    [
        (1, True, OperationResult.UPDATED_STATUS_ONLY, ["patch status"]),
        (2, True, OperationResult.UPDATED_STATUS, ["patch", "patch status"]),
        (2, False, OperationResult.UPDATED, ["patch"]),
    ],
)
async def test_the_status_is_patched_by_its_own_subresource(
    world, spec, ready, result, writes
) -> None:
    world.store(existing(spec={"n": 1}, status={"ready": False}))

    def mutate(obj: JSON) -> None:
        obj["spec"]["n"] = spec
        obj["status"]["ready"] = ready

    stored, got = await create_or_patch(world, CONFIG_MAP, KEY, mutate)
    assert (got, world.writes) == (result, writes)
    assert (stored["spec"], stored["status"]) == ({"n": spec}, {"ready": ready})


@pytest.mark.parametrize("write", [create_or_patch, create_or_update])
async def test_an_object_created_meanwhile_is_not_overwritten(world, write) -> None:
    world.before_write = lambda: world.store(existing(data={"theirs": "x"}))
    with pytest.raises(AlreadyExists):
        await write(world, CONFIG_MAP, KEY, set_data)
    assert world.objects[KEY]["data"] == {"theirs": "x"}


async def test_mutate_may_not_change_which_object_it_is(world) -> None:
    def rename(obj: JSON) -> None:
        obj["metadata"]["name"] = "b"

    with pytest.raises(ValueError, match="which object"):
        await create_or_patch(world, CONFIG_MAP, KEY, rename)
    assert world.writes == []


async def test_a_conflict_is_tried_again_from_a_fresh_read_and_no_field_is_lost(world) -> None:
    """C24: two writers of one object; both changes are there in the end."""
    world.store(existing(data={}))
    rivals = iter([{"a": "1"}, {"a": "1", "b": "2"}])

    def rival() -> None:
        if (data := next(rivals, None)) is not None:
            world.store(existing(data=data))

    world.before_write = rival
    _, result = await retry_on_conflict(
        lambda: create_or_update(world, CONFIG_MAP, KEY, set_data), pause=0
    )
    assert result == OperationResult.UPDATED
    assert world.objects[KEY]["data"] == {"a": "1", "b": "2", "k": "v"}


async def test_the_last_conflict_comes_out_after_all_tries() -> None:
    tried = 0

    async def conflict() -> None:
        nonlocal tried
        tried += 1
        raise Conflict(f"try {tried}")

    with pytest.raises(Conflict, match="try 5"):
        await retry_on_conflict(conflict, pause=0)
