"""What the server was asked: a record of every request, for tests that count."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from druid_operator.pkg.envtest.apiserver.target import Target

WRITE_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@attrs.define
class Request:
    """One request. ``number`` counts from 1 since the server started (or the log was cleared).

    ``verb`` is ``apply`` for server-side apply; ``name`` is the URL's, or that of a POST's body.
    ``status`` is the answer's, 0 while there is none and for ever if the connection was cut.
    ``executed`` says whether the store carried it out.
    """

    number: int
    verb: str
    target: Target
    user_agent: str = ""
    field_manager: str = ""
    dry_run: bool = False
    name: str = ""
    status: int = 0
    executed: bool = False

    @property
    def kind(self) -> str:
        return self.target.kind

    @property
    def is_write(self) -> bool:
        """A request that may change something; a dry run and a lease are writes too."""
        return self.verb in WRITE_VERBS or self.verb == "apply"

    def __str__(self) -> str:
        where = f"{self.target.namespace}/" if self.target.namespace else ""
        what = f"{self.kind or self.target.path} {where}{self.name}".strip()
        below = f"/{self.target.subresource}" if self.target.subresource else ""
        return f"{self.number} {self.verb} {what}{below} -> {self.status or '-'}"


class RequestLog:
    """Every request since the start or the last :meth:`clear`."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    def begin(
        self,
        target: Target,
        *,
        verb: str,
        user_agent: str,
        field_manager: str,
        dry_run: bool,
        name: str = "",
    ) -> Request:
        request = Request(
            len(self._requests) + 1, verb, target, user_agent, field_manager, dry_run, name
        )
        self._requests.append(request)
        return request

    def __iter__(self) -> Iterator[Request]:
        return iter(tuple(self._requests))

    def __len__(self) -> int:
        return len(self._requests)

    def clear(self) -> None:
        self._requests.clear()

    def select(
        self,
        *,
        verb: str = "",
        kind: str = "",
        name: str = "",
        namespace: str = "",
        subresource: str | None = None,
        user_agent: str = "",
        where: Callable[[Request], bool] | None = None,
    ) -> list[Request]:
        """Requests that match everything given; ``user_agent`` by its beginning."""

        def matches(request: Request) -> bool:
            target = request.target
            return (
                (not verb or request.verb == verb)
                and (not kind or request.kind == kind)
                and (not name or request.name == name)
                and (not namespace or target.namespace == namespace)
                and (subresource is None or target.subresource == subresource)
                and request.user_agent.startswith(user_agent)
                and (where is None or where(request))
            )

        return [request for request in self._requests if matches(request)]

    def count(self, *, verb: str = "", kind: str = "", user_agent: str = "", name: str = "") -> int:
        return len(self.select(verb=verb, kind=kind, user_agent=user_agent, name=name))

    def writes(self, *, user_agent: str = "", leases: bool = False) -> list[Request]:
        """Requests that write. Lease renewals are left out unless asked for: they never end."""
        return self.select(
            user_agent=user_agent,
            where=lambda r: r.is_write and (leases or r.kind != "Lease"),
        )
