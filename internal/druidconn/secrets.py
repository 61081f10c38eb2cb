"""Secrets, read one by one when they are needed, of the object's own namespace only.

Whoever may create an ingestion could otherwise have any Secret of the cluster sent to a server of
his own. Listing or watching Secrets is a right that this operator does not have; so a changed one
is found by its age, and at once after a refusal.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.pkg.client import Reader
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import NotFound, TerminalError
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import SECRET

#: Seconds. A changed Secret is in use after at most this.
MAX_AGE_SECONDS = 300.0


class CredentialsError(TerminalError):
    """A Secret cannot be used. Terminal for the pass: a later one reads it again."""

    def __init__(self, message: str, *, reason: str, path: str) -> None:
        super().__init__(message, reason=reason, path=path)


def own_secret(ref: Mapping[str, Any], namespace: str, path: str) -> NamespacedName:
    """The Secret that a reference names. Raises ``CredentialsError``."""
    if not ref.get("name"):
        raise CredentialsError("required", reason="InvalidAuth", path=f"{path}.name")
    if ref.get("namespace") not in (None, "", namespace):
        raise CredentialsError(
            f"the Secret must be in this object's namespace {namespace!r}, not "
            f"{ref['namespace']!r}: copy it here",
            reason="SecretNotAllowed", path=f"{path}.namespace",
        )  # fmt: skip
    return NamespacedName(namespace, str(ref["name"]))


@attrs.frozen
class SecretData:
    """One Secret as it was read."""

    name: str
    version: str
    _data: Mapping[str, str] = attrs.field(repr=False)

    def has(self, key: str) -> bool:
        return key in self._data

    def raw(self, key: str, path: str) -> bytes:
        """Raises ``CredentialsError`` with the path of the field that names ``key``."""
        encoded = self._data.get(key)
        if encoded is None:
            raise CredentialsError(
                f"Secret {self.name!r} has no key {key!r}", reason="SecretKeyMissing", path=path
            )
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise CredentialsError(
                f"Secret {self.name!r}: the value of {key!r} is not base64",
                reason="SecretNotText", path=path,
            ) from None  # fmt: skip

    def text(self, key: str, path: str) -> str:
        try:
            return self.raw(key, path).decode()
        except UnicodeDecodeError:
            # From nothing: the error would carry the bytes.
            raise CredentialsError(
                f"Secret {self.name!r}: the value of {key!r} is not UTF-8",
                reason="SecretNotText", path=path,
            ) from None  # fmt: skip


@attrs.define
class SecretReader:
    """Args:
    reader: must read live; only what was asked for lately is kept.
    """

    reader: Reader = attrs.field(repr=False)
    clock: Clock = attrs.field(repr=False)
    _kept: dict[NamespacedName, tuple[float, SecretData]] = attrs.field(
        factory=dict, init=False, repr=False
    )

    async def get(self, key: NamespacedName, path: str, *, refresh: bool = False) -> SecretData:
        """Raises ``CredentialsError`` where there is none."""
        now = self.clock.monotonic()
        kept = self._kept.get(key)
        if kept is not None and not refresh and now - kept[0] <= MAX_AGE_SECONDS:
            return kept[1]
        try:
            found = await self.reader.get(SECRET, key)
        except NotFound as error:
            self._kept.pop(key, None)
            raise CredentialsError(
                f"Secret {key.name!r} not found", reason="SecretNotFound", path=path
            ) from error
        version = str(found["metadata"].get("resourceVersion", ""))
        data = SecretData(key.name, version, found.get("data") or {})
        self._kept[key] = (now, data)
        return data
