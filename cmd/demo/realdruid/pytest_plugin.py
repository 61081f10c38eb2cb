"""pytest fixtures: one real Druid and one real Kafka for a session, where they are asked for.

``--real-druid`` asks. Without it, tests marked ``real_druid`` are skipped; with it, what is missing
(Java, Maven, an artifact) is an error and no skip. A failed test shows the end of every log.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio

from druid_operator.cmd.demo.realdruid.assets import DruidAssets, ensure_assets
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.sample import rendered_sample
from druid_operator.pkg.meta import JSON

NOT_ASKED = "needs a real Druid: pytest --real-druid (make test-druid)"
MARKER = "real_druid"
LOG_TAIL = 3000
# Seconds. The session's first test is charged with resolving and booting.
TEST_TIMEOUT = 900

_running = pytest.StashKey[list[RealDruid]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("druid").addoption(
        "--real-druid",
        action="store_true",
        help="resolve Druid and Kafka with Maven, and run the tests marked real_druid on them",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("--real-druid")
    for item in items:
        if not item.get_closest_marker(MARKER):
            continue
        if not asked:
            item.add_marker(pytest.mark.skip(reason=NOT_ASKED))
        elif not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of each process's log to the report of a failed test."""
    report = yield
    if report.failed and item.get_closest_marker(MARKER):
        for druid in item.session.stash.get(_running, []):
            for name in druid.names:
                tail = druid.log(name).read_text(errors="replace")[-LOG_TAIL:]
                report.sections.append((f"end of {druid.log(name)}", tail))
    return report


@pytest.fixture(scope="session")
def druid_assets() -> DruidAssets:
    return ensure_assets(report=lambda line: print(line, file=sys.stderr))


@pytest.fixture(scope="session")
def druid_children() -> list[JSON]:
    """The objects that ``real_druid`` boots from; override it."""
    return rendered_sample()


@pytest.fixture(scope="session")
def druid_ports() -> dict[str, int]:
    """The ports that ``real_druid`` must use, by process; override it."""
    return {}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real_druid(
    request: pytest.FixtureRequest,
    druid_assets: DruidAssets,
    druid_children: list[JSON],
    druid_ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RealDruid]:
    """The session's Druid. A test that stops one of its processes starts it again."""
    directory = tmp_path_factory.mktemp("druid")
    async with RealDruid(druid_assets, druid_children, directory, ports=druid_ports) as druid:
        request.session.stash.setdefault(_running, []).append(druid)
        yield druid


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real_kafka(
    druid_assets: DruidAssets, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealKafka]:
    """The session's Kafka; a test makes a topic of its own."""
    async with RealKafka(druid_assets, tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka
