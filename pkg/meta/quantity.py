"""``resource.Quantity``: the numbers with a unit (``500m``, ``2Gi``) that Kubernetes objects hold.

The API server never stores a quantity as it was written: ``1024Mi`` becomes ``1Gi``, ``0.5``
becomes ``500m``. Whoever compares what was sent with what is stored, or hashes it, needs the same
rules. They follow apimachinery's ``pkg/api/resource`` (0.27 to 0.37 agree), two oddities included:
a number that parses without rounding and looks canonical is kept as it was typed (``1.500`` stays),
and a binary quantity below 1024 or with a fraction left is shown in decimal units (``0.5Ki`` is
``512``).
"""

from __future__ import annotations

import functools
import re
from decimal import Decimal
from typing import Literal

import attrs

Format = Literal["BinarySI", "DecimalSI", "DecimalExponent"]

_GRAMMAR = re.compile(
    r"(?P<sign>[+-]?)0*(?P<num>\d*)(?:\.(?P<denom>\d*))?"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,4}|)",
    re.ASCII,
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()}

_MAX_INT64 = 2**63 - 1
_NANO = -9
#: Decimal digits that always fit an int64; Go parses longer numbers with arbitrary precision.
_MAX_INT64_DIGITS = 18


@functools.total_ordering
@attrs.frozen(eq=False)
class Quantity:
    """An exact number and the form the API server gives it.

    Ordering and equality are those of the value, as Go's ``Cmp``: ``1Gi == 1024Mi``.

    Args:
        value: the number, exact.
        text: the canonical form.
    """

    value: Decimal
    text: str

    @classmethod
    def parse(cls, source: str | int | float) -> Quantity:
        """Raises ``ValueError`` for what is no quantity. JSON numbers are allowed, as in Go."""
        text = (source if isinstance(source, str) else repr(source)).strip()
        match = _GRAMMAR.fullmatch(text)
        # At least one digit: Go reads "." and "Mi" as zero, but no schema lets them through.
        if isinstance(source, bool) or match is None or not re.match(r"[+-]?\.?\d", text):
            raise ValueError(
                f"{source!r} is no quantity: a number, perhaps with a unit (500m, 2Gi)"
            )
        return _parse(text, match)

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: Quantity) -> bool:
        return self.value < other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return self.text


def canonical_quantity(source: str | int | float) -> str:
    """The form in which the API server stores a quantity. Raises ``ValueError``."""
    return Quantity.parse(source).text


def _parse(text: str, match: re.Match[str]) -> Quantity:
    num, denom, suffix = match["num"] or "0", match["denom"] or "", match["suffix"]
    negative = match["sign"] == "-"
    digits = num + denom
    mantissa, power, format_ = _unit(suffix)
    unscaled = int(digits) * mantissa
    scale = power - len(denom)

    if _is_exact_in_go(num, denom, suffix, scale, unscaled, format_):
        kept = _kept_as_typed(digits, suffix, scale, format_)
    else:
        kept = text == "0"
        unscaled, scale = _limit(unscaled, scale, format_)
    value = Decimal((int(negative), tuple(map(int, str(unscaled))), scale))
    return Quantity(value, text if kept else _render(unscaled, scale, format_, negative=negative))


def _unit(suffix: str) -> tuple[int, int, Format]:
    """Multiplier, power of ten, and the family of units."""
    if suffix in _BINARY:
        return 1 << _BINARY[suffix], 0, "BinarySI"
    if suffix in _DECIMAL:
        return 1, _DECIMAL[suffix], "DecimalSI"
    return 1, int(suffix[1:]), "DecimalExponent"


def _is_exact_in_go(
    num: str, denom: str, suffix: str, scale: int, unscaled: int, format_: Format
) -> bool:
    """Whether Go holds the number in an int64: only then may it keep the text as typed."""
    if format_ == "BinarySI":
        # Go's own estimate of the digits that a binary unit costs.
        room = 15 - len(num) - _BINARY[suffix] * 3 // 10 - 1
        fits = not denom and room >= 0
    else:
        fits = len(num + denom) <= _MAX_INT64_DIGITS and scale >= _NANO
    return fits and unscaled <= _MAX_INT64


def _kept_as_typed(digits: str, suffix: str, scale: int, format_: Format) -> bool:
    if format_ == "BinarySI":
        return int(digits) & 0x07 != 0
    return scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _limit(unscaled: int, scale: int, format_: Format) -> tuple[int, int]:
    """Rounded up to a billionth, and binary quantities capped at the largest int64."""
    if scale < _NANO:
        unscaled, rest = divmod(unscaled, 10 ** (_NANO - scale))
        unscaled, scale = unscaled + bool(rest), _NANO
    # A binary unit is no power of ten: its scale is never above zero.
    if format_ == "BinarySI" and unscaled > _MAX_INT64 * 10**-scale:
        return _MAX_INT64, 0
    return unscaled, scale


def _render(unscaled: int, scale: int, format_: Format, *, negative: bool) -> str:
    if unscaled == 0:
        return "0"
    sign = "-" if negative else ""
    while unscaled % 10 == 0:
        unscaled, scale = unscaled // 10, scale + 1
    if format_ == "BinarySI":
        whole = unscaled * 10**scale if scale >= 0 else 0
        if whole >= 1024:
            power = 0
            while whole % 1024 == 0:
                whole, power = whole // 1024, power + 10
            return f"{sign}{whole}{_BINARY_SUFFIX.get(power, '')}"
        format_ = "DecimalSI"
    unscaled, scale = unscaled * 10 ** (scale % 3), scale - scale % 3
    if format_ == "DecimalExponent":
        return f"{sign}{unscaled}e{scale}" if scale else f"{sign}{unscaled}"
    if scale not in _DECIMAL_SUFFIX:
        # Go writes the mantissa without a unit here and so loses the value.
        raise ValueError(f"{sign}{unscaled}e{scale} is too large for a decimal unit")
    return f"{sign}{unscaled}{_DECIMAL_SUFFIX[scale]}"
