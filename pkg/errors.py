"""The exception tree of the framework, and how each branch is to be met.

    OperatorError
    ├── TerminalError            the object or the environment must change: no retry
    │   └── InvalidObject        an object that does not decode, with one path per fault
    ├── APIError                 the API server answered with a failure
    │   ├── BadRequest 400 · Unauthorized 401 · Forbidden 403 · NotFound 404
    │   ├── MethodNotAllowed 405 · NotAcceptable 406 · Conflict 409 · AlreadyExists 409
    │   ├── Expired 410 · RequestTooLarge 413 · UnsupportedMediaType 415 · Invalid 422
    │   ├── TooManyRequests 429 · InternalError 500 · ServiceUnavailable 503
    │   └── ServerTimeout 504
    ├── RequestNotSent           no connection: nothing reached the server, safe to repeat
    ├── OutcomeUnknown           a write went out and no answer came: read before acting again
    └── LeaderLost               this process may not write any more

Three classes matter to a reconciler: *terminal* (report, wait for a change), *retryable* (raise,
the queue backs off) and *unknown outcome* (re-read first). Everything that is not terminal is
retryable through the queue, because a reconciler starts from what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs


class OperatorError(Exception):
    """The root: catch it to catch whatever the framework raises on purpose."""


@attrs.frozen
class FieldError:
    """One fault in an object: a JSON path as users write it, and what is wrong there.

    An example path: ``spec.nodes[brokers].druid.port``. ``reason`` is the API's cause type
    (``FieldValueRequired``, ...), empty where no API schema was involved.
    """

    path: str
    message: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class TerminalError(OperatorError):
    """Retrying cannot help until the object, or what it refers to, changes.

    Args:
        message: for the user: what is wrong and what to do.
        reason: CamelCase, from the controller's closed set of condition reasons.
        path: JSON path of the field at fault, empty when there is none.
    """

    def __init__(self, message: str, *, reason: str = "Terminal", path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.reason = reason
        self.path = path


class InvalidObject(TerminalError):
    """An object does not have the shape its type declares. ``errors`` holds every fault found."""

    def __init__(self, errors: Sequence[FieldError], *, reason: str = "InvalidSpec") -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(str(e) for e in self.errors), reason=reason)


class LeaderLost(OperatorError):
    """The lease lapsed or went to another: nothing may be written by this process any more."""


class RequestNotSent(OperatorError):
    """The connection could not be made, so the server has seen nothing. Safe to repeat."""


class OutcomeUnknown(OperatorError):
    """A request went out and its answer did not arrive: it may or may not have been carried out."""


class APIError(OperatorError):
    """The API server answered with a failure ``Status``.

    Attributes:
        code: HTTP status code.
        reason: the ``Status`` reason (``NotFound``, ``Conflict``, ...), or the HTTP phrase.
        message: the server's words.
        details: ``Status.details`` as sent (kind, name, causes), empty if absent.
        retry_after: seconds the server asked us to wait, ``None`` if it did not say.
    """

    default_code: ClassVar[int] = 0
    default_reason: ClassVar[str] = "Unknown"

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code
        self.reason = reason or self.default_reason
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.message} ({self.code} {self.reason})"

    @property
    def causes(self) -> tuple[FieldError, ...]:
        """The field errors in ``details.causes``, as an ``Invalid`` answer carries them."""
        return tuple(
            FieldError(str(c.get("field", "")), str(c.get("message", "")), str(c.get("reason", "")))
            for c in self.details.get("causes") or ()
        )

    @property
    def version_too_large(self) -> bool:
        """A replica was asked for a version that it has not seen yet.

        It comes as a ``Timeout`` with Retry-After; waiting is the wrong answer where any newest
        state would do. Source: apimachinery ``IsTooLargeResourceVersionError``, and its words for
        servers before 1.17.
        """
        return (
            any(cause.reason == "ResourceVersionTooLarge" for cause in self.causes)
            or "Too large resource version" in self.message
        )

    def to_status(self) -> dict[str, Any]:
        """The ``Status`` object that a server sends for this error."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = dict(self.details)
        return status


class BadRequest(APIError):
    default_code, default_reason = 400, "BadRequest"


class Unauthorized(APIError):
    default_code, default_reason = 401, "Unauthorized"


class Forbidden(APIError):
    default_code, default_reason = 403, "Forbidden"


class NotFound(APIError):
    default_code, default_reason = 404, "NotFound"


class MethodNotAllowed(APIError):
    default_code, default_reason = 405, "MethodNotAllowed"


class NotAcceptable(APIError):
    default_code, default_reason = 406, "NotAcceptable"


class Conflict(APIError):
    """Another writer came first, or an apply met another manager's field. Re-read and try again."""

    default_code, default_reason = 409, "Conflict"


class AlreadyExists(APIError):
    default_code, default_reason = 409, "AlreadyExists"


class Expired(APIError):
    """A resource version or continue token is too old: list again."""

    default_code, default_reason = 410, "Expired"


class RequestTooLarge(APIError):
    default_code, default_reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(APIError):
    default_code, default_reason = 415, "UnsupportedMediaType"


class Invalid(APIError):
    """The server refused the object; ``causes`` names the fields."""

    default_code, default_reason = 422, "Invalid"


class TooManyRequests(APIError):
    default_code, default_reason = 429, "TooManyRequests"


class InternalError(APIError):
    default_code, default_reason = 500, "InternalError"


class ServiceUnavailable(APIError):
    default_code, default_reason = 503, "ServiceUnavailable"


class ServerTimeout(APIError):
    default_code, default_reason = 504, "Timeout"


_BY_CODE: Mapping[int, type[APIError]] = {
    cls.default_code: cls
    for cls in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict,
        Expired, RequestTooLarge, UnsupportedMediaType, Invalid, TooManyRequests, InternalError,
        ServiceUnavailable, ServerTimeout,
    )
}  # fmt: skip
_BY_REASON: Mapping[str, type[APIError]] = {
    **{cls.default_reason: cls for cls in _BY_CODE.values()},
    "AlreadyExists": AlreadyExists,
    "Gone": Expired,
    "ServerTimeout": ServerTimeout,
}


def api_error(
    code: int,
    status: Mapping[str, Any],
    *,
    retry_after: float | None = None,
) -> APIError:
    """Build the typed error for a failure answer.

    Args:
        code: the HTTP status code.
        status: the decoded ``Status``; for a body that is none (a proxy's HTML) pass
            ``{"message": <first bytes of the text>}``.
        retry_after: seconds from the ``Retry-After`` header.
    """
    reason = str(status.get("reason") or "")
    # The reason is the finer word (409 is Conflict or AlreadyExists); an unknown one falls to code.
    cls = _BY_REASON.get(reason) or _BY_CODE.get(code) or APIError
    details = status.get("details") or {}
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = float(details["retryAfterSeconds"])
    message = str(status.get("message") or f"the server answered {code}")
    return cls(message, code=code, reason=reason or None, details=details, retry_after=retry_after)
