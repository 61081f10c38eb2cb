"""Custom resources of a given size, as the API server sends them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import orjson

from druid_operator.pkg.meta import JSON, GroupVersionKind, Resource

THING = Resource(GroupVersionKind("bench.example.com", "v1", "Thing"), "things")
#: Bytes of an object: a small custom resource, and a Pod as a cluster has them.
SIZES = {"1.7kB": 1700, "7.3kB": 7300}
_MANAGED_SHARE = 0.3
#: What the API server writes at once.
CHUNK = 64 * 1024


def build_object(number: int, size: int, *, version: int = 1) -> JSON:
    noise = random.Random(number)
    managed = {f"f:key-{i}": {} for i in range(round(size * _MANAGED_SHARE / 15))}
    obj: JSON = {
        "apiVersion": THING.api_version,
        "kind": THING.kind,
        "metadata": {
            "name": f"thing-{number:05}",
            "namespace": f"team-{number % 20}",
            "uid": f"{number:08}-0000-4000-8000-000000000000",
            "resourceVersion": str(1_000_000 + version),
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/name": "thing", "team": f"team-{number % 20}"},
            "managedFields": [
                {"manager": "bench", "operation": "Apply", "fieldsV1": {"f:spec": managed}}
            ],
        },
        "spec": {},
        "status": {"ready": True, "observedGeneration": 1},
    }
    missing = size - len(orjson.dumps(obj))
    fields = max(1, missing // 60)
    obj["spec"] = {f"field-{i}": noise.randbytes(22).hex() for i in range(fields)}
    return obj


def line(event: str, obj: JSON) -> bytes:
    return orjson.dumps({"type": event, "object": obj}) + b"\n"


def end_of_list(version: int = 1) -> bytes:
    metadata = {
        "resourceVersion": str(1_000_000 + version),
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    head = {"apiVersion": THING.api_version, "kind": THING.kind}
    return line("BOOKMARK", {**head, "metadata": metadata})


def chunked(lines: bytes) -> list[bytes]:
    return [lines[start : start + CHUNK] for start in range(0, len(lines), CHUNK)]


class ScriptedTransport:
    """Stands in for the connection: each watch gets the next script and then stays open."""

    def __init__(self, *scripts: Iterable[bytes] | AsyncIterator[bytes]) -> None:
        self._scripts = iter(scripts)

    @asynccontextmanager
    async def stream(
        self, _path: str, _params: object, **_options: object
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        yield _replay(next(self._scripts, []))


async def _replay(chunks: Iterable[bytes] | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(chunks, AsyncIterator):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk
    await asyncio.Event().wait()  # a watch stays open
