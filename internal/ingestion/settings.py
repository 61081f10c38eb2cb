"""Retention rules and automatic compaction: what to do about a setting of a datasource.

Three versions are compared: what is declared, what Druid has, and what Druid made of our last
change. Only with the third can "somebody else changed it" be told from "the user changed his mind",
and what we set from what was always there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs

from druid_operator.internal.ingestion.canonical import sha256
from druid_operator.internal.ingestion.subset import (
    Difference,
    compaction_differences,
    rule_differences,
)
from druid_operator.internal.ingestion.verdict import DriftPolicy
from druid_operator.pkg.meta import JSON

SettingName = Literal["rules", "compaction"]

SettingAction = Literal[
    "Keep",    # nothing to Druid; record `memory` if it is new
    "Set",     # POST what is declared
    "Remove",  # take back what we set
    "Forget",  # nothing to Druid: it is not ours any more
    "Drift",   # nothing: somebody changed it, and the policy says to leave it
    "Refuse",  # nothing: Druid refused this very setting already
]  # fmt: skip

SettingReason = Literal[
    "NotDeclared", "InSync", "SettingChanged", "DriftCorrected", "DriftIgnored", "Drifted",
    "NoLongerDeclared", "Gone", "ChangedByOthers", "SettingRejected",
]  # fmt: skip


@attrs.frozen
class SettingMemory:
    """What our status remembers of one setting.

    Attributes:
        spec_hash: of what was declared when Druid took it last; empty: never managed by us.
        live_baseline: hash of what Druid made of it.
        rejected_hash, rejected_message: what Druid refused, and its words.
    """

    spec_hash: str = ""
    live_baseline: str = ""
    rejected_hash: str = ""
    rejected_message: str = ""


@attrs.frozen
class SettingDecision:
    """The verdict. ``memory``: what to remember, for everything that leaves Druid as it is."""

    action: SettingAction
    reason: SettingReason
    message: str = ""
    memory: SettingMemory | None = None
    differences: tuple[Difference, ...] = ()


def decide_rules(
    desired: Sequence[JSON] | None,
    live: Sequence[JSON],
    memory: SettingMemory,
    drift: DriftPolicy,
) -> SettingDecision:
    """``desired``: ``None`` when none are declared; empty is a declaration, too: no own rules."""
    wanted = None if desired is None else list(desired)
    return _decide(wanted, list(live), memory, drift, rule_differences)


def decide_compaction(
    desired: JSON | None, live: JSON | None, memory: SettingMemory, drift: DriftPolicy
) -> SettingDecision:
    """``desired`` names its ``dataSource``; ``live`` is ``None`` where none is configured."""
    return _decide(desired, live, memory, drift, _compaction)


def remembered(desired: Any, live: Any) -> SettingMemory:
    """What to remember once Druid has taken ``desired`` and made ``live`` of it."""
    return SettingMemory(sha256(desired), sha256(live))


def _decide(
    desired: Any,
    live: Any,
    memory: SettingMemory,
    drift: DriftPolicy,
    compare: Callable[[Any, Any], tuple[Difference, ...]],
) -> SettingDecision:
    if desired is None:
        return _undeclared(live, memory)
    now = remembered(desired, live)
    is_same = memory.spec_hash == now.spec_hash
    if is_same and memory.live_baseline == now.live_baseline:
        return SettingDecision("Keep", "InSync")
    differences = tuple(d for d in compare(desired, live) if d.counts)
    if not differences:
        return SettingDecision("Keep", "InSync", memory=now)
    shown = "; ".join(str(d) for d in differences[:5])
    if is_same and drift != "Correct":
        if drift == "Ignore":
            return SettingDecision("Keep", "DriftIgnored")
        return SettingDecision("Drift", "Drifted", shown, None, differences)
    if memory.rejected_hash == now.spec_hash:
        return SettingDecision("Refuse", "SettingRejected", memory.rejected_message)
    reason: SettingReason = "DriftCorrected" if is_same else "SettingChanged"
    return SettingDecision("Set", reason, shown, None, differences)


def _undeclared(live: Any, memory: SettingMemory) -> SettingDecision:
    if not memory.spec_hash:
        forget = memory.rejected_hash != ""
        return SettingDecision("Forget" if forget else "Keep", "NotDeclared")
    if not live:
        return SettingDecision("Forget", "Gone")
    if sha256(live) != memory.live_baseline:
        words = "left as it is: somebody changed it since it was set from here"
        return SettingDecision("Forget", "ChangedByOthers", words)
    return SettingDecision("Remove", "NoLongerDeclared")


def _compaction(desired: JSON, live: JSON | None) -> tuple[Difference, ...]:
    if live is None:
        return (Difference("compaction", "missing", desired, None),)
    return compaction_differences(_untyped(desired), _untyped(live))


def _untyped(config: JSON) -> JSON:
    """Compaction has one type of tuning only, whatever was written: Druid answers its own."""
    tuning = config.get("tuningConfig")
    if not isinstance(tuning, dict):
        return config
    return {**config, "tuningConfig": {k: v for k, v in tuning.items() if k != "type"}}
