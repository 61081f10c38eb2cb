"""The decision about a supervisor: every branch, and the laws that hold over all of them."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest

from druid_operator.internal.ingestion.baseline import baseline_hash
from druid_operator.internal.ingestion.go_status import go_spec_text
from druid_operator.internal.ingestion.marker import Marker, with_marker
from druid_operator.internal.ingestion.supervisor import decide_supervisor
from druid_operator.internal.ingestion.verdict import (
    Decision,
    ObservedSupervisor,
    SupervisorMemory,
    SupervisorPolicy,
)

JSON = dict[str, Any]
VERSION = "33.0.0"


class World:
    """One supervisor and what is remembered of it, to be bent by a test."""

    def __init__(self, kafka: JSON, build: Any, as_druid_says: Any) -> None:
        self.build, self.as_druid_says = build, as_druid_says
        self.desired = build(kafka)
        self.owner = Marker("ns", "wiki", "uid-1", self.desired.spec_hash)
        self.live: JSON | None = self.answer(kafka)
        assert self.live is not None
        self.memory = SupervisorMemory(
            supervisor_id="wiki",
            spec_hash=self.desired.spec_hash,
            live_baseline=baseline_hash(self.live),
            druid_version=VERSION,
        )
        self.policy = SupervisorPolicy()
        self.version = VERSION
        self.owner_exists = False

    def answer(self, document: JSON, *, marked: bool = True, **changes: Any) -> JSON:
        sent = with_marker(document, self.owner) if marked else document
        result: JSON = self.as_druid_says({**sent, **changes})
        return result

    def want(self, document: JSON, **kwargs: Any) -> None:
        self.desired = self.build(document, **kwargs)
        self.owner = attrs.evolve(self.owner, spec_hash=self.desired.spec_hash)

    def remember(self, **changes: Any) -> None:
        self.memory = attrs.evolve(self.memory, **changes)

    def decide(self) -> Decision:
        observed = ObservedSupervisor(self.live, self.version, self.owner_exists)
        return decide_supervisor(self.desired, observed, self.memory, self.owner, self.policy)

    def verdict(self) -> tuple[str, str]:
        decision = self.decide()
        return decision.action, decision.reason


@pytest.fixture
def world(kafka, build, as_druid_says) -> World:
    return World(kafka, build, as_druid_says)


def changed(kafka: JSON, **tuning: Any) -> JSON:
    document = copy.deepcopy(kafka)
    document["spec"]["tuningConfig"].update(tuning)
    return document


def test_nothing_changed_means_nothing_to_do(world) -> None:
    assert world.verdict() == ("InSync", "InSync")


def test_what_does_not_exist_is_created_with_marker_and_suspended_said(world) -> None:
    world.live, world.memory = None, SupervisorMemory()
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Create", "NotCreated")
    assert decision.message == "supervisor wiki does not exist"
    assert decision.submit is not None
    assert decision.submit["suspended"] is False
    assert decision.submit["context"]["k8sSpecHash"] == world.desired.spec_hash


def test_what_somebody_terminated_is_created_again(world) -> None:
    world.live = None
    assert world.verdict() == ("Create", "Terminated")
    assert world.decide().message.endswith("any more")


def test_a_changed_document_is_one_update_with_its_differences(world, kafka) -> None:
    world.want(changed(kafka, maxRowsInMemory=1))
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Update", "SpecChanged")
    assert [d.path for d in decision.differences] == ["spec.tuningConfig.maxRowsInMemory"]


def test_a_condition_names_the_first_differences_and_counts_the_rest(world, kafka) -> None:
    one, many = changed(kafka, maxRowsInMemory=1), dict.fromkeys("abcdefgh", 1)
    world.want(one)
    assert "more" not in world.decide().message
    world.want({**one, "context": many})
    assert world.decide().message.endswith("; and 4 more")


def test_a_field_taken_away_by_the_user_is_an_update_although_live_still_fits(world, kafka) -> None:
    document = copy.deepcopy(kafka)
    del document["spec"]["tuningConfig"]["maxRowsInMemory"]
    world.want(document)
    assert world.verdict() == ("Update", "SpecChanged")


@pytest.mark.parametrize(
    ("wanted", "stored", "verdict"),
    [
        (True, False, ("Suspend", "SuspendRequested")),
        (False, True, ("Resume", "ResumeRequested")),
        (True, True, ("InSync", "InSync")),
    ],
)
def test_suspension_alone_uses_its_own_calls(world, kafka, wanted, stored, verdict) -> None:
    world.live = world.answer(kafka, suspended=stored)
    world.want(kafka, suspend=wanted)
    assert world.verdict() == verdict


def test_resuming_with_a_changed_document_is_one_post(world, kafka) -> None:
    world.live = world.answer(kafka, suspended=True)
    world.want(changed(kafka, maxRowsInMemory=1), suspend=False)
    decision = world.decide()
    assert decision.action == "Update"
    assert decision.submit is not None
    assert decision.submit["suspended"] is False


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        ("Correct", ("Update", "DriftCorrected")),
        ("Warn", ("Drift", "Drifted")),
        ("Ignore", ("InSync", "DriftIgnored")),
    ],
)
def test_an_edit_behind_our_back_goes_by_the_drift_policy(world, kafka, policy, verdict) -> None:
    world.live = world.answer(changed(kafka, maxRowsInMemory=7))
    world.policy = SupervisorPolicy(drift=policy)
    assert world.verdict() == verdict


def test_a_setting_added_behind_our_back_is_drift_although_the_document_still_fits(
    world, kafka
) -> None:
    world.live = world.answer(changed(kafka, logParseExceptions=True))
    assert world.verdict() == ("Update", "DriftCorrected")


def test_an_edit_that_also_removed_the_marker_is_corrected(world, kafka) -> None:
    world.live = world.answer(changed(kafka, maxRowsInMemory=7), marked=False)
    assert world.verdict() == ("Update", "DriftCorrected")


@pytest.mark.parametrize("policy", ["Warn", "Ignore"])
def test_suspension_holds_under_any_drift_policy(world, kafka, policy) -> None:
    world.live = world.answer(changed(kafka, maxRowsInMemory=7))
    world.policy = SupervisorPolicy(drift=policy)
    world.want(kafka, suspend=True)
    assert world.decide().action == "Suspend"


def test_a_crash_between_post_and_status_is_repaired_without_a_post(world, kafka) -> None:
    """Druid has the new document and its hash; status still speaks of the one before."""
    document = changed(kafka, maxRowsInMemory=1)
    world.want(document)
    world.live = world.answer(document)
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Rebaseline", "BaselineRecorded")
    assert decision.live_baseline == baseline_hash(world.live)


def test_a_lost_status_is_rebuilt_without_a_post(world) -> None:
    world.memory = SupervisorMemory()
    assert world.verdict() == ("Rebaseline", "BaselineRecorded")


def test_a_druid_upgrade_with_new_defaults_is_no_drift(world, kafka) -> None:
    sent = with_marker(kafka, world.owner)
    world.live = world.as_druid_says(sent, "37.0.0")
    world.version = "37.0.0"
    assert world.verdict() == ("Rebaseline", "DruidVersionChanged")


def test_an_edit_during_an_upgrade_is_still_seen(world, kafka) -> None:
    sent = with_marker(changed(kafka, maxRowsInMemory=7), world.owner)
    world.live = world.as_druid_says(sent, "37.0.0")
    world.version = "37.0.0"
    assert world.verdict() == ("Update", "DriftCorrected")


def test_another_objects_supervisor_is_not_touched(world) -> None:
    world.owner = attrs.evolve(world.owner, name="other")
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Conflict", "OwnedByAnother")
    assert "ns/wiki" in decision.message


def test_a_restored_object_owns_what_its_name_made_unless_the_old_one_lives(world) -> None:
    world.owner = attrs.evolve(world.owner, uid="uid-2")
    assert world.verdict() == ("InSync", "InSync")
    world.owner_exists = True
    assert world.verdict() == ("Conflict", "OwnedByAnother")


def test_an_equivalent_supervisor_without_marker_is_adopted_without_a_post(world, kafka) -> None:
    world.live, world.memory = world.answer(kafka, marked=False), SupervisorMemory()
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Adopt", "Adopted")
    world.remember(
        spec_hash=world.desired.spec_hash,
        live_baseline=decision.live_baseline,
        druid_version=VERSION,
    )
    assert world.verdict() == ("InSync", "InSync")


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        ("IfEquivalent", ("Conflict", "PreExistingDiffers")),
        ("Never", ("Conflict", "PreExisting")),
        ("Always", ("Update", "SpecChanged")),
    ],
)
def test_a_differing_supervisor_without_marker_goes_by_the_adoption_policy(
    world, kafka, policy, verdict
) -> None:
    world.live = world.answer(changed(kafka, maxRowsInMemory=7), marked=False)
    world.memory = SupervisorMemory()
    world.policy = SupervisorPolicy(adoption=policy)
    assert world.verdict() == verdict


def test_taking_over_from_the_go_operator_posts_nothing_and_hides_nothing(world, kafka) -> None:
    """Somebody had edited the supervisor under the Go operator, which never looked."""
    world.live = world.answer(changed(kafka, maxRowsInMemory=7), marked=False)
    world.memory = SupervisorMemory(go_spec=go_spec_text(kafka), go_submitted=True)
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Adopt", "TakenOver")
    world.remember(
        spec_hash=world.desired.spec_hash,
        live_baseline=decision.live_baseline,
        druid_version=VERSION,
    )
    assert world.verdict() == ("Drift", "TakenOver")


def test_a_change_made_while_no_operator_ran_is_carried_out(world, kafka) -> None:
    world.live = world.answer(kafka, marked=False)
    world.memory = SupervisorMemory(go_spec=go_spec_text(kafka), go_submitted=True)
    world.want(changed(kafka, maxRowsInMemory=1))
    assert world.verdict() == ("Update", "SpecChanged")


@pytest.mark.parametrize("io", [{"topic": "other"}, {"topic": None, "topicPattern": "wiki"}])
def test_a_change_of_stream_is_refused_on_every_version(world, kafka, io) -> None:
    document = copy.deepcopy(kafka)
    document["spec"]["ioConfig"].update(io)
    world.want(document)
    decision = world.decide()
    assert (decision.action, decision.reason) == ("Refuse", "StreamChangeRequiresRecreate")
    world.policy = SupervisorPolicy(recreate=True)
    decision = world.decide()
    assert (decision.action, decision.target, decision.reset) == ("Recreate", "wiki", True)


def test_a_stream_changed_behind_our_back_is_not_changed_back_by_itself(world, kafka) -> None:
    document = copy.deepcopy(kafka)
    document["spec"]["ioConfig"]["topic"] = "other"
    world.live = world.answer(document)
    assert world.verdict() == ("Refuse", "StreamChangeRequiresRecreate")


def test_a_change_of_datasource_leaves_no_supervisor_behind(world, kafka) -> None:
    document = copy.deepcopy(kafka)
    document["spec"]["dataSchema"]["dataSource"] = "elsewhere"
    world.want(document)
    world.live = None
    assert world.verdict() == ("Refuse", "IdentityChangeRequiresRecreate")
    world.policy = SupervisorPolicy(recreate=True)
    decision = world.decide()
    assert (decision.action, decision.target, decision.reset) == ("Recreate", "wiki", False)


def test_a_refused_document_is_not_sent_again_until_it_or_druid_changes(world, kafka) -> None:
    document = changed(kafka, maxRowsInMemory=1)
    world.want(document)
    world.remember(
        rejected_hash=world.desired.spec_hash, rejected_version=VERSION, rejected_message="no"
    )
    decision = world.decide()
    assert (decision.action, decision.reason, decision.message) == ("Refuse", "SpecRejected", "no")
    world.version = "34.0.0"
    assert world.decide().action == "Update"
    world.version = VERSION
    world.want(changed(kafka, maxRowsInMemory=2))
    assert world.decide().action == "Update"


def test_no_secret_is_in_any_message(world, kafka) -> None:
    document = copy.deepcopy(kafka)
    document["spec"]["ioConfig"]["consumerProperties"]["ssl.key.password"] = "other-secret"
    world.want(document)
    decision = world.decide()
    assert decision.action == "Update"
    assert "hush" not in repr(decision)
    assert "other-secret" not in repr(decision)
