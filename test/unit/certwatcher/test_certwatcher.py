"""Which certificate a client is shown, after the files changed in the ways that they do."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from druid_operator.pkg.certwatcher import CertWatcher
from druid_operator.pkg.listen import Bind, HTTPServer
from druid_operator.pkg.metrics import Metrics


class Volume:
    """A Secret volume as the kubelet keeps it: files are links into ``..data``, itself a link."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ca = trustme.CA()
        self._version = 0
        self.publish()
        for name in ("tls.crt", "tls.key"):
            (root / name).symlink_to(f"..data/{name}")

    @property
    def cert(self) -> Path:
        return self.root / "tls.crt"

    @property
    def key(self) -> Path:
        return self.root / "tls.key"

    def publish(self) -> bytes:
        """Write a new pair into a new folder and swap the link; returns the certificate as DER."""
        self._version += 1
        issued = self.ca.issue_cert("localhost")
        folder = self.root / f"..version-{self._version}"
        folder.mkdir()
        issued.cert_chain_pems[0].write_to_path(folder / "tls.crt")
        issued.private_key_pem.write_to_path(folder / "tls.key")
        (self.root / "..tmp").symlink_to(folder.name)
        os.replace(self.root / "..tmp", self.root / "..data")
        return ssl.PEM_cert_to_DER_cert((folder / "tls.crt").read_text())


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watcher(volume: Volume, metrics: Metrics) -> CertWatcher:
    return CertWatcher(volume.cert, volume.key, metrics=metrics, interval=0.01)


@pytest.fixture
async def shown(
    volume: Volume, watcher: CertWatcher
) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """The certificate that a client is shown which trusts the volume's CA."""
    server = HTTPServer("test", web.Application(), Bind("127.0.0.1", 0), tls=watcher.context)
    await server.start()
    client = ssl.create_default_context()
    volume.ca.configure_trust(client)

    async def ask() -> bytes:
        host, port = server.address.split(":")
        _, writer = await asyncio.open_connection(
            host, int(port), ssl=client, server_hostname="localhost"
        )
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        return der

    yield ask
    await server.stop()


def count(metrics: Metrics, what: str) -> float | None:
    return metrics.registry.get_sample_value(f"certwatcher_read_certificate_{what}")


async def test_c44_a_swapped_link_gives_new_connections_the_new_certificate(
    volume, watcher, shown
) -> None:
    before = await shown()
    published = volume.publish()
    assert watcher.check()
    assert await shown() == published != before


async def test_a_pair_written_in_place_within_one_clock_tick_is_seen(volume, watcher) -> None:
    stat = volume.cert.stat()
    issued = volume.ca.issue_cert("localhost")
    for path, pem in (
        (volume.cert, issued.cert_chain_pems[0]),
        (volume.key, issued.private_key_pem),
    ):
        path.write_bytes(pem.bytes())
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert watcher.check()


async def test_unchanged_files_are_not_loaded_again(volume, watcher, metrics) -> None:
    assert not watcher.check()
    os.utime(volume.cert)
    assert not watcher.check()
    assert (count(metrics, "total"), count(metrics, "errors_total")) == (3, 0)


async def test_a_pair_that_does_not_fit_is_refused_and_the_old_one_serves_on(
    volume, watcher, shown, metrics
) -> None:
    before = await shown()
    key = volume.key.read_bytes()
    volume.key.write_bytes(volume.ca.issue_cert("localhost").private_key_pem.bytes())
    with pytest.raises(ssl.SSLError):
        watcher.check()
    assert await shown() == before
    assert count(metrics, "errors_total") == 1
    volume.key.write_bytes(key)
    assert not watcher.check()


async def test_missing_files_are_an_error_at_the_start_and_later(volume, watcher, shown) -> None:
    before = await shown()
    with pytest.raises(FileNotFoundError):
        CertWatcher(volume.root / "none.crt", volume.key)
    (volume.root / "..data").unlink()
    with pytest.raises(FileNotFoundError):
        watcher.check()
    assert await shown() == before


async def test_the_runnable_survives_errors_and_loads_what_comes_after_them(
    volume, watcher, shown
) -> None:
    running = asyncio.ensure_future(watcher.start())
    link = os.readlink(volume.root / "..data")
    (volume.root / "..data").unlink()
    await asyncio.sleep(0.03)
    (volume.root / "..data").symlink_to(link)
    published = volume.publish()
    async with asyncio.timeout(5):
        while await shown() != published:
            pass
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
