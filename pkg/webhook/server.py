"""The webhook server: HTTPS, a path for each webhook, certificates that are replaced under way."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from pathlib import Path
from typing import ClassVar, Protocol

import attrs
from aiohttp import web

from druid_operator.pkg.certwatcher import INTERVAL, CertWatcher
from druid_operator.pkg.healthz import CheckFailed
from druid_operator.pkg.listen import Bind, HTTPServer
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.webhook.admission import AdmissionHandler
from druid_operator.pkg.webhook.conversion import ConversionRegistry
from druid_operator.pkg.webhook.endpoint import (
    MAX_REQUEST_BYTES,
    AdmissionEndpoint,
    ConversionEndpoint,
    Handler,
    measured,
)

#: Source: controller-runtime ``webhook.DefaultPort``.
DEFAULT_PORT = 9443
#: Source: controller-runtime; ``TMPDIR`` as there.
DEFAULT_CERT_DIR = Path(tempfile.gettempdir()) / "k8s-webhook-server" / "serving-certs"
#: Where conversions are served. Source: controller-runtime.
CONVERT_PATH = "/convert"
#: Seconds for the server to be found listening by itself.
DIAL_TIMEOUT = 3.0


class CertificateSource(Protocol):
    """Puts the certificate's files where the server reads them, and keeps them fresh."""

    async def ensure(self, cert: Path, key: Path) -> None:
        """Returns when the files are there."""
        ...

    async def keep(self, cert: Path, key: Path) -> None:
        """Replace them before they expire. Ends only by cancellation."""
        ...


@attrs.frozen(kw_only=True)
class WebhookOptions:
    """Args:
    host, port: where to listen; every address by default, and port 0 is any free one.
    cert_dir: where the certificate lies, as cert-manager mounts it.
    cert_name, key_name: its files.
    client_ca: PEM file; given, only clients with a certificate of that authority are served.
    certificates: makes the files where nobody else does.
    cert_interval: seconds between looks at the files.
    """

    host: str | None = None
    port: int = DEFAULT_PORT
    cert_dir: Path = DEFAULT_CERT_DIR
    cert_name: str = "tls.crt"
    key_name: str = "tls.key"
    client_ca: Path | None = None
    certificates: CertificateSource | None = None
    cert_interval: float = INTERVAL

    @property
    def cert(self) -> Path:
        return self.cert_dir / self.cert_name

    @property
    def key(self) -> Path:
        return self.cert_dir / self.key_name


class WebhookServer:
    """A runnable of the manager, without a lease: every replica answers.

    Args:
        metrics: counts requests.
        options: see :class:`WebhookOptions`.

    Attributes:
        conversions: the kinds that are converted; served once there is one.
    """

    need_leader_election = False
    runnable_group: ClassVar = "webhooks"

    def __init__(self, metrics: Metrics, options: WebhookOptions | None = None) -> None:
        self.options = options or WebhookOptions()
        self.conversions = ConversionRegistry()
        self._metrics = metrics
        self._routes: dict[str, Handler] = {}
        self._server: HTTPServer | None = None

    def __repr__(self) -> str:
        return "webhook server"

    def register(self, path: str, handler: AdmissionHandler) -> None:
        """Serve an admission webhook. Before the start; ``ValueError`` for a path that is taken."""
        self.register_http(path, AdmissionEndpoint(handler, self._metrics))

    def register_conversions(self) -> None:
        """Serve :attr:`conversions`. Safe to call again."""
        if CONVERT_PATH not in self._routes:
            endpoint = ConversionEndpoint(self.conversions, self._metrics)
            self.register_http(CONVERT_PATH, endpoint)

    def register_http(self, path: str, handler: Handler) -> None:
        """Serve anything that is POSTed. As :meth:`register`."""
        if path in self._routes:
            raise ValueError(f"a webhook is served at {path} already")
        self._routes[path] = measured(path, handler, self._metrics)

    async def start(self) -> None:
        """Serve until cancelled; requests in progress are then finished.

        Raises ``OSError`` and ``ssl.SSLError`` for a certificate that cannot be used or an address
        that is taken.
        """
        options = self.options
        if options.certificates is not None:
            await options.certificates.ensure(options.cert, options.key)
        watcher = CertWatcher(
            options.cert, options.key, metrics=self._metrics, interval=options.cert_interval
        )
        if options.client_ca is not None:
            watcher.context.load_verify_locations(cafile=options.client_ca)
            watcher.context.verify_mode = ssl.CERT_REQUIRED
        bind = Bind(options.host, options.port)
        server = HTTPServer("webhook", self._app(), bind, tls=watcher.context)
        await server.start()
        self._server = server
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(watcher.start())
                if options.certificates is not None:
                    tasks.create_task(options.certificates.keep(options.cert, options.key))
        finally:
            self._server = None
            await server.stop()

    @property
    def address(self) -> str:
        """``host:port`` while it listens, else empty."""
        return self._server.address if self._server is not None else ""

    async def started_checker(self) -> None:
        """A readiness check: dials itself, and is content with any certificate.

        Raises ``CheckFailed`` when nobody answers.
        """
        if self._server is None:
            raise CheckFailed("the webhook server has not started")
        host, _, port = self.address.rpartition(":")
        here = host.strip("[]")
        # Bound to every address, it is dialled on loopback.
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(here, here)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            async with asyncio.timeout(DIAL_TIMEOUT):
                _, writer = await asyncio.open_connection(here, int(port), ssl=context)
        except (OSError, TimeoutError) as error:
            raise CheckFailed(f"the webhook server does not answer: {error}") from error
        writer.close()
        # With a client authority the server hangs up on us, which is an answer too.
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        for path, handler in self._routes.items():
            app.router.add_post(path, handler)
        return app
