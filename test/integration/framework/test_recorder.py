"""Events as an API server takes them: the shapes we write are the ones it accepts and shows."""

from __future__ import annotations

import asyncio

import pytest

from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.recorder import ObjectReference, Recorder
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, CORE_EVENT, EVENT


@pytest.fixture
def recorder(env: Environment) -> Recorder:
    return Recorder(env.client, "example.com/test", instance="pod-1")


async def config_map(env: Environment, namespace: str) -> JSON:
    return await env.client.create({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace},
    })  # fmt: skip


async def test_one_event_then_a_series_is_one_object_with_a_count(
    env: Environment, namespace: str, recorder: Recorder
) -> None:
    obj = await config_map(env, namespace)
    for n in range(5):
        recorder.event(obj, "Warning", "Failed", "Reconcile", f"attempt {n}", related=obj)
    await recorder.flush()
    recorder.event(obj, "Warning", "Failed", "Reconcile", "attempt 5", related=obj)
    await recorder.flush()
    (event,) = await env.client.list(EVENT, namespace=namespace)
    assert event["series"]["count"] == 6
    assert event["note"] == "attempt 0"
    assert event["regarding"]["uid"] == obj["metadata"]["uid"]
    # What `kubectl describe` looks events up by, in the older shape of the same object.
    (core,) = await env.client.list(CORE_EVENT, namespace=namespace)
    assert core["involvedObject"]["uid"] == obj["metadata"]["uid"]
    assert core["reportingComponent"] == "example.com/test"


async def test_texts_at_the_limit_and_odd_names_are_accepted(
    env: Environment, namespace: str, recorder: Recorder
) -> None:
    reference = ObjectReference(
        CONFIG_MAP.api_version, CONFIG_MAP.kind, "a" * 253, namespace, "some-uid"
    )
    recorder.event(reference, "Normal", "R" * 200, "A" * 200, "é" * 2000)
    odd = ObjectReference("rbac.authorization.k8s.io/v1", "ClusterRole", f"system:X-{namespace}")
    recorder.event(odd, "Normal", "Created", "Create", "made")
    await recorder.flush()
    (event,) = await env.client.list(EVENT, namespace=namespace)
    assert (len(event["reason"]), len(event["note"].encode())) == (128, 1024)
    in_default = await env.client.list(EVENT, namespace="default")
    names = [e["regarding"]["name"] for e in in_default if "regarding" in e]
    assert f"system:X-{namespace}" in names


async def test_an_event_deleted_at_the_server_is_written_anew_with_its_count(
    env: Environment, namespace: str, recorder: Recorder
) -> None:
    obj = await config_map(env, namespace)
    running = asyncio.ensure_future(recorder.start())
    recorder.event(obj, "Normal", "Created", "Create", "made")
    await recorder.flush()
    (event,) = await env.client.list(EVENT, namespace=namespace)
    await env.client.delete(EVENT, NamespacedName.of(event))
    for _ in range(3):
        recorder.event(obj, "Normal", "Created", "Create", "made")
    await recorder.flush()
    running.cancel()
    await asyncio.wait([running])
    (anew,) = await env.client.list(EVENT, namespace=namespace)
    assert anew["series"]["count"] == 4
