"""Where the API server of an environment comes from: three answers to one protocol."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import attrs

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer
from druid_operator.pkg.envtest.binaries.assets import find_assets
from druid_operator.pkg.envtest.binaries.control_plane import ControlPlane
from druid_operator.pkg.envtest.binaries.options import ControlPlaneOptions
from druid_operator.pkg.envtest.dataplane import DataPlane, DataPlaneOptions
from druid_operator.pkg.envtest.requests import AuditLog, ServerRequest, from_embedded
from druid_operator.pkg.errors import TerminalError

BackendName: TypeAlias = Literal["embedded", "binaries", "existing"]
BACKENDS: tuple[BackendName, ...] = ("embedded", "binaries", "existing")

WITHOUT_CONTROLLERS = (
    "{source} has etcd and kube-apiserver only: nothing turns workloads into pods "
    "(`make envtest-assets` without KUBEBUILDER_ASSETS builds the rest)"
)


@attrs.frozen(kw_only=True)
class Capabilities:
    """What can be expected of a backend, for tests that must skip with a reason.

    Args:
        pods: workloads become pods, claims are bound, owned objects are collected.
        without_pods: why not, when they do not.
        requests: what the server was asked can be read (``Environment.requests``).
        faults: requests can be answered, held or cut by the test (``Environment.embedded``).
    """

    pods: bool
    without_pods: str = ""
    requests: bool = True
    faults: bool = False


class Backend(Protocol):
    """Started once, stopped once; ``kubeconfig`` and ``capabilities`` hold in between."""

    name: BackendName
    capabilities: Capabilities

    @property
    def kubeconfig(self) -> Path: ...

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def requests(self) -> list[ServerRequest]: ...


class EmbeddedBackend:
    """An API server in this process over real HTTP, with a simulated data plane."""

    name: BackendName = "embedded"

    def __init__(
        self, data_plane: DataPlaneOptions | None, server: EmbeddedAPIServer | None
    ) -> None:
        self._directory: Path | None = None
        self._stack = AsyncExitStack()
        # Without a data plane nobody would end a pod's grace.
        self.server = server or EmbeddedAPIServer(APIStore(graceful_pods=data_plane is not None))
        self.data_plane = DataPlane(self.server.store, data_plane) if data_plane else None
        self.capabilities = Capabilities(
            pods=data_plane is not None,
            without_pods="" if data_plane else "the environment was made with data_plane=False",
            faults=True,
        )

    @property
    def kubeconfig(self) -> Path:
        if self._directory is None:
            raise TerminalError("the environment is not started")
        return self._directory / "admin.kubeconfig"

    async def start(self) -> None:
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="envtest-"))
            self._stack.callback(shutil.rmtree, self._directory, ignore_errors=True)
            await self._stack.enter_async_context(self.server)
            self.server.kubeconfig(self.kubeconfig)
            if self.data_plane is not None:
                await self._stack.enter_async_context(self.data_plane)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        await self._stack.aclose()

    def requests(self) -> list[ServerRequest]:
        return [from_embedded(request) for request in self.server.requests]


class BinariesBackend:
    """The real thing: etcd and kube-apiserver, and where found what makes pods."""

    name: BackendName = "binaries"

    def __init__(self, options: ControlPlaneOptions, environ: Mapping[str, str]) -> None:
        assets = find_assets(environ)
        self.control_plane = ControlPlane(assets, options)
        self._audit_log: AuditLog | None = None
        self.capabilities = Capabilities(
            pods=assets.makes_pods,
            without_pods=""
            if assets.makes_pods
            else WITHOUT_CONTROLLERS.format(source=assets.source),
        )

    @property
    def kubeconfig(self) -> Path:
        return self.control_plane.kubeconfig

    async def start(self) -> None:
        await self.control_plane.start()

    async def stop(self) -> None:
        await self.control_plane.stop()

    def requests(self) -> list[ServerRequest]:
        if self._audit_log is None:
            self._audit_log = AuditLog(self.control_plane.audit_log)
        return self._audit_log.read()


class ExistingBackend:
    """A cluster that somebody else runs: ``KUBECONFIG``, else ``~/.kube/config``. Never stopped."""

    name: BackendName = "existing"

    def __init__(self, environ: Mapping[str, str]) -> None:
        named = environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        self._kubeconfig = Path(named)
        if not self._kubeconfig.is_file():
            raise TerminalError(
                f"USE_EXISTING_CLUSTER: {named} is no file; set KUBECONFIG to one kubeconfig file"
            )
        self.capabilities = Capabilities(pods=True, requests=False)

    @property
    def kubeconfig(self) -> Path:
        return self._kubeconfig

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def requests(self) -> list[ServerRequest]:
        raise TerminalError("what an existing cluster was asked cannot be read")
