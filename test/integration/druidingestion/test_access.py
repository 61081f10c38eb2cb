"""How Druid is reached: credentials, TLS, addresses outside, and values of Secrets in documents."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio
import trustme

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.druidconn import secrets as druidconn_secrets
from druid_operator.pkg.druidapi import DruidClient
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, SECRET

Make = Callable[..., JSON]


async def put_secret(world: Any, name: str, **values: str) -> None:
    data = {k.replace("_", "."): base64.b64encode(v.encode()).decode() for k, v in values.items()}
    try:
        await world.change({"data": data}, name, SECRET)
    except NotFound:
        metadata = {"name": name, "namespace": world.namespace}
        await world.env.client.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        )


def auth(kind: str = "basic-auth", name: str = "login", **fields: str) -> JSON:
    return {"type": kind, "secretRef": {"name": name}, **fields}


async def test_the_login_of_the_cluster_is_used_and_an_ingestions_own_wins(
    world: Any, kafka: Make
) -> None:
    world.druid.behaviour.basic_auth = ("op", "secret")
    await put_secret(world, "login", OperatorUserName="op", OperatorPassword="secret")
    await put_secret(world, "wrong", OperatorUserName="op", OperatorPassword="no")
    await world.change({"spec": {"auth": auth()}}, "example", DRUID)
    await world.create(kafka())
    await world.create(kafka("second"), "second", auth=auth(name="wrong"))
    await world.until_condition("True", "Running")
    await world.until_condition("Unknown", "Unauthorized", name="second")


async def test_a_bearer_token(world: Any, kafka: Make) -> None:
    world.druid.behaviour.bearer_token = "abc"
    await put_secret(world, "login", token="abc")
    await world.create(kafka(), auth=auth("bearer"))
    await world.until_condition("True", "Running")


async def test_a_changed_password_is_used_after_the_first_refusal(world: Any, kafka: Make) -> None:
    world.druid.behaviour.basic_auth = ("op", "old")
    await put_secret(world, "login", OperatorUserName="op", OperatorPassword="old")
    await world.create(kafka(), auth=auth())
    await world.until_condition("True", "Running")
    await put_secret(world, "login", OperatorUserName="op", OperatorPassword="new")
    world.druid.behaviour.basic_auth = ("op", "new")
    seen = len(world.druid.requests)
    await world.until(lambda: len(world.druid.requests) > seen + 5)
    assert (await world.condition())["status"] == "True"


# --- TLS, and a Druid that no object describes ----------------------------------------------------


@attrs.define
class Outside:
    """A Druid behind TLS that asks for a certificate."""

    druid: FakeDruid
    authority: trustme.CA

    def spec(self, **tls: Any) -> JSON:
        refs = {"caSecretRef": {"name": "ca"}, "clientSecretRef": {"name": "client"}}
        return {"url": self.druid.url, "tls": {**refs, **tls}}

    async def publish(self, world: Any) -> None:
        """The Secrets that are needed to reach it."""
        identity = self.authority.issue_cert("operator@example.com")
        chain = b"".join(blob.bytes() for blob in identity.cert_chain_pems).decode()
        key = identity.private_key_pem.bytes().decode()
        await put_secret(world, "ca", ca_crt=self.authority.cert_pem.bytes().decode())
        await put_secret(world, "client", tls_crt=chain, tls_key=key)


@pytest_asyncio.fixture(loop_scope="session")
async def outside(env: Environment) -> AsyncIterator[Outside]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with FakeDruid(tls=context) as druid:
        yield Outside(druid, authority)


async def test_a_druid_elsewhere_behind_client_certificates(
    run_operator: Any, kafka: Make, outside: Outside
) -> None:
    """No ``Druid`` object is needed, and deletion reaches it as well."""
    async with run_operator(
        druid_endpoints={}, allowed_druid_urls=frozenset({outside.druid.url})
    ) as world:
        await outside.publish(world)
        await world.create(kafka(), druidCluster="elsewhere", connection=outside.spec())
        await world.until_condition("True", "Running")
        assert "wiki" in outside.druid.supervisors
        assert world.mutations() == []
        await world.delete()
        await world.until_gone()
        assert "wiki" not in outside.druid.supervisors


async def test_it_must_be_allowed_by_the_operator(
    run_operator: Any, kafka: Make, outside: Outside
) -> None:
    async with run_operator(druid_endpoints={}) as world:
        await outside.publish(world)
        await world.create(kafka(), druidCluster="elsewhere", connection=outside.spec())
        await world.until_condition("False", "NoDruidEndpoint")
        assert "--allow-druid-url" in (await world.condition())["message"]
        assert not outside.druid.requests


async def test_a_certificate_that_is_missing_or_wrong_is_told(
    run_operator: Any, kafka: Make, outside: Outside
) -> None:
    async with run_operator(
        druid_endpoints={}, allowed_druid_urls=frozenset({outside.druid.url})
    ) as world:
        await world.create(kafka(), druidCluster="elsewhere", connection=outside.spec())
        await world.until_condition("False", "SecretNotFound")
        other = Outside(outside.druid, trustme.CA())
        await other.publish(world)
        await world.until_condition("Unknown", "DruidUnreachable")
        assert "CERTIFICATE_VERIFY_FAILED" in (await world.condition())["message"]
        assert not outside.druid.requests


# --- values of Secrets in documents ---------------------------------------------------------------


@pytest.fixture
def secured(kafka: Make) -> JSON:
    document = kafka()
    consumer = document["spec"]["ioConfig"]["consumerProperties"]
    consumer["sasl.jaas.config"] = 'Plain required password="${secret:kafka:password}";'
    return document


def sent(world: Any) -> str:
    spec = world.druid.supervisors["wiki"].spec
    return str(spec["spec"]["ioConfig"]["consumerProperties"]["sasl.jaas.config"])


async def test_a_value_is_put_in_on_the_way_to_druid_and_shows_nowhere_else(
    world: Any, secured: JSON, capfd: pytest.CaptureFixture[str]
) -> None:
    await put_secret(world, "kafka", password="hush")
    await world.create(secured)
    await world.until_condition("True", "Running")
    assert sent(world) == 'Plain required password="hush";'
    await world.until_told(EventReason.CREATED)
    kept = await world.get("druidingestion-wiki", CONFIG_MAP)
    assert "${secret:kafka:password}" in kept["data"]["spec.json"]
    told = [str(kept), str(await world.get()), str(await world.events()), *capfd.readouterr()]
    assert not [text for text in told if "hush" in text]
    assert await world.quiet_passes(5) == (0, 0)


async def test_a_missing_secret_is_told_before_anything_is_sent(world: Any, secured: JSON) -> None:
    await world.create(secured)
    await world.until_condition("False", "SecretNotFound")
    assert "sasl.jaas.config" in (await world.condition())["message"]
    assert world.posts() == []


async def test_a_changed_value_is_sent_and_a_touched_secret_is_not(
    world: Any, secured: JSON, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(druidconn_secrets, "MAX_AGE_SECONDS", 0.0)
    await put_secret(world, "kafka", password="hush")
    await world.create(secured, driftPolicy="Warn")
    await world.until_condition("True", "Running")
    await world.change({"metadata": {"labels": {"touched": "yes"}}}, "kafka", SECRET)
    version = (await world.get("kafka", SECRET))["metadata"]["resourceVersion"]

    async def recorded() -> bool:
        return bool((await world.get())["status"]["secretVersions"] == {"kafka": version})

    await world.until(recorded)
    assert len(world.posts()) == 1
    await put_secret(world, "kafka", password="other-hush")
    await world.until(lambda: len(world.posts()) == 2)
    assert sent(world) == 'Plain required password="other-hush";'
    await world.until_condition("True", "Running")
    assert "hush" not in str((await world.get())["status"])
    assert await world.quiet_passes(5) == (0, 0)


async def test_a_taken_document_is_compared_with_its_values(
    kubernetes: Any, run_operator: Any, secured: JSON
) -> None:
    """What was made by hand with the same password is equivalent."""
    by_hand = {**secured}
    text = str(by_hand["spec"]["ioConfig"]["consumerProperties"]["sasl.jaas.config"])
    consumer = by_hand["spec"]["ioConfig"]["consumerProperties"]
    consumer["sasl.jaas.config"] = text.replace("${secret:kafka:password}", "hush")
    async with DruidClient(kubernetes.druid.url) as console:
        await console.submit_supervisor(by_hand)
    consumer["sasl.jaas.config"] = text
    async with run_operator() as world:
        await put_secret(world, "kafka", password="hush")
        await world.create(secured)
        await world.until_condition("True", "Running")
        assert len(world.posts()) == 1
