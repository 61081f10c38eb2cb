"""Declares the webhooks of a kind.

::

    server = WebhookServer(mgr.metrics, WebhookOptions(certificates=...))
    mgr.add(server)
    mgr.add_readyz_check("webhook", server.started_checker)
    webhooks_for(server, mgr.scheme, Druid).with_defaulter(d).with_validator(v).complete()
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from druid_operator.pkg.meta import GroupVersionKind, Resource
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.webhook.conversion import Convertible, Spoke, typed_spoke
from druid_operator.pkg.webhook.handlers import (
    Defaulter,
    DefaultingHandler,
    ValidatingHandler,
    Validator,
)
from druid_operator.pkg.webhook.server import WebhookServer

T = TypeVar("T")


class WebhookBuilder(Generic[T]):
    """Collects the webhooks of one kind; :meth:`complete` has them served.

    Args:
        kind: its model, or its resource: then its objects are dictionaries.
    """

    def __init__(self, server: WebhookServer, scheme: Scheme, kind: type[T] | Resource) -> None:
        self._server = server
        self._scheme = scheme
        self._kind: Any = kind
        self._gvk = scheme.resource_for(kind).gvk
        self._defaulter: Defaulter[Any] | None = None
        self._validator: Validator[Any] | None = None
        self._spokes: list[Spoke] = []

    def with_defaulter(self, defaulter: Defaulter[T]) -> WebhookBuilder[T]:
        self._defaulter = defaulter
        return self

    def with_validator(self, validator: Validator[T]) -> WebhookBuilder[T]:
        self._validator = validator
        return self

    def with_spokes(self, *models: type[Convertible[T]]) -> WebhookBuilder[T]:
        """Other versions of the kind, which is then their hub."""
        self._spokes += [typed_spoke(self._scheme, self._kind, model) for model in models]
        return self

    def complete(self) -> list[str]:
        """Returns the paths. Raises ``ValueError`` when there is nothing to serve, or it is served
        already.
        """
        paths: list[str] = []
        if self._defaulter is not None:
            paths.append(webhook_path("mutate", self._gvk))
            handler = DefaultingHandler(self._scheme, self._kind, self._defaulter)
            self._server.register(paths[-1], handler)
        if self._validator is not None:
            paths.append(webhook_path("validate", self._gvk))
            validating = ValidatingHandler(self._scheme, self._kind, self._validator)
            self._server.register(paths[-1], validating)
        if self._spokes:
            self._server.conversions.register(self._gvk, *self._spokes)
            self._server.register_conversions()
        if not paths and not self._spokes:
            raise ValueError(f"no webhook for {self._gvk}: give a defaulter, validator or spokes")
        return paths


def webhooks_for(
    server: WebhookServer, scheme: Scheme, kind: type[T] | Resource
) -> WebhookBuilder[T]:
    return WebhookBuilder(server, scheme, kind)


def webhook_path(action: str, gvk: GroupVersionKind) -> str:
    """``/validate-apps-example-com-v1-web``. Source: controller-runtime ``generatePath``."""
    return f"/{action}-{gvk.group.replace('.', '-')}-{gvk.version}-{gvk.kind.lower()}"
