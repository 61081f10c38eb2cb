"""What the server hands out to services: cluster IPs and node ports.

Allocation comes after field ownership is worked out: nobody owns an address he was given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterable

import attrs

from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON

#: The range of kubeadm and of the project's real control plane in tests.
CLUSTER_IPS = ipaddress.ip_network("10.96.0.0/16")
#: ``--service-node-port-range``'s default. The lower part is left to ports that users choose.
NODE_PORTS = range(30000, 32768)
_FIRST_DYNAMIC_PORT = 30086


#: Fields that belong to other types of service; leaving a type drops what came with it.
_EXTERNAL_FIELDS = ("externalTrafficPolicy", "healthCheckNodePort")
_CLUSTER_IP_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


@attrs.define
class ServiceAllocator:
    """Hands out in order. ``others`` are the services whose addresses are taken."""

    _next_ip: int = 10
    _next_port: int = _FIRST_DYNAMIC_PORT

    def allocate(
        self, service: JSON, before: JSON | None, others: Iterable[JSON]
    ) -> list[FieldError]:
        """Complete ``service`` in place. An update keeps what the service already has."""
        spec = service["spec"]
        old = (before or {}).get("spec", {})
        faults = Faults()
        _drop_other_types(spec, old)
        if spec["type"] == "ExternalName":
            return []
        if old.get("type") != "ExternalName":
            for name in _CLUSTER_IP_FIELDS:
                if name in old:
                    spec.setdefault(name, old[name])
        taken = [s["spec"] for s in others]
        addresses = {s.get("clusterIP") for s in taken}
        self._address(spec, old, addresses, faults)
        spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        ports = {p.get("nodePort") for s in taken for p in s.get("ports") or ()}
        self._ports(spec, old, ports, faults)
        return faults.errors

    def _address(self, spec: JSON, old: JSON, taken: Container[str | None], faults: Faults) -> None:
        address = spec.get("clusterIP")
        if not address:
            spec["clusterIP"] = self._next_address(taken)
        elif address != "None" and address != old.get("clusterIP") and address in taken:
            why = f"failed to allocate IP {address}: provided IP is already allocated"
            faults.invalid("spec.clusterIPs", [address], why)

    def _ports(self, spec: JSON, old: JSON, taken: Container[int | None], faults: Faults) -> None:
        if spec["type"] not in ("NodePort", "LoadBalancer"):
            return
        held = {
            (p.get("port"), p.get("protocol")): p.get("nodePort") for p in old.get("ports") or ()
        }
        own = set(held.values())
        for index, port in enumerate(spec.get("ports") or ()):
            path = f"spec.ports[{index}].nodePort"
            wanted = port.get("nodePort")
            if not wanted:
                if spec.get("allocateLoadBalancerNodePorts") is not False:
                    pair = (port["port"], port["protocol"])
                    port["nodePort"] = held.get(pair) or self._next_node_port(taken)
            elif wanted not in NODE_PORTS:
                why = (
                    "provided port is not in the valid range. The range of valid ports is "
                    f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
                )
                faults.invalid(path, wanted, why)
            elif wanted in taken and wanted not in own:
                faults.invalid(path, wanted, "provided port is already allocated")

    def _next_address(self, taken: Container[str | None]) -> str:
        while True:
            self._next_ip += 1
            address = str(CLUSTER_IPS[self._next_ip % CLUSTER_IPS.num_addresses])
            if address not in taken:
                return address

    def _next_node_port(self, taken: Container[int | None]) -> int:
        while True:
            self._next_port += 1
            if self._next_port >= NODE_PORTS.stop:
                self._next_port = _FIRST_DYNAMIC_PORT
            if self._next_port not in taken:
                return self._next_port


def _drop_other_types(spec: JSON, old: JSON) -> None:
    """A changed type takes with it what the old one had and the client did not change."""
    kind, was = spec["type"], old.get("type")
    external = kind in ("NodePort", "LoadBalancer") or spec.get("externalIPs")
    if was is not None and not external:
        _drop(spec, _EXTERNAL_FIELDS)
    if was is None or kind == was:
        if kind == "ExternalName":
            _drop(spec, _CLUSTER_IP_FIELDS)
        return
    if kind == "ExternalName":
        _drop(spec, (*_CLUSTER_IP_FIELDS, "internalTrafficPolicy"))
    if kind not in ("NodePort", "LoadBalancer"):
        before = {p.get("nodePort") for p in old.get("ports") or ()}
        for port in spec.get("ports") or ():
            if port.get("nodePort") in before:
                port.pop("nodePort", None)
    if kind != "LoadBalancer":
        _drop(spec, ("allocateLoadBalancerNodePorts",))


def _drop(spec: JSON, names: Iterable[str]) -> None:
    for name in names:
        spec.pop(name, None)
