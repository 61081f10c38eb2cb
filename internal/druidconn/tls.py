"""https to Druid: whom we trust, and the certificate that we show, from Secrets.

The keys are those of ``kubernetes.io/tls`` Secrets, as cert-manager writes them.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from druid_operator.internal.druidconn.secrets import (
    CredentialsError,
    SecretData,
    SecretReader,
    own_secret,
)
from druid_operator.pkg.meta import NamespacedName

CA_KEY, CERTIFICATE_KEY, PRIVATE_KEY = "ca.crt", "tls.crt", "tls.key"


@attrs.frozen
class TLSSource:
    """What ``spec.connection.tls`` says.

    Args:
        authorities: a Secret with ``ca.crt``; ``None``: the system's authorities.
        identity: a Secret with ``tls.crt`` and ``tls.key``; ``None``: we show no certificate.
        server_name: that the certificate must bear, empty for the address's own.
    """

    authorities: NamespacedName | None = None
    identity: NamespacedName | None = None
    server_name: str = ""
    path: str = "spec.connection.tls"


def tls_source(given: Mapping[str, Any] | None, namespace: str) -> TLSSource | None:
    """Raises ``CredentialsError`` for a Secret of another namespace."""
    if not given:
        return None
    default = TLSSource()
    found: dict[str, NamespacedName | None] = {}
    for field in ("caSecretRef", "clientSecretRef"):
        ref = given.get(field)
        found[field] = own_secret(ref, namespace, f"{default.path}.{field}") if ref else None
    return TLSSource(
        authorities=found["caSecretRef"],
        identity=found["clientSecretRef"],
        server_name=given.get("serverName") or "",
    )


@attrs.define
class SecretTLS:
    """Fits :class:`~druid_operator.pkg.druidapi.TLS`. The context is made anew when a Secret is."""

    source: TLSSource
    secrets: SecretReader
    _context: ssl.SSLContext | None = attrs.field(default=None, init=False, repr=False)
    _versions: tuple[str, ...] = attrs.field(default=(), init=False)

    @property
    def server_name(self) -> str:
        return self.source.server_name

    async def context(self, *, refresh: bool = False) -> ssl.SSLContext:
        """Raises ``CredentialsError``: a Secret is missing, or holds no certificate."""
        path = self.source.path
        authorities = identity = None
        if self.source.authorities is not None:
            where = f"{path}.caSecretRef"
            authorities = await self.secrets.get(self.source.authorities, where, refresh=refresh)
        if self.source.identity is not None:
            where = f"{path}.clientSecretRef"
            identity = await self.secrets.get(self.source.identity, where, refresh=refresh)
        versions = tuple(s.version if s else "" for s in (authorities, identity))
        if self._context is None or versions != self._versions:
            self._context = _build(authorities, identity, path)
            self._versions = versions
        return self._context


def _build(
    authorities: SecretData | None, identity: SecretData | None, path: str
) -> ssl.SSLContext:
    try:
        if authorities is None:
            context = ssl.create_default_context()
        else:
            pem = authorities.text(CA_KEY, f"{path}.caSecretRef")
            context = ssl.create_default_context(cadata=pem)
        if identity is not None:
            _load_identity(context, identity, f"{path}.clientSecretRef")
    except (ssl.SSLError, ValueError) as error:
        # What OpenSSL says of a PEM names no part of it.
        raise CredentialsError(
            f"no usable certificate: {getattr(error, 'reason', None) or type(error).__name__}",
            reason="InvalidTLS", path=path,
        ) from None  # fmt: skip
    return context


def _load_identity(context: ssl.SSLContext, identity: SecretData, path: str) -> None:
    """Python reads a private key from files only: one of our own, gone before anybody is asked."""
    chain = identity.raw(CERTIFICATE_KEY, path) + b"\n" + identity.raw(PRIVATE_KEY, path)
    handle, name = tempfile.mkstemp(prefix="druid-client-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(chain)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
