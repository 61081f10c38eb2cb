"""Typed objects from decoded JSON and back, strictly.

cattrs' own scalars coerce (``int("3")``, ``str(None)``, ``bool("false")``): a spec with a mistake
would be accepted with another meaning. Here a value has the declared type or is reported with its
path.

Unknown keys are ignored: a newer CRD may have stored them, and the API server prunes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, Union

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.errors import ClassValidationError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.strategies import configure_union_passthrough

from druid_operator.pkg.errors import FieldError, InvalidObject
from druid_operator.pkg.meta import nesting
from druid_operator.pkg.schema import json_name

T = TypeVar("T")

_JSON_NAMES = {str: "string", int: "integer", bool: "boolean", dict: "object", list: "array"}


def _checked(expected: type) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        # `type() is` and not isinstance: True is an int to isinstance.
        if type(value) is not expected:
            raise TypeError(f"must be {_JSON_NAMES[expected]}, got {_name_of(value)}")
        return value

    return hook


def _name_of(value: Any) -> str:
    if value is None:
        return "null"
    return _JSON_NAMES.get(type(value), "number")


def _origin(cls: Any) -> Any:
    return getattr(cls, "__origin__", None)


def _make() -> cattrs.Converter:
    conv = cattrs.Converter(detailed_validation=True)
    for scalar in (str, int, bool):
        conv.register_structure_hook(scalar, _checked(scalar))
    configure_union_passthrough(Union[str, int, float, None], conv)  # noqa: UP007 - a runtime value

    check_dict, check_list = _checked(dict), _checked(list)

    def is_raw(cls: Any) -> bool:
        return bool(cls == dict[str, Any])

    conv.register_structure_hook_func(is_raw, check_dict)
    conv.register_unstructure_hook_func(is_raw, lambda value: value)
    conv.register_structure_hook_func(lambda cls: cls is Any, lambda value, _: value)

    @conv.register_structure_hook_factory(lambda cls: _origin(cls) is list)
    def _list(cls: Any, c: cattrs.Converter) -> Callable[[Any, Any], Any]:
        inner = list_structure_factory(cls, c)
        return lambda value, t: inner(check_list(value, t), t)

    @conv.register_structure_hook_factory(lambda cls: _origin(cls) is dict and not is_raw(cls))
    def _dict(cls: Any, c: cattrs.Converter) -> Callable[[Any, Any], Any]:
        value_type = cls.__args__[1]
        return lambda value, t: _structure_map(c, check_dict(value, t), value_type)

    def renames(cls: type) -> dict[str, Any]:
        attrs.resolve_types(cls)
        return {a.name: override(rename=json_name(a)) for a in attrs.fields(cls)}

    @conv.register_structure_hook_factory(attrs.has)
    def _class(cls: Any, c: cattrs.Converter) -> Callable[[Any, Any], Any]:
        inner = make_dict_structure_fn(cls, c, **renames(cls))
        return lambda value, t: inner(check_dict(value, t), t)

    @conv.register_unstructure_hook_factory(attrs.has)
    def _un(cls: Any, c: cattrs.Converter) -> Callable[[Any], Any]:
        return make_dict_unstructure_fn(cls, c, _cattrs_omit_if_default=True, **renames(cls))

    return conv


def _structure_map(conv: cattrs.Converter, value: dict[str, Any], value_type: Any) -> Any:
    result: dict[str, Any] = {}
    errors: list[Exception] = []
    for key, item in value.items():
        try:
            result[key] = conv.structure(item, value_type)
        except Exception as error:  # noqa: BLE001 - collected: every fault is reported at once
            error.add_note(_KeyNote(key))
            errors.append(error)
    if errors:
        # cattrs' exceptions take the class as a third argument, in __new__.
        raise _MapError("map", errors, dict)  # pyright: ignore[reportCallIssue]
    return result


class _KeyNote(str):
    """The key at which a map's value failed; rides on the exception as its note."""

    __slots__ = ()


class _MapError(IterableValidationError):
    """Faults in the values of a map."""


def field_errors(exc: BaseException, path: str = "") -> Iterator[FieldError]:
    """Flatten what cattrs raised into one error per fault, with the JSON path users know.

    For example ``spec.nodes[brokers].druid.port: must be integer, got string``.
    """
    if isinstance(exc, _MapError):
        for inner in exc.exceptions:
            key = next(n for n in reversed(inner.__notes__) if isinstance(n, _KeyNote))
            yield from field_errors(inner, f"{path}[{key}]")
    elif isinstance(exc, ClassValidationError):
        names = {a.name: json_name(a) for a in attrs.fields(exc.cl)} if attrs.has(exc.cl) else {}
        noted, plain = exc.group_exceptions()
        for inner, note in noted:
            name = names.get(note.name, note.name)
            yield from field_errors(inner, f"{path}.{name}" if path else name)
        for inner in plain:
            yield FieldError(path, str(inner))
    elif isinstance(exc, IterableValidationError):
        noted_items, plain = exc.group_exceptions()
        for inner, item_note in noted_items:
            yield from field_errors(inner, f"{path}[{item_note.index}]")
        for inner in plain:
            yield FieldError(path, str(inner))
    elif isinstance(exc, KeyError):
        yield FieldError(path, "required")
    else:
        yield FieldError(path, str(exc) or type(exc).__name__)


class Converter:
    """Decodes and encodes typed kinds. One instance is shared: hooks are generated once per
    class.
    """

    def __init__(self) -> None:
        self._conv = _make()

    def warm(self, model: type[Any]) -> None:
        """Generate the code for ``model`` and all it is made of, which the first use would do."""
        self._conv.get_structure_hook(model)
        self._conv.get_unstructure_hook(model)

    def decode(self, model: type[T], obj: Any, *, path: str = "") -> T:
        """Raises :class:`InvalidObject` (terminal) naming every fault under ``path``.

        What nests deeper than ``MAX_SPEC_LEVELS`` is a fault: hooks and whoever reads the result
        may recurse.
        """
        deep = nesting.find_deep(obj, path)
        if deep:
            message = f"nested deeper than {nesting.MAX_SPEC_LEVELS} levels"
            raise InvalidObject([FieldError(deep.lstrip("."), message)])
        try:
            return self._conv.structure(obj, model)
        except Exception as error:
            raise InvalidObject(sorted(field_errors(error, path), key=str)) from error

    def encode(self, obj: Any) -> Any:
        """The JSON form; fields at their defaults are left out."""
        return self._conv.unstructure(obj)
