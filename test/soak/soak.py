"""The example operator under random faults for as long as you like.

    python test/soak/soak.py --minutes 30

An embedded API server and a proxy that misbehaves every few seconds run here; the operator runs in
a process of its own, so that its memory is its own. Writers create, edit and delete ``Web`` objects
all the time. At the end the faults stop, and then must hold:

* every Web has the children and the status that it asks for, and no other Web's children exist;
* each of the operator's stores equals what the server lists in its scope;
* no own write is still unconfirmed, no key still queued;
* as many tasks run as at the beginning;
* memory has not grown since the warm-up, but for what an allocator does (``MAX_GROWTH_MIB``).

Prints one JSON object with the findings; exits 1 when one of them is bad. The seed repeats the
writes and the choice of faults, not the interleaving.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import orjson

from druid_operator.pkg import log
from druid_operator.pkg.cache import ReflectorOptions
from druid_operator.pkg.client import RestConfig, Timeouts, merge_patch
from druid_operator.pkg.envtest.apiserver.faults import Cut, Reply, Slow
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy, Shut, Truncate
from druid_operator.pkg.errors import APIError, Expired
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.schema.embedded import EmbeddedTypes
from druid_operator.pkg.schema.generator import custom_resource_definition
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, DEPLOYMENT, SERVICE

EXAMPLE = Path(__file__).parents[2] / "docs" / "framework" / "examples" / "web" / "web.py"
NAMES = [f"web-{index}" for index in range(20)]
#: Seconds between two writes, and between two faults (on average).
WRITE_EVERY = 0.05
BREAK_EVERY = 3.0
#: What Python's allocator may keep of a peak. A leak of one object per write shows as far more.
MAX_GROWTH_MIB = 12.0
EXPIRED = orjson.dumps({"type": "ERROR", "object": Expired("too old").to_status()})


def load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["web_example"] = module  # attrs resolves annotations through it
    spec.loader.exec_module(module)
    return module


# --- the operator's process -----------------------------------------------------------------------


async def operate(url: str) -> None:
    """Run the operator; answer each line of standard input with a report; end with the input."""
    web = load_example()
    options = ManagerOptions(
        user_agent=web.MANAGER,
        timeouts=Timeouts(connect=2.0, request=5.0, list=10.0),
        install_signal_handlers=False,
    )
    manager = Manager(RestConfig(host=url), Scheme(web.KINDS), options)
    manager.cache.options = attrs.evolve(
        manager.cache.options,
        reflector=ReflectorOptions(watch_timeout=10.0, bookmark_idle=5.0, backoff_cap=2.0),
    )
    web.setup(manager, concurrency=4)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(manager.run(), name="manager")
        while await reader.readline():
            sys.stdout.write(json.dumps(report(manager)) + "\n")
            sys.stdout.flush()
        manager.stop()


def report(manager: Manager) -> JSON:
    informers = manager.cache.all_informers()
    return {
        "rss_mib": rss_mib(os.getpid()),
        "tasks": Counter(_kind_of(task) for task in asyncio.all_tasks()),
        "synced": not manager.cache.unsynced(),
        "unconfirmed": sum(informer.overlay_size for informer in informers),
        "queued": sum(
            sample.value
            for metric in manager.metrics.workqueue_depth.collect()
            for sample in metric.samples
        ),
        "stores": {
            str(i.resource): {str(obj.key): obj.meta.resource_version for obj in i.list()}
            for i in informers
        },
    }


def _kind_of(task: asyncio.Task[Any]) -> str:
    name = task.get_name()
    return "unnamed" if name.startswith("Task-") else name.split(" ")[0]


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Operator:
    """The process, as the driver sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, url: str, *, verbose: bool) -> Operator:
        pipe = asyncio.subprocess.PIPE
        errors = None if verbose else asyncio.subprocess.DEVNULL
        arguments = [sys.executable, __file__, "--operate", url]
        return cls(
            await asyncio.create_subprocess_exec(
                *arguments, stdin=pipe, stdout=pipe, stderr=errors, limit=16 << 20
            )
        )

    async def report(self) -> JSON:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"report\n")
        async with asyncio.timeout(20):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the operator ended with {await self._process.wait()}")
        answer: JSON = json.loads(line)
        return answer

    async def stop(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(60):
            return await self._process.wait()

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


# --- everybody else -------------------------------------------------------------------------------


async def write(env: Environment, web: ModuleType, namespace: str, draw: random.Random) -> None:
    """One write by a user: to a Web, or by mistake to one of its children."""
    key = NamespacedName(namespace, draw.choice(NAMES))
    spec = {"message": str(draw.random()), "replicas": draw.randrange(3)}
    with contextlib.suppress(APIError):  # not there, there already: a user's mistake
        match draw.randrange(10):
            case 0:
                await env.client.delete(web.WEB, key)
            case 1 | 2 | 3:
                metadata = {"name": key.name, "namespace": namespace}
                body = {"apiVersion": web.WEB.api_version, "kind": web.WEB.kind}
                await env.client.create({**body, "metadata": metadata, "spec": spec})
            case 4:
                await env.client.delete(draw.choice([CONFIG_MAP, SERVICE, DEPLOYMENT]), key)
            case 5:
                await env.client.patch(CONFIG_MAP, key, merge_patch({"data": {"message": "no"}}))
            case _:
                await env.client.patch(web.WEB, key, merge_patch({"spec": spec}))


async def break_something(proxy: FaultProxy, draw: random.Random) -> str:
    """One fault; answers its name. Each ends by itself within seconds."""
    name = draw.choice(
        ["cut", "half line", "stall", "hold", "expired", "down", "refuse", "lose answers", "slow",
         "truncate", "shut"]
    )  # fmt: skip
    seconds = draw.uniform(0.1, 2.0)
    match name:
        case "cut":
            proxy.cut_watches()
        case "half line":
            proxy.cut_in_next_line()
        case "stall":
            proxy.stall_watches()
        case "hold":
            proxy.hold_watches()
            await asyncio.sleep(seconds)
            proxy.release_watches()
        case "expired":
            await proxy.say(EXPIRED)
        case "down":
            proxy.go_down()
            await asyncio.sleep(seconds)
            proxy.come_up()
        case "refuse":
            code = draw.choice([409, 429, 500, 503])
            proxy.faults.inject(Reply(code), times=draw.randrange(1, 10))
        case "lose answers":
            proxy.faults.inject(Cut(after=True), match=lambda r: r.is_write, times=5)
        case "slow":
            proxy.faults.inject(Slow(seconds), times=5)
        case "truncate":
            proxy.faults.inject(Truncate(draw.randrange(5)), match=lambda r: r.verb == "watch")
            proxy.cut_watches()
        case "shut":
            proxy.faults.inject(Shut(), match=lambda r: r.is_watch, times=3)
            proxy.cut_watches()
    return name


# --- what must hold in the end --------------------------------------------------------------------


async def settled(env: Environment, web: ModuleType, namespace: str) -> bool:
    """Raises ``AssertionError`` that names what is not as it should be."""
    webs = {o["metadata"]["name"]: o for o in await env.client.list(web.WEB, namespace=namespace)}
    for resource in (CONFIG_MAP, SERVICE, DEPLOYMENT):
        children = {o["metadata"]["name"]: o for o in await _children(env, web, resource)}
        assert children.keys() == webs.keys(), f"{resource}: {children.keys() ^ webs.keys()}"
        for name, obj in webs.items():
            found = children[name]
            assert found["metadata"]["ownerReferences"][0]["uid"] == obj["metadata"]["uid"], name
            if resource == CONFIG_MAP:
                assert found["data"]["message"] == obj["spec"]["message"], name
            if resource == DEPLOYMENT:
                assert found["spec"]["replicas"] == obj["spec"]["replicas"], name
    for name, obj in webs.items():
        status = obj.get("status") or {}
        assert status.get("observedGeneration") == obj["metadata"]["generation"], name
        assert status.get("ready"), name
    return True


async def _children(env: Environment, web: ModuleType, resource: Resource) -> list[JSON]:
    return await env.client.list(resource, labels=web.MANAGED_BY)


async def at_rest(env: Environment, web: ModuleType, operator: Operator) -> bool:
    found = await operator.report()
    assert found["synced"], "not synced"
    assert found["unconfirmed"] == 0, f"{found['unconfirmed']} own writes unconfirmed"
    assert found["queued"] == 0, f"{found['queued']} keys queued"
    for resource in (web.WEB, CONFIG_MAP, SERVICE, DEPLOYMENT):
        labels = None if resource == web.WEB else web.MANAGED_BY
        listed = await env.client.list(resource, labels=labels)
        truth = {str(NamespacedName.of(o)): o["metadata"]["resourceVersion"] for o in listed}
        assert found["stores"][str(resource)] == truth, f"the store of {resource} differs"
    return True


async def soak(minutes: float, seed: int, *, verbose: bool) -> JSON:
    draw = random.Random(seed)
    web = load_example()
    crd = custom_resource_definition(web.KINDS[0], EmbeddedTypes(_no_embedded_types))
    async with (
        Environment([crd], backend="embedded") as env,
        FaultProxy(env.rest_config()) as proxy,
    ):
        operator = await Operator.start(proxy.url, verbose=verbose)
        try:
            return await _drive(env, proxy, operator, web, draw, minutes * 60)
        finally:
            operator.kill()


async def _drive(
    env: Environment, proxy: FaultProxy, operator: Operator, web: ModuleType,
    draw: random.Random, seconds: float,
) -> JSON:  # fmt: skip
    namespace = await env.add_namespace("soak")
    tasks = await eventually(lambda: _tasks_at_rest(operator, web), timeout=30)
    faults: Counter[str] = Counter()
    writes, warm = 0, 0.0
    began = time.monotonic()
    next_fault = began + BREAK_EVERY
    while (now := time.monotonic()) < began + seconds:
        await write(env, web, namespace, draw)
        writes += 1
        if now >= next_fault:
            faults[await break_something(proxy, draw)] += 1
            next_fault = time.monotonic() + draw.expovariate(1 / BREAK_EVERY)
            proxy.requests.clear()  # the logs of the world are not what is measured
            env.embedded.requests.clear()
        if not warm and now > began + seconds / 3:
            warm = (await operator.report())["rss_mib"]
        await asyncio.sleep(WRITE_EVERY)
    proxy.faults.clear()
    await eventually(lambda: settled(env, web, namespace), timeout=120)
    await eventually(lambda: at_rest(env, web, operator), timeout=60)
    end = await operator.report()
    code = await operator.stop()
    growth = round(end["rss_mib"] - warm, 1)
    findings: JSON = {
        "seconds": round(time.monotonic() - began), "writes": writes, "faults": dict(faults),
        "rss_mib": {"warm": round(warm, 1), "end": round(end["rss_mib"], 1), "growth": growth},
        "tasks": {"begin": tasks, "end": end["tasks"]}, "exit_code": code,
    }  # fmt: skip
    findings["ok"] = growth <= MAX_GROWTH_MIB and end["tasks"] == tasks and code == 0
    return findings


async def _tasks_at_rest(operator: Operator, web: ModuleType) -> JSON | None:
    """The tasks by kind, once the workers run and nothing more is starting."""
    before, after = await operator.report(), await operator.report()
    settled = before["synced"] and before["tasks"] == after["tasks"]
    return after["tasks"] if settled and web.WEB.kind.lower() in after["tasks"] else None


def _no_embedded_types(name: str) -> JSON:
    raise KeyError(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--verbose", action="store_true", help="show the operator's log")
    parser.add_argument("--operate", metavar="URL", help=argparse.SUPPRESS)
    args = parser.parse_args()
    log.configure(level="error")
    if args.operate:
        asyncio.run(operate(args.operate))
        return 0
    findings = {
        "seed": args.seed,
        **asyncio.run(soak(args.minutes, args.seed, verbose=args.verbose)),
    }
    sys.stdout.write(json.dumps(findings, indent=1) + "\n")
    return 0 if findings["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
