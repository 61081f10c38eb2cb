"""Where the control plane's binaries are: named by the environment, else in the cache.

The environment is that of Go's envtest, so a machine set up for it works as it is:
``TEST_ASSET_ETCD``, ``TEST_ASSET_KUBE_APISERVER`` and ``TEST_ASSET_KUBECTL`` name single files,
``KUBEBUILDER_ASSETS`` a directory. Such a directory often holds only etcd and kube-apiserver; then
nothing turns workloads into pods, and tests that need pods must skip.

``python -m druid_operator.pkg.envtest.binaries.assets`` builds what is missing and prints the
directory.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from druid_operator.pkg.envtest.binaries.build import PACKAGES, BuildFailed, build, recipe_digest
from druid_operator.pkg.envtest.binaries.toolchain import (
    Report,
    ToolchainMissing,
    find_go,
    install_go,
)
from druid_operator.pkg.errors import OperatorError


class AssetsMissing(OperatorError):
    """The binaries are not here; the message says where they were looked for and what to do."""


@attrs.frozen
class Assets:
    """The binaries of a control plane, and who named them (``source``).

    A control plane needs the first two. The next three together make pods.
    """

    source: str
    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path | None = None
    kube_scheduler: Path | None = None
    kwok: Path | None = None
    kubectl: Path | None = None

    @property
    def makes_pods(self) -> bool:
        return None not in (self.kube_controller_manager, self.kube_scheduler, self.kwok)


def cache_directory(environ: Mapping[str, str]) -> Path:
    """``$XDG_CACHE_HOME/druid-operator``, by default below ``~/.cache``."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "druid-operator"


def find_assets(environ: Mapping[str, str] = os.environ) -> Assets:
    """Look, build nothing.

    Raises:
        AssetsMissing: etcd or kube-apiserver is not there.
    """
    named = environ.get("KUBEBUILDER_ASSETS")
    directory = Path(named) if named else _built(environ)
    source = "KUBEBUILDER_ASSETS" if named else "cache"
    files: dict[str, Path] = {}
    for name in PACKAGES:
        own = environ.get("TEST_ASSET_" + name.upper().replace("-", "_"))
        path = Path(own) if own else directory / name
        if os.access(path, os.X_OK):
            files[name.replace("-", "_")] = path
        elif own:
            raise AssetsMissing(f"{own} (TEST_ASSET_…) is not an executable file")
    absent = [name for name in ("etcd", "kube-apiserver") if name.replace("-", "_") not in files]
    if absent:
        advice = (
            "set it to a directory that has them, or unset it and run `make envtest-assets`"
            if named
            else "run `make envtest-assets`, or set KUBEBUILDER_ASSETS to a directory that has them"
        )
        raise AssetsMissing(f"no {' and no '.join(absent)} in {directory} ({source}): {advice}")
    return Assets(source=source, **files)


def ensure_assets(environ: Mapping[str, str] = os.environ, report: Report = print) -> Path:
    """Build what the cache lacks, unless ``KUBEBUILDER_ASSETS`` names a directory.

    Returns:
        The directory of the binaries.

    Raises:
        AssetsMissing: ``KUBEBUILDER_ASSETS`` is set and does not have them.
        ToolchainMissing, BuildFailed: they could not be built.
    """
    named = environ.get("KUBEBUILDER_ASSETS")
    if named:
        find_assets(environ)
        return Path(named)
    destination = _built(environ)
    destination.parent.mkdir(parents=True, exist_ok=True)
    # One builder at a time on this machine; the second finds the first one's work done.
    with (destination.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not destination.exists():
            go = find_go(environ)
            if go.executable is None:
                go = install_go(cache_directory(environ), environ, report)
            report(f"building the control plane's binaries with {go.version} into {destination}")
            report("about 6 minutes on two idle cores; later runs find them there")
            build(go, destination, environ, report)
    return destination


def _built(environ: Mapping[str, str]) -> Path:
    digest = recipe_digest(find_go(environ).version)
    return cache_directory(environ) / "envtest" / digest / "bin"


def main() -> int:
    try:
        directory = ensure_assets(report=lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    except (AssetsMissing, ToolchainMissing, BuildFailed) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a command's own output
        return 1
    print(directory)  # noqa: T201 -- a command's own output
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
