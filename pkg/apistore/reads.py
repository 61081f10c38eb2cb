"""get, list and watch."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping

import orjson

from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import view, view_of
from druid_operator.pkg.apistore.history import Frame, Stored, Watch, bookmark
from druid_operator.pkg.apistore.options import Listed, ListOptions
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.selectors import (
    FieldGetter,
    json_path_getter,
    parse_field_selector,
    parse_label_selector,
)
from druid_operator.pkg.apistore.status_errors import (
    CONTINUE_EXPIRED,
    invalid_options,
    list_too_old,
    not_found,
    too_large,
    too_old,
)
from druid_operator.pkg.errors import APIError, BadRequest, Expired
from druid_operator.pkg.meta import JSON, NamespacedName

_FORBIDDEN = "FieldValueForbidden"


def get(backend: Backend, served: Served, key: NamespacedName) -> JSON:
    """Raises ``NotFound``."""
    stored = _objects_at(backend, served, backend.revision).get(key)
    if stored is None:
        raise not_found(served.resource, key.name)
    return view_of(served, stored)


def matcher(served: Served, labels: str, fields: str) -> Callable[[JSON], bool] | None:
    """``None`` when everything matches. Raises ``BadRequest`` for an unreadable selector."""
    resource = served.storage or served.resource
    selectable: dict[str, FieldGetter] = {}
    if served.custom is not None:
        selectable = {path.lstrip("."): json_path_getter(path) for path in served.custom.selectable}
    label_selector = parse_label_selector(labels)
    field_selector = parse_field_selector(fields, resource.group, resource.kind, selectable)
    if not label_selector and not field_selector:
        return None
    return lambda obj: label_selector.matches(obj) and field_selector.matches(obj)


def list_objects(backend: Backend, served: Served, namespace: str, options: ListOptions) -> Listed:
    """A consistent list, or one page of it.

    Raises:
        BadRequest: a selector or continue token that cannot be read.
        Expired: the version, or the page's version, has been compacted.
        ServerTimeout: the version is newer than the newest.
    """
    matches = matcher(served, options.label_selector, options.field_selector)
    version, start = _snapshot_of(backend, served, options)
    limit = 0 if options.resource_version == "0" else options.limit
    objects = _objects_at(backend, served, version)
    keys = sorted(k for k in objects if not namespace or k.namespace == namespace)
    if start is not None:
        keys = [k for k in keys if k > start]
    chosen: list[Stored] = []
    remaining: int | None = None
    continue_ = ""
    for index, key in enumerate(keys):
        if limit and len(chosen) == limit:
            # The server counts what is left only if it needs no look at each object.
            remaining = None if matches else len(keys) - index
            continue_ = _token(version, keys[index - 1])
            break
        stored = objects[key]
        if matches is None or matches(stored.obj):
            chosen.append(stored)
    return Listed(
        tuple(_raw(served, stored) for stored in chosen), str(version), continue_, remaining
    )


def _raw(served: Served, stored: Stored) -> bytes:
    if stored.obj.get("apiVersion") == served.resource.api_version:
        return stored.raw if served.custom is not None else stored.item
    return orjson.dumps(view_of(served, stored))


def _snapshot_of(
    backend: Backend, served: Served, options: ListOptions
) -> tuple[int, NamespacedName | None]:
    """The version to list at, and the key after which a page starts."""
    _check_match(options)
    current = backend.revision
    if options.continue_:
        version, start = _parse_token(options.continue_)
        if version < backend.storage.log(served.bucket).compacted:
            raise Expired(CONTINUE_EXPIRED)
        return version, start
    if not options.resource_version or options.resource_version == "0":
        return current, None
    version = parse_version(options.resource_version)
    if version > current:
        raise too_large(version, current)
    if options.resource_version_match == "Exact":
        if version < backend.storage.log(served.bucket).compacted:
            raise list_too_old()
        return version, None
    return current, None


def _check_match(options: ListOptions) -> None:
    match = options.resource_version_match
    if not match:
        return
    if not options.resource_version:
        reason = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise invalid_options("ListOptions", "resourceVersionMatch", _FORBIDDEN, reason)
    if options.continue_:
        reason = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        raise invalid_options("ListOptions", "resourceVersionMatch", _FORBIDDEN, reason)
    if match not in ("Exact", "NotOlderThan"):
        reason = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        raise invalid_options(
            "ListOptions", "resourceVersionMatch", "FieldValueNotSupported", reason
        )
    if match == "Exact" and options.resource_version == "0":
        reason = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        raise invalid_options("ListOptions", "resourceVersionMatch", _FORBIDDEN, reason)


def parse_version(text: str) -> int:
    """Raises the server's own (rather blunt) 500."""
    if not text.isdecimal():
        raise APIError(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax",
            code=500,
            reason="",
        )
    return int(text)


