"""The picture of the architecture shows the #includes that there are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "architecture.svg"

TREE = {
    "kernel/main.c": '#include "kernel/main.h"\n#include "kernel/cpu/deep/cpu.h"\n'
    '#include "mm/walk.h"\n/* #include "testing/test.h" */\n#include "kernel/gone.h"\n',
    "kernel/main.h": "#pragma once\n",
    "kernel/cpu/deep/cpu.h": '#pragma once\n#include "kernel/main.h"\n#include <stdint.h>\n',
    "mm/walk.h": '#pragma once\n#include "mm_port.h"\n#include "mm/walk.h"\n',
    "testing/test.h": "#pragma once\n",
    "tests/kernel/a/b_test.c": '#include "testing/test.h"\n#include "kernel/cpu/deep/cpu.h"\n',
}
ARROWS = {
    "kernel/* includes kernel/cpu", "kernel/* includes mm", "kernel/cpu includes kernel/*",
    "mm includes mm_port.h", "tests/kernel includes kernel/*", "tests/kernel includes testing",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "ci" / "include_graph.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_picture_in_the_documents_is_up_to_date() -> None:
    result = run("--check", PICTURE)
    assert result.returncode == 0, f"{result.stdout}{result.stderr}"


def test_every_arrow_is_found_and_no_other(tree: Path) -> None:
    empty = tree / "empty.svg"
    empty.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    result = run("--check", "--root", tree, empty)
    assert result.returncode == 1
    found = {line.partition(".svg: ")[2] for line in result.stdout.splitlines()}
    assert found == {f"{arrow}: not drawn" for arrow in ARROWS}


def test_what_is_drawn_is_up_to_date_until_an_include_changes(tree: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("graphviz is not installed")
    svg = tree / "new.svg"
    assert run("--root", tree, svg).returncode == 0
    assert run("--check", "--root", tree, svg).stdout == ""
    (tree / "kernel" / "main.c").write_text('#include "kernel/main.h"\n')
    (tree / "testing" / "test.h").write_text('#pragma once\n#include "mm/walk.h"\n')
    result = run("--check", "--root", tree, svg)
    assert result.returncode == 1
    assert [line.partition(".svg: ")[2] for line in result.stdout.splitlines()] == [
        "testing includes mm: not drawn",
        "kernel/* includes kernel/cpu: drawn, but not so",
        "kernel/* includes mm: drawn, but not so",
    ]
    assert "`make architecture` draws it anew" in result.stderr


def test_what_is_no_picture_or_no_tree_is_told(tree: Path) -> None:
    for root, picture, said in (
        (tree, tree / "none.svg", "No such file"),
        (tree, tree / "mm" / "walk.h", "is no SVG"),
        (tree / "testing", tree / "new.svg", "no source file below"),
    ):
        result = run("--check", "--root", root, picture)
        assert (result.returncode, result.stdout) == (3, "")
        assert said in result.stderr and len(result.stderr.splitlines()) == 1
    assert run("--help").returncode == 0
