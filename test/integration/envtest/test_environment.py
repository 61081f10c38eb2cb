"""One face, whatever stands behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from druid_operator.pkg.client import RestClient, Transport, load_config
from druid_operator.pkg.envtest.binaries.assets import find_assets
from druid_operator.pkg.envtest.binaries.options import ControlPlaneOptions
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import Forbidden, Invalid, NotFound, TerminalError
from druid_operator.pkg.meta import GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, NAMESPACE, NODE, STORAGE_CLASS

WIDGET = Resource(GroupVersionKind("envtest.example.com", "v1", "Widget"), "widgets")


def widget_crd() -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.envtest.example.com"},
        "spec": {
            "group": "envtest.example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def widget(namespace: str) -> dict[str, Any]:
    metadata = {"name": "w", "namespace": namespace}
    return {"apiVersion": WIDGET.api_version, "kind": "Widget", "metadata": metadata, "spec": {}}


async def test_namespaces_are_the_tests_own(env: Environment) -> None:
    names = [await env.add_namespace("mine") for _ in range(2)]
    assert len(set(names)) == 2
    assert all(name.startswith("mine-") for name in names)
    for name in names:
        await env.remove_namespace(name)
        await env.remove_namespace(name)  # a second time is no fault

    async def on_their_way_out() -> bool:
        live = {n["metadata"]["name"]: n for n in await env.client.list(NAMESPACE)}
        return all("deletionTimestamp" in live[n]["metadata"] for n in names if n in live)

    await eventually(on_their_way_out)


@pytest.mark.usefixtures("needs_pods")
async def test_the_world_has_three_nodes_and_a_default_storage_class(env: Environment) -> None:
    nodes = {node["metadata"]["name"] for node in await env.client.list(NODE)}
    assert nodes >= {"node-0", "node-1", "node-2"}
    standard = await env.client.get(STORAGE_CLASS, NamespacedName("", "standard"))
    assert standard["allowVolumeExpansion"] is True


async def test_requests_are_counted_at_the_server(env: Environment, namespace: str) -> None:
    if not env.capabilities.requests:
        pytest.skip(f"the {env.backend} backend cannot tell what it was asked")
    before = len(env.requests(user_agent="envtest"))
    key = NamespacedName(namespace, "counted")
    await env.client.create(config_map(namespace, "counted", a="1"))
    await env.client.apply(config_map(namespace, "counted", b="2"), field_owner="me")
    await env.client.get(CONFIG_MAP, key)
    await env.client.delete(CONFIG_MAP, key)
    with pytest.raises(NotFound):
        await env.client.get(CONFIG_MAP, key)
    requests = env.requests(user_agent="envtest")[before:]
    assert [str(r) for r in requests if r.plural == "configmaps"] == [
        f"create configmaps/{namespace} -> 201",
        f"patch configmaps/{namespace}/counted -> 200",
        f"get configmaps/{namespace}/counted -> 200",
        f"delete configmaps/{namespace}/counted -> 200",
        f"get configmaps/{namespace}/counted -> 404",
    ]
    assert [r.is_write for r in requests] == [True, True, False, True, False]
    assert env.requests(user_agent="somebody-else") == []


async def test_crds_are_served_when_the_start_returns() -> None:
    async with Environment([widget_crd()], backend="embedded") as env:
        namespace = await env.add_namespace()
        made = await env.client.create(widget(namespace))
        assert made["spec"] == {"size": 3}


async def test_an_existing_cluster_is_used_and_left_as_it_is() -> None:
    async with Environment(backend="embedded") as host:
        environ = {"USE_EXISTING_CLUSTER": "true", "KUBECONFIG": str(host.kubeconfig)}
        async with Environment([widget_crd()], environ=environ) as env:
            assert (env.backend, env.kubeconfig) == ("existing", host.kubeconfig)
            namespace = await env.add_namespace()
            await env.client.create(widget(namespace))
            with pytest.raises(TerminalError, match="cannot be read"):
                env.requests()
        key = NamespacedName(namespace, "w")
        assert (await host.client.get(WIDGET, key))["spec"] == {"size": 3}


async def test_without_a_data_plane_workloads_stay_without_pods() -> None:
    async with Environment(backend="embedded", data_plane=False) as env:
        assert not env.capabilities.pods
        assert "data_plane=False" in env.capabilities.without_pods
        assert await env.client.list(NODE) == []
        with pytest.raises(TerminalError, match="no simulated data plane"):
            _ = env.data_plane


async def test_a_failed_start_leaves_nothing_running(tmp_path: Path) -> None:
    broken = widget_crd()
    broken["spec"]["names"]["plural"] = "gadgets"  # not what the name says: refused
    env = Environment([broken], backend="embedded")
    with pytest.raises(Invalid, match=r"widgets\.envtest\.example\.com"):
        await env.start()
    with pytest.raises(TerminalError, match="not started"):
        _ = env.client


@pytest.mark.envtest
async def test_two_binaries_make_an_api_server_without_pods(tmp_path: Path) -> None:
    """What a machine prepared for Go's envtest has."""
    assets = find_assets()
    for source in (assets.etcd, assets.kube_apiserver):
        (tmp_path / source.name).symlink_to(source)
    environ = {"KUBEBUILDER_ASSETS": str(tmp_path)}
    async with Environment([widget_crd()], backend="binaries", environ=environ) as env:
        assert not env.capabilities.pods
        assert "etcd and kube-apiserver only" in env.capabilities.without_pods
        namespace = await env.add_namespace()
        assert (await env.client.create(widget(namespace)))["spec"] == {"size": 3}


@pytest.mark.envtest
async def test_a_user_may_do_only_what_it_was_granted(env: Environment, namespace: str) -> None:
    kubeconfig = env.control_plane.add_user("jane", "developers")
    transport = Transport(load_config(str(kubeconfig)))
    try:
        with pytest.raises(Forbidden, match='User "jane" cannot list resource "configmaps"'):
            await RestClient(transport, Scheme()).list(CONFIG_MAP, namespace=namespace)
    finally:
        await transport.close()


@pytest.mark.envtest
@pytest.mark.parametrize("version", ["1.36", "1.35"])
async def test_older_minors_are_emulated(version: str) -> None:
    options = ControlPlaneOptions(emulated_version=version, nodes=1)
    async with Environment(backend="binaries", control_plane=options) as env:
        answer = orjson.loads(await env.client.transport.request("GET", "/version"))
        assert f"{answer['emulationMajor']}.{answer['emulationMinor']}" == version
