"""Where a world ended, in a form in which two runs can be compared.

A run that was disturbed must end where the undisturbed one did. What no two runs share is taken
out (uids, versions, times, addresses, generated names), and nothing else: generations, managed
fields, hashes, conditions, owners and every field of every spec have to be equal. Both runs use
one namespace name, and their objects one uid (see ``APIStore(new_uid=...)``), because hashes of
children are over both.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CORE_EVENT, EVENT, POD

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
#: Labels that a pod gets from its node.
_OF_THE_NODE = {"topology.kubernetes.io/region", "topology.kubernetes.io/zone"}
_ADDRESS = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b")


def read_objects(store: APIStore, namespace: str) -> list[JSON]:
    """Everything in the namespace, of every kind that is served."""
    # Events are served twice; here as what has a reason for an object that they regard.
    kinds = [s.resource for s in store.registry if s.resource.namespaced]
    return [
        {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        for resource in kinds
        if resource != CORE_EVENT
        for obj in store.list(resource, namespace).objects()
    ]


def normalise(objects: Sequence[JSON], *, extra: JSON | None = None) -> JSON:
    """The objects by kind and name, without what differs between any two runs.

    Args:
        objects: of one namespace, as stored.
        extra: what else belongs to the end state; generated names are replaced in it as well.
    """
    events = [obj for obj in objects if obj["kind"] == EVENT.kind]
    others = [obj for obj in objects if obj["kind"] != EVENT.kind]
    state: JSON = {
        "objects": {_title(obj): _stripped(obj) for obj in others},
        "events": sorted({reason_of(event) for event in events}),
        "extra": extra or {},
    }
    text = json.dumps(state, sort_keys=True)
    # The longest first: a name may be the beginning of another.
    for told, word in sorted(_generated(others).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(told, word)
    normalised: JSON = json.loads(_ADDRESS.sub("ADDRESS", _TIME.sub("TIME", text)))
    return normalised


def reason_of(event: JSON) -> str:
    """What an event says, and of which kind of object: all of it that is compared."""
    return f"{event['regarding']['kind']}: {event['type']} {event['reason']}"


def difference(expected: JSON, found: JSON) -> str:
    """For people; empty when they are equal."""
    if expected == found:
        return ""
    before, after = (
        json.dumps(state, indent=1, sort_keys=True).splitlines() for state in (expected, found)
    )
    return "\n".join(difflib.unified_diff(before, after, "undisturbed", "disturbed", "", "", 4, ""))


def _title(obj: JSON) -> str:
    """Pods of one template are interchangeable: one entry stands for all of them, and their
    number is in the status of their owner.
    """
    meta = obj["metadata"]
    return f"{obj['kind']}/{meta.get('generateName') or meta['name']}"


def _generated(objects: Iterable[JSON]) -> Mapping[str, str]:
    """Generated texts, and what stands for each."""
    words: dict[str, str] = {}
    for obj in objects:
        meta = obj["metadata"]
        words[meta["uid"]] = f"uid of {_title(obj)}"
        if meta.get("generateName"):
            words[meta["name"]] = f"{meta['generateName']}*"
    return words


def _stripped(obj: JSON) -> JSON:
    copy: JSON = json.loads(json.dumps(obj))
    meta = copy["metadata"]
    for field in ("resourceVersion", "creationTimestamp"):
        meta.pop(field, None)
    # The server sorts them by time.
    meta["managedFields"] = sorted(
        meta.get("managedFields") or (),
        key=lambda e: json.dumps(
            [e["manager"], e["operation"], e.get("subresource"), e["fieldsV1"]]
        ),
    )
    if copy["kind"] == POD.kind:
        # Pods go to the nodes in turn, and which comes first is not the operator's to decide.
        copy["spec"].pop("nodeName", None)
        for label in _OF_THE_NODE & meta.get("labels", {}).keys():
            del meta["labels"][label]
    return copy
