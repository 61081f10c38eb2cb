"""``make demo``: the operator runs a cluster and an ingestion, and a person can watch.

Nothing is staged but the world around it: the operator is the real process, over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from druid_operator.cmd.demo.stage import Stage, stage
from druid_operator.cmd.demo.story import tell
from druid_operator.cmd.demo.timeline import Timeline

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--control-plane", choices=("embedded", "binaries", "existing"),
                        default="embedded")  # fmt: skip
    parser.add_argument("--druid", choices=("fake", "real"), default="fake")
    parser.add_argument("--keep", action="store_true", help="leave it running and print KUBECONFIG")
    args = parser.parse_args()
    try:
        asyncio.run(_run(args))
    except KeyboardInterrupt:
        return 130
    return 0


async def _run(args: argparse.Namespace) -> None:
    timeline = Timeline()
    async with stage(args.control_plane, args.druid, timeline) as world:
        objects = await tell(world)
        await _counts(world, objects)
        if args.keep:
            await _keep(world)


async def _counts(world: Stage, objects: int) -> None:
    requests = await world.operator.requests()
    writes = sum(requests.get(method, 0) for method in _WRITES)
    druid_calls = await world.operator.druid_calls()
    world.timeline.chapter(
        f"Done: {objects} objects kept, {writes} API writes, {druid_calls} Druid calls, "
        f"{world.timeline.seconds:.1f} seconds"
    )


async def _keep(world: Stage) -> None:
    print(f"\nStill running. In another shell:\n  export KUBECONFIG={world.env.kubeconfig}\n"
          "  kubectl get druids,druidingestions -A\nCtrl-C ends it.", flush=True)  # fmt: skip
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
