"""The engine against an API server: how the objects end, and who owns their fields.

Each test stands for something that happens to running clusters: a change, an edit by hand, an
object that an earlier operator wrote by PUT, a name that is taken, an autoscaler.
"""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.pkg.apply import (
    Child,
    ChildId,
    Engine,
    NameConflict,
    Outcome,
    Reason,
    Result,
    Verb,
    plan,
)
from druid_operator.pkg.client import Client, merge_patch
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.errors import Conflict, Invalid, NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, owner_reference
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, SERVICE, STATEFUL_SET

ANNOTATION = "example.com/applied"
MANAGER = "apply-test"
PREDECESSOR = "manager"
REPLICAS = (("spec", "replicas"),)


@attrs.define
class World:
    """One owner (a ConfigMap) in a namespace of its own, and passes made for it."""

    client: Client
    namespace: str
    owner: JSON
    engine: Engine

    def config_map(self, name: str = "one", **data: str) -> Child:
        return self._child(CONFIG_MAP, name, data=data)

    def service(self, *ports: JSON, **spec: Any) -> Child:
        return self._child(
            SERVICE, "svc", spec={"selector": {"app": "db"}, "ports": list(ports), **spec}
        )

    def stateful_set(
        self, *env: str, replicas: int = 2, yielded: Any = (), requires: tuple[ChildId, ...] = ()
    ) -> Child:
        """``env`` entries are ``NAME=value``."""
        variables = [dict(zip(("name", "value"), e.split("="), strict=True)) for e in env]
        child = self._child(
            STATEFUL_SET,
            "db",
            spec={
                "replicas": replicas,
                "serviceName": "db",
                "selector": {"matchLabels": {"app": "db"}},
                "template": {
                    "metadata": {"labels": {"app": "db"}},
                    "spec": {
                        "affinity": {},
                        "containers": [{
                            "name": "db", "image": "db:1", "env": variables,
                            "resources": {"limits": {"memory": "1024Mi"}},
                        }],
                    },
                },
            },
        )  # fmt: skip
        return attrs.evolve(child, yielded=yielded, requires=requires)

    def _child(self, resource: Resource, name: str, **body: Any) -> Child:
        uid = self.owner["metadata"]["uid"]
        ref = owner_reference(CONFIG_MAP.gvk, self.owner["metadata"]["name"], uid)
        metadata = {"name": name, "namespace": self.namespace, "ownerReferences": [ref]}
        head = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        return Child(resource, {**head, **body})

    async def get(self, child: Child) -> JSON:
        return await self.client.get(child.resource, child.id.key)

    async def run(
        self, *desired: Child, prune: tuple[Child, ...] = (), seen: bool = True
    ) -> tuple[Outcome, ...]:
        """Passes until no write loses a race against a controller that writes status.

        The queue repeats such a pass too. ``seen=False``: the cache shows nothing yet.
        """
        while True:
            outcomes = await self._pass(desired, prune, seen)
            if not any(isinstance(outcome.error, Conflict) for outcome in outcomes):
                return outcomes

    async def _pass(
        self, desired: tuple[Child, ...], prune: tuple[Child, ...], seen: bool
    ) -> tuple[Outcome, ...]:
        live: dict[ChildId, JSON] = {}
        for child in (*desired, *prune) if seen else ():
            try:
                live[child.id] = await self.get(child)
            except NotFound:
                continue
        actions = plan(
            desired, live, owner_uid=self.owner["metadata"]["uid"], annotation=ANNOTATION,
            prunable={CONFIG_MAP}, settled=self.engine.settled,
        )  # fmt: skip
        return await self.engine.execute(actions, owner_uid=self.owner["metadata"]["uid"])

    async def post(self, child: Child, manager: str = PREDECESSOR) -> JSON:
        """What the Go operator does: the whole object, recorded as an Update of its manager."""
        return await self.client.create(child.object, field_owner=manager)


@pytest_asyncio.fixture(loop_scope="session")
async def world(env: Environment, namespace: str) -> World:
    client = env.client
    owner = await client.create({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "owner", "namespace": namespace},
    })  # fmt: skip
    engine = Engine(
        client, client, field_manager=MANAGER, annotation=ANNOTATION, predecessors={PREDECESSOR}
    )
    return World(client, namespace, owner, engine)


@pytest.fixture(params=["after a predecessor", "alone"])
def either(request: pytest.FixtureRequest, world: World) -> World:
    """Alone the engine leaves out reads that could tell it nothing; the outcome is the same."""
    if request.param == "after a predecessor":
        return world
    client = world.client
    engine = Engine(client, client, field_manager=MANAGER, annotation=ANNOTATION)
    return attrs.evolve(world, engine=engine)


