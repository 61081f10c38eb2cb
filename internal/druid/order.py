"""The order in which a cluster's services are changed: Druid's own for a rolling update.

Historicals first, because newer ones can read what older ones wrote and not the other way round;
coordinators last, because they give orders to all others. Source: Druid documentation, "Rolling
updates". (The Go operator keeps an older order, with the overlord second and the router last.)
"""

from __future__ import annotations

from typing import Final

#: Service types by wave. Node groups of one wave change one after the other too, by name: two
#: tiers of historicals may hold the only copies of one segment.
WAVES: Final = (
    ("historical",),
    ("middleManager", "indexer"),
    ("broker",),
    ("router",),
    ("overlord",),
    ("coordinator",),
)
_WAVE_OF = {node_type: wave for wave, types in enumerate(WAVES, start=1) for node_type in types}


def wave_of(node_type: str) -> int:
    """1 for the services that change first; 0 is what comes before all services (shared files)."""
    return _WAVE_OF[node_type]


def rollout_key(node_type: str, node_key: str) -> tuple[int, str]:
    """Sort key of node groups: by wave, then by name, so that every pass sees one order."""
    return wave_of(node_type), node_key
