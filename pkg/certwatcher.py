"""Keeps a server's certificate fresh: when the files change, the same ``SSLContext`` loads them
anew.

New connections get the new certificate, open ones keep theirs, and nothing restarts.

The files are read every ten seconds and compared by content. File events and times were rejected:
what matters is a Secret mounted as a volume, where the kubelet swaps a symbolic link, which a watch
of the file does not see, and a write within the clock's resolution shows in no time stamp. Two
small files cost nothing to read.

A pair that does not fit together (one file is written, the other not yet) is refused, counted, and
tried again at the next look; the old certificate serves on.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path

from druid_operator.pkg import log
from druid_operator.pkg.metrics import Metrics

#: Seconds between looks. Source: controller-runtime ``certwatcher.defaultWatchInterval``.
INTERVAL = 10.0


class CertWatcher:
    """One certificate and its key, as a runnable.

    Args:
        cert, key: PEM files; the certificate's holds its chain too.
        metrics: counts reads and failures.
        interval: seconds between looks.

    Attributes:
        context: for the server; settings made on it (client certificates, ALPN) stay.

    Raises:
        OSError: a file is not there.
        ssl.SSLError: the files are no certificate with its key.
    """

    need_leader_election = False

    def __init__(
        self,
        cert: Path,
        key: Path,
        *,
        metrics: Metrics | None = None,
        interval: float = INTERVAL,
    ) -> None:
        self._cert = cert
        self._key = key
        self._interval = interval
        self._metrics = metrics
        self._loaded = b""
        self.context = server_context()
        self.check()

    def __repr__(self) -> str:
        return f"certificate watcher of {self._cert}"

    async def start(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                self.check()
            except (OSError, ssl.SSLError) as error:
                log.logger().error("Certificate not loaded", path=str(self._cert), error=error)

    def check(self) -> bool:
        """Look once, and load the files if they changed. True when they did.

        Raises:
            OSError, ssl.SSLError: they cannot be used; what was loaded before stays in use.
        """
        if self._metrics is not None:
            self._metrics.certwatcher_read_certificate_total.inc()
        try:
            return self._load_if_changed()
        except (OSError, ssl.SSLError):
            if self._metrics is not None:
                self._metrics.certwatcher_read_certificate_errors_total.inc()
            raise

    def _load_if_changed(self) -> bool:
        # Links are followed once, so that a swap in the middle cannot give the certificate of one
        # version and the key of another.
        cert, key = self._cert.resolve(), self._key.resolve()
        found = hashlib.sha256(cert.read_bytes() + b"\0" + key.read_bytes()).digest()
        if found == self._loaded:
            return False
        # Tried on another context first: a failure half way through would leave the one in use with
        # a certificate and no key.
        server_context().load_cert_chain(cert, key)
        self.context.load_cert_chain(cert, key)
        self._loaded = found
        log.logger().info("Loaded certificate", path=str(self._cert))
        return True


def server_context() -> ssl.SSLContext:
    """The server's side of TLS, 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
