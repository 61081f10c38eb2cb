"""Building the binaries from their Go modules: about 6 CPU-minutes, 4 GB of disk while it runs.

The result is a function of ``go.mod``, ``go.sum``, the flags and the Go version: ``recipe_digest``
is its name in the cache. Versions are stamped in by linker flags, because Kubernetes built without
them calls itself ``v0.0.0-master``.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from druid_operator.pkg.envtest.binaries.toolchain import GoToolchain, Report
from druid_operator.pkg.errors import OperatorError

# What is built, by the name of the resulting file.
PACKAGES: Mapping[str, str] = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# Measured: compiler cache 3.7 GB, module cache 0.7 GB, binaries 0.4 GB.
DISK_NEEDED = 5 * 10**9
# A slow machine needs half an hour for the largest; beyond this something hangs.
BUILD_TIMEOUT = 3600.0
PROGRESS_INTERVAL = 15.0


class BuildFailed(OperatorError):
    """The Go build did not succeed; the message has its last lines and what to do."""


def module_file(name: str) -> bytes:
    """``go.mod`` or ``go.sum`` as packaged."""
    return resources.files("druid_operator.pkg.envtest.binaries").joinpath(name).read_bytes()


def module_version(module: str) -> str:
    """The version of a required module, as ``go.mod`` says it (``v1.37.2``)."""
    pattern = rf"^\s*(?:require )?{re.escape(module)} (v\S+)"
    match = re.search(pattern, module_file("go.mod").decode(), re.MULTILINE)
    if match is None:
        raise BuildFailed(f"go.mod does not require {module}")
    return match[1]


def build_flags() -> list[str]:
    """The arguments of ``go build``. DWARF is left out: it costs a fifth of the time."""
    kubernetes = module_version("k8s.io/kubernetes")
    _, minor, _ = kubernetes.split(".", 2)
    stamps = {
        "gitVersion": kubernetes,
        "gitMajor": "1",
        "gitMinor": minor,
        "gitTreeState": "archive",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    linker = ["-s", "-w"]
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        linker += [f"-X {package}.{name}={value}" for name, value in stamps.items()]
    linker.append(f"-X sigs.k8s.io/kwok/pkg/consts.Version={module_version('sigs.k8s.io/kwok')}")
    return [
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-gcflags=all=-dwarf=false",
        "-ldflags=" + " ".join(linker),
    ]


def recipe_digest(go_version: str) -> str:
    """The name of a build's result: equal recipes on one platform give equal binaries."""
    digest = hashlib.sha256()
    recipe = "\n".join([*build_flags(), *PACKAGES.values(), go_version])
    target = f"{platform.system()}/{platform.machine()}"
    for part in (module_file("go.mod"), module_file("go.sum"), recipe.encode(), target.encode()):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def build(go: GoToolchain, destination: Path, environ: Mapping[str, str], report: Report) -> None:
    """Build every binary and move them to ``destination`` in one step.

    Works in a directory beside ``destination`` (one file system, so the move is a rename) and
    removes it, compiler cache included, whatever happens.

    Raises:
        BuildFailed: too little disk, or the Go build did not succeed.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(destination.parent).free
    if free < DISK_NEEDED:
        raise BuildFailed(
            f"{free / 1e9:.1f} GB free at {destination.parent}, the build needs "
            f"{DISK_NEEDED / 1e9:.0f} GB for a while: free some, or set XDG_CACHE_HOME"
        )
    work = Path(tempfile.mkdtemp(prefix=".building-", dir=destination.parent))
    try:
        for name in ("go.mod", "go.sum"):
            (work / name).write_bytes(module_file(name))
        environ = {
            **environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOFLAGS": "",
            "GOCACHE": str(work / "cache"),
        }
        for index, (name, package) in enumerate(PACKAGES.items(), start=1):
            argv = [str(go.executable), "build", "-v", *build_flags()]
            argv += ["-o", str(work / "bin" / name), package]
            _build_one(f"[{index}/{len(PACKAGES)}] {name}", argv, work, environ, report)
        shutil.rmtree(work / "cache")
        (work / "bin").rename(destination)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _build_one(
    label: str, argv: list[str], work: Path, environ: Mapping[str, str], report: Report
) -> None:
    started = time.monotonic()
    lines: list[str] = []  # `-v` prints one line per compiled package
    with subprocess.Popen(
        argv,
        cwd=work,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        stderr = process.stderr
        assert stderr is not None
        reader = threading.Thread(target=lambda: lines.extend(stderr), daemon=True)
        reader.start()
        try:
            while (elapsed := time.monotonic() - started) < BUILD_TIMEOUT:
                try:
                    code = process.wait(PROGRESS_INTERVAL)
                    break
                except subprocess.TimeoutExpired:
                    report(f"{label}: {len(lines)} packages, {elapsed:.0f} s")
            else:
                raise BuildFailed(f"{label}: not built within {BUILD_TIMEOUT:.0f} s")
        except BaseException:
            process.kill()
            raise
        reader.join()
    if code != 0:
        raise BuildFailed(
            f"{label}: `go build` ended with code {code}:\n{''.join(lines[-20:]).rstrip()}\n"
            "The modules come from the Go module proxy (GOPROXY); without it, set "
            "KUBEBUILDER_ASSETS to a directory that has the binaries."
        )
    report(f"{label}: built in {time.monotonic() - started:.0f} s")
