"""The command lines of the five components: pure functions of where things are.

Only what differs from a default is set, and each line that is not obvious says why.
"""

from __future__ import annotations

from pathlib import Path

import attrs

SERVICE_CIDR = "10.96.0.0/16"
POD_CIDR = "10.0.0.1/16"
# The clients' default limits (20 and 30 requests a second) would throttle a test for seconds.
UNTHROTTLED = ("--kube-api-qps=500", "--kube-api-burst=1000")


@attrs.frozen
class Ports:
    """One free port on 127.0.0.1 each."""

    etcd: int
    etcd_peer: int
    api_server: int
    controller_manager: int
    scheduler: int
    kwok: int


@attrs.frozen
class Layout:
    """A control plane's directory, and the ports of its components."""

    directory: Path
    ports: Ports

    @property
    def certs(self) -> Path:
        return self.directory / "certs"

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.ports.api_server}"

    def kubeconfig(self, user: str) -> Path:
        return self.directory / f"{user}.kubeconfig"


def etcd(layout: Layout) -> list[str]:
    client = f"http://127.0.0.1:{layout.ports.etcd}"
    peer = f"http://127.0.0.1:{layout.ports.etcd_peer}"
    return [
        "--name=envtest",
        f"--data-dir={layout.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=envtest={peer}",
        "--unsafe-no-fsync",  # nothing here need survive a power cut
        "--log-level=warn",
    ]


def kube_apiserver(layout: Layout, *, audit: bool, emulated_version: str) -> list[str]:
    certs = layout.certs
    flags = [
        f"--etcd-servers=http://127.0.0.1:{layout.ports.etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={layout.ports.api_server}",
        "--endpoint-reconciler-type=none",  # a loopback address is not valid in Endpoints
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--tls-cert-file={certs / 'apiserver.crt'}",
        f"--tls-private-key-file={certs / 'apiserver.key'}",
        f"--client-ca-file={certs / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={certs / 'sa.pub'}",
        f"--service-account-signing-key-file={certs / 'sa.key'}",
        # To the simulated kubelet: `kubectl logs`.
        f"--kubelet-certificate-authority={certs / 'ca.crt'}",
        f"--kubelet-client-certificate={certs / 'kubelet-client.crt'}",
        f"--kubelet-client-key={certs / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        # For aggregated APIs.
        f"--requestheader-client-ca-file={certs / 'ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={certs / 'front-proxy.crt'}",
        f"--proxy-client-key-file={certs / 'front-proxy.key'}",
    ]
    if audit:
        flags += [
            f"--audit-policy-file={layout.directory / 'audit-policy.json'}",
            f"--audit-log-path={layout.directory / 'audit.log'}",
            # Mebibytes; 100 by default, which one long session passes: what is turned over is lost.
            "--audit-log-maxsize=4096",
        ]
    return flags + _emulated(emulated_version)


def kube_controller_manager(layout: Layout, *, emulated_version: str) -> list[str]:
    certs = layout.certs
    return [
        *_component(layout, "controller-manager", layout.ports.controller_manager),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={certs / 'sa.key'}",
        f"--root-ca-file={certs / 'ca.crt'}",
        f"--cluster-signing-cert-file={certs / 'ca.crt'}",
        f"--cluster-signing-key-file={certs / 'ca.key'}",
        "--enable-hostpath-provisioner=true",  # what binds claims here
        f"--flex-volume-plugin-dir={layout.directory / 'flex'}",  # the default is not ours to write
        "--pvclaimbinder-sync-period=2s",
        "--horizontal-pod-autoscaler-sync-period=5s",
        *_emulated(emulated_version),
    ]


def kube_scheduler(layout: Layout, *, emulated_version: str) -> list[str]:
    return [
        *_component(layout, "scheduler", layout.ports.scheduler),
        *_emulated(emulated_version),
    ]


def kwok(layout: Layout, stages: Path) -> list[str]:
    port = layout.ports.kwok
    return [
        f"--kubeconfig={layout.kubeconfig('admin')}",
        f"--config={stages}",
        "--manage-all-nodes=true",
        f"--cidr={POD_CIDR}",
        "--node-ip=127.0.0.1",
        f"--node-port={port}",
        f"--server-address=127.0.0.1:{port}",
        f"--tls-cert-file={layout.certs / 'kubelet.crt'}",
        f"--tls-private-key-file={layout.certs / 'kubelet.key'}",
        "--node-lease-duration-seconds=40",
    ]


def _component(layout: Layout, user: str, port: int) -> list[str]:
    kubeconfig = layout.kubeconfig(user)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={layout.certs / 'apiserver.crt'}",
        f"--tls-private-key-file={layout.certs / 'apiserver.key'}",
        "--leader-elect=false",
        *UNTHROTTLED,
    ]


def _emulated(version: str) -> list[str]:
    return [f"--emulated-version={version}"] if version else []
