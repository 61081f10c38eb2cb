"""C46: metrics are for those who may read them, as the API server says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import orjson
import pytest
import pytest_asyncio

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.envtest.apiserver.reviews import User
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.manager import MetricsOptions
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

pytestmark = pytest.mark.usefixtures("no_leaked_task")

RBAC = "/apis/rbac.authorization.k8s.io/v1"


@attrs.frozen
class Tokens:
    """Of one user who may ``get /metrics`` and of one who may not."""

    reader: str
    nobody: str


@pytest_asyncio.fixture(loop_scope="session")
async def tokens(env: Environment, namespace: str) -> AsyncIterator[Tokens]:
    if env.backend == "embedded":
        reviews = env.embedded.reviews
        before = dict(reviews.tokens), reviews.allow
        reviews.tokens |= {"r": User("reader"), "n": User("nobody")}
        wanted = {"path": "/metrics", "verb": "get"}
        reviews.allow = lambda spec: (
            spec["user"] == "reader" and spec["nonResourceAttributes"] == wanted
        )
        yield Tokens("r", "n")
        reviews.tokens, reviews.allow = before
        return
    found = {name: await _service_account(env, namespace, name) for name in ("reader", "nobody")}
    role = f"{namespace}-metrics"
    rule = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
    await _post(env, f"{RBAC}/clusterroles", {"metadata": {"name": role}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    binding = {"metadata": {"name": role}, "roleRef": reference, "subjects": [subject]}
    await _post(env, f"{RBAC}/clusterrolebindings", binding)
    yield Tokens(**found)
    for plural in ("clusterrolebindings", "clusterroles"):
        await env.client.transport.request("DELETE", f"{RBAC}/{plural}/{role}")


async def _service_account(env: Environment, namespace: str, name: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await _post(env, path, {"metadata": {"name": name}})
    answer = await _post(env, f"{path}/{name}/token", {"spec": {"expirationSeconds": 600}})
    return str(answer["status"]["token"])


async def _post(env: Environment, path: str, body: JSON) -> JSON:
    answer: JSON = orjson.loads(
        await env.client.transport.request("POST", path, body=orjson.dumps(body))
    )
    return answer


async def test_c46_who_may_scrape(
    proxy: FaultProxy, managers, recording, probe, tokens: Tokens
) -> None:
    """No token and a bad one: 401; a user who may not: 403; one who may: 200. The API server is not
    asked again for each scrape."""
    manager = managers.make(metrics_bind="127.0.0.1:0", metrics=MetricsOptions(authorize=True))
    new_controller_managed_by(manager).for_(CONFIG_MAP).named("c46").complete(recording())
    await managers.run(manager)
    await eventually(lambda: manager.address.get("metrics"))
    url = f"http://{manager.address['metrics']}/metrics"

    async def scrape(token: str = "") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return (await probe(url, **headers))[0]

    assert await scrape() == 401
    assert await scrape("forged") == 401
    assert await scrape(tokens.nobody) == 403

    async def may_scrape() -> bool:  # a real API server learns of a new role in a moment
        return await scrape(tokens.reader) == 200

    await eventually(may_scrape, timeout=45, interval=1.0)
    asked = _reviews(proxy)
    for _ in range(5):
        assert await scrape(tokens.reader) == 200
        assert await scrape(tokens.nobody) == 403
    assert _reviews(proxy) == asked
    _, text = await probe(url, Authorization=f"Bearer {tokens.reader}")
    assert 'controller_runtime_reconcile_total{controller="c46",result="success"}' in text


def _reviews(proxy: FaultProxy) -> int:
    return len([r for r in proxy.requests if r.plural.endswith("reviews")])
