"""The simulated data plane: one task, one queue of keys, no polling.

Events of the store put keys into the queue; the task takes one, gathers what the controller reads,
asks its pure decision function, and writes the plan. The store is in this process, so nothing
changes between the reading and the writing of one key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.envtest.dataplane.cluster import Cluster
from druid_operator.pkg.envtest.dataplane.gather import CONTROLLERS
from druid_operator.pkg.envtest.dataplane.kubelet import Kubelet
from druid_operator.pkg.envtest.dataplane.options import DataPlaneOptions, SimulatedTime
from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan
from druid_operator.pkg.envtest.dataplane.routing import WATCHED, Key, keys_for
from druid_operator.pkg.envtest.world import ready_node, storage_class
from druid_operator.pkg.errors import APIError
from druid_operator.pkg.meta import JSON, Resource
from druid_operator.pkg.scheme.builtin import POD

# What the store refuses (an invalid template) is tried again after so many simulated seconds.
RETRY_AFTER = 1.0
# Simulated seconds. A wait may come out as the rounding error of a subtraction: shorter than a step
# of the clock, it would be over at once and come out the same again.
RESOLUTION = 0.001

log = logging.getLogger(__name__)


class DataPlane:
    """Turns workloads into pods that become Ready; an async context manager.

    Args:
        store: the API server's, made with ``graceful_pods``: a pod's end is ours to decide.
    """

    def __init__(self, store: APIStore, options: DataPlaneOptions | None = None) -> None:
        self.options = options or DataPlaneOptions()
        self._cluster = Cluster(store)
        self._time = SimulatedTime(self.options)
        self._since: dict[str, float] = {}
        self._kubelet = Kubelet(self.options, self._since)
        self._queue: dict[Key, None] = {}
        self._timers: dict[Key, tuple[float, asyncio.TimerHandle]] = {}
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def __aenter__(self) -> DataPlane:
        wall = self._wall()
        for index in range(self.options.nodes):
            self._cluster.create(ready_node(index, wall))
        self._cluster.create(storage_class())
        self._unsubscribe = self._cluster.subscribe(self._on_event)
        self._task = asyncio.create_task(self._run(), name="dataplane")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unsubscribe()
        for _due, handle in self._timers.values():
            handle.cancel()
        assert self._task is not None
        self._task.cancel()
        # Not `await task`: its being cancelled would look like our being cancelled.
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    async def settled(self) -> None:
        """Wait until nothing is left to do now; what is due later (timers) does not count.

        Raises what ended the data plane, should a fault have ended it.
        """
        assert self._task is not None
        waiting = asyncio.ensure_future(self._settled.wait())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            self._task.result()

    def _on_event(self, event: str, resource: Resource, obj: JSON) -> None:
        gone = event == "DELETED"
        if resource == POD:
            self._kubelet.observe(obj, self._time.now(), gone=gone)
        elif gone:
            self._since.pop(obj["metadata"]["uid"], None)
        if resource in WATCHED:
            for key in keys_for(self._cluster, resource, obj):
                self._add(key)

    def _add(self, key: Key) -> None:
        self._queue[key] = None
        self._settled.clear()
        self._wake.set()

    def _add_after(self, key: Key, seconds: float) -> None:
        """One timer per key: the earlier one wins, since the key is then decided anew."""
        loop = asyncio.get_running_loop()
        at = loop.time() + self._time.real(max(seconds, RESOLUTION))
        if key in self._timers:
            earlier, handle = self._timers[key]
            if earlier <= at:
                return
            handle.cancel()
        self._timers[key] = (at, loop.call_at(at, self._due, key))

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self._add(key)

    async def _run(self) -> None:
        while True:
            if not self._queue:
                self._wake.clear()
                self._settled.set()
                await self._wake.wait()
            key = next(iter(self._queue))
            del self._queue[key]
            try:
                self._sync(key)
            except APIError as error:
                log.warning("%s %s: %s", key.resource.kind, key.name, error)
                self._add_after(key, RETRY_AFTER)
            except Exception:
                # Said at once: a test would else only see that nothing happens.
                log.exception("the data plane stopped at %s %s", key.resource.kind, key.name)
                raise
            await asyncio.sleep(0)  # let requests and watches have their turn

    def _sync(self, key: Key) -> None:
        obj = self._cluster.get(key.resource, key.name)
        if obj is None:
            return
        moment = Moment(self._time.now(), self._wall(), self._since)
        if key.resource == POD:
            requeue = self._kubelet.sync(self._cluster, obj, moment)
        else:
            plan = CONTROLLERS[key.resource](self._cluster, obj, moment)
            self._apply(plan)
            if plan.progressed:
                self._since[obj["metadata"]["uid"]] = self._time.now()
            requeue = plan.requeue_after
        if requeue is not None:
            self._add_after(key, requeue)

    def _apply(self, plan: Plan) -> None:
        for obj in plan.create:
            self._cluster.create(obj)
        for obj in plan.update:
            self._cluster.write(obj)
        for obj in plan.delete:
            self._cluster.delete(obj)
        if plan.status is not None:
            self._cluster.write_status(plan.status)

    def _wall(self) -> str:
        return rfc3339(self.options.clock.now())
