"""The sample cluster that boots on loopback, and the objects that the operator makes of it."""

from __future__ import annotations

from importlib.resources import files

from druid_operator.cmd.manager.render import druid_schema
from druid_operator.internal.druid.render import render
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.yaml import load_all

SAMPLE = "config/samples/druid-real.yaml"


def sample() -> JSON:
    """The ``Druid`` in the sample, without a namespace."""
    text = (files("druid_operator") / SAMPLE).read_text(encoding="utf-8")
    (druid,) = load_all(text)
    found: JSON = druid
    return found


def rendered_sample() -> list[JSON]:
    """Its children, as ``druid-operator render`` prints them."""
    return [manifest.object for manifest in render([sample()], druid_schema()).manifests]
