"""Options of a request, from its query and (for DELETE) its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import orjson

from druid_operator.pkg.apistore.options import (
    DeleteOptions,
    ListOptions,
    Propagation,
    WriteOptions,
)
from druid_operator.pkg.apistore.status_errors import invalid_options
from druid_operator.pkg.envtest.apiserver.call import Call
from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import JSON


def list_options(query: Mapping[str, str]) -> ListOptions:
    """Raises ``BadRequest`` for a limit that is no number."""
    limit = query.get("limit") or "0"
    if not limit.isdecimal():
        raise BadRequest(f'strconv.ParseInt: parsing "{limit}": invalid syntax')
    return ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        limit=int(limit),
        continue_=query.get("continue", ""),
    )


def write_options(call: Call) -> WriteOptions:
    """Raises ``Invalid`` for options that do not go together."""
    validation = call.query.get("fieldValidation") or "Warn"
    options = {"POST": "CreateOptions", "PUT": "UpdateOptions"}.get(
        call.target.method, "PatchOptions"
    )
    if validation not in ("Ignore", "Warn", "Strict"):
        message = (
            f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
        )
        raise invalid_options(options, "fieldValidation", "FieldValueNotSupported", message)
    if call.query.get("dryRun") not in (None, "All"):
        message = f'Unsupported value: "{call.query["dryRun"]}": supported values: "All"'
        raise invalid_options(options, "dryRun", "FieldValueNotSupported", message)
    if call.target.method == "PATCH":
        if call.is_apply and not call.query.get("fieldManager"):
            message = "Required value: is required for apply patch"
            raise invalid_options(options, "fieldManager", "FieldValueRequired", message)
        if not call.is_apply and "force" in call.query:
            message = "Forbidden: may not be specified for non-apply patch"
            raise invalid_options(options, "force", "FieldValueForbidden", message)
    return WriteOptions(
        field_manager=call.manager,
        force=call.query.get("force") in ("true", "True", "1"),
        dry_run=call.dry_run,
        field_validation=validation,  # type: ignore[arg-type]  # checked above
    )


def delete_options(call: Call) -> DeleteOptions:
    """From the body (``DeleteOptions``) or, where that is empty, the query. Raises ``Invalid``."""
    sent: JSON = orjson.loads(call.body) if call.body.strip() else {}
    preconditions = sent.get("preconditions") or {}
    grace = sent.get("gracePeriodSeconds", call.query.get("gracePeriodSeconds"))
    dry_run = call.dry_run or sent.get("dryRun") == ["All"]
    return DeleteOptions(
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        propagation=_propagation(call, sent),
        grace=None if grace is None else int(grace),
        dry_run=dry_run,
    )


def _propagation(call: Call, sent: JSON) -> Propagation | None:
    wanted = sent.get("propagationPolicy") or call.query.get("propagationPolicy")
    if wanted is None and "orphanDependents" in sent:
        return "Orphan" if sent["orphanDependents"] else "Background"
    for known in get_args(Propagation):
        if wanted == known:
            chosen: Propagation = known
            return chosen
    if wanted is None:
        return None
    message = (
        f'Unsupported value: "{wanted}": supported values: "Foreground", "Background", "Orphan", '
        '"nil"'
    )
    raise invalid_options("DeleteOptions", "propagationPolicy", "FieldValueNotSupported", message)
