"""From the server's bytes to what one informer keeps: transformed, or metadata alone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from druid_operator.pkg.cache.options import Transform
from druid_operator.pkg.cache.stored_object import StoredObject, decode, from_dict
from druid_operator.pkg.meta import NamespacedName, Resource


class Shaper:
    """See the module's text.

    Args:
        resource: the kind.
        transform: applied to each object. When it raises, the object is kept as it came: dropping
            it would leave the one before it in the store for good.
        metadata_only: keep nothing else.
        on_error: told of a transform that raised.
    """

    def __init__(
        self,
        resource: Resource,
        *,
        transform: Transform | None = None,
        metadata_only: bool = False,
        on_error: Callable[[NamespacedName, Exception], None] = lambda _key, _error: None,
    ) -> None:
        self._resource = resource
        self._transform = transform
        self._on_error = on_error
        self.metadata_only = metadata_only

    def decode(self, data: bytes) -> StoredObject:
        """Raises ``msgspec.DecodeError`` when the bytes are no Kubernetes object."""
        return self.reshape(decode(self._resource, data))

    def reshape(self, obj: StoredObject) -> StoredObject:
        """The same of an object that is decoded already."""
        if self._transform is not None:
            try:
                obj = from_dict(self._resource, self._transform(obj.to_dict()))
            except Exception as error:  # noqa: BLE001 - user code; it must never end the informer
                self._on_error(obj.key, error)
        if not self.metadata_only:
            return obj
        raw = b'{"metadata":' + bytes(msgspec.json.decode(obj.raw, type=_Metadata).metadata) + b"}"
        return StoredObject(obj.meta, raw, self._resource)


class _Metadata(msgspec.Struct):
    metadata: msgspec.Raw
