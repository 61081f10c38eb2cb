"""The bench itself runs; what it measures is nobody's failure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent


def test_the_framework_is_measured_beside_its_baselines(tmp_path: Path) -> None:
    out = tmp_path / "framework.json"
    subprocess.run(
        (
            sys.executable, str(BENCH), "framework", "--repeat", "1", "--objects", "60",
            "--out", str(out),
        ),
        check=True,
        capture_output=True,
        timeout=100,
    )  # fmt: skip
    document = json.loads(out.read_text())
    assert document["commit"]
    assert len(document["pairs"]) >= 15
    for name, pair in document["pairs"].items():
        for figure in ("ours_us", "baseline_us", "ratio"):
            assert pair[figure]["min"] > 0, name
    for held in document["held"].values():
        assert held["informer"]["collection_pause_ms"] > 0
