"""``config/default`` as users build it: consistent in itself, and taken by a real API server."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from druid_operator.api.v1alpha1 import KINDS
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.errors import AlreadyExists

_CONFIG = Path(__file__).parents[2] / "config"
_NAMESPACE = "druid-operator-system"
_KUBECTL = shutil.which("kubectl")

pytestmark = pytest.mark.skipif(_KUBECTL is None, reason="kubectl is not on the PATH")


def _kubectl(*arguments: str) -> str:
    run = subprocess.run(
        [str(_KUBECTL), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    built = _kubectl("kustomize", str(_CONFIG / "default"))
    return list(yaml.load_all(built, Loader=yaml.CSafeLoader))


def _of(objects: list[dict[str, Any]], *kinds: str) -> Iterator[dict[str, Any]]:
    return (obj for obj in objects if obj["kind"] in kinds)


def test_it_carries_the_crd_of_every_kind(objects: list[dict[str, Any]]) -> None:
    names = {obj["metadata"]["name"] for obj in _of(objects, "CustomResourceDefinition")}
    assert names == {kind.crd_name for kind in KINDS}


def test_bindings_name_roles_and_accounts_that_are_there(objects: list[dict[str, Any]]) -> None:
    roles = {(obj["kind"], obj["metadata"]["name"]) for obj in _of(objects, "Role", "ClusterRole")}
    accounts = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"])
        for obj in _of(objects, "ServiceAccount")
    }
    bindings = list(_of(objects, "RoleBinding", "ClusterRoleBinding"))
    assert len(bindings) == 2
    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        for subject in binding["subjects"]:
            assert (subject["namespace"], subject["name"]) in accounts
    (deployment,) = _of(objects, "Deployment")
    used = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    assert (_NAMESPACE, used) in accounts


def test_no_role_has_a_wildcard_or_lists_secrets(objects: list[dict[str, Any]]) -> None:
    for role in _of(objects, "Role", "ClusterRole"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            if "secrets" in rule["resources"]:
                assert rule["verbs"] == ["get"]


@pytest.mark.envtest
async def test_a_real_api_server_takes_it(env: Environment) -> None:
    """The namespace is made, for objects need one; the rest is a dry run: no operator starts."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    try:
        await env.client.create(namespace)
    except AlreadyExists:
        pass
    applied = _kubectl(
        f"--kubeconfig={env.kubeconfig}", "apply", "--server-side", "--force-conflicts",
        "--dry-run=server", "-k", str(_CONFIG / "default"), "-o", "name",
    )  # fmt: skip
    assert f"deployment.apps/{_NAMESPACE.removesuffix('-system')}-controller-manager" in applied
    assert len(applied.split()) >= 15
