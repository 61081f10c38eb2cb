"""Services."""

from __future__ import annotations

import ipaddress
from typing import Any

from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.apistore.validation.pods import port_name_problems
from druid_operator.pkg.meta import JSON

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def validate_service(service: JSON, faults: Faults) -> None:
    spec = service["spec"]
    headless = spec.get("clusterIP") == "None"
    if spec["type"] not in _TYPES:
        faults.unsupported("spec.type", spec["type"], _TYPES)
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            faults.required("spec.externalName")
        return
    ports = spec.get("ports") or []
    if not ports and not headless:
        faults.required("spec.ports")
    _ports(ports, faults)
    address = spec.get("clusterIP")
    if address and not headless and not _is_address(address):
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        faults.invalid("spec.clusterIPs[0]", address, why)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ports(ports: list[JSON], faults: Faults) -> None:
    names: set[str] = set()
    pairs: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            faults.required(f"{path}.name")
        elif name and name in names:
            faults.duplicate(f"{path}.name", name)
        names.add(name)
        faults.port(f"{path}.port", port["port"])
        if port["protocol"] not in _PROTOCOLS:
            faults.unsupported(f"{path}.protocol", port["protocol"], _PROTOCOLS)
        target = port.get("targetPort")
        if isinstance(target, int):
            faults.port(f"{path}.targetPort", target)
        elif target:
            for problem in port_name_problems(target):
                faults.invalid(f"{path}.targetPort", target, problem)
    for index, port in enumerate(ports):
        pair = (port["port"], port["protocol"])
        if pair in pairs:
            shown = {
                "Name": "", "Protocol": port["protocol"], "AppProtocol": None,
                "Port": port["port"], "TargetPort": 0, "NodePort": 0,
            }  # fmt: skip
            faults.duplicate(f"spec.ports[{index}]", shown)
        pairs.add(pair)


def validate_service_update(service: JSON, before: JSON, faults: Faults) -> None:
    """A cluster IP, once given, stays; a client that does not send it means the same one."""
    if service["spec"]["type"] == "ExternalName" or before["spec"].get("type") == "ExternalName":
        return
    old, new = before["spec"].get("clusterIP"), service["spec"].get("clusterIP")
    if old and new and new != old:
        faults.invalid("spec.clusterIPs[0]", [new], "may not change once set")
