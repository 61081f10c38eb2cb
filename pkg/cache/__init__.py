"""Local copies of what the API server has, kept by watches, with own writes visible at once."""

from druid_operator.pkg.cache.cache import Cache, CacheNotReady, label_scope, name_scope
from druid_operator.pkg.cache.cached_client import CachedClient, MissingInformer
from druid_operator.pkg.cache.gate import VersionGate
from druid_operator.pkg.cache.informer import Informer
from druid_operator.pkg.cache.listener import Listener, ResourceEventHandler
from druid_operator.pkg.cache.observer import CacheObserver
from druid_operator.pkg.cache.options import ByObject, CacheOptions, Transform
from druid_operator.pkg.cache.reflector import Reflector
from druid_operator.pkg.cache.store import Change, IndexFunction, Store
from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.cache.timing import ReflectorOptions

__all__ = [
    "Cache", "CacheNotReady", "CacheOptions", "ByObject", "Transform", "CacheObserver",
    "CachedClient", "MissingInformer", "VersionGate", "label_scope", "name_scope",
    "Informer", "Listener", "ResourceEventHandler", "Reflector", "ReflectorOptions",
    "Store", "Change", "IndexFunction", "StoredObject",
]  # fmt: skip
