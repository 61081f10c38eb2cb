"""Is the installed CRD as new as this operator? If not, its kind is left alone and it is said so.

An older CRD makes the API server drop the fields it does not know, without a word: a status that is
written and gone, a finalizer's bookkeeping lost. So nothing is done for that kind until the CRD is
applied, and readyz, the log and an event say which one.

A CRD that may not be read (an operator with Roles only) is taken for right. One that cannot be read
now is as it was; before the first answer no pass begins.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files

import attrs

from druid_operator.pkg.client import Reader
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import Forbidden, NotFound, OperatorError
from druid_operator.pkg.healthz import CheckFailed
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.meta.yaml import load_all
from druid_operator.pkg.reconcile import Reconciler, Result
from druid_operator.pkg.recorder import EventRecorder
from druid_operator.pkg.schema import CustomResource
from druid_operator.pkg.schema.compare import missing_fields
from druid_operator.pkg.scheme.builtin import CUSTOM_RESOURCE_DEFINITION

#: Seconds between two looks: rarely while all is well, soon while somebody has to act.
LOOK_AGAIN, WHILE_OUTDATED = 600.0, 15.0
REASON = "CustomResourceDefinitionOutdated"
#: So many missing fields are named; the first is enough to see that the CRD is old.
_MAX_NAMED = 5


def shipped_crd(kind: CustomResource) -> JSON:
    """The CRD that belongs to this release."""
    folder = files("druid_operator") / "config/crd/bases"
    name = f"{kind.resource.group}_{kind.resource.plural}.yaml"
    (crd,) = load_all((folder / name).read_text(encoding="utf-8"))
    found: JSON = crd
    return found


def find_problem(shipped: JSON, served: JSON | None) -> str:
    """What is wrong with the served CRD, empty if nothing. Pure."""
    name = shipped["metadata"]["name"]
    if served is None:
        return f"CustomResourceDefinition {name} is not installed: apply config/crd"
    missing = missing_fields(_status_schema(shipped), _status_schema(served), "status")
    if not missing:
        return ""
    more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
    return (
        f"CustomResourceDefinition {name} is older than this operator: it would drop "
        f"{', '.join(missing[:_MAX_NAMED])}{more}; apply config/crd of this release"
    )


def _status_schema(crd: JSON) -> JSON:
    for version in crd["spec"]["versions"]:
        if version.get("storage"):
            schema = version.get("schema", {}).get("openAPIV3Schema", {})
            status: JSON = schema.get("properties", {}).get("status", {})
            return status
    return {}


@attrs.define(eq=False)
class SchemaGate:
    """A reconciler in front of another one.

    Args:
        kind: whose CRD is looked at.
        inner: called while the CRD is right.
        live: reads from the server.
    """

    kind: CustomResource
    inner: Reconciler[NamespacedName]
    live: Reader
    recorder: EventRecorder
    clock: Clock
    _problem: str | None = attrs.field(default=None, init=False)
    _look_at: float = attrs.field(default=float("-inf"), init=False)
    _looking: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def reconcile(self, request: NamespacedName, /) -> Result | None:
        """Raises what the API server raises, as long as it has not answered once."""
        await self._look()
        if not self._problem:
            return await self.inner.reconcile(request)
        try:
            obj = await self.live.get(self.kind.resource, request)
        except NotFound:
            return None
        self.recorder.event(obj, "Warning", REASON, "Reconcile", self._problem)
        return Result(requeue_after=WHILE_OUTDATED)

    async def check(self) -> None:
        """For readyz."""
        await self._look()
        if self._problem:
            raise CheckFailed(self._problem)

    async def _look(self) -> None:
        if self.clock.monotonic() < self._look_at:
            return
        # All workers start at once, and none may pass before the first look is over.
        async with self._looking:
            now = self.clock.monotonic()
            if now < self._look_at:
                return  # somebody looked while this one waited
            try:
                problem = find_problem(shipped_crd(self.kind), await self._served())
            except OperatorError:
                if self._problem is None:
                    raise  # nothing is known: the next pass asks again
                self._look_at = now + WHILE_OUTDATED
                return
            if problem != (self._problem or ""):
                say = logger().error if problem else logger().info
                name = self.kind.crd_name
                say("Looked at the installed CRD", object=name, reason=problem or "right")
            self._problem = problem
            self._look_at = now + (WHILE_OUTDATED if problem else LOOK_AGAIN)

    async def _served(self) -> JSON | None:
        try:
            return await self.live.get(
                CUSTOM_RESOURCE_DEFINITION, NamespacedName("", self.kind.crd_name)
            )
        except NotFound:
            return None
        except Forbidden:
            return shipped_crd(self.kind)
