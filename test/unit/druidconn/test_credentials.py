"""Who we are to Druid: from Secrets of the object's own namespace, kept nowhere else."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from druid_operator.internal.druidconn import CredentialsError
from druid_operator.internal.druidconn.credentials import SecretCredentials, secret_source
from druid_operator.internal.druidconn.secrets import MAX_AGE_SECONDS, SecretReader
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import NamespacedName

JSON = dict[str, Any]
REF = {"name": "s"}


def auth(**fields: Any) -> JSON:
    return {"type": "basic-auth", "secretRef": REF, **fields}


class Secrets:
    """A reader that counts."""

    def __init__(self, **data: str) -> None:
        self.reads = 0
        self.data: dict[str, str] | None = data

    async def get(self, kind: Any, key: NamespacedName) -> JSON:
        self.reads += 1
        if self.data is None:
            raise NotFound("no such secret")
        data = {k: base64.b64encode(v.encode()).decode() for k, v in self.data.items()}
        return {"metadata": {"resourceVersion": str(self.reads)}, "data": data}


def credentials(secrets: Any, clock: FakeClock, **fields: Any) -> SecretCredentials:
    source = secret_source(auth(**fields), "ns")
    assert source is not None
    return SecretCredentials(source, SecretReader(secrets, clock))


@pytest.mark.parametrize("given", [None, {}, {"type": "", "secretRef": {}}], ids=str)
def test_absent_and_as_the_go_operator_writes_it_mean_none(given: Any) -> None:
    assert secret_source(given, "ns") is None


@pytest.mark.parametrize(
    ("given", "reason", "path"),
    [
        (auth(type="kerberos"), "InvalidAuth", "spec.auth.type"),
        (auth(secretRef={}), "InvalidAuth", "spec.auth.secretRef.name"),
        (
            auth(secretRef={"name": "s", "namespace": "other"}),
            "SecretNotAllowed",
            "spec.auth.secretRef.namespace",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path(given: JSON, reason: str, path: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        secret_source(given, "ns")
    assert (raised.value.reason, raised.value.path) == (reason, path)


def test_the_own_namespace_may_be_named() -> None:
    source = secret_source(auth(secretRef={"name": "s", "namespace": "ns"}), "ns")
    assert source is not None
    assert source.key == NamespacedName("ns", "s")


async def test_the_go_operators_keys_are_the_default_and_others_can_be_named() -> None:
    clock = FakeClock()
    given = Secrets(OperatorUserName="u", OperatorPassword="p", user="v", pass_="q")
    expected = "Basic " + base64.b64encode(b"u:p").decode()
    assert await credentials(given, clock).authorization() == expected
    named = credentials(given, clock, usernameKey="user", passwordKey="pass_")
    assert await named.authorization() == "Basic " + base64.b64encode(b"v:q").decode()


async def test_a_bearer_token_is_sent_without_the_newline_that_files_end_with() -> None:
    given = Secrets(token="abc\n", other="xyz")
    assert await credentials(given, FakeClock(), type="bearer").authorization() == "Bearer abc"
    other = credentials(given, FakeClock(), type="bearer", tokenKey="other")
    assert await other.authorization() == "Bearer xyz"


async def test_a_secret_is_read_again_after_a_refusal_and_when_it_is_old() -> None:
    clock = FakeClock()
    secrets = Secrets(OperatorUserName="u", OperatorPassword="p")
    mine = credentials(secrets, clock)
    first = await mine.authorization()
    assert await mine.authorization() == first
    assert secrets.reads == 1
    secrets.data = {"OperatorUserName": "u", "OperatorPassword": "changed"}
    assert await mine.authorization(refresh=True) != first
    assert secrets.reads == 2
    clock.step(MAX_AGE_SECONDS + 1)
    await mine.authorization()
    assert secrets.reads == 3


async def test_a_missing_secret_or_key_is_told_and_never_its_values() -> None:
    clock = FakeClock()
    secrets = Secrets(OperatorUserName="hush")
    with pytest.raises(CredentialsError, match="no key 'OperatorPassword'") as raised:
        await credentials(secrets, clock).authorization()
    assert raised.value.reason == "SecretKeyMissing"
    secrets.data = None
    with pytest.raises(CredentialsError, match="'s' not found"):
        await credentials(secrets, clock).authorization()
    secrets.data = {"OperatorUserName": "hush", "OperatorPassword": "hush"}
    mine = credentials(secrets, clock)
    await mine.authorization()
    assert "hush" not in repr(mine)
    assert base64.b64encode(b"hush:hush").decode() not in repr(mine)


async def test_a_value_that_is_no_text_is_told_without_its_bytes() -> None:
    class Binary(Secrets):
        async def get(self, kind: Any, key: NamespacedName) -> JSON:
            hush = base64.b64encode(b"\xff\xfehush").decode()
            data = {"OperatorUserName": hush, "OperatorPassword": hush}
            return {"metadata": {}, "data": data}

    with pytest.raises(CredentialsError, match="is not UTF-8") as raised:
        await credentials(Binary(), FakeClock()).authorization()
    assert (raised.value.reason, raised.value.path) == ("SecretNotText", "spec.auth.usernameKey")
    assert raised.value.__cause__ is None
    assert "hush" not in str(raised.value)
