"""Installing CustomResourceDefinitions, and knowing when the server really serves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
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
    for crd in crds:
        await client.apply(crd, field_owner="envtest", force=True)
    for crd in crds:
        key = NamespacedName("", crd["metadata"]["name"])
        await eventually(
            partial(_established, client, key), timeout=timeout, what=f"{key} established"
        )
        for resource in served_resources(crd):
            await eventually(
                partial(_listed, client, resource), timeout=timeout, what=f"{resource} served"
            )


async def _established(client: RestClient, key: NamespacedName) -> bool:
    crd = await client.get(CUSTOM_RESOURCE_DEFINITION, key)
    # The real server stores `conditions: null` for a moment.
    conditions = crd.get("status", {}).get("conditions") or ()
    found = any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
    assert found, f"conditions of {key}: {conditions}"
    return True


async def _listed(client: RestClient, resource: Resource) -> bool:
    await client.list(resource)
    return True


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
