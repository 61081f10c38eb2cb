"""Nothing secret leaves."""

from __future__ import annotations

import pytest

from druid_operator.internal.ingestion.redact import redact, redact_text


def test_secrets_are_hidden_wherever_they_are() -> None:
    shown = redact(
        {
            "consumerProperties": {
                "sasl.jaas.config": 'required username="u" password="hush";',
                "ssl.keystore.password": "hush",
                "bootstrap.servers": "kafka:9092",
            },
            "inputSource": [
                {"properties": {"accessKeyId": {"type": "default", "password": "hush"}}}
            ],
            "uri": "amqp://user:hush@rabbit:5672",
        }
    )
    assert "hush" not in repr(shown)
    assert shown["consumerProperties"]["bootstrap.servers"] == "kafka:9092"
    assert shown["uri"] == "amqp://***@rabbit:5672"


@pytest.mark.parametrize(
    "text",
    [
        'username="u" password="hush";', "password=hush", '{"password":"hush"}', "secretKey: hush",
        "token = 'hush'",
    ],
)  # fmt: skip
def test_texts_are_cleaned_too(text: str) -> None:
    assert "hush" not in redact_text(text)


def test_an_absent_secret_is_still_absent() -> None:
    assert redact({"password": None}) == {"password": None}
