"""C44 and C45: certificates change under way, and the API server is always told something."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import orjson
import pytest
import pytest_asyncio
import yaml

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import label_scope
from druid_operator.pkg.client import load_config
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.handler import EnqueueForObject
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.scheme.builtin import CONFIG_MAP
from druid_operator.pkg.webhook import (
    AdmissionRequest,
    AdmissionResponse,
    WebhookOptions,
    WebhookServer,
)
from druid_operator.pkg.webhook.certificates import KeyPair, build_authority, build_serving

pytestmark = pytest.mark.usefixtures("no_leaked_task")

NAME = "webhook.example.com"


@attrs.define
class Authority:
    """Certificates in files, as a Secret is mounted: replaced as a whole, under way."""

    folder: Path
    ca: KeyPair = attrs.field(factory=lambda: build_authority(datetime.now(UTC)))

    def __attrs_post_init__(self) -> None:
        self.sign()

    @property
    def cert(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def bundle(self) -> Path:
        return self.folder / "ca.crt"

    def sign(self) -> None:
        pair = build_serving(self.ca, [NAME], datetime.now(UTC))
        self.cert.write_bytes(pair.certificate)
        self.key.write_bytes(pair.key)
        self.bundle.write_bytes(self.ca.certificate)

    def replace(self) -> None:
        self.ca = build_authority(datetime.now(UTC))
        self.sign()

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.bundle)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Answers:
    """An admission handler that allows everything, and breaks on an object of that name."""

    async def handle(self, request: AdmissionRequest) -> AdmissionResponse:
        if request.key.name == "break":
            raise RuntimeError("a mistake, with details that are nobody's business")
        return AdmissionResponse(allowed=True)


@attrs.define
class Serving:
    server: WebhookServer
    metrics: Metrics

    async def post(
        self, body: bytes, tls: ssl.SSLContext, content_type: str = "application/json"
    ) -> tuple[int, JSON]:
        """A new connection each time, as the API server makes one after a while."""
        _, _, port = self.server.address.rpartition(":")
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
            session.post(
                f"https://127.0.0.1:{port}/validate", data=io.BytesIO(body), server_hostname=NAME,
                headers={"Content-Type": content_type},
            ) as answer,
        ):  # fmt: skip
            return answer.status, orjson.loads(await answer.read())

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest_asyncio.fixture(loop_scope="session")
async def serving(env: Environment, authority: Authority) -> AsyncIterator[Serving]:
    metrics = Metrics()
    options = WebhookOptions(
        host="127.0.0.1", port=0, cert_dir=authority.folder, cert_interval=0.05
    )
    server = WebhookServer(metrics, options)
    server.register("/validate", Answers())
    running = asyncio.ensure_future(server.start())
    await eventually(lambda: server.address)
    yield Serving(server, metrics)
    running.cancel()
    await asyncio.wait([running])


def review(name: str = "a", **more: Any) -> bytes:
    request = {
        "uid": "the-uid", "operation": "CREATE", "namespace": "default", "name": name,
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more},
    }  # fmt: skip
    return orjson.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    )


async def test_c44_webhook_certificate_and_authority_are_rotated(
    serving: Serving, authority: Authority
) -> None:
    """The server shows the new certificate without a restart, to clients that believe the new
    authority; those that believe only the old one are refused from then on."""
    old = authority.trusting()
    status, _ = await serving.post(review(), old)
    assert status == 200
    authority.replace()
    new = authority.trusting()

    async def shows_the_new_one() -> bool:
        try:
            return (await serving.post(review(), new))[0] == 200
        except aiohttp.ClientConnectorCertificateError:
            return False

    await eventually(shows_the_new_one)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await serving.post(review(), old)


async def test_c44_api_servers_authority_is_rotated(
    env: Environment, objects, authority: Authority, managers, recording, labels, tmp_path: Path
) -> None:
    """A client whose authority file is replaced makes new connections by the new one; its open
    watch goes on over the old one."""
    front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    front.load_cert_chain(authority.cert, authority.key)
    async with FaultProxy(env.rest_config(), tls=front) as proxy:
        kubeconfig = tmp_path / "kubeconfig"
        cluster = {
            "server": proxy.url, "certificate-authority": str(authority.bundle),
            "tls-server-name": NAME,
        }  # fmt: skip
        kubeconfig.write_text(
            yaml.safe_dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{"name": "c", "cluster": cluster}],
                "contexts": [{"name": "c", "context": {"cluster": "c"}}],
            })
        )  # fmt: skip
        manager = managers.make(config=load_config(str(kubeconfig)))
        reconciler = recording()
        new_controller_managed_by(manager).named("c44").watches(
            CONFIG_MAP, EnqueueForObject(), scope=label_scope(labels)
        ).complete(reconciler)
        running = await managers.run(manager)
        await eventually(lambda: not manager.cache.unsynced() and proxy.open_watches == 1)
        opened = len([r for r in proxy.requests if r.verb == "watch"])

        authority.replace()
        front.load_cert_chain(authority.cert, authority.key)
        await manager.client.create(objects.config_map("a"))
        await eventually(lambda: objects.key("a") in reconciler.finished)
        assert len([r for r in proxy.requests if r.verb == "watch"]) == opened
        proxy.cut_watches()
        await objects.create("b")
        await eventually(lambda: objects.key("b") in reconciler.finished)
        await running.stop()


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (review(data={"n": "x" * (8 << 20)}), "application/json", 413),
        (review(), "text/plain", 400),
        (b"{}", "application/json", 400),
        (b"{not json", "application/json", 400),
        (review("break"), "application/json", 500),
    ],
    ids=["too large", "content type", "no review", "no json", "handler raises"],
)
async def test_c45_admission_that_cannot_be_answered(
    serving: Serving, authority: Authority, body: bytes, content_type: str, code: int
) -> None:
    """HTTP 200 with a review that denies and has the code, as the API server expects it; counted,
    and the next request is served."""
    tls = authority.trusting()
    status, answer = await serving.post(body, tls, content_type)
    response = answer["response"]
    assert (status, response["allowed"], response["status"]["code"]) == (200, False, code)
    assert "nobody's business" not in str(answer)
    status, answer = await serving.post(review(), tls)
    assert (status, answer["response"]["allowed"], answer["response"]["uid"]) == (
        200, True, "the-uid",
    )  # fmt: skip
    requests = "controller_runtime_webhook_requests_total"
    assert serving.count(requests, webhook="/validate", code="200") == 2
    assert serving.count("controller_runtime_webhook_panics_total") == (code == 500)
    assert serving.count("controller_runtime_webhook_requests_in_flight", webhook="/validate") == 0
