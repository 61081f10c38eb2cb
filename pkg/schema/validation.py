"""Validation of decoded JSON against a structural schema, with the API server's own sentences.

Paths and messages are those of kube-apiserver 1.37, held to it by recordings. Two things differ on
purpose: faults come in the order of the object's keys (Go's maps have none), and CEL rules are
not evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.schema.formats import INTEGER_RANGE, matches_format, matches_pattern
from druid_operator.pkg.schema.listtype import check_lists
from druid_operator.pkg.schema.structural import EMBEDDED, Schema, child_path

INT_OR_STRING = "x-kubernetes-int-or-string"


def validate(schema: Schema, obj: Any, path: str = "") -> list[FieldError]:
    """Every fault of ``obj``, which should already be pruned and defaulted.

    Args:
        schema: the structural schema of ``obj``.
        obj: decoded JSON.
        path: prefix of the paths in the result.

    Returns:
        One error per fault, with the API's cause reason; empty when the object is valid. A fault
        that the API server attributes to no field has an empty path (it prints ``<nil>`` there).
    """
    errors: list[FieldError] = []
    _value(schema, obj, path, errors)
    _embedded(schema, obj, path, errors)
    errors += check_lists(schema, obj, path)
    return list(dict.fromkeys(errors))


def required(path: str) -> FieldError:
    return FieldError(path, "Required value", "FieldValueRequired")


def invalid(path: str, value: Any, message: str) -> FieldError:
    return FieldError(path, f"Invalid value: {show(value)}: {message}", "FieldValueInvalid")


def show(value: Any) -> str:
    """A value as Go's field errors print it: JSON, compact."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def type_name(value: Any) -> str:
    """The JSON type of a decoded value, in the schema's words."""
    if value is None:
        return "null"
    return _TYPE_NAMES[type(value)]


_TYPE_NAMES = {
    str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object",
}  # fmt: skip


def _wrong_type(path: str, expected: str, actual: str) -> FieldError:
    message = f'{path} in body must be of type {expected}: "{actual}"'
    return FieldError(path, f'Invalid value: "{actual}": {message}', "FieldValueTypeInvalid")


def _value(schema: Schema, value: Any, path: str, errors: list[FieldError]) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and not _fits(value, "int64"):
        value = float(value)  # as Go decodes a number that no int64 holds
    if not _type(schema, value, path, errors) and value is None:
        return
    _combinators(schema, value, path, errors)
    if isinstance(value, str):
        _string(schema, value, path, errors)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _number(schema, value, path, errors)
    elif isinstance(value, list):
        _list(schema, value, path, errors)
    if "enum" in schema and value not in schema["enum"] and value is not None:
        supported = ", ".join(show(v if isinstance(v, str) else show(v)) for v in schema["enum"])
        message = f"Unsupported value: {show(value)}: supported values: {supported}"
        errors.append(FieldError(path, message, "FieldValueNotSupported"))
    if isinstance(value, dict):
        _object(schema, value, path, errors)


def _type(schema: Schema, value: Any, path: str, errors: list[FieldError]) -> bool:
    expected = "integer,string" if schema.get(INT_OR_STRING) else schema.get("type")
    if expected is None or (value is None and schema.get("nullable")):
        return True
    actual = type_name(value)
    number: Any = value  # below it is one, as ``actual`` says
    names = expected.split(",")
    fits = (
        actual in names
        or (actual == "integer" and "number" in names)
        or (actual == "number" and "integer" in names and float(number).is_integer())
    )
    if actual == "number" and "format" in schema and "number" not in names:
        fits = fits and _fits(int(number), schema["format"])
    if fits:
        return True
    if "format" in schema and not isinstance(value, (str, list, type(None))):
        # Go compares the formats before the types, and says so.
        names_of = {"integer": "int64", "number": "float64"}
        errors.append(_wrong_type(path, schema["format"], names_of.get(actual, "")))
    else:
        errors.append(_wrong_type(path, expected, actual))
    return False


def _fits(value: int, name: str) -> bool:
    low, high = INTEGER_RANGE.get(name, INTEGER_RANGE["int64"])
    return low <= value <= high


def _string(schema: Schema, value: str, path: str, errors: list[FieldError]) -> None:
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        # The server counts characters and says bytes.
        message = f"Too long: may not be more than {schema['maxLength']} bytes"
        errors.append(FieldError(path, message, "FieldValueTooLong"))
    if "minLength" in schema and len(value) < schema["minLength"]:
        text = f"{path} in body should be at least {schema['minLength']} chars long"
        errors.append(invalid(path, value, text))
    if "pattern" in schema and not matches_pattern(schema["pattern"], value):
        errors.append(invalid(path, value, f"{path} in body should match '{schema['pattern']}'"))
    if "format" in schema and not matches_format(schema["format"], value):
        message = f"{path} in body must be of type {schema['format']}: {show(value)}"
        text = f"Invalid value: {show(value)}: {message}"
        errors.append(FieldError(path, text, "FieldValueTypeInvalid"))


