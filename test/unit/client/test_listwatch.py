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


def line(kind: str, name: str) -> bytes:
    return orjson.dumps({"type": kind, "object": {"metadata": {"name": name}}}) + b"\n"


async def frames(chunks: list[bytes]) -> list[tuple[str, str]]:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [
        (f.type, orjson.loads(f.object)["metadata"]["name"])
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
