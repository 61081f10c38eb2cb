"""A small operator in a process of its own, to be stopped, starved, blocked and killed.

While it leads it counts in the ConfigMap ``beat``, in a key of its own, as fast as it can, each
write under the version that it read. What else it does is told by ``--misbehave``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import attrs

from druid_operator.pkg import log
from druid_operator.pkg.client import Client, RestConfig, Timeouts, merge_patch
from druid_operator.pkg.errors import APIError, OutcomeUnknown, RequestNotSent
from druid_operator.pkg.leaderelection import LeaderElectionOptions
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


@attrs.frozen
class Beat:
    """Leader-only work."""

    client: Client
    key: NamespacedName
    identity: str
    misbehave: str

    async def start(self) -> None:
        async with asyncio.TaskGroup() as work:
            work.create_task(self._count())
            if self.misbehave == "stick":
                work.create_task(asyncio.to_thread(time.sleep, 3600))

    async def _count(self) -> None:
        n = 0
        while True:
            n += 1
            try:
                read = await self.client.get(CONFIG_MAP, self.key)
                version = read["metadata"]["resourceVersion"]
                body = {"metadata": {"resourceVersion": version}, "data": {self.identity: str(n)}}
                await self.client.patch(CONFIG_MAP, self.key, merge_patch(body))
            except (APIError, RequestNotSent, OutcomeUnknown):
                pass  # what a reconciler's next pass would do
            if self.misbehave == "block" and n == 5:
                time.sleep(20)  # noqa: ASYNC251 - this is the fault
            await asyncio.sleep(0.02)


async def run(args: argparse.Namespace) -> None:
    options = ManagerOptions(
        user_agent=args.identity,
        timeouts=Timeouts(connect=1.0, request=2.0, list=5.0),
        leader_election=LeaderElectionOptions(
            name="election",
            namespace=args.namespace,
            identity=args.identity,
            lease_duration=args.lease_duration,
            renew_deadline=args.renew_deadline,
            retry_period=args.retry_period,
        ),
    )
    manager = Manager(RestConfig(host=args.url), Scheme(), options)
    key = NamespacedName(args.namespace, "beat")
    manager.add(Beat(manager.client, key, args.identity, args.misbehave))
    await manager.run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--lease-duration", type=float, default=3.0)
    parser.add_argument("--renew-deadline", type=float, default=2.0)
    parser.add_argument("--retry-period", type=float, default=0.25)
    parser.add_argument("--misbehave", choices=["no", "stick", "block"], default="no")
    args = parser.parse_args()
    log.configure()
    asyncio.run(run(args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
