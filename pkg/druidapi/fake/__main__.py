"""``python -m druid_operator.pkg.druidapi.fake --port N [--version 33.0.0]``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from druid_operator.pkg.druidapi.fake import FakeDruid


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake Druid, for tests and demos.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888, help="0 for any free one")
    parser.add_argument("--version", default="33.0.0", help="the Druid version to imitate")
    options = parser.parse_args()
    asyncio.run(_serve(options.host, options.port, options.version))


async def _serve(host: str, port: int, version: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with FakeDruid(host=host, port=port, version=version) as druid:
        # One line, the address alone: whoever starts the process reads it.
        sys.stdout.write(druid.url + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
