"""The Java that runs Druid and Kafka: ``JAVA_HOME``'s, else the one on ``PATH``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from druid_operator.pkg.errors import OperatorError

#: What Druid 27 to 37 and Kafka 4 run on alike.
MINIMUM = 17
_ASK_TIMEOUT = 30.0


class JavaMissing(OperatorError):
    """No usable Java here; the message says where it was looked for."""


def find_java(environ: Mapping[str, str] = os.environ) -> Path:
    """The ``java`` command.

    Raises:
        JavaMissing: there is none, or it is older than ``MINIMUM``.
    """
    home = environ.get("JAVA_HOME")
    where = str(Path(home) / "bin") if home else environ.get("PATH", os.defpath)
    found = shutil.which("java", path=where)
    if found is None:
        raise JavaMissing(f"Java {MINIMUM} is needed, and there is no `java` in {where}")
    version = _major_version(found)
    if version < MINIMUM:
        raise JavaMissing(f"Java {MINIMUM} is needed, and {found} is {version or 'of no version'}")
    return Path(found)


def _major_version(java: str) -> int:
    """17 of ``openjdk version "17.0.15"``, 8 of ``"1.8.0_402"``, 0 where nothing is understood."""
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, check=False, timeout=_ASK_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(match[1]) if match else 0
