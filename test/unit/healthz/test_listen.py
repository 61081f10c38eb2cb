"""Bind addresses, and servers that say where they listen."""

from __future__ import annotations

import pytest
from aiohttp import web

from druid_operator.pkg.listen import Bind, HTTPServer, parse_bind


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        (":8081", Bind(None, 8081)),
        ("127.0.0.1:0", Bind("127.0.0.1", 0)),
        ("[::1]:8443", Bind("::1", 8443)),
        ("localhost:80", Bind("localhost", 80)),
        ("0", None),
        ("", None),
    ],
)
def test_bind_addresses_are_read_as_go_reads_them(text: str, bind: Bind | None) -> None:
    assert parse_bind(text) == bind


@pytest.mark.parametrize("text", ["8081", "host", ":", ":http", "1.2.3.4:70000", "::1:80", ":-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a bind address"):
        parse_bind(text)


async def test_a_server_names_the_port_that_the_system_chose() -> None:
    server = HTTPServer("metrics", web.Application(), Bind("127.0.0.1", 0))
    assert server.address == ""
    await server.start()
    host, port = server.address.split(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
    await server.stop()
    await server.stop()
    assert server.address == ""


async def test_an_address_in_use_is_named() -> None:
    first = HTTPServer("metrics", web.Application(), Bind("127.0.0.1", 0))
    await first.start()
    port = int(first.address.rpartition(":")[2])
    second = HTTPServer("health", web.Application(), Bind("127.0.0.1", port))
    try:
        with pytest.raises(OSError, match=f"health server cannot listen on 127.0.0.1:{port}"):
            await second.start()
    finally:
        await first.stop()
