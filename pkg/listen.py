"""HTTP servers of the manager: where they listen, how they start and how they stop."""

from __future__ import annotations

import ssl

import attrs
from aiohttp import web

from druid_operator.pkg import log

#: Seconds that requests in progress have when a server stops.
SHUTDOWN_TIMEOUT = 60.0


@attrs.frozen
class Bind:
    """An address to listen on. ``host`` is ``None`` for every address of the machine."""

    host: str | None
    port: int


def parse_bind(text: str) -> Bind | None:
    """Read a bind address as Go's ``net.Listen`` does: ``:8081``, ``127.0.0.1:0``, ``[::1]:8443``.

    ``0`` and the empty text mean "do not listen" and give ``None``; port 0 means "any free port".

    Raises:
        ValueError: the text is none of these.
    """
    if text in ("", "0"):
        return None
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = "" if bracketed else host
    if not colon or not port.isdecimal() or int(port) > 65535 or ":" in plain:
        raise ValueError(f"not a bind address, expected [host]:port or 0: {text!r}")
    return Bind(host.strip("[]") or None, int(port))


class HTTPServer:
    """One application on one address.

    Args:
        name: for logs: ``metrics``, ``health``.
        app: what answers.
        bind: see :func:`parse_bind`.
        tls: the server's side of TLS; plain HTTP without.
        shutdown_timeout: seconds that requests in progress have at the end.
    """

    def __init__(
        self,
        name: str,
        app: web.Application,
        bind: Bind,
        *,
        tls: ssl.SSLContext | None = None,
        shutdown_timeout: float = SHUTDOWN_TIMEOUT,
    ) -> None:
        self._name = name
        self._bind = bind
        self._tls = tls
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_timeout
        )

    async def start(self) -> None:
        """Listen. Connections are taken when this returns.

        Raises:
            OSError: the address is in use or not ours; the message names it.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._bind.host, self._bind.port, ssl_context=self._tls)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            at = f"{self._bind.host or ''}:{self._bind.port}"
            message = f"the {self._name} server cannot listen on {at}: {error.strerror}"
            raise OSError(error.errno, message) from error
        log.logger().info("Started HTTP server", name=self._name, address=self.address)

    async def stop(self) -> None:
        """Take no more connections, let requests finish, close. Safe to call twice."""
        await self._runner.cleanup()

    @property
    def address(self) -> str:
        """``host:port`` as bound, with the port that the system chose; empty when stopped."""
        if not self._runner.addresses:
            return ""
        host, port = self._runner.addresses[0][:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
