"""Druid behind nginx: https of an own authority, a password, and the operator's certificate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.nginx import Doors, Nginx
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.envtest.binaries.certs import CertificateAuthority
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import SECRET

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

USER, PASSWORD = "druid-operator", "open sesame"
CERTIFICATE = "CN=operator"

#: Names of Secrets, right and wrong ones.
CA, OTHER_CA, CLIENT, LOGIN, WRONG_LOGIN = "ca", "other-ca", "client", "login", "wrong-login"


@attrs.frozen
class Behind:
    """The proxy, and how an ingestion says that Druid is behind it."""

    proxy: Nginx

    def spec(self, *, ca: str = CA, client: str = CLIENT, login: str = LOGIN) -> JSON:
        """Fields of an ingestion. An empty ``client`` shows no certificate."""
        tls: JSON = {"caSecretRef": {"name": ca}}
        if client:
            tls["clientSecretRef"] = {"name": client}
        return {
            # No Druid object has this name, so nothing else says where Druid is.
            "druidCluster": "outside",
            "connection": {"url": self.proxy.url, "tls": tls},
            "auth": {"type": "basic-auth", "secretRef": {"name": login}},
        }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def behind(
    operator: Any,
    real_druid: RealDruid,
    proxy_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Behind]:
    authority, other = CertificateAuthority("inside"), CertificateAuthority("elsewhere")
    client = authority.client("operator")
    secrets: Mapping[str, Mapping[str, str]] = {
        CA: {"ca.crt": authority.certificate.decode()},
        OTHER_CA: {"ca.crt": other.certificate.decode()},
        CLIENT: {"tls.crt": client.certificate.decode(), "tls.key": client.key.decode()},
        LOGIN: {"OperatorUserName": USER, "OperatorPassword": PASSWORD},
        WRONG_LOGIN: {"OperatorUserName": USER, "OperatorPassword": "open barley"},
    }
    for name, values in secrets.items():
        await operator.env.client.create(
            {
                "apiVersion": SECRET.api_version,
                "kind": SECRET.kind,
                "metadata": {"name": name, "namespace": operator.namespace},
                "stringData": dict(values),
            }
        )
    server = authority.server("druid", ["127.0.0.1"])
    doors = Doors(server, authority.certificate, USER, PASSWORD)
    directory = tmp_path_factory.mktemp("nginx")
    async with Nginx(real_druid.router_url, directory, doors, port=proxy_port) as proxy:
        yield Behind(proxy)


async def test_a_stream_is_created_changed_suspended_and_deleted_through_it(
    ingestions: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: Callable[[str, int], Awaitable[None]],
    behind: Behind,
) -> None:
    """Every request bore the password and the certificate."""
    name = "behind"
    await streams.start(name, 5, **behind.spec())
    await until_counted(name, 5)
    await ingestions.until_ready(name, "Running")
    await ingestions.patch_document(name, "ioConfig", {"taskDuration": "PT30M"})
    await ingestions.until_condition(name, "True", type_="Synced")
    assert (await druid.supervisor_spec(name))["spec"]["ioConfig"]["taskDuration"] == "PT1800S"
    await ingestions.patch(name, {"suspend": True})
    await ingestions.until_ready(name, "Suspended")
    assert (await druid.supervisor_status(name)).suspended
    await ingestions.delete(name)
    with pytest.raises(errors.NotFound):
        await druid.supervisor_status(name)
    visits = behind.proxy.visits()
    assert {(visit.user, visit.certificate) for visit in visits} == {(USER, CERTIFICATE)}
    assert {visit.request.split(" ")[0] for visit in visits} == {"GET", "POST"}


@pytest.mark.parametrize(
    ("wrong", "reason", "words"),
    [
        pytest.param({"login": WRONG_LOGIN}, "Unauthorized", "401", id="wrong-password"),
        pytest.param(
            {"client": ""},
            "DruidUnreachable",
            "No required SSL certificate was sent",
            id="no-client-certificate",
        ),
        pytest.param(
            {"ca": OTHER_CA}, "DruidUnreachable", "CERTIFICATE_VERIFY_FAILED", id="wrong-authority"
        ),
    ],
)
async def test_a_closed_door_says_nothing_of_the_ingestion_and_opens_with_the_right_key(
    ingestions: Any,
    druid: DruidClient,
    documents: Any,
    behind: Behind,
    request: pytest.FixtureRequest,
    wrong: Mapping[str, str],
    reason: str,
    words: str,
) -> None:
    """Not Ready and not failed, but Unknown, and nothing was submitted."""
    name = f"door-{request.node.callspec.id}"
    table = name.replace("-", "_")
    document = documents.batch(table, documents.rows(2))
    await ingestions.create(name, "native-batch", document, **behind.spec(**wrong))
    obj = await ingestions.until_condition(name, "Unknown", reason)
    assert words in ingestions.condition(obj)["message"]
    assert PASSWORD not in str(obj)
    assert await druid.tasks(data_source=table) == []
    await ingestions.patch(name, behind.spec())
    await ingestions.until_ready(name, "Succeeded")
