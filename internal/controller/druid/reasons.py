"""The closed set of condition types and reasons of a ``Druid``."""

from enum import StrEnum


class ConditionType(StrEnum):
    """``Ready`` always; ``Reconciling``, ``Stalled`` and ``Paused`` only while True."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PAUSED = "Paused"
    #: Every node group has a pod that can serve; stays True in a rolling change.
    COMPONENTS_AVAILABLE = "ComponentsAvailable"
    #: No change is on its way to the pods, and none waits for its turn.
    ROLLOUT_COMPLETE = "RolloutComplete"


class ConditionReason(StrEnum):
    """Why a condition is as it is."""

    #: Every pod of every node group is ready and of the newest revision.
    COMPONENTS_READY = "ComponentsReady"
    #: A node group was made and its pods are not all ready for the first time.
    CREATING = "Creating"
    #: A change goes through the node groups, one after the other.
    ROLLING_OUT = "RollingOut"
    #: Pods are missing or not ready, and no change of ours is the cause.
    COMPONENTS_NOT_READY = "ComponentsNotReady"
    #: The API server did not take a child for now; it is tried again.
    RETRYING = "Retrying"
    #: An object of the same name belongs to somebody else.
    NAME_CONFLICT = "NameConflict"
    #: The API server refused a child: a field that cannot change, a quota, a missing right.
    CHILD_REFUSED = "ChildRefused"
    #: The spec cannot be run; the message has the JSON path of each fault.
    INVALID_SPEC = "InvalidSpec"
    #: The spec refers to an object that does not exist.
    REFERENCE_NOT_FOUND = "ReferenceNotFound"
    #: The annotation ``druid.apache.org/ignored`` is "true".
    IGNORED = "Ignored"
    #: The object is being deleted; its claims go first.
    DELETING = "Deleting"
