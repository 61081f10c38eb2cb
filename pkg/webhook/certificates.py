"""Certificates that an operator makes for its own webhooks, and when they are to be replaced.

An authority signs the serving certificate, and its certificate is what the API server is told to
believe. Both are EC P-256, the fastest that every component accepts. Everything is decided from the
time and from what is stored; ``cryptography`` is imported only where something is made.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from cryptography import x509

#: How long an authority and a serving certificate are good for. An authority's replacement must
#: reach every webhook configuration before its first certificate is used, so it is made rarely.
CA_VALIDITY = timedelta(days=5 * 365)
SERVING_VALIDITY = timedelta(days=365)
#: A certificate is replaced when a third of its life is left: months, in which an operator that is
#: down for weeks loses nothing.
RENEW_WITH_LEFT = 1 / 3
#: Clocks differ a little: a certificate is good from a moment before it was made.
BACKDATED = timedelta(hours=1)


@attrs.frozen
class KeyPair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes = attrs.field(repr=False)


@attrs.frozen
class Certificates:
    """All that is stored.

    Args:
        ca: the authority that signs now.
        serving: what the server shows.
        bundle: what the API server is to believe: the authority, and the one before it for as long
            as some replica may still show a certificate of that one.
    """

    ca: KeyPair
    serving: KeyPair
    bundle: bytes


@attrs.frozen
class Renewal:
    """What is to be made anew, and why; ``reason`` is empty when nothing is."""

    reason: str = ""
    authority: bool = False


def decide_renewal(stored: Certificates | None, names: Sequence[str], now: datetime) -> Renewal:
    """Whether what is stored will do.

    Args:
        stored: ``None`` when there is nothing, or nothing usable.
        names: DNS names and addresses that the serving certificate must have.
        now: in UTC.
    """
    from cryptography import x509

    if stored is None:
        return Renewal("there are no certificates", authority=True)
    try:
        ca = x509.load_pem_x509_certificate(stored.ca.certificate)
        serving = x509.load_pem_x509_certificate(stored.serving.certificate)
    except ValueError:
        return Renewal("what is stored is no certificate", authority=True)
    if _is_due(ca, now):
        return Renewal("the authority's time is running out", authority=True)
    if _is_due(serving, now):
        return Renewal("the serving certificate's time is running out")
    if serving.issuer != ca.subject or not _signed_by(serving, ca):
        return Renewal("the serving certificate is of another authority")
    if set(names) - set(_names(serving)):
        return Renewal("the serving certificate lacks a name")
    return Renewal()


def renew(
    stored: Certificates | None, names: Sequence[str], now: datetime, *, authority: bool
) -> Certificates:
    """New certificates; with ``authority`` a new one of that too, beside the one before it."""
    if authority or stored is None:
        ca = build_authority(now)
        bundle = ca.certificate + _still_good(stored.bundle if stored else b"", now)
    else:
        ca, bundle = stored.ca, stored.bundle
    return Certificates(ca, build_serving(ca, names, now), bundle)


def build_authority(now: datetime) -> KeyPair:
    """A new authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    # The time in the name tells two authorities apart where only subjects are compared.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"webhook-ca {now:%Y%m%d%H%M%S}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + CA_VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def build_serving(ca: KeyPair, names: Sequence[str], now: datetime) -> KeyPair:
    """A certificate for a server with these DNS names and addresses, signed by ``ca``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    authority = x509.load_pem_x509_certificate(ca.certificate)
    ca_key = serialization.load_pem_private_key(ca.key, None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    certificate = (
        x509.CertificateBuilder()
        # A common name has at most 64 characters, a Service's DNS name may have more.
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + SERVING_VALIDITY, authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(signer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return _pair(certificate, key)


def _pair(certificate: x509.Certificate, key: object) -> KeyPair:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _usage(*, sign: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not sign, key_cert_sign=sign, crl_sign=sign, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _is_due(certificate: x509.Certificate, now: datetime) -> bool:
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now < starts or ends - now < (ends - starts) * RENEW_WITH_LEFT


def _signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    addresses = found.value.get_values_for_type(x509.IPAddress)
    return [*found.value.get_values_for_type(x509.DNSName), *(str(ip) for ip in addresses)]


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _still_good(bundle: bytes, now: datetime) -> bytes:
    """The authorities of a bundle that have not run out."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        found = x509.load_pem_x509_certificates(bundle) if bundle else []
    except ValueError:
        return b""
    return b"".join(
        ca.public_bytes(serialization.Encoding.PEM) for ca in found if ca.not_valid_after_utc > now
    )
