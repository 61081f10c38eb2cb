"""The closed set of condition types and reasons of a ``DruidIngestion``."""

from enum import StrEnum


class ConditionType(StrEnum):
    """``Ready`` and ``Synced`` always; ``Reconciling``, ``Stalled``, ``Paused`` only while True."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PAUSED = "Paused"
    #: Druid has all that the object asks for: the document, and rules and compaction if declared.
    SYNCED = "Synced"
    #: Only while True: Druid dropped fields of the document that it does not know.
    SPEC_HAS_IGNORED_FIELDS = "SpecHasIgnoredFields"


class ConditionReason(StrEnum):
    """Why a condition is as it is; what Druid or a decision says beyond these has its own word
    (``OwnedByAnother``, ``StreamChangeRequiresRecreate``, ... of ``internal/ingestion``)."""

    #: The supervisor runs and Druid calls it healthy.
    RUNNING = "Running"
    #: The supervisor waits for data, as its spec allows.
    IDLE = "Idle"
    #: Suspended, as declared.
    SUSPENDED = "Suspended"
    #: Druid took the document and the supervisor or task has not settled yet.
    STARTING = "Starting"
    #: Druid calls the supervisor unhealthy; the message has its words.
    UNHEALTHY = "Unhealthy"
    #: Druid calls the supervisor healthy, but its tasks fail one after the other.
    TASKS_FAILING = "TasksFailing"
    #: The supervisor does not leave a state that passes in seconds.
    STUCK = "Stuck"
    #: The batch task ended well.
    SUCCEEDED = "Succeeded"
    #: The batch task failed.
    FAILED = "Failed"
    #: The batch task was forgotten by Druid before its end.
    LOST = "Lost"
    #: Druid has the document that is asked for.
    IN_SYNC = "InSync"
    #: Druid has another document, and the next pass sends ours.
    OUT_OF_SYNC = "OutOfSync"
    #: Druid cannot be asked; what the status says of it is the last thing known.
    DRUID_UNREACHABLE = "DruidUnreachable"
    #: Druid refuses the credentials.
    UNAUTHORIZED = "Unauthorized"
    #: The router does not forward management calls.
    PROXY_DISABLED = "ManagementProxyDisabled"
    #: Druid's queue of tasks is full.
    WAITING_FOR_CAPACITY = "WaitingForCapacity"
    #: Druid answered with a failure of its own.
    DRUID_ERROR = "DruidError"
    #: Druid refused the document, in the words of the message.
    SPEC_REJECTED = "SpecRejected"
    #: The object's spec cannot be run; the message has the JSON path of each fault.
    INVALID_SPEC = "InvalidSpec"
    #: Druid dropped what it does not know.
    UNKNOWN_FIELDS = "UnknownFields"
    #: There is no ``Druid`` of that name in the namespace.
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    #: The ingestion was submitted to another cluster than the one that is wanted now.
    CLUSTER_CHANGED = "ClusterChanged"
    #: An older object of this namespace ingests into the same supervisor.
    CONFLICT = "Conflict"
    #: The ConfigMap with the document could not be written.
    RETRYING = "Retrying"
    #: The annotation ``druid.apache.org/ignored`` is "true".
    IGNORED = "Ignored"
    #: The object is being deleted; Druid is told first.
    DELETING = "Deleting"
