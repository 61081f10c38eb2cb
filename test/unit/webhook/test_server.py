"""What the API server is told, over TLS, whatever it asks and whatever the webhook does."""

from __future__ import annotations

import asyncio
import base64
import io
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import orjson
import pytest
import trustme

from druid_operator.pkg.apistore.json_patch import apply_json_patch
from druid_operator.pkg.errors import FieldError, InvalidObject, NotFound
from druid_operator.pkg.healthz import CheckFailed
from druid_operator.pkg.meta import JSON, GroupVersionKind, Resource
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.webhook import (
    AdmissionRequest,
    AdmissionResponse,
    Denied,
    MultiHandler,
    Spoke,
    WebhookOptions,
    WebhookServer,
    webhook_path,
    webhooks_for,
)
from druid_operator.pkg.webhook import endpoint as endpoint_module

GVK = GroupVersionKind("web.example.com", "v1", "Gadget")
VALIDATE, MUTATE = webhook_path("validate", GVK), webhook_path("mutate", GVK)


@attrs.frozen
class GadgetSpec:
    size: int | None = prop("How big.", format="int32")
    colour: str | None = prop("Which.")


@attrs.frozen
class Gadget:
    metadata: JSON = prop(required=True)
    spec: GadgetSpec = prop(required=True)


SCHEME = Scheme([CustomResource(resource=Resource(GVK, "gadgets"), model=Gadget)])


class Defaults:
    async def default(self, obj: Gadget, request: AdmissionRequest) -> Gadget:
        if obj.spec.colour is not None:
            return obj
        return attrs.evolve(obj, spec=attrs.evolve(obj.spec, colour="red"))


class Rules:
    """Answers as the colour says."""

    async def validate_create(self, obj: Gadget, request: AdmissionRequest) -> list[str] | None:
        match obj.spec.colour:
            case "denied":
                raise Denied("that colour is not allowed")
            case "invalid":
                raise InvalidObject([FieldError("spec.colour", "no such colour")])
            case "missing":
                raise NotFound("the palette is gone")
            case "broken":
                raise ZeroDivisionError("a fault in the code")
            case "slow":
                await asyncio.Event().wait()
            case "odd":
                return ["an odd colour"]
        return None

    async def validate_update(
        self, old: Gadget, new: Gadget, request: AdmissionRequest
    ) -> list[str] | None:
        if (new.spec.size or 0) < (old.spec.size or 0):
            raise Denied("it cannot shrink")
        return None

    async def validate_delete(self, obj: Gadget, request: AdmissionRequest) -> list[str] | None:
        if obj.spec.colour == "gold":
            raise Denied("gold is kept")
        return None


@attrs.define
class Caller:
    """The API server, as far as webhooks know it."""

    server: WebhookServer
    session: aiohttp.ClientSession
    metrics: Metrics

    async def post(self, path: str, body: bytes, *, media: str = "application/json") -> Any:
        url = f"https://localhost:{self.server.address.rpartition(':')[2]}{path}"
        headers = {"Content-Type": media}
        async with self.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.json()

    async def ask(self, path: str, operation: str = "CREATE", **objects: JSON | None) -> JSON:
        request = {
            "uid": "the-uid", "operation": operation, "name": "g", "namespace": "ns",
            "kind": {"group": GVK.group, "version": GVK.version, "kind": GVK.kind},
            "userInfo": {"username": "somebody"}, **objects,
        }  # fmt: skip
        review = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": request,
        }
        status, document = await self.post(path, orjson.dumps(review))
        assert status == 200
        assert document["apiVersion"] == "admission.k8s.io/v1"
        assert document["response"]["uid"] == "the-uid"
        answer: JSON = document["response"]
        return answer

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"controller_runtime_{name}", labels)


def gadget(**spec: Any) -> JSON:
    return {
        "apiVersion": GVK.api_version, "kind": GVK.kind,
        "metadata": {"name": "g", "namespace": "ns"}, "spec": spec,
    }  # fmt: skip


@asynccontextmanager
async def serving(
    folder: Path, authority: trustme.CA, *, clients: Path | None = None,
    client_cert: trustme.LeafCert | None = None, more: Any = None,
) -> AsyncIterator[Caller]:  # fmt: skip
    publish(folder, authority)
    metrics = Metrics()
    options = WebhookOptions(
        host="127.0.0.1", port=0, cert_dir=folder, client_ca=clients, cert_interval=0.01
    )
    server = WebhookServer(metrics, options)
    webhooks_for(server, SCHEME, Gadget).with_defaulter(Defaults()).with_validator(
        Rules()
    ).complete()
    if more is not None:
        more(server)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    if client_cert is not None:
        client_cert.configure_cert(trust)
    task = asyncio.ensure_future(server.start())
    try:
        async with asyncio.timeout(10):
            while not server.address and not task.done():
                await asyncio.sleep(0.005)
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Caller(server, session, metrics)
    finally:
        task.cancel()
        await asyncio.wait([task])


