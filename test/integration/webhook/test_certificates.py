"""Self-made certificates: in a Secret, on disk, believed by the API server, on every replica."""

from __future__ import annotations

import asyncio
import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from druid_operator.pkg.client import Funcs, intercept
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import AlreadyExists, Forbidden
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.scheme.builtin import CUSTOM_RESOURCE_DEFINITION, SECRET
from druid_operator.pkg.webhook import CertificateProvisioner, WebhookOptions, WebhookServer
from druid_operator.pkg.webhook.certificates import CA_VALIDITY, SERVING_VALIDITY
from druid_operator.pkg.webhook.provisioner import CertificatesContended

CRD = "convertibles.webhook.example.com"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=datetime.now(UTC))


@pytest.fixture
def replica(env: Environment, namespace: str, clock: FakeClock):
    def make(client=None, **options: object) -> CertificateProvisioner:
        return CertificateProvisioner(
            client or env.client,
            secret=NamespacedName(namespace, "webhook-cert"),
            service=NamespacedName(namespace, "webhook"),
            clock=clock,
            **options,
        )

    return make


async def secret_of(env: Environment, namespace: str) -> dict[str, bytes]:
    secret = await env.client.get(SECRET, NamespacedName(namespace, "webhook-cert"))
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "tls.crt", folder / "tls.key"


async def test_replicas_agree_on_what_one_of_them_made(env, namespace, replica, tmp_path) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    async with asyncio.TaskGroup() as tasks:
        for folder in folders:
            tasks.create_task(replica().ensure(*files(folder)))
    stored = await secret_of(env, namespace)
    for folder in folders:
        cert, key = files(folder)
        assert cert.read_bytes() == stored["tls.crt"]
        assert key.read_bytes() == stored["tls.key"]
        assert key.stat().st_mode & 0o077 == 0


async def test_rotation_is_taken_over_and_the_old_authority_stays_believed(
    env, namespace, replica, tmp_path, clock
) -> None:
    one, two = files(tmp_path / "1"), files(tmp_path / "2")
    await replica().ensure(*one)
    await replica().ensure(*two)
    first = await secret_of(env, namespace)
    clock.step(SERVING_VALIDITY.total_seconds() * 0.7)
    await replica().ensure(*one)
    second = await secret_of(env, namespace)
    assert second["ca.crt"] == first["ca.crt"]
    assert one[0].read_bytes() == second["tls.crt"] != first["tls.crt"]
    assert two[0].read_bytes() == first["tls.crt"], "it serves what the bundle believes"
    await replica().ensure(*two)
    assert two[0].read_bytes() == second["tls.crt"]
    clock.step(timedelta(days=CA_VALIDITY.days * 0.7).total_seconds())
    await replica().ensure(*one)
    third = await secret_of(env, namespace)
    assert third["ca.crt"].endswith(first["ca.crt"])
    assert third["ca.crt"].count(b"BEGIN CERTIFICATE") == 2


async def test_damaged_secret_is_repaired(env, namespace, replica, tmp_path) -> None:
    await env.client.create({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "webhook-cert", "namespace": namespace},
        "stringData": {"tls.crt": "nonsense", "tls.key": "x", "ca.crt": "y", "ca.key": "z"},
    })  # fmt: skip
    await replica().ensure(*files(tmp_path))
    stored = await secret_of(env, namespace)
    assert stored["tls.crt"].startswith(b"-----BEGIN CERTIFICATE")


async def test_conversion_webhook_of_a_crd_is_told_whom_to_believe(
    env, namespace, replica, tmp_path
) -> None:
    await env.client.create(convertible())
    await replica(crds=[CRD, "missing.example.com"]).ensure(*files(tmp_path))
    crd = await env.client.get(CUSTOM_RESOURCE_DEFINITION, NamespacedName("", CRD))
    told = crd["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"]
    assert base64.b64decode(told) == (await secret_of(env, namespace))["ca.crt"]
    # Not the resourceVersion: the server itself goes on writing the conditions of a new CRD.
    before = crd["metadata"]["generation"]
    await replica(crds=[CRD]).ensure(*files(tmp_path))
    crd = await env.client.get(CUSTOM_RESOURCE_DEFINITION, NamespacedName("", CRD))
    assert crd["metadata"]["generation"] == before, "nothing to say is not said"
    await env.client.delete(CUSTOM_RESOURCE_DEFINITION, NamespacedName("", CRD))


async def test_server_serves_what_it_made_and_what_it_makes_later(
    env, namespace, replica, tmp_path, clock
) -> None:
    # The first certificate is of the past: the second one must be good today.
    clock.wall -= SERVING_VALIDITY * 0.7
    provisioner = replica(interval=0.05)
    server = WebhookServer(Metrics(), WebhookOptions(
        host="127.0.0.1", port=0, cert_dir=tmp_path, certificates=provisioner, cert_interval=0.02,
    ))  # fmt: skip
    task = asyncio.ensure_future(server.start())
    try:
        await eventually(lambda: server.address)
        bundle = (await secret_of(env, namespace))["ca.crt"].decode()
        trust = ssl.create_default_context(cadata=bundle)

        async def shown() -> bytes:
            port = int(server.address.rpartition(":")[2])
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trust, server_hostname=f"webhook.{namespace}.svc"
            )
            certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
            writer.close()
            return certificate

        first = await shown()
        clock.step(SERVING_VALIDITY.total_seconds() * 0.7)

        async def other() -> bool:
            return await shown() != first

        await eventually(other)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_what_cannot_be_published_is_no_reason_not_to_serve(
    env, namespace, replica, tmp_path
) -> None:
    """The configurations may be installed later, or by somebody who allows no writes."""

    async def forbid(call, proceed) -> JSON:
        if call.resource == SECRET:
            return await proceed(call)
        raise Forbidden("not yours")

    client = intercept(env.client, Funcs(get=forbid, patch=forbid))
    provisioner = replica(client, validating=["rules"], mutating=["defaults"], crds=[CRD])
    await provisioner.ensure(*files(tmp_path))
    assert files(tmp_path)[0].exists()


async def test_secret_that_others_keep_writing_is_given_up_for_now(env, replica, tmp_path) -> None:
    tried: list[int] = []

    async def never(call, proceed) -> JSON | None:
        tried.append(1)
        raise AlreadyExists("another was first")

    client = intercept(env.client, Funcs(create=never))
    with pytest.raises(CertificatesContended):
        await replica(client).ensure(*files(tmp_path))
    assert len(tried) == 5


def convertible() -> JSON:
    def version(name: str, *, storage: bool) -> JSON:
        return {
            "name": name, "served": True, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object"}},
        }  # fmt: skip

    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD},
        "spec": {
            "group": "webhook.example.com", "scope": "Namespaced",
            "names": {"kind": "Convertible", "listKind": "ConvertibleList",
                      "plural": "convertibles", "singular": "convertible"},
            "versions": [version("v1", storage=True), version("v2", storage=False)],
            "conversion": {"strategy": "Webhook", "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"service": {
                    "name": "webhook", "namespace": "default", "path": "/convert", "port": 443,
                }},
            }},
        },
    }  # fmt: skip
