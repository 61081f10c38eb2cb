"""The usual pass: from what was gathered to Druid as declared, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import attrs

from druid_operator.api.v1alpha1 import DruidIngestion, DruidIngestionSpec
from druid_operator.api.v1alpha1.keys import APPLIED_ANNOTATION
from druid_operator.internal.controller.druidingestion.batch import BatchPass, ended_run
from druid_operator.internal.controller.druidingestion.claims import (
    settings_claim,
    stronger_claimant,
    supervisor_claim,
)
from druid_operator.internal.controller.druidingestion.config_map import build_config_map
from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.followers import Followers
from druid_operator.internal.controller.druidingestion.gather import (
    Observed,
    cluster_key,
    has_own_endpoint,
    wanted_cluster,
)
from druid_operator.internal.controller.druidingestion.policies import read_policies
from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druidingestion.reporter import Reporter
from druid_operator.internal.controller.druidingestion.settings import (
    SettingsPass,
    declares_settings,
)
from druid_operator.internal.controller.druidingestion.streaming import StreamingPass
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.druidconn import Connection, Connections, settings_of
from druid_operator.internal.ingestion.compatibility import check_against
from druid_operator.internal.ingestion.contradictions import contradictions
from druid_operator.internal.ingestion.document import DesiredDocument, build_document
from druid_operator.internal.ingestion.marker import Marker
from druid_operator.internal.ingestion.secret_values import find_references, put_in
from druid_operator.pkg.apply import Engine, plan
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import FieldError, Invalid, InvalidObject, RequestTooLarge
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme import Converter

#: The ingestions of a cluster that ask for something, or hold it: see ``claims``.
Claimants = Callable[[NamespacedName, str], Iterable[JSON]]


@attrs.frozen(kw_only=True)
class Converger:
    """Args:
    engine: writes the ConfigMap with the document.
    connections: to Druid.
    claimants: from the cache.
    followers: who is told when a supervisor changes.
    """

    engine: Engine
    connections: Connections
    claimants: Claimants
    followers: Followers
    reporter: Reporter
    converter: Converter
    clock: Clock

    async def converge(self, observed: Observed) -> Facts:
        """Raises ``DruidError``, ``TerminalError``, ``Occupied``, or what the API server raises."""
        spec = self.converter.decode(DruidIngestion, observed.ingestion).spec
        desired = resolve(spec)
        await self._keep_document(observed, desired)
        moved = _moved(observed.ingestion)
        if moved is not None:
            return Facts(desired=desired, trouble=moved, synced=False)
        if observed.cluster is None and not has_own_endpoint(observed.ingestion):
            name = wanted_cluster(observed.ingestion)
            words = f"spec.druidCluster: there is no Druid {name!r} in this namespace"
            trouble = Trouble(Reason.CLUSTER_NOT_FOUND, words, unknown=True)
            return Facts(desired=desired, trouble=trouble)
        conflict = self._conflict(observed, desired)
        if conflict is not None:
            return Facts(desired=desired, trouble=conflict, synced=False)
        ended = self._ended(observed, spec, desired)
        if ended is not None:
            return ended
        desired, secrets = await self._with_secrets(observed, desired)
        connection = connect(self.connections, observed)
        with connection.turnstile.entered(observed.key):
            await connection.ensure_ready()
            await _check_druid(desired, connection)
            work = self._work(observed, spec, desired, secrets, connection)
            return await self._run(work, observed)

    def _ended(
        self, observed: Observed, spec: DruidIngestionSpec, desired: DesiredDocument
    ) -> Facts | None:
        ingestion = observed.ingestion
        if declares_settings(ingestion):
            return None  # they are compared with Druid in every pass
        meta = ingestion["metadata"]
        return ended_run(
            desired,
            ingestion.get("status") or {},
            read_policies(spec).run,
            identity=(meta["namespace"], meta["name"], meta["uid"]),
            now=self.clock.now(),
        )

    async def _run(self, work: Work, observed: Observed) -> Facts:
        desired = work.desired
        has_settings = bool(desired.data_source) and declares_settings(observed.ingestion)
        self._follow(work, observed, has_settings=has_settings)
        is_stream = desired.runs == "supervisor"
        facts = await (StreamingPass(work).run() if is_stream else BatchPass(work).run())
        return facts.with_settings(await SettingsPass(work).run()) if has_settings else facts

    def _follow(self, work: Work, observed: Observed, *, has_settings: bool) -> None:
        """Be woken when what this pass looks at changes in Druid."""
        cluster, desired = work.connection.key.cluster, work.desired
        wanted = [desired.supervisor_id] if desired.supervisor_id else []
        if has_settings:
            wanted.append(settings_of(desired.data_source))
        left = self.followers.follow(observed.key, [(cluster, id_) for id_ in wanted])
        for place, id_ in left:
            self.connections.unfollow(place, id_)

    async def _keep_document(self, observed: Observed, desired: DesiredDocument) -> None:
        """The ConfigMap is there before Druid is told: it says what was meant, whatever follows."""
        uid = observed.ingestion["metadata"]["uid"]
        actions = plan(
            [build_config_map(observed.ingestion, desired)],
            observed.children,
            owner_uid=uid,
            annotation=APPLIED_ANNOTATION,
            settled=self.engine.settled,
        )
        for outcome in await self.engine.execute(actions, owner_uid=uid):
            if isinstance(outcome.error, Invalid | RequestTooLarge):
                # Nothing but its size can be wrong with it: a ConfigMap holds 1 MiB.
                words = f"cannot be kept in a ConfigMap: {outcome.error}"
                raise InvalidObject([FieldError(desired.path, words)]) from outcome.error
            if outcome.error is not None:
                raise outcome.error

    async def _with_secrets(
        self, observed: Observed, desired: DesiredDocument
    ) -> tuple[DesiredDocument, Mapping[str, str]]:
        """The document with the values that it names, and the versions of their Secrets.

        Raises:
            CredentialsError: one is missing.
        """
        values: dict[tuple[str, str], str] = {}
        versions: dict[str, str] = {}
        for found in find_references(desired.body):
            key = NamespacedName(observed.key.namespace, found.secret)
            path = ".".join([desired.path, *map(str, found.path)])
            data = await self.connections.secrets.get(key, path)
            values[found.secret, found.key] = data.text(found.key, path)
            versions[found.secret] = data.version
        if not values:
            return desired, {}
        return attrs.evolve(desired, resolved=put_in(desired.body, values)), versions

    def _conflict(self, observed: Observed, desired: DesiredDocument) -> Trouble | None:
        """What this object asks for and another one has."""
        ingestion = observed.ingestion
        asked = [supervisor_claim(desired.supervisor_id)] if desired.supervisor_id else []
        if declares_settings(ingestion):
            asked.append(settings_claim(desired.data_source))
        for claim in asked:
            others = self.claimants(cluster_key(ingestion), claim)
            holder = stronger_claimant(ingestion, others, claim)
            if holder:
                words = f"{claim} belongs to {holder}, which asked for it first"
                return Trouble(Reason.CONFLICT, words, stalled=True)
        return None

    def _work(
        self,
        observed: Observed,
        spec: DruidIngestionSpec,
        desired: DesiredDocument,
        secrets: Mapping[str, str],
        connection: Connection,
    ) -> Work:
        ingestion = observed.ingestion
        meta = ingestion["metadata"]

        async def remember(fields: JSON) -> None:
            await self.reporter.remember(ingestion, fields)

        return Work(
            spec=spec,
            policies=read_policies(spec),
            desired=desired,
            generation=meta.get("generation", 0),
            secrets=secrets,
            status=ingestion.get("status") or {},
            owner=Marker(meta["namespace"], meta["name"], meta["uid"], desired.spec_hash),
            comment=comment_of(ingestion),
            connection=connection,
            remember=remember,
            clock=self.clock,
        )


def resolve(spec: DruidIngestionSpec) -> DesiredDocument:
    """Raises ``InvalidObject`` with the JSON path of every fault."""
    desired = build_document(spec.ingestion, suspend=spec.suspend)
    errors = list(contradictions(spec, desired))
    if errors:
        raise InvalidObject(errors)
    return desired


def _moved(ingestion: JSON) -> Trouble | None:
    """What runs in one cluster would be left there, with nobody to look after it."""
    home, wanted = cluster_key(ingestion).name, wanted_cluster(ingestion)
    if home == wanted:
        return None
    words = (
        f"spec.druidCluster: is {wanted}, but the ingestion was submitted to {home} and would be "
        "left there: delete this object and make another, or change it back"
    )
    return Trouble(Reason.CLUSTER_CHANGED, words, stalled=True)


def connect(connections: Connections, observed: Observed) -> Connection:
    """Raises ``NoEndpoint`` or ``CredentialsError``; asks nobody."""
    spec = observed.ingestion.get("spec") or {}
    return connections.connect(cluster_key(observed.ingestion), observed.cluster, spec)


def comment_of(ingestion: JSON) -> str:
    """On whose behalf we act, in Druid's audit log."""
    meta = ingestion["metadata"]
    generation = meta.get("generation", 0)
    return f"DruidIngestion/{meta['namespace']}/{meta['name']} gen={generation}"


async def _check_druid(desired: DesiredDocument, connection: Connection) -> None:
    """Raises ``InvalidObject`` for what this Druid is known not to run."""
    able = await connection.capabilities()
    errors = list(check_against(
        desired, major=able.major, modules=able.modules, sql_tasks=able.sql_tasks
    ))  # fmt: skip
    if errors:
        raise InvalidObject(errors)
