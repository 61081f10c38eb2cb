"""The fake is held to what real Druids answered: same status, same content type, same JSON shape.

Exchanges are replayed in their order against one fake per chain, with a clock that follows the
recorded dates. What Druid makes of a document must be equal, not only alike. What cannot be
replayed is listed with the reason.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from yarl import URL

from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.fake import Behaviour, FakeDruid

HERE = Path(__file__).parent / "recordings"


@attrs.frozen
class Chain:
    """Folders of one cluster, in the order they were recorded, and what that cluster was like."""

    folders: tuple[str, ...]
    version: str = "33.0.0"
    behaviour: dict[str, Any] = attrs.field(factory=dict)


ADMIN = ("admin", "adminpw")
CHAINS = {
    "33": Chain(
        ("01-basic-tasks", "02-supervisors", "03-states", "04-kafka-real", "05-batch-coordinator"),
    ),
    "33-two-leaders": Chain(("07-two-overlords",)),
    "33-secured": Chain(("08-auth", "09-msq"), behaviour={"basic_auth": ADMIN, "sql_tasks": True}),
    "33-failing": Chain(("10-unhealthy-tasks-topic",)),
    "37": Chain(("20-v37-supervisors", "21-v37-topic"), version="37.0.0"),
}
#: Recorded while a leader was away; only their refusals are used.
PARSED_ONLY = ("06-restart-decommission",)

#: Which process a recording asked, where it was not a router or a leader.
FOLLOWERS = ("overlord", "coordinator2")

#: Why an exchange is not replayed: by service, then by name.
UNUSED_SERVICES = {
    "indexer": "asked at a data service; the fake is a router and a Coordinator-Overlord",
    "broker": "asked at a data service",
    "historical": "asked at a data service",
}
UNUSED = {
    "07-two-overlords/018-*": "an Overlord that is no Coordinator is not modelled",
    "07-two-overlords/failover-*": "the moment of a failover; its refusals are parsed",
    "08-auth/02[79]-*": "other users than one are not modelled",
    "08-auth/0[23][0-9]-*-system*": "other users than one are not modelled",
    "08-auth/03[5-9]-*": "the security extension's own API is not modelled",
    "08-auth/04*": "the security extension's own API is not modelled",
    "08-auth/05[0-4]-*": "the security extension's own API is not modelled",
    "08-auth/032-*": "asks for HTML",
    "08-auth/*noperm*": "other users than one are not modelled",
    "08-auth/07[789]-*": "the security extension's own API is not modelled",
    "08-auth/*-op-*": "other users than one are not modelled",
    "08-auth/09*": "the security extension's own API is not modelled",
    "08-auth/02[23]-*": "lists a module that says nothing of itself",
    "09-msq/002-*": "statements are not modelled: the operator runs tasks",
    "09-msq/012-*": "a parser's list of what it expected",
    "09-msq/003-*": "lists modules that say nothing of themselves",
    "09-msq/006-*": "stages of a query are not modelled",
    "09-msq/008-*": "stages of a query are not modelled",
    "09-msq/009-*": "the plan of a query is not modelled",
    "09-msq/01[57]-*": "other users than one are not modelled",
    "09-msq/019-*": "queries are not evaluated",
    "09-msq/02[01]-*": "queries are not evaluated",
    "09-msq/02[3-7]-*": "statements are not modelled: the operator runs tasks",
    "09-msq/063-*": "queries are not evaluated",
    "09-msq/06[4-7]-*": "other users than one are not modelled",
    "04-kafka-real/012-*": "the payload of a streaming task is not asked for",
    "21-v37-topic/002-*": "its third module came from an extension that says nothing of itself",
    "21-v37-topic/029-*": "the Broker's configuration is not modelled",
    "*/06?-task-404-log": "the log of a task is not asked for",
    "05-batch-coordinator/*loadstatus*": "segments are not modelled",
    "05-batch-coordinator/*segment*": "segments are not modelled",
    "05-batch-coordinator/*duties*": "Coordinator duties are not modelled",
    "05-batch-coordinator/*-ds-*unknown": "segments are not modelled",
    "05-batch-coordinator/03[2-9]-*": "segments are not modelled",
    "05-batch-coordinator/02[0-9]-*": "segments and servers are not modelled",
    "05-batch-coordinator/03[01]-*": "segments and servers are not modelled",
    "05-batch-coordinator/004-*": "segments are not modelled",
    "05-batch-coordinator/04[1-4]-sql*": "SQL beyond counting rows is not modelled",
    "05-batch-coordinator/045-sql*": "SQL beyond counting rows is not modelled",
    "05-batch-coordinator/*-lk-*": "lookups are not modelled",
    "05-batch-coordinator/14[2-9]-*": "segments are not modelled",
    "05-batch-coordinator/151-*": "locks are not modelled",
    "05-batch-coordinator/152-*": "segments are not modelled",
    "05-batch-coordinator/018-*": "firehoses and parsers are not modelled",
    "21-v37-topic/007-*": "asks for HTML",
    "21-v37-topic/012-*": "asks for HTML",
    "21-v37-topic/027-*": "the Broker's configuration is not modelled",
    "04-kafka-real/010-*": "row counts of streams are the test's to decide",
}

#: Objects whose keys are data: their values are compared, their keys are not.
MAPS = {
    "latestOffsets", "minimumLag", "startingOffsets", "currentOffsets", "lag", "tieredReplicants",
    "currCapacityUsedByTaskType",
}  # fmt: skip
MAP_ANSWERS = (
    r"/stats$", r"/taskStatus$", r"/supervisor/history$", r"/rules$", r"/worker/.*/(en|dis)able$",
)  # fmt: skip

#: Answers that must be equal, not only alike: what Druid makes of a document.
EXACT = (
    r"/supervisor\?full$",
    r"/supervisor/(?!history)[^/?]+$",
    r"/compaction/ds1$",
    r"/datasources/ds1$",
    r"/rules/[^/?]+(\?full)?$",
)


#: What depends on the fraction of a second at which it was asked.
TIMED = {"state", "detailedState"}


class Exchange:
    """One request and its answer. ``name`` is ``folder/number-what``."""

    def __init__(self, folder: str, data: dict[str, Any]) -> None:
        self.name = f"{folder}/{data['name']}"
        self.service: str = data["service"]
        self.request: dict[str, Any] = data["request"]
        self.response: dict[str, Any] = data["response"]

    @property
    def unused(self) -> str:
        """Why it is not replayed, empty if it is."""
        if self.service in UNUSED_SERVICES:
            return UNUSED_SERVICES[self.service]
        return next((why for p, why in UNUSED.items() if fnmatch.fnmatch(self.name, p)), "")

    @property
    def status(self) -> int:
        return int(self.response["status"])

    @property
    def content_type(self) -> str | None:
        return self.response["headers"].get("Content-Type")

    @property
    def moment(self) -> datetime | None:
        """When it was answered, as finely as the answer tells."""
        body = self.response.get("json")
        if isinstance(body, dict) and "generationTime" in body:
            return datetime.fromisoformat(body["generationTime"])
        date = self.response["headers"].get("Date")
        # A router adds its own Date to the one it forwards.
        return parsedate_to_datetime(date.split(", Mon", 1)[0]).astimezone(UTC) if date else None

    @property
    def text(self) -> str:
        """The answer as text; re-encoded where only its JSON was kept."""
        body = self.response.get("json")
        return json.dumps(body) if body is not None else str(self.response.get("text") or "")

    @property
    def body(self) -> Any:
        """The answer decoded, by a reader that forgives Jetty 12 its raw newlines."""
        return parse(self.text)


def exchanges(folder: str) -> list[Exchange]:
    lines = (HERE / f"{folder}.jsonl").read_text().splitlines()
    return [Exchange(folder, json.loads(line)) for line in lines]


def parse(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return text


def differences(was: Any, now: Any, path: str, *, keys_are_data: bool = False) -> Iterator[str]:
    """Where ``now`` has another shape than ``was``. Null stands for any shape."""
    if was is None or now is None:
        return
    if kind(was) != kind(now):
        yield f"{path}: {kind(now)} for {kind(was)}"
    elif isinstance(was, list):
        for n, (a, b) in enumerate(zip(*aligned(was, now), strict=False)):
            yield from differences(a, b, f"{path}[{n}]")
    elif isinstance(was, dict) and keys_are_data:
        common = sorted(was.keys() & now.keys())
        pairs = [(was[k], now[k]) for k in common] or zip(was.values(), now.values(), strict=False)
        for a, b in pairs:
            yield from differences(a, b, f"{path}.*", keys_are_data=path.endswith("/stats"))
    elif isinstance(was, dict):
        for key in sorted(was.keys() ^ now.keys()):
            yield f"{path}.{key}: {'missing' if key in was else 'not in the recording'}"
        for key in sorted(was.keys() & now.keys()):
            yield from nested(key, was[key], now[key], f"{path}.{key}")


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def unequal(was: Any, now: Any, path: str = "$") -> Iterator[str]:
    """Where two answers of the same shape differ in value."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() & now.keys()):
            if key not in TIMED:
                yield from unequal(was[key], now[key], f"{path}.{key}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        if path.endswith("dimensionExclusions"):
            was, now = sorted(was), sorted(now)  # a set of Java has no order
        for n, (a, b) in enumerate(zip(*aligned(was, now), strict=True)):
            yield from unequal(a, b, f"{path}[{n}]")
    elif was != now:
        yield f"{path}: {now!r} for {was!r}"


def aligned(was: list[Any], now: list[Any]) -> tuple[list[Any], list[Any]]:
    """Listings have no order of their own: pair the rows that have the same id."""
    if not all(has(row, "id") for row in (*was, *now)):
        return was, now
    mine = {row["id"]: row for row in now}
    common = [row for row in was if row["id"] in mine]
    if not common:
        return was, now
    return common, [mine[row["id"]] for row in common]


def nested(key: str, was: Any, now: Any, path: str) -> Iterator[str]:
    if key == "specString":
        was, now = json.loads(was), json.loads(now)
    yield from differences(was, now, path, keys_are_data=key in MAPS)


class Replay:
    """One fake, asked what the real one was asked."""

    def __init__(self, druid: FakeDruid, clock: FakeClock, http: aiohttp.ClientSession) -> None:
        self.druid, self.clock, self.http = druid, clock, http
        self.ids: dict[str, str] = {}

    async def check(self, exchange: Exchange) -> list[str]:
        moment = exchange.moment
        if moment is not None and moment > self.clock.now():
            self.clock.step((moment - self.clock.now()).total_seconds())
        self.druid.behaviour.router = exchange.service == "router"
        follows = exchange.service in FOLLOWERS
        self.druid.behaviour.leader = "other" if follows else "here"
        status, content_type, body = await self._ask(exchange)
        self._learn(exchange.body, body)
        return list(self._compare(exchange, status, content_type, body))

    async def _ask(self, exchange: Exchange) -> tuple[int, str | None, Any]:
        request = exchange.request
        path = request["path"]
        for recorded, mine in self.ids.items():
            path = path.replace(recorded, mine)
        sent = request["body"]
        data = sent if isinstance(sent, str) else json.dumps(sent)
        headers = {"Accept": "*/*", **request["headers"]}
        async with self.http.request(
            request["method"], URL(self.druid.url + path, encoded=True), headers=headers,
            data=None if sent is None else data.encode(), allow_redirects=False,
            skip_auto_headers=("Content-Type",),
        ) as response:  # fmt: skip
            text = await response.text()
            return response.status, response.headers.get("Content-Type"), parse(text)

    def _learn(self, was: Any, now: Any) -> None:
        """Generated ids differ: remember which of ours stands for which of theirs."""
        pairs = [(was, now)]
        for path in (("payload", "activeTasks"),):
            for key in path:
                pairs = [(a[key], b[key]) for a, b in pairs if has(a, key) and has(b, key)]
            for a, b in pairs:
                for x, y in zip(a, b, strict=False):
                    self.ids[x["id"]] = y["id"]
        if has(was, "task") and has(now, "task") and was["task"] != now["task"]:
            self.ids[was["task"]] = now["task"]

    def _compare(
        self, exchange: Exchange, status: int, content_type: str | None, body: Any
    ) -> Iterator[str]:
        response = exchange.response
        if status != response["status"]:
            yield f"status {status} for {response['status']}: {str(body)[:200]}"
            return
        recorded_type = response["headers"].get("Content-Type")
        if content_type != recorded_type:
            yield f"content type {content_type} for {recorded_type}"
        path = exchange.request["path"].partition("?")[0]
        was = exchange.body
        keys_are_data = any(re.search(p, path) for p in MAP_ANSWERS)
        root = "$/stats" if path.endswith("/stats") else "$"
        yield from differences(was, body, root, keys_are_data=keys_are_data)
        read = exchange.request["method"] == "GET" and status == 200
        if read and any(re.search(p, exchange.request["path"]) for p in EXACT):
            yield from unequal(was, body)


def has(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value


@pytest.mark.parametrize("name", CHAINS)
async def test_the_fake_answers_what_was_recorded(name: str) -> None:
    chain = CHAINS[name]
    given = {"sql_tasks": False, "extensions": frozenset({"kafka"}), **chain.behaviour}
    behaviour = Behaviour(start_delay=None, unhealthy_after=None, lag_after=None, **given)
    clock = FakeClock(wall=datetime(2026, 11, 23, tzinfo=UTC))
    wrong: list[str] = []
    used = 0
    async with (
        FakeDruid(version=chain.version, behaviour=behaviour, clock=clock) as druid,
        aiohttp.ClientSession() as http,
    ):
        replay = Replay(druid, clock, http)
        druid.cluster.worker = "127.0.0.1:43811"
        for exchange in (e for folder in chain.folders for e in exchanges(folder)):
            if not exchange.unused:
                used += 1
                wrong += [f"{exchange.name}: {what}" for what in await replay.check(exchange)]
    assert not wrong, f"{len(wrong)} of {used}:\n" + "\n".join(wrong)


def every_exchange() -> Iterator[Exchange]:
    for folder in (*(f for c in CHAINS.values() for f in c.folders), *PARSED_ONLY):
        yield from exchanges(folder)


def test_every_reason_still_hides_something() -> None:
    """A reason that matches no exchange is a leftover."""
    names = [e.name for e in every_exchange()]
    assert [p for p in UNUSED if not fnmatch.filter(names, p)] == []


def test_every_recorded_refusal_is_understood() -> None:
    """By class, in Druid's own words, without its wrapping."""
    classes = {
        307: errors.NotLeader, 400: errors.Rejected, 401: errors.AuthFailed,
        403: errors.AuthFailed, 404: errors.NotFound, 405: errors.Rejected, 406: errors.Rejected,
        415: errors.Rejected, 502: errors.NotReady, 503: errors.NotReady,
    }  # fmt: skip
    seen = 0
    for exchange in every_exchange():
        if exchange.status < 300 or exchange.request["path"].endswith("/health"):
            continue
        seen += 1
        error = errors.from_answer(exchange.status, exchange.text)
        if exchange.status != 500:
            assert type(error) is classes[exchange.status], exchange.name
        assert error.message, exchange.name
        assert len(error.message) <= errors.MAX_MESSAGE
        if "html" not in (exchange.content_type or ""):
            wrapping = ("servlet", "druidException", "&gt;", "&apos;", "org.apache.druid.error.")
            assert not [w for w in wrapping if w in error.message], (exchange.name, error.message)
    assert seen > 200


def test_a_users_mistake_in_a_500_is_not_retried() -> None:
    words = {
        "20-v37-supervisors/059-noopsup-reset": "not supported by supervisor",
        "21-v37-topic/005-tc-topic-change": "not supported for a running supervisor",
        "04-kafka-real/041-resetOffsets-badstream": "doesn't exist in the supervisor",
    }
    found = {e.name: e for e in every_exchange() if e.name in words}
    assert found.keys() == words.keys()
    for name, exchange in found.items():
        error = errors.from_answer(exchange.status, exchange.text)
        assert isinstance(error, errors.Rejected)
        assert words[name] in error.message
