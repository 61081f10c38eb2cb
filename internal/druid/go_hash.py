"""The two hashes of the Go operator: on every child, and of the configuration that a pod runs with.

The hash is the base64 form of the SHA-1 of an object's Go JSON. On children it is the annotation
``druidOpResourceHash``; the Go operator rewrites a child when it differs, so a cluster can go back
to that operator only if ours is the same. In pods it is the environment variable ``configMapSHA``;
it is part of the pod template, so another value restarts every pod.
"""

from __future__ import annotations

import base64
import hashlib

from druid_operator.internal.druid.go_json import GO_MASTER, GoEncoding, go_json
from druid_operator.pkg.meta import JSON


def object_hash(obj: JSON, encoding: GoEncoding = GO_MASTER) -> str:
    """The hash of an object as it would be sent: with its owner, without the annotation."""
    digest = hashlib.sha1(go_json(obj, encoding), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def config_map_sha(common: JSON, node: JSON, encoding: GoEncoding = GO_MASTER) -> str:
    """``configMapSHA`` of a pod: both ConfigMaps without owner reference and without annotation."""
    return f"{object_hash(common, encoding)}-{object_hash(node, encoding)}"
