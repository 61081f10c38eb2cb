"""Over random documents: what Druid rewrites is no drift, and whatever a user can see is."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from druid_operator.internal.ingestion.baseline import baseline_hash
from druid_operator.internal.ingestion.canonical import canonical_json, sha256
from druid_operator.internal.ingestion.document import parse_document
from druid_operator.internal.ingestion.go_status import go_spec_text, same_as_go
from druid_operator.internal.ingestion.subset import supervisor_differences
from druid_operator.pkg.druidapi.fake.stream_spec import stream_spec
from druid_operator.pkg.druidapi.fake.versions import Version

JSON = dict[str, Any]
VERSIONS = [Version(f"{major}.0.0") for major in (30, 33, 34, 37, 38)]

names = st.text("abcdefghij_", min_size=1, max_size=8)
granularities = st.sampled_from(
    ["day", "HOUR", "minute", "none", "ALL", {"type": "period", "period": "PT15M"},
     {"type": "period", "period": "P2D", "timeZone": "Europe/Paris"}]
)  # fmt: skip
durations = st.integers(60, 100_000).map(lambda s: f"PT{s}S")
dimensions = st.one_of(
    names,
    st.builds(lambda n: {"name": n}, names),
    st.builds(lambda n, t: {"type": t, "name": n}, names, st.sampled_from(["long", "double"])),
    st.builds(lambda n, b: {"name": n, "createBitmapIndex": b}, names, st.booleans()),
)
leaves = st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), names, st.none())
free = st.recursive(
    leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(names, x, max_size=3), max_leaves=8
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    return st.fixed_dictionaries({}, optional=fields)


def column(dimension: Any) -> str:
    return str(dimension if isinstance(dimension, str) else dimension["name"])


@st.composite
def documents(draw: st.DrawFn) -> JSON:
    schema = {
        "dataSource": draw(names),
        "timestampSpec": draw(optional(column=names, format=st.just("iso"))),
        "dimensionsSpec": draw(
            optional(
                dimensions=st.lists(dimensions, max_size=4, unique_by=column),
                dimensionExclusions=st.lists(names, max_size=3, unique=True),
            )
        ),
        "granularitySpec": draw(
            optional(
                segmentGranularity=granularities,
                queryGranularity=granularities,
                rollup=st.booleans(),
                intervals=st.just(["2024-01-01/2024-02-01"]),
            )
        ),
    }
    io = {
        "topic": draw(names),
        "inputFormat": {"type": "json"},
        "consumerProperties": {
            "bootstrap.servers": "kafka:9092",
            **draw(st.dictionaries(names, names, max_size=3)),
        },
        **draw(
            optional(
                type=st.just("kafka"),
                taskDuration=durations,
                period=durations,
                replicas=st.integers(1, 3),
                taskCount=st.integers(1, 9),
                useEarliestOffset=st.booleans(),
                idleConfig=st.just({"enabled": True}),
            )
        ),
    }
    tuning = draw(
        optional(
            maxRowsInMemory=st.integers(1, 10**9),
            maxBytesInMemory=st.integers(0, 10**12),
            logParseExceptions=st.booleans(),
            intermediatePersistPeriod=st.just("PT5M"),
            shutdownTimeout=durations,
        )
    )
    document: JSON = {
        "type": "kafka",
        "spec": {"dataSchema": schema, "ioConfig": io, "tuningConfig": {"type": "kafka", **tuning}},
    }
    context = draw(st.none() | st.dictionaries(names, free, max_size=3))
    return document if context is None else {**document, "context": context}


def shuffled(value: Any, seed: random.Random) -> Any:
    """The same document with its keys in another order."""
    if isinstance(value, dict):
        keys = list(value)
        seed.shuffle(keys)
        return {key: shuffled(value[key], seed) for key in keys}
    return [shuffled(item, seed) for item in value] if isinstance(value, list) else value


def counting(desired: JSON, live: JSON) -> list[str]:
    return [d.path for d in supervisor_differences(desired, live) if d.counts]


@given(documents(), st.sampled_from(VERSIONS), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_whatever_druid_makes_of_a_document_is_no_drift(
    document: JSON, version: Version, seed: random.Random
) -> None:
    live = json.loads(json.dumps(stream_spec(copy.deepcopy(document), version)))
    assert counting(shuffled(document, seed), shuffled(live, seed)) == []
    assert baseline_hash(shuffled(live, seed)) == baseline_hash(live)


@given(documents(), st.sampled_from(VERSIONS), st.data())
@settings(deadline=None, max_examples=60)
def test_durations_and_scalars_may_be_written_in_any_way(
    document: JSON, version: Version, data: st.DataObject
) -> None:
    live = stream_spec(copy.deepcopy(document), version)
    wanted = copy.deepcopy(document)
    spec = wanted["spec"]
    for section in ("ioConfig", "tuningConfig"):
        for key, value in spec[section].items():
            if isinstance(value, str) and value.startswith("PT") and value.endswith("S"):
                minutes, seconds = divmod(int(value[2:-1]), 60)
                spec[section][key] = f"PT{minutes}M{seconds}S"
            elif isinstance(value, int) and data.draw(st.booleans()):
                spec[section][key] = str(value).lower()
    assert counting(wanted, live) == []


def visible(document: JSON) -> list[tuple[JSON, str]]:
    """Every place that holds a value a user chose, with the object it is in."""
    spec = document["spec"]
    holders = [
        spec["ioConfig"], spec["ioConfig"]["consumerProperties"], spec["tuningConfig"],
        spec["dataSchema"]["timestampSpec"], spec["dataSchema"]["granularitySpec"],
        document.get("context") or {},
    ]  # fmt: skip
    hidden = ("type", "inputFormat", "consumerProperties", "intervals", "idleConfig")
    return [
        (holder, key)
        for holder in holders
        for key, value in holder.items()
        if key not in hidden and not isinstance(value, dict | list)
    ]


@given(documents(), st.sampled_from(VERSIONS), st.data())
@settings(deadline=None, max_examples=60)
def test_any_visible_change_is_drift(document: JSON, version: Version, data: st.DataObject) -> None:
    live = stream_spec(copy.deepcopy(document), version)
    edited = copy.deepcopy(live)
    places = visible({"spec": edited["spec"], "context": edited["context"], "type": "kafka"})
    chosen = {key for _, key in visible(document)}
    # Aliases that Druid writes beside the key that a user knows, and never reads back.
    places = [(h, k) for h, k in places if k in chosen]
    holder, key = data.draw(st.sampled_from(places))
    old = holder[key]
    new = data.draw(leaves.filter(lambda v: v is not None and str(v).lower() != str(old).lower()))
    holder[key] = new
    assert counting(document, edited) or old is None
    assert baseline_hash(edited) != baseline_hash(live)


@given(free)
def test_the_canonical_text_is_one_for_one_document(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text
    assert sha256(json.loads(text)) == sha256(value)


@given(st.dictionaries(names, free, max_size=4))
def test_a_document_survives_its_text_exactly(document: JSON) -> None:
    assert parse_document(json.dumps(document)) == document


@given(st.dictionaries(names, free | st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_what_go_stored_is_recognised_as_the_same_document(document: JSON) -> None:
    stored = go_spec_text(document)
    assert same_as_go(document, stored)
    # Go reads its own text back, all numbers as float64, and writes it again unchanged.
    assert go_spec_text(json.loads(stored, parse_int=float)) == stored
