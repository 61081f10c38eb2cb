"""Starting and stopping a whole control plane: etcd, kube-apiserver and, where found, the rest.

Ready in about 4 s on two idle cores: the API server answers, the nodes are Ready and untainted, the
``default`` ServiceAccount and the default StorageClass ``standard`` exist.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from importlib import resources
from pathlib import Path
from typing import TypeVar

import attrs

from druid_operator.pkg.client import RestClient, RestConfig, Transport, load_config
from druid_operator.pkg.envtest.binaries import flags
from druid_operator.pkg.envtest.binaries.assets import Assets
from druid_operator.pkg.envtest.binaries.certs import CertificateAuthority, write_control_plane
from druid_operator.pkg.envtest.binaries.flags import Layout, Ports
from druid_operator.pkg.envtest.binaries.options import ControlPlaneOptions, audit_policy
from druid_operator.pkg.envtest.binaries.processes import Processes, ProcessFailed
from druid_operator.pkg.envtest.binaries.volumes import remove_directories
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.kubeconfig import write_kubeconfig
from druid_operator.pkg.envtest.world import node, storage_class
from druid_operator.pkg.errors import AlreadyExists
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import NODE, SERVICE_ACCOUNT

T = TypeVar("T")

# A free port is chosen before its server binds it, so another program may take it in between.
PORT_ATTEMPTS = 3
PORT_TAKEN = "address already in use"


class ControlPlane:
    """One control plane in one directory; an async context manager.

    A failed start stops what it started and keeps the logs; a stop removes the directory.

    Args:
        directory: made if missing; by default a new temporary one.
    """

    def __init__(
        self,
        assets: Assets,
        options: ControlPlaneOptions | None = None,
        *,
        directory: Path | None = None,
    ) -> None:
        self._assets = assets
        self._options = options or ControlPlaneOptions()
        self._directory = directory
        self._authority = CertificateAuthority()
        self._layout: Layout | None = None
        self._processes: Processes | None = None

    async def __aenter__(self) -> ControlPlane:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def directory(self) -> Path:
        """Where everything of this control plane is: logs, data, certificates."""
        return _started(self._directory)

    @property
    def layout(self) -> Layout:
        """Its ports and files."""
        return _started(self._layout)

    @property
    def server(self) -> str:
        """``https://127.0.0.1:port``."""
        return self.layout.server

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.layout.kubeconfig("admin")

    @property
    def audit_log(self) -> Path:
        return self.directory / "audit.log"

    def add_user(self, user: str, *groups: str) -> Path:
        """A kubeconfig for a user known by client certificate; RBAC decides what it may do."""
        return self._write_kubeconfig(user.replace(":", "-"), user, *groups)

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            ProcessFailed: a component ended or did not become healthy in time.
            NotReached: the nodes or the default ServiceAccount did not come in time.
        """
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="envtest-"))
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._processes = Processes(self.directory, attach_output=self._options.attach_output)
        write_control_plane(self._authority, self.directory / "certs")
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._layout = Layout(self.directory, Ports(*_free_ports(6)))
            try:
                await self._start_components()
            except ProcessFailed as error:
                await self._stop_processes()
                if PORT_TAKEN not in str(error) or attempt == PORT_ATTEMPTS:
                    raise ProcessFailed(f"{error}\n(logs are kept in {self.directory})") from error
                shutil.rmtree(self.directory / "etcd", ignore_errors=True)
            except BaseException:
                await self._stop_processes()
                raise
            else:
                return

    async def stop(self) -> None:
        """Stop everything and remove the directory. Does nothing if it was never started."""
        if self._processes is not None:
            try:
                if self._assets.makes_pods and self.kubeconfig.exists():
                    await remove_directories(load_config(str(self.kubeconfig)))
            finally:
                await self._stop_processes()
                shutil.rmtree(self.directory, ignore_errors=True)

    async def _stop_processes(self) -> None:
        await _started(self._processes).stop(timeout=self._options.stop_timeout)

    async def _start_components(self) -> None:
        layout, options, processes = self.layout, self._options, _started(self._processes)
        self._write_kubeconfig("admin", "admin", "system:masters")
        self._write_kubeconfig("controller-manager", "system:kube-controller-manager")
        self._write_kubeconfig("scheduler", "system:kube-scheduler")
        audit = options.audit != "None"
        if audit:
            policy = json.dumps(audit_policy(options.audit))
            (self.directory / "audit-policy.json").write_text(policy)
        processes.start("etcd", [self._assets.etcd, *flags.etcd(layout)], tier=0)
        await self._healthy("etcd", RestConfig(host=f"http://127.0.0.1:{layout.ports.etcd}"))
        processes.start(
            "kube-apiserver",
            [
                self._assets.kube_apiserver,
                *flags.kube_apiserver(
                    layout, audit=audit, emulated_version=options.emulated_version
                ),
                *options.apiserver_args,
            ],
            tier=1,
        )
        admin = load_config(str(self.kubeconfig))
        await self._healthy("kube-apiserver", admin, "/readyz")
        if self._assets.makes_pods:
            await self._start_controllers(admin)

    async def _start_controllers(self, admin: RestConfig) -> None:
        layout, assets, start = self.layout, self._assets, _started(self._processes).start
        assert assets.kube_controller_manager is not None
        assert assets.kube_scheduler is not None
        assert assets.kwok is not None
        version = self._options.emulated_version
        manager = flags.kube_controller_manager(layout, emulated_version=version)
        start("kube-controller-manager", [assets.kube_controller_manager, *manager], tier=2)
        scheduler = flags.kube_scheduler(layout, emulated_version=version)
        start("kube-scheduler", [assets.kube_scheduler, *scheduler], tier=2)
        transport = Transport(admin)
        try:
            client = RestClient(transport, Scheme())
            storage = storage_class(self._options.volume_binding)
            # Before KWOK starts, so that its first list has them.
            for obj in (*map(node, range(self._options.nodes)), storage):
                try:
                    await client.create(obj)
                except AlreadyExists:
                    pass  # a second attempt on the same etcd data
            stages = self.directory / "stages.yaml"
            package = resources.files("druid_operator.pkg.envtest.binaries")
            stages.write_bytes(package.joinpath("stages.yaml").read_bytes())
            start("kwok", [assets.kwok, *flags.kwok(layout, stages)], tier=2)
            ports = layout.ports
            for name, port in (
                ("kube-controller-manager", ports.controller_manager),
                ("kube-scheduler", ports.scheduler),
            ):
                own = attrs.evolve(admin, host=f"https://127.0.0.1:{port}")
                await self._healthy(name, own, "/healthz")
            await self._healthy(
                "kwok", RestConfig(host=f"http://127.0.0.1:{ports.kwok}"), "/healthz"
            )
            await eventually(
                lambda: _usable(client, self._options.nodes),
                timeout=self._options.start_timeout,
                interval=0.05,
                what="nodes Ready and the default ServiceAccount there",
            )
        finally:
            await transport.close()

    async def _healthy(self, name: str, config: RestConfig, path: str = "/health") -> None:
        transport = Transport(config)
        try:
            await _started(self._processes).healthy(
                name,
                lambda: transport.request("GET", path, timeout=5.0),
                timeout=self._options.start_timeout,
            )
        finally:
            await transport.close()

    def _write_kubeconfig(self, name: str, user: str, *groups: str) -> Path:
        return write_kubeconfig(
            self.layout.kubeconfig(name),
            self.server,
            authority=self._authority.certificate,
            user=user,
            pair=self._authority.client(user, *groups),
        )


def _started(part: T | None) -> T:
    if part is None:
        raise ProcessFailed("the control plane is not started")
    return part


async def _usable(client: RestClient, nodes: int) -> bool:
    await client.get(SERVICE_ACCOUNT, NamespacedName("default", "default"))
    for obj in await client.list(NODE):
        conditions = obj["status"].get("conditions", ())
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        # The node controller takes its not-ready taint away a moment after the node became Ready.
        nodes -= ready and not obj["spec"].get("taints")
    return nodes == 0


def _free_ports(count: int) -> list[int]:
    """Distinct free ports: all are held until the last one is chosen."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
