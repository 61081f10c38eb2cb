"""The Deployment and ReplicaSet decisions, one law each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.envtest.dataplane.deployment import plan_deployment
from druid_operator.pkg.envtest.dataplane.plan import Moment
from druid_operator.pkg.envtest.dataplane.replicaset import plan_replicaset
from druid_operator.pkg.envtest.dataplane.rollout import Limits

JSON = dict[str, Any]
Make = Callable[..., JSON]


@pytest.fixture
def make_deployment() -> Make:
    def make(replicas: int, *, image: str = "web:1", **spec: Any) -> JSON:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "ns", "uid": "deploy-uid", "generation": 1},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "c", "image": image}]},
                },
                **spec,
            },
        }

    return make


def strategy(surge: int | str, unavailable: int | str) -> JSON:
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }


def stored(rs: JSON, available: int, *, uid: str, created: str) -> JSON:
    """A created ReplicaSet, some seconds later."""
    metadata = {**rs["metadata"], "uid": uid, "creationTimestamp": created, "generation": 1}
    size = rs["spec"]["replicas"]
    status = {"replicas": size, "readyReplicas": available, "availableReplicas": available}
    return {**rs, "metadata": metadata, "status": status}


@pytest.fixture
def rollout(make_deployment: Make, moment: Moment) -> Callable[..., tuple[JSON, JSON, JSON]]:
    """A Deployment whose template changed, its complete old ReplicaSet and the new one."""

    def make(replicas: int, available_new: int = 0, **spec: Any) -> tuple[JSON, JSON, JSON]:
        (old,) = plan_deployment(make_deployment(replicas, **spec), [], [], moment).create
        old = stored(old, replicas, uid="old", created="2026-01-01T00:00:00Z")
        changed = make_deployment(replicas, image="web:2", **spec)
        (new,) = plan_deployment(changed, [old], [], moment).create
        return changed, old, stored(new, available_new, uid="new", created="2026-01-01T00:01:00Z")

    return make


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (4, "25%", "25%", (1, 1)),
        (3, "25%", "25%", (1, 0)),  # up for the surge, down for what may be missing
        (1, "10%", "10%", (1, 0)),
        (4, 0, 0, (0, 1)),  # neither: a rollout could not move
        (2, 1, 5, (1, 2)),  # no more can be missing than there are
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_percentages_are_rounded_so_that_a_rollout_can_move(
    make_deployment: Make, replicas: int, surge: Any, unavailable: Any, expected: tuple[int, int]
) -> None:
    limits = Limits.of(make_deployment(replicas, strategy=strategy(surge, unavailable)))
    assert (limits.surge, limits.unavailable) == expected


def test_recreate_has_no_room_beyond_the_replicas(make_deployment: Make) -> None:
    limits = Limits.of(make_deployment(4, strategy={"type": "Recreate"}))
    assert (limits.surge, limits.unavailable, limits.maximum) == (0, 0, 4)


def test_a_new_template_starts_with_the_surge(rollout: Any) -> None:
    _, old, new = rollout(4)
    assert (old["spec"]["replicas"], new["spec"]["replicas"]) == (4, 1)
    assert new["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_old_pods_stay_while_the_new_ones_are_not_available(rollout: Any, moment: Moment) -> None:
    deployment, old, new = rollout(4, strategy=strategy(1, 0))
    assert plan_deployment(deployment, [old, new], [], moment).update == []


def test_a_status_that_lags_behind_does_not_cost_a_second_pod(rollout: Any, moment: Moment) -> None:
    """Scaled down to three, while the status still shows four available."""
    deployment, old, new = rollout(4)
    old["spec"]["replicas"], new["spec"]["replicas"] = 3, 2
    assert plan_deployment(deployment, [old, new], [], moment).update == []


def test_broken_old_pods_go_before_healthy_ones(rollout: Any, moment: Moment) -> None:
    deployment, old, new = rollout(4, available_new=1)
    old["status"]["availableReplicas"] = 2
    (scaled, *_) = [
        rs
        for rs in plan_deployment(deployment, [old, new], [], moment).update
        if rs["metadata"]["uid"] == "old"
    ]
    # Five pods are there and three must be available: two may go, and two are broken.
    assert scaled["spec"]["replicas"] == 2


def test_replicas_changed_in_a_rollout_are_shared_out(rollout: Any, moment: Moment) -> None:
    deployment, old, new = rollout(10, strategy=strategy(3, 2))
    old["spec"]["replicas"], new["spec"]["replicas"] = 8, 5
    old["status"]["availableReplicas"] = 8
    deployment["spec"]["replicas"] = 15
    plan = plan_deployment(deployment, [old, new], [], moment)
    sizes = {rs["metadata"]["uid"]: rs["spec"]["replicas"] for rs in plan.update}
    assert sizes == {"old": 11, "new": 7}  # 18 = 15 and the surge


def test_recreate_makes_nothing_new_while_an_old_pod_lives(
    make_deployment: Make, moment: Moment, live: Make
) -> None:
    kind = {"strategy": {"type": "Recreate"}}
    (old,) = plan_deployment(make_deployment(1, **kind), [], [], moment).create
    old = stored(old, 0, uid="old", created="2026-01-01T00:00:00Z")
    old["spec"]["replicas"] = 0
    (pod,) = plan_replicaset({**old, "spec": {**old["spec"], "replicas": 1}}, [], moment).create
    changed = make_deployment(1, image="web:2", **kind)
    assert plan_deployment(changed, [old], [live(pod, terminating=True)], moment).create == []
    (new,) = plan_deployment(changed, [old], [], moment).create
    assert new["spec"]["replicas"] == 1


def test_history_beyond_the_limit_is_deleted_oldest_first(
    make_deployment: Make, moment: Moment
) -> None:
    sets: list[JSON] = []
    for number in range(4):
        deployment = make_deployment(1, image=f"web:{number}", revisionHistoryLimit=1)
        (made,) = plan_deployment(deployment, sets, [], moment).create
        for rs in sets:
            rs["spec"]["replicas"] = rs["status"]["replicas"] = rs["status"][
                "availableReplicas"
            ] = 0
        made["spec"]["replicas"] = 1
        sets.append(stored(made, 1, uid=f"rs-{number}", created=f"2026-01-01T00:0{number}:00Z"))
    deleted = plan_deployment(deployment, sets, [], moment).delete
    assert [rs["metadata"]["uid"] for rs in deleted] == ["rs-0", "rs-1"]


def test_a_rollout_that_does_not_move_is_late_after_its_deadline(
    rollout: Any, moment: Moment
) -> None:
    deployment, old, new = rollout(2, progressDeadlineSeconds=60)
    since = {"deploy-uid": 100.0}
    begun = plan_deployment(deployment, [old, new], [], moment).status
    assert begun is not None
    late = Moment(now=161.0, wall="2026-01-01T00:02:00Z", since=since)
    plan = plan_deployment(begun, [old, new], [], late)
    assert plan.status is not None
    (progressing,) = [c for c in plan.status["status"]["conditions"] if c["type"] == "Progressing"]
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    early = Moment(now=130.0, wall="2026-01-01T00:01:00Z", since=since)
    assert plan_deployment(begun, [old, new], [], early).requeue_after == 30.0


def test_what_was_read_is_left_as_it_was(rollout: Any, moment: Moment) -> None:
    """It is the store's own; an orphan is adopted, and everything is rescaled."""
    deployment, old, new = rollout(4)
    del old["metadata"]["ownerReferences"]
    deployment["spec"]["replicas"] = 9
    before = copy.deepcopy((deployment, old, new))
    assert len(plan_deployment(deployment, [old, new], [], moment).update) == 2
    assert (deployment, old, new) == before


def test_the_least_useful_pods_go_first(make_deployment: Make, moment: Moment, live: Make) -> None:
    (rs,) = plan_deployment(make_deployment(3), [], [], moment).create
    rs = stored(rs, 0, uid="rs", created="2026-01-01T00:00:00Z")
    first, second, third = plan_replicaset(rs, [], moment).create
    settled, recent, broken = live(first), live(second), live(third, ready=False)
    for pod in (settled, recent, broken):
        pod["spec"]["nodeName"] = "node-0"
    ages = {settled["metadata"]["uid"]: 1.0, recent["metadata"]["uid"]: 99.0}
    at = Moment(now=100.0, wall=moment.wall, since=ages)
    for size, doomed in ((2, [broken]), (1, [broken, recent])):
        rs["spec"]["replicas"] = size
        assert plan_replicaset(rs, [settled, recent, broken], at).delete == doomed
