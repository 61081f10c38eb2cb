"""Keys that live in objects: finalizers, labels, annotations. Most are the Go operator's."""

GROUP = "druid.apache.org"
VERSION = "v1alpha1"

#: Finalizer of ``Druid``: the claims made from templates are deleted under it.
PVC_FINALIZER = "deletepvc.finalizers.druid.apache.org"
#: Finalizer of ``DruidIngestion``: Druid is told first, then the object goes.
INGESTION_FINALIZER = "druidingestion.datainfra.io/finalizer"

#: ``"true"`` (exactly) pauses the object: no child is written until it is removed.
IGNORED_ANNOTATION = "druid.apache.org/ignored"
#: ``"true"`` (exactly) on an ingestion that is being deleted: release it without telling Druid.
RELEASE_ANNOTATION = "druid.apache.org/release"
#: On every child: the Go operator's hash of the object it would store.
GO_HASH_ANNOTATION = "druidOpResourceHash"
#: On every child: the hash of what we applied last.
APPLIED_ANNOTATION = "druid.apache.org/applied"
#: On a taken-over workload: our value of ``configMapSHA``, for which its pods keep another one.
CONFIG_SHA_ANNOTATION = "druid.apache.org/config-sha"
#: On the ConfigMap of an ingestion: the hash of the document it holds.
SPEC_HASH_ANNOTATION = "druid.apache.org/spec-hash"

LABEL_APP = "app"
LABEL_CLUSTER = "druid_cr"
LABEL_COMPONENT = "component"
LABEL_NODE = "nodeSpecUniqueStr"
APP_VALUE = "druid"

#: The label that the ConfigMaps of ingestions carry instead of ``app`` and ``druid_cr``: the Go
#: operator deletes whatever has those two and is none of its own.
LABEL_INGESTION = "druid.apache.org/ingestion"

FIELD_MANAGER_DRUID = "druid-operator"
FIELD_MANAGER_INGESTION = "druid-operator-ingestion"
