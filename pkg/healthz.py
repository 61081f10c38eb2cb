"""Probes: named checks behind ``/healthz`` (is this process alive?) and ``/readyz`` (should it
serve?).

The answers are those of every Kubernetes component, so that people and tools know how to ask:
``/readyz/NAME`` runs one check, ``?verbose`` lists all, ``?exclude=NAME`` leaves one out. Without
``?verbose`` success is two letters, and a failure always lists.

Why a check failed goes to the log and to its own path; the summary withholds it, since probes are
open to whoever reaches the port. Source: apiserver ``healthz``, controller-runtime ``pkg/healthz``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import attrs
from aiohttp import web

from druid_operator.pkg import log
from druid_operator.pkg.errors import OperatorError

#: A check returns when all is well and raises when not; any exception will do.
Checker: TypeAlias = Callable[[], Awaitable[None]]

#: Seconds for one check. The kubelet's own default is 1 s for a whole probe, and most set 5 or 10.
CHECK_TIMEOUT = 5.0


class CheckFailed(OperatorError):
    """What a check raises; the message says what is missing."""


async def ping() -> None:
    """The check that the event loop itself passes by answering at all."""


@attrs.frozen
class Failure:
    """One failed check."""

    name: str
    reason: str


@attrs.frozen
class Report:
    """What the checks of one probe found, in the order of their names.

    Args:
        probe: ``healthz`` or ``readyz``.
        passed, excluded: names of checks.
        failures: those that failed, with why.
        unknown: names to be excluded that are no check's.
    """

    probe: str
    passed: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    excluded: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def text(self) -> str:
        """The list that ``?verbose`` and every failure show."""
        lines = {
            **{name: f"[+]{name} ok" for name in self.passed},
            **{name: f"[+]{name} excluded: ok" for name in self.excluded},
            **{f.name: f"[-]{f.name} failed: reason withheld" for f in self.failures},
        }
        body = [lines[name] for name in sorted(lines)]
        if self.unknown:
            names = ",".join(f'"{name}"' for name in self.unknown)
            body.append(f"warn: some health checks cannot be excluded: no matches for {names}")
        body.append(f"{self.probe} check {'failed' if self.failures else 'passed'}")
        return "\n".join(body) + "\n"


async def check_all(
    probe: str, checks: Mapping[str, Checker], *, exclude: Iterable[str] = ()
) -> Report:
    """Run ``checks`` side by side, each within ``CHECK_TIMEOUT``."""
    left_out = set(exclude)
    asked = sorted(set(checks) - left_out)
    async with asyncio.TaskGroup() as group:
        running = {name: group.create_task(_failure_of(name, checks[name])) for name in asked}
    found = {name: task.result() for name, task in running.items()}
    return Report(
        probe,
        passed=tuple(name for name in asked if found[name] is None),
        failures=tuple(f for f in found.values() if f is not None),
        excluded=tuple(sorted(left_out & set(checks))),
        unknown=tuple(sorted(left_out - set(checks))),
    )


async def _failure_of(name: str, check: Checker) -> Failure | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
        return Failure(name, str(error) or type(error).__name__)
    return None


def health_app(
    healthz: Mapping[str, Checker],
    readyz: Mapping[str, Checker],
    *,
    liveness_path: str = "/healthz",
    readiness_path: str = "/readyz",
) -> web.Application:
    """The application of the probe address. The mappings are read anew for every request."""
    app = web.Application()
    for path, checks in ((liveness_path, healthz), (readiness_path, readyz)):
        probe = _Probe(path.strip("/"), checks)
        app.router.add_get(path, probe.summary)
        app.router.add_get(path + "/", probe.summary)
        app.router.add_get(path + "/{check}", probe.single)
    return app


@attrs.frozen
class _Probe:
    name: str
    checks: Mapping[str, Checker]

    async def summary(self, request: web.Request) -> web.Response:
        exclude = request.query.getall("exclude", [])
        report = await check_all(self.name, self.checks, exclude=exclude)
        if report.failures:
            for failure in report.failures:
                log.logger().warning(
                    "Probe check failed", path=f"/{self.name}/{failure.name}", error=failure.reason
                )
            return _answer(500, report.text())
        return _answer(200, report.text() if "verbose" in request.query else "ok")

    async def single(self, request: web.Request) -> web.Response:
        name = request.match_info["check"]
        check = self.checks.get(name)
        if check is None:
            return _answer(404, f"no check named {name}\n")
        failure = await _failure_of(name, check)
        if failure is not None:
            return _answer(500, f"internal server error: {failure.reason}\n")
        return _answer(200, "ok")


def _answer(status: int, text: str) -> web.Response:
    headers = {"Cache-Control": "no-cache, private", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, text=text, headers=headers)
