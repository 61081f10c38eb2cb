"""Which certificates are made when, and that a server shown with them is believed."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from cryptography import x509

from druid_operator.pkg.webhook.certificates import (
    CA_VALIDITY,
    SERVING_VALIDITY,
    Certificates,
    KeyPair,
    decide_renewal,
    renew,
)
from druid_operator.pkg.webhook.provisioner import build_bundle_patch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ["hook.ns.svc", "hook.ns.svc.cluster.local", "hook.ns"]


@pytest.fixture
def made() -> Certificates:
    return renew(None, NAMES, NOW, authority=True)


def authorities(bundle: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(bundle)


def test_fresh_certificates_will_do(made) -> None:
    assert decide_renewal(made, NAMES, NOW).reason == ""
    assert decide_renewal(made, NAMES, NOW + SERVING_VALIDITY * 0.6).reason == ""


def test_serving_certificate_is_replaced_when_a_third_is_left(made) -> None:
    late = NOW + SERVING_VALIDITY * 0.7
    renewal = decide_renewal(made, NAMES, late)
    assert (renewal.reason != "", renewal.authority) == (True, False)
    fresh = renew(made, NAMES, late, authority=False)
    assert fresh.ca == made.ca
    assert fresh.bundle == made.bundle
    assert fresh.serving != made.serving
    assert decide_renewal(fresh, NAMES, late).reason == ""


def test_new_authority_is_believed_beside_the_old_one_until_that_has_run_out(made) -> None:
    late = NOW + CA_VALIDITY * 0.7
    renewal = decide_renewal(made, NAMES, late)
    assert renewal.authority
    fresh = renew(made, NAMES, late, authority=True)
    assert [c.subject for c in authorities(fresh.bundle)] == [
        authorities(fresh.ca.certificate)[0].subject,
        authorities(made.ca.certificate)[0].subject,
    ]
    later = NOW + CA_VALIDITY + timedelta(days=1)
    assert len(authorities(renew(fresh, NAMES, later, authority=True).bundle)) == 2


@pytest.mark.parametrize(
    ("damage", "authority"),
    [
        (lambda c: None, True),
        (lambda c: attrs.evolve(c, ca=KeyPair(b"nonsense", c.ca.key)), True),
        (lambda c: attrs.evolve(c, serving=KeyPair(b"nonsense", b"")), True),
        (lambda c: attrs.evolve(c, serving=renew(None, NAMES, NOW, authority=True).serving), False),
    ],
)
def test_what_cannot_be_used_is_made_anew(made, damage, authority) -> None:
    renewal = decide_renewal(damage(made), NAMES, NOW)
    assert renewal.reason
    assert renewal.authority is authority


def test_service_that_got_another_name_gets_another_certificate(made) -> None:
    renewal = decide_renewal(made, ["hook.other.svc"], NOW)
    assert "name" in renewal.reason
    assert not renewal.authority


def test_clock_that_was_behind_is_no_reason_to_serve_nothing(made) -> None:
    assert decide_renewal(made, NAMES, NOW - timedelta(minutes=30)).reason == ""
    assert decide_renewal(made, NAMES, NOW - timedelta(hours=2)).authority


def test_keys_stay_out_of_sight(made) -> None:
    assert "PRIVATE" not in repr(made)


def test_bundle_is_a_client_side_trust(made) -> None:
    context = ssl.create_default_context(cadata=made.bundle.decode())
    assert context.cert_store_stats()["x509_ca"] == 1


def test_every_webhook_of_a_configuration_gets_the_bundle_once() -> None:
    configuration = {"webhooks": [
        {"name": "a", "clientConfig": {}},
        {"name": "b", "clientConfig": {"caBundle": "new"}},
        {"name": "c", "clientConfig": {"caBundle": "old"}},
    ]}  # fmt: skip
    assert build_bundle_patch(configuration, "new") == [
        {"op": "test", "path": "/webhooks/0/name", "value": "a"},
        {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "new"},
        {"op": "test", "path": "/webhooks/2/name", "value": "c"},
        {"op": "add", "path": "/webhooks/2/clientConfig/caBundle", "value": "new"},
    ]
    assert build_bundle_patch({}, "new") == []


def test_address_is_a_name_too() -> None:
    names = ["127.0.0.1", "hook.ns.svc"]
    made = renew(None, names, NOW, authority=True)
    assert decide_renewal(made, names, NOW).reason == ""
    assert decide_renewal(made, ["::1"], NOW).reason
