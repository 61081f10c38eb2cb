"""Label and field selectors: their grammar, and whether an object matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import JSON

_TOKEN = re.compile(r"\s*(?:(!=|==|=|!|<|>|,|\(|\))|([^\s=!<>,()]+))")


@attrs.frozen
class Requirement:
    """``operator``: ``=``, ``!=``, ``in``, ``notin``, ``exists``, ``!``, ``>``, ``<``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
        try:
            left, right = int(value or ""), int(self.values[0])
        except ValueError:
            return False
        return left > right if self.operator == ">" else left < right


@attrs.frozen
class LabelSelector:
    """All requirements must hold; an empty selector matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, obj: JSON) -> bool:
        labels = obj.get("metadata", {}).get("labels") or {}
        return all(r.matches(labels) for r in self.requirements)


def parse_label_selector(text: str) -> LabelSelector:
    """The whole grammar:

    ``a=b, c!=d, e in (f,g), h notin (i), j, !k, l>1``. Raises ``BadRequest``.
    """
    if not text.strip():
        return LabelSelector()
    parser = _Parser(text)
    requirements = [parser.requirement()]
    while parser.peek() == ",":
        parser.next()
        requirements.append(parser.requirement())
    if parser.peek():
        raise _unexpected(parser.peek(), "',' or 'end of string'")
    return LabelSelector(tuple(requirements))


def selector_from_object(selector: Mapping[str, Any] | None) -> LabelSelector:
    """From a ``metav1.LabelSelector``. ``None`` selects nothing in the API; ask before calling."""
    requirements = [
        Requirement(key, "=", (value,))
        for key, value in ((selector or {}).get("matchLabels") or {}).items()
    ]
    words = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    requirements += [
        Requirement(e["key"], words[e["operator"]], tuple(e.get("values") or ()))
        for e in (selector or {}).get("matchExpressions") or ()
    ]
    return LabelSelector(tuple(requirements))


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise BadRequest(
                    f"unable to parse requirement: unexpected text {text[position:]!r}"
                )
            self._tokens.append(match[1] or match[2])
            position = match.end()

    def peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def next(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.next()
            return Requirement(self._identifier(), "!")
        key = self._identifier()
        token = self.peek()
        if token in ("", ","):
            return Requirement(key, "exists")
        self.next()
        if token in ("in", "notin"):
            return Requirement(key, token, self._values())
        if token in ("=", "==", "!=", "<", ">"):
            value = self._identifier() if self.peek() not in ("", ",") else ""
            return Requirement(key, "=" if token == "==" else token, (value,))
        raise _unexpected(token, "in, notin, =, ==, !=, gt, lt")

    def _identifier(self) -> str:
        token = self.next()
        if not token or not re.match(r"[A-Za-z0-9]", token):
            raise _unexpected(token, "identifier")
        return token

    def _values(self) -> tuple[str, ...]:
        if self.peek() != "(":
            raise _unexpected(self.peek(), "'('")
        self.next()
        values: list[str] = []
        expect_value = True
        while True:
            token = self.next()
            if token == ")":
                return tuple(values or [""])
            if token == ",":
                if expect_value:
                    values.append("")
                expect_value = True
            elif token and expect_value and re.match(r"[A-Za-z0-9]", token):
                values.append(token)
                expect_value = False
            else:
                raise _unexpected(token, "identifier" if expect_value else "',' or ')'")


def _unexpected(found: str, expected: str) -> BadRequest:
    return BadRequest(f"unable to parse requirement: found '{found}', expected: {expected}")


FieldGetter = Callable[[JSON], str]


def _path(*names: str) -> FieldGetter:
    def get(obj: JSON) -> str:
        value: Any = obj
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return str(value).lower() if isinstance(value, bool) else str(value or "")

    return get


_COMMON: Mapping[str, FieldGetter] = {
    "metadata.name": _path("metadata", "name"),
    "metadata.namespace": _path("metadata", "namespace"),
}
#: Fields that may be selected on, beside name and namespace, by ``group/Kind``.
_BY_KIND: Mapping[str, Mapping[str, FieldGetter]] = {
    "/Pod": {
        "spec.nodeName": _path("spec", "nodeName"),
        "spec.restartPolicy": _path("spec", "restartPolicy"),
        "spec.schedulerName": _path("spec", "schedulerName"),
        "spec.serviceAccountName": _path("spec", "serviceAccountName"),
        "status.phase": _path("status", "phase"),
        "status.podIP": _path("status", "podIP"),
        "status.nominatedNodeName": _path("status", "nominatedNodeName"),
    },
    "/Namespace": {"status.phase": _path("status", "phase")},
    "/Node": {"spec.unschedulable": _path("spec", "unschedulable")},
    "/Secret": {"type": _path("type")},
    "/Service": {
        "spec.clusterIP": _path("spec", "clusterIP"),
        "spec.type": _path("spec", "type"),
    },
    "/Event": {
        **{
            f"involvedObject.{name}": _path("involvedObject", name)
            for name in (
                "kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath",
            )
        },
        "reason": _path("reason"),
        "reportingComponent": _path("reportingComponent"),
        "source": _path("source", "component"),
        "type": _path("type"),
    },
    "apps/ReplicaSet": {"status.replicas": _path("status", "replicas")},
    "batch/Job": {"status.successful": _path("status", "succeeded")},
}  # fmt: skip


@attrs.frozen
class FieldSelector:
    """``terms``: (getter, wanted value, must be equal)."""

    terms: tuple[tuple[FieldGetter, str, bool], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, obj: JSON) -> bool:
        return all((get(obj) == value) is equal for get, value, equal in self.terms)


def parse_field_selector(
    text: str, group: str, kind: str, selectable: Mapping[str, FieldGetter] | None = None
) -> FieldSelector:
    """``a.b=c,d.e!=f``. Raises ``BadRequest`` for a field that the kind cannot be selected by."""
    known = {**_COMMON, **_BY_KIND.get(f"{group}/{kind}", {}), **(selectable or {})}
    terms = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        match = re.match(r"^([^=!]+)(!=|==|=)(.*)$", term)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = match[1].strip(), match[2], match[3].strip()
        if field not in known:
            allowed = ", ".join(f'"{name}"' for name in known)
            raise BadRequest(f'"{field}" is not a known field selector: only {allowed}')
        terms.append((known[field], value, operator != "!="))
    return FieldSelector(tuple(terms))


def json_path_getter(path: str) -> FieldGetter:
    """For ``selectableFields`` of a custom resource definition: a simple ``.spec.a.b``."""
    return _path(*path.lstrip(".").split("."))
