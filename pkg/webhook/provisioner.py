"""Keeps self-made webhook certificates in a Secret, on disk, and in what the API server believes.

For clusters without cert-manager. Every replica runs this; the Secret's resourceVersion decides who
made the certificates, and the others take them over. A replica whose time comes does, in order:

1. make what is due and store it in the Secret;
2. tell the API server which authorities to believe, old and new;
3. write the files, which the server then shows.

so that nobody is shown a certificate of an authority that is not believed yet.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from druid_operator.pkg.client import ClientBase, json_patch, merge_patch
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.errors import AlreadyExists, APIError, Conflict, NotFound, OperatorError
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import CUSTOM_RESOURCE_DEFINITION, SECRET
from druid_operator.pkg.webhook.certificates import (
    Certificates,
    KeyPair,
    decide_renewal,
    renew,
)

#: Seconds between looks. Certificates last for months; a Secret or a configuration that somebody
#: has damaged is repaired within this time.
INTERVAL = 600.0
#: How often one look is tried again when another replica writes at the same time.
TRIES = 5

_ADMISSION = "admissionregistration.k8s.io"
VALIDATING_WEBHOOK_CONFIGURATION = Resource(
    GroupVersionKind(_ADMISSION, "v1", "ValidatingWebhookConfiguration"),
    "validatingwebhookconfigurations", namespaced=False,
)  # fmt: skip
MUTATING_WEBHOOK_CONFIGURATION = Resource(
    GroupVersionKind(_ADMISSION, "v1", "MutatingWebhookConfiguration"),
    "mutatingwebhookconfigurations", namespaced=False,
)  # fmt: skip


class CertificatesContended(OperatorError):
    """Others kept writing the Secret; the next look will do."""


@attrs.define
class CertificateProvisioner:
    """A :class:`~druid_operator.pkg.webhook.server.CertificateSource`.

    Args:
        client: live, and without the fence of a lease: every replica needs its files.
        secret: where the certificates are kept; made if it is not there.
        service: the webhook Service's namespace and name, for the certificate's names.
        validating, mutating: names of webhook configurations to be given the authorities.
        crds: names of CRDs with a conversion webhook, likewise.
        clock: decides when certificates are due.
        interval: seconds between looks.
    """

    client: ClientBase
    secret: NamespacedName
    service: NamespacedName
    validating: Sequence[str] = ()
    mutating: Sequence[str] = ()
    crds: Sequence[str] = ()
    clock: Clock = attrs.field(factory=SystemClock)
    interval: float = INTERVAL

    async def ensure(self, cert: Path, key: Path) -> None:
        """Raises ``APIError`` when the Secret cannot be read or written: nothing can be served."""
        certificates = await self._stored_or_renewed()
        await self._publish(certificates.bundle)
        await asyncio.to_thread(_write, cert, key, certificates.serving)

    async def keep(self, cert: Path, key: Path) -> None:
        while True:
            await asyncio.sleep(self.interval)
            try:
                await self.ensure(cert, key)
            except OperatorError as error:
                # What is on disk serves on; certificates are looked at months before they expire.
                logger().error("Webhook certificates not renewed", error=str(error))

    @property
    def names(self) -> list[str]:
        """What the API server may call the Service."""
        name = f"{self.service.name}.{self.service.namespace}"
        return [f"{name}.svc", f"{name}.svc.cluster.local", name]

    async def _stored_or_renewed(self) -> Certificates:
        for _ in range(TRIES):
            secret = await self._read()
            stored = _certificates_of(secret)
            now = self.clock.now()
            renewal = decide_renewal(stored, self.names, now)
            if not renewal.reason:
                assert stored is not None
                return stored
            fresh = await asyncio.to_thread(
                renew, stored, self.names, now, authority=renewal.authority
            )
            try:
                await self._store(secret, fresh)
            except (Conflict, AlreadyExists):
                continue  # another replica was first: take over what it made
            logger().info("Made webhook certificates", reason=renewal.reason)
            return fresh
        raise CertificatesContended(f"Secret {self.secret} was written by others {TRIES} times")

    async def _read(self) -> JSON | None:
        try:
            return await self.client.get(SECRET, self.secret)
        except NotFound:
            return None

    async def _store(self, before: JSON | None, certificates: Certificates) -> None:
        data = _data_of(certificates)
        if before is None:
            await self.client.create({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                "metadata": {"name": self.secret.name, "namespace": self.secret.namespace},
                "data": data,
            })  # fmt: skip
            return
        version = before["metadata"]["resourceVersion"]
        patch = merge_patch({"metadata": {"resourceVersion": version}, "data": data})
        await self.client.patch(SECRET, self.secret, patch)

    async def _publish(self, bundle: bytes) -> None:
        """Tell the API server whom to believe. What is not there yet is told at the next look."""
        encoded = base64.b64encode(bundle).decode()
        configurations = (
            *((VALIDATING_WEBHOOK_CONFIGURATION, name) for name in self.validating),
            *((MUTATING_WEBHOOK_CONFIGURATION, name) for name in self.mutating),
        )
        for resource, name in configurations:
            await self._guarded(self._publish_configuration(resource, name, encoded), name)
        for name in self.crds:
            await self._guarded(self._publish_crd(name, encoded), name)

    async def _publish_configuration(self, resource: Resource, name: str, bundle: str) -> None:
        key = NamespacedName("", name)
        operations = build_bundle_patch(await self.client.get(resource, key), bundle)
        if operations:
            await self.client.patch(resource, key, json_patch(operations))

    async def _publish_crd(self, name: str, bundle: str) -> None:
        key = NamespacedName("", name)
        crd = await self.client.get(CUSTOM_RESOURCE_DEFINITION, key)
        conversion = crd["spec"].get("conversion") or {}
        told = (conversion.get("webhook") or {}).get("clientConfig") or {}
        if conversion.get("strategy") != "Webhook" or told.get("caBundle") == bundle:
            return
        patch = {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle}}}}}
        await self.client.patch(CUSTOM_RESOURCE_DEFINITION, key, merge_patch(patch))

    @staticmethod
    async def _guarded(publishing: object, name: str) -> None:
        try:
            await publishing  # type: ignore[misc]  # one of the two coroutines above
        except APIError as error:
            logger().warning("Authorities not published", name=name, error=str(error))


def build_bundle_patch(configuration: JSON, bundle: str) -> list[JSON]:
    """JSON patch operations that give every webhook of a configuration the bundle.

    Empty when they have it. Each is tested for its name: a list may be changed meanwhile.
    """
    operations: list[JSON] = []
    for index, webhook in enumerate(configuration.get("webhooks") or ()):
        if webhook["clientConfig"].get("caBundle") == bundle:
            continue
        at = f"/webhooks/{index}"
        operations += [
            {"op": "test", "path": f"{at}/name", "value": webhook["name"]},
            {"op": "add", "path": f"{at}/clientConfig/caBundle", "value": bundle},
        ]
    return operations


_KEYS = ("ca.key", "tls.crt", "tls.key", "ca.crt")


def _data_of(certificates: Certificates) -> dict[str, str]:
    # ``ca.crt`` is what cert-manager calls what is to be believed; the signing authority is its
    # first certificate.
    values = (
        certificates.ca.key,
        certificates.serving.certificate,
        certificates.serving.key,
        certificates.bundle,
    )
    return {
        name: base64.b64encode(value).decode() for name, value in zip(_KEYS, values, strict=True)
    }


def _certificates_of(secret: JSON | None) -> Certificates | None:
    data = (secret or {}).get("data") or {}
    if any(not data.get(name) for name in _KEYS):
        return None
    try:
        ca_key, cert, key, bundle = (base64.b64decode(data[name], validate=True) for name in _KEYS)
    except ValueError:
        return None
    return Certificates(KeyPair(bundle, ca_key), KeyPair(cert, key), bundle)


def _write(cert: Path, key: Path, pair: KeyPair) -> None:
    """Each file appears whole: a reader sees the old one or the new one."""
    cert.parent.mkdir(parents=True, exist_ok=True)
    for path, content, mode in ((cert, pair.certificate, 0o644), (key, pair.key, 0o600)):
        if path.exists() and path.read_bytes() == content:
            continue
        fresh = path.with_suffix(path.suffix + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        fresh.replace(path)
