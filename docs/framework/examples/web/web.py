"""A complete operator: each ``Web`` owns a ConfigMap, a Service and a Deployment.

    python web.py --concurrency 10        # the cluster is the one of KUBECONFIG

It has nothing to do with Druid: it shows what the framework gives to any operator.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from typing import Literal

import attrs

from druid_operator.pkg import log
from druid_operator.pkg.apply import Child, ChildId, Engine, plan
from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.client import Client, load_config, merge_patch
from druid_operator.pkg.clock import Clock, rfc3339
from druid_operator.pkg.controller import ControllerOptions
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import (
    JSON,
    Condition,
    GroupVersionKind,
    NamespacedName,
    Resource,
    owner_reference,
    set_condition,
)
from druid_operator.pkg.predicate import GenerationChanged, IgnoreOwnWrites
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, DEPLOYMENT, SERVICE

WEB = Resource(GroupVersionKind("bench.example.com", "v1", "Web"), "webs")
MANAGER = "web-operator"
APPLIED = "bench.example.com/applied"
MANAGED_BY = {"app.kubernetes.io/managed-by": MANAGER}


@attrs.frozen
class WebSpec:
    message: str = prop("What it says.", required=True)
    replicas: int = prop("How many say it.", required=True, minimum=0, format="int32")


@attrs.frozen
class Web:
    metadata: JSON = prop(required=True)
    spec: WebSpec = prop(required=True)
    status: JSON | None = prop(preserve_unknown=True)


KINDS = (CustomResource(resource=WEB, model=Web),)


def build_children(web: Web) -> tuple[Child, ...]:
    """Pure: what should exist for ``web``."""
    name = web.metadata["name"]
    own_label = {"app.kubernetes.io/name": name}
    metadata = {
        "name": name,
        "namespace": web.metadata["namespace"],
        "labels": {**MANAGED_BY, **own_label},
        "ownerReferences": [
            owner_reference(WEB.gvk, name, web.metadata["uid"], block_owner_deletion=True)
        ],
    }
    digest = hashlib.sha256(web.spec.message.encode()).hexdigest()[:16]
    port = {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}
    container = {"name": "main", "image": "x", "env": [{"name": "CONFIG_HASH", "value": digest}]}
    template = {"metadata": {"labels": own_label}, "spec": {"containers": [container]}}
    contents: dict[Resource, JSON] = {
        CONFIG_MAP: {"data": {"message": web.spec.message}},
        SERVICE: {"spec": {"clusterIP": "None", "ports": [port]}},
        DEPLOYMENT: {
            "spec": {
                "replicas": web.spec.replicas,
                "selector": {"matchLabels": own_label},
                "template": template,
            }
        },
    }
    return tuple(
        Child(
            resource,
            {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": metadata,
                **content,
            },
        )
        for resource, content in contents.items()
    )


def build_status(web: Web, deployment: JSON | None, *, now: str) -> JSON:
    """Pure: what the status should be, given the Deployment as it is."""
    seen = (deployment or {}).get("status") or {}
    current = deployment is not None and seen.get("observedGeneration", 0) >= deployment[
        "metadata"
    ].get("generation", 0)
    ready = current and seen.get("readyReplicas", 0) == web.spec.replicas
    status: Literal["True", "False"] = "True" if ready else "False"
    condition = Condition("Ready", status, "Available" if ready else "Progressing")
    generation = web.metadata["generation"]
    return {
        "observedGeneration": generation,
        "ready": ready,
        "conditions": set_condition(
            (web.status or {}).get("conditions"), condition, now=now, observed_generation=generation
        ),
    }


@attrs.frozen
class WebReconciler:
    """Brings the children to what the spec asks for; writes only what differs."""

    client: Client
    engine: Engine
    clock: Clock

    async def reconcile(self, request: NamespacedName, /) -> None:
        try:
            web = await self.client.get(Web, request)
        except NotFound:
            return  # the children go with it, by their owner reference
        if web.metadata.get("deletionTimestamp"):
            return
        uid = web.metadata["uid"]
        children = build_children(web)
        live = {}
        for child in children:
            try:
                live[child.id] = await self.client.get(child.resource, child.id.key)
            except NotFound:
                continue
        actions = plan(children, live, owner_uid=uid, annotation=APPLIED)
        for outcome in await self.engine.execute(actions, owner_uid=uid):
            if outcome.error is not None:
                raise outcome.error
            if outcome.obj is not None:
                live[outcome.action.id] = outcome.obj
        await self._write_status(web, live.get(ChildId(DEPLOYMENT, request)))

    async def _write_status(self, web: Web, deployment: JSON | None) -> None:
        status = build_status(web, deployment, now=rfc3339(self.clock.now()))
        if status == web.status:
            return
        await self.client.patch(
            WEB,
            NamespacedName.of({"metadata": web.metadata}),
            merge_patch({"status": status}),
            subresource="status",
            field_owner=MANAGER,
        )


def setup(manager: Manager, *, concurrency: int = 1, see_all: bool = False) -> None:
    """Declare the controller: what it is for and what it owns.

    With ``see_all`` it watches whole kinds, which costs memory for every foreign object.
    """
    engine = Engine(manager.client, manager.api_reader, field_manager=MANAGER, annotation=APPLIED)
    builder = new_controller_managed_by(manager).for_(Web, GenerationChanged())
    for resource in (CONFIG_MAP, SERVICE, DEPLOYMENT):
        # A pass looks at the answers of its own writes; their echo would find nothing to do.
        builder.owns(resource, IgnoreOwnWrites(), labels=None if see_all else MANAGED_BY)
    builder.with_options(ControllerOptions(max_concurrent_reconciles=concurrency)).complete(
        WebReconciler(manager.client, engine, manager.clock)
    )


async def run(concurrency: int, *, see_all: bool) -> None:
    manager = Manager(load_config(), Scheme(KINDS), ManagerOptions(user_agent=MANAGER))
    setup(manager, concurrency=concurrency, see_all=see_all)
    await manager.run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--see-all", action="store_true", help="watch whole kinds, no selector")
    args = parser.parse_args()
    log.configure(level="warning")
    asyncio.run(run(args.concurrency, see_all=args.see_all))
    return 0


if __name__ == "__main__":
    sys.exit(main())
