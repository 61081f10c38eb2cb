"""What the operator relies on about retention rules, compaction, and the cluster itself."""

from __future__ import annotations

import pytest

from druid_operator.internal.ingestion.subset import compaction_differences, rule_differences
from druid_operator.pkg.druidapi import errors


async def test_the_cluster_tells_what_it_is(druid) -> None:
    await druid.check_ready()
    found = await druid.capabilities()
    assert found.major is not None
    assert found.compaction_api == ("unified" if found.major >= 33 else "legacy")
    assert "KafkaIndexTaskModule" in found.modules


async def test_rules_come_back_equivalent_and_an_empty_list_removes_them(druid, name) -> None:
    assert await druid.rules(name) == []
    wanted = [{"type": "loadByPeriod", "period": "P1Y"}, {"type": "dropForever"}]
    await druid.set_rules(name, wanted)
    assert rule_differences(wanted, await druid.rules(name)) == ()
    await druid.set_rules(name, [])
    assert await druid.rules(name) == []


async def test_a_wrong_rule_is_refused(druid, name) -> None:
    with pytest.raises(errors.Rejected, match="nope"):
        await druid.set_rules(name, [{"type": "nope"}])


@pytest.mark.parametrize("api", ["legacy", "unified"])
async def test_compaction_is_set_read_and_removed(druid, name, api) -> None:
    if api == "unified" and (await druid.capabilities()).compaction_api == "legacy":
        pytest.skip("this Druid has no compaction on the Overlord")
    with pytest.raises(errors.NotFound):
        await druid.compaction(api, name)
    wanted = {"dataSource": name, "granularitySpec": {"segmentGranularity": "month"}}
    await druid.set_compaction(api, wanted)
    assert compaction_differences(wanted, await druid.compaction(api, name)) == ()
    await druid.delete_compaction(api, name)
    with pytest.raises(errors.NotFound):
        await druid.delete_compaction(api, name)


async def test_all_rules_and_all_compaction_hold_what_each_datasource_has(druid, name) -> None:
    """The poller reads all at once what a pass reads one by one."""
    generation = (await druid.capabilities()).compaction_api
    await druid.set_rules(name, [{"type": "dropForever"}])
    await druid.set_compaction(generation, {"dataSource": name})
    assert (await druid.all_rules())[name] == await druid.rules(name)
    listed = (await druid.all_compaction(generation))[name]
    assert listed == await druid.compaction(generation, name)
    await druid.delete_compaction(generation, name)
    await druid.set_rules(name, [])
    assert name not in await druid.all_compaction(generation)
