"""The certificates are good for a strict TLS peer and say who a user is."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from druid_operator.pkg.envtest.binaries.certs import (
    API_SERVER_NAMES,
    CertificateAuthority,
    KeyPair,
    write_control_plane,
)


def context(
    purpose: ssl.Purpose, authority: CertificateAuthority, pair: KeyPair, directory: Path
) -> ssl.SSLContext:
    name = purpose.name.lower()
    pair.write(directory, name)
    made = ssl.create_default_context(purpose, cadata=authority.certificate.decode())
    made.load_cert_chain(directory / f"{name}.crt", directory / f"{name}.key")
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    return made


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Both ends in memory; answers the server's, once both are satisfied."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=name),
    ]
    pending = list(ends)
    for _ in range(10):
        for end in tuple(pending):
            try:
                end.do_handshake()
                pending.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not pending
    return ends[0]


@pytest.mark.parametrize("name", API_SERVER_NAMES)
def test_strict_mutual_tls_succeeds_for_every_server_name(name: str, tmp_path: Path) -> None:
    authority = CertificateAuthority()
    server = context(
        ssl.Purpose.CLIENT_AUTH, authority, authority.server("s", API_SERVER_NAMES), tmp_path
    )
    server.verify_mode = ssl.CERT_REQUIRED
    client = context(ssl.Purpose.SERVER_AUTH, authority, authority.client("u", "g"), tmp_path)
    assert handshake(server, client, name).getpeercert() is not None


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    authority, other = CertificateAuthority(), CertificateAuthority()
    server = context(ssl.Purpose.CLIENT_AUTH, authority, other.server("s", ["a"]), tmp_path)
    client = context(ssl.Purpose.SERVER_AUTH, authority, authority.client("u"), tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client, "a")


def test_a_client_certificate_names_user_and_groups() -> None:
    pair = CertificateAuthority().client("jane", "system:masters", "dev")
    subject = x509.load_pem_x509_certificate(pair.certificate).subject
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["jane"]
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [g.value for g in groups] == ["system:masters", "dev"]


def test_keys_are_readable_by_their_owner_alone_and_not_in_repr(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    write_control_plane(authority, tmp_path / "certs")
    keys = list((tmp_path / "certs").glob("*.key"))
    assert len(keys) == 6
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    assert "PRIVATE" not in repr(authority.client("u"))
