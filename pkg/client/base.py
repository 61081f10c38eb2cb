"""The face of every client: kinds by model or resource, verbs with options, over four calls.

A client is made by giving the four ``do_`` methods, or by standing between another client and its
caller (:mod:`druid_operator.pkg.client.wrappers`).
"""

from __future__ import annotations

from druid_operator.pkg.client.reading import Reading
from druid_operator.pkg.client.subresource import SubResourceClient
from druid_operator.pkg.client.writing import Writing


class ClientBase(Reading, Writing):
    """Implements :class:`~druid_operator.pkg.client.WithWatch` over the four calls."""

    @property
    def status(self) -> SubResourceClient:
        return self.sub_resource("status")

    def sub_resource(self, name: str) -> SubResourceClient:
        """``status``, ``scale``, ``eviction``, ``binding``, ``token`` or any other."""
        return SubResourceClient(self, name)
