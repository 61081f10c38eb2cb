"""Installing CustomResourceDefinitions, and knowing when the server really serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from druid_operator.pkg.client import RestClient
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import TerminalError
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import CUSTOM_RESOURCE_DEFINITION

#: A file, a folder of files, or the object itself.
CRDSource: TypeAlias = str | Path | Mapping[str, Any]


def load_crds(sources: Iterable[CRDSource]) -> list[JSON]:
    """Read definitions. Documents of other kinds in the files are passed over.

    Raises:
        TerminalError: a path does not exist, or holds no definition.
    """
    found: list[JSON] = []
    for source in sources:
        if isinstance(source, Mapping):
            found.append(dict(source))
            continue
        path = Path(source)
        files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
        definitions = [
            document
            for file in files
            for document in yaml.load_all(_read(file), Loader=yaml.CSafeLoader)
            if document and document.get("kind") == "CustomResourceDefinition"
        ]
        if not definitions:
            raise TerminalError(f"no CustomResourceDefinition in {path}")
        found += definitions
    return found


async def install_crds(client: RestClient, crds: Sequence[JSON], *, timeout: float = 20.0) -> None:
    """Apply the definitions and wait until every served version can be listed.

    ``Established`` is not enough: a list may then still be answered 404, or 429 "storage is
    (re)initializing".

    Raises:
        NotReached: not served within ``timeout`` seconds; names the last answer.
    """
    async with asyncio.TaskGroup() as group:
        for crd in crds:
            group.create_task(_install(client, crd, timeout))


async def _install(client: RestClient, crd: JSON, timeout: float) -> None:
    name = crd["metadata"]["name"]
    await client.apply(crd, field_owner="envtest", force=True)

    async def established() -> bool:
        live = await client.get(CUSTOM_RESOURCE_DEFINITION, NamespacedName("", name))
        # The real server stores `conditions: null` for a moment.
        conditions = live.get("status", {}).get("conditions") or ()
        assert any(c["type"] == "Established" and c["status"] == "True" for c in conditions), (
            f"conditions of {name}: {conditions}"
        )
        return True

    await eventually(established, timeout=timeout, what=f"{name} established")
    for resource in served_resources(crd):

        async def served(resource: Resource = resource) -> bool:
            await client.list(resource)
            return True

        await eventually(served, timeout=timeout, what=f"{resource.path()} served")


def served_resources(crd: JSON) -> list[Resource]:
    """The resource of each served version."""
    spec = crd["spec"]
    return [
        Resource(
            GroupVersionKind(spec["group"], version["name"], spec["names"]["kind"]),
            spec["names"]["plural"],
            spec["scope"] == "Namespaced",
        )
        for version in spec["versions"]
        if version["served"]
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise TerminalError(f"no such file: {path}") from error