def results(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


def owners(obj: JSON) -> set[tuple[str, str]]:
    """(manager, operation) of the main resource."""
    return {
        (e["manager"], e["operation"])
        for e in obj["metadata"]["managedFields"]
        if not e.get("subresource")
    }


async def test_a_carried_out_plan_leaves_nothing_to_do(either: World) -> None:
    children = (
        either.config_map(a="1"), either.service({"port": 80}), either.stateful_set("A=1", "B="),
    )  # fmt: skip
    assert results(await either.run(*children)) == ["created"] * 3
    before = [(await either.get(c))["metadata"]["generation"] for c in children[2:]]
    assert results(await either.run(*children)) == ["unchanged"] * 3
    assert [(await either.get(c))["metadata"]["generation"] for c in children[2:]] == before


async def test_a_field_that_is_no_longer_wanted_goes(either: World) -> None:
    """Also after a POST, which the server records as an Update, and in one single change."""
    await either.run(either.stateful_set("A=1", "B=2"))
    await either.run(either.stateful_set("A=1"))
    live = await either.get(either.stateful_set())
    env = live["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [{"name": "A", "value": "1"}]
    assert live["metadata"]["generation"] == 2
    assert owners(live) == {(MANAGER, "Apply")}


async def test_the_first_change_is_one_write_and_a_field_dropped_later_still_goes(
    either: World,
) -> None:
    """What we posted is taken over only when a field is about to go: not when a value changes."""
    child = either.config_map(a="1", b="1")
    await either.run(child)
    await either.run(either.config_map(a="2", b="1"))
    changed = await either.get(child)
    assert changed["data"] == {"a": "2", "b": "1"}
    assert (MANAGER, "Update") in owners(changed)
    await either.run(either.config_map(a="2"))
    live = await either.get(child)
    assert live["data"] == {"a": "2"}
    assert owners(live) == {(MANAGER, "Apply")}


async def test_an_edit_by_hand_is_undone_and_an_addition_is_kept(either: World) -> None:
    child = either.config_map(a="1")
    await either.run(child)
    edit = merge_patch({"data": {"a": "edited", "extra": "kept"}})
    await either.client.patch(CONFIG_MAP, child.id.key, edit, field_owner="somebody")
    (outcome,) = await either.run(child)
    assert outcome.action.reason is Reason.DRIFTED
    assert (await either.get(child))["data"] == {"a": "1", "extra": "kept"}
    assert results(await either.run(child)) == ["unchanged"]


async def test_what_a_predecessor_wrote_is_taken_over_without_a_new_revision(world: World) -> None:
    """The pod template stays as it is, so no pod restarts; later, dropped fields go."""
    child = world.stateful_set("A=1", "B=2")
    await world.post(child)
    (outcome,) = await world.run(child)
    assert (outcome.action.verb, outcome.result) == (Verb.TAKE_OVER, Result.APPLIED)
    taken = await world.get(child)
    assert taken["metadata"]["generation"] == 1
    assert owners(taken) == {(MANAGER, "Apply")}
    await world.run(world.stateful_set("A=1"))
    live = await world.get(child)
    assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]


async def test_a_service_keeps_what_the_server_allocated(world: World) -> None:
    child = world.service({"port": 80}, type="NodePort")
    before = (await world.post(child))["spec"]
    await world.run(child)
    assert (await world.get(child))["spec"] == before


@pytest.mark.parametrize("start", ["posted by us", "written by a predecessor", "applied"])
async def test_replicas_keep_their_value_when_an_autoscaler_takes_them(
    world: World, start: str
) -> None:
    """Dropped by its only owner the field would fall back to 1; afterwards it is the scaler's."""
    plain = world.stateful_set(replicas=3)
    if start == "written by a predecessor":
        await world.post(plain)
    else:
        await world.run(plain)
    if start == "applied":
        await world.run(world.stateful_set("A=1", replicas=3))
    scaled = world.stateful_set("A=1", "B=2", replicas=3, yielded=REPLICAS)
    await world.run(scaled)
    assert (await world.get(scaled))["spec"]["replicas"] == 3

    await world.client.patch(
        STATEFUL_SET, scaled.id.key, merge_patch({"spec": {"replicas": 5}}),
        subresource="scale", field_owner="autoscaler",
    )  # fmt: skip
    assert results(await world.run(scaled)) == ["unchanged"]
    await world.run(world.stateful_set("A=2", yielded=REPLICAS))
    assert (await world.get(scaled))["spec"]["replicas"] == 5

    await world.run(plain)
    assert (await world.get(plain))["spec"]["replicas"] == 3


async def test_a_name_that_belongs_to_another_is_refused(world: World) -> None:
    """Whether the cache shows the other object or not."""
    child = world.config_map(a="1")
    foreign = {**child.object, "metadata": {"name": "one", "namespace": world.namespace}}
    await world.client.create({**foreign, "data": {"a": "theirs"}})
    for seen in (True, False):
        (outcome,) = await world.run(child, seen=seen)
        assert isinstance(outcome.error, NameConflict)
    assert (await world.get(child))["data"] == {"a": "theirs"}


async def test_an_object_of_ours_that_the_cache_does_not_show_is_updated(world: World) -> None:
    await world.run(world.config_map(a="1"))
    (outcome,) = await world.run(world.config_map(a="2"), seen=False)
    assert outcome.result is Result.APPLIED
    assert (await world.get(world.config_map()))["data"] == {"a": "2"}


async def test_a_namesake_is_not_written(either: World) -> None:
    """The object was deleted and made again between the read and the write."""
    child = either.config_map(a="1")
    await either.run(child)
    stale = await either.get(child)
    await either.client.delete(CONFIG_MAP, child.id.key)
    await either.client.create({**child.object, "data": {"a": "new"}})
    actions = plan(
        [either.config_map(a="2")], {child.id: stale},
        owner_uid=either.owner["metadata"]["uid"], annotation=ANNOTATION,
    )  # fmt: skip
    (outcome,) = await either.engine.execute(actions, owner_uid=either.owner["metadata"]["uid"])
    assert isinstance(outcome.error, Conflict)
    assert (await either.get(child))["data"] == {"a": "new"}


async def test_repeated_merge_keys_are_written_by_put_and_left_again(either: World) -> None:
    """PUT takes a list that names one variable twice, server-side apply refuses it."""
    child = either.stateful_set("A=1", "A=2", "B=3")
    assert results(await either.run(child)) == ["created"]
    assert results(await either.run(child)) == ["unchanged"]
    label = merge_patch({"metadata": {"labels": {"theirs": "1"}}})
    await either.client.patch(STATEFUL_SET, child.id.key, label, field_owner="somebody")
    (outcome,) = await either.run(either.stateful_set("A=1", "A=3"))
    assert (outcome.action.verb, outcome.result) == (Verb.PUT, Result.APPLIED)
    live = await either.get(child)
    values = [e["value"] for e in live["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert (values, live["metadata"]["labels"]) == (["1", "3"], {"theirs": "1"})

    (outcome,) = await either.run(either.stateful_set("A=1", "A=5"), seen=False)
    assert (outcome.action.verb, outcome.result) == (Verb.CREATE, Result.APPLIED)

    await either.run(either.stateful_set("A=4"))
    live = await either.get(child)
    assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "4"}]
    assert results(await either.run(either.stateful_set("A=4"))) == ["unchanged"]


async def test_what_the_server_does_not_keep_is_written_once(world: World) -> None:
    """A zero that the server replaces by its default would else be applied in every pass."""
    child = world.stateful_set()
    container = child.object["spec"]["template"]["spec"]["containers"][0]
    container["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 0}
    (outcome,) = await world.run(child)
    assert [d.live for d in outcome.unkept] == [10]
    assert results(await world.run(child)) == ["unchanged"]


async def test_what_is_no_longer_wanted_is_deleted(world: World) -> None:
    one, two = world.config_map("one"), world.config_map("two")
    await world.run(one, two)
    assert results(await world.run(one, prune=(two,))) == ["unchanged", "deleted"]
    with pytest.raises(NotFound):
        await world.get(two)


async def test_a_failure_stops_only_what_requires_the_failed(world: World) -> None:
    bad = world.config_map("Not-A-Name")
    needing = world.stateful_set(requires=(bad.id,))
    other = world.config_map("other")
    outcomes = await world.run(bad, needing, other)
    assert results(outcomes) == ["failed", "waiting", "created"]
    assert isinstance(outcomes[0].error, Invalid)
    assert outcomes[1].blocked_by == bad.id


async def test_an_object_on_its_way_out_is_left_alone(either: World) -> None:
    child = either.config_map(a="1")
    await either.run(child)
    hold = merge_patch({"metadata": {"finalizers": ["example.com/hold"]}})
    await either.client.patch(CONFIG_MAP, child.id.key, hold)
    await either.client.delete(CONFIG_MAP, child.id.key)
    assert results(await either.run(either.config_map(a="2"))) == ["waiting"]
    assert results(await either.run(either.config_map(a="2"), seen=False)) == ["waiting"]
    assert (await either.get(child))["data"] == {"a": "1"}
    release = merge_patch({"metadata": {"finalizers": None}})
    await either.client.patch(CONFIG_MAP, child.id.key, release)
    assert results(await either.run(either.config_map(a="2"))) == ["created"]


async def test_a_missing_object_is_not_made_by_an_apply(either: World) -> None:
    """It vanished after the read: the next pass creates it, by POST."""
    child = either.config_map(a="1")
    await either.run(child)
    live = await either.get(child)
    await either.client.delete(CONFIG_MAP, child.id.key)
    actions = plan(
        [either.config_map(a="2")], {child.id: live},
        owner_uid=either.owner["metadata"]["uid"], annotation=ANNOTATION,
    )  # fmt: skip
    (outcome,) = await either.engine.execute(actions, owner_uid=either.owner["metadata"]["uid"])
    assert isinstance(outcome.error, NotFound | Conflict)
    with pytest.raises(NotFound):
        await either.client.get(CONFIG_MAP, NamespacedName(either.namespace, "one"))
