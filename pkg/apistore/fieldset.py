"""Sets of fields, and their wire form ``fieldsV1``.

A field is a path of *elements*, written as the wire form writes them: ``f:name`` for a field or map
key, ``k:{"name":"x"}`` for an item of a list map, ``v:"x"`` for one of a set. Being a member of the
set and having members below are independent: ``f:spec`` may hold ``f:replicas`` without being owned
itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from druid_operator.pkg.apistore.typeschema import Type
from druid_operator.pkg.meta import JSON

Path: TypeAlias = tuple[str, ...]


class FieldSet:
    """A tree of path elements. Operations return new sets; only :meth:`insert` changes one."""

    __slots__ = ("children", "members")

    def __init__(
        self, members: set[str] | None = None, children: dict[str, FieldSet] | None = None
    ) -> None:
        self.members: set[str] = members if members is not None else set()
        self.children: dict[str, FieldSet] = children if children is not None else {}

    @classmethod
    def of(cls, *paths: Path) -> FieldSet:
        made = cls()
        for path in paths:
            made.insert(path)
        return made

    def insert(self, path: Path) -> None:
        """Nobody owns the whole object: the empty path is ignored."""
        if not path:
            return
        node = self
        for element in path[:-1]:
            child = node.children.get(element)
            if child is None:
                child = node.children[element] = FieldSet()
            node = child
        node.members.add(path[-1])

    def __bool__(self) -> bool:
        return bool(self.members) or any(self.children.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldSet):
            return NotImplemented
        return set(self.paths()) == set(other.paths())

    __hash__ = None  # type: ignore[assignment]  # mutable while it is being built

    def __repr__(self) -> str:
        return f"FieldSet({', '.join(format_path(p) for p in self.paths())})"

    def paths(self, prefix: Path = ()) -> Iterator[Path]:
        """Every member, in the order in which the API server reports conflicts."""
        for element in sorted(self.members, key=_element_order):
            yield (*prefix, element)
        for element in sorted(self.children, key=_element_order):
            yield from self.children[element].paths((*prefix, element))

    def __contains__(self, path: Path) -> bool:
        node: FieldSet | None = self
        for element in path[:-1]:
            node = node.children.get(element) if node is not None else None
        return bool(path) and node is not None and path[-1] in node.members

    def child(self, element: str) -> FieldSet:
        """What lies below ``element``; an empty set when nothing does."""
        return self.children.get(element) or _EMPTY

    def union(self, other: FieldSet) -> FieldSet:
        children = dict(self.children)
        for element, below in other.children.items():
            mine = children.get(element)
            children[element] = below if mine is None else mine.union(below)
        return FieldSet(self.members | other.members, children)

    def intersection(self, other: FieldSet) -> FieldSet:
        children = {}
        for element, mine in self.children.items():
            theirs = other.children.get(element)
            if theirs is not None and (both := mine.intersection(theirs)):
                children[element] = both
        return FieldSet(self.members & other.members, children)

    def difference(self, other: FieldSet) -> FieldSet:
        """Members of this set that are not members of the other.

        Parents and children are told apart: without ``f:spec``, ``f:replicas`` below it stays.
        """
        children = {}
        for element, mine in self.children.items():
            theirs = other.children.get(element)
            left = mine if theirs is None else mine.difference(theirs)
            if left:
                children[element] = left
        return FieldSet(self.members - other.members, children)

    def without(self, other: FieldSet) -> FieldSet:
        """The difference that takes everything below a member of ``other`` with it."""
        children = {}
        for element, mine in self.children.items():
            if element in other.members:
                continue
            theirs = other.children.get(element)
            left = mine if theirs is None else mine.without(theirs)
            if left:
                children[element] = left
        return FieldSet(self.members - other.members, children)

    def with_named_fields(self, type_: Type | None) -> FieldSet:
        """This set, with the declared fields that lead to a member made members too.

        Pruning works on it: a struct field goes when all below it went, a map key does not.
        """
        shape = type_.map if type_ is not None else None
        members = set(self.members)
        children = {}
        for element, below in self.children.items():
            if shape is not None and element.startswith("f:") and element[2:] in shape.fields:
                members.add(element)
            children[element] = below.with_named_fields(_below(type_, element))
        return FieldSet(members, children)

    def encode(self) -> JSON:
        """The ``fieldsV1`` document."""
        encoded: JSON = {}
        for element in sorted(self.members | self.children.keys(), key=_element_order):
            below = self.children.get(element)
            inner = below.encode() if below is not None else {}
            if element in self.members and inner:
                inner = {".": {}, **inner}
            if element in self.members or inner:
                encoded[element] = inner
        return encoded

    @classmethod
    def decode(cls, document: JSON) -> FieldSet:
        """Raises ``ValueError`` for a document that is no ``fieldsV1``."""
        made = cls()
        for element, inner in document.items():
            if element == ".":
                continue
            if element[:2] not in ("f:", "k:", "v:", "i:") or not isinstance(inner, dict):
                raise ValueError(f"invalid path element {element!r}")
            if not inner or "." in inner:
                made.members.add(element)
            below = cls.decode(inner)
            if below:
                made.children[element] = below
        return made


_EMPTY = FieldSet()


def _below(type_: Type | None, element: str) -> Type | None:
    if type_ is None:
        return None
    if element.startswith("f:"):
        return type_.map.type_of(element[2:]) if type_.map is not None else None
    return type_.list.element if type_.list is not None else None


def field_element(name: str) -> str:
    return "f:" + name


def key_element(keys: list[tuple[str, Any]]) -> str:
    """The element of a list-map item, from its keys and their values."""
    return "k:" + json.dumps(dict(sorted(keys)), separators=(",", ":"), ensure_ascii=False)


def value_element(value: Any) -> str:
    return "v:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _element_order(element: str) -> tuple[Any, ...]:
    """Fields, then list-map items by key, then set members; numbers by value, not by digits."""
    rank = "fkvi".index(element[0])
    if element[0] == "f":
        return rank, (("", element[2:]),)
    value = json.loads(element[2:])
    pairs = sorted(value.items()) if isinstance(value, dict) else [("", value)]
    return rank, tuple((name, isinstance(v, str), v) for name, v in pairs)


def format_path(path: Path) -> str:
    """As messages show it: ``.spec.ports[port=80,protocol="TCP"].name``."""
    out = []
    for element in path:
        if element[0] == "f":
            out.append("." + element[2:])
            continue
        value = json.loads(element[2:])
        if element[0] == "k":
            pairs = ",".join(f"{name}={_quoted(v)}" for name, v in sorted(value.items()))
            out.append(f"[{pairs}]")
        elif element[0] == "v":
            out.append(f"[={_quoted(value)}]")
        else:
            out.append(f"[{value}]")
    return "".join(out)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
