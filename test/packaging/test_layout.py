"""The house: links, forbidden files, sizes, and a wheel that carries the sources and no more."""

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_ROOMS = ("api", "pkg", "internal", "cmd", "config")
_PACKAGE = _ROOT / "src" / "druid_operator"
_OWN = ("__init__.py", "__main__.py", "py.typed")

_MAX_MODULE_LINES = 500
_MAX_FUNCTION_LINES = 60


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file


def _modules() -> list[Path]:
    rooms = [*(_ROOT / room for room in _ROOMS), _ROOT / "test"]
    return sorted(file for room in rooms for file in _files(room) if file.suffix == ".py")


@pytest.mark.parametrize("room", _ROOMS)
def test_each_room_is_linked_into_the_package(room: str) -> None:
    link = _PACKAGE / room
    assert link.is_symlink()
    assert os.readlink(link) == f"../../{room}"
    assert link.resolve() == _ROOT / room


def test_the_package_has_nothing_but_links_and_its_own_three_files() -> None:
    found = {path.name for path in _PACKAGE.iterdir() if path.name != "__pycache__"}
    assert found == {*_ROOMS, *_OWN}


@pytest.mark.parametrize("path", ["__init__.py", "cmd/__init__.py", "test/__init__.py"])
def test_no_file_makes_a_package_that_shadows_the_standard_library(path: str) -> None:
    assert not (_ROOT / path).exists()


def test_modules_that_import_cmd_and_test_work_from_the_root() -> None:
    """``pdb`` imports ``cmd``: with a ``cmd/__init__.py`` the debugger would be broken here."""
    run = subprocess.run(
        [sys.executable, "-c", "import pdb, test.support; print(pdb.cmd.Cmd.__name__)"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout.strip(), run.stderr) == ("Cmd", "")


def test_no_module_outgrows_a_sitting() -> None:
    lines = {
        str(file.relative_to(_ROOT)): len(file.read_text().splitlines()) for file in _modules()
    }
    assert {name: count for name, count in lines.items() if count > _MAX_MODULE_LINES} == {}


def test_no_function_outgrows_a_screen() -> None:
    long = {}
    for file in _modules():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                count = (node.end_lineno or 0) - node.lineno + 1
                if count >= _MAX_FUNCTION_LINES:
                    long[f"{file.relative_to(_ROOT)}:{node.lineno} {node.name}"] = count
    assert long == {}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        timeout=100,
    )
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_has_the_sources_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """A line in ``.gitignore`` once dropped a package from the wheel without a word."""
    sources = {f"druid_operator/{name}" for name in _OWN}
    for room in _ROOMS:
        sources |= {f"druid_operator/{f.relative_to(_ROOT)}" for f in _files(_ROOT / room)}
    members = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert members - sources == set()
    assert sources - members == set()


@pytest.mark.parametrize(
    "name",
    [
        "config/crd/bases/druid.apache.org_druids.yaml",
        "config/crd/bases/druid.apache.org_druidingestions.yaml",
        "config/samples/druid.yaml",
        "pkg/envtest/binaries/go.mod",
        "py.typed",
    ],
)
def test_the_wheel_carries_what_is_read_at_run_time(wheel: zipfile.ZipFile, name: str) -> None:
    assert f"druid_operator/{name}" in wheel.namelist()


def test_the_wheel_has_the_command(wheel: zipfile.ZipFile) -> None:
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "druid-operator = druid_operator.cmd.manager.main:main" in wheel.read(entry).decode()
