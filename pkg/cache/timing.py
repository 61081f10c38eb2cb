"""How long a reflector waits for what."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class ReflectorOptions:
    """Seconds. Tests scale them down.

    Args:
        watch_timeout: the server ends a watch after this long, or up to twice as long (client-go: 5
            to
            10 minutes, spread so that watches do not end in step).
        watch_grace: how much later we end it ourselves, if the server did not.
        bookmark_idle: silence after which a stream is dead, once it has shown a first bookmark (the
            API server sends one about every minute; some aggregated APIs send none).
        initial_idle: silence within a streaming list after which it is taken for unsupported.
        page_size: objects per page of a paged list; 500 as client-go's pager.
        streaming_lists: try them first.
        short_watch: a watch shorter than this without an event counts as a failure, or a server
            that
            closes at once would be asked thousands of times a second.
        backoff: the first wait after a failure; doubled by each further one up to ``backoff_cap``,
            and each stretched by up to its own length (see :class:`Backoff`).
    """

    watch_timeout: float = 300.0
    watch_grace: float = 5.0
    bookmark_idle: float = 75.0
    initial_idle: float = 10.0
    page_size: int = 500
    streaming_lists: bool = True
    short_watch: float = 1.0
    backoff: float = 0.8
    backoff_cap: float = 30.0
