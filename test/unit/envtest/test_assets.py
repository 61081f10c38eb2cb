"""Finding and building the binaries, with a `go` that only pretends."""

from __future__ import annotations

from pathlib import Path

import pytest

from druid_operator.pkg.envtest.binaries import build as building
from druid_operator.pkg.envtest.binaries.assets import (
    AssetsMissing,
    cache_directory,
    ensure_assets,
    find_assets,
)
from druid_operator.pkg.envtest.binaries.build import PACKAGES, BuildFailed, recipe_digest
from druid_operator.pkg.envtest.binaries.toolchain import WHEEL_VERSION, find_go

GO = """#!/bin/sh
if [ "$1" = env ]; then echo go%(version)s; exit 0; fi
echo "$GOCACHE" >> "%(log)s"
mkdir -p "$GOCACHE" && echo object > "$GOCACHE/object"
echo some/package >&2
test "%(works)s" = yes || { echo "no module provides it" >&2; exit 1; }
while [ "$1" != -o ]; do shift; done
mkdir -p "$(dirname "$2")" && echo binary > "$2" && chmod +x "$2"
"""


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def machine(tmp_path: Path, *, version: str = "1.26.8", works: bool = True) -> dict[str, str]:
    """An environment whose PATH has that Go and whose cache is empty."""
    details = {"version": version, "log": tmp_path / "log", "works": "yes" if works else "no"}
    executable(tmp_path / "bin" / "go", GO % details)
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_kubebuilder_assets_with_two_binaries_cannot_make_pods(tmp_path: Path) -> None:
    for name in ("etcd", "kube-apiserver"):
        executable(tmp_path / name)
    assets = find_assets({"KUBEBUILDER_ASSETS": str(tmp_path)})
    assert (assets.source, assets.etcd) == ("KUBEBUILDER_ASSETS", tmp_path / "etcd")
    assert not assets.makes_pods


def test_kubebuilder_assets_with_all_binaries_can(tmp_path: Path) -> None:
    for name in PACKAGES:
        executable(tmp_path / name)
    assert find_assets({"KUBEBUILDER_ASSETS": str(tmp_path)}).makes_pods


def test_a_single_file_can_be_named(tmp_path: Path) -> None:
    for name in ("etcd", "kube-apiserver"):
        executable(tmp_path / name)
    own = executable(tmp_path / "own" / "etcd-3.6")
    environ = {"KUBEBUILDER_ASSETS": str(tmp_path), "TEST_ASSET_ETCD": str(own)}
    assert find_assets(environ).etcd == own


def test_a_named_file_that_cannot_be_run_is_not_passed_over(tmp_path: Path) -> None:
    environ = {"KUBEBUILDER_ASSETS": str(tmp_path), "TEST_ASSET_ETCD": str(tmp_path / "etcd")}
    with pytest.raises(AssetsMissing, match="not an executable file"):
        find_assets(environ)


def test_what_is_missing_is_named_with_what_to_do(tmp_path: Path) -> None:
    executable(tmp_path / "etcd")
    with pytest.raises(
        AssetsMissing, match=r"no kube-apiserver in .* unset it and run `make envtest-assets`"
    ):
        find_assets({"KUBEBUILDER_ASSETS": str(tmp_path)})


def test_the_cache_is_looked_up_by_recipe(tmp_path: Path) -> None:
    environ = machine(tmp_path)
    with pytest.raises(AssetsMissing, match=recipe_digest("go1.26.8")):
        find_assets(environ)
    assert recipe_digest("go1.26.8") != recipe_digest("go1.26.9")


def test_a_build_leaves_the_binaries_and_nothing_else(tmp_path: Path) -> None:
    environ, said = machine(tmp_path), list[str]()
    directory = ensure_assets(environ, said.append)
    assert sorted(p.name for p in directory.iterdir()) == sorted(PACKAGES)
    assert find_assets(environ).makes_pods
    left = sorted(p.name for p in directory.parent.iterdir())
    assert left == [".lock", "bin"]
    compiler_cache = Path((tmp_path / "log").read_text().split()[0])
    assert not compiler_cache.exists()
    assert any("built in" in line for line in said)


def test_a_second_build_finds_the_first_ones_work(tmp_path: Path) -> None:
    environ = machine(tmp_path)
    ensure_assets(environ, lambda _line: None)
    built = (tmp_path / "log").read_text()
    ensure_assets(environ, lambda _line: None)
    assert (tmp_path / "log").read_text() == built


def test_a_failed_build_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    environ = machine(tmp_path, works=False)
    with pytest.raises(BuildFailed, match=r"no module provides it[\s\S]*KUBEBUILDER_ASSETS"):
        ensure_assets(environ, lambda _line: None)
    (home,) = (cache_directory(environ) / "envtest").iterdir()
    assert [p.name for p in home.iterdir()] == [".lock"]


def test_too_little_disk_is_said_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "DISK_NEEDED", 10**18)
    with pytest.raises(BuildFailed, match="XDG_CACHE_HOME"):
        ensure_assets(machine(tmp_path), lambda _line: None)
    assert not (tmp_path / "log").exists()


def test_named_assets_are_never_built(tmp_path: Path) -> None:
    environ = {**machine(tmp_path), "KUBEBUILDER_ASSETS": str(tmp_path / "empty")}
    with pytest.raises(AssetsMissing):
        ensure_assets(environ, lambda _line: None)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("version", ["1.25.9", "devel"])
def test_a_go_that_is_too_old_gives_way_to_the_wheels(tmp_path: Path, version: str) -> None:
    go = find_go(machine(tmp_path, version=version))
    assert (go.version, go.executable) == (f"go{WHEEL_VERSION}", None)


def test_a_go_that_is_new_enough_is_used(tmp_path: Path) -> None:
    assert find_go(machine(tmp_path, version="1.27.0")).executable == tmp_path / "bin" / "go"
