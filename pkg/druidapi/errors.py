"""What can go wrong with a call to Druid, sorted by what the caller should do next.

    DruidError
    ├── NotReady              no leader, a restart, a proxy without an upstream: soon again
    │   ├── NotSent           no connection: nothing reached Druid
    │   ├── NotLeader         a redirect that we were not allowed to follow
    │   └── NotDruid          a read was answered, and not by Druid
    ├── ProxyDisabled         the router does not forward management calls: the cluster must change
    ├── NotFound              trusted: the leader answered, and it has no such thing
    ├── Rejected              Druid refuses the document: no retry until it or Druid changes
    ├── AuthFailed            401, or 403: who we are, or what we may
    ├── Capacity              the task queue is full
    ├── ServerError           any other failure inside Druid
    ├── Timeout               a read took too long
    └── OutcomeUnknown        a mutation went out and no answer came: read before acting again

Druid has no uniform error body, so one parser reads them all (:func:`error_body`). Its texts may
carry pieces of a spec: whoever shows them to people redacts them first.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any, ClassVar

import attrs

from druid_operator.pkg import errors

#: A task's error can be a whole Java stack trace; conditions and events want the first lines.
MAX_MESSAGE = 1024


@attrs.frozen
class Backoff:
    """Seconds before the next attempt: the first, and the most after doubling."""

    first: float
    cap: float


class DruidError(errors.OperatorError):
    """The root of this tree.

    Attributes:
        message: Druid's own words, at most ``MAX_MESSAGE`` characters.
        status: HTTP status, 0 when there was no answer.
        code: Druid's ``errorCode``, empty when the body had none.
        call: ``METHOD /path`` of the request.
        retryable: whether the same call can succeed later without anybody changing anything.
        backoff: how to space attempts (the classes of a Druid outage differ by two orders).
    """

    retryable: ClassVar[bool] = True
    backoff: ClassVar[Backoff] = Backoff(5, 300)

    def __init__(self, message: str, *, status: int = 0, code: str = "", call: str = "") -> None:
        self.message = shorten(message)
        self.status = status
        self.code = code
        self.call = call
        super().__init__(self.message)

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.call, str(self.status or ""))))
        return f"{where}: {self.message}" if where else self.message


class NotReady(DruidError):
    """No leader yet, a restart, a failover: normal for 10 to 90 seconds."""

    backoff = Backoff(2, 30)


class NotSent(NotReady, errors.RequestNotSent):
    """No connection could be made (refused, name unknown, TLS): Druid has seen nothing."""

    backoff = Backoff(10, 30)


class NotLeader(NotReady):
    """A 307 to an address that the connection does not know as part of the cluster."""


class NotDruid(NotReady):
    """An answer in a shape that Druid never gives: a login page, a mesh's or a gateway's words."""


class ProxyDisabled(DruidError):
    """The router's management proxy is off, so every management path is a plain 404.

    Reading that 404 as "no such supervisor" would create everything a second time.
    """

    retryable = False
    backoff = Backoff(60, 300)


class NotFound(DruidError):
    """The leader was asked and has no such supervisor, task or configuration."""

    retryable = False


class Rejected(DruidError, errors.TerminalError):
    """Druid refuses what was sent. Trying again needs another document or another Druid."""

    retryable = False
    backoff = Backoff(600, 1800)

    def __init__(self, message: str, *, status: int = 0, code: str = "", call: str = "") -> None:
        super().__init__(message, status=status, code=code, call=call)
        self.reason = "SpecRejected"


class AuthFailed(DruidError):
    """401 or 403. Retried slowly: nodes read users and roles once a minute, so it can pass."""

    backoff = Backoff(60, 60)


class Capacity(DruidError):
    """The queue of tasks is full (429; before Druid 31 a 500 that says "Too many tasks")."""

    backoff = Backoff(30, 300)


class ServerError(DruidError):
    """A failure inside Druid that is none of the above."""


class Timeout(DruidError):
    """A read did not end in time. Nothing was changed by it."""


class OutcomeUnknown(DruidError, errors.OutcomeUnknown):
    """A mutation may or may not have been carried out. Read first; not before a minute again."""

    backoff = Backoff(60, 300)


@attrs.frozen
class ErrorBody:
    """What a failure body says, whatever its shape."""

    message: str
    code: str = ""
    category: str = ""


#: Java puts exception class names in front of its messages, sometimes two of them.
_CLASS_PREFIX = re.compile(r"^(?:(?:[a-z][\w$]*\.)+[\w$]*(?:Exception|Error|ISE|IAE|RE|UOE): )+")

#: What a gateway or proxy says by itself is a page. Druid is asked for JSON, and answers so.
_PAGE = re.compile(r"\s*<(?:!doctype )?html", re.IGNORECASE)
_PAGE_TITLE = re.compile(r"<title>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)

#: One Druid service quotes another's refusal whole.
_FORWARDED = re.compile(r"Server error \[[^\]]*\]; body: (\{.*\})$", re.DOTALL)


def error_body(text: str) -> ErrorBody:
    """Read any of Druid's failure bodies: ``{"error"}``, DruidException, query errors, the Jetty
    page, ``Access-Check-Result``, plain text, nothing.

    ``strict=False``: the Jetty 12 page (Druid 35 and later) is JSON with raw newlines in strings.
    """
    try:
        body = json.loads(text, strict=False)
    except ValueError:
        title = _PAGE_TITLE.search(text) if _PAGE.match(text) else None
        return ErrorBody(html.unescape(title[1]) if title else text.strip())
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]  # SQL tasks wrap a DruidException in {taskId, state, error}
    if not isinstance(body, dict):
        return ErrorBody(text.strip())
    forwarded = _FORWARDED.search(_message(body))
    if forwarded is not None:
        return error_body(forwarded[1])
    return ErrorBody(
        message=_message(body) or text.strip(),
        code=_text(body.get("errorCode")),
        category=_text(body.get("category")),
    )


def _message(body: dict[str, Any]) -> str:
    error = _text(body.get("error"))
    plain = _text(body.get("errorMessage")) or ("" if error == "druidException" else error)
    if plain:
        return plain
    page = _text(body.get("message")) or _text(body.get("cause0"))
    if page:
        # Only the error page escapes for HTML; unescaping the others would change Druid's words.
        return _CLASS_PREFIX.sub("", html.unescape(page))
    return _text(body.get("Access-Check-Result"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def shorten(text: str) -> str:
    """Cut at ``MAX_MESSAGE`` characters, marking the cut."""
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


_BY_STATUS: dict[int, type[DruidError]] = {
    400: Rejected, 401: AuthFailed, 403: AuthFailed, 405: Rejected, 406: Rejected, 409: Rejected,
    413: Rejected, 415: Rejected, 422: Rejected, 429: Capacity, 501: Rejected, 502: NotReady,
    503: NotReady, 504: NotReady,
}  # fmt: skip

_BY_CATEGORY: dict[str, type[DruidError]] = {
    "INVALID_INPUT": Rejected, "UNSUPPORTED": Rejected, "CONFLICT": Rejected,
    "UNAUTHORIZED": AuthFailed, "FORBIDDEN": AuthFailed, "CAPACITY_EXCEEDED": Capacity,
    "SERVICE_UNAVAILABLE": NotReady, "TIMEOUT": NotReady,
}  # fmt: skip

#: Druid maps a DruidException to its status only where a resource catches it. Elsewhere a user's
#: mistake is a 500, and only these words tell it from a crash (seen on 33.0.0 and 37.0.0).
_REFUSED_IN_500 = (
    "is not supported by supervisor",
    "is not supported for a running supervisor",
    "doesn't exist in the supervisor",
)

#: A router without a Broker: as passing as a missing leader, and a 500 on every query path.
_NOT_READY_IN_500 = ("There are no available brokers",)


def from_answer(status: int, text: str, *, call: str = "") -> DruidError:
    """The error for a failure answer. 404 is answered as ``NotFound``: whether it can be trusted
    is for the client to find out."""
    body = error_body(text)
    message = body.message or f"Druid answered {status} without a word"
    # A refusal would hold until the document changes. (Only 400 is in doubt: 413 is true of the
    # document whoever says it, and the other classes are looked at again.)
    foreign = status == 400 and _PAGE.match(text)
    kind = NotDruid if foreign else _class_of(status, body)
    return kind(message, status=status, code=body.code, call=call)


def _class_of(status: int, body: ErrorBody) -> type[DruidError]:
    if status == 404:
        return NotFound
    if 300 <= status < 400:
        return NotLeader
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if body.category in _BY_CATEGORY:
        return _BY_CATEGORY[body.category]
    if any(words in body.message for words in _REFUSED_IN_500):
        return Rejected
    if any(words in body.message for words in _NOT_READY_IN_500):
        return NotReady
    if "Too many tasks" in body.message:
        return Capacity
    return ServerError if status >= 500 else Rejected
