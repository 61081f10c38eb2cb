"""The Web operator of the bench, on kopf. Its contract is in ../README.md.

Reads come from kopf's indices, writes are server-side apply of what differs. kopf runs the handlers
of a Web and of its children side by side and its indices lag behind one's own writes, so this
operator takes a lock for each Web and remembers an answer until the index has caught up.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import datetime
import hashlib
import logging
from typing import Any

import kopf
import uvloop
from kubernetes_asyncio import client, config

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--concurrency", type=int, default=1, help="Webs reconciled at once")
parser.add_argument("--see-all", action="store_true", help="watch whole kinds, no selector")
args = parser.parse_args()

JSON = dict[str, Any]
Key = tuple[str, str]

GROUP, VERSION, WEBS = "bench.example.com", "v1", "webs"
MANAGER = "web-operator"
MANAGED_BY, NAME = "app.kubernetes.io/managed-by", "app.kubernetes.io/name"
CHILDREN = {"configmaps": ("", "v1"), "services": ("", "v1"), "deployments": ("apps", "v1")}

# kopf's own worker limit stands still for ever over an index (kopf issue 1243), so: a semaphore.
slots = asyncio.Semaphore(args.concurrency)
locks: collections.defaultdict[Key, asyncio.Lock] = collections.defaultdict(asyncio.Lock)
answers: dict[tuple[str, Key], JSON] = {}


class Api:
    core: client.CoreV1Api
    apps: client.AppsV1Api
    custom: client.CustomObjectsApi


@kopf.on.startup()
async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    if not args.see_all:
        for plural, (group, _version) in CHILDREN.items():
            settings.watching.label_selectors[group, plural] = f"{MANAGED_BY}={MANAGER}"
    await config.load_kube_config()
    api = client.ApiClient()
    Api.core, Api.apps = client.CoreV1Api(api), client.AppsV1Api(api)
    Api.custom = client.CustomObjectsApi(api)


@kopf.on.login()
def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_kubeconfig(**kwargs)


def ours(labels: kopf.Labels, **_: Any) -> bool:
    return labels.get(MANAGED_BY) == MANAGER


def by_key(namespace: str, name: str, body: kopf.Body, **_: Any) -> dict[Key, JSON]:
    return {(namespace, name): dict(body)}


kopf.index(GROUP, VERSION, WEBS, id=WEBS)(by_key)
for plural, (group, version) in CHILDREN.items():
    # As an informer does with --see-all, the index keeps all that is watched.
    kopf.index(group, version, plural, id=plural)(by_key)


def current(plural: str, key: Key, index: kopf.Index[Key, JSON]) -> JSON | None:
    """The newest state known: of the index, or the answer of a write that it has not seen yet."""
    indexed = next(iter(index.get(key, ())), None)
    written = answers.get((plural, key))
    if written is None:
        return indexed
    if indexed is None or _version(indexed) < _version(written):
        return written
    del answers[plural, key]
    return indexed


def _version(obj: JSON) -> int:
    return int(obj["metadata"]["resourceVersion"])


def build_children(web: JSON) -> dict[str, JSON]:
    name, spec = web["metadata"]["name"], web["spec"]
    own_label = {NAME: name}
    metadata = {
        "name": name,
        "namespace": web["metadata"]["namespace"],
        "labels": {MANAGED_BY: MANAGER, **own_label},
        "ownerReferences": [
            {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": "Web",
                "name": name,
                "uid": web["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    digest = hashlib.sha256(spec["message"].encode()).hexdigest()[:16]
    port = {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}
    container = {"name": "main", "image": "x", "env": [{"name": "CONFIG_HASH", "value": digest}]}
    template = {"metadata": {"labels": own_label}, "spec": {"containers": [container]}}
    deployment = {
        "replicas": spec["replicas"],
        "selector": {"matchLabels": own_label},
        "template": template,
    }
    return {
        "configmaps": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"message": spec["message"]},
        },
        "services": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"clusterIP": "None", "ports": [port]},
        },
        "deployments": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": deployment,
        },
    }


def contains(have: Any, want: Any) -> bool:
    """Whether every field of ``want`` is in ``have`` with the same value."""
    if isinstance(want, dict):
        return isinstance(have, dict) and all(
            key in have and contains(have[key], value) for key, value in want.items()
        )
    if isinstance(want, list):
        return isinstance(have, list) and len(have) == len(want) and all(map(contains, have, want))
    return bool(want == have)


async def apply(plural: str, key: Key, want: JSON) -> JSON:
    patch = {
        "configmaps": Api.core.patch_namespaced_config_map,
        "services": Api.core.patch_namespaced_service,
        "deployments": Api.apps.patch_namespaced_deployment,
    }[plural]
    namespace, name = key
    response = await patch(
        name,
        namespace,
        want,
        field_manager=MANAGER,
        force=True,
        _content_type="application/apply-patch+yaml",
        _preload_content=False,  # the typed model of an answer costs more than the request
    )
    answer: JSON = await response.json()
    answers[plural, key] = answer
    return answer


async def reconcile(key: Key, indices: dict[str, Any]) -> None:
    async with locks[key], slots:
        web = current(WEBS, key, indices[WEBS])
        if web is None or web["metadata"].get("deletionTimestamp"):
            return
        deployment: JSON = {}
        for plural, want in build_children(web).items():
            have = current(plural, key, indices[plural])
            if have is None or not contains(have, want):
                have = await apply(plural, key, want)
            if plural == "deployments":
                deployment = have
        await write_status(key, web, deployment)


async def write_status(key: Key, web: JSON, deployment: JSON) -> None:
    seen, generation = deployment.get("status") or {}, web["metadata"]["generation"]
    ready = (
        seen.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and seen.get("readyReplicas", 0) == web["spec"]["replicas"]
    )
    before = web.get("status") or {}
    old = next((c for c in before.get("conditions", ()) if c["type"] == "Ready"), {})
    status = "True" if ready else "False"
    condition = {
        "type": "Ready",
        "status": status,
        "reason": "Available" if ready else "Progressing",
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == status else now(),
    }
    after = {"observedGeneration": generation, "ready": ready, "conditions": [condition]}
    if after == before:
        return
    namespace, name = key
    answers[WEBS, key] = await Api.custom.patch_namespaced_custom_object_status(
        GROUP,
        VERSION,
        namespace,
        WEBS,
        name,
        {"status": after},
        _content_type="application/merge-patch+json",
    )


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@kopf.on.resume(GROUP, VERSION, WEBS)
@kopf.on.create(GROUP, VERSION, WEBS)
@kopf.on.update(GROUP, VERSION, WEBS, field="spec")
async def web_changed(namespace: str, name: str, **kwargs: Any) -> None:
    await reconcile((namespace, name), kwargs)


@kopf.on.event(GROUP, VERSION, WEBS)
async def web_gone(namespace: str, name: str, **kwargs: Any) -> None:
    if kwargs["type"] == "DELETED":
        locks.pop((namespace, name), None)
        for plural in (WEBS, *CHILDREN):
            answers.pop((plural, (namespace, name)), None)


async def child_changed(namespace: str, name: str, resource: kopf.Resource, **kwargs: Any) -> None:
    if kwargs["type"] == "DELETED":
        answers.pop((resource.plural, (namespace, name)), None)
    await reconcile((namespace, name), kwargs)


for plural, (group, version) in CHILDREN.items():
    kopf.on.event(group, version, plural, when=ours)(child_changed)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.install()
    kopf.run(clusterwide=True, standalone=True)
