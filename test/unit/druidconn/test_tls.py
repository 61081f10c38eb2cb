"""https to Druid: whom we trust and what we show, from Secrets, and renewed with them."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from druid_operator.internal.druidconn import CredentialsError, SecretReader
from druid_operator.internal.druidconn.tls import SecretTLS, TLSSource, tls_source
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import NamespacedName

JSON = dict[str, Any]
CA, CLIENT = NamespacedName("ns", "ca"), NamespacedName("ns", "client")


class Secrets:
    """Secrets by name; a change makes another version."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, bytes]] = {}

    async def get(self, kind: Any, key: NamespacedName) -> JSON:
        if key.name not in self.stored:
            raise NotFound("no such secret")
        values = self.stored[key.name]
        data = {k: base64.b64encode(v).decode() for k, v in values.items()}
        return {"metadata": {"resourceVersion": str(hash(tuple(values.values())))}, "data": data}


class Authority:
    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.pem = self._ca.cert_pem.bytes()

    def server(self, *names: str, client_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(*names).configure_cert(context)
        if client_certificate:
            self._ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def identity(self) -> dict[str, bytes]:
        made = self._ca.issue_cert("operator@example.com")
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        return {"tls.crt": chain, "tls.key": made.private_key_pem.bytes()}


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def authority(secrets: Secrets) -> Authority:
    """Its certificate lies in Secret ``ca``."""
    made = Authority()
    secrets.stored["ca"] = {"ca.crt": made.pem}
    return made


@pytest.fixture
def tls(secrets: Secrets) -> Callable[..., SecretTLS]:
    def make(*, clock: FakeClock | None = None, **fields: Any) -> SecretTLS:
        reader: Any = secrets
        source = TLSSource(**{"authorities": CA, **fields})
        return SecretTLS(source, SecretReader(reader, clock or FakeClock()))

    return make


async def ask(druid: FakeDruid, tls: SecretTLS) -> None:
    async with DruidClient(druid.url, tls=tls) as client:
        await client.check_ready()


async def test_the_given_authority_is_trusted_and_no_other(authority, secrets, tls) -> None:
    async with FakeDruid(tls=authority.server("127.0.0.1")) as druid:
        await ask(druid, tls())
        secrets.stored["ca"] = {"ca.crt": Authority().pem}
        with pytest.raises(errors.NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(druid, tls())
        assert len(druid.requests) == 1


async def test_the_name_in_the_certificate_counts_and_can_be_given(authority, tls) -> None:
    async with FakeDruid(tls=authority.server("router.example.com")) as druid:
        with pytest.raises(errors.NotSent, match="not valid for"):
            await ask(druid, tls())
        await ask(druid, tls(server_name="router.example.com"))


@pytest.fixture
def no_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python reads a private key from files only."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_file_stays")
async def test_a_certificate_is_shown_where_one_is_asked_for(authority, secrets, tls) -> None:
    secrets.stored["client"] = authority.identity()
    server = authority.server("127.0.0.1", client_certificate=True)
    async with FakeDruid(tls=server) as druid:
        with pytest.raises(errors.NotReady):
            await ask(druid, tls())
        await ask(druid, tls(identity=CLIENT))


async def test_a_renewed_authority_is_used_after_the_first_failure(authority, secrets, tls) -> None:
    renewed = Authority()
    mine = tls()
    async with FakeDruid(tls=authority.server("127.0.0.1")) as druid:
        await ask(druid, mine)
    secrets.stored["ca"] = {"ca.crt": renewed.pem}
    async with FakeDruid(tls=renewed.server("127.0.0.1")) as druid:
        await ask(druid, mine)


async def test_the_context_is_kept_while_the_secrets_are_the_same(authority, tls) -> None:
    mine = tls()
    assert await mine.context() is await mine.context(refresh=True)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({}, "SecretNotFound"),
        ({"ca": {"other": b""}}, "SecretKeyMissing"),
        ({"ca": {"ca.crt": b"no certificate"}}, "InvalidTLS"),
        ({"ca": {"ca.crt": b"\xff"}}, "SecretNotText"),
    ],
)
async def test_what_cannot_be_used_is_told_with_its_path(secrets, tls, stored, reason) -> None:
    secrets.stored = stored
    with pytest.raises(CredentialsError) as raised:
        await tls().context()
    assert raised.value.reason == reason
    assert raised.value.path.startswith("spec.connection.tls")


def test_what_the_spec_says_is_read_and_other_namespaces_are_refused() -> None:
    assert tls_source(None, "ns") is None
    assert tls_source({}, "ns") is None
    given = {"caSecretRef": {"name": "ca"}, "clientSecretRef": {"name": "client"}}
    assert tls_source({**given, "serverName": "x"}, "ns") == TLSSource(CA, CLIENT, "x")
    with pytest.raises(CredentialsError) as raised:
        tls_source({"caSecretRef": {"name": "ca", "namespace": "other"}}, "ns")
    assert raised.value.path == "spec.connection.tls.caSecretRef.namespace"
