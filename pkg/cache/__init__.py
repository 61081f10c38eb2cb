"""Local copies of what the API server has, kept by watches, with own writes visible at once."""

from druid_operator.pkg.cache.cache import (
    Cache,
    CacheNotReady,
    CacheObserver,
    CacheOptions,
    label_scope,
    name_scope,
)
from druid_operator.pkg.cache.cached_client import CachedClient
from druid_operator.pkg.cache.informer import Informer, Listener, ResourceEventHandler
from druid_operator.pkg.cache.reflector import Reflector, ReflectorOptions
from druid_operator.pkg.cache.store import Change, IndexFunction, Store
from druid_operator.pkg.cache.stored_object import StoredObject

__all__ = [
    "Cache", "CacheNotReady", "CacheOptions", "CacheObserver", "CachedClient",
    "label_scope", "name_scope",
    "Informer", "Listener", "ResourceEventHandler", "Reflector", "ReflectorOptions",
    "Store", "Change", "IndexFunction", "StoredObject",
]  # fmt: skip
