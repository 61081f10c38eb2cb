"""The committed manifests on a real API server: what it takes, and what it makes of the samples."""

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from druid_operator.api.v1alpha1 import KINDS
from druid_operator.pkg.envtest.crds import install_crds, load_crds
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.schema import coerce

_CONFIG = Path(str(files("druid_operator"))) / "config"
_SAMPLES = sorted((_CONFIG / "samples").glob("druid*.yaml"))


@pytest.mark.envtest
async def test_the_kinds_are_established_and_the_samples_stored_as_our_schema_says(
    env: Environment, namespace: str
) -> None:
    client = env.client
    for kind in KINDS:
        client.scheme.add(kind.resource)
    crds = load_crds([_CONFIG / "crd" / "bases"])
    await install_crds(client, crds)
    schemas = {
        crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for crd in crds
    }
    for file in _SAMPLES:
        sample = yaml.safe_load(file.read_text())
        sample["metadata"]["namespace"] = namespace
        stored = await client.create(sample)
        expected = coerce(schemas[sample["kind"]], sample).obj
        assert stored["spec"] == expected["spec"]
        assert stored["status"] == expected["status"]
