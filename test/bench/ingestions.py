"""Hundreds of ingestions into one Druid: what they cost it, and how soon an edit is noticed.

``python test/bench/ingestions.py [--count 500] [--idle 120]``. The operator is a process of its
own with default settings, on an embedded API server and a fake Druid. Nothing here fails because
something is slow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.cmd.demo.operator_process import OperatorProcess
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi import DruidClient
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.meta import NamespacedName, find_condition

JSON = dict[str, Any]
CRDS = Path(__file__).parents[2] / "config" / "crd" / "bases"
CLUSTER = "example"
_TICKS = os.sysconf("SC_CLK_TCK")


def kafka(data_source: str) -> JSON:
    columns = [f"column{n}" for n in range(30)]
    return {
        "type": "kafka",
        "spec": {
            "dataSchema": {
                "dataSource": data_source,
                "timestampSpec": {"column": "t", "format": "iso"},
                "dimensionsSpec": {"dimensions": columns},
                "granularitySpec": {"segmentGranularity": "day", "queryGranularity": "none"},
            },
            "ioConfig": {
                "topic": data_source, "inputFormat": {"type": "json"}, "taskDuration": "PT1H",
                "consumerProperties": {"bootstrap.servers": "kafka:9092"},
            },
            "tuningConfig": {"type": "kafka"},
        },
    }  # fmt: skip


class Bench:
    def __init__(self, env: Environment, druid: FakeDruid, namespace: str, count: int) -> None:
        self.env, self.druid, self.namespace = env, druid, namespace
        self.names = [f"stream-{n:04}" for n in range(count)]

    async def create_all(self) -> None:
        router = {
            "nodeType": "router", "druid.port": 8888, "replicas": 1, "runtime.properties": "",
            "nodeConfigMountPath": "/r", "services": [{"spec": {"ports": [{"port": 8888}]}}],
        }  # fmt: skip
        spec: JSON = {"common.runtime.properties": "", "nodes": {"routers": router}}
        await self._create(DRUID, CLUSTER, spec)
        for name in self.names:
            ingestion = {"type": "kafka", "nativeSpec": kafka(name)}
            spec = {"druidCluster": CLUSTER, "ingestion": ingestion}
            await self._create(DRUID_INGESTION, name, spec)

    async def _create(self, resource: Any, name: str, spec: JSON) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        await self.env.client.create(
            {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata,
             "spec": spec}
        )  # fmt: skip

    async def all_ready(self) -> bool:
        found = await self.env.client.list(DRUID_INGESTION, namespace=self.namespace)
        ready = [find_condition((o.get("status") or {}).get("conditions"), "Ready") for o in found]
        return sum(c is not None and c["status"] == "True" for c in ready) == len(self.names)

    def druid_requests(self, since: int) -> Counter[str]:
        kinds: Counter[str] = Counter()
        for request in list(self.druid.requests)[since:]:
            path = re.sub(r"stream-\d+", "{id}", request.path)
            kinds[f"{request.method} {path}"] += 1
        return kinds

    def api_writes(self) -> int:
        return sum(r.is_write for r in self.env.requests(user_agent="druid-operator"))


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def measure(bench: Bench, pid: int, idle: float) -> JSON:
    result: JSON = {"ingestions": len(bench.names)}
    began, since = time.monotonic(), len(bench.druid.requests)
    await bench.create_all()
    await eventually(bench.all_ready, timeout=600, interval=0.5, what="all are ready")
    result["all ready after s"] = round(time.monotonic() - began, 1)
    result["druid requests until ready"] = dict(bench.druid_requests(since))
    await asyncio.sleep(20)  # the last settling looks, and events
    cpu, since, writes = cpu_seconds(pid), len(bench.druid.requests), bench.api_writes()
    await asyncio.sleep(idle)
    minutes = idle / 60
    kinds = bench.druid_requests(since)
    result["idle: druid requests per minute"] = round(kinds.total() / minutes, 1)
    result["idle: of these"] = {k: round(n / minutes, 1) for k, n in kinds.items()}
    result["idle: api writes"] = bench.api_writes() - writes
    result["idle: cpu %"] = round(100 * (cpu_seconds(pid) - cpu) / idle, 1)
    result["resident MiB"] = round(resident_mib(pid))
    result["a console edit is repaired after s"] = round(await edit_in_console(bench), 1)
    since, began = len(bench.druid.requests), time.monotonic()
    changed = bench.names[:50]
    for name in changed:
        tuning = {"tuningConfig": {"maxRowsInMemory": 7}}
        patch = merge_patch({"spec": {"ingestion": {"nativeSpec": {"spec": tuning}}}})
        key = NamespacedName(bench.namespace, name)
        await bench.env.client.patch(DRUID_INGESTION, key, patch)

    def all_changed() -> bool:
        tuned = (bench.druid.supervisors[n].spec["spec"]["tuningConfig"] for n in changed)
        return all(tuning["maxRowsInMemory"] == 7 for tuning in tuned)

    await eventually(all_changed, timeout=300, interval=0.05)
    result["50 changed documents are in Druid after s"] = round(time.monotonic() - began, 1)
    result["50 changes: druid requests"] = bench.druid_requests(since).total()
    return result


async def edit_in_console(bench: Bench) -> float:
    name = bench.names[len(bench.names) // 2]
    async with DruidClient(bench.druid.url) as console:
        live = await console.supervisor_spec(name)
        live["spec"]["ioConfig"]["taskDuration"] = "PT30M"
        await console.submit_supervisor({k: live[k] for k in ("type", "spec", "context")})
    began = time.monotonic()

    def repaired() -> bool:
        io = bench.druid.supervisors[name].spec["spec"]["ioConfig"]
        return bool(io["taskDuration"] == "PT3600S")

    await eventually(repaired, timeout=300, interval=0.1)
    return time.monotonic() - began


async def run(count: int, idle: float) -> JSON:
    async with Environment([CRDS], data_plane=False) as env, FakeDruid() as druid:
        namespace = await env.add_namespace()
        log = Path(tempfile.mkdtemp(prefix="bench-")) / "operator.log"
        flag = f"--druid-endpoint={namespace}/{CLUSTER}={druid.url}"
        async with OperatorProcess(env.kubeconfig, log, flags=(flag,)) as operator:
            return await measure(Bench(env, druid, namespace, count), operator.pid, idle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--idle", type=float, default=120.0, metavar="SECONDS")
    options = parser.parse_args()
    json.dump(asyncio.run(run(options.count, options.idle)), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
