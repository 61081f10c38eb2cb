"""What the Druid at hand cannot do with a document, told before asking it.

Only what would otherwise come as a riddle ("could not resolve type id") or as damage (a changed id
that Druid ignores). Versions matter in one table each; an unknown version is given the benefit of
the doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.ingestion.document import DesiredDocument, sections
from druid_operator.pkg.errors import FieldError

#: The module that an extension registers, by supervisor type.
_MODULES = {
    "kafka": ("KafkaIndexTaskModule", "druid-kafka-indexing-service"),
    "kinesis": ("KinesisIndexingServiceModule", "druid-kinesis-indexing-service"),
    "rabbit": ("RabbitStreamIndexTaskModule", "druid-rabbit-indexing-service"),
}

#: Hadoop ingestion and the `parser` form of dataSchema were removed in 37.
REMOVED_IN = 37
#: A supervisor has an id of its own since 34; before, it is the datasource, whatever was sent.
EXPLICIT_ID_SINCE = 34


def check_against(
    document: DesiredDocument,
    *,
    major: int | None,
    modules: frozenset[str],
    sql_tasks: bool | None,
) -> Iterator[FieldError]:
    """Reasons not to send the document to this Druid. What is not known (``modules``
    empty, ``sql_tasks`` ``None``) is not checked."""
    module, extension = _MODULES.get(document.type, ("", ""))
    if module and modules and module not in modules:
        yield FieldError("spec.ingestion.type", f"Druid has not loaded the extension {extension}")
    if document.runs == "sql" and sql_tasks is False:
        yield FieldError("spec.ingestion.type", "this Druid runs no SQL tasks")
    if major is None:
        return
    if major >= REMOVED_IN and document.type == "index-hadoop":
        yield FieldError("spec.ingestion.type", f"Druid {major} has no Hadoop ingestion")
    schema = sections(document.body).get("dataSchema")
    if major >= REMOVED_IN and isinstance(schema, dict) and schema.get("parser"):
        words = f"Druid {major} has no parser: use ioConfig.inputFormat"
        yield FieldError(f"{document.path}.spec.dataSchema.parser", words)
    given = document.body.get("id")
    foreign = given not in (None, document.data_source) and document.type != "autocompact"
    if major < EXPLICIT_ID_SINCE and document.runs == "supervisor" and foreign:
        words = f"Druid {major} ignores it: the id is the datasource"
        yield FieldError(f"{document.path}.id", words)
