"""Talking to the API server: configuration, transport, and a client for typed objects and dictionaries."""

from druid_operator.pkg.client.interface import (
    Client,
    FieldValidation,
    Patch,
    Propagation,
    Reader,
    Writer,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)

__all__ = [
    "Client", "Reader", "Writer", "Patch", "Propagation", "FieldValidation",
    "merge_patch", "json_patch", "strategic_merge_patch",
]  # fmt: skip
