"""The StatefulSet decisions, one law each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan
from druid_operator.pkg.envtest.dataplane.statefulset import plan_statefulset

JSON = dict[str, Any]
Make = Callable[..., JSON]


def names(objects: Any, kind: str = "Pod") -> list[str]:
    return [o["metadata"]["name"] for o in objects if o["kind"] == kind]


class World:
    """A set, its pods and its history; ``step`` carries a plan out and new pods become Ready."""

    def __init__(self, sts: JSON, live: Make, moment: Moment) -> None:
        self.sts, self.live, self.moment = sts, live, moment
        self.pods: list[JSON] = []
        self.history: list[JSON] = []
        self.claims: dict[str, JSON] = {}

    def plan(self) -> Plan:
        """The plan; what it was made from is the store's, so it must still be as it was."""
        read = (self.sts, self.pods, self.history, self.claims)
        before = copy.deepcopy(read)
        plan = plan_statefulset(*read, self.moment)
        assert read == before
        return plan

    def step(self, *, ready: bool = True) -> Plan:
        plan = self.plan()
        gone = names(plan.delete)
        self.pods = [p for p in self.pods if p["metadata"]["name"] not in gone]
        for obj in plan.create:
            if obj["kind"] == "Pod":
                self.pods.append(self.live(obj, ready=ready))
            elif obj["kind"] == "ControllerRevision":
                self.history.append(obj)
            else:
                self.claims[obj["metadata"]["name"]] = obj
        for obj in plan.update:
            if obj["kind"] == "ControllerRevision":
                name = obj["metadata"]["name"]
                self.history = [r for r in self.history if r["metadata"]["name"] != name] + [obj]
        if plan.status is not None:
            self.sts = plan.status
        return plan

    def settle(self, *, ready: bool = True) -> list[list[str]]:
        """Steps until a plan writes nothing; answers the pods that each step deleted."""
        deleted = []
        for _ in range(50):
            plan = self.step(ready=ready)
            deleted.append(names(plan.delete))
            if not (plan.create or plan.update or plan.delete or plan.status):
                return [d for d in deleted if d]
        raise AssertionError("the set does not settle")

    def set_image(self, image: str) -> None:
        template = {
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "c", "image": image}]},
        }
        metadata = {**self.sts["metadata"], "generation": self.sts["metadata"]["generation"] + 1}
        self.sts = {
            **self.sts,
            "metadata": metadata,
            "spec": {**self.sts["spec"], "template": template},
        }


@pytest.fixture
def world(live: Make, moment: Moment) -> Callable[[JSON], World]:
    return lambda sts: World(sts, live, moment)


def test_ordered_creates_one_pod_at_a_time(world: Any, make_sts: Make) -> None:
    w = world(make_sts(3))
    assert [names(w.step().create) for _ in range(3)] == [["db-0"], ["db-1"], ["db-2"]]


def test_ordered_waits_for_an_unready_pod(world: Any, make_sts: Make) -> None:
    w = world(make_sts(3))
    w.settle(ready=False)
    assert names(w.pods) == ["db-0"]


def test_parallel_creates_all_at_once(world: Any, make_sts: Make) -> None:
    assert names(world(make_sts(3, ordered=False)).step().create) == ["db-0", "db-1", "db-2"]


def test_scale_down_takes_the_highest_ordinals_first(world: Any, make_sts: Make) -> None:
    w = world(make_sts(3))
    w.settle()
    w.sts["spec"]["replicas"] = 1
    assert w.settle() == [["db-2"], ["db-1"]]


def test_rolling_update_goes_from_the_highest_ordinal_down(world: Any, make_sts: Make) -> None:
    w = world(make_sts(3))
    w.settle()
    before = w.sts["status"]["currentRevision"]
    w.set_image("db:2")
    assert w.settle() == [["db-2"], ["db-1"], ["db-0"]]
    status = w.sts["status"]
    assert status["currentRevision"] == status["updateRevision"] != before
    assert status["updatedReplicas"] == status["readyReplicas"] == 3


def test_rolling_update_stops_at_a_pod_that_does_not_become_ready(
    world: Any, make_sts: Make
) -> None:
    w = world(make_sts(3))
    w.settle()
    w.set_image("db:2")
    assert w.settle(ready=False) == [["db-2"]]
    status = w.sts["status"]
    assert (status["readyReplicas"], status["updatedReplicas"]) == (2, 1)
    assert status["currentRevision"] != status["updateRevision"]


def test_rolling_update_leaves_the_pods_below_the_partition(world: Any, make_sts: Make) -> None:
    w = world(make_sts(3, updateStrategy={"rollingUpdate": {"partition": 2}}))
    w.settle()
    w.set_image("db:2")
    assert w.settle() == [["db-2"]]
    status = w.sts["status"]
    assert status["currentRevision"] != status["updateRevision"]


