"""``DruidIngestion``: one object describes an ingestion, and Druid is kept in that state."""

from __future__ import annotations

import attrs

from druid_operator.api.v1alpha1.druid_types import Auth, SecretReference
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.schema import prop

_CORE = "io.k8s.api.core.v1."

#: The types that the Go operator names, and those that Druid has beside them.
INGESTION_TYPES = (
    "kafka", "kinesis", "rabbit", "autocompact", "native-batch", "sql", "index-hadoop",
)  # fmt: skip


@attrs.frozen
class IngestionSpec:
    """What is ingested. `nativeSpec` wins over `spec`."""

    type: str = prop(f"One of {', '.join(INGESTION_TYPES)}.", required=True)
    spec: str | None = prop(
        "The whole document that Druid takes, as JSON text. Credentials may be given as "
        "`${secret:NAME:KEY}`, which stands for a value of a Secret of this namespace."
    )
    native_spec: JSON | None = prop(
        "The whole document that Druid takes, as an object.", preserve_unknown=True
    )
    compaction: JSON | None = prop("Automatic compaction of the datasource.", preserve_unknown=True)
    rules: list[JSON] | None = prop("Retention rules of the datasource.", preserve_unknown=True)


@attrs.frozen
class RunPolicy:
    """When a batch or SQL ingestion runs, and how often it is tried."""

    policy: str | None = prop(
        "`OnChange` (default): a changed document is a new run. `Once`: it is told and not run.",
        enum=("OnChange", "Once"),
    )
    backoff_limit: int | None = prop(
        "Retries of a failed run, the first after a minute, each later one after twice the time; "
        "0 by default.",
        format="int32", minimum=0, maximum=100,
    )  # fmt: skip
    active_deadline_seconds: int | None = prop(
        "A run that takes longer is shut down and has failed; no limit by default.",
        format="int64", minimum=1,
    )  # fmt: skip
    history_limit: int | None = prop(
        "Runs kept in the status; 10 by default.", format="int32", minimum=1, maximum=100
    )
    allow_append: bool | None = prop(
        "Run a changed document that appends, although rows may be there twice afterwards."
    )


@attrs.frozen
class Request:
    """Something to be done once."""

    id: str = prop("Another id is another request.", required=True, min_length=1, max_length=63)


@attrs.frozen
class SetOffsetsRequest:
    """Where a stream is to be read from, once."""

    id: str = prop("Another id is another request.", required=True, min_length=1, max_length=63)
    partition_offset_map: dict[str, int] = prop(
        "Partition to offset, as Druid's `resetOffsets` takes it; others stay.", required=True
    )


@attrs.frozen
class Requests:
    """Each is carried out once per id and recorded in `status.requests`."""

    reset_offsets: Request | None = prop(
        "Streaming: forget all offsets. Rows are lost or repeated, as `useEarliestOffset` says."
    )
    set_offsets: SetOffsetsRequest | None = prop("Streaming: read on from these offsets.")
    run_again: Request | None = prop("Batch and SQL: run the document again.")
    recreate: Request | None = prop(
        "Streaming: consent to a change of stream, datasource or id. The supervisor is suspended, "
        "its offsets are forgotten when the stream changes, and it is made anew."
    )


@attrs.frozen
class ConnectionTLS:
    """https to Druid. The Secrets are in the object's own namespace."""

    ca_secret_ref: SecretReference | None = prop(
        "A Secret with `ca.crt`, whom to trust; the system's authorities when absent.",
        k8s=_CORE + "SecretReference",
    )
    client_secret_ref: SecretReference | None = prop(
        "A Secret with `tls.crt` and `tls.key`, the certificate to show.",
        k8s=_CORE + "SecretReference",
    )
    server_name: str | None = prop("The name in Druid's certificate; by default the address's.")


@attrs.frozen
class Connection:
    """How Druid's HTTP API is reached, where the `Druid` object does not tell it all."""

    url: str | None = prop(
        "A router that no `Druid` of this namespace describes. The operator must allow it "
        "(`--allow-druid-url`)."
    )
    tls: ConnectionTLS | None = prop("For https.")


