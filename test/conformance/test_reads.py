"""Lists and watches: versions, pages, selectors, frames."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio


@pytest_asyncio.fixture(loop_scope="session")
async def pods_of_color(api, namespace):
    """Three secrets, two of them red. (Config maps would not do: a cluster adds its own.)"""
    path = f"/api/v1/namespaces/{namespace}/secrets"
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
        body = {"metadata": {"name": name, "labels": {"color": color, "n": str(ord(name))}}}
        assert (await api("POST", path, body)).code == 201
    return path


def names(listed: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


async def test_a_list_says_its_kind_and_version(api, pods_of_color):
    answer = await api("GET", pods_of_color)
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("SecretList", "v1")
    assert answer.body["metadata"]["resourceVersion"].isdecimal()
    assert "kind" not in answer.body["items"][0], "the list says it for all"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("color=red", ["a", "c"]), ("color==red", ["a", "c"]), ("color!=red", ["b"]),
        ("color in (red,blue)", ["a", "b", "c"]), ("color notin (red)", ["b"]),
        ("color", ["a", "b", "c"]), ("!color", []), ("color=red,n=99", ["c"]), ("n>97", ["b", "c"]),
        ("n<98", ["a"]), ("none notin (x)", ["a", "b", "c"]),
    ],
)  # fmt: skip
async def test_label_selectors(api, pods_of_color, selector, expected):
    from urllib.parse import quote

    answer = await api("GET", f"{pods_of_color}?labelSelector={quote(selector)}")
    assert names(answer.body) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("labelSelector=a=(b", "unable to parse requirement: found '(', expected: identifier"),
        ("fieldSelector=data.x=1", ('"data.x" is not a known field selector: only "metadata.name", '
         '"metadata.namespace"')),
    ],
)  # fmt: skip
async def test_selectors_that_cannot_be_read(api, configmaps, query, message):
    answer = await api("GET", f"{configmaps}?{query}")
    assert (answer.code, answer.message) == (400, message)


async def test_field_selectors(api, pods_of_color):
    answer = await api("GET", f"{pods_of_color}?fieldSelector=metadata.name=b")
    assert names(answer.body) == ["b"]
    answer = await api("GET", f"{pods_of_color}?fieldSelector=metadata.name!=b")
    assert names(answer.body) == ["a", "c"]


async def test_pages_are_one_snapshot(api, pods_of_color):
    first = await api("GET", f"{pods_of_color}?limit=2")
    assert names(first.body) == ["a", "b"]
    assert first.body["metadata"]["remainingItemCount"] == 1
    await api("DELETE", f"{pods_of_color}/c")
    token = first.body["metadata"]["continue"]
    second = await api("GET", f"{pods_of_color}?limit=2&continue={token}")
    assert names(second.body) == ["c"], "as it was when the first page was read"
    assert "continue" not in second.body["metadata"]
    version = first.body["metadata"]["resourceVersion"]
    assert second.body["metadata"]["resourceVersion"] == version


async def test_version_zero_ignores_the_limit(api, pods_of_color):
    answer = await api("GET", f"{pods_of_color}?limit=1&resourceVersion=0")
    assert names(answer.body) == ["a", "b", "c"]


async def test_an_exact_version_is_the_past(api, pods_of_color):
    version = (await api("GET", pods_of_color)).body["metadata"]["resourceVersion"]
    await api("DELETE", f"{pods_of_color}/a")
    query = f"?resourceVersion={version}&resourceVersionMatch=Exact"
    assert names((await api("GET", pods_of_color + query)).body) == ["a", "b", "c"]


async def test_a_version_of_the_future_times_out(api, configmaps):
    answer = await api("GET", f"{configmaps}?resourceVersion=99999999")
    assert (answer.code, answer.body["reason"]) == (504, "Timeout")
    assert answer.body["details"]["retryAfterSeconds"] == 1
    assert answer.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize(
    ("query", "code", "fragment"),
    [
        ("resourceVersionMatch=Exact", 422, "forbidden unless resourceVersion is provided"),
        ("watch=1&sendInitialEvents=true", 422,
         "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        ("watch=1&resourceVersion=abc", 500, "invalid syntax"),
        ("limit=1&continue=abc", 400, "continue key is not valid"),
    ],
)  # fmt: skip
async def test_parameters_that_make_no_sense(api, configmaps, query, code, fragment):
    answer = await api("GET", f"{configmaps}?{query}")
    assert answer.code == code
    assert fragment in answer.message


async def test_a_watch_without_version_begins_with_what_is_there(api, pods_of_color):
    frames = await api.watch(pods_of_color, "timeoutSeconds=1")
    assert sorted((f["type"], f["object"]["metadata"]["name"]) for f in frames) == [
        ("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c"),
    ]  # fmt: skip
    assert frames[0]["object"]["kind"] == "Secret"


async def test_a_watch_from_a_version_tells_what_came_after(api, pods_of_color):
    version = (await api("GET", pods_of_color)).body["metadata"]["resourceVersion"]
    await api.merge(f"{pods_of_color}/a", {"metadata": {"labels": {"color": "blue"}}})
    await api("DELETE", f"{pods_of_color}/b")
    query = f"resourceVersion={version}&timeoutSeconds=1"
    frames = await api.watch(pods_of_color, query)
    assert [(f["type"], f["object"]["metadata"]["name"]) for f in frames] == [
        ("MODIFIED", "a"), ("DELETED", "b"),
    ]  # fmt: skip
    gone = int(frames[1]["object"]["metadata"]["resourceVersion"])
    assert gone > int(frames[0]["object"]["metadata"]["resourceVersion"])


async def test_leaving_and_entering_a_selector_look_like_death_and_birth(api, pods_of_color):
    version = (await api("GET", pods_of_color)).body["metadata"]["resourceVersion"]
    await api.merge(f"{pods_of_color}/a", {"metadata": {"labels": {"color": "blue"}}})
    await api.merge(f"{pods_of_color}/b", {"metadata": {"labels": {"color": "red"}}})
    query = f"resourceVersion={version}&timeoutSeconds=1&labelSelector=color=red"
    frames = await api.watch(pods_of_color, query)
    assert [(f["type"], f["object"]["metadata"]["name"]) for f in frames] == [
        ("DELETED", "a"), ("ADDED", "b"),
    ]  # fmt: skip
    left = frames[0]["object"]["metadata"]
    assert left["labels"]["color"] == "red", "as it was while it matched"
    assert int(left["resourceVersion"]) > int(version)


async def test_a_streaming_list_ends_with_an_annotated_bookmark(api, pods_of_color):
    query = (
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        "&timeoutSeconds=1"
    )
    *added, last = (await api.watch(pods_of_color, query))[:4]  # plain bookmarks may follow
    assert sorted(f["object"]["metadata"]["name"] for f in added) == ["a", "b", "c"]
    assert last["type"] == "BOOKMARK"
    version = last["object"]["metadata"].pop("resourceVersion")
    assert version.isdecimal()
    assert last["object"] == {
        "kind": "Secret", "apiVersion": "v1",
        "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}},
    }  # fmt: skip


async def test_one_object_cannot_be_watched(api, pods_of_color):
    """The parameter is ignored: watch the collection with a field selector instead."""
    answer = await api("GET", f"{pods_of_color}/b?watch=1&timeoutSeconds=1")
    assert answer.body["metadata"]["name"] == "b"
    assert (await api("GET", f"{pods_of_color}/zz?watch=1")).code == 404


async def test_tables_and_metadata(api, pods_of_color):
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    answer = await api("GET", pods_of_color, accept=table)
    assert answer.body["kind"] == "Table"
    assert [c["name"] for c in answer.body["columnDefinitions"]] == ["Name", "Type", "Data", "Age"]
    row = answer.body["rows"][0]
    assert row["cells"][:3] == ["a", "Opaque", 0]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    answer = await api("GET", pods_of_color, accept=partial)
    assert answer.body["kind"] == "PartialObjectMetadataList"
    assert set(answer.body["items"][0]) == {"kind", "apiVersion", "metadata"}


async def test_what_cannot_be_shown_is_not_acceptable(api, configmaps):
    answer = await api("GET", configmaps, accept="text/html")
    assert (answer.code, answer.body["reason"]) == (406, "NotAcceptable")


async def test_health_and_version(api):
    assert (await api("GET", "/readyz")).body == "ok"
    version = (await api("GET", "/version")).body
    assert (version["major"], version["gitVersion"][:5]) == ("1", "v1.37")