def _number(schema: Schema, value: float, path: str, errors: list[FieldError]) -> None:
    if schema.get("type") == "integer":
        name = schema.get("format", "")
        if value != int(value) or not _fits(int(value), name):
            of = f"with format {name}" if name else "(default format)"
            text = f"Checked value must be of type integer {of} in {path}"
            errors.append(invalid("", "", text))
    multiple = schema.get("multipleOf")
    if multiple and value % multiple:
        errors.append(invalid(path, value, f"{path} in body should be a multiple of {multiple}"))
    for bound, exclusive, word, sign in (
        ("maximum", "exclusiveMaximum", "less", 1),
        ("minimum", "exclusiveMinimum", "greater", -1),
    ):
        limit = schema.get(bound)
        if limit is None:
            continue
        beyond = (value - limit) * sign
        if beyond > 0 or (beyond == 0 and schema.get(exclusive)):
            than = "than" if schema.get(exclusive) else "than or equal to"
            errors.append(invalid(path, value, f"{path} in body should be {word} {than} {limit}"))


def _list(schema: Schema, value: list[Any], path: str, errors: list[FieldError]) -> None:
    _count(schema, "Items", len(value), path, errors)
    items = schema.get("items") or {}
    for index, item in enumerate(value):
        _value(items, item, f"{path}[{index}]", errors)


def _object(schema: Schema, value: dict[str, Any], path: str, errors: list[FieldError]) -> None:
    _count(schema, "Properties", len(value), path, errors)
    properties: Mapping[str, Any] = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for key, item in value.items():
        sub = properties.get(key, additional)
        if isinstance(sub, Mapping):
            _value(sub, item, child_path(path, key), errors)
    missing = [key for key in schema.get("required") or () if key not in value]
    errors += [required(child_path(path, key)) for key in missing]


def _count(schema: Schema, what: str, count: int, path: str, errors: list[FieldError]) -> None:
    most, least = schema.get(f"max{what}"), schema.get(f"min{what}")
    if most is not None and count > most:
        text = f"Too many: {count}: must have at most {most} items"
        errors.append(FieldError(path, text, "FieldValueTooMany"))
    if least is not None and count < least:
        text = f"{path} in body should have at least {least} {what.lower()}"
        errors.append(invalid(path, count, text))


def _combinators(schema: Schema, value: Any, path: str, errors: list[FieldError]) -> None:
    if "anyOf" in schema:
        results = [_collect(sub, value, path) for sub in schema["anyOf"]]
        if all(results):
            errors.append(invalid("", "", f'"{path}" must validate at least one schema (anyOf)'))
            errors += results[0]
    if "oneOf" in schema:
        results = [_collect(sub, value, path) for sub in schema["oneOf"]]
        valid = sum(not result for result in results)
        if valid != 1:
            found = f"{valid} valid alternatives" if valid else "none valid"
            text = f'"{path}" must validate one and only one schema (oneOf). Found {found}'
            errors.append(invalid("", "", text))
            errors += results[0] if not valid else []
    if "allOf" in schema:
        failed = [error for sub in schema["allOf"] for error in _collect(sub, value, path)]
        if failed:
            errors += failed
            errors.append(invalid("", "", f'"{path}" must validate all the schemas (allOf)'))
    if "not" in schema and not _collect(schema["not"], value, path):
        errors.append(invalid("", "", f'"{path}" must not validate the schema (not)'))


def _collect(schema: Schema, value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    _value(schema, value, path, errors)
    return errors


def _embedded(schema: Schema, value: Any, path: str, errors: list[FieldError]) -> None:
    """An embedded resource says what it is, as every object does."""
    if isinstance(value, dict):
        if schema.get(EMBEDDED):
            for key in ("apiVersion", "kind"):
                if key not in value:
                    errors.append(required(child_path(path, key)))
                elif value[key] == "":
                    errors.append(invalid(child_path(path, key), "", "must not be empty"))
                elif key == "apiVersion" and str(value[key]).count("/") > 1:
                    text = f"unexpected GroupVersion string: {value[key]}"
                    errors.append(invalid(child_path(path, key), value[key], text))
        properties: Mapping[str, Any] = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, item in value.items():
            sub = properties.get(key, additional)
            if isinstance(sub, Mapping):
                _embedded(sub, item, child_path(path, key), errors)
    elif isinstance(value, list) and schema.get("items"):
        for index, item in enumerate(value):
            _embedded(schema["items"], item, f"{path}[{index}]", errors)
