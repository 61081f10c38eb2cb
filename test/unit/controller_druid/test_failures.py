"""Which errors stall an object, which are retried, and which nobody needs to hear of."""

from __future__ import annotations

import pytest

from druid_operator.internal.controller.druid.events import EventReason, events_of
from druid_operator.internal.controller.druid.failures import failure_from, failure_of, to_retry
from druid_operator.pkg.apply import Action, ChildId, NameConflict, Outcome, Reason, Result, Verb
from druid_operator.pkg.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    InvalidObject,
    OperatorError,
    RequestNotSent,
    ServiceUnavailable,
)
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import SERVICE

ID = ChildId(SERVICE, NamespacedName("data", "s"))


def failed(error: OperatorError, verb: Verb = Verb.APPLY) -> Outcome:
    return Outcome(Action(verb, Reason.DRIFTED, ID), Result.FAILED, error=error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NameConflict(ID, "Druid other"), ("NameConflict", True)),
        (Invalid("spec.clusterIP: immutable"), ("ChildRefused", True)),
        (Forbidden("exceeded quota"), ("ChildRefused", True)),
        (ServiceUnavailable("etcd"), ("Retrying", False)),
        (RequestNotSent("refused"), ("Retrying", False)),
        (Conflict("somebody was faster"), None),
    ],
)
def test_what_the_status_says_about_a_childs_error(
    error: OperatorError, told: tuple[str, bool] | None
) -> None:
    failure = failure_of([failed(error)])
    assert (failure and (failure.reason.value, failure.stalled)) == told
    if failure:
        assert failure.message.startswith("Service s: ")


def test_the_worst_failure_is_told() -> None:
    failure = failure_of([failed(ServiceUnavailable("x")), failed(Invalid("y"))])
    assert failure is not None
    assert failure.reason == "ChildRefused"


def test_a_name_conflict_is_waited_out_and_the_rest_is_retried() -> None:
    """Nothing tells when the other object goes, so the next pass looks again."""
    conflict = failed(NameConflict(ID, "Druid other"))
    assert to_retry([conflict]) is None
    error = Conflict("x")
    assert to_retry([conflict, failed(error)]) is error


def test_a_wrong_spec_is_told_with_its_paths() -> None:
    failure = failure_from(InvalidObject([FieldError("spec.nodes[a].nodeType", "unknown")]))
    assert failure is not None
    assert (failure.reason, failure.message) == ("InvalidSpec", "spec.nodes[a].nodeType: unknown")
    missing = InvalidObject(
        [FieldError("spec.extraCommonConfig[0]", "x")], reason="ReferenceNotFound"
    )
    failure = failure_from(missing)
    assert failure is not None
    assert failure.reason == "ReferenceNotFound"
    assert failure_from(Conflict("x")) is None


def test_each_write_and_each_failure_has_one_event() -> None:
    outcomes = [
        Outcome(Action(Verb.CREATE, Reason.MISSING, ID), Result.CREATED),
        Outcome(Action(Verb.NOTHING, Reason.IN_SYNC, ID), Result.UNCHANGED),
        failed(Invalid("no"), Verb.DELETE),
    ]
    created, refused = events_of(outcomes)
    assert (created.type, created.reason) == ("Normal", EventReason.CREATED)
    assert created.note == "Created Service s: it does not exist"
    assert (refused.type, refused.reason) == ("Warning", EventReason.DELETE_FAILED)