@attrs.frozen
class DruidIngestionSpec:
    """The desired ingestion."""

    druid_cluster: str = prop("Name of the `Druid` in the same namespace.", required=True)
    ingestion: IngestionSpec = prop("What is ingested.", required=True)
    suspend: bool | None = prop("Streaming: no tasks run. Batch: nothing is submitted.")
    auth: Auth | None = prop("Credentials for Druid's HTTP API; the cluster's when absent.")
    connection: Connection | None = prop("How Druid is reached; rarely needed.")
    run_policy: RunPolicy | None = prop("Of batch and SQL ingestions.")
    deletion_policy: str | None = prop(
        "When the object is deleted. `Terminate` (default): the supervisor is terminated, a "
        "running task shut down. `Suspend`: the supervisor is left suspended. `Orphan`: all is "
        "left as it is.",
        enum=("Terminate", "Suspend", "Orphan"),
    )
    drift_policy: str | None = prop(
        "When somebody else changes what Druid has. `Correct` (default): it is changed back. "
        "`Warn`: it is told. `Ignore`: it is passed over.",
        enum=("Correct", "Warn", "Ignore"),
    )
    adoption_policy: str | None = prop(
        "When the supervisor is there already and was not made by an operator. `IfEquivalent` "
        "(default): it is taken if it is as declared. `Always`: it is changed. `Never`.",
        enum=("IfEquivalent", "Always", "Never"),
    )
    requests: Requests | None = prop("What is to be done once.")


@attrs.frozen
class Lag:
    """Records not yet read."""

    aggregate: int | None = prop("Summed over all partitions.", format="int64")
    measured_at: str | None = prop(
        "When this figure was new; it holds until another is written.", format="date-time"
    )


@attrs.frozen
class DruidIngestionStatus:
    """The ingestion as Druid reports it."""

    observed_generation: int | None = prop(
        "The generation that the rest of the status speaks of.", format="int64"
    )
    conditions: list[JSON] | None = prop(
        "`Ready` always; `Reconciling` and `Stalled` only when True.",
        k8s="io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
        list_map_keys=["type"],
    )
    task_id: str | None = prop("Supervisor id or task id, from Druid's own answer.")
    type: str | None = prop("The last operation, in the Go operator's words.")
    status: str | None = prop("Kept for the Go operator: `True` when the last operation worked.")
    reason: str | None = prop("Druid's last answer, shortened.")
    message: str | None = prop("The last operation, in the Go operator's words.")
    last_update_time: str | None = prop("When Druid last took something.", format="date-time")
    current_ingestion_spec_json: str | None = prop(
        "The document that Druid took last, in the Go operator's form.",
        json="currentIngestionSpec.json",
    )
    rules: list[JSON] | None = prop("The rules that Druid took last.", preserve_unknown=True)
    data_source: str | None = prop("The datasource that is written.")
    state: str | None = prop("State as Druid reports it: RUNNING, SUSPENDED, SUCCESS, ...")
    state_since: str | None = prop("When the state was first seen.", format="date-time")
    detailed_state: str | None = prop("Druid's finer word for the state.")
    suspended: bool | None = prop("Whether Druid has the supervisor suspended.")
    spec_hash: str | None = prop("sha256 of the document that Druid took last.")
    live_baseline: str | None = prop("sha256 of what Druid made of that document.")
    druid_cluster: str | None = prop("The `Druid` that the ingestion was submitted to.")
    supervisor_id: str | None = prop("Id of the supervisor, for streaming types.")
    druid_version: str | None = prop("Version of the Druid that `liveBaseline` was taken from.")
    lag: Lag | None = prop("How far the tasks are behind the stream; at most a minute old.")
    active_tasks: int | None = prop("Tasks that read now.", format="int32")
    recent_errors: list[JSON] | None = prop(
        "Druid's newest errors, shortened and without secrets.",
        preserve_unknown=True,
        list_type="atomic",
    )
    data_source_settings: JSON | None = prop(
        "The rules and the compaction that Druid took last, by their hashes.",
        preserve_unknown=True,
    )
    ignored_fields: list[str] | None = prop(
        "Fields of the document that Druid does not know and dropped.", list_type="atomic"
    )
    secret_versions: dict[str, str] | None = prop(
        "Versions of the Secrets whose values Druid was sent."
    )
    requests: list[JSON] | None = prop(
        "What was asked for once, and what became of it.",
        preserve_unknown=True,
        list_type="atomic",
    )
    rejected: JSON | None = prop(
        "The document that Druid refused last, by its hash, with Druid's words.",
        preserve_unknown=True,
    )
    runs: list[JSON] | None = prop(
        "Batch: the runs, newest first.", preserve_unknown=True, list_type="atomic"
    )


@attrs.frozen
class DruidIngestion:
    """An ingestion into a Druid cluster."""

    metadata: JSON = prop(required=True)
    spec: DruidIngestionSpec = prop("The desired ingestion.", required=True)
    status: DruidIngestionStatus | None = prop(
        # Generic tools would take an object without status for a finished one.
        "The ingestion as Druid reports it.",
        default={"observedGeneration": -1},
    )
