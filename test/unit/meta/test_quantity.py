"""Quantities get the form that Kubernetes gives them; the table was recorded from apimachinery."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.meta.quantity import Quantity, canonical_quantity

RECORDED = [
    ("0", "0"), ("00", "0"), ("0.5", "500m"), (".5", "500m"), ("1.", "1."), ("0012Mi", "0012Mi"),
    ("1.500", "1.500"), ("1.500k", "1.500k"), ("1500m", "1500m"), ("1000m", "1"), ("1000", "1k"),
    ("100000", "100k"), ("1024", "1024"), ("1024Mi", "1Gi"), ("1025Ki", "1025Ki"),
    ("0.5Ti", "512Gi"), ("1.5Gi", "1536Mi"), ("1.5Mi", "1536Ki"), ("0.5Ki", "512"),
    ("0.1Mi", "104857600m"), ("2.2Ti", "2418925581107200m"), ("8Ki", "8Ki"), ("1024Ki", "1Mi"),
    ("-1.5Gi", "-1536Mi"), ("+5", "+5"), ("1e3", "1e3"), ("1E3", "1E3"), ("1e-3", "1e-3"),
    ("5e2", "500"), ("12e4", "120e3"), ("0.0000000001", "1n"),
    ("123456789.123456789123", "123456789123456790n"),
    ("9223372036854775807", "9223372036854775807"),
    ("92233720368547758070", "92233720368547758070"), ("8Ei", "9223372036854775807"),
    ("16Ei", "9223372036854775807"), ("1E", "1E"), ("100k", "100k"), ("4000000k", "4G"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "stored"), RECORDED)
def test_recorded_forms(source, stored):
    assert canonical_quantity(source) == stored


@pytest.mark.parametrize(("source", "stored"), [(1, "1"), (0, "0"), (0.5, "500m"), (1e3, "1k")])
def test_json_numbers_are_quantities(source, stored):
    assert canonical_quantity(source) == stored


@pytest.mark.parametrize(
    "source",
    ["", " ", "x", "1KI", "1 Gi", "1Gii", "--1", "1e", "1.2.3", ".", "Mi", "0x10", "1_0", True,
     "\u0663", "1e99999", "1000E"],
)  # fmt: skip
def test_anything_else_is_refused(source):
    with pytest.raises(ValueError, match=r"quantity|too large"):
        canonical_quantity(source)


def test_comparison_is_of_values():
    assert Quantity.parse("1Gi") == Quantity.parse("1024Mi")
    assert hash(Quantity.parse("1Gi")) == hash(Quantity.parse("1024Mi"))
    assert Quantity.parse("2.2Ti") > Quantity.parse("2Ti")
    assert Quantity.parse("1G") < Quantity.parse("1Gi")
    assert Quantity.parse("500m") <= Quantity.parse("0.5")
    assert Quantity.parse("1") != 1


def test_values_are_exact():
    assert Quantity.parse("0.1").value == Decimal("0.1")
    assert Quantity.parse("1.5Ki").value == Decimal(1536)
    assert Quantity.parse("-3m").value == Decimal("-0.003")


numbers = st.from_regex(r"[+-]?[0-9]{1,18}(\.[0-9]{0,6})?", fullmatch=True)
units = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-3", "E2"])


@given(numbers, units)
def test_the_stored_form_has_the_same_value_and_is_stable(number, unit):
    quantity = Quantity.parse(number + unit)
    again = Quantity.parse(quantity.text)
    # What is finer than a billionth is rounded up once, and never again.
    assert again == quantity
    assert again.text == quantity.text
