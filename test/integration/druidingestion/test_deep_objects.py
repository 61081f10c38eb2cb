"""An object that nests deeper than any decoder hurts nobody but itself, on a real API server.

It stores 10,000 levels; the embedded one ends where its own decoder does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.pkg.client import Transport
from druid_operator.pkg.meta import JSON

pytestmark = pytest.mark.envtest


@pytest.mark.parametrize("levels", [300, 1_100, 9_000])
async def test_a_deep_object_is_told_and_others_are_served(
    world: Any, kafka: Callable[..., JSON], levels: int
) -> None:
    transport = Transport(world.env.rest_config(), user_agent="kubectl")
    deep = '{"a":' * levels + "1" + "}" * levels
    body = (
        f'{{"apiVersion":"{DRUID_INGESTION.api_version}","kind":"{DRUID_INGESTION.kind}",'
        f'"metadata":{{"name":"deep","namespace":"{world.namespace}"}},"spec":{{'
        f'"druidCluster":"c","ingestion":{{"type":"kafka","nativeSpec":{{"x":{deep}}}}}}}}}'
    )
    try:
        await transport.request("POST", DRUID_INGESTION.path(world.namespace), body=body.encode())
    finally:
        await transport.close()
    await world.until_condition("False", "InvalidSpec", name="deep")
    said = (await world.condition(name="deep"))["message"]
    assert said.startswith("spec.ingestion.nativeSpec.x.a")
    assert "nested deeper than" in said
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.delete("deep")
    await world.until_gone("deep")
