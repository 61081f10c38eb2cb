"""Kubeconfig files for the control planes that we start."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from druid_operator.pkg.envtest.binaries.certs import KeyPair, write_private


def write_kubeconfig(
    path: Path, server: str, *, authority: bytes, user: str, pair: KeyPair
) -> Path:
    """Write a kubeconfig that holds everything inline and only its owner may read.

    JSON is YAML, and kubectl and client-go read it as such.

    Args:
        server: ``https://host:port``.
        authority: the PEM certificate the server's is verified with.
        pair: the user's certificate and key.
    """

    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "envtest",
        "clusters": [
            {
                "name": "envtest",
                "cluster": {"server": server, "certificate-authority-data": encoded(authority)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": encoded(pair.certificate),
                    "client-key-data": encoded(pair.key),
                },
            }
        ],
        "contexts": [{"name": "envtest", "context": {"cluster": "envtest", "user": user}}],
    }
    write_private(path, json.dumps(document, indent=1).encode())
    return path
