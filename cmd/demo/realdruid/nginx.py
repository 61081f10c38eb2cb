"""nginx on loopback as a reverse proxy: https, basic authentication, client certificates.

A router is often behind one. This one lets nobody in who lacks the password or the certificate, and
its access log says who came.
"""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import secrets
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import attrs

from druid_operator.cmd.demo.realdruid.ports import HOST
from druid_operator.cmd.demo.realdruid.readiness import check_port
from druid_operator.pkg.envtest.binaries.certs import KeyPair, write_private
from druid_operator.pkg.envtest.binaries.processes import Processes
from druid_operator.pkg.errors import OperatorError

NAME = "nginx"
# Measured: 0.1 s.
START_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0
# Where distributions put it: the PATH of an ordinary user often lacks them.
_SBIN = ("/usr/sbin", "/usr/local/sbin")
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class NginxMissing(OperatorError):
    """No nginx here; the message says how to get one."""


def find_nginx(environ: Mapping[str, str] = os.environ) -> Path:
    """The ``nginx`` command. Raises ``NginxMissing``."""
    where = os.pathsep.join((environ.get("PATH", os.defpath), *_SBIN))
    found = shutil.which("nginx", path=where)
    if found is None:
        raise NginxMissing(
            f"nginx is needed, and there is none in {where}: on Debian, "
            "`apt-get install --no-install-recommends nginx-light`"
        )
    return Path(found)


@attrs.frozen
class Doors:
    """Who gets in.

    Args:
        server: the certificate that is shown.
        client_authority: PEM; whose certificates are asked for.
    """

    server: KeyPair
    client_authority: bytes
    user: str
    password: str = attrs.field(repr=False)


@attrs.frozen
class Visit:
    """One line of the access log: ``certificate`` is a subject, both are empty for nobody."""

    status: int
    user: str
    certificate: str
    request: str


class Nginx:
    """One proxy in one directory; an async context manager.

    Args:
        upstream: URL that everything is passed to.
        directory: for configuration, keys and logs; made if missing, and kept.

    Raises:
        NginxMissing: from construction.
        ProcessFailed: from starting, with nginx's own words.
    """

    def __init__(self, upstream: str, directory: Path, doors: Doors, *, port: int) -> None:
        self._binary = find_nginx()
        self._upstream = upstream
        self._directory = directory
        self._doors = doors
        self._port = port
        self._processes = Processes(directory)

    async def __aenter__(self) -> Nginx:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._processes.stop, timeout=STOP_TIMEOUT)
            self._write()
            command = [str(self._binary), "-p", str(self._directory), "-e", "stderr"]
            command += ["-c", str(self._directory / "nginx.conf")]
            self._processes.start(NAME, command, tier=0, cwd=self._directory)
            await self._processes.healthy(
                NAME, lambda: check_port(self._port), timeout=START_TIMEOUT
            )
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._processes.stop(timeout=STOP_TIMEOUT)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self._port}"

    def visits(self) -> list[Visit]:
        """Everybody who asked for something so far, oldest first."""
        lines = (self._directory / "access.log").read_text().splitlines()
        rows = (line.split("\t") for line in lines)
        return [Visit(int(s), *(_said(t) for t in rest)) for s, *rest in rows]

    def _write(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._doors.server.write(self._directory, "server")
        (self._directory / "clients.crt").write_bytes(self._doors.client_authority)
        entry = f"{self._doors.user}:{_hashed(self._doors.password)}\n"
        write_private(self._directory / "users", entry.encode())
        (self._directory / "nginx.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        # Started by root its workers would be nobody, who may read nothing in the directory.
        user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
        temporary = "\n  ".join(f"{name}_temp_path tmp-{name};" for name in _TEMPORARY)
        return f"""\
daemon off;
{user}
pid nginx.pid;
worker_processes 1;
events {{}}
http {{
  {temporary}
  log_format visits '$status\\t$remote_user\\t$ssl_client_s_dn\\t$request';
  access_log access.log visits;
  server {{
    listen {HOST}:{self._port} ssl;
    ssl_certificate {self._directory}/server.crt;
    ssl_certificate_key {self._directory}/server.key;
    ssl_client_certificate {self._directory}/clients.crt;
    ssl_verify_client on;
    auth_basic "Druid";
    auth_basic_user_file {self._directory}/users;
    # Specs of supervisors are larger than the 1 MiB that is allowed by default.
    client_max_body_size 0;
    location / {{
      proxy_pass {self._upstream};
      proxy_http_version 1.1;
      # Druid must not take the proxy's user for one of its own.
      proxy_set_header Authorization "";
    }}
  }}
}}
"""


def _hashed(password: str) -> str:
    """As nginx's ``auth_basic_user_file`` takes it: RFC 2307's salted SHA-1."""
    salt = secrets.token_bytes(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _said(text: str) -> str:
    return "" if text == "-" else text
