"""One manager's life against an API server: start in order, serve, stop in two stages."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import attrs
import pytest

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import CacheOptions
from druid_operator.pkg.client import MetadataOnly, Scope
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.controller import CacheSyncTimeout, ControllerOptions
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.leaderelection import LeaderElectionOptions
from druid_operator.pkg.manager import Cluster, GraceExceeded, Manager, ManagerOptions
from druid_operator.pkg.manager.loop_lag import LoopLagProbe
from druid_operator.pkg.meta import (
    GroupVersionKind,
    NamespacedName,
    Resource,
    owner_reference,
)
from druid_operator.pkg.reconcile import Result
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, EVENT, LEASE, SECRET

Pass = Callable[[NamespacedName], Awaitable[Result | None]]


@attrs.define
class Recording:
    """A reconciler that records its passes and then does what it was given."""

    do: Pass
    started: list[NamespacedName] = attrs.field(factory=list)
    finished: list[NamespacedName] = attrs.field(factory=list)

    async def reconcile(self, request: NamespacedName) -> Result | None:
        self.started.append(request)
        result = await self.do(request)
        self.finished.append(request)
        return result


async def nothing(_: NamespacedName) -> None:
    return None


def manager(env: Environment, **options: object) -> Manager:
    options.setdefault("install_signal_handlers", False)
    return Manager(env.rest_config(), Scheme(), ManagerOptions(**options))  # type: ignore[arg-type] # test options


def watching(mgr: Manager, reconciler: Recording, namespace: str, **options: object) -> None:
    mgr.cache.options = attrs.evolve(mgr.cache.options, namespaces=(namespace,))
    (
        new_controller_managed_by(mgr)
        .for_(CONFIG_MAP)
        .owns(SECRET)
        .with_options(ControllerOptions(**options))  # type: ignore[arg-type] # test options
        .complete(reconciler)
    )


@asynccontextmanager
async def running(mgr: Manager) -> AsyncIterator[asyncio.Task[None]]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(mgr.run())
        try:
            yield task
        finally:
            mgr.stop()


def config_map(namespace: str, name: str) -> dict:
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace}, "data": {"a": "b"},
    }  # fmt: skip


async def test_objects_and_changes_of_what_they_own_are_reconciled(
    env: Environment, namespace: str
) -> None:
    reconciler = Recording(nothing)
    mgr = manager(env)
    watching(mgr, reconciler, namespace)
    key = NamespacedName(namespace, "parent")
    parent = await env.client.create(config_map(namespace, "parent"))
    async with running(mgr):
        await eventually(lambda: key in reconciler.finished)
        before = len(reconciler.finished)
        uid = parent["metadata"]["uid"]
        await mgr.client.create({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "child", "namespace": namespace,
                "ownerReferences": [owner_reference(CONFIG_MAP.gvk, "parent", uid)],
            },
        })  # fmt: skip
        assert (await mgr.client.get(SECRET, NamespacedName(namespace, "child")))[
            "kind"
        ] == "Secret"
        await eventually(lambda: len(reconciler.finished) > before)


async def test_probes_and_metrics_are_served(env: Environment, namespace: str) -> None:
    mgr = manager(env, metrics_bind="127.0.0.1:0", health_probe_bind="127.0.0.1:0")
    watching(mgr, Recording(nothing), namespace)
    async with running(mgr), aiohttp.ClientSession() as session:
        await eventually(lambda: mgr.address.get("health"))

        async def ready() -> bool:
            async with session.get(f"http://{mgr.address['health']}/readyz") as answer:
                return answer.status == 200

        await eventually(ready)
        async with session.get(f"http://{mgr.address['metrics']}/metrics") as answer:
            text = await answer.text()
    assert 'controller_runtime_reconcile_total{controller="configmap",result="success"}' in text
    assert "rest_client_requests_total" in text
    assert "controller_runtime_informer_objects" in text


async def test_running_passes_finish_and_queued_ones_do_not_start(
    env: Environment, namespace: str
) -> None:
    release = asyncio.Event()

    async def wait(_: NamespacedName) -> None:
        await release.wait()

    for name in ("a", "b", "c"):
        await env.client.create(config_map(namespace, name))
    reconciler = Recording(wait)
    mgr = manager(env)
    watching(mgr, reconciler, namespace)
    async with running(mgr) as task:
        await eventually(lambda: len(reconciler.started) == 1)
        mgr.stop()
        await asyncio.sleep(0.01)  # let the stop begin: the pass must survive it
        release.set()
        await task
    assert reconciler.finished == reconciler.started
    assert len(reconciler.started) == 1


async def test_pass_that_ignores_everything_is_named(env: Environment, namespace: str) -> None:
    held = asyncio.Event()

    async def stubborn(_: NamespacedName) -> None:
        while not held.is_set():
            try:
                await held.wait()
            except asyncio.CancelledError:
                continue

    await env.client.create(config_map(namespace, "a"))
    reconciler = Recording(stubborn)
    mgr = manager(env, graceful_shutdown_timeout=0.3)
    watching(mgr, reconciler, namespace)

    async def run() -> None:
        with pytest.raises(GraceExceeded, match="controller configmap"):
            await mgr.run()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run())
        await eventually(lambda: reconciler.started)
        mgr.stop()
        asyncio.get_running_loop().call_later(1.0, held.set)
        await task


@pytest.mark.parametrize("needs_lease", [True, False])
async def test_runnable_that_fails_stops_the_manager_with_its_error(
    env: Environment, needs_lease: bool
) -> None:
    class Broken:
        need_leader_election = needs_lease

        async def start(self) -> None:
            raise RuntimeError("this part is broken")

    mgr = manager(env)
    mgr.add(Broken())
    with pytest.raises(RuntimeError, match="this part is broken"):
        await mgr.run()


async def test_address_in_use_stops_the_manager_and_says_so(env: Environment) -> None:
    first = manager(env, health_probe_bind="127.0.0.1:0")
    async with running(first):
        await eventually(lambda: first.address.get("health"))
        second = manager(env, health_probe_bind=first.address["health"])
        with pytest.raises(OSError, match="cannot listen on"):
            await second.run()


async def test_standby_waits_for_the_lease_and_takes_it_when_it_is_given_back(
    env: Environment, namespace: str
) -> None:
    def elected(name: str) -> tuple[Manager, Recording]:
        options = LeaderElectionOptions(
            name="test", namespace=namespace, identity=name, lease_duration=3.0,
            renew_deadline=2.0, retry_period=0.1, watchdog=False,
        )  # fmt: skip
        mgr, reconciler = manager(env, leader_election=options), Recording(nothing)
        watching(mgr, reconciler, namespace)
        return mgr, reconciler

    await env.client.create(config_map(namespace, "a"))
    leader, first = elected("one")
    standby, second = elected("two")
    async with running(leader) as task:
        await eventually(lambda: first.finished)
        async with running(standby):
            await eventually(lambda: not standby.cache.unsynced())
            assert not second.started
            leader.stop()
            await task
            await eventually(lambda: second.finished)
            lease = await env.client.get(LEASE, NamespacedName(namespace, "test"))
            assert lease["spec"]["holderIdentity"] == "two"


async def test_elections_are_told_as_events_of_the_lease(env: Environment, namespace: str) -> None:
    options = LeaderElectionOptions(name="told", namespace=namespace, identity="me", watchdog=False)
    mgr = manager(env, leader_election=options)
    async with running(mgr) as task:
        await mgr.elected.wait()
        mgr.stop()
        await task
    events = await env.client.list(EVENT, namespace=namespace)
    assert sorted(e["note"] for e in events) == ["me became leader", "me stopped leading"]
    assert {(e["reason"], e["regarding"]["kind"], e["regarding"]["name"]) for e in events} == {
        ("LeaderElection", "Lease", "told")
    }


async def test_liveness_fails_when_the_leader_has_long_not_renewed(
    env: Environment, namespace: str
) -> None:
    """The lease lapsed and yet this process lives: a blocked thread, a stopped watchdog."""
    options = LeaderElectionOptions(name="live", namespace=namespace, watchdog=False)
    clock = FakeClock()
    config = env.rest_config()
    mgr = Manager(config, Scheme(), ManagerOptions(
        leader_election=options, health_probe_bind="127.0.0.1:0", install_signal_handlers=False,
    ), clock=clock)  # fmt: skip
    async with running(mgr), aiohttp.ClientSession() as session:
        await mgr.elected.wait()
        url = f"http://{mgr.address['health']}/healthz"
        async with session.get(url) as answer:
            assert answer.status == 200
        clock.step(60.0)
        async with session.get(f"{url}/leaderElection") as answer:
            assert answer.status == 500
            assert "has not renewed the lease" in await answer.text()


async def test_readiness_is_gone_as_soon_as_the_stop_begins(
    env: Environment, namespace: str
) -> None:
    release = asyncio.Event()

    async def wait(_: NamespacedName) -> None:
        await release.wait()

    await env.client.create(config_map(namespace, "a"))
    reconciler = Recording(wait)
    mgr = manager(env, health_probe_bind="127.0.0.1:0")
    watching(mgr, reconciler, namespace)
    async with running(mgr) as task, aiohttp.ClientSession() as session:
        await eventually(lambda: reconciler.started)
        mgr.stop()

        async def refused() -> bool:
            async with session.get(f"http://{mgr.address['health']}/readyz/shutdown") as answer:
                return answer.status == 500 and "stopping" in await answer.text()

        await eventually(refused)
        assert not reconciler.finished
        release.set()
        await task


async def test_heap_is_frozen_once_the_controllers_have_started(
    env: Environment, namespace: str
) -> None:
    gc.unfreeze()
    mgr = manager(env, freeze_heap=True)
    watching(mgr, Recording(nothing), namespace)
    try:
        async with running(mgr):
            await eventually(lambda: gc.get_freeze_count() > 0)
    finally:
        gc.unfreeze()


async def test_second_cluster_runs_with_the_manager(env: Environment, namespace: str) -> None:
    mgr = manager(env)
    remote = Cluster(env.rest_config(), Scheme(), metrics=mgr.metrics)
    remote.cache.informers(CONFIG_MAP, Scope(namespace=namespace))
    mgr.add(remote)
    await env.client.create(config_map(namespace, "a"))
    async with running(mgr) as task:
        found = await eventually(
            lambda: remote.cache.get(CONFIG_MAP, NamespacedName(namespace, "a"))
        )
        mgr.stop()
        await task
        await remote.close()
    assert found.meta.name == "a"


async def test_nothing_can_be_added_to_a_manager_that_stops(env: Environment) -> None:
    mgr = manager(env)
    async with running(mgr) as task:
        mgr.stop()
        await task
    with pytest.raises(RuntimeError, match="stopping"):
        mgr.add(LoopLagProbe(mgr.metrics))


async def test_standby_that_warms_up_has_its_queue_before_it_leads(
    env: Environment, namespace: str
) -> None:
    await env.client.create(config_map(namespace, "a"))
    free = {"metadata": {"name": "warm", "namespace": namespace}}
    await env.client.create({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **free,
        "spec": {"holderIdentity": "another", "leaseDurationSeconds": 3600,
                 "renewTime": "2999-01-01T00:00:00.000000Z"},
    })  # fmt: skip
    reconciler = Recording(nothing)
    options = LeaderElectionOptions(
        name="warm", namespace=namespace, lease_duration=1.5, renew_deadline=1.0,
        retry_period=0.1, watchdog=False,
    )  # fmt: skip
    mgr = manager(env, leader_election=options)
    watching(mgr, reconciler, namespace, enable_warmup=True)
    key = NamespacedName(namespace, "a")
    async with running(mgr):
        await eventually(lambda: mgr.cache.get(CONFIG_MAP, key))
        assert not mgr.elected.is_set()
        assert not reconciler.started
        await env.client.delete(LEASE, NamespacedName(namespace, "warm"))
        await eventually(lambda: key in reconciler.finished)


async def test_owned_kind_kept_as_metadata_is_read_live(env: Environment, namespace: str) -> None:
    reconciler = Recording(nothing)
    mgr = manager(env, cache=CacheOptions(namespaces=(namespace,)))
    new_controller_managed_by(mgr).for_(CONFIG_MAP).owns(SECRET, only_metadata=True).complete(
        reconciler
    )
    parent = await env.client.create(config_map(namespace, "parent"))
    key = NamespacedName(namespace, "child")
    async with running(mgr):
        await eventually(lambda: reconciler.finished)
        before = len(reconciler.finished)
        uid = parent["metadata"]["uid"]
        await mgr.client.create({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"},
            "metadata": {"name": key.name, "namespace": namespace,
                         "ownerReferences": [owner_reference(CONFIG_MAP.gvk, "parent", uid)]},
        })  # fmt: skip
        await eventually(lambda: len(reconciler.finished) > before)
        stored = mgr.cache.get(SECRET, key)
        assert stored is not None
        assert b"Yg==" not in stored.raw
        assert (await mgr.client.get(MetadataOnly(SECRET), key)).meta.uid
        assert (await mgr.client.get(SECRET, key))["data"] == {"a": "Yg=="}


async def test_blocking_function_reconciles(env: Environment, namespace: str) -> None:
    passes: list[NamespacedName] = []

    def reconcile(request: NamespacedName) -> None:
        time.sleep(0.01)  # what it is for
        passes.append(request)

    mgr = manager(env, cache=CacheOptions(namespaces=(namespace,)))
    new_controller_managed_by(mgr).for_(CONFIG_MAP).complete(reconcile)
    await env.client.create(config_map(namespace, "a"))
    async with running(mgr):
        await eventually(lambda: NamespacedName(namespace, "a") in passes)


async def test_kind_that_is_not_served_is_named_with_the_servers_words(
    env: Environment, namespace: str
) -> None:
    missing = Resource(GroupVersionKind("nowhere.example.com", "v1", "Ghost"), "ghosts")
    mgr = manager(env)
    new_controller_managed_by(mgr).for_(missing).with_options(
        ControllerOptions(cache_sync_timeout=0.5)
    ).complete(Recording(nothing))
    with pytest.raises(CacheSyncTimeout, match=r"kind ghosts\.nowhere\.example\.com \(.*404"):
        await mgr.run()
