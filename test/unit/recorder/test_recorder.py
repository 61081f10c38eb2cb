"""What the server holds after events were recorded, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from druid_operator.pkg.errors import Forbidden, TooManyRequests
from druid_operator.pkg.recorder import FakeRecorder, ObjectReference, Recorder

OBJ = {
    "apiVersion": "example.com/v1",
    "kind": "Web",
    "metadata": {"name": "a", "namespace": "ns", "uid": "u1", "resourceVersion": "5"},
}
MINUTE = 60.0


def say(recorder: Recorder, reason: str = "Created", note: str = "made it", obj=OBJ) -> None:
    recorder.event(obj, "Normal", reason, "Create", note)


def dropped(metrics, why: str) -> float:
    name = "controller_runtime_events_dropped_total"
    return metrics.registry.get_sample_value(name, {"reason": why}) or 0


async def test_the_first_event_of_a_kind_is_created_whole(running, store) -> None:
    running.event(
        OBJ,
        "Warning",
        "Failed",
        "Create",
        "it broke",
        related={**OBJ, "metadata": {"name": "b"}},
        annotations={"x": "y"},
    )
    await asyncio.sleep(1)
    (event,) = store.events.values()
    name = event["metadata"].pop("name")
    assert name.startswith("a.")
    assert int(name.removeprefix("a."), 16) == 1_767_225_600 * 10**9
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "ns", "annotations": {"x": "y"}},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "type": "Warning",
        "reason": "Failed",
        "action": "Create",
        "note": "it broke",
        "reportingController": "example.com/test",
        "reportingInstance": "pod-1",
        "regarding": {
            "apiVersion": "example.com/v1",
            "kind": "Web",
            "namespace": "ns",
            "name": "a",
            "uid": "u1",
            "resourceVersion": "5",
        },
        "related": {"apiVersion": "example.com/v1", "kind": "Web", "name": "b"},
    }


async def test_the_second_event_makes_a_series_and_later_ones_cost_nothing(running, store) -> None:
    for n in range(100):
        say(running, note=f"attempt {n}")
        await asyncio.sleep(1)
    (event,) = store.events.values()
    assert event["note"] == "attempt 0"
    assert event["series"] == {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}
    assert store.writes == 2


async def test_a_series_that_goes_on_is_written_every_half_hour(running, store) -> None:
    for _ in range(65):
        say(running)
        await asyncio.sleep(MINUTE)
    assert store.writes == 4  # created, made a series, and twice since
    (count,) = store.by_reason().values()
    assert 60 <= count <= 65


async def test_six_silent_minutes_end_a_series_with_its_last_count(running, store) -> None:
    for _ in range(5):
        say(running)
        await asyncio.sleep(1)
    await asyncio.sleep(8 * MINUTE)
    assert store.by_reason() == {"Created": 5}
    say(running)
    await asyncio.sleep(1)
    assert len(store.events) == 2


async def test_another_version_of_an_object_is_the_same_series_and_another_uid_is_not(
    running, store
) -> None:
    say(running)
    say(running, obj={**OBJ, "metadata": {**OBJ["metadata"], "resourceVersion": "6"}})
    say(running, obj={**OBJ, "metadata": {**OBJ["metadata"], "uid": "u2"}})
    await asyncio.sleep(1)
    assert len(store.events) == 2


async def test_c47_a_burst_is_capped_and_blocks_nobody(running, store, metrics) -> None:
    began = asyncio.get_running_loop().time()
    for n in range(1000):
        say(running)
        say(running, reason=f"Reason{n}")
    assert asyncio.get_running_loop().time() == began
    await asyncio.sleep(MINUTE)
    counts = store.by_reason()
    assert len(counts) == 25
    assert counts["Created"] >= 2
    assert dropped(metrics, "spam") == 1000 - 24
    await running.flush()
    assert store.by_reason()["Created"] == 1000


async def test_c47_with_the_api_server_down_events_wait_and_are_written_later(
    running, store
) -> None:
    def down() -> None:
        raise ConnectionRefusedError

    store.fail = down
    for _ in range(10):
        say(running)
    await asyncio.sleep(MINUTE)
    assert store.events == {}
    store.fail = lambda: None
    await asyncio.sleep(MINUTE)
    assert store.by_reason() == {"Created": 10}


async def test_after_twelve_tries_an_event_is_dropped_and_counted(running, store, metrics) -> None:
    def down() -> None:
        raise TooManyRequests("later")

    store.fail = down
    say(running)
    await asyncio.sleep(5 * MINUTE)
    assert store.writes == 12
    assert dropped(metrics, "failed") == 1


async def test_a_refusal_is_final_and_the_next_event_is_tried_anew(running, store, metrics) -> None:
    def refuse() -> None:
        raise Forbidden("the namespace is terminating")

    store.fail = refuse
    say(running)
    await asyncio.sleep(MINUTE)
    assert (store.writes, dropped(metrics, "refused")) == (1, 1)
    store.fail = lambda: None
    say(running)
    await asyncio.sleep(1)
    assert store.by_reason() == {"Created": 1}


async def test_a_full_queue_drops_and_counts(recorder, store, metrics) -> None:
    for n in range(1010):
        say(recorder, obj={**OBJ, "metadata": {"name": f"a{n}", "namespace": "ns"}})
    assert dropped(metrics, "queue_full") == 10
    await recorder.flush()
    assert len(store.events) == 1000


async def test_an_event_whose_answer_is_lost_is_not_written_twice(running, store) -> None:
    store.lose_answers = True
    say(running)
    say(running)
    await asyncio.sleep(1)
    store.lose_answers = False
    await asyncio.sleep(MINUTE)
    assert store.by_reason() == {"Created": 2}


async def test_a_series_whose_event_expired_at_the_server_starts_anew(running, store) -> None:
    say(running)
    await asyncio.sleep(1)
    store.events.clear()
    say(running)
    await asyncio.sleep(1)
    assert store.by_reason() == {"Created": 2}


async def test_flush_writes_what_is_unwritten_after_the_runnable_was_cancelled(
    recorder, store
) -> None:
    task = asyncio.ensure_future(recorder.start())
    for _ in range(7):
        say(recorder)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await recorder.flush()
    assert store.by_reason() == {"Created": 7}


async def test_flush_ends_within_five_seconds_when_nothing_answers(running, store) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    store._arrive = hang
    say(running)
    began = asyncio.get_running_loop().time()
    await running.flush()
    assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=0.01)


async def test_flush_waits_for_no_retry(running, store) -> None:
    def down() -> None:
        raise ConnectionRefusedError

    store.fail = down
    say(running)
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    await running.flush()
    assert asyncio.get_running_loop().time() - began < 1


async def test_texts_are_cut_to_what_the_server_accepts(running, store) -> None:
    running.event(OBJ, "Normal", "R" * 200, "A" * 200, "é" * 2000)
    await asyncio.sleep(1)
    (event,) = store.events.values()
    assert event["note"] == "é" * 512


async def test_events_without_reason_or_action_are_refused_to_the_author(recorder) -> None:
    with pytest.raises(ValueError, match="needs a reason and an action"):
        recorder.event(OBJ, "Normal", "", "Create", "note")
    with pytest.raises(ValueError, match="needs a reason and an action"):
        recorder.event(OBJ, "Normal", "Created", "", "note")


async def test_cluster_scoped_objects_have_their_events_in_default(running, store) -> None:
    reference = ObjectReference("rbac.authorization.k8s.io/v1", "ClusterRole", "system:Admin")
    say(running, obj=reference)
    await asyncio.sleep(1)
    ((namespace, name),) = store.events
    assert namespace == "default"
    assert name.startswith("system-admin.")


def test_the_fake_keeps_what_it_is_told() -> None:
    fake = FakeRecorder()
    fake.event(OBJ, "Warning", "Failed", "Create", "it broke")
    assert fake.events == ["Warning Failed it broke"]