def _objects_at(backend: Backend, served: Served, version: int) -> Mapping[NamespacedName, Stored]:
    log = backend.storage.log(served.bucket)
    newest = log.events[-1].version if log.events else log.compacted
    return log.objects if version >= newest else log.at(version)


def _token(version: int, last: NamespacedName) -> str:
    payload = {"v": "meta.k8s.io/v1", "rv": version, "start": f"{last.namespace}/{last.name}\0"}
    return base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")


def _parse_token(token: str) -> tuple[int, NamespacedName]:
    try:
        payload = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _, name = payload["start"].rstrip("\0").partition("/")
        return int(payload["rv"]), NamespacedName(namespace, name)
    except (ValueError, KeyError, TypeError):
        raise BadRequest("invalid continue token: continue key is not valid") from None


def open_watch(
    backend: Backend,
    served: Served,
    namespace: str,
    options: ListOptions,
    *,
    send_initial: bool = False,
) -> Watch:
    """A subscription, with the frames that already happened queued in it.

    Without a version, or with ``0``, the present objects come first as ADDED, in no promised order.
    With ``send_initial`` a bookmark annotated ``k8s.io/initial-events-end`` follows them.

    Raises:
        Expired: the version has been compacted (the HTTP server sends it as an ERROR frame).
        ServerTimeout: ``send_initial`` from a version that is still to come.
        Invalid: ``send_initial`` without ``resourceVersionMatch=NotOlderThan``.
    """
    if send_initial and options.resource_version_match != "NotOlderThan":
        reason = (
            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
        raise invalid_options("ListOptions", "resourceVersionMatch", _FORBIDDEN, reason)
    matches = matcher(served, options.label_selector, options.field_selector) or (lambda _: True)
    log = backend.storage.log(served.bucket)
    watch = _ViewedWatch(served, matches, namespace)
    given = options.resource_version
    version = parse_version(given) if given else 0
    if send_initial and version > backend.revision:
        raise too_large(version, backend.revision)
    if send_initial or version == 0:
        objects = _objects_at(backend, served, backend.revision)
        for key in sorted(objects):
            stored = objects[key]
            if (not namespace or key.namespace == namespace) and matches(stored.obj):
                watch.put(Frame("ADDED", stored.version, stored.raw, stored.obj))
        if send_initial:
            end = backend.revision
            resource = served.resource
            watch.put(bookmark(resource.api_version, resource.kind, end, initial_end=True))
    else:
        if version < log.compacted:
            raise too_old(version, log.compacted)
        for event in log.since(version):
            watch.offer(event)  # beyond a frozen revision too: the server holds the stream back
    log.watches.add(watch)
    return watch


def close_watch(backend: Backend, served: Served, watch: Watch) -> None:
    """Idempotent."""
    backend.storage.log(served.bucket).watches.discard(watch)
    watch.close()


class _ViewedWatch(Watch):
    """Frames in the version that the watcher asked for."""

    def __init__(self, served: Served, matches: Callable[[JSON], bool], namespace: str) -> None:
        super().__init__(matches, namespace)
        self._served = served

    def put(self, frame: Frame) -> None:
        wanted = self._served.resource.api_version
        if frame.type != "BOOKMARK" and frame.object.get("apiVersion") != wanted:
            obj = view(self._served, orjson.loads(frame.raw))
            frame = Frame(frame.type, frame.version, orjson.dumps(obj), obj)
        super().put(frame)
