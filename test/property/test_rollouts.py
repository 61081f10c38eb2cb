"""Whatever a rollout's settings, it keeps its bounds at every instant and ends where it should."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.envtest.dataplane import DataPlane, DataPlaneOptions
from druid_operator.pkg.envtest.dataplane.intstr import scaled
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.virtualtime import LoopClock, VirtualTimeLoop
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import DEPLOYMENT, POD, STATEFUL_SET

KEY = NamespacedName("default", "app")
SHARES = st.integers(0, 4) | st.integers(0, 100).map(lambda n: f"{n}%")

Bounds = tuple[int, int]


def workload(kind: str, spec: JSON) -> JSON:
    template = {
        "metadata": {"labels": {"app": "app"}},
        "spec": {"containers": [{"name": "c", "image": "app:1"}]},
    }
    selector = {"matchLabels": {"app": "app"}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {"selector": selector, "template": template, **spec},
    }


def is_ready(pod: JSON) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


class World:
    """Counts pods after each change of the store."""

    def __init__(self) -> None:
        self.store = APIStore(graceful_pods=True)
        self.seen: list[Bounds] = []
        self._pods: dict[str, JSON] = {}

    def watch(self, event: str, resource: Resource, obj: JSON) -> None:
        if resource == POD:
            uid = obj["metadata"]["uid"]
            self._pods.pop(uid, None)
            if event != "DELETED":
                self._pods[uid] = obj
            self.seen.append(self.count())

    def count(self) -> Bounds:
        """Pods that are not on their way out: how many, and how many of them are Ready."""
        living = [p for p in self._pods.values() if "deletionTimestamp" not in p["metadata"]]
        return len(living), sum(map(is_ready, living))

    def images(self) -> list[str]:
        pods = sorted(self._pods.values(), key=lambda p: str(p["metadata"]["name"]))
        return [pod["spec"]["containers"][0]["image"] for pod in pods]

    def set_image(self, resource: Resource, image: str) -> None:
        obj = self.store.get(resource, KEY)
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.store.update(resource, KEY, obj)


async def roll(obj: JSON, resource: Resource, complete: Callable[[JSON], bool]) -> World:
    """Bring the workload up, change its image, and wait until the rollout is complete."""
    world = World()
    # Pods start and end slowly enough to overlap as they do in a cluster.
    options = DataPlaneOptions(ready_after=20.0, delete_after=10.0, clock=LoopClock())
    async with DataPlane(world.store, options):
        world.store.subscribe(world.watch)
        world.store.create(resource, obj)
        replicas = obj["spec"]["replicas"]

        def up() -> bool:
            status: Any = world.store.get(resource, KEY).get("status") or {}
            observed = status.get("observedGeneration") == 1
            return bool(observed and status.get("readyReplicas", 0) == replicas)

        await eventually(up, timeout=600, interval=1)
        world.seen.clear()
        world.set_image(resource, "app:2")
        await eventually(lambda: complete(world.store.get(resource, KEY)), timeout=600, interval=1)
    return world


def run(obj: JSON, resource: Resource, complete: Callable[[JSON], bool]) -> World:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(roll(obj, resource, complete))


def test_a_rollout_that_is_stuck_is_called_late_after_ten_minutes_and_not_before() -> None:
    """The default deadline; crash loops, waits and retries of ten minutes pass meanwhile."""

    async def scenario() -> tuple[float, float]:
        store, loop = APIStore(graceful_pods=True), asyncio.get_running_loop()

        def reason() -> str:
            conditions: Any = store.get(DEPLOYMENT, KEY).get("status", {}).get("conditions") or ()
            return next((c["reason"] for c in conditions if c["type"] == "Progressing"), "")

        async with DataPlane(store, DataPlaneOptions(clock=LoopClock())) as data_plane:
            obj = workload("Deployment", {"replicas": 2})
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "app:1-crash-loop"
            store.create(DEPLOYMENT, obj)
            await data_plane.settled()
            begun = loop.time()
            await eventually(lambda: reason() == "ProgressDeadlineExceeded", timeout=3600)
            return begun, loop.time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        begun, late = runner.run(scenario())
    assert 600 <= late - begun <= 602


@settings(max_examples=30, deadline=None)
@given(replicas=st.integers(1, 6), surge=SHARES, unavailable=SHARES)
def test_a_deployment_keeps_its_bounds(
    replicas: int, surge: int | str, unavailable: int | str
) -> None:
    most = scaled(surge, replicas, round_up=True)
    fewest = scaled(unavailable, replicas, round_up=False)
    if most == 0 and fewest == 0:
        fewest = 1
    limits = {"maxSurge": surge, "maxUnavailable": unavailable}
    if surge in (0, "0%") and unavailable in (0, "0%"):
        limits = {"maxSurge": 0, "maxUnavailable": 1}  # the API refuses two zeros
    strategy = {"type": "RollingUpdate", "rollingUpdate": limits}

    def complete(deployment: JSON) -> bool:
        status = deployment["status"]
        counts = {status.get(f"{c}eplicas", 0) for c in ("r", "updatedR", "availableR")}
        return counts == {replicas} and status["observedGeneration"] == 2

    obj = workload("Deployment", {"replicas": replicas, "strategy": strategy})
    world = run(obj, DEPLOYMENT, complete)
    assert max(total for total, _ in world.seen) <= replicas + most
    assert min(ready for _, ready in world.seen) >= replicas - fewest


@settings(max_examples=30, deadline=None)
@given(
    replicas=st.integers(1, 5),
    policy=st.sampled_from(["OrderedReady", "Parallel"]),
    partition=st.integers(0, 5),
    unavailable=st.integers(1, 4) | st.integers(1, 100).map(lambda n: f"{n}%"),
)
def test_a_statefulset_keeps_its_bounds(
    replicas: int, policy: str, partition: int, unavailable: int | str
) -> None:
    limits = {"partition": partition, "maxUnavailable": unavailable}
    spec = {
        "replicas": replicas,
        "serviceName": "app",
        "podManagementPolicy": policy,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": limits},
    }
    new = max(0, replicas - partition)

    def complete(sts: JSON) -> bool:
        status = sts["status"]
        updated = status.get("updatedReplicas", 0) == new
        ready = status.get("readyReplicas", 0) == replicas == status["replicas"]
        return updated and ready and status["observedGeneration"] == 2

    world = run(workload("StatefulSet", spec), STATEFUL_SET, complete)
    fewest = replicas - max(1, scaled(unavailable, replicas, round_up=False))
    assert min((ready for _, ready in world.seen), default=replicas) >= fewest
    assert max((total for total, _ in world.seen), default=replicas) <= replicas
    assert world.images() == ["app:1"] * (replicas - new) + ["app:2"] * new
