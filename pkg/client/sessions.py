"""The connections to one API server: a pool for requests and one for watches.

Many watches therefore never starve a write. A pool can be retired: what runs on it goes on, what
comes next gets new connections, and with them a new TLS handshake.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
import attrs

PoolName = Literal["requests", "watches"]

#: Connections of a pool; 0 is no limit.
_LIMITS: dict[PoolName, int] = {"requests": 64, "watches": 0}
#: The API server closes a connection that was idle for 90 s (``http.Server.IdleTimeout``). Ours
#: must go first: a write on a connection that the server is closing has no known outcome.
KEEPALIVE_SECONDS = 60.0


def keepalive_socket(info: Any) -> socket.socket:
    """A socket that notices a peer that vanished: balancers drop idle flows without a word."""
    family, kind, proto, *_ = info
    sock = socket.socket(family=family, type=kind, proto=proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Linux names; elsewhere the system's own defaults hold.
    for option, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 60_000),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


@attrs.define(eq=False)
class _Pool:
    session: aiohttp.ClientSession
    users: int = 0


class Sessions:
    """Makes sessions when they are first needed. To be used from one event loop.

    Args:
        tls: for ``https``; ``None`` uses the system's certificates where it is needed.
        user_agent: a header of every request.
    """

    def __init__(self, tls: ssl.SSLContext | None, user_agent: str) -> None:
        self._tls: ssl.SSLContext | Literal[True] = tls or True
        self._user_agent = user_agent
        self._pools: dict[PoolName, _Pool] = {}
        self._retired: list[_Pool] = []

    @asynccontextmanager
    async def use(self, name: PoolName) -> AsyncIterator[aiohttp.ClientSession]:
        """The pool's session, for the length of one request or watch."""
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = _Pool(self._session(_LIMITS[name]))
        pool.users += 1
        try:
            yield pool.session
        finally:
            pool.users -= 1
            if pool in self._retired and not pool.users:
                self._retired.remove(pool)
                await pool.session.close()

    async def retire(self) -> None:
        """Let what runs end on its connections, and give new ones to what comes next."""
        pools, self._pools = self._pools, {}
        self._retired += pools.values()
        for pool in pools.values():
            if not pool.users and pool in self._retired:
                self._retired.remove(pool)
                await pool.session.close()

    async def close(self) -> None:
        """Close every connection, whatever runs on it."""
        pools = [*self._pools.values(), *self._retired]
        self._pools, self._retired = {}, []
        for pool in pools:
            await pool.session.close()

    def _session(self, limit: int) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            # trust_env would look up netrc and proxies in a thread, for each request.
            trust_env=False,
            auto_decompress=True,
            headers={"User-Agent": self._user_agent},
            connector=aiohttp.TCPConnector(
                limit=limit,
                ssl=self._tls,
                keepalive_timeout=KEEPALIVE_SECONDS,
                socket_factory=keepalive_socket,
            ),
        )
        _never_resend(session)
        return session


def _never_resend(session: aiohttp.ClientSession) -> None:
    # aiohttp sends PUT and DELETE again when a kept connection breaks, though the server may have
    # carried out the first one: the repetition is then answered with a conflict that never was.
    session._retry_connection = False  # noqa: SLF001 - there is no public switch
