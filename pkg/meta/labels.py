"""Label selectors: their grammar, how they are sent, and whether an object matches.

Source: k8s.io/apimachinery ``pkg/labels``; the words of its faults are the API server's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from druid_operator.pkg.errors import BadRequest

_TOKEN = re.compile(r"\s*(?:(!=|==|=|!|<|>|,|\(|\))|([^\s=!<>,()]+))")


@attrs.frozen
class Requirement:
    """``operator``: ``=``, ``!=``, ``in``, ``notin``, ``exists``, ``!``, ``>``, ``<``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """A key that is absent satisfies ``!=``, ``notin`` and ``!``."""
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

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values)})"
        return f"{self.key}{self.operator}{self.values[0]}"


@attrs.frozen
class LabelSelector:
    """All requirements must hold; an empty selector matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object carries what is asked for."""
        return self.matches_labels(obj.get("metadata", {}).get("labels"))

    def matches_labels(self, labels: Mapping[str, str] | None) -> bool:
        """The same of its labels alone; ``None`` is none."""
        have = labels or {}
        return all(r.matches(have) for r in self.requirements)

    @property
    def equalities(self) -> Mapping[str, str]:
        """The requirements of the form ``key=value``."""
        return {r.key: r.values[0] for r in self.requirements if r.operator == "="}

    def __str__(self) -> str:
        """The API's own notation, as it is sent in ``labelSelector``."""
        return ",".join(str(r) for r in self.requirements)


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


#: How callers name a selection: labels that all must be carried, the API's notation, or parsed.
Labels: TypeAlias = "Mapping[str, str] | str | LabelSelector | None"


def label_selector(labels: Labels) -> LabelSelector:
    """Whatever form it was given in. ``None`` selects everything.

    Raises ``BadRequest`` for text that is no selector.
    """
    if labels is None:
        return LabelSelector()
    if isinstance(labels, LabelSelector):
        return labels
    if isinstance(labels, str):
        return parse_label_selector(labels)
    return LabelSelector(tuple(Requirement(k, "=", (v,)) for k, v in sorted(labels.items())))
