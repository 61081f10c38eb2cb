"""Webhooks as a real API server calls them: trusted by the bundle, patched, refused, converted."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from druid_operator.pkg.client import RestClient, Transport
from druid_operator.pkg.envtest.crds import install_crds
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import Forbidden
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.webhook import (
    AdmissionRequest,
    CertificateProvisioner,
    Denied,
    WebhookOptions,
    WebhookServer,
    webhook_path,
    webhooks_for,
)
from druid_operator.pkg.webhook.provisioner import (
    MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_WEBHOOK_CONFIGURATION,
)

pytestmark = pytest.mark.envtest

GROUP = "hooked.example.com"
HUB = Resource(GroupVersionKind(GROUP, "v2", "Lamp"), "lamps")
OLD = Resource(GroupVersionKind(GROUP, "v1", "Lamp"), "lamps")


@attrs.frozen
class LampSpec:
    watts: int = prop("Power.", required=True)
    colour: str | None = prop("Which.")


@attrs.frozen
class Lamp:
    metadata: JSON = prop(required=True)
    spec: LampSpec = prop(required=True)


@attrs.frozen
class OldSpec:
    power: str = prop("Watts, as text.", required=True)


@attrs.frozen
class OldLamp:
    """Version 1 wrote ``power: 40W``."""

    metadata: JSON = prop(required=True)
    spec: OldSpec = prop(required=True)

    def convert_to(self) -> Lamp:
        return Lamp(metadata=self.metadata, spec=LampSpec(watts=int(self.spec.power.rstrip("W"))))

    @classmethod
    def convert_from(cls, hub: Lamp) -> OldLamp:
        return cls(metadata=hub.metadata, spec=OldSpec(power=f"{hub.spec.watts}W"))


SCHEME = Scheme([
    CustomResource(resource=HUB, model=Lamp), CustomResource(resource=OLD, model=OldLamp),
])  # fmt: skip


class Rules:
    async def default(self, obj: Lamp, request: AdmissionRequest) -> Lamp:
        return attrs.evolve(obj, spec=attrs.evolve(obj.spec, colour=obj.spec.colour or "white"))

    async def validate_create(self, obj: Lamp, request: AdmissionRequest) -> list[str]:
        if obj.spec.watts > 100:
            raise Denied(f"{obj.spec.watts} W are too many")
        return ["a lamp is hot"]

    async def validate_update(self, old: Lamp, new: Lamp, request: AdmissionRequest) -> None: ...

    async def validate_delete(self, obj: Lamp, request: AdmissionRequest) -> None:
        if obj.spec.colour == "red":
            raise Denied("a red lamp stays")


def crd(port: int) -> JSON:
    def version(name: str, *, storage: bool) -> JSON:
        return {
            "name": name, "served": True, "storage": storage,
            "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": True,
            }},
        }  # fmt: skip

    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"lamps.{GROUP}"},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"kind": "Lamp", "listKind": "LampList", "plural": "lamps",
                      "singular": "lamp"},
            "versions": [version("v2", storage=True), version("v1", storage=False)],
            "conversion": {"strategy": "Webhook", "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"url": f"https://127.0.0.1:{port}/convert"},
            }},
        },
    }  # fmt: skip


def configuration(resource: Resource, name: str, path: str, port: int) -> JSON:
    return {
        "apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name},
        "webhooks": [{
            "name": f"lamps.{GROUP}", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Fail", "timeoutSeconds": 5,
            "clientConfig": {"url": f"https://127.0.0.1:{port}{path}"},
            "rules": [{"apiGroups": [GROUP], "apiVersions": ["v2"], "resources": ["lamps"],
                       "operations": ["CREATE", "UPDATE", "DELETE"]}],
        }],
    }  # fmt: skip


class Local(CertificateProvisioner):
    """The API server of a test has no Service to go through: it dials loopback."""

    @property
    def names(self) -> list[str]:
        return ["127.0.0.1"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hooked(env: Environment, tmp_path_factory: pytest.TempPathFactory):
    """A server whose webhooks the API server calls; certificates are made and published by it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    namespace = await env.add_namespace("hooked")
    await env.client.create(
        configuration(
            MUTATING_WEBHOOK_CONFIGURATION, "lamps", webhook_path("mutate", HUB.gvk), port
        )
    )
    await env.client.create(
        configuration(
            VALIDATING_WEBHOOK_CONFIGURATION, "lamps", webhook_path("validate", HUB.gvk), port
        )
    )
    await env.client.create(crd(port))
    provisioner = Local(
        env.client, NamespacedName(namespace, "cert"), NamespacedName(namespace, "webhook"),
        validating=["lamps"], mutating=["lamps"], crds=[f"lamps.{GROUP}"],
    )  # fmt: skip
    folder: Path = tmp_path_factory.mktemp("certs")
    server = WebhookServer(Metrics(), WebhookOptions(
        host="127.0.0.1", port=port, cert_dir=folder, certificates=provisioner,
    ))  # fmt: skip
    rules = Rules()
    webhooks_for(server, SCHEME, Lamp).with_defaulter(rules).with_validator(rules).with_spokes(
        OldLamp
    ).complete()
    task = asyncio.ensure_future(server.start())
    await eventually(lambda: server.address)
    await install_crds(env.client, [crd(port)])
    yield server
    task.cancel()
    await asyncio.wait([task])
    for resource in (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION):
        await env.client.delete(resource, NamespacedName("", "lamps"))
    await env.remove_namespace(namespace)


def lamp(namespace: str, name: str, **spec: object) -> JSON:
    return {
        "apiVersion": HUB.api_version, "kind": "Lamp",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    }  # fmt: skip


@pytest.mark.usefixtures("hooked")
async def test_objects_are_defaulted_warned_about_and_refused(
    env: Environment, namespace: str
) -> None:
    warned: list[str] = []
    transport = Transport(env.rest_config(), on_warning=warned.append)
    client = RestClient(transport, SCHEME)
    made = await client.create(lamp(namespace, "a", watts=40, newer="kept"))
    assert made["spec"] == {"watts": 40, "colour": "white", "newer": "kept"}
    assert "a lamp is hot" in warned
    with pytest.raises(Forbidden, match="1000 W are too many"):
        await client.create(lamp(namespace, "b", watts=1000))
    await client.create(lamp(namespace, "red", watts=1, colour="red"))
    with pytest.raises(Forbidden, match="a red lamp stays"):
        await client.delete(HUB, NamespacedName(namespace, "red"))
    await transport.close()


@pytest.mark.usefixtures("hooked")
async def test_versions_are_converted_by_the_webhook(env: Environment, namespace: str) -> None:
    key = NamespacedName(namespace, "c")
    await env.client.create(lamp(namespace, "c", watts=60))
    assert (await env.client.get(OLD, key))["spec"] == {"power": "60W"}
    old = {**lamp(namespace, "d", power="25W"), "apiVersion": OLD.api_version}
    await env.client.create(old)
    stored = await env.client.get(HUB, NamespacedName(namespace, "d"))
    assert stored["spec"]["watts"] == 25
