"""One suite for the API server, whatever stands behind it.

    pytest test/conformance                              the embedded server
    pytest test/conformance --envtest-backend=binaries   a real kube-apiserver

What is expected here was first seen on the real one. A difference found later is mended in the
embedded server and becomes a test.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import orjson
import pytest
import pytest_asyncio
import yaml

from druid_operator.pkg.client import RestConfig
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@attrs.frozen
class Answer:
    """What came back: ``body`` decoded if it is JSON, else text."""

    code: int
    body: Any
    headers: Any

    @property
    def message(self) -> str:
        """The message of a ``Status``, with generated ids blotted out."""
        text = self.body.get("message", "") if isinstance(self.body, dict) else str(self.body)
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)

    @property
    def causes(self) -> list[tuple[str, str]]:
        """(reason, field) of each cause."""
        causes = self.body.get("details", {}).get("causes", [])
        return [(cause["reason"], cause["field"]) for cause in causes]

    @property
    def managers(self) -> list[tuple[str, str, str]]:
        """(manager, operation, subresource) of each managed fields entry."""
        entries = self.body["metadata"].get("managedFields", [])
        return [(e["manager"], e["operation"], e.get("subresource", "")) for e in entries]

    def fields(self, manager: str, operation: str = "Apply", subresource: str = "") -> Any:
        """The ``fieldsV1`` of an entry, ``None`` when there is none."""
        for entry in self.body["metadata"].get("managedFields", []):
            key = (entry["manager"], entry["operation"], entry.get("subresource", ""))
            if key == (manager, operation, subresource):
                return entry["fieldsV1"]
        return None


class API:
    """Raw requests: what a client library would hide is what is tested here."""

    def __init__(self, config: RestConfig) -> None:
        self._config = config
        connector = aiohttp.TCPConnector(ssl=config.ssl or True)
        self.session = aiohttp.ClientSession(connector=connector)

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        *,
        accept: str = "application/json",
        agent: str = "probe/1.0",
    ) -> Answer:
        headers = {"Accept": accept, "User-Agent": agent}
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        if data is not None:
            headers["Content-Type"] = content_type
        timeout = aiohttp.ClientTimeout(total=30)
        url = self._config.host + path
        async with self.session.request(
            method, url, data=data, headers=headers, timeout=timeout
        ) as response:
            payload = await response.read()
            try:
                decoded = orjson.loads(payload)
            except orjson.JSONDecodeError:
                decoded = payload.decode()
            return Answer(response.status, decoded, response.headers)

    async def apply(
        self, path: str, obj: dict[str, Any], manager: str = "m1", *, force: bool = False
    ) -> Answer:
        query = f"?fieldManager={manager}" + ("&force=true" if force else "")
        return await self("PATCH", path + query, obj, APPLY)

    async def merge(self, path: str, patch: Any, agent: str = "probe/1.0") -> Answer:
        return await self("PATCH", path, patch, MERGE, agent=agent)

    async def watch(self, path: str, query: str) -> list[dict[str, Any]]:
        """The frames of a watch until its ``timeoutSeconds`` end it."""
        answer = await self("GET", f"{path}?watch=1&{query}")
        if answer.code != 200:
            raise AssertionError(answer.message)
        if isinstance(answer.body, dict):
            return [answer.body]
        return [orjson.loads(line) for line in answer.body.splitlines() if line.strip()]


@pytest.fixture(scope="session")
def make_api() -> type[API]:
    return API


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def api(env: Environment) -> AsyncIterator[API]:
    raw = API(env.rest_config())
    yield raw
    await raw.session.close()


@pytest.fixture
def configmaps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture(scope="session")
def widget_definition() -> dict[str, Any]:
    text = (Path(__file__).parent / "testdata" / "widgets.yaml").read_text()
    definition: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return definition


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def widget_api(api: API, widget_definition: dict[str, Any]) -> str:
    """The definition is served; answers its path under ``/apis``."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    made = await api("POST", definitions, widget_definition)
    assert made.code in (201, 409), made.message

    async def served() -> bool:
        answer = await api("GET", "/apis/conformance.example.com/v1/widgets")
        assert answer.code == 200, answer.message
        return True

    await eventually(served, timeout=20)
    return "/apis/conformance.example.com/v1"


@pytest.fixture
def widgets(widget_api: str, namespace: str) -> str:
    return f"{widget_api}/namespaces/{namespace}/widgets"
