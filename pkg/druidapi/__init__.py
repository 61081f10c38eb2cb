"""Druid's HTTP API: what can be asked (``DruidAPI``), the client, and what can go wrong.

Knows nothing of Kubernetes. ``druidapi.fake`` is a server with Druid's manners.
"""

from druid_operator.pkg.druidapi.api import (
    Capabilities,
    ClusterAPI,
    CompactionAPI,
    DataSourceAPI,
    DruidAPI,
    SqlTaskAPI,
    SupervisorAPI,
    TaskAPI,
)
from druid_operator.pkg.druidapi.client import DruidClient
from druid_operator.pkg.druidapi.errors import DruidError
from druid_operator.pkg.druidapi.transport import (
    TLS,
    Credentials,
    Deadlines,
    StaticCredentials,
    StaticTLS,
    basic_authorization,
    bearer_authorization,
)
from druid_operator.pkg.druidapi.types import (
    ServerStatus,
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
    SupervisorSubmitted,
    TaskReport,
    TaskStatus,
    TaskSubmitted,
)

__all__ = [
    "DruidAPI", "ClusterAPI", "SupervisorAPI", "TaskAPI", "SqlTaskAPI", "DataSourceAPI",
    "CompactionAPI", "Capabilities", "DruidClient", "DruidError",
    "Credentials", "Deadlines", "StaticCredentials", "basic_authorization", "bearer_authorization",
    "TLS", "StaticTLS",
    "ServerStatus", "SupervisorListing", "SupervisorState", "SupervisorStatus",
    "SupervisorSubmitted", "TaskReport", "TaskStatus", "TaskSubmitted",
]  # fmt: skip
