"""Webhooks that the API server calls: admission, and conversion between versions."""

from druid_operator.pkg.webhook.admission import (
    AdmissionHandler,
    AdmissionRequest,
    AdmissionResponse,
    Denied,
)
from druid_operator.pkg.webhook.builder import WebhookBuilder, webhook_path, webhooks_for
from druid_operator.pkg.webhook.conversion import (
    CannotConvert,
    ConversionRegistry,
    Convertible,
    Spoke,
    typed_spoke,
)
from druid_operator.pkg.webhook.handlers import (
    Defaulter,
    DefaultingHandler,
    MultiHandler,
    ValidatingHandler,
    Validator,
    Warnings,
)
from druid_operator.pkg.webhook.json_diff import json_diff
from druid_operator.pkg.webhook.provisioner import CertificateProvisioner
from druid_operator.pkg.webhook.server import CertificateSource, WebhookOptions, WebhookServer

__all__ = [
    "WebhookServer", "WebhookOptions", "CertificateSource", "CertificateProvisioner",
    "webhooks_for", "WebhookBuilder", "webhook_path",
    "Defaulter", "Validator", "Warnings", "Denied",
    "AdmissionHandler", "AdmissionRequest", "AdmissionResponse",
    "DefaultingHandler", "ValidatingHandler", "MultiHandler", "json_diff",
    "ConversionRegistry", "Convertible", "Spoke", "typed_spoke", "CannotConvert",
]  # fmt: skip
