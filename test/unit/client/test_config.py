"""Kubeconfigs of every static kind, and clear words for broken ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from druid_operator.pkg.client import ConfigError, load_config
from druid_operator.pkg.client.credentials import StaticHeader, TokenFile
from druid_operator.pkg.clock import FakeClock


def write(path: Path, *, user: dict | None = None, name: str = "a", **cluster: object) -> Path:
    context = {"cluster": name, "namespace": "team"} | ({"user": name} if user is not None else {})
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}:8001/", **cluster}}],
        "contexts": [{"name": name, "context": context}],
        "users": [{"name": name, "user": user}] if user is not None else [],
    }))  # fmt: skip
    return path


async def test_token_is_stripped(tmp_path: Path) -> None:
    config = load_config(str(write(tmp_path / "c", user={"token": "abc\n"})))
    assert config.host == "http://a:8001"
    assert config.namespace == "team"
    assert await config.credentials.headers() == {"Authorization": "Bearer abc"}


async def test_basic_and_anonymous(tmp_path: Path) -> None:
    basic = load_config(str(write(tmp_path / "b", user={"username": "u", "password": "p"})))
    assert await basic.credentials.headers() == {"Authorization": "Basic dTpw"}
    anonymous = load_config(str(write(tmp_path / "n")))
    assert await anonymous.credentials.headers() == {}


async def test_token_file_is_relative_to_its_kubeconfig_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "tok").write_text("one\n")
    config = load_config(str(write(tmp_path / "c", user={"tokenFile": "tok"})))
    clock = FakeClock()
    assert isinstance(config.credentials, TokenFile)
    credentials = TokenFile(config.credentials.path, clock)
    assert await credentials.headers() == {"Authorization": "Bearer one"}
    (tmp_path / "tok").write_text("two")
    assert await credentials.headers() == {"Authorization": "Bearer one"}
    clock.step(61)
    assert await credentials.headers() == {"Authorization": "Bearer two"}
    (tmp_path / "tok").write_text("three")
    assert await credentials.headers(refresh=True) == {"Authorization": "Bearer three"}


def test_several_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "1", name="a")
    second = write(tmp_path / "2", name="b")
    env = {"KUBECONFIG": f"{first}:{second}:{tmp_path / 'missing'}"}
    assert load_config(environ=env).host == "http://a:8001"
    assert load_config(environ=env, context="b").host == "http://b:8001"


def test_in_a_pod_without_a_token_the_error_names_the_file() -> None:
    with pytest.raises(ConfigError, match=r"ca\.crt is missing"):
        load_config(environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})


def test_errors_say_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KUBECONFIG"):
        load_config(environ={"HOME": str(tmp_path)})
    with pytest.raises(ConfigError, match="no entry 'x' in contexts"):
        load_config(str(write(tmp_path / "c")), context="x")
    (tmp_path / "bad").write_text("{")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(str(tmp_path / "bad"))


def test_credentials_do_not_show_their_secret(tmp_path: Path) -> None:
    config = load_config(str(write(tmp_path / "c", user={"token": "hunter2"})))
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(StaticHeader.bearer("hunter2"))


def test_kubernetes_asyncio_is_not_loaded_for_static_credentials(tmp_path: Path) -> None:
    """It costs 38 MiB in every operator pod."""
    path = write(tmp_path / "c", user={"token": "t"})
    code = (
        "import sys; from druid_operator.pkg.client import load_config;"
        f"load_config({str(path)!r}); sys.exit('kubernetes_asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
