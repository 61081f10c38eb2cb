"""Credentials for Druid from a Secret, read when needed and never kept anywhere else.

Only the object's own namespace: whoever may create an ingestion could otherwise have any Secret of
the cluster sent to a server of his own. Secrets are read with ``get``; listing or watching them is
a right that this operator does not have.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.pkg.client import Reader
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.transport import basic_authorization
from druid_operator.pkg.errors import NotFound, TerminalError
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import SECRET

#: Seconds. A changed Secret is in use after at most this; after a 401 at once.
MAX_AGE_SECONDS = 300.0
#: The Go operator's keys.
DEFAULT_USERNAME_KEY = "OperatorUserName"
DEFAULT_PASSWORD_KEY = "OperatorPassword"


class CredentialsError(TerminalError):
    """The Secret cannot be used. Terminal for the pass: the next poll reads it again."""

    def __init__(self, message: str, *, reason: str, path: str) -> None:
        super().__init__(message, reason=reason, path=path)


@attrs.frozen
class SecretSource:
    """Which Secret, and under which keys; what ``spec.auth`` says.

    Args:
        path: of the field that names it, for errors.
    """

    key: NamespacedName
    username_key: str = DEFAULT_USERNAME_KEY
    password_key: str = DEFAULT_PASSWORD_KEY
    path: str = "spec.auth"


def secret_source(auth: Mapping[str, Any] | None, namespace: str) -> SecretSource | None:
    """Read a ``spec.auth``; ``None`` when it is absent, or empty as the Go operator writes it.

    Raises:
        CredentialsError: the type is unknown, or the Secret lies in another namespace.
    """
    if not auth or not (auth.get("type") or (auth.get("secretRef") or {}).get("name")):
        return None
    if auth.get("type") != "basic-auth":
        raise CredentialsError(
            f"must be basic-auth, got {auth.get('type')!r}",
            reason="InvalidAuth", path="spec.auth.type",
        )  # fmt: skip
    ref = auth.get("secretRef") or {}
    if not ref.get("name"):
        raise CredentialsError("required", reason="InvalidAuth", path="spec.auth.secretRef.name")
    if ref.get("namespace") not in (None, "", namespace):
        raise CredentialsError(
            f"the Secret must be in this object's namespace {namespace!r}, not "
            f"{ref['namespace']!r}: copy it here",
            reason="SecretNotAllowed", path="spec.auth.secretRef.namespace",
        )  # fmt: skip
    return SecretSource(
        NamespacedName(namespace, ref["name"]),
        auth.get("usernameKey") or DEFAULT_USERNAME_KEY,
        auth.get("passwordKey") or DEFAULT_PASSWORD_KEY,
    )


@attrs.define
class SecretCredentials:
    """Fits :class:`~druid_operator.pkg.druidapi.transport.Credentials`.

    Args:
        reader: must read Secrets live.
    """

    source: SecretSource
    reader: Reader
    clock: Clock
    _header: str = attrs.field(default="", init=False, repr=False)
    _read_at: float = attrs.field(default=float("-inf"), init=False)

    async def authorization(self, *, refresh: bool = False) -> str | None:
        now = self.clock.monotonic()
        if refresh or not self._header or now - self._read_at > MAX_AGE_SECONDS:
            self._header = self._header_from(await self._secret())
            self._read_at = now
        return self._header

    async def _secret(self) -> JSON:
        try:
            return await self.reader.get(SECRET, self.source.key)
        except NotFound as error:
            raise CredentialsError(
                f"Secret {self.source.key.name!r} not found",
                reason="SecretNotFound", path=f"{self.source.path}.secretRef.name",
            ) from error  # fmt: skip

    def _header_from(self, secret: JSON) -> str:
        return basic_authorization(
            self._value(secret, self.source.username_key, "usernameKey"),
            self._value(secret, self.source.password_key, "passwordKey"),
        )

    def _value(self, secret: JSON, key: str, field: str) -> str:
        encoded = (secret.get("data") or {}).get(key)
        if encoded is None:
            raise CredentialsError(
                f"Secret {self.source.key.name!r} has no key {key!r}",
                reason="SecretKeyMissing", path=f"{self.source.path}.{field}",
            )  # fmt: skip
        try:
            return base64.b64decode(encoded).decode()
        except UnicodeDecodeError:
            # From nothing: the error would carry the bytes.
            raise CredentialsError(
                f"Secret {self.source.key.name!r}: the value of {key!r} is not UTF-8",
                reason="SecretNotText", path=f"{self.source.path}.{field}",
            ) from None  # fmt: skip
