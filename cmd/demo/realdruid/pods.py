"""What the pods of rendered workloads would run: the service, its files, its JVM options.

Read from the objects alone, as the kubelet would: the pod template says which ConfigMaps are
mounted, the ConfigMaps hold the files. Other volumes and the environment are not looked at.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

import attrs

from druid_operator.api.v1alpha1.keys import LABEL_CLUSTER, LABEL_COMPONENT, LABEL_NODE
from druid_operator.cmd.demo.realdruid.properties import parse
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.meta import JSON

_WORKLOADS = ("StatefulSet", "Deployment")


class NotADruid(OperatorError):
    """The objects are not the children of a Druid cluster; the message says what is missing."""


@attrs.frozen
class Pod:
    """One Druid process to be.

    Args:
        name: node group and ordinal, ``brokers-0``.
        service: Druid's name of the service, ``broker``.
        files: content by ``volume/file``, for each mounted ConfigMap.
    """

    name: str
    service: str
    files: Mapping[str, str]

    @property
    def folders(self) -> list[str]:
        """The mounts, in the order of the pod template."""
        return list(dict.fromkeys(path.partition("/")[0] for path in self.files))

    @property
    def properties(self) -> dict[str, str]:
        """Both property files; the service's own win, as in Druid."""
        common, own = self._file("common.runtime.properties"), self._file("runtime.properties")
        return {**parse(common), **parse(own)}

    @property
    def jvm_options(self) -> list[str]:
        """Words of ``jvm.config``, split as the image's start script splits them."""
        return shlex.split(self._file("jvm.config"))

    def _file(self, name: str) -> str:
        for path, content in self.files.items():
            if path.partition("/")[2] == name:
                return content
        raise NotADruid(f"{self.name}: no {name} in its ConfigMaps")


def read_pods(children: Iterable[JSON]) -> tuple[Pod, ...]:
    """The pods of every StatefulSet and Deployment of a Druid cluster, one for each replica.

    Raises:
        NotADruid: a ConfigMap is missing, or there is no workload.
    """
    objects = list(children)
    config_maps = {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}
    pods = [
        Pod(f"{group}-{ordinal}", service, _files(workload, config_maps))
        for workload in objects
        if workload["kind"] in _WORKLOADS
        for group, service in [_identity(workload)]
        for ordinal in range(workload["spec"].get("replicas", 1))
    ]
    if not pods:
        raise NotADruid("there is no StatefulSet and no Deployment among the objects")
    return tuple(pods)


def _identity(workload: JSON) -> tuple[str, str]:
    labels = workload["metadata"]["labels"]
    group = labels[LABEL_NODE].removeprefix(f"druid-{labels[LABEL_CLUSTER]}-")
    return group, labels[LABEL_COMPONENT]


def _files(workload: JSON, config_maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    name = workload["metadata"]["name"]
    files: dict[str, str] = {}
    for volume in workload["spec"]["template"]["spec"]["volumes"]:
        if "configMap" not in volume:
            continue
        wanted = volume["configMap"]["name"]
        if wanted not in config_maps:
            raise NotADruid(f"{name}: its ConfigMap {wanted} is not among the objects")
        files |= {f"{volume['name']}/{file}": text for file, text in config_maps[wanted].items()}
    return files
