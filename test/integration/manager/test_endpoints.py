"""Who may read the metrics, and what a process shows of itself."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest
import trustme
from aiohttp.test_utils import TestClient, TestServer

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import CacheOptions
from druid_operator.pkg.client import ConfigError, Funcs, Write, intercept
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.envtest.apiserver.reviews import User
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import ServiceUnavailable
from druid_operator.pkg.manager import Manager, ManagerOptions, MetricsOptions, run
from druid_operator.pkg.manager.authorization import Authorizer
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


@pytest.fixture
def users(env: Environment):
    """Two users of the embedded API server, one of whom may read metrics."""
    if env.backend != "embedded":
        pytest.skip("tokens of a real API server are made by its own means")
    reviews = env.embedded.reviews
    before = dict(reviews.tokens), reviews.allow
    reviews.tokens |= {"good": User("reader", ("system:authenticated",)), "weak": User("nobody")}

    def allow(spec: JSON) -> bool:
        wanted = {"path": "/metrics", "verb": "get"}
        return spec["user"] == "reader" and spec["nonResourceAttributes"] == wanted

    reviews.allow = allow
    yield
    reviews.tokens, reviews.allow = before


@asynccontextmanager
async def running(env: Environment, **options: object) -> AsyncIterator[Manager]:
    options.setdefault("install_signal_handlers", False)
    manager = Manager(env.rest_config(), Scheme(), ManagerOptions(**options))  # type: ignore[arg-type] # test options
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(manager.run())
        try:
            await eventually(lambda: all(manager.address.values()) and manager.address)
            yield manager
        finally:
            manager.stop()


async def status(session: aiohttp.ClientSession, url: str, authorization: str = "") -> int:
    headers = {"Authorization": authorization} if authorization else {}
    async with session.get(url, headers=headers) as answer:
        return answer.status


@pytest.mark.usefixtures("users")
async def test_c46_only_who_may_read_metrics_reads_them(env: Environment) -> None:
    async def extra(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="extra")

    options = MetricsOptions(authorize=True, handlers={"/extra": extra})
    async with (
        running(env, metrics_bind="127.0.0.1:0", metrics=options) as manager,
        aiohttp.ClientSession() as session,
    ):
        url = f"http://{manager.address['metrics']}"
        assert await status(session, f"{url}/metrics") == 401
        assert await status(session, f"{url}/metrics", "Basic Z29vZA==") == 401
        assert await status(session, f"{url}/metrics", "Bearer forged") == 401
        assert await status(session, f"{url}/metrics", "Bearer weak") == 403
        assert await status(session, f"{url}/metrics", "Bearer good") == 200
        assert await status(session, f"{url}/extra", "Bearer good") == 403
        before = len(env.embedded.requests)
        for _ in range(5):
            assert await status(session, f"{url}/metrics", "Bearer good") == 200
            assert await status(session, f"{url}/metrics", "Bearer weak") == 403
        assert len(env.embedded.requests) == before, "the API server is not asked again"


@pytest.mark.usefixtures("users")
async def test_c46_answers_are_good_for_a_while(env: Environment) -> None:
    """One minute for who it is, five for a yes, half a minute for a no."""
    clock, asked = FakeClock(), []

    async def count(call: Write, proceed) -> JSON | None:
        asked.append(call.resource.kind)
        return await proceed(call)

    authorizer = Authorizer(intercept(env.client, Funcs(create=count)), clock=clock)
    app = aiohttp.web.Application(middlewares=[authorizer.middleware])

    async def ok(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response()

    app.router.add_get("/metrics", ok)

    async def ask(client, token: str) -> list[str]:
        asked.clear()
        await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        return list(asked)

    async with TestClient(TestServer(app)) as client:
        both = ["TokenReview", "SubjectAccessReview"]
        assert await ask(client, "good") == both
        assert await ask(client, "weak") == both
        clock.step(29)
        assert await ask(client, "weak") == []
        clock.step(2)
        assert await ask(client, "weak") == ["SubjectAccessReview"]
        assert await ask(client, "good") == []
        clock.step(30)
        assert await ask(client, "good") == ["TokenReview"]
        clock.step(240)
        assert await ask(client, "good") == both
        assert await ask(client, "forged") == ["TokenReview"]
        assert await ask(client, "forged") == ["TokenReview"], "a refused token is not remembered"


@pytest.mark.usefixtures("users")
async def test_c46_an_api_server_that_cannot_be_asked_is_no_permission(env: Environment) -> None:
    async def fail(call: Write, proceed) -> JSON | None:
        raise ServiceUnavailable("down")

    authorizer = Authorizer(intercept(env.client, Funcs(create=fail)))
    app = aiohttp.web.Application(middlewares=[authorizer.middleware])
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics", headers={"Authorization": "Bearer good"})
        assert answer.status == 500


async def test_metrics_are_served_with_tls(env: Environment, tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    (tmp_path / "tls.crt").write_bytes(leaf.cert_chain_pems[0].bytes())
    (tmp_path / "tls.key").write_bytes(leaf.private_key_pem.bytes())
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    options = MetricsOptions(cert_dir=tmp_path)
    async with (
        running(env, metrics_bind="127.0.0.1:0", metrics=options) as manager,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
    ):
        port = manager.address["metrics"].rpartition(":")[2]
        assert await status(session, f"https://localhost:{port}/metrics") == 200


async def test_process_shows_what_it_is_doing(env: Environment, namespace: str) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def reconcile(_: NamespacedName) -> None:
        started.set()
        await release.wait()

    manager = Manager(env.rest_config(), Scheme(), ManagerOptions(
        install_signal_handlers=False, debug_bind="127.0.0.1:0",
        cache=CacheOptions(namespaces=(namespace,)),
    ))  # fmt: skip
    new_controller_managed_by(manager).for_(CONFIG_MAP).complete(reconcile)
    await env.client.create({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"secret": "hidden"},
        "metadata": {"name": "a", "namespace": namespace},
    })  # fmt: skip
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as session:
        tasks.create_task(manager.run())
        await started.wait()

        async def show(name: str) -> object:
            async with session.get(f"http://{manager.address['debug']}/debug/{name}") as answer:
                assert answer.status == 200
                assert "hidden" not in await answer.text()
                return await answer.json()

        assert "/debug/tasks" in await show("")
        (queue,) = await show("queues")
        # A namespace of a real cluster has a ConfigMap of its own.
        (running_key,) = queue["processing"]
        assert (queue["controller"], running_key.split("/")[0]) == ("configmap", namespace)
        (store,) = await show("stores")
        assert (store["gvk"], store["synced"]) == ("ConfigMap", True)
        assert store["objects"] >= 1
        assert store["bytes"] > 0
        workers = [t for t in await show("tasks") if t["name"] == "configmap worker 0"]
        assert any("_work" in place for place in workers[0]["stack"])
        assert any(t["thread"] == "MainThread" for t in await show("stacks"))
        assert (await show("memory"))["tracing"] is False
        assert (await show("memory?trace=start"))["tracing"] is True
        assert (await show("memory?trace=stop"))["tracing"] is False
        release.set()
        manager.stop()


def test_loop_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert "uvloop" not in run(main())
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert "uvloop" not in run(main(), loop="auto")
    program = main()
    with pytest.raises(ConfigError, match="uvloop is not installed"):
        run(program, loop="uvloop")
    program.close()
