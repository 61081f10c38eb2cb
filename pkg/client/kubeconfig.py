"""Reading kubeconfig files: merging, picking a context, static credentials.

Our own, because importing kubernetes_asyncio costs 38 MiB and its loader mishandles several files,
contexts without a user and tokens that end in a newline. Exec and auth-provider plugins are the one
thing left to it, loaded lazily in ``plugin_credentials.py``.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from druid_operator.pkg.client.config import ConfigError, RestConfig
from druid_operator.pkg.client.credentials import (
    Credentials,
    NoCredentials,
    StaticHeader,
    TokenFile,
)
from druid_operator.pkg.client.tls import TLSFiles

_Entry = Mapping[str, Any]


def from_kubeconfig(paths: Sequence[Path], *, context: str = "") -> RestConfig:
    """Merge the files (the first to name an entry wins) and build the configuration of a context.

    Args:
        paths: files; one that does not exist is passed over unless it is the only one.
        context: its name, or empty for ``current-context``.
    """
    merged = _merge(paths)
    name = context or merged["current-context"]
    if not name:
        raise ConfigError(f"{_names(paths)}: no context given and no current-context set")
    ctx = _entry(merged, "contexts", name, paths)
    cluster = _entry(merged, "clusters", ctx.get("cluster", ""), paths)
    # A context without a user is legal: anonymous.
    user = _entry(merged, "users", ctx["user"], paths) if ctx.get("user") else {}
    host = str(cluster.get("server") or "").rstrip("/")
    if not host:
        raise ConfigError(f"{_names(paths)}: the cluster of context {name!r} has no server")
    files = _tls(cluster, user) if host.startswith("https:") else None
    return RestConfig(
        host=host,
        ssl=files.context if files else None,
        tls_files=files,
        credentials=_credentials(user, paths, name),
        namespace=ctx.get("namespace") or "default",
        server_hostname=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
    )


def _names(paths: Sequence[Path]) -> str:
    return os.pathsep.join(str(p) for p in paths)


def _merge(paths: Sequence[Path]) -> dict[str, Any]:
    merged: dict[str, Any] = {"contexts": {}, "clusters": {}, "users": {}, "current-context": ""}
    found = [p for p in paths if p.exists()]
    if not found:
        raise ConfigError(f"no such file: {_names(paths)}")
    for path in found:
        try:
            document = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: not YAML: {error}") from error
        if not isinstance(document, dict):
            raise ConfigError(f"{path}: not a kubeconfig")
        merged["current-context"] = merged["current-context"] or document.get("current-context")
        for section, singular in (
            ("contexts", "context"),
            ("clusters", "cluster"),
            ("users", "user"),
        ):
            for item in document.get(section) or ():
                entry = _absolute(item.get(singular) or {}, path.parent)
                merged[section].setdefault(item["name"], entry)
    return merged


_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _absolute(entry: _Entry, folder: Path) -> dict[str, Any]:
    """Relative paths in a kubeconfig are relative to that file, not to the working directory."""
    return {
        key: str(folder / value) if key in _FILE_KEYS and value else value
        for key, value in entry.items()
    }


def _entry(merged: _Entry, section: str, name: str, paths: Sequence[Path]) -> dict[str, Any]:
    found: dict[str, Any] | None = merged[section].get(name)
    if found is None:
        known = ", ".join(sorted(merged[section])) or "none"
        raise ConfigError(f"{_names(paths)}: no entry {name!r} in {section} (there: {known})")
    return found


def _tls(cluster: _Entry, user: _Entry) -> TLSFiles:
    ca_data, ca = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    context = ssl.create_default_context(
        cafile=ca, cadata=base64.b64decode(ca_data).decode() if ca_data else None
    )
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if user.get("client-certificate-data") and user.get("client-key-data"):
        _load_inline_certificate(context, user)
        return TLSFiles(context, ca=_path(ca))
    return TLSFiles(
        context,
        ca=_path(ca),
        cert=_path(user.get("client-certificate")),
        key=_path(user.get("client-key")),
    )


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _load_inline_certificate(context: ssl.SSLContext, user: _Entry) -> None:
    # OpenSSL reads certificates from files only; this one lives for the length of one call and is
    # readable by nobody else (mkstemp makes it 0600).
    pem = base64.b64decode(user["client-certificate-data"]) + b"\n"
    pem += base64.b64decode(user["client-key-data"])
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        context.load_cert_chain(name)
    finally:
        os.unlink(name)


def _credentials(user: _Entry, paths: Sequence[Path], context: str) -> Credentials:
    if user.get("token"):
        return StaticHeader.bearer(user["token"])
    if user.get("tokenFile"):
        return TokenFile(Path(user["tokenFile"]))
    if user.get("username"):
        return StaticHeader.basic(user["username"], user.get("password") or "")
    if user.get("exec") or user.get("auth-provider"):
        from druid_operator.pkg.client.plugin_credentials import PluginCredentials

        return PluginCredentials([str(p) for p in paths], context)
    return NoCredentials()
