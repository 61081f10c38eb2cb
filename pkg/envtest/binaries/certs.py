"""The certificates of a control plane on loopback: one authority, everything signed by it.

Keys are EC P-256, the fastest that every component accepts, so that a start does not wait for them.
Certificates carry subject and authority key identifiers: Python 3.13 verifies strictly and refuses
a chain without them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=365)
# A control plane in a container may run a little behind the clock that made its certificates.
BACKDATED = timedelta(hours=1)

API_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "127.0.0.1",
    "10.96.0.1",  # the first address of --service-cluster-ip-range: the Service `kubernetes`
)


@attrs.frozen
class KeyPair:
    """A certificate and its key, PEM. The key stays out of ``repr``."""

    certificate: bytes
    key: bytes = attrs.field(repr=False)

    def write(self, directory: Path, name: str) -> None:
        """Write ``NAME.crt`` and, readable by the owner alone, ``NAME.key``."""
        (directory / f"{name}.crt").write_bytes(self.certificate)
        write_private(directory / f"{name}.key", self.key)


class CertificateAuthority:
    """Signs certificates for servers and for users; the private key never leaves the object."""

    def __init__(self, name: str = "envtest-ca") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(name)
        usage = _key_usage(certificate_signing=True)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = (
            _builder(self._subject, self._subject, self._key, self._key)
            .add_extension(constraints, critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pair(self) -> KeyPair:
        """Certificate and key, for a component that signs by itself (certificate requests)."""
        return KeyPair(self.certificate, _private_pem(self._key))

    def server(self, common_name: str, names: Sequence[str], *, group: str = "") -> KeyPair:
        """A server certificate for DNS names and IP addresses."""
        return self._issue(_name(common_name, group), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, user: str, *groups: str) -> KeyPair:
        """A client certificate: the API server reads the user from CN and the groups from O."""
        return self._issue(_name(user, *groups), ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, names: Sequence[str]
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self._subject, key, self._key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(certificate_signing=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(n) for n in names])
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), _private_pem(key))


def write_control_plane(authority: CertificateAuthority, directory: Path) -> None:
    """Write what the five components read: ``ca``, ``apiserver``, ``kubelet``, clients, ``sa``."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority.pair.write(directory, "ca")
    pairs = {
        "apiserver": authority.server("kube-apiserver", API_SERVER_NAMES),
        "kubelet": authority.server(
            "system:node:kwok", ("localhost", "127.0.0.1"), group="system:nodes"
        ),
        "kubelet-client": authority.client("apiserver-kubelet-client", "system:masters"),
        "front-proxy": authority.client("front-proxy-client"),
    }
    for name, pair in pairs.items():
        pair.write(directory, name)
    key = ec.generate_private_key(ec.SECP256R1())
    write_private(directory / "sa.key", _private_pem(key))
    (directory / "sa.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from the first byte on."""
    path.touch(mode=0o600)
    path.write_bytes(content)


def _name(common_name: str, *organizations: str) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations if o]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _key_usage(*, certificate_signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=certificate_signing,
        crl_sign=certificate_signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALIDITY)
        .add_extension(own, critical=False)
        .add_extension(signer, critical=False)
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
