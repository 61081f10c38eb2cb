"""Ports on 127.0.0.1 for servers that bind them seconds later."""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

HOST = "127.0.0.1"

_FIRST = 20_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Where that file does not exist: the range of RFC 6335, which begins at 49152.
_EPHEMERAL = 49_152


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on.

    They lie below the ephemeral range. A port that the kernel picks (``bind`` to port 0) is given
    to the next outgoing connection as soon as it is closed, and a JVM needs ten seconds to bind it.
    """
    candidates = list(range(_FIRST, _first_ephemeral()))
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        if _free(port):
            found.append(port)
    return found


def _first_ephemeral() -> int:
    try:
        return int(_RANGE.read_text().split()[0])
    except FileNotFoundError:
        return _EPHEMERAL


def _free(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java's servers do
        try:
            server.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
