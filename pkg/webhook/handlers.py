"""Admission handlers made of what an author writes: defaulters, validators, functions."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from druid_operator.pkg.errors import BadRequest, InvalidObject
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.scheme import Kind
from druid_operator.pkg.webhook.admission import (
    AdmissionHandler,
    AdmissionRequest,
    AdmissionResponse,
)
from druid_operator.pkg.webhook.json_diff import json_diff

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

#: What a validator that allows something may say about it.
Warnings = Sequence[str] | None
_ALLOWED = AdmissionResponse(allowed=True)


class Defaulter(Protocol[T]):
    """Fills in what the user left out. Not asked about deletions."""

    async def default(self, obj: T, request: AdmissionRequest, /) -> T:
        """The object as it is to be stored: another one, or ``obj`` if nothing is to change.

        What it raises is the user's answer, as of a :class:`Validator`.
        """
        ...


class Validator(Protocol[T_contra]):
    """Refuses by raising: ``Denied``, ``InvalidObject``, or any ``APIError``.

    Any other exception is a fault of the validator and answered 500.
    """

    async def validate_create(self, obj: T_contra, request: AdmissionRequest, /) -> Warnings: ...

    async def validate_update(
        self, old: T_contra, new: T_contra, request: AdmissionRequest, /
    ) -> Warnings: ...

    async def validate_delete(self, obj: T_contra, request: AdmissionRequest, /) -> Warnings: ...


def _decode(scheme: Scheme, kind: Kind, obj: JSON | None, which: str) -> Any:
    if obj is None:
        raise BadRequest(f"the request has no {which}")
    try:
        return scheme.decode(kind, copy.deepcopy(obj))
    except InvalidObject as error:
        # The API server has checked it against the schema: this webhook's type is another version.
        raise BadRequest(f"the {which} does not decode: {error}") from error


@attrs.frozen
class DefaultingHandler(Generic[T]):
    """Asks a defaulter, and answers the difference that it made as a patch.

    The difference is taken between the typed object before and after, so a field that the type does
    not know is in neither, and stays.
    """

    scheme: Scheme
    kind: Kind
    defaulter: Defaulter[T]

    async def handle(self, request: AdmissionRequest, /) -> AdmissionResponse:
        if request.operation in ("DELETE", "CONNECT"):
            return _ALLOWED
        before: Any = _decode(self.scheme, self.kind, request.object, "object")
        seen = self.scheme.encode(before)
        if seen is before:  # a dictionary: the defaulter may change it in place
            before = copy.deepcopy(seen)
        after = await self.defaulter.default(before, request)
        return AdmissionResponse(allowed=True, patch=json_diff(seen, self.scheme.encode(after)))


@attrs.frozen
class ValidatingHandler(Generic[T]):
    """Asks a validator."""

    scheme: Scheme
    kind: Kind
    validator: Validator[T]

    async def handle(self, request: AdmissionRequest, /) -> AdmissionResponse:
        def decode(obj: JSON | None, which: str) -> Any:
            return _decode(self.scheme, self.kind, obj, which)

        warnings: Warnings = None
        match request.operation:
            case "CREATE":
                obj = decode(request.object, "object")
                warnings = await self.validator.validate_create(obj, request)
            case "UPDATE":
                old = decode(request.old_object, "old object")
                new = decode(request.object, "object")
                warnings = await self.validator.validate_update(old, new, request)
            case "DELETE":
                obj = decode(request.old_object, "old object")
                warnings = await self.validator.validate_delete(obj, request)
            case "CONNECT":
                pass  # an object that is only reached through is not changed
        return AdmissionResponse(allowed=True, warnings=tuple(warnings or ()))


@attrs.frozen
class MultiHandler:
    """Several handlers as one: the first refusal is the answer, and warnings add up.

    They all see the request as it came, so only one of them should patch; the patches of several
    are sent one after the other.
    """

    handlers: Sequence[AdmissionHandler]

    async def handle(self, request: AdmissionRequest, /) -> AdmissionResponse:
        warnings: tuple[str, ...] = ()
        patch: list[JSON] = []
        for handler in self.handlers:
            response = await handler.handle(request)
            warnings += response.warnings
            if not response.allowed:
                return attrs.evolve(response, warnings=warnings)
            patch += response.patch
        return AdmissionResponse(allowed=True, warnings=warnings, patch=patch)
