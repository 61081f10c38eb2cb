"""Values of Secrets in a document: named by the user, put in on the way to Druid. Pure.

``${secret:NAME:KEY}`` stands for a value, alone or inside a longer text (a JAAS line). It is read
only where specs carry credentials: elsewhere, in inline rows for example, it would make a Secret
readable for whoever can query. What is hashed, kept in the ConfigMap and shown has the name; Druid
itself stores the value, and gives it to whoever may read the supervisor. Druid's own way, a
``druid.dynamic.config.provider`` that reads its environment, is the better one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from druid_operator.internal.ingestion.redact import is_secret_name
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON

_REFERENCE = re.compile(r"\$\{secret:([a-z0-9]([a-z0-9.-]*[a-z0-9])?):([-._a-zA-Z0-9]+)\}")
_ALMOST = "${secret:"
#: Objects all of whose values may be credentials: properties of Kafka's consumer.
_PLACES = ("consumerProperties",)

#: Keys and list positions.
Path = tuple[str | int, ...]


@attrs.frozen
class SecretValue:
    """One reference: where it stands, and what it names."""

    path: Path
    secret: str
    key: str


def find_references(document: Mapping[str, Any]) -> Iterator[SecretValue]:
    for path, text in _texts(document, ()):
        for found in _REFERENCE.finditer(text):
            yield SecretValue(path, found[1], found[3])


def check_references(document: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """References that are ill-formed, or where none may be."""
    for where, text in _texts(document, ()):
        if _ALMOST not in text:
            continue
        here = ".".join([path, *(str(part) for part in where)])
        if _ALMOST in _REFERENCE.sub("", text):
            yield FieldError(here, "must be ${secret:NAME:KEY}")
        elif not may_be_secret(where):
            words = "a value of a Secret may stand in credentials and consumerProperties only"
            yield FieldError(here, words)


def put_in(document: Mapping[str, Any], values: Mapping[tuple[str, str], str]) -> JSON:
    """A copy with every reference replaced; ``values`` by (Secret, key) has all of them."""

    def replaced(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: replaced(item) for key, item in value.items()}
        if isinstance(value, list):
            return [replaced(item) for item in value]
        if isinstance(value, str) and _ALMOST in value:
            return _REFERENCE.sub(lambda found: values[found[1], found[3]], value)
        return value

    copy: JSON = replaced(document)
    return copy


def hidden(live: Mapping[str, Any], paths: Mapping[Path, str]) -> JSON:
    """A copy of what Druid has, with the texts as they were written in place of the values.

    What is hashed into a status must not depend on a password: with all else known, one that is
    short could be guessed.
    """

    def walk(value: Any, here: Path) -> Any:
        if here in paths and value is not None:
            return paths[here]
        if isinstance(value, Mapping):
            return {key: walk(item, (*here, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*here, n)) for n, item in enumerate(value)]
        return value

    copy: JSON = walk(live, ())
    return copy


def written_texts(document: Mapping[str, Any]) -> dict[Path, str]:
    """The texts that hold references, by their place."""
    return {path: text for path, text in _texts(document, ()) if _REFERENCE.search(text)}


def _texts(value: Any, here: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*here, key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from _texts(item, (*here, n))
    elif isinstance(value, str):
        yield here, value


def may_be_secret(path: Path) -> bool:
    """Whether a value of a Secret may stand there."""
    names = [str(part) for part in path]
    return any(name in _PLACES for name in names) or is_secret_name(names[-1])
