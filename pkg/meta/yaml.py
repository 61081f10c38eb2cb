"""YAML in and out for Kubernetes objects, where a scalar is what it looks like.

YAML 1.1 reads ``on`` as true, ``012`` as ten, ``12:30:00`` as 45000, ``2024-01-01`` as a date; YAML
1.2 reads each otherwise. Here a plain scalar is a boolean, a number or null only where it is one in
JSON's own spelling, and text everywhere else. Text where the schema wants a number is then refused
with its path, and nothing turns silently into something else. What is written is quoted so that a
reader of either version gets the text back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

import yaml

_TAG = "tag:yaml.org,2002:"
_NUMBER_START = "-0123456789"

#: What a plain scalar may be beside text: tag, spelling, and the characters it may begin with.
_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~"),
    ("int", r"-?(?:0|[1-9][0-9]*)", _NUMBER_START),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", _NUMBER_START),
    ("merge", r"<<", "<"),
)

# Text that a YAML 1.1 or 1.2 reader takes for something else, beyond what PyYAML quotes by itself.
_AMBIGUOUS = re.compile(
    r"(?:[yYnN]|[-+]?(?:0o[0-7_]+|0x[0-9a-fA-F_]+"
    r"|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?))$"
)
# Line breaks to YAML 1.1, ordinary characters to YAML 1.2: only escaped they mean one thing.
_UNSURE_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")


class YAMLError(ValueError):
    """A text that is no YAML, or not the YAML of objects. The message has line and column."""


def load_all(text: str) -> Iterator[Any]:
    """The documents of a YAML stream, or the one of a JSON text, as decoded JSON; empty ones too.

    Raises :class:`YAMLError` for bad syntax, for a key that is given twice, for a key that is no
    scalar and for a document that contains itself. Anchors and merge keys (``<<``) work.
    """
    if text.lstrip()[:1] in ("{", "["):
        # JSON is not quite a subset of YAML: surrogate pairs and tabs break the YAML reader.
        try:
            document = json.loads(
                text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates
            )
        except ValueError:
            pass  # flow-style YAML, or a fault: the YAML reader says where
        else:
            yield document
            return
    try:
        yield from yaml.load_all(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise YAMLError(_one_line(error)) from error


def dump(document: Any) -> str:
    """Block style, keys in their order, text of several lines as ``|`` where YAML allows it."""
    dumped: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    return dumped


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's table: first character (``""`` for the empty scalar) to tags with patterns."""
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, starts in _SCALARS:
        for start in (*starts, "") if tag == "null" else tuple(starts):
            table.setdefault(start, []).append((_TAG + tag, re.compile(f"(?:{pattern})$")))
    return table


class _Loader(yaml.CSafeLoader):
    """JSON's scalars only. libyaml's reader: six times faster than the one in pure Python."""

    yaml_implicit_resolvers = _resolvers()
    yaml_constructors: ClassVar = {
        **yaml.CSafeLoader.yaml_constructors,
        # PyYAML's own knows only YAML 1.1's spelling.
        _TAG + "float": lambda loader, node: float(node.value),
    }

    def construct_document(self, node: yaml.Node) -> Any:
        # Depth first: an anchor inside itself is then an error and not an endless object.
        self.deep_construct = True
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if isinstance(node, yaml.MappingNode):
            self._check_keys([key for key, _ in node.value if key.tag != _TAG + "merge"])
        return super().construct_mapping(node, deep)

    def _check_keys(self, keys: list[yaml.Node]) -> None:
        seen = set()
        for key in keys:
            if not isinstance(key, yaml.ScalarNode):
                raise _fault("a key must be text", key)
            if key.value in seen:
                raise _fault(f"key {key.value!r} is given twice", key)
            seen.add(key.value)
            # Keys of JSON objects are text: `8080:` and `true:` are the keys "8080" and "true".
            key.tag = _TAG + "str"


class _Dumper(yaml.SafeDumper):
    """No anchors, lists indented below their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if _UNSURE_BREAKS.search(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar(_TAG + "str", text, style=style)


_Dumper.add_implicit_resolver(_TAG + "ambiguous", _AMBIGUOUS, list("yYnN-+.0123456789"))
_Dumper.add_representer(str, _represent_text)


def _fault(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is given twice")
    return result


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
