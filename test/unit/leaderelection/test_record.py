"""What a candidate may conclude from a Lease, and what it then writes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from druid_operator.pkg.leaderelection import LeaderElectionOptions, own_namespace
from druid_operator.pkg.leaderelection.record import (
    Free,
    Held,
    Record,
    build_claim,
    build_release,
    decide_claim,
    see,
)
from druid_operator.pkg.meta import JSON

OPTIONS = LeaderElectionOptions(name="l", namespace="ns", identity="me")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STAMP = "2026-05-01T12:00:00.000000Z"


def lease(holder: str = "other", *, renewed: str = "r1", transitions: int = 3) -> JSON:
    return {
        "metadata": {"name": "l", "namespace": "ns", "resourceVersion": "7"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "acquireTime": "a1",
            "renewTime": renewed,
            "leaseTransitions": transitions,
            "strategy": "OldestEmulationVersion",
        },
    }


def test_a_lease_lapses_its_duration_after_we_saw_it_change_whatever_times_it_shows() -> None:
    seen = see(lease(renewed="1999-01-01T00:00:00Z"), None, 100.0)
    assert decide_claim(seen, "me", 114.9) == Held("other", 115.0)
    assert decide_claim(seen, "me", 115.0) == Free()


def test_seeing_the_same_record_again_does_not_restart_its_clock() -> None:
    first = see(lease(), None, 100.0)
    same = see({**lease(), "metadata": {"resourceVersion": "8"}}, first, 110.0)
    renewed = see(lease(renewed="r2"), same, 112.0)
    assert (same.at, renewed.at) == (100.0, 112.0)


@pytest.mark.parametrize("holder", ["", "me"])
def test_a_lease_of_nobody_or_of_ourselves_is_free(holder: str) -> None:
    assert decide_claim(see(lease(holder), None, 100.0), "me", 100.0) == Free()


def test_an_empty_lease_is_read_as_zero_values() -> None:
    assert Record.of({"metadata": {}}) == Record.of({"spec": {"holderIdentity": None}}) == Record()


def test_taking_over_counts_a_transition_and_keeps_what_we_do_not_know_of() -> None:
    claim = build_claim(see(lease(), None, 100.0), OPTIONS, NOW)
    assert claim == {
        "metadata": {"name": "l", "namespace": "ns", "resourceVersion": "7"},
        "spec": {
            "holderIdentity": "me",
            "leaseDurationSeconds": 15,
            "acquireTime": STAMP,
            "renewTime": STAMP,
            "leaseTransitions": 4,
            "strategy": "OldestEmulationVersion",
        },
    }


def test_renewing_moves_the_renew_time_alone() -> None:
    before = lease("me")
    claim = build_claim(see(before, None, 100.0), OPTIONS, NOW)
    assert claim["spec"] == {**before["spec"], "renewTime": STAMP}


def test_a_fraction_of_a_second_is_rounded_up_for_the_others() -> None:
    options = LeaderElectionOptions(
        name="l", namespace="ns", lease_duration=1.2, renew_deadline=1.0, retry_period=0.3
    )
    assert build_claim(None, options, NOW)["spec"]["leaseDurationSeconds"] == 2


def test_a_release_leaves_no_holder_and_the_transitions_as_they_were() -> None:
    released = build_release(see(lease("me"), None, 100.0), NOW)["spec"]
    assert (released["holderIdentity"], released["leaseDurationSeconds"]) == ("", 1)
    assert released["leaseTransitions"] == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease_duration": 10.0},
        {"renew_deadline": 2.4},
        {"retry_period": 0.0},
        {"name": ""},
        {"identity": ""},
    ],
)
def test_options_that_cannot_keep_two_leaders_apart_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="leader election needs"):
        LeaderElectionOptions(**{"name": "l", "namespace": "ns", **wrong})


def test_identities_of_one_host_differ() -> None:
    made = {LeaderElectionOptions(name="l", namespace="ns").identity for _ in range(3)}
    assert len(made) == 3


def test_the_namespace_is_the_pods_then_the_environments_then_the_default(
    tmp_path, monkeypatch
) -> None:
    file = tmp_path / "namespace"
    monkeypatch.delenv("POD_NAMESPACE", raising=False)
    with pytest.raises(ValueError, match="cannot tell the namespace"):
        own_namespace(path=file)
    assert own_namespace("default", path=file) == "default"
    monkeypatch.setenv("POD_NAMESPACE", "from-env")
    assert own_namespace("default", path=file) == "from-env"
    file.write_text("of-the-pod\n")
    assert own_namespace("default", path=file) == "of-the-pod"
