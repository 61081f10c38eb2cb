"""Where the API server is and how to be let in: one value, from a kubeconfig or from inside a pod.

Order, as in controller-runtime: an explicit path, ``KUBECONFIG``, in-cluster, ``~/.kube/config``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import attrs

from druid_operator.pkg.client.credentials import Credentials, NoCredentials, TokenFile
from druid_operator.pkg.client.tls import TLSFiles
from druid_operator.pkg.errors import TerminalError

SERVICE_ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConfigError(TerminalError):
    """No usable configuration: the message says which file and which entry."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="InvalidConfig")


@attrs.frozen(kw_only=True)
class RestConfig:
    """All that the transport needs.

    Args:
        host: ``scheme://host:port`` with an optional path prefix, no trailing slash.
        ssl: the TLS context, with the client certificate loaded; ``None`` for plain HTTP.
        tls_files: the files behind ``ssl``, when somebody else rotates them.
        credentials: makes the ``Authorization`` header.
        namespace: the context's default namespace, or the pod's own.
        server_hostname: the name to verify in the certificate when it is not the host's.
        proxy: URL of an HTTP proxy.
    """

    host: str
    ssl: ssl.SSLContext | None = attrs.field(default=None, repr=False)
    tls_files: TLSFiles | None = None
    credentials: Credentials = attrs.field(factory=NoCredentials, repr=False)
    namespace: str = "default"
    server_hostname: str | None = None
    proxy: str | None = None


def load_config(
    kubeconfig: str = "",
    *,
    context: str = "",
    environ: Mapping[str, str] | None = None,
) -> RestConfig:
    """Find the configuration. Raises :class:`ConfigError` that lists what was tried."""
    from druid_operator.pkg.client.kubeconfig import from_kubeconfig

    env = os.environ if environ is None else environ
    if kubeconfig:
        return from_kubeconfig([Path(kubeconfig)], context=context)
    if paths := [Path(p) for p in env.get("KUBECONFIG", "").split(os.pathsep) if p]:
        return from_kubeconfig(paths, context=context)
    if env.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(env)
    default = Path(env.get("HOME", "~")).expanduser() / ".kube" / "config"
    if default.exists():
        return from_kubeconfig([default], context=context)
    raise ConfigError(
        "no cluster configuration found: tried --kubeconfig, KUBECONFIG, the service account of a "
        f"pod (KUBERNETES_SERVICE_HOST is not set) and {default}"
    )


def in_cluster(
    environ: Mapping[str, str], *, service_account: Path = SERVICE_ACCOUNT_DIR
) -> RestConfig:
    """The pod's own service account. The token is read again as the kubelet rotates it."""
    host = environ["KUBERNETES_SERVICE_HOST"]
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    ca, token = service_account / "ca.crt", service_account / "token"
    for path in (ca, token):
        if not path.exists():
            raise ConfigError(f"in a pod, but {path} is missing: is the token mounted?")
    namespace = service_account / "namespace"
    files = TLSFiles(ssl.create_default_context(cafile=str(ca)), ca=ca)
    return RestConfig(
        host=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ssl=files.context,
        tls_files=files,
        credentials=TokenFile(token),
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
    )
