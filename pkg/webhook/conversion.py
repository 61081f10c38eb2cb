"""Conversion between the versions of a kind, through one of them, the hub.

Every other version (a spoke) converts to the hub and from it, so that n versions need n - 1 pairs
of functions. ``ConversionReview`` is ``apiextensions.k8s.io/v1``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

import attrs

from druid_operator.pkg.errors import BadRequest, OperatorError
from druid_operator.pkg.meta import JSON, GroupVersionKind
from druid_operator.pkg.scheme import Scheme

Hub = TypeVar("Hub")

#: From one version's object to another's; ``apiVersion`` is seen to by the caller.
Convert: TypeAlias = Callable[[JSON], JSON]


class Convertible(Protocol[Hub]):
    """The model of a spoke. What it cannot say in the hub must be kept there (in an annotation),
    or a read in the one version and a write back loses it.
    """

    def convert_to(self) -> Hub: ...

    @classmethod
    def convert_from(cls, hub: Hub, /) -> Any: ...


class CannotConvert(OperatorError):
    """A kind or a version that nobody registered."""


@attrs.frozen
class Spoke:
    """One version, by its way to the hub and back."""

    version: str
    to_hub: Convert
    from_hub: Convert


def typed_spoke(scheme: Scheme, hub: type[Any], spoke: type[Convertible[Any]]) -> Spoke:
    """A spoke whose conversions are methods of its model. Both models are in the scheme."""

    def to_hub(obj: JSON) -> JSON:
        return scheme.encode(scheme.decode(spoke, obj).convert_to())

    def from_hub(obj: JSON) -> JSON:
        return scheme.encode(spoke.convert_from(scheme.decode(hub, obj)))

    return Spoke(scheme.resource_for(spoke).gvk.version, to_hub, from_hub)


@attrs.define
class ConversionRegistry:
    """Kinds with several versions."""

    _kinds: dict[tuple[str, str], tuple[str, Mapping[str, Spoke]]] = attrs.field(factory=dict)

    def register(self, hub: GroupVersionKind, *spokes: Spoke) -> None:
        """Raises ``ValueError`` for a kind that is registered, or a version that is the hub's."""
        key = (hub.group, hub.kind)
        if key in self._kinds:
            raise ValueError(f"{hub.kind}.{hub.group} has its conversions already")
        by_version = {spoke.version: spoke for spoke in spokes}
        if hub.version in by_version or len(by_version) != len(spokes):
            raise ValueError(f"a version of {hub.kind}.{hub.group} is named twice")
        self._kinds[key] = (hub.version, by_version)

    def convert(self, obj: JSON, api_version: str) -> JSON:
        """``obj`` in another version of its kind.

        Raises :class:`CannotConvert`, and what the kind's own functions raise.
        """
        source = GroupVersionKind.of(obj)
        target = GroupVersionKind.from_api_version(api_version, source.kind)
        if source == target:
            return obj
        if source.group != target.group or (source.group, source.kind) not in self._kinds:
            raise CannotConvert(f"no conversion from {source} to {target}")
        hub, spokes = self._kinds[source.group, source.kind]
        for version in (source.version, target.version):
            if version != hub and version not in spokes:
                raise CannotConvert(f"{source.kind}.{source.group} has no version {version}")
        if source.version != hub:
            obj = spokes[source.version].to_hub(obj)
        if target.version != hub:
            obj = spokes[target.version].from_hub(obj)
        return {**obj, "apiVersion": target.api_version, "kind": target.kind}


def answer_conversion(registry: ConversionRegistry, review: Any) -> JSON:
    """The review that answers ``review``. All objects are converted, or none.

    Raises ``BadRequest`` for what is no ``ConversionReview``. What a conversion raises is for the
    caller: it is the difference between a fault in the object and one in the code.
    """
    request = review.get("request") if isinstance(review, dict) else None
    if not isinstance(request, dict) or review.get("kind") != "ConversionReview":
        raise BadRequest("expected a ConversionReview with a request")
    wanted = request.get("desiredAPIVersion") or ""
    converted = [registry.convert(obj, wanted) for obj in request.get("objects") or ()]
    return conversion_response(request.get("uid") or "", converted)


def conversion_response(uid: str, objects: list[JSON], *, failure: str = "") -> JSON:
    """A ``ConversionReview`` with the answer; ``failure`` says why there are no objects."""
    result: JSON = {"status": "Failure", "message": failure} if failure else {"status": "Success"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "response": {"uid": uid, "convertedObjects": objects, "result": result},
    }
