"""A pod's life: what it does next, and what its status then says.

The signs of trouble are those of the real backend's KWOK stages (``binaries/stages.yaml``), so a
test written for one works on the other.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.options import DataPlaneOptions
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.duration import parse_seconds

ZONE = "topology.kubernetes.io/zone"


class Fate(enum.Enum):
    """How a pod ends up; the value is the sign that decides it."""

    CRASH_LOOP = "crash-loop"
    PULL_FAIL = "pull-fail"
    NEVER_READY = "never-ready"
    READY = ""


@attrs.frozen
class Step:
    """The next thing a pod does: ``status`` to write in ``after`` simulated seconds."""

    after: float
    status: JSON


def fate_of(pod: Mapping[str, Any]) -> Fate:
    """Decided by an annotation ``test/SIGN: "true"`` or by the sign in the name of an image."""
    annotations = pod["metadata"].get("annotations") or {}
    images = [c.get("image", "") for c in pod["spec"].get("containers") or ()]
    for fate in (Fate.CRASH_LOOP, Fate.PULL_FAIL, Fate.NEVER_READY):
        if annotations.get(f"test/{fate.value}") == "true":
            return fate
        if any(fate.value in image for image in images):
            return fate
    return Fate.READY


def delay(pod: Mapping[str, Any], name: str, default: float) -> float:
    """The annotation ``test/NAME`` as seconds."""
    text = (pod["metadata"].get("annotations") or {}).get(f"test/{name}")
    return default if text is None else parse_seconds(text)


def next_step(
    pod: JSON, options: DataPlaneOptions, *, wall: str, address: str, awaiting_ready: bool
) -> Step | None:
    """What a scheduled pod does next; ``None`` when it stays as it is.

    Args:
        wall: the timestamp for whatever changes.
        address: the pod's IP once it runs.
        awaiting_ready: it is not Ready because we made it wait. One that somebody else (a test)
            made unready is left alone.
    """
    fate, state = fate_of(pod), podfacts.phase(pod)
    if fate is Fate.CRASH_LOOP and state in ("Pending", "Running"):
        return Step(options.crash_interval, _crashing(pod, wall, address))
    if fate is Fate.PULL_FAIL:
        waiting = pod.get("status", {}).get("containerStatuses")
        return None if waiting or state != "Pending" else Step(0.0, _unpullable(pod, wall))
    patience = delay(pod, "ready-after", options.ready_after)
    if state == "Pending":
        at_once = fate is Fate.READY and patience <= 0
        return Step(0.0, _running(pod, wall, address, is_ready=at_once))
    if fate is Fate.READY and state == "Running" and awaiting_ready:
        return Step(patience, _running(pod, wall, address, is_ready=True))
    return None


def scheduled(pod: JSON, node: JSON, wall: str) -> tuple[JSON, JSON]:
    """The pod bound to a node, and its status then."""
    metadata, zone = pod["metadata"], node["metadata"]["labels"][ZONE]
    bound = {
        **pod,
        # Since 1.35 binding copies the node's topology, for whoever reads it through the pod.
        "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), ZONE: zone}},
        "spec": {**pod["spec"], "nodeName": node["metadata"]["name"]},
    }
    status = {
        "phase": "Pending",
        **(pod.get("status") or {}),
        "conditions": [_condition("PodScheduled", "True", wall)],
    }
    return bound, status


def unschedulable(pod: JSON, message: str, wall: str) -> JSON:
    """The status of a pod that no node can take yet."""
    waiting = _condition("PodScheduled", "False", wall, reason="Unschedulable", message=message)
    return {"phase": "Pending", "conditions": [waiting]}


def _running(pod: JSON, wall: str, address: str, *, is_ready: bool) -> JSON:
    containers = [
        {
            **_container(spec),
            "ready": is_ready,
            "started": True,
            "state": {"running": {"startedAt": wall}},
        }
        for spec in pod["spec"].get("containers") or ()
    ]
    initialised = [
        {
            **_container(spec),
            "ready": True,
            "state": {"terminated": {"exitCode": 0, "reason": "Completed"}},
        }
        for spec in pod["spec"].get("initContainers") or ()
    ]
    status = _status(pod, "Running", wall, address, containers, is_ready=is_ready)
    return {**status, **({"initContainerStatuses": initialised} if initialised else {})}


def _crashing(pod: JSON, wall: str, address: str) -> JSON:
    before = pod.get("status", {}).get("containerStatuses") or ()
    restarts = before[0]["restartCount"] + 1 if before else 0
    message = "back-off restarting failed container"
    containers = [
        {
            **_container(spec),
            "restartCount": restarts,
            "started": False,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": wall}},
        }
        for spec in pod["spec"].get("containers") or ()
    ]
    return _status(pod, "Running", wall, address, containers, is_ready=False)


def _unpullable(pod: JSON, wall: str) -> JSON:
    containers = [
        {
            **_container(spec),
            "started": False,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "simulated"}},
        }
        for spec in pod["spec"].get("containers") or ()
    ]
    return _status(pod, "Pending", wall, "", containers, is_ready=False)


def _status(
    pod: JSON, state: str, wall: str, address: str, containers: list[JSON], *, is_ready: bool
) -> JSON:
    value, reason = ("True", "") if is_ready else ("False", "ContainersNotReady")
    started = pod.get("status", {}).get("startTime") or wall
    gates = [g["conditionType"] for g in pod["spec"].get("readinessGates") or ()]
    before = {c["type"]: c for c in pod.get("status", {}).get("conditions") or ()}
    conditions = [
        _condition("Initialized", "True", wall),
        _condition("Ready", value, wall, reason=reason),
        _condition("ContainersReady", value, wall, reason=reason),
        _condition("PodScheduled", "True", wall),
        *(_condition(gate, "True", wall) for gate in gates),
    ]
    for condition in conditions:
        old = before.get(condition["type"])
        if old and old["status"] == condition["status"]:
            condition["lastTransitionTime"] = old["lastTransitionTime"]
    running = {"hostIP": "127.0.0.1", "podIP": address, "podIPs": [{"ip": address}]}
    return {
        "phase": state,
        "conditions": conditions,
        **(running if address else {}),
        "startTime": started,
        "containerStatuses": containers,
    }


def _container(spec: Mapping[str, Any]) -> JSON:
    image = spec.get("image", "")
    return {
        "name": spec["name"],
        "image": image,
        "imageID": "",
        "restartCount": 0,
        "ready": False,
    }


def _condition(
    kind: str, value: str, wall: str, *, reason: str = "", message: str = ""
) -> dict[str, str]:
    condition = {"type": kind, "status": value, "lastTransitionTime": wall}
    if reason:
        condition |= {"reason": reason}
    if message:
        condition |= {"message": message}
    return condition
