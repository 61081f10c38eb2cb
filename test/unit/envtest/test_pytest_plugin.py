"""The plugin as a user's test-suite meets it: a pytest of its own, in another directory."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

SUITE = """
import asyncio
import pytest

loops = set()


async def test_one(env, namespace):
    loops.add(asyncio.get_running_loop())
    assert env.backend == "embedded"
    assert namespace.startswith("test-")


async def test_two(env, namespace):
    loops.add(asyncio.get_running_loop())
    assert len(loops) == 1, "every test of the session's server runs on the server's loop"


async def test_alone():
    assert asyncio.get_running_loop() not in loops


@pytest.mark.envtest
async def test_real(env):
    assert env.backend == "binaries"


@pytest.mark.usefixtures("needs_pods")
async def test_pods(env):
    assert env.capabilities.pods
"""
INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
markers = envtest
"""


async def run_pytest(directory: Path, *args: str, **environ: str) -> tuple[int, str]:
    (directory / "pytest.ini").write_text(INI)
    (directory / "test_suite.py").write_text(SUITE)
    argv = [sys.executable, "-m", "pytest", "-p", "druid_operator.pkg.envtest.pytest_plugin"]
    process = await asyncio.create_subprocess_exec(
        *argv, "-p", "no:cacheprovider", "-p", "no:anyio", "-ra", *args,
        cwd=directory,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_one_control_plane_per_session_and_the_real_one_only_when_asked(
    tmp_path: Path,
) -> None:
    code, output = await run_pytest(tmp_path)
    assert code == 0, output
    assert "4 passed, 1 skipped" in output
    assert "pytest --envtest-backend=binaries (make test-envtest)" in output


async def test_binaries_that_were_asked_for_and_are_missing_are_an_error(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    code, output = await run_pytest(
        tmp_path, "--envtest-backend=binaries", KUBEBUILDER_ASSETS=nowhere
    )
    assert code == 1, output
    assert f"no etcd and no kube-apiserver in {nowhere}" in output
    assert "skipped" not in output