def publish(folder: Path, authority: trustme.CA) -> None:
    leaf = authority.issue_cert("localhost")
    (folder / "tls.crt").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "tls.key").write_bytes(leaf.private_key_pem.bytes())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def caller(tmp_path, authority) -> AsyncIterator[Caller]:
    async with serving(tmp_path, authority) as found:
        yield found


# --- validation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colour", "code", "words"),
    [
        ("denied", 403, "that colour is not allowed"),
        ("invalid", 422, "spec.colour: no such colour"),
        ("missing", 404, "the palette is gone"),
    ],
)
async def test_refusals_carry_their_code_and_words(caller, colour, code, words) -> None:
    answer = await caller.ask(VALIDATE, object=gadget(colour=colour))
    assert not answer["allowed"]
    assert answer["status"]["code"] == code
    assert answer["status"]["message"] == words
    if colour == "invalid":
        assert answer["status"]["details"]["causes"][0]["field"] == "spec.colour"


async def test_what_is_allowed_may_carry_warnings(caller) -> None:
    answer = await caller.ask(VALIDATE, object=gadget(colour="odd"))
    assert (answer["allowed"], answer["warnings"]) == (True, ["an odd colour"])
    assert "patch" not in answer


async def test_updates_and_deletions_see_what_was(caller) -> None:
    small, big = gadget(size=1), gadget(size=2)
    assert (await caller.ask(VALIDATE, "UPDATE", oldObject=small, object=big))["allowed"]
    assert not (await caller.ask(VALIDATE, "UPDATE", oldObject=big, object=small))["allowed"]
    gold = gadget(colour="gold")
    assert not (await caller.ask(VALIDATE, "DELETE", oldObject=gold, object=None))["allowed"]
    assert (await caller.ask(VALIDATE, "CONNECT", object=None))["allowed"]


# --- mutation ---------------------------------------------------------------------------------


async def test_defaults_come_as_a_patch_that_leaves_unknown_fields_alone(caller) -> None:
    sent = gadget(size=3, newer={"than": "the type"})
    answer = await caller.ask(MUTATE, object=sent)
    assert answer["patchType"] == "JSONPatch"
    patch = orjson.loads(base64.b64decode(answer["patch"]))
    assert patch == [{"op": "add", "path": "/spec/colour", "value": "red"}]
    patched = apply_json_patch(sent, patch)
    assert patched["spec"] == {"size": 3, "newer": {"than": "the type"}, "colour": "red"}


async def test_nothing_to_default_is_no_patch_and_deletions_are_not_asked_about(caller) -> None:
    assert "patch" not in await caller.ask(MUTATE, object=gadget(colour="blue"))
    answer = await caller.ask(MUTATE, "DELETE", oldObject=gadget(), object=None)
    assert answer["allowed"]


async def test_object_that_does_not_decode_is_a_bad_request(caller) -> None:
    answer = await caller.ask(MUTATE, object=gadget(size="many"))
    assert answer["status"]["code"] == 400
    assert "spec.size: must be integer" in answer["status"]["message"]


async def test_handlers_are_composed_until_the_first_refusal() -> None:
    @attrs.frozen
    class Says:
        response: AdmissionResponse

        async def handle(self, request: AdmissionRequest) -> AdmissionResponse:
            return self.response

    warned = Says(AdmissionResponse(allowed=True, warnings=("careful",), patch=[{"op": "test"}]))
    refused = Says(AdmissionResponse(allowed=False, code=403, message="no"))
    request = AdmissionRequest(uid="1", kind=GVK, key=("", "g"), operation="CREATE")
    response = await MultiHandler([warned, refused, warned]).handle(request)
    assert (response.allowed, response.message, response.warnings) == (False, "no", ("careful",))
    both = await MultiHandler([warned, warned]).handle(request)
    assert (both.allowed, len(both.patch), both.warnings) == (True, 2, ("careful", "careful"))


# --- C45: what goes wrong ---------------------------------------------------------------------


async def test_c45_too_large_a_body_is_refused_in_the_review(caller) -> None:
    status, document = await caller.post(VALIDATE, b" " * (8 * 1024 * 1024))
    assert status == 200
    assert document["response"]["allowed"] is False
    assert document["response"]["status"]["code"] == 413
    assert "7340032 bytes" in document["response"]["status"]["message"]


@pytest.mark.parametrize(
    ("body", "media", "words"),
    [
        (b"{}", "application/yaml", "contentType=application/yaml, expected application/json"),
        (b"", "application/json", "request body is empty"),
        (b"{", "application/json", "not JSON"),
        (b"[]", "application/json", "expected an AdmissionReview"),
        (b'{"kind": "AdmissionReview", "request": {}}', "application/json", "admission.k8s.io/v1"),
        (
            b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {}}',
            "application/json",
            "incomplete",
        ),
    ],
)
async def test_c45_what_is_no_review_is_a_bad_request_in_the_review(
    caller, body, media, words
) -> None:
    status, document = await caller.post(VALIDATE, body, media=media)
    assert status == 200
    answer = document["response"]
    assert (answer["allowed"], answer["status"]["code"]) == (False, 400)
    assert words in answer["status"]["message"]


