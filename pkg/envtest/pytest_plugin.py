"""pytest fixtures: one control plane per session, one namespace per test.

Load it with ``pytest_plugins = ["druid_operator.pkg.envtest.pytest_plugin"]`` in the top
``conftest.py``, and override the fixture ``envtest_crds`` there to have CRDs installed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from druid_operator.pkg.envtest.backend import BACKENDS
from druid_operator.pkg.envtest.crds import CRDSource
from druid_operator.pkg.envtest.environment import Environment

ONLY_REAL = "needs a real control plane: pytest --envtest-backend=binaries (make test-envtest)"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("envtest").addoption(
        "--envtest-backend",
        choices=BACKENDS,
        default=None,
        help="where the API server of the fixture `env` comes from (default: embedded, "
        "or existing if USE_EXISTING_CLUSTER=true)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of the session's environment run on the session's loop: its servers live there."""
    real = config.getoption("--envtest-backend") == "binaries"
    for item in items:
        if "env" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if item.get_closest_marker("envtest") and not real:
            item.add_marker(pytest.mark.skip(reason=ONLY_REAL))


@pytest.fixture(scope="session")
def envtest_crds() -> Sequence[CRDSource]:
    """What ``env`` installs; override it."""
    return ()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def env(
    request: pytest.FixtureRequest, envtest_crds: Sequence[CRDSource]
) -> AsyncIterator[Environment]:
    """The session's control plane, with ``envtest_crds`` installed."""
    backend = request.config.getoption("--envtest-backend")
    async with Environment(envtest_crds, backend=backend) as environment:
        yield environment


@pytest_asyncio.fixture(loop_scope="session")
async def namespace(env: Environment) -> AsyncIterator[str]:
    """A namespace of the test's own; its removal is asked for afterwards, not awaited."""
    name = await env.add_namespace()
    yield name
    await env.remove_namespace(name)


@pytest.fixture
def needs_pods(env: Environment) -> None:
    """For ``usefixtures``: skip where workloads do not become pods, with the reason."""
    if not env.capabilities.pods:
        pytest.skip(env.capabilities.without_pods)
