"""A whole list, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.client import ListWatch
from druid_operator.pkg.errors import Expired

#: Objects decoded in a row before others get a turn: thousands must not hold the loop.
BATCH = 256


async def read_pages(
    source: ListWatch,
    version: str,
    limit: int,
    decode: Callable[[bytes], StoredObject],
    alive: Callable[[], None],
) -> tuple[list[StoredObject], str]:
    """All objects, and the version that the list shows.

    Args:
        version: ``resourceVersion`` of the list.
        limit: objects of a page, 0 for all in one.
        decode: from bytes.
        alive: called for each page that came.

    Raises ``Expired`` only for the first page. When a later one expires the list is read anew, in
    one piece: the pages read so far fit nothing any more.
    """
    page = await source.list_page(resource_version=version, limit=limit, continue_token="")
    objects: list[StoredObject] = []
    while True:
        for index, item in enumerate(page.items):
            objects.append(decode(item))
            if index % BATCH == BATCH - 1:
                await asyncio.sleep(0)
        alive()
        if not page.continue_token:
            return objects, page.resource_version
        try:
            page = await source.list_page(
                resource_version="", limit=limit, continue_token=page.continue_token
            )
        except Expired:
            objects.clear()
            page = await source.list_page(resource_version="", limit=0, continue_token="")
