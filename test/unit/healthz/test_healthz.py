"""What probes answer, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from druid_operator.pkg import healthz
from druid_operator.pkg.healthz import CheckFailed, health_app, ping
from druid_operator.pkg.listen import Bind, HTTPServer

Get = Callable[[str], "tuple[int, str]"]


async def caches() -> None:
    raise CheckFailed("waiting for druids")


@pytest.fixture
def checks() -> dict[str, healthz.Checker]:
    return {"ping": ping, "leader": ping}


@pytest.fixture
async def get(checks) -> AsyncIterator[Get]:
    server = HTTPServer("health", health_app({"ping": ping}, checks), Bind("127.0.0.1", 0))
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://{server.address}") as session:

            async def ask(path: str) -> tuple[int, str]:
                async with session.get(path) as answer:
                    return answer.status, await answer.text()

            yield ask
    finally:
        await server.stop()


async def test_success_is_two_letters(get) -> None:
    assert await get("/healthz") == (200, "ok")
    assert await get("/readyz") == (200, "ok")
    assert await get("/readyz/") == (200, "ok")


async def test_verbose_lists_every_check_by_name(get) -> None:
    expected = "[+]leader ok\n[+]ping ok\nreadyz check passed\n"
    assert await get("/readyz?verbose") == (200, expected)


async def test_a_failure_lists_all_and_withholds_its_reason(get, checks) -> None:
    checks["caches"] = caches  # added after the start: the mapping is read for every request
    expected = "[-]caches failed: reason withheld\n[+]leader ok\n[+]ping ok\nreadyz check failed\n"
    assert await get("/readyz") == (500, expected)
    assert await get("/healthz") == (200, "ok")


async def test_a_checks_own_path_runs_it_alone_and_tells_why(get, checks) -> None:
    checks["caches"] = caches
    assert await get("/readyz/ping") == (200, "ok")
    assert await get("/readyz/caches") == (500, "internal server error: waiting for druids\n")
    assert (await get("/readyz/nothing"))[0] == 404


async def test_excluded_checks_do_not_run_and_unknown_ones_are_named(get, checks) -> None:
    checks["caches"] = caches
    assert await get("/readyz?exclude=caches") == (200, "ok")
    status, text = await get("/readyz?verbose&exclude=caches&exclude=typo")
    assert status == 200
    assert "[+]caches excluded: ok\n" in text
    assert 'cannot be excluded: no matches for "typo"\n' in text


async def test_a_check_that_hangs_fails_by_its_deadline(get, checks, monkeypatch) -> None:
    async def hang() -> None:
        await healthz.asyncio.Event().wait()

    monkeypatch.setattr(healthz, "CHECK_TIMEOUT", 0.01)
    checks["hang"] = hang
    assert await get("/readyz/hang") == (500, "internal server error: TimeoutError\n")


async def test_a_check_that_breaks_is_a_failed_check(get, checks) -> None:
    async def broken() -> None:
        raise KeyError("typo")

    checks["broken"] = broken
    assert (await get("/readyz"))[0] == 500


async def test_paths_can_be_configured() -> None:
    app = health_app({}, {}, liveness_path="/live", readiness_path="/ready")
    paths = {resource.canonical for resource in app.router.resources()}
    assert {"/live", "/ready", "/live/{check}", "/ready/{check}"} <= paths
