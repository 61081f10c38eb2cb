"""Objects for what already runs in a Druid, such that applying them changes nothing there. Pure.

Each supervisor becomes an ingestion with the document that Druid stores, and the rules and the
compaction of its datasource with it. Passwords in it become references to Secrets: they are in no
object, and the Secrets are printed only when they are asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.internal.ingestion.document import STREAM_TYPES
from druid_operator.internal.ingestion.marker import without_marker
from druid_operator.internal.ingestion.redact import is_secret_name, redact_text
from druid_operator.internal.ingestion.secret_values import Path, may_be_secret
from druid_operator.pkg.meta import JSON

_UNSAFE = re.compile(r"[^a-z0-9-]+")
_UNSAFE_KEY = re.compile(r"[^-._a-zA-Z0-9]+")
#: A name is a DNS label here: it begins the names of other objects, too.
_MAX_NAME = 63
_CREDENTIALS = "-credentials"
_TYPES = (*STREAM_TYPES, "autocompact")


class _Exposed(Exception):
    """Credentials in a place where no Secret can be named; the argument is the place."""


@attrs.frozen
class Running:
    """What was read from a Druid.

    Attributes:
        supervisors: stored specs by id.
        rules, compaction: by datasource, without the cluster's defaults.
    """

    supervisors: Mapping[str, JSON]
    rules: Mapping[str, list[JSON]]
    compaction: Mapping[str, JSON]


@attrs.frozen
class Exported:
    """Attributes:
    objects: ingestions, to be applied.
    secrets: the Secrets that they name, with the values in plain text.
    notes: what was not exported, and why.
    """

    objects: tuple[JSON, ...]
    secrets: tuple[JSON, ...] = attrs.field(repr=False)
    notes: tuple[str, ...]


def export(running: Running, *, cluster: str, namespace: str) -> Exported:
    """Build the objects, in the order of their ids."""
    objects: list[JSON] = []
    secrets: list[JSON] = []
    notes: list[str] = []
    done: set[str] = set()  # datasources whose settings have an object
    names: set[str] = set()
    for supervisor_id in sorted(running.supervisors):
        live = running.supervisors[supervisor_id]
        kind = str(live.get("type"))
        if kind not in _TYPES:
            notes.append(f"supervisor {supervisor_id}: there is no ingestion of type {kind}")
            continue
        name = _name(supervisor_id, names)
        values: dict[str, str] = {}
        try:
            document = _hide(_document(live, supervisor_id), name + _CREDENTIALS, values, ())
        except _Exposed as place:
            notes.append(f"supervisor {supervisor_id}: {place} holds credentials in the open")
            continue
        data_source = _data_source(live)
        settings = {} if data_source in done else _settings(running, data_source, kind)
        done.add(data_source)
        objects.append(_object(name, namespace, cluster, kind, document, live, settings))
        if values:
            secrets.append(_secret(name + _CREDENTIALS, namespace, values))
    notes += _left(running, done)
    return Exported(tuple(objects), tuple(secrets), tuple(notes))


def _object(
    name: str,
    namespace: str,
    cluster: str,
    kind: str,
    document: JSON,
    live: JSON,
    settings: JSON,
) -> JSON:
    spec: JSON = {"druidCluster": cluster}
    if live.get("suspended") is True:
        spec["suspend"] = True
    spec["ingestion"] = {"type": kind, "nativeSpec": document, **settings}
    return {
        "apiVersion": DRUID_INGESTION.api_version,
        "kind": DRUID_INGESTION.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _document(live: JSON, supervisor_id: str) -> JSON:
    """The stored spec without what Druid adds by itself or moves by itself."""
    bare = without_marker(live)
    kept = {key: bare[key] for key in ("type", "spec", "context") if bare.get(key) is not None}
    document: JSON = _without_nulls(kept)
    io = document.get("spec", {}).get("ioConfig") or {}
    if (io.get("autoScalerConfig") or {}).get("enableTaskAutoScaler") is True:
        io.pop("taskCount", None)
    if live.get("type") != "autocompact" and supervisor_id != _data_source(live):
        document["id"] = supervisor_id
    return document


def _data_source(live: JSON) -> str:
    spec = live.get("spec") or {}
    return str((spec.get("dataSchema") or spec).get("dataSource") or "")


def _settings(running: Running, data_source: str, kind: str) -> JSON:
    settings: JSON = {}
    if running.rules.get(data_source):
        settings["rules"] = running.rules[data_source]
    config = running.compaction.get(data_source)
    is_a_supervisor = f"autocompact__{data_source}" in running.supervisors
    if config is not None and kind != "autocompact" and not is_a_supervisor:
        bare = {key: value for key, value in config.items() if key != "dataSource"}
        settings["compaction"] = _without_nulls(bare)
    return settings


def _left(running: Running, done: set[str]) -> Iterator[str]:
    for name in sorted(running.rules.keys() - done - {"_default"}):
        if running.rules[name]:
            yield f"rules of {name}: no supervisor writes it, so there is no object to hold them"
    for name in sorted(running.compaction.keys() - done):
        yield f"compaction of {name}: no supervisor writes it, so there is no object to hold it"


def _name(supervisor_id: str, taken: set[str]) -> str:
    """An object's name for an id of any letters: readable, and no other's."""
    plain = _UNSAFE.sub("-", supervisor_id.lower().replace("_", "-")).strip("-")
    room = _MAX_NAME - len(_CREDENTIALS) - 9
    name = plain[:room].rstrip("-") or "ingestion"
    if name in taken or len(plain) > room:
        name = f"{name}-{hashlib.sha256(supervisor_id.encode()).hexdigest()[:8]}"
    taken.add(name)
    return name


def _hide(value: Any, secret: str, values: dict[str, str], here: Path) -> Any:
    """A copy with references in place of credentials; ``values`` takes what they stand for."""
    if isinstance(value, Mapping):
        return {k: _hide(item, secret, values, (*here, k)) for k, item in value.items()}
    if isinstance(value, list):
        return [_hide(item, secret, values, (*here, n)) for n, item in enumerate(value)]
    if not isinstance(value, str) or not _is_credential(value, here):
        return value
    if not may_be_secret(here):
        raise _Exposed(".".join(map(str, here)))
    name = _UNSAFE_KEY.sub("-", str(here[-1]))
    while name in values and values[name] != value:
        name += "-2"
    values[name] = value
    return f"${{secret:{secret}:{name}}}"


def _is_credential(value: str, here: Path) -> bool:
    return bool(value) and (is_secret_name(str(here[-1])) or redact_text(value) != value)


def _secret(name: str, namespace: str, values: Mapping[str, str]) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": dict(values),
    }


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