async def test_c45_handler_that_raises_is_recovered_and_counted(caller) -> None:
    assert caller.count("webhook_panics_total") == 0
    answer = await caller.ask(VALIDATE, object=gadget(colour="broken"))
    assert (answer["allowed"], answer["status"]["code"]) == (False, 500)
    assert "ZeroDivisionError" in answer["status"]["message"]
    assert caller.count("webhook_panics_total") == 1
    assert caller.count("webhook_requests_total", webhook=VALIDATE, code="200") == 1
    assert caller.count("webhook_requests_in_flight", webhook=VALIDATE) == 0
    assert caller.count("webhook_latency_seconds_count", webhook=VALIDATE) == 1
    assert caller.count("webhook_requests_total", webhook=MUTATE, code="200") == 0


async def test_handler_that_does_not_answer_is_given_up(caller, monkeypatch) -> None:
    monkeypatch.setattr(endpoint_module, "DEFAULT_TIMEOUT", 0.01)
    answer = await caller.ask(VALIDATE, object=gadget(colour="slow"))
    assert answer["status"]["code"] == 504


# --- conversion -------------------------------------------------------------------------------


def conversions(server: WebhookServer) -> None:
    def grown(obj: JSON) -> JSON:
        return {**obj, "spec": {"size": 10 // obj["spec"]["size"]}}

    server.conversions.register(GVK, Spoke("v0", grown, grown))
    server.register_conversions()


async def test_conversion_is_served_and_its_faults_recovered(tmp_path, authority) -> None:
    async with serving(tmp_path, authority, more=conversions) as caller:

        async def convert(*objects: JSON) -> JSON:
            review = {
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
                "request": {"uid": "c", "desiredAPIVersion": "web.example.com/v0",
                            "objects": list(objects)},
            }  # fmt: skip
            status, document = await caller.post("/convert", orjson.dumps(review))
            assert status == 200
            assert document["response"]["uid"] == "c"
            answer: JSON = document["response"]
            return answer

        good = await convert(gadget(size=5))
        assert good["convertedObjects"][0]["spec"] == {"size": 2}
        assert good["convertedObjects"][0]["apiVersion"] == "web.example.com/v0"
        bad = await convert(gadget(size=5), gadget(size=0))
        assert bad["result"]["status"] == "Failure"
        assert bad["convertedObjects"] == []
        assert caller.count("conversion_webhook_panics_total") == 1
        unknown = await convert({**gadget(), "kind": "Stranger"})
        assert "no conversion" in unknown["result"]["message"]
        assert caller.count("conversion_webhook_panics_total") == 1


# --- the server -------------------------------------------------------------------------------


async def test_server_finds_itself_once_it_listens(tmp_path, authority) -> None:
    idle = WebhookServer(Metrics(), WebhookOptions(cert_dir=tmp_path))
    with pytest.raises(CheckFailed):
        await idle.started_checker()
    async with serving(tmp_path, authority) as caller:
        await caller.server.started_checker()


async def test_client_without_a_certificate_of_the_authority_is_not_served(
    tmp_path, authority
) -> None:
    clients = trustme.CA()
    bundle = tmp_path / "clients.pem"
    bundle.write_bytes(clients.cert_pem.bytes())
    async with serving(tmp_path, authority, clients=bundle) as caller:
        with pytest.raises(aiohttp.ClientError):
            await caller.ask(VALIDATE, object=gadget())
        await caller.server.started_checker()
    known = clients.issue_cert("api-server@example.com")
    async with serving(tmp_path, authority, clients=bundle, client_cert=known) as caller:
        assert (await caller.ask(VALIDATE, object=gadget()))["allowed"]


async def test_old_tls_is_refused(caller) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    port = int(caller.server.address.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
    writer.close()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=old)


async def test_c44_rotated_certificate_is_served_without_a_restart(tmp_path, authority) -> None:
    second = trustme.CA()
    async with serving(tmp_path, authority) as caller:
        assert (await caller.ask(VALIDATE, object=gadget()))["allowed"]
        publish(tmp_path, second)
        trust = ssl.create_default_context()
        second.configure_trust(trust)
        async with asyncio.timeout(10):
            while True:
                connector = aiohttp.TCPConnector(ssl=trust)
                async with aiohttp.ClientSession(connector=connector) as session:
                    try:
                        answer = await attrs.evolve(caller, session=session).ask(
                            VALIDATE, object=gadget()
                        )
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.01)
                        continue
                break
        assert answer["allowed"]


async def test_path_is_served_once() -> None:
    server = WebhookServer(Metrics())
    webhooks_for(server, SCHEME, Gadget).with_validator(Rules()).complete()
    with pytest.raises(ValueError, match="already"):
        webhooks_for(server, SCHEME, Gadget).with_validator(Rules()).complete()
    with pytest.raises(ValueError, match="no webhook"):
        webhooks_for(server, SCHEME, Gadget).complete()
