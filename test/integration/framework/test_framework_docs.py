"""The pages of the framework say what is so: their code runs, their links lead somewhere."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, NAMESPACE

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "framework"
PAGES = sorted(DOCS.glob("*.md"))
SCENARIOS = ROOT / "test" / "conformance" / "framework"


def code_blocks(page: Path) -> Iterator[str]:
    yield from re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def by_name(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_code_on_a_page_is_complete(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block compiles, what it imports exists, and it uses no name that it does not define."""
    for code in code_blocks(page):
        tree = ast.parse(code)
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        scope: dict[str, object] = {}
        exec(compile(ast.Module(imports, []), page.name, "exec"), scope)
        known = set(scope) | set(dir(__builtins__)) | set(__builtins__)
        known |= {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        known |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        unknown = {node.id for node in names if node.id not in known}
        assert not unknown, f"{page.name}: {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    links += re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)
    for link in links:
        if not link.startswith("https://"):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    for label in re.findall(r"\[([a-z_]+)\](?![(:])", prose):
        assert f"\n[{label}]: " in text, f"{page.name}: [{label}] is defined nowhere"


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = (DOCS / "README.md").read_text()
    missing = [
        page.name for page in PAGES if page.name != "README.md" and page.name not in contents
    ]
    assert not missing


def test_each_scenario_of_the_table_has_a_test_in_the_file_it_names() -> None:
    """And each test of a scenario has a row."""
    text = (DOCS / "conformance.md").read_text()
    files = dict(re.findall(r"^\[([a-z_]+)\]: \S+/(\S+\.py)$", text, re.MULTILINE))
    rows = dict(re.findall(r"^\| (C\d\d) \|.*\[([a-z_]+)\](?!\()[^|]*\|$", text, re.MULTILINE))
    tests = {
        (f"C{number}", file.name)
        for file in SCENARIOS.glob("test_*.py")
        for number in re.findall(r"^async def test_c(\d\d)_", file.read_text(), re.MULTILINE)
    }
    assert {(scenario, files[label]) for scenario, label in rows.items()} == tests


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_scenarios_and_series_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    table = (DOCS / "conformance.md").read_text()
    for scenario in set(re.findall(r"\bC\d\d\b", text)):
        assert f"\n| {scenario} |" in table, f"{page.name}: {scenario}"
    series = (ROOT / "pkg" / "metrics.py").read_text()
    for name in set(re.findall(r"\b(?:controller_runtime|workqueue|rest_client)_[a-z_]+\b", text)):
        assert f'"{name}"' in series, f"{page.name}: {name}"


async def test_the_operator_in_thirty_lines_runs(env: Environment, tmp_path: Path) -> None:
    """As the first page says: save it, point KUBECONFIG at a cluster, run it."""
    code = next(code_blocks(DOCS / "README.md"))
    body = [line for line in code.split("LABELS =")[1].splitlines() if line.strip()]
    assert len(body) <= 32, "thirty lines, and not many more"
    program = tmp_path / "teams.py"
    program.write_text(code)
    name = await env.add_namespace("team")
    namespace, key = NamespacedName("", name), NamespacedName(name, "team")
    await env.client.patch(
        NAMESPACE, namespace, merge_patch({"metadata": {"labels": {"team": "red"}}})
    )

    async def says(team: str) -> bool:
        return bool((await env.client.get(CONFIG_MAP, key))["data"] == {"team": team})

    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), env={**os.environ, "KUBECONFIG": str(env.kubeconfig)}
    )
    try:
        await eventually(lambda: says("red"), timeout=20)
        await env.client.patch(CONFIG_MAP, key, merge_patch({"data": {"team": "forged"}}))
        await eventually(lambda: says("red"))
        await env.client.delete(CONFIG_MAP, key)
        await eventually(lambda: says("red"))
        patch = merge_patch({"metadata": {"labels": {"team": "blue"}}})
        await env.client.patch(NAMESPACE, namespace, patch)
        await eventually(lambda: says("blue"))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await env.remove_namespace(name)
