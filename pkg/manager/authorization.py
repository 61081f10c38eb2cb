"""Who may scrape: the API server is asked whose token it is, and whether he may read the path.

Anonymous requests are refused without asking. Answers are remembered, so that a scrape every few
seconds is no request to the API server: who a token is for one minute, what is allowed for five,
what is refused for half a minute.

Source: controller-runtime ``pkg/metrics/filters`` and the API server's delegating authenticators.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

import attrs
from aiohttp import web
from aiohttp.typedefs import Middleware

from druid_operator.pkg.client import ClientBase, Write
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource

TOKEN_REVIEW = Resource(
    GroupVersionKind("authentication.k8s.io", "v1", "TokenReview"), "tokenreviews", False
)
SUBJECT_ACCESS_REVIEW = Resource(
    GroupVersionKind("authorization.k8s.io", "v1", "SubjectAccessReview"),
    "subjectaccessreviews",
    False,
)
#: Seconds that answers are good for.
TOKEN_TTL = 60.0
ALLOWED_TTL = 300.0
DENIED_TTL = 30.0
#: How many answers of a kind are remembered: more callers than a metrics endpoint ever has.
MAX_REMEMBERED = 1000

V = TypeVar("V")


@attrs.frozen
class User:
    """Who a token is, as the API server says."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@attrs.define
class _Remembered(Generic[V]):
    """Answers with a time to live."""

    clock: Clock
    _answers: dict[Hashable, tuple[float, V]] = attrs.field(factory=dict)

    def get(self, key: Hashable) -> V | None:
        found = self._answers.get(key)
        if found is None or self.clock.monotonic() >= found[0]:
            return None
        return found[1]

    def put(self, key: Hashable, value: V, ttl: float) -> None:
        if len(self._answers) >= MAX_REMEMBERED:
            # Whoever fills this makes others ask again, and no more.
            self._answers.clear()
        self._answers[key] = (self.clock.monotonic() + ttl, value)


class Authorizer:
    """Answers 401, 403 and 500 in the place of what it guards.

    Args:
        client: live and without the fence of a lease: a standby is scraped too.
        clock: how long answers are good for.
    """

    def __init__(self, client: ClientBase, *, clock: Clock | None = None) -> None:
        self._client = client
        clock = clock or SystemClock()
        self._users: _Remembered[User] = _Remembered(clock)
        self._allowed: _Remembered[bool] = _Remembered(clock)

    @property
    def middleware(self) -> Middleware:
        """For the application that is to be guarded."""

        @web.middleware
        async def guard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            refused = await self._refusal(request)
            return refused if refused is not None else await handler(request)

        return guard

    async def _refusal(self, request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return web.Response(status=401, text="Unauthorized\n")
        try:
            user = await self._authenticate(token.strip())
        except OperatorError as error:
            logger().error("Token not reviewed", path=request.path, error=str(error))
            return web.Response(status=500, text="Authentication failed\n")
        if user is None:
            return web.Response(status=401, text="Unauthorized\n")
        verb = request.method.lower()
        try:
            allowed = await self._authorize(user, verb, request.path)
        except OperatorError as error:
            logger().error("Access not reviewed", path=request.path, error=str(error))
            return web.Response(status=500, text=f"Authorization for user {user.name} failed\n")
        if not allowed:
            return web.Response(status=403, text=f"Authorization denied for user {user.name}\n")
        return None

    async def _authenticate(self, token: str) -> User | None:
        # The token itself is not kept.
        key = hashlib.sha256(token.encode()).digest()
        user = self._users.get(key)
        if user is None:
            status = await self._ask(TOKEN_REVIEW, {"token": token})
            if not status.get("authenticated"):
                return None
            user = _user_of(status.get("user") or {})
            self._users.put(key, user, TOKEN_TTL)
        return user

    async def _authorize(self, user: User, verb: str, path: str) -> bool:
        key = (user, verb, path)
        allowed = self._allowed.get(key)
        if allowed is None:
            status = await self._ask(SUBJECT_ACCESS_REVIEW, {
                "user": user.name, "uid": user.uid, "groups": list(user.groups),
                "extra": {name: list(values) for name, values in user.extra},
                "nonResourceAttributes": {"path": path, "verb": verb},
            })  # fmt: skip
            allowed = bool(status.get("allowed"))
            self._allowed.put(key, allowed, ALLOWED_TTL if allowed else DENIED_TTL)
        return allowed

    async def _ask(self, resource: Resource, spec: JSON) -> JSON:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
        review = await self._client.do_write(
            Write(verb="create", resource=resource, key=NamespacedName("", ""), body=body)
        )
        status: JSON = (review or {}).get("status") or {}
        return status


def _user_of(user: Any) -> User:
    return User(
        user.get("username") or "",
        user.get("uid") or "",
        tuple(user.get("groups") or ()),
        tuple((name, tuple(values)) for name, values in sorted((user.get("extra") or {}).items())),
    )
