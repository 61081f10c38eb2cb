"""Pod specs: what keeps a template from becoming a pod."""

from __future__ import annotations

import re

from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.apistore.validation.names import label_problem
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.quantity import Quantity

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
#: In the order in which the server looks at them: the second it meets is one too many.
_VOLUME_SOURCES = (
    "emptyDir", "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "flocker", "flexVolume",
    "configMap", "downwardAPI", "fc", "azureFile", "vsphereVolume", "azureDisk", "storageos",
    "photonPersistentDisk", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip
_PROBE_NUMBERS = (
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
    "failureThreshold",
)  # fmt: skip


def validate_pod_spec(spec: JSON, path: str, faults: Faults) -> None:
    volumes = _volumes(spec, path, faults)
    if not spec.get("containers"):
        faults.required(f"{path}.containers")
    seen: set[str] = set()
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            _container(container, f"{path}.{key}[{index}]", seen, volumes, faults)


def _volumes(spec: JSON, path: str, faults: Faults) -> set[str]:
    """The names that mounts may refer to: a volume with a fault does not count."""
    known: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        before = len(faults.errors)
        where = f"{path}.volumes[{index}]"
        name = volume.get("name", "")
        sources = [key for key in _VOLUME_SOURCES if volume.get(key) is not None]
        for source in sources[1:]:
            faults.forbidden(f"{where}.{source}", "may not specify more than 1 volume type")
        if not name:
            faults.required(f"{where}.name")
        elif problem := label_problem(name):
            faults.invalid(f"{where}.name", name, problem)
        elif name in known:
            faults.duplicate(f"{where}.name", name)
        if len(faults.errors) == before:
            known.add(name)
    return known


def _container(
    container: JSON, path: str, seen: set[str], volumes: set[str], faults: Faults
) -> None:
    name = container.get("name", "")
    if not name:
        faults.required(f"{path}.name")
    elif problem := label_problem(name):
        faults.invalid(f"{path}.name", name, problem)
    elif name in seen:
        faults.duplicate(f"{path}.name", name)
    seen.add(name)
    if not container.get("image"):
        faults.required(f"{path}.image")
    _ports(container, path, faults)
    _environment(container, path, faults)
    _mounts(container, path, volumes, faults)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe) is not None:
            _probe(container[probe], f"{path}.{probe}", faults)
    _resources(container.get("resources") or {}, f"{path}.resources", faults)


def _ports(container: JSON, path: str, faults: Faults) -> None:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        where = f"{path}.ports[{index}]"
        if name := port.get("name"):
            for problem in port_name_problems(name):
                faults.invalid(f"{where}.name", name, problem)
            if name in names:
                faults.duplicate(f"{where}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            faults.required(f"{where}.containerPort")
        else:
            faults.port(f"{where}.containerPort", port["containerPort"])


def port_name_problems(name: str) -> list[str]:
    """An IANA service name: at most 15 characters, a letter among them."""
    problems = []
    if len(name) > 15:
        problems.append("must be no more than 15 characters")
        return problems
    if not re.fullmatch(r"[-a-z0-9]+", name):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", name):
        problems.append("must contain at least one letter (a-z)")
    if "--" in name:
        problems.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def _environment(container: JSON, path: str, faults: Faults) -> None:
    for index, variable in enumerate(container.get("env") or ()):
        where = f"{path}.env[{index}].name"
        name = variable.get("name", "")
        if not name:
            faults.required(where)
        elif not re.fullmatch(r"[ -<>-~]+", name):
            faults.invalid(
                where,
                name,
                "a valid environment variable name must consist only of printable ASCII "
                "characters other than '='",
            )
        if variable.get("value") and variable.get("valueFrom") is not None:
            why = "may not be specified when `value` is not empty"
            faults.invalid(f"{path}.env[{index}].valueFrom", "", why)


def _mounts(container: JSON, path: str, volumes: set[str], faults: Faults) -> None:
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        name, mount_path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            faults.required(f"{where}.name")
        elif name not in volumes:
            faults.not_found(f"{where}.name", name)
        if not mount_path:
            faults.required(f"{where}.mountPath")
        elif mount_path in paths:
            faults.invalid(f"{where}.mountPath", mount_path, "must be unique")
        paths.add(mount_path)


def _probe(probe: JSON, path: str, faults: Faults) -> None:
    handlers = [name for name in _HANDLERS if probe.get(name) is not None]
    if not handlers:
        faults.required(path, "must specify a handler type")
    for name in handlers:
        port = probe[name].get("port")
        if isinstance(port, int):
            faults.port(f"{path}.{name}.port", port)
    for name in _PROBE_NUMBERS:
        faults.not_negative(f"{path}.{name}", probe.get(name))


def _resources(resources: JSON, path: str, faults: Faults) -> None:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, amount in requests.items():
        if name in limits and Quantity.parse(amount) > Quantity.parse(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            faults.invalid(f"{path}.requests", amount, why)
