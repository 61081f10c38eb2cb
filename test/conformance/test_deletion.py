"""DELETE: answers, preconditions, finalizers, propagation."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.pkg.envtest.eventually import eventually


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


async def test_delete_answers_a_status_with_the_uid(api, configmaps):
    made = await api("POST", configmaps, config_map("a"))
    gone = await api("DELETE", f"{configmaps}/a")
    assert (gone.code, gone.body["status"]) == (200, "Success")
    assert gone.body["details"] == {
        "name": "a", "kind": "configmaps", "uid": made.body["metadata"]["uid"],
    }  # fmt: skip
    assert (await api("DELETE", f"{configmaps}/a")).code == 404


async def test_some_kinds_answer_the_object(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await api("POST", path, {"metadata": {"name": "sa"}})
    assert (await api("DELETE", f"{path}/sa")).body["kind"] == "ServiceAccount"


@pytest.mark.parametrize(
    ("precondition", "words"),
    [
        ({"uid": "x"}, "the UID in the precondition (x) does not match the UID in record (UID)"),
        ({"resourceVersion": "1"}, "the ResourceVersion in the precondition (1) does not match"),
    ],
)
async def test_preconditions(api, configmaps, precondition, words):
    await api("POST", configmaps, config_map("p"))
    answer = await api("DELETE", f"{configmaps}/p", {"preconditions": precondition})
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    assert answer.message.startswith('Operation cannot be fulfilled on ConfigMap "p": ')
    assert words in answer.message


async def test_finalizers_hold_the_object(api, configmaps):
    path = f"{configmaps}/f"
    await api("POST", configmaps, config_map("f", finalizers=["e.x/a"]))
    held = await api("DELETE", path)
    metadata = held.body["metadata"]
    assert metadata["deletionTimestamp"]
    assert metadata["deletionGracePeriodSeconds"] == 0
    again = await api("DELETE", path)
    assert again.body == held.body, "marked once"
    more = await api.merge(path, {"metadata": {"finalizers": ["e.x/a", "e.x/b"]}})
    assert more.message == (
        'ConfigMap "f" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added '
        'if the object is being deleted, found new finalizers []string{"e.x/b"}'
    )
    released = await api.merge(path, {"metadata": {"finalizers": None}})
    assert released.code == 200
    assert released.body["metadata"]["resourceVersion"] == metadata["resourceVersion"]
    assert (await api("GET", path)).code == 404


async def test_deletion_counts_as_a_generation(api, widgets):
    body = {
        "apiVersion": "conformance.example.com/v1", "kind": "Widget",
        "metadata": {"name": "g", "finalizers": ["e.x/a"]}, "spec": {"size": 1},
    }  # fmt: skip
    assert (await api("POST", widgets, body)).body["metadata"]["generation"] == 1
    assert (await api("DELETE", f"{widgets}/g")).body["metadata"]["generation"] == 2
    await api.merge(f"{widgets}/g", {"metadata": {"finalizers": None}})


@pytest.mark.parametrize(
    ("propagation", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_propagation_is_a_finalizer(api, configmaps, propagation, finalizer):
    await api("POST", configmaps, config_map("p", finalizers=["e.x/a"]))
    answer = await api("DELETE", f"{configmaps}/p", {"propagationPolicy": propagation})
    assert answer.body["metadata"]["finalizers"] == ["e.x/a", finalizer]
    await api.merge(f"{configmaps}/p", {"metadata": {"finalizers": None}})


async def test_an_unknown_propagation_is_refused(api, configmaps):
    await api("POST", configmaps, config_map("q"))
    answer = await api("DELETE", f"{configmaps}/q", {"propagationPolicy": "Foo"})
    assert (answer.code, answer.causes) == (422, [("FieldValueNotSupported", "propagationPolicy")])


async def owned(api, configmaps, owner: str, name: str, **reference: Any) -> None:
    uid = (await api("GET", f"{configmaps}/{owner}")).body["metadata"]["uid"]
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid, **reference}
    answer = await api("POST", configmaps, config_map(name, ownerReferences=[ref]))
    assert answer.code == 201, answer.message


async def gone(api, path: str) -> bool:
    return bool((await api("GET", path)).code == 404)


@pytest.mark.usefixtures("needs_pods")  # of what makes pods, kube-controller-manager collects
@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
async def test_dependents_follow_their_owner(api, configmaps, propagation):
    await api("POST", configmaps, config_map("owner"))
    await owned(api, configmaps, "owner", "child", blockOwnerDeletion=True)
    await api("DELETE", f"{configmaps}/owner", {"propagationPolicy": propagation})
    await eventually(lambda: gone(api, f"{configmaps}/child"), timeout=20)
    await eventually(lambda: gone(api, f"{configmaps}/owner"), timeout=20)


@pytest.mark.usefixtures("needs_pods")
async def test_orphans_lose_the_reference_and_stay(api, configmaps):
    await api("POST", configmaps, config_map("owner"))
    await owned(api, configmaps, "owner", "child")
    await api("DELETE", f"{configmaps}/owner", {"propagationPolicy": "Orphan"})
    await eventually(lambda: gone(api, f"{configmaps}/owner"), timeout=20)
    child = await api("GET", f"{configmaps}/child")
    assert "ownerReferences" not in child.body["metadata"]


@pytest.mark.usefixtures("needs_pods")
async def test_an_object_of_an_owner_that_never_was_is_collected(api, configmaps):
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never",
           "uid": "11111111-1111-1111-1111-111111111111"}  # fmt: skip
    await api("POST", configmaps, config_map("lost", ownerReferences=[ref]))
    await eventually(lambda: gone(api, f"{configmaps}/lost"), timeout=20)


async def test_a_pod_that_runs_nowhere_can_be_evicted(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/pods"
    spec = {"nodeSelector": {"no": "node"}, "containers": [{"name": "c", "image": "i"}]}
    made = await api("POST", path, {"metadata": {"name": "p"}, "spec": spec})
    assert made.code == 201, made.message
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    answer = await api("POST", f"{path}/p/eviction", eviction)
    assert (answer.code, answer.body["status"]) == (201, "Success")
    assert (await api("GET", f"{path}/p")).code == 404
    assert (await api("POST", f"{path}/p/eviction", eviction)).code == 404


async def test_a_collection_can_be_deleted_by_label(api, configmaps):
    for name in ("x", "y"):
        await api("POST", configmaps, config_map(name, labels={"name": name}))
    answer = await api("DELETE", f"{configmaps}?labelSelector=name=x")
    assert [item["metadata"]["name"] for item in answer.body["items"]] == ["x"]
    assert (await api("GET", f"{configmaps}/y")).code == 200


async def test_nothing_new_in_a_namespace_that_goes(api, namespace):
    name = f"{namespace}-going"
    await api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    path = f"/api/v1/namespaces/{name}/configmaps"
    await api("POST", path, config_map("held", finalizers=["e.x/a"]))
    going = await api("DELETE", f"/api/v1/namespaces/{name}")
    assert going.body["status"] == {"phase": "Terminating"}
    answer = await api("POST", path, config_map("late"))
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.causes == [("NamespaceTerminating", "metadata.namespace")]
    await api.merge(f"{path}/held", {"metadata": {"finalizers": None}})
