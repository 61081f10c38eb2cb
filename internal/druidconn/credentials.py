"""Who we are to Druid: basic authentication or a bearer token, from a Secret, kept nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from druid_operator.internal.druidconn.secrets import CredentialsError, SecretReader, own_secret
from druid_operator.pkg.druidapi import basic_authorization, bearer_authorization
from druid_operator.pkg.meta import NamespacedName

#: The Go operator's keys.
DEFAULT_USERNAME_KEY = "OperatorUserName"
DEFAULT_PASSWORD_KEY = "OperatorPassword"
#: The key of a ServiceAccount's token.
DEFAULT_TOKEN_KEY = "token"

_SCHEMES: Mapping[str, Literal["basic", "bearer"]] = {"basic-auth": "basic", "bearer": "bearer"}


@attrs.frozen
class SecretSource:
    """Which Secret, and under which keys; what ``spec.auth`` says.

    Args:
        path: of the field that names it, for errors.
    """

    key: NamespacedName
    username_key: str = DEFAULT_USERNAME_KEY
    password_key: str = DEFAULT_PASSWORD_KEY
    token_key: str = DEFAULT_TOKEN_KEY
    scheme: Literal["basic", "bearer"] = "basic"
    path: str = "spec.auth"


def secret_source(auth: Mapping[str, Any] | None, namespace: str) -> SecretSource | None:
    """Read a ``spec.auth``; ``None`` when it is absent, or empty as the Go operator writes it.

    Raises:
        CredentialsError: the type is unknown, or the Secret lies in another namespace.
    """
    if not auth or not (auth.get("type") or (auth.get("secretRef") or {}).get("name")):
        return None
    scheme = _SCHEMES.get(str(auth.get("type")))
    if scheme is None:
        raise CredentialsError(
            f"must be {' or '.join(_SCHEMES)}, got {auth.get('type')!r}",
            reason="InvalidAuth", path="spec.auth.type",
        )  # fmt: skip
    return SecretSource(
        own_secret(auth.get("secretRef") or {}, namespace, "spec.auth.secretRef"),
        auth.get("usernameKey") or DEFAULT_USERNAME_KEY,
        auth.get("passwordKey") or DEFAULT_PASSWORD_KEY,
        auth.get("tokenKey") or DEFAULT_TOKEN_KEY,
        scheme,
    )


@attrs.frozen
class SecretCredentials:
    """Fits :class:`~druid_operator.pkg.druidapi.Credentials`."""

    source: SecretSource
    secrets: SecretReader

    async def authorization(self, *, refresh: bool = False) -> str | None:
        source = self.source
        path = f"{source.path}.secretRef.name"
        secret = await self.secrets.get(source.key, path, refresh=refresh)
        if source.scheme == "bearer":
            return bearer_authorization(secret.text(source.token_key, f"{source.path}.tokenKey"))
        return basic_authorization(
            secret.text(source.username_key, f"{source.path}.usernameKey"),
            secret.text(source.password_key, f"{source.path}.passwordKey"),
        )
