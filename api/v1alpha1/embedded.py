"""Where the schema of an embedded Kubernetes type differs from that of the newest Kubernetes.

The Go operator's CRDs were made from Kubernetes 1.27 and 1.29. What those types had and newer ones
have not must stay storable: a field that is pruned from a stored object changes a running cluster.
"""

from collections.abc import Mapping

from druid_operator.pkg.meta import JSON

_CORE = "io.k8s.api.core.v1."

#: JSON merge patches on Kubernetes' OpenAPI definitions, by type name.
AMENDMENTS: Mapping[str, JSON] = {
    # Claims had the resources of a container until 1.29, with this field among them.
    _CORE + "VolumeResourceRequirements": {
        "properties": {
            "claims": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}},
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            }
        }
    },
    # An alpha field until 1.28; the list of conditions had no keys until 1.31.
    _CORE + "PersistentVolumeClaimStatus": {
        "properties": {
            "resizeStatus": {"type": "string"},
            "conditions": {"x-kubernetes-list-type": None, "x-kubernetes-list-map-keys": None},
        }
    },
    _CORE + "PortStatus": {"properties": {"protocol": {"default": "TCP"}}},
}
