"""The real Druid of these suites boots from what the operator made of the sample.

The operator runs as a process of its own against the session's API server, and reaches Druid at a
port that is chosen before either starts. (The everyday suites ask for none of these fixtures.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.api.v1alpha1.keys import LABEL_CLUSTER
from druid_operator.cmd.demo.operator_process import OperatorProcess
from druid_operator.cmd.demo.realdruid.ports import HOST, free_ports
from druid_operator.cmd.demo.realdruid.sample import sample
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, DEPLOYMENT, STATEFUL_SET

ROUTER = "routers-0"
WAIT = 60.0
# Half a minute by default. What Druid is asked, and what follows, is the same.
POLL_SECONDS = 2.0


@attrs.frozen
class Operator:
    """The running operator, and the cluster that it looks after."""

    env: Environment
    namespace: str
    cluster: str
    process: OperatorProcess

    async def children(self) -> list[JSON]:
        """What a pod is made from, read from the API server."""
        return [
            obj
            for resource in (CONFIG_MAP, STATEFUL_SET, DEPLOYMENT)
            for obj in await self.env.client.list(
                resource, namespace=self.namespace, labels={LABEL_CLUSTER: self.cluster}
            )
        ]

    async def sent(self, operation: str) -> int:
        """Requests of one kind that went to Druid so far, from the operator's own metrics."""
        prefix = "druid_operator_druid_requests_total{"
        rows = (await self.process.metrics()).splitlines()
        mine = (row for row in rows if row.startswith(prefix) and f'operation="{operation}"' in row)
        return sum(int(float(row.rpartition(" ")[2])) for row in mine)


@pytest.fixture(scope="session")
def druid_ports() -> dict[str, int]:
    return {ROUTER: free_ports(1)[0]}


@pytest.fixture(scope="session")
def proxy_port() -> int:
    """Where the reverse proxy listens: the operator is told its origin when it starts."""
    return free_ports(1)[0]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operator(
    env: Environment,
    druid_ports: dict[str, int],
    proxy_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Operator]:
    namespace, cluster = await env.add_namespace("druid"), sample()["metadata"]["name"]
    endpoint = f"{namespace}/{cluster}=http://{HOST}:{druid_ports[ROUTER]}"
    process = OperatorProcess(
        env.kubeconfig,
        tmp_path_factory.mktemp("operator") / "operator.log",
        flags=[
            f"--druid-endpoint={endpoint}",
            f"--druid-poll={POLL_SECONDS:g}s",
            f"--allow-druid-url=https://{HOST}:{proxy_port}",
        ],
    )
    async with process:
        yield Operator(env, namespace, cluster, process)
    await env.remove_namespace(namespace)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def druid_children(operator: Operator) -> AsyncIterator[list[JSON]]:
    """The objects of the sample cluster, once the operator has made them all."""
    druid, client = sample(), operator.env.client
    metadata = {**druid["metadata"], "namespace": operator.namespace}
    await client.create({**druid, "metadata": metadata})
    groups = len(druid["spec"]["nodes"])

    async def all_made() -> list[JSON]:
        children = await operator.children()
        # One ConfigMap for all groups; each group has its own, and a workload.
        return children if len(children) == 1 + 2 * groups else []

    yield await eventually(all_made, timeout=WAIT, interval=0.2)
    key = NamespacedName(operator.namespace, operator.cluster)
    await client.delete(DRUID, key)

    async def gone() -> bool:
        try:
            await client.get(DRUID, key)
        except NotFound:
            return True
        return False

    # Its finalizer would hold the namespace for ever once the operator has stopped.
    await eventually(gone, timeout=WAIT, interval=0.2)
