"""Rules and compaction of a datasource: set, changed, left alone, taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.druidapi.api import CompactionAPI

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

JSON = dict[str, Any]

KEEP: JSON = {"type": "loadForever", "tieredReplicants": {"_default_tier": 1}}
KEEP_COLD: JSON = {"type": "loadForever", "tieredReplicants": {"cold": 1}}


@attrs.frozen
class Setting:
    """One of the two.

    Attributes:
        operations: of the client, to change it and to take it away.
        first, second: as declared.
        telling: what tells the two apart in Druid's answer.
    """

    name: str
    operations: tuple[str, ...]
    first: Any
    second: Any
    telling: Callable[[Any], Any]

    async def read(self, druid: DruidClient, data_source: str, api: CompactionAPI) -> Any:
        """What Druid has, ``None`` for nothing."""
        if self.name == "rules":
            found = await druid.rules(data_source)
            return self.telling(found) if found else None
        try:
            return self.telling(await druid.compaction(api, data_source))
        except errors.NotFound:
            return None


SETTINGS = (
    Setting(
        "rules", ("set_rules",), [KEEP], [KEEP_COLD],
        lambda rules: [{key: rule[key] for key in ("type", "tieredReplicants")} for rule in rules],
    ),
    Setting(
        "compaction",
        ("set_compaction", "delete_compaction"),
        {"skipOffsetFromLatest": "P1D"},
        {"skipOffsetFromLatest": "P2D"},
        lambda config: {"skipOffsetFromLatest": config["skipOffsetFromLatest"]},
    ),
)  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.name))
async def test_a_setting_is_kept_as_declared_with_one_request_per_change(
    ingestions: Any, operator: Any, druid: DruidClient, documents: Any, setting: Setting
) -> None:
    """Set, the same again, changed, changed by somebody else, not declared any more."""
    name = f"with_{setting.name}"
    object_name = name.replace("_", "-")
    api = (await druid.capabilities()).compaction_api

    async def sent() -> int:
        return sum([await operator.sent(operation) for operation in setting.operations])

    async def until(wanted: Any) -> None:
        async def there() -> bool:
            assert await setting.read(druid, name, api) == wanted
            return True

        await ingestions.until(there, f"{setting.name} {wanted}")

    before = await sent()
    await ingestions.create(
        object_name,
        "native-batch",
        documents.batch(name, documents.rows(3)),
        settings={setting.name: setting.first},
    )
    await ingestions.until_condition(object_name, "True", type_="Synced")
    assert await setting.read(druid, name, api) == setting.first
    for _ in range(2):
        await ingestions.reconcile(object_name)
    assert await sent() - before == 1

    await ingestions.patch(object_name, {"ingestion": {setting.name: setting.second}})
    await until(setting.second)
    await ingestions.until_condition(object_name, "True", type_="Synced")
    assert await sent() - before == 2

    if setting.name == "rules":
        await druid.set_rules(name, setting.first)
    else:
        await druid.set_compaction(api, {"dataSource": name, **setting.first})
    await until(setting.second)
    await ingestions.reconcile(object_name)
    assert await sent() - before == 3

    await ingestions.patch(object_name, {"ingestion": {setting.name: None}})
    await until(None)
    await ingestions.until_ready(object_name)
    await ingestions.reconcile(object_name)
    assert await sent() - before == 4
    told = (EventReason.SETTING_CHANGED, EventReason.SETTING_RELEASED)
    await ingestions.until_told(object_name, *told)


async def test_rules_that_druid_refuses_are_told_and_not_sent_again(
    ingestions: Any, operator: Any, druid: DruidClient, documents: Any
) -> None:
    """The batch itself runs: it is another matter."""
    before = await operator.sent("set_rules")
    rules = [{"type": "loadByPeriod", "period": "a while", "tieredReplicants": {"cold": 1}}]
    await ingestions.create(
        "bad-rules",
        "native-batch",
        documents.batch("bad_rules", documents.rows(2)),
        settings={"rules": rules},
    )
    obj = await ingestions.until_condition("bad-rules", "False", "RulesRejected")
    assert "a while" in ingestions.condition(obj)["message"]
    for _ in range(2):
        await ingestions.reconcile("bad-rules")
    assert await operator.sent("set_rules") - before == 1
    assert await druid.rules("bad_rules") == []
    assert len(await druid.tasks(data_source="bad_rules")) == 1
