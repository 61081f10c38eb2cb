"""Which kinds there are, where they are served, and how their objects become typed values."""

from druid_operator.pkg.scheme.converter import Converter, field_errors
from druid_operator.pkg.scheme.scheme import Scheme

__all__ = ["Scheme", "Converter", "field_errors"]
