"""A Kubernetes API to test against: one face, whatever stands behind it.

    async with Environment(crds=["config/crd/bases"]) as env:
        namespace = await env.add_namespace()
        await env.client.create({...})

The environment variables are those of Go's envtest: ``USE_EXISTING_CLUSTER``,
``KUBEBUILDER_ASSETS``, ``TEST_ASSET_*``, ``KUBEBUILDER_CONTROLPLANE_START_TIMEOUT`` and
``_STOP_TIMEOUT``, ``KUBEBUILDER_ATTACH_CONTROL_PLANE_OUTPUT``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from druid_operator.pkg.client import RestClient, RestConfig, Transport, load_config
from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer
from druid_operator.pkg.envtest.backend import (
    Backend,
    BackendName,
    BinariesBackend,
    Capabilities,
    EmbeddedBackend,
    ExistingBackend,
)
from druid_operator.pkg.envtest.binaries.control_plane import ControlPlane
from druid_operator.pkg.envtest.binaries.options import ControlPlaneOptions
from druid_operator.pkg.envtest.crds import CRDSource, install_crds, load_crds, served_resources
from druid_operator.pkg.envtest.dataplane import DataPlane, DataPlaneOptions
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.requests import ServerRequest
from druid_operator.pkg.errors import NotFound, TerminalError
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.meta.duration import parse_seconds
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import NAMESPACE, SERVICE_ACCOUNT


class Environment:
    """A started control plane with CRDs installed; an async context manager.

    Args:
        crds: files, folders or objects. Installed, established and served when the start returns.
        backend: by default ``existing`` if ``USE_EXISTING_CLUSTER=true``, else ``embedded``.
        data_plane: how the embedded backend turns workloads into pods; ``False``: not at all.
        server: the API server of the embedded backend, if not a new one with defaults.
        control_plane: how the ``binaries`` backend is started; timeouts in ``environ`` win. By
            default with an audit log, for :meth:`requests`.
        environ: where the environment variables are read.

    Raises:
        AssetsMissing: the backend is ``binaries`` and they are not here.
        TerminalError: a setting cannot be used; the message names it.
    """

    def __init__(
        self,
        crds: Iterable[CRDSource] = (),
        *,
        backend: BackendName | None = None,
        data_plane: bool | DataPlaneOptions = True,
        server: EmbeddedAPIServer | None = None,
        control_plane: ControlPlaneOptions | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._crds = load_crds(crds)
        chosen = backend or default_backend(environ)
        self._backend: Backend
        if chosen == "embedded":
            simulated = DataPlaneOptions() if data_plane is True else data_plane or None
            self._backend = EmbeddedBackend(simulated, server)
        elif chosen == "binaries":
            options = options_from(environ, control_plane or ControlPlaneOptions(audit="Metadata"))
            self._backend = BinariesBackend(options, environ)
        else:
            self._backend = ExistingBackend(environ)
        self._client: RestClient | None = None

    async def __aenter__(self) -> Environment:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the backend and install the CRDs; on failure nothing is left running."""
        await self._backend.start()
        try:
            resources = [resource for crd in self._crds for resource in served_resources(crd)]
            transport = Transport(self.rest_config(), user_agent="envtest")
            self._client = RestClient(transport, Scheme(resources=resources))
            await install_crds(self._client, self._crds)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close the client and stop the backend. What was created in an existing cluster stays."""
        client, self._client = self._client, None
        try:
            if client is not None:
                await client.transport.close()
        finally:
            await self._backend.stop()

    @property
    def backend(self) -> BackendName:
        return self._backend.name

    @property
    def capabilities(self) -> Capabilities:
        return self._backend.capabilities

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig file: for the operator under test, and for kubectl."""
        return self._backend.kubeconfig

    def rest_config(self) -> RestConfig:
        """The same, loaded. Each call loads it anew, so nothing is shared between clients."""
        return load_config(str(self.kubeconfig))

    @property
    def client(self) -> RestClient:
        """A live client for tests: dictionaries, no cache, the installed kinds registered."""
        if self._client is None:
            raise TerminalError("the environment is not started")
        return self._client

    @property
    def embedded(self) -> EmbeddedAPIServer:
        """The embedded server, for its request log and faults. Raises on other backends."""
        if not isinstance(self._backend, EmbeddedBackend):
            raise TerminalError(f"the {self.backend} backend has no embedded API server")
        return self._backend.server

    @property
    def data_plane(self) -> DataPlane:
        """The simulated data plane. Raises where there is none."""
        if not isinstance(self._backend, EmbeddedBackend) or self._backend.data_plane is None:
            raise TerminalError(f"the {self.backend} backend has no simulated data plane")
        return self._backend.data_plane

    @property
    def control_plane(self) -> ControlPlane:
        """The real control plane, for its users and audit log. Raises on other backends."""
        if not isinstance(self._backend, BinariesBackend):
            raise TerminalError(f"the {self.backend} backend started no control plane")
        return self._backend.control_plane

    def requests(self, *, user_agent: str = "") -> list[ServerRequest]:
        """Every request that the server was sent so far, by clients of that kind.

        Args:
            user_agent: its beginning; the environment's own client calls itself ``envtest``.

        Raises:
            TerminalError: an existing cluster's requests cannot be read.
        """
        return [r for r in self._backend.requests() if r.user_agent.startswith(user_agent)]

    async def add_namespace(self, prefix: str = "test") -> str:
        """Make a namespace of its own for a test and answer its name, once pods can live in it."""
        namespace: JSON = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"generateName": f"{prefix}-", "labels": {"envtest": "true"}},
        }
        made = await self.client.create(namespace)
        name: str = made["metadata"]["name"]
        if self.capabilities.pods:
            # Until then the ServiceAccount admission plugin refuses pods.
            key = NamespacedName(name, "default")
            await eventually(lambda: self.client.get(SERVICE_ACCOUNT, key))
        return name

    async def remove_namespace(self, name: str) -> None:
        """Ask for a namespace's deletion without waiting: a real one takes 5 to 16 s."""
        try:
            await self.client.delete(NAMESPACE, NamespacedName("", name))
        except NotFound:
            pass


def default_backend(environ: Mapping[str, str]) -> BackendName:
    """``existing`` when ``USE_EXISTING_CLUSTER`` is true in Go's sense, else ``embedded``."""
    return "existing" if _go_bool("USE_EXISTING_CLUSTER", environ) else "embedded"


def options_from(environ: Mapping[str, str], options: ControlPlaneOptions) -> ControlPlaneOptions:
    """Go envtest's settings over ours. Raises ``TerminalError`` for one that cannot be read."""
    changes: dict[str, float | bool] = {}
    for field in ("start_timeout", "stop_timeout"):
        variable = f"KUBEBUILDER_CONTROLPLANE_{field.upper()}"
        if text := environ.get(variable):
            try:
                changes[field] = parse_seconds(text)
            except ValueError as error:
                raise TerminalError(f"{variable}: {error}") from error
    if _go_bool("KUBEBUILDER_ATTACH_CONTROL_PLANE_OUTPUT", environ):
        changes["attach_output"] = True
    return attrs.evolve(options, **changes)  # type: ignore[arg-type]  # keyed by field name


def _go_bool(variable: str, environ: Mapping[str, str]) -> bool:
    text = environ.get(variable, "")
    # strconv.ParseBool's words.
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("", "0", "f", "F", "false", "FALSE", "False"):
        return False
    raise TerminalError(f"{variable}: {text!r} is neither true nor false")
