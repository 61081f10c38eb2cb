"""Talking to the API server: configuration, transport, and a client for typed objects and
dictionaries.
"""

from druid_operator.pkg.client.config import ConfigError, RestConfig, in_cluster, load_config
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
from druid_operator.pkg.client.listwatch import Frame, ListWatch, Page, RestListWatch, Scope
from druid_operator.pkg.client.rest_client import RestClient
from druid_operator.pkg.client.transport import Timeouts, Transport

__all__ = [
    "RestConfig", "ConfigError", "load_config", "in_cluster",
    "Transport", "Timeouts",
    "Client", "Reader", "Writer", "RestClient",
    "Patch", "Propagation", "FieldValidation",
    "merge_patch", "json_patch", "strategic_merge_patch",
    "ListWatch", "RestListWatch", "Scope", "Frame", "Page",
]  # fmt: skip
