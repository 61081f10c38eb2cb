"""Credentials of exec and auth-provider plugins, through kubernetes_asyncio.

The only module that imports that library, and only when a kubeconfig asks for a plugin: it costs 38
MiB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from druid_operator.pkg.client.config import ConfigError


class PluginCredentials:
    """Runs the plugin when first needed, when its token has expired, and after a 401."""

    def __init__(self, paths: Sequence[str], context: str) -> None:
        self._paths = os.pathsep.join(paths)
        self._context = context
        self._loader: Any = None

    async def headers(self, *, refresh: bool = False) -> Mapping[str, str]:
        from kubernetes_asyncio import config
        from kubernetes_asyncio.client.configuration import Configuration
        from kubernetes_asyncio.config import ConfigException

        try:
            if self._loader is None or refresh:
                self._loader = await config.load_kube_config(
                    config_file=self._paths,
                    context=self._context,
                    client_configuration=Configuration(),
                    persist_config=False,
                )
            elif "exec" in (self._loader._user or {}):  # noqa: SLF001 - no public way to know
                await self._loader.load_from_exec_plugin()  # runs again only when expired
        except ConfigException as error:
            raise ConfigError(f"context {self._context!r}: {error}") from error
        token = (getattr(self._loader, "token", "") or "").strip()
        if not token:
            return {}
        return {"Authorization": token if " " in token else f"Bearer {token}"}
