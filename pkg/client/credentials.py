"""How a request says who we are. Each kind answers the headers to send, and can be told to
refresh.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from druid_operator.pkg.clock import Clock, SystemClock

#: A projected service-account token is rotated by the kubelet at 80 % of its life (an hour at
#: least); client-go reads the file again after a minute, and so do we.
TOKEN_FILE_TTL_SECONDS = 60.0


class Credentials(Protocol):
    """Makes the ``Authorization`` header, or none (a client certificate speaks in the TLS
    handshake).
    """

    async def headers(self, *, refresh: bool = False) -> Mapping[str, str]:
        """``refresh`` is set after a 401: whatever was remembered is stale."""
        ...


class NoCredentials:
    """Nothing in the headers: anonymous, or a client certificate."""

    async def headers(self, *, refresh: bool = False) -> Mapping[str, str]:
        return {}


@attrs.frozen
class StaticHeader:
    """A token or a user name with password that never changes."""

    _value: str = attrs.field(repr=False)

    @classmethod
    def bearer(cls, token: str) -> StaticHeader:
        # A trailing newline, as editors leave it in files, would be an illegal header.
        return cls(f"Bearer {token.strip()}")

    @classmethod
    def basic(cls, user: str, password: str) -> StaticHeader:
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        return cls(f"Basic {encoded}")

    async def headers(self, *, refresh: bool = False) -> Mapping[str, str]:
        return {"Authorization": self._value}


@attrs.define
class TokenFile:
    """A bearer token in a file that somebody else rotates: read again each minute, and after a
    401.
    """

    path: Path
    clock: Clock = attrs.field(factory=SystemClock)
    _read_at: float = attrs.field(default=float("-inf"), init=False)
    _token: str = attrs.field(default="", init=False, repr=False)

    async def headers(self, *, refresh: bool = False) -> Mapping[str, str]:
        now = self.clock.monotonic()
        if refresh or now - self._read_at >= TOKEN_FILE_TTL_SECONDS:
            # Off the loop: the file may lie on a slow volume. Two readers at once read the same.
            self._token = (await asyncio.to_thread(self.path.read_text)).strip()
            self._read_at = now
        return {"Authorization": f"Bearer {self._token}"}
