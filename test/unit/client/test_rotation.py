"""C43, C44: tokens and certificates change under a running client, and nothing has to restart."""

from __future__ import annotations

import asyncio
import ssl
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from druid_operator.pkg.client import ConfigError, RestConfig, Transport, load_config
from druid_operator.pkg.client.credentials import TokenFile
from druid_operator.pkg.errors import RequestNotSent


class Door:
    """A server that lets in who shows the right token or certificate, and keeps watches open."""

    def __init__(self) -> None:
        self.token = ""
        self.common_names: list[str] = []
        self.requests: list[str] = []
        self.watching: asyncio.Event = asyncio.Event()
        self.end = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        certificate = request.transport.get_extra_info("peercert")
        if certificate:
            self.common_names.append(
                dict(pair[0] for pair in certificate["subject"]).get("organizationalUnitName", "")
            )
        said = request.headers.get("Authorization", "")
        self.requests.append(said)
        if self.token and said != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "code": 401}, status=401)
        if request.path != "/watch":
            return web.json_response({})
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{}\n")
        self.watching.set()
        await self.end.wait()
        await response.write(b"{}\n")
        return response


@asynccontextmanager
async def open_door(door: Door, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", door.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=tls)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        door.end.set()
        await server.close()


async def test_c43_rotated_token_is_read_after_a_401_and_watches_go_on(tmp_path: Path) -> None:
    door, file = Door(), tmp_path / "token"
    door.token = "old"
    file.write_text("old")
    async with open_door(door) as url:
        transport = Transport(RestConfig(host=url, credentials=TokenFile(file)))
        async with transport.stream("/watch", {}, idle=30) as chunks:
            assert await anext(chunks) == b"{}\n"
            door.token = "new"
            file.write_text("new")
            await transport.request("GET", "/x")
            assert door.requests[1:] == ["Bearer old", "Bearer new"]
            door.end.set()
            assert await anext(chunks) == b"{}\n"
        await transport.close()


def files_of(folder: Path, authority: trustme.CA, name: str) -> dict[str, Path]:
    certificate = authority.issue_cert(f"{name}@example.com", organization_unit_name=name)
    paths = {"ca": folder / "ca.pem", "cert": folder / "cert.pem", "key": folder / "key.pem"}
    paths["ca"].write_bytes(authority.cert_pem.bytes())
    paths["cert"].write_bytes(certificate.cert_chain_pems[0].bytes())
    paths["key"].write_bytes(certificate.private_key_pem.bytes())
    return paths


def server_tls(authority: trustme.CA, clients: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    clients.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def kubeconfig(folder: Path, url: str, paths: dict[str, Path]) -> Path:
    written = folder / "kubeconfig"
    written.write_text(yaml.safe_dump({
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {
            "server": url, "certificate-authority": str(paths["ca"]),
        }}],
        "users": [{"name": "a", "user": {
            "client-certificate": str(paths["cert"]), "client-key": str(paths["key"]),
        }}],
    }))  # fmt: skip
    return written


async def test_c43_rotated_client_certificate_is_shown_after_a_401(tmp_path: Path) -> None:
    authority, door = trustme.CA(), Door()
    paths = files_of(tmp_path, authority, "old")
    async with open_door(door, server_tls(authority, authority)) as url:
        transport = Transport(load_config(str(kubeconfig(tmp_path, url, paths))))
        await transport.request("GET", "/x")
        files_of(tmp_path, authority, "new")
        await transport.request("GET", "/x")
        assert door.common_names == ["old", "old"]
        door.token = "of nobody: the old certificate has expired"
        with pytest.raises(Exception, match="401"):
            await transport.request("GET", "/x")
        assert door.common_names[2:] == ["old", "new"]
        await transport.close()


async def test_c44_rotated_authority_is_believed_without_a_restart(tmp_path: Path) -> None:
    first, second = trustme.CA(), trustme.CA()
    paths = files_of(tmp_path, first, "me")
    door = Door()
    async with open_door(door, server_tls(second, first)) as url:
        transport = Transport(load_config(str(kubeconfig(tmp_path, url, paths))))
        with pytest.raises(RequestNotSent, match="certificate verify failed"):
            await transport.request("GET", "/x")
        paths["ca"].write_bytes(first.cert_pem.bytes() + second.cert_pem.bytes())
        await transport.request("POST", "/x", body=b"{}")
        await transport.close()


async def test_half_rotated_pair_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    authority = trustme.CA()
    paths = files_of(tmp_path, authority, "old")
    config = load_config(str(kubeconfig(tmp_path, "https://127.0.0.1:1", paths)))
    assert config.tls_files is not None
    assert not config.tls_files.refresh()
    paths["cert"].write_bytes(authority.issue_cert("other@x.org").cert_chain_pems[0].bytes())
    assert not config.tls_files.refresh()
    files_of(tmp_path, authority, "new")
    assert config.tls_files.refresh()


PLUGIN = """#!{python}
import json, os, pathlib, sys
runs = pathlib.Path(__file__).with_suffix(".runs")
runs.write_text((runs.read_text() if runs.exists() else "") + os.environ["GREETING"] + "\\n")
count = len(runs.read_text().splitlines())
if count > 2:
    print("no more tokens", file=sys.stderr)
    sys.exit(3)
assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["kind"] == "ExecCredential"
print(json.dumps({{
    "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
    "status": {{"token": f"token-{{count}}", "expirationTimestamp": "2999-01-01T00:00:00Z"}},
}}))
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    script = tmp_path / "plugin.py"
    script.write_text(PLUGIN.format(python=sys.executable))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


async def test_c43_exec_plugin_runs_once_and_again_after_a_401(
    tmp_path: Path, plugin: Path
) -> None:
    door = Door()
    door.token = "token-1"
    async with open_door(door) as url:
        written = tmp_path / "kubeconfig"
        written.write_text(yaml.safe_dump({
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "clusters": [{"name": "a", "cluster": {"server": url}}],
            "users": [{"name": "a", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin),
                "env": [{"name": "GREETING", "value": "hello"}], "interactiveMode": "Never",
            }}}],
        }))  # fmt: skip
        transport = Transport(load_config(str(written)))
        await transport.request("GET", "/x")
        await transport.request("GET", "/x")
        door.token = "token-2"
        await transport.request("GET", "/x")
        assert door.requests == [f"Bearer token-{n}" for n in (1, 1, 1, 2)]
        door.token = "token-3"
        with pytest.raises(ConfigError, match="context 'a'"):
            await transport.request("GET", "/x")
        await transport.close()


async def test_closing_leaves_no_connection_of_before_a_rotation(tmp_path: Path) -> None:
    authority, door = trustme.CA(), Door()
    paths = files_of(tmp_path, authority, "old")
    async with open_door(door, server_tls(authority, authority)) as url:
        transport = Transport(load_config(str(kubeconfig(tmp_path, url, paths))))
        async with transport.stream("/watch", {}, idle=30) as chunks:
            await anext(chunks)
            files_of(tmp_path, authority, "new")
            await transport._look_at_tls_files(force=True)
            await transport.request("GET", "/x")
            assert door.common_names == ["old", "new"]
            sessions = [*transport._sessions._pools.values(), *transport._sessions._retired]
            assert len(sessions) == 2
            await transport.close()
        assert all(pool.session.closed for pool in sessions)
