"""Group ``druid.apache.org``, version ``v1alpha1``: the two kinds, in one tuple."""

from druid_operator.api.v1alpha1.druid_types import Druid, DruidNodeSpec, DruidSpec
from druid_operator.api.v1alpha1.druidingestion_types import (
    DruidIngestion,
    DruidIngestionSpec,
)
from druid_operator.api.v1alpha1.keys import GROUP, VERSION
from druid_operator.pkg.meta import GroupVersionKind, Resource
from druid_operator.pkg.schema import CustomResource, PrintColumn

DRUID = Resource(GroupVersionKind(GROUP, VERSION, "Druid"), "druids")
DRUID_INGESTION = Resource(GroupVersionKind(GROUP, VERSION, "DruidIngestion"), "druidingestions")

_READY = '.status.conditions[?(@.type=="Ready")].status'
_SYNCED = '.status.conditions[?(@.type=="Synced")].status'
_REASON = '.status.conditions[?(@.type=="Ready")].reason'
_AGE = PrintColumn(name="Age", json_path=".metadata.creationTimestamp", type="date")

#: `kubectl get druid-operator` shows both kinds. Not "druids": kubectl tries categories before
#: names, and `kubectl get druids NAME` would fail with "you must specify only one resource".
_CATEGORY = "druid-operator"

#: Every kind of this project. Adding a kind starts with an entry here.
KINDS: tuple[CustomResource, ...] = (
    CustomResource(
        resource=DRUID,
        model=Druid,
        categories=(_CATEGORY,),
        print_columns=(
            PrintColumn(name="Ready", json_path=_READY),
            PrintColumn(name="Reason", json_path=_REASON),
            PrintColumn(name="Components", json_path=".status.readyComponents"),
            PrintColumn(name="Image", json_path=".spec.image", priority=1),
            _AGE,
        ),
    ),
    CustomResource(
        resource=DRUID_INGESTION,
        model=DruidIngestion,
        categories=(_CATEGORY,),
        print_columns=(
            PrintColumn(name="Type", json_path=".spec.ingestion.type"),
            PrintColumn(name="DataSource", json_path=".status.dataSource"),
            PrintColumn(name="State", json_path=".status.state"),
            PrintColumn(name="Lag", json_path=".status.lag.aggregate", type="integer"),
            PrintColumn(name="Suspended", json_path=".status.suspended", type="boolean"),
            PrintColumn(name="Synced", json_path=_SYNCED),
            PrintColumn(name="Ready", json_path=_READY),
            PrintColumn(name="Reason", json_path=_REASON),
            _AGE,
        ),
    ),
)

__all__ = [
    "KINDS", "DRUID", "DRUID_INGESTION", "GROUP", "VERSION",
    "Druid", "DruidSpec", "DruidNodeSpec", "DruidIngestion", "DruidIngestionSpec",
]  # fmt: skip
