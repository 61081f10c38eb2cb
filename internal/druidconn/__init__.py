"""The operator's side of Druid's HTTP API: where it is, who we are there, what is known of it."""

from druid_operator.internal.druidconn.connection import Connection
from druid_operator.internal.druidconn.connections import Connections, settings_of
from druid_operator.internal.druidconn.endpoint import Endpoint, NoEndpoint, resolve_endpoint
from druid_operator.internal.druidconn.secrets import CredentialsError, SecretReader
from druid_operator.internal.druidconn.settings_view import DataSourceFacts, SettingsView
from druid_operator.internal.druidconn.turnstile import Occupied
from druid_operator.internal.druidconn.view import ClusterView, SupervisorFacts

__all__ = [
    "Connections", "Connection", "ClusterView", "SupervisorFacts",
    "SecretReader", "SettingsView", "DataSourceFacts", "settings_of",
    "Endpoint", "resolve_endpoint", "NoEndpoint", "CredentialsError", "Occupied",
]  # fmt: skip
