"""A request as the handlers see it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from druid_operator.pkg.apistore.patching import APPLY_PATCH
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.envtest.apiserver.target import Target

#: The server's limit for a field manager's name.
_MAX_MANAGER = 128


@attrs.frozen
class Call:
    """A request as the handlers see it: everything read, nothing streamed."""

    target: Target
    query: Mapping[str, str]
    body: bytes
    content_type: str
    accept: str
    user_agent: str

    @property
    def served(self) -> Served:
        assert self.target.served is not None
        return self.target.served

    @property
    def is_apply(self) -> bool:
        return self.target.method == "PATCH" and self.content_type == APPLY_PATCH

    @property
    def manager(self) -> str:
        """``fieldManager``, or the user agent up to its first slash."""
        return self.query.get("fieldManager") or self.user_agent.partition("/")[0][:_MAX_MANAGER]

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"
