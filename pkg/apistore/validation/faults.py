"""Collecting field errors in the API server's sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from druid_operator.pkg.errors import FieldError


class Faults:
    """The faults found so far; each method adds one."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def required(self, path: str, why: str = "") -> None:
        message = f"Required value: {why}" if why else "Required value"
        self.errors.append(FieldError(path, message, "FieldValueRequired"))

    def invalid(self, path: str, value: Any, why: str) -> None:
        shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        self.errors.append(FieldError(path, f"Invalid value: {shown}: {why}", "FieldValueInvalid"))

    def duplicate(self, path: str, value: Any) -> None:
        shown = json.dumps(value, separators=(",", ":"))
        self.errors.append(FieldError(path, f"Duplicate value: {shown}", "FieldValueDuplicate"))

    def not_found(self, path: str, value: str) -> None:
        self.errors.append(FieldError(path, f'Not found: "{value}"', "FieldValueNotFound"))

    def forbidden(self, path: str, why: str) -> None:
        self.errors.append(FieldError(path, f"Forbidden: {why}", "FieldValueForbidden"))

    def unsupported(self, path: str, value: str, supported: Iterable[str]) -> None:
        listed = ", ".join(f'"{name}"' for name in supported)
        message = f'Unsupported value: "{value}": supported values: {listed}'
        self.errors.append(FieldError(path, message, "FieldValueNotSupported"))

    def too_long(self, path: str, most: int) -> None:
        message = f"Too long: may not be more than {most} bytes"
        self.errors.append(FieldError(path, message, "FieldValueTooLong"))

    def not_negative(self, path: str, value: Any) -> None:
        if isinstance(value, int) and value < 0:
            self.invalid(path, value, "must be greater than or equal to 0")

    def port(self, path: str, value: Any) -> None:
        if not isinstance(value, int) or not 0 < value < 65536:
            self.invalid(path, value, "must be between 1 and 65535, inclusive")
