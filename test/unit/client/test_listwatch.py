"""Watch frames come out whole, however the bytes were cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.client import listwatch
from druid_operator.pkg.errors import Expired
from druid_operator.pkg.meta import nesting


def line(kind: str, name: str) -> bytes:
    return orjson.dumps({"type": kind, "object": {"metadata": {"name": name}}}) + b"\n"


async def frames(chunks: list[bytes]) -> list[tuple[str, str]]:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [
        (f.type, nesting.loads(f.object)["metadata"]["name"])
        async for f in listwatch._frames(source())
    ]


@given(cuts=st.lists(st.integers(0, 400), max_size=12))
async def test_chunk_borders_do_not_matter(cuts: list[int]) -> None:
    stream = line("ADDED", "a") + line("MODIFIED", "b" * 40) + line("DELETED", "c")
    borders = sorted({min(c, len(stream)) for c in cuts} | {0, len(stream)})
    chunks = [stream[i:j] for i, j in pairwise(borders)]
    assert await frames(chunks) == [("ADDED", "a"), ("MODIFIED", "b" * 40), ("DELETED", "c")]


async def test_half_line_at_the_end_is_dropped() -> None:
    assert await frames([line("ADDED", "a") + line("ADDED", "b")[:-7]]) == [("ADDED", "a")]


async def test_line_of_three_mebibytes_is_read() -> None:
    long = "x" * (3 << 20)
    data = line("ADDED", long)
    assert await frames([data[i : i + 65536] for i in range(0, len(data), 65536)]) == [
        ("ADDED", long)
    ]


async def test_line_over_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listwatch, "MAX_LINE_BYTES", 100)
    with pytest.raises(listwatch.LineTooLong):
        await frames([b"x" * 60, b"x" * 60])


async def test_error_frame_is_raised_as_its_status() -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    with pytest.raises(Expired, match="too old"):
        await frames([orjson.dumps({"type": "ERROR", "object": status}) + b"\n"])


@pytest.mark.parametrize("depth", [300, 2_000, 9_900])
async def test_an_object_that_nests_deeper_than_any_decoder_goes_by_with_the_others(
    depth: int,
) -> None:
    """A kube-apiserver stores 10,000 levels; one such object must not end the watch of its kind."""
    deep = b'{"type":"ADDED","object":{"metadata":{"name":"deep"},"spec":'
    deep += b"[" * depth + b"]" * depth + b"}}\n"
    found = await frames([line("ADDED", "a") + deep, line("ADDED", "b")])
    assert found == [("ADDED", "a"), ("ADDED", "deep"), ("ADDED", "b")]
