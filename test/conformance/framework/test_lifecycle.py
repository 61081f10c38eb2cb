"""C29, C30, C34 and C35: a manager starts in order, stops in order, and says why."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_asyncio

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import label_scope
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.controller import ControllerOptions
from druid_operator.pkg.controller.controller import CacheSyncTimeout
from druid_operator.pkg.envtest.crds import install_crds
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.handler import EnqueueForObject
from druid_operator.pkg.leaderelection import LeaderElectionOptions
from druid_operator.pkg.manager import GraceExceeded
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION

pytestmark = pytest.mark.usefixtures("no_leaked_task")


def watch_ours(manager, reconciler, labels, name: str, **options):
    return (
        new_controller_managed_by(manager)
        .watches(CONFIG_MAP, EnqueueForObject(), scope=label_scope(labels))
        .named(name)
        .with_options(ControllerOptions(**options))
        .complete(reconciler)
    )


async def test_c29_sigterm_with_work_under_way(
    env: Environment, objects, proxy: FaultProxy, managers, recording, labels
) -> None:
    """Ten passes run and a hundred keys wait: the ten finish, their writes included, none begins,
    the lease is given back after the last write, and ``run`` returns."""
    await objects.create_many(110)
    election = LeaderElectionOptions(
        name="c29", namespace=objects.namespace, lease_duration=10.0, renew_deadline=8.0,
        retry_period=1.0, watchdog=False,
    )  # fmt: skip
    manager = managers.make(
        install_signal_handlers=True, leader_election=election, graceful_shutdown_timeout=20.0
    )
    go_on = asyncio.Event()

    async def work(key: NamespacedName) -> None:
        await go_on.wait()
        await manager.client.patch(CONFIG_MAP, key, merge_patch({"data": {"done": "yes"}}))

    reconciler = recording(work)
    made = watch_ours(manager, reconciler, labels, "c29", max_concurrent_reconciles=10)
    running = await managers.run(manager)
    await eventually(lambda: len(reconciler.started) == 10 and len(made.queue) == 100)
    os.kill(os.getpid(), signal.SIGTERM)
    await eventually(lambda: made.queue.shutting_down)
    go_on.set()
    await running.ended()
    assert len(reconciler.started) == 10
    assert sorted(reconciler.finished) == sorted(reconciler.started)
    listed = await env.client.list(CONFIG_MAP, namespace=objects.namespace, labels=labels)
    assert sum(o["data"].get("done") == "yes" for o in listed) == 10
    writes = [r for r in proxy.requests if r.is_write and r.plural != "events"]
    assert [w.plural for w in writes[-11:]] == ["configmaps"] * 10 + ["leases"]


async def test_c30_pass_that_ignores_everything(objects, managers, recording, labels) -> None:
    """SIGTERM cancels it at two thirds of the grace period; it goes on; at the end ``run`` raises
    an error that names its controller."""
    await objects.create("a")
    manager = managers.make(install_signal_handlers=True, graceful_shutdown_timeout=1.2)
    loop = asyncio.get_running_loop()
    released, cancelled_at = asyncio.Event(), []

    async def stubborn(_: NamespacedName) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                cancelled_at.append(loop.time())

    reconciler = recording(stubborn)
    watch_ours(manager, reconciler, labels, "c30")
    running = await managers.run(manager)
    await eventually(lambda: reconciler.started)
    signalled = loop.time()
    os.kill(os.getpid(), signal.SIGTERM)
    await eventually(lambda: cancelled_at)
    # What will not end keeps `run` from returning; here it is let go once its time is over.
    loop.call_at(signalled + 3.0, released.set)
    with pytest.raises(GraceExceeded, match="controller c30"):
        await running.ended()
    assert cancelled_at[0] - signalled >= 0.8


@attrs.define
class Part:
    """A runnable that records its life, and may fail."""

    name: str
    log: list[str]
    need_leader_election: bool
    fails: str = ""

    async def start(self) -> None:
        self.log.append(f"{self.name} starts")
        if self.fails == "at start":
            raise RuntimeError(f"{self.name} is broken")
        try:
            if self.fails == "later":
                await asyncio.sleep(0.05)
                raise RuntimeError(f"{self.name} is broken")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.log.append(f"{self.name} stops")


@pytest.mark.parametrize("fails", ["at start", "later"])
async def test_c34_runnable_that_raises(managers, objects, fails: str) -> None:
    """The manager stops all others in order, leader-only work first, and raises the first error."""
    log: list[str] = []
    manager = managers.make()
    manager.add(Part("standby", log, False))
    manager.add(Part("leading", log, True))
    manager.add(Part("broken", log, True, fails))
    running = await managers.run(manager)
    with pytest.raises(RuntimeError, match="broken is broken"):
        await running.ended()
    assert log.index("leading stops") < log.index("standby stops")
    assert log[0] == "standby starts"


GADGET = Resource(GroupVersionKind("conformance.example.com", "v1", "Gadget"), "gadgets")


def gadget_definition() -> JSON:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.conformance.example.com"},
        "spec": {
            "group": "conformance.example.com",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


@pytest_asyncio.fixture(loop_scope="session")
async def no_gadgets(env: Environment) -> AsyncIterator[None]:
    """The kind is not served, neither before nor after."""
    yield
    key = NamespacedName("", "gadgets.conformance.example.com")
    await env.client.delete(CUSTOM_RESOURCE_DEFINITION, key)


@pytest.mark.usefixtures("no_gadgets")
async def test_c35_definition_is_installed_later(
    env: Environment, objects, managers, recording
) -> None:
    """The process starts without the kind, is not ready and says so, and begins by itself when the
    definition is there."""
    scheme = Scheme(resources=[GADGET])
    manager = managers.make(scheme=scheme)
    reconciler = recording()
    new_controller_managed_by(manager).for_(GADGET).complete(reconciler)
    await managers.run(manager)
    await eventually(lambda: any("404" in line for line in manager.cache.unsynced()))
    (waiting,) = manager.cache.unsynced()
    assert "gadgets" in waiting.lower()
    await install_crds(env.client, [gadget_definition()])
    await eventually(lambda: not manager.cache.unsynced(), timeout=30)
    metadata = {"name": "a", "namespace": objects.namespace}
    await manager.client.create(
        {"apiVersion": GADGET.api_version, "kind": GADGET.kind, "metadata": metadata}
    )
    await eventually(lambda: objects.key("a") in reconciler.finished)


async def test_c35_definition_is_never_installed(managers, recording) -> None:
    """When the time for the first list is over the manager stops with an error that names the
    controller and the kind."""
    never = Resource(GroupVersionKind("conformance.example.com", "v1", "Never"), "nevers")
    manager = managers.make(scheme=Scheme(resources=[never]))
    new_controller_managed_by(manager).for_(never).with_options(
        ControllerOptions(cache_sync_timeout=0.3)
    ).complete(recording())
    running = await managers.run(manager)
    with pytest.raises(CacheSyncTimeout, match=r"controller never: kind nevers\.conformance"):
        await running.ended()
