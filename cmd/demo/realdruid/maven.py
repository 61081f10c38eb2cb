"""One run of Maven that copies jars, with progress while it works and a reason when it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from druid_operator.pkg.errors import OperatorError

#: The plugin by its full name: its version is then the pom's, and no prefix has to be looked up.
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
#: 240 MB over a slow line; beyond this something hangs.
TIMEOUT = 1800.0
PROGRESS_INTERVAL = 5.0

Report = Callable[[str], None]

# Maven says "Could not find artifact G:A:jar:V in ...", "Failure to find G:A:jar:V in ..." and
# "G:A:jar:V was not found in ...", by its version and by what its own repository remembers.
_NAME = r"([\w.-]+:[\w.-]+:[\w.:-]+)"
_ARTIFACT = re.compile(rf"(?:artifact|Failure to find) {_NAME}|{_NAME} was not found")


class ResolveFailed(OperatorError):
    """Maven is not there or did not get every artifact; the message names the first missing one."""


def copy_dependencies(
    pom: Path,
    properties: Mapping[str, str],
    *,
    environ: Mapping[str, str] = os.environ,
    report: Report,
) -> None:
    """Run ``GOAL`` on ``pom`` with the properties given.

    Raises:
        ResolveFailed: no ``mvn`` on ``PATH``, a missing artifact, or ``TIMEOUT`` passed.
    """
    maven = shutil.which("mvn", path=environ.get("PATH", os.defpath))
    if maven is None:
        raise ResolveFailed(
            "Apache Maven is needed to resolve Druid, and there is no `mvn` on PATH"
        )
    # Without --update-snapshots Maven believes its own note that an artifact was missing once.
    argv = [maven, "--batch-mode", "--update-snapshots", "--file", str(pom), GOAL]
    argv += [f"-D{name}={value}" for name, value in properties.items()]
    lines: list[str] = []
    with subprocess.Popen(
        argv,
        cwd=pom.parent,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        output = process.stdout
        assert output is not None
        reader = threading.Thread(target=lambda: lines.extend(output), daemon=True)
        reader.start()
        try:
            code = _wait(process, lines, report)
        except BaseException:
            process.kill()
            raise
        reader.join()
    if code != 0:
        raise ResolveFailed(explain(lines))


def _wait(process: subprocess.Popen[str], lines: list[str], report: Report) -> int:
    started = time.monotonic()
    while True:
        try:
            return process.wait(PROGRESS_INTERVAL)
        except subprocess.TimeoutExpired:
            elapsed = time.monotonic() - started
        if elapsed > TIMEOUT:
            raise ResolveFailed(f"maven: not done within {TIMEOUT:.0f} s")
        report(f"maven: {len(downloaded(lines))} files downloaded, {elapsed:.0f} s")


def downloaded(lines: list[str]) -> list[str]:
    return [line for line in lines if "Downloaded from" in line]


def explain(lines: list[str]) -> str:
    """Why a run failed, from its output.

    An artifact that the repositories do not have is the cause even where the error goes on to name
    another host: Maven then asks the repositories that Druid's own pom lists.
    """
    errors = [line for line in lines if line.startswith("[ERROR]")]
    match = _ARTIFACT.search("".join(errors))
    if match:
        return f"Maven could not get {match[1] or match[2]}: no repository it may ask has that"
    return "Maven failed:\n" + "".join(errors or lines[-20:]).rstrip()
