"""Talking to the API server: configuration, transport, and a client for typed objects and
dictionaries.
"""

from druid_operator.pkg.client.base import ClientBase
from druid_operator.pkg.client.calls import (
    Consistency,
    FieldValidation,
    Get,
    List,
    MetadataOnly,
    ObjectList,
    PartialObjectMetadata,
    Propagation,
    Watch,
    WatchEvent,
    Write,
)
from druid_operator.pkg.client.config import ConfigError, RestConfig, in_cluster, load_config
from druid_operator.pkg.client.interface import Client, Reader, WatchStream, WithWatch, Writer
from druid_operator.pkg.client.listwatch import Frame, ListWatch, Page, RestListWatch, Scope
from druid_operator.pkg.client.merge_from import merge_diff, merge_from
from druid_operator.pkg.client.options import ListOptions, PatchOptions, WatchOptions
from druid_operator.pkg.client.patch import Patch, json_patch, merge_patch, strategic_merge_patch
from druid_operator.pkg.client.rest_client import RestClient
from druid_operator.pkg.client.restmapper import NoKindMatch, RESTMapper
from druid_operator.pkg.client.subresource import SubResourceClient
from druid_operator.pkg.client.transport import NotConnected, Timeouts, Transport
from druid_operator.pkg.client.wrappers import (
    Funcs,
    Wrapper,
    WrongNamespace,
    dry_run_client,
    field_owner_client,
    field_validation_client,
    intercept,
    namespaced_client,
)

__all__ = [
    "RestConfig", "ConfigError", "load_config", "in_cluster",
    "Transport", "Timeouts", "NotConnected",
    "Client", "Reader", "Writer", "WithWatch", "WatchStream", "WatchEvent",
    "ClientBase", "RestClient", "SubResourceClient", "RESTMapper", "NoKindMatch",
    "MetadataOnly", "PartialObjectMetadata", "ObjectList", "Consistency",
    "ListOptions", "WatchOptions", "PatchOptions",
    "Patch", "Propagation", "FieldValidation",
    "merge_patch", "json_patch", "strategic_merge_patch", "merge_from", "merge_diff",
    "Get", "List", "Watch", "Write", "Wrapper",
    "dry_run_client", "field_owner_client", "field_validation_client", "namespaced_client",
    "WrongNamespace", "intercept", "Funcs",
    "ListWatch", "RestListWatch", "Scope", "Frame", "Page",
]  # fmt: skip
