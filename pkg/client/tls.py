"""TLS files that somebody else rotates: the client's certificate and the authority's.

The same ``SSLContext`` loads them anew, so connections made from then on use them and open ones,
watches among them, go on. An authority is added and never taken away: until the restart a server
with a certificate of the old one is still believed.
"""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import attrs


@attrs.define(eq=False)
class TLSFiles:
    """What a context was loaded from.

    Args:
        context: for the connections.
        ca: the authority's certificates, PEM.
        cert, key: the client's; ``key`` may be in the same file.

    Raises:
        OSError, ssl.SSLError: a file cannot be used.
    """

    context: ssl.SSLContext = attrs.field(repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    _loaded: bytes = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._loaded = self._digest()
        self._load()

    def refresh(self) -> bool:
        """Load the files again if they changed; true when they did. Reads files: not for a loop.

        A pair that does not fit together yet is left for the next call; what was loaded stays.
        """
        try:
            found = self._digest()
            if found == self._loaded:
                return False
            self._load()
        except (OSError, ssl.SSLError):
            return False
        self._loaded = found
        return True

    def _load(self) -> None:
        if self.cert is not None:
            # On another context first: a failure half way would leave this one without a key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.cert, self.key)
            self.context.load_cert_chain(self.cert, self.key)
        if self.ca is not None:
            self.context.load_verify_locations(cafile=self.ca)

    def _digest(self) -> bytes:
        files = [path for path in (self.ca, self.cert, self.key) if path is not None]
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).digest()
