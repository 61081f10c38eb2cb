"""Admission reviews, ``admission.k8s.io/v1``: the question, the answer, and what is denied.

Source: k8s.io/api ``admission/v1``; controller-runtime ``pkg/webhook/admission``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import attrs

from druid_operator.pkg.errors import APIError, BadRequest, FieldError, TerminalError
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


class Denied(TerminalError):
    """The webhook's no; the message is what the user reads."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="Forbidden")


@attrs.frozen(kw_only=True)
class AdmissionRequest:
    """What somebody wants to do.

    Attributes:
        uid: of the request, not of the object.
        kind: of the object as it is sent here, in the version that the webhook asked for.
        key: namespace and name; with ``generateName`` the name is still empty on a creation.
        operation: what is done.
        object: as it is to be; ``None`` for a deletion.
        old_object: as it is; ``None`` for a creation.
        sub_resource: the part that is written, empty for the object.
        user_info: who (``username``, ``groups``, ...).
        dry_run: nothing will be stored: a webhook must have no side effects then.
        options: of the operation (``CreateOptions``, ...).
    """

    uid: str
    kind: GroupVersionKind
    key: NamespacedName
    operation: Operation
    object: JSON | None = attrs.field(default=None, repr=False)
    old_object: JSON | None = attrs.field(default=None, repr=False)
    sub_resource: str = ""
    user_info: Mapping[str, Any] = attrs.field(factory=dict)
    dry_run: bool = False
    options: Mapping[str, Any] | None = None


@attrs.frozen(kw_only=True)
class AdmissionResponse:
    """The answer.

    Attributes:
        allowed: whether it may be done.
        code, reason, message: of a refusal; as in a ``Status``.
        details: of a refusal by fields.
        warnings: shown to the user either way.
        patch: JSON patch operations, of a mutating webhook.
    """

    allowed: bool
    code: int = 200
    reason: str = ""
    message: str = ""
    details: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    patch: Sequence[JSON] = ()


class AdmissionHandler(Protocol):
    """Answers admission requests. What it raises is turned into a refusal."""

    async def handle(self, request: AdmissionRequest, /) -> AdmissionResponse: ...


def decode_review(review: Any) -> AdmissionRequest:
    """Raises ``BadRequest`` for what is no ``AdmissionReview`` with a request."""
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise BadRequest("expected an AdmissionReview")
    request = review.get("request")
    if review.get("apiVersion") != "admission.k8s.io/v1" or not isinstance(request, dict):
        raise BadRequest("expected an AdmissionReview of admission.k8s.io/v1 with a request")
    try:
        kind = request["kind"]
        return AdmissionRequest(
            uid=request["uid"],
            kind=GroupVersionKind(kind.get("group") or "", kind["version"], kind["kind"]),
            key=NamespacedName(request.get("namespace") or "", request.get("name") or ""),
            operation=request["operation"],
            object=request.get("object"),
            old_object=request.get("oldObject"),
            sub_resource=request.get("subResource") or "",
            user_info=request.get("userInfo") or {},
            dry_run=bool(request.get("dryRun")),
            options=request.get("options"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"the AdmissionReview's request is incomplete: {error}") from error


def encode_review(uid: str, response: AdmissionResponse, patch: bytes | None) -> JSON:
    """The review that answers the request ``uid``.

    Args:
        patch: the response's patch in base64, if it has one.
    """
    status: JSON = {"code": response.code}
    if response.reason:
        status["reason"] = response.reason
    if response.message:
        status["message"] = response.message
    if not response.allowed:
        status["status"] = "Failure"
    if response.details:
        status["details"] = dict(response.details)
    answer: JSON = {"uid": uid, "allowed": response.allowed, "status": status}
    if response.warnings:
        answer["warnings"] = list(response.warnings)
    if patch is not None:
        answer["patch"] = patch.decode()
        answer["patchType"] = "JSONPatch"
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}


def errored(code: int, message: str) -> AdmissionResponse:
    """A refusal because the question could not be answered."""
    return AdmissionResponse(allowed=False, code=code, message=message)


def refusal_of(error: Exception) -> AdmissionResponse | None:
    """What an exception raised on purpose says; ``None`` for any other."""
    if isinstance(error, APIError):
        return AdmissionResponse(
            allowed=False, code=error.code, reason=error.reason, message=error.message,
            details=error.details or None,
        )  # fmt: skip
    errors: Sequence[FieldError] = getattr(error, "errors", ())
    if isinstance(error, TerminalError) and errors:
        causes = [{"field": e.path, "message": e.message, "reason": e.reason} for e in errors]
        return AdmissionResponse(
            allowed=False, code=422, reason="Invalid", message=str(error),
            details={"causes": causes},
        )  # fmt: skip
    if isinstance(error, TerminalError):
        return AdmissionResponse(allowed=False, code=403, reason="Forbidden", message=str(error))
    return None
