"""What the server hands out to services: cluster IPs and node ports.

Allocation comes after field ownership is worked out: nobody owns an address he was given.
"""

from __future__ import annotations

import ipaddress

import attrs

from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON

#: The range of kubeadm and of the project's real control plane in tests.
CLUSTER_IPS = ipaddress.ip_network("10.96.0.0/16")
#: ``--service-node-port-range``'s default. The lower part is left to ports that users choose.
NODE_PORTS = range(30000, 32768)
_FIRST_DYNAMIC_PORT = 30086


@attrs.define
class ServiceAllocator:
    """Hands out in order; what is in use is read off the services, so nothing needs releasing."""

    _next_ip: int = 10
    _next_port: int = _FIRST_DYNAMIC_PORT

    def allocate(self, service: JSON, before: JSON | None) -> list[FieldError]:
        """Complete ``service`` in place. An update keeps what the service already has."""
        spec = service["spec"]
        if spec["type"] == "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(name, None)
            return []
        old = (before or {}).get("spec", {})
        if old.get("type") != "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if name in old:
                    spec.setdefault(name, old[name])
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._ip()
        spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        self._allocate_ports(spec, old)
        return []

    def _allocate_ports(self, spec: JSON, old: JSON) -> None:
        if spec["type"] not in ("NodePort", "LoadBalancer"):
            return
        if spec.get("allocateLoadBalancerNodePorts") is False:
            return
        held = {
            (p.get("port"), p.get("protocol")): p.get("nodePort") for p in old.get("ports") or ()
        }
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = held.get((port["port"], port["protocol"])) or self._port()

    def _ip(self) -> str:
        self._next_ip += 1
        return str(CLUSTER_IPS[self._next_ip % CLUSTER_IPS.num_addresses])

    def _port(self) -> int:
        self._next_port += 1
        if self._next_port >= NODE_PORTS.stop:
            self._next_port = _FIRST_DYNAMIC_PORT
        return self._next_port