def test_a_lost_pod_below_the_partition_comes_back_as_it_was(world: Any, make_sts: Make) -> None:
    w = world(make_sts(2, updateStrategy={"rollingUpdate": {"partition": 1}}))
    w.settle()
    w.set_image("db:2")
    w.settle()
    w.pods = [p for p in w.pods if p["metadata"]["name"] != "db-0"]
    (pod,) = w.step().create
    assert pod["spec"]["containers"][0]["image"] == "db:1"


def test_on_delete_rolls_nothing(world: Any, make_sts: Make) -> None:
    w = world(make_sts(3, updateStrategy={"type": "OnDelete"}))
    w.settle()
    w.set_image("db:2")
    assert w.settle() == []


def test_max_unavailable_rolls_several_at_once(world: Any, make_sts: Make) -> None:
    w = world(make_sts(4, updateStrategy={"rollingUpdate": {"maxUnavailable": "50%"}}))
    w.settle()
    w.set_image("db:2")
    assert w.settle() == [["db-3", "db-2"], ["db-1", "db-0"]]


def test_parallel_update_takes_broken_old_pods_beyond_the_budget(
    world: Any, make_sts: Make, live: Make
) -> None:
    w = world(make_sts(3, ordered=False))
    w.settle(ready=False)
    w.set_image("db:2")
    assert w.settle() == [["db-2", "db-1", "db-0"]]


def test_ordered_does_not_mend_a_reverted_update(world: Any, make_sts: Make) -> None:
    """The known limit of OrderedReady: the broken pod blocks its own replacement."""
    w = world(make_sts(2))
    w.settle()
    w.set_image("db:2")
    w.settle(ready=False)
    w.set_image("db:1")
    assert w.settle() == []


def test_going_back_uses_the_old_revision_again(world: Any, make_sts: Make) -> None:
    w = world(make_sts(1))
    w.settle()
    first = w.sts["status"]["currentRevision"]
    w.set_image("db:2")
    w.settle()
    w.set_image("db:1")
    w.settle()
    assert w.sts["status"]["currentRevision"] == first
    assert sorted(r["revision"] for r in w.history) == [2, 3]


def test_claims_carry_the_selector_and_outlive_their_pod(world: Any, make_sts: Make) -> None:
    template = {
        "metadata": {"name": "data", "labels": {"own": "yes"}},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
    }
    w = world(make_sts(2, volumeClaimTemplates=[template]))
    w.settle()
    assert sorted(w.claims) == ["data-db-0", "data-db-1"]
    assert w.claims["data-db-0"]["metadata"]["labels"] == {"own": "yes", "app": "db"}
    assert w.pods[0]["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    ]
    w.sts["spec"]["replicas"] = 0
    w.settle()
    assert sorted(w.claims) == ["data-db-0", "data-db-1"]


def test_a_terminating_claim_holds_its_pod_back(world: Any, make_sts: Make) -> None:
    template = {
        "metadata": {"name": "data"},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
    }
    w = world(make_sts(1, volumeClaimTemplates=[template]))
    w.settle()
    w.pods = []
    w.claims["data-db-0"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert names(w.plan().create) == []
    del w.claims["data-db-0"]
    assert names(w.plan().create) == ["db-0"]


def test_a_set_made_again_adopts_the_pods_and_restarts_none(world: Any, make_sts: Make) -> None:
    """After a delete with ``Orphan``: how a claim template is changed without a restart."""
    w = world(make_sts(2))
    w.settle()
    for obj in (*w.pods, *w.history):
        del obj["metadata"]["ownerReferences"]
    status = w.sts.pop("status")
    w.sts["metadata"]["uid"] = "another"
    plan = w.plan()
    assert not plan.create
    assert not plan.delete
    assert {o["metadata"]["ownerReferences"][0]["uid"] for o in plan.update} == {"another"}
    assert plan.status is not None
    assert plan.status["status"]["currentRevision"] == status["currentRevision"]


def test_a_set_that_is_being_deleted_creates_nothing(world: Any, make_sts: Make) -> None:
    w = world(make_sts(2))
    w.sts["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert names(w.plan().create) == []


def test_min_ready_seconds_hold_the_next_pod_back(
    world: Any, make_sts: Make, live: Make, moment: Moment
) -> None:
    w = world(make_sts(2, minReadySeconds=10))
    w.step()
    uid = w.pods[0]["metadata"]["uid"]
    w.moment = Moment(now=104.0, wall=moment.wall, since={uid: 100.0})
    plan = w.plan()
    assert names(plan.create) == []
    assert plan.requeue_after == 6.0
    w.moment = Moment(now=110.0, wall=moment.wall, since={uid: 100.0})
    assert names(w.plan().create) == ["db-1"]


def test_counters_of_zero_are_left_out_as_the_real_controller_does(
    world: Any, make_sts: Make
) -> None:
    w = world(make_sts(0))
    w.settle()
    name = w.sts["status"]["updateRevision"]
    assert w.sts["status"] == {
        "observedGeneration": 1,
        "replicas": 0,
        "currentRevision": name,
        "updateRevision": name,
        "collisionCount": 0,
        "availableReplicas": 0,
    }
