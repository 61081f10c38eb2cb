"""A loopback HTTP proxy that misbehaves on request, in front of any API server.

    async with FaultProxy(env.rest_config()) as proxy:
        manager = Manager(proxy.rest_config(), scheme)
        proxy.faults.inject(Reply(410), match=lambda r: r.is_watch)
        proxy.cut_watches()

A real kube-apiserver cannot be told to stall, to lie or to break off in the middle of a line; what
stands between it and the operator can. So one suite runs the same faults on every backend.

The proxy speaks plain HTTP to its clients unless told otherwise, and to the server as whoever its
own configuration says: a client needs no credentials. A bearer token that it sends goes no further,
but can be matched (``faults.inject(Reply(401), match=lambda r: r.token == "old")``). So the proxy
belongs on loopback and into tests, nowhere else.

Guarantees: a request that meets no fault is answered as the server answered it, byte for byte, and
watches are passed on line by line as they come. Not supported: protocol upgrades (exec, attach).
"""

from druid_operator.pkg.envtest.proxy.faultproxy import FaultProxy, ProxyFault
from druid_operator.pkg.envtest.proxy.relay import Shut, Truncate
from druid_operator.pkg.envtest.proxy.request import ProxiedRequest

__all__ = ["FaultProxy", "ProxyFault", "Shut", "Truncate", "ProxiedRequest"]
