"""The events of an ingestion; reasons are the Go operator's where they mean the same.

The Go operator swapped reason and message at every call; here the reason is the word and the
message the sentence.
"""

from __future__ import annotations

from enum import StrEnum


class EventReason(StrEnum):
    """The closed set."""

    CREATED = "DruidIngestionControllerCreateSuccess"
    CREATE_FAILED = "DruidIngestionControllerCreateFail"
    UPDATED = "DruidIngestionControllerUpdateSuccess"
    UPDATE_FAILED = "DruidIngestionControllerUpdateFail"
    SHUT_DOWN = "DruidIngestionControllerShutDownSuccess"
    SHUT_DOWN_FAILED = "DruidIngestionControllerShutDownFail"
    SUSPENDED = "DruidIngestionControllerSuspendSuccess"
    RESUMED = "DruidIngestionControllerResumeSuccess"
    OPERATION_FAILED = "DruidIngestionControllerOperationFail"
    ADOPTED = "DruidIngestionControllerAdoptSuccess"
    DRIFT_CORRECTED = "DruidIngestionControllerDriftCorrected"
    RUN_ENDED = "DruidIngestionControllerRunSuccess"
    RUN_FAILED = "DruidIngestionControllerRunFail"
    RELEASED = "DruidIngestionControllerReleased"
    INVALID = "DruidIngestionControllerInvalidSpec"
    CONFLICT = "DruidIngestionControllerConflict"
    SETTING_CHANGED = "DruidIngestionControllerSettingChanged"
    SETTING_RELEASED = "DruidIngestionControllerSettingReleased"
    REQUEST_DONE = "DruidIngestionControllerRequestSuccess"
    REQUEST_FAILED = "DruidIngestionControllerRequestFail"
    FIELDS_IGNORED = "DruidIngestionControllerFieldsIgnored"
    PAUSED = "DruidIngestionControllerPaused"
