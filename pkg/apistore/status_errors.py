"""The errors the API server answers, in its words: one function per sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from druid_operator.pkg.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    ServerTimeout,
)
from druid_operator.pkg.meta import Resource

OBJECT_MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)
CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


def _details(resource: Resource, name: str, *, kind: str = "", **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    return {**details, "kind": kind or resource.plural, **more}


def _qualified(resource: Resource, *, kind: bool = False) -> str:
    word = resource.kind if kind else resource.plural
    return f"{word}.{resource.group}" if resource.group else word


def not_found(resource: Resource, name: str) -> NotFound:
    return NotFound(f'{_qualified(resource)} "{name}" not found', details=_details(resource, name))


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    return AlreadyExists(
        f'{_qualified(resource)} "{name}" already exists', details=_details(resource, name)
    )


def conflict(resource: Resource, name: str, reason: str, *, kind: bool = False) -> Conflict:
    """``kind``: the message names the kind, as it does for failed delete preconditions."""
    return Conflict(
        f'Operation cannot be fulfilled on {_qualified(resource, kind=kind)} "{name}": {reason}',
        details=_details(resource, name, kind=resource.kind if kind else ""),
    )


def forbidden(
    resource: Resource, name: str, reason: str, causes: Sequence[dict[str, str]] = ()
) -> Forbidden:
    details = _details(resource, name)
    if causes:
        details["causes"] = list(causes)
    return Forbidden(f'{_qualified(resource)} "{name}" is forbidden: {reason}', details=details)


def invalid(
    kind: str, group: str, name: str, errors: Sequence[FieldError], *, with_kind: bool = True
) -> Invalid:
    """422 with one cause per fault; the message lists them all."""
    texts = [str(error) if error.path else f"<nil>: {error.message}" for error in errors]
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    qualified = f"{kind}.{group}" if group else kind
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    if with_kind:
        details["kind"] = kind
    details["causes"] = [
        {
            "reason": e.reason or "FieldValueInvalid",
            "message": e.message,
            "field": e.path or "<nil>",
        }
        for e in errors
    ]
    return Invalid(f'{qualified} "{name}" is invalid: {listed}', details=details)


def invalid_options(options: str, field: str, reason: str, message: str) -> Invalid:
    """A query parameter is refused: ``options`` is ``PatchOptions``, ``ListOptions`` ..."""
    return invalid(options, "meta.k8s.io", "", [FieldError(field, message, reason)])


def invalid_patch(body: str, problem: str) -> Invalid:
    """What a patch made does not decode: the whole result is quoted back."""
    quoted = body.replace("\\", "\\\\").replace('"', '\\"')
    error = FieldError("patch", f'Invalid value: "{quoted}": {problem}', "FieldValueInvalid")
    return invalid("", "", "", [error], with_kind=False)


def cannot_decode(resource: Resource, kind: str, version: str, problem: str) -> BadRequest:
    return BadRequest(
        f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {problem}'
    )


def too_old(version: int, oldest: int) -> Expired:
    return Expired(f"too old resource version: {version} ({oldest})")


def list_too_old() -> Expired:
    return Expired("The resourceVersion for the provided list is too old.")


def too_large(version: int, current: int) -> ServerTimeout:
    return ServerTimeout(
        f"Timeout: Too large resource version: {version}, current: {current}",
        details={
            "causes": [
                {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            ],
            "retryAfterSeconds": 1,
        },
        retry_after=1.0,
    )
