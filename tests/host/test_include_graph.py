"""The picture and the tables of the architecture show the rooms and the #includes that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "architecture.svg"
ARCHITECTURE = ROOT / "docs" / "architecture.md"

TABLE = """\
tests/kernel/a  tests of something
tests/kernel    the tests
kernel/top      the entry
kernel/middle   what a & b have in common, in more words than go into one line of a box
kernel/ground   facts
testing         the framework
mm              the library
"""
TREE = {
    "ci/rooms": TABLE,
    "kernel/top/main.c": '#include "kernel/top/main.h"\n#include "kernel/middle/m.h"\n'
    '#include "kernel/ground/g.h"\n#include "mm/walk.h"\n/* #include "testing/test.h" */\n'
    '#include "kernel/gone.h"\n#include "testing/test.h"\n',
    "kernel/top/main.h": "#pragma once\n",
    "kernel/middle/m.h": '#pragma once\n#include "kernel/ground/g.h"\n#include <stdint.h>\n',
    "kernel/ground/g.h": '#pragma once\n#include "mm/walk.h"\n#include "mm_port.h"\n',
    "mm/walk.h": '#pragma once\n#include "mm_port.h"\n#include "mm/walk.h"\n',
    "testing/test.h": "#pragma once\n",
    "tests/kernel/a/b_test.c": '#include "testing/test.h"\n#include "kernel/ground/g.h"\n',
    "tests/kernel/c_test.c": '#include "kernel/top/main.h"\n',
}
# Without what they imply: top to ground and to mm, tests to testing, ground to the port's header.
ARROWS = {
    "kernel/top includes kernel/middle", "kernel/middle includes kernel/ground",
    "kernel/ground includes mm", "kernel/top includes testing", "mm includes mm_port.h",
    "tests/kernel includes kernel",
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


def test_a_circle_of_includes_is_told(tree: Path) -> None:
    (tree / "kernel" / "ground" / "g.h").write_text('#pragma once\n#include "kernel/top/main.h"\n')
    result = run("--check", "--root", tree, PICTURE)
    assert result.returncode == 3
    assert "in a circle: kernel/ground -> kernel/top -> kernel/ground" in result.stderr


def test_a_directory_that_is_no_room_is_told(tree: Path) -> None:
    (tree / "ci" / "rooms").write_text(TABLE.replace("kernel/middle ", "kernel/muddle "))
    result = run("--check", "--root", tree, PICTURE)
    assert result.returncode == 3
    assert "is in kernel/middle, which has no place in ci/rooms" in result.stderr


def arrows_down(svg: Path) -> list[bool]:
    """For each arrow, whether it ends lower than it begins. SVG counts downwards."""
    space = "{http://www.w3.org/2000/svg}"
    found = []
    for group in ElementTree.parse(svg).iter(f"{space}g"):
        path = group.find(f"{space}path")
        if group.get("class") == "edge" and path is not None:
            numbers = [float(n) for n in re.findall(r"-?[0-9.]+", path.get("d", ""))]
            found.append(numbers[1] <= numbers[-1])
    return found


def test_no_arrow_of_the_picture_runs_back_up() -> None:
    down = arrows_down(PICTURE)
    assert len(down) > 30 and all(down)


def test_what_is_drawn_is_up_to_date_until_an_include_changes(tree: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("graphviz is not installed")
    svg = tree / "new.svg"
    assert run("--root", tree, svg).returncode == 0
    assert run("--check", "--root", tree, svg).stdout == ""
    (tree / "kernel" / "top" / "main.c").write_text('#include "kernel/middle/m.h"\n')
    (tree / "testing" / "test.h").write_text('#pragma once\n#include "mm/walk.h"\n')
    (tree / "ci" / "rooms").write_text(TABLE.replace("facts", "fictions"))
    result = run("--check", "--root", tree, svg)
    assert result.returncode == 1
    assert [line.partition(".svg: ")[2] for line in result.stdout.splitlines()] == [
        "testing includes mm: not drawn",
        "tests/kernel includes testing: not drawn",
        "kernel/top includes testing: drawn, but not so",
        "kernel/ground: drawn otherwise than ci/rooms says",
    ]
    assert "`make architecture` redraws it" in result.stderr


def test_what_is_no_picture_or_no_tree_is_told(tree: Path) -> None:
    for root, picture, said in (
        (tree, tree / "none.svg", "No such file"),
        (tree, tree / "mm" / "walk.h", "is no SVG"),
        (tree / "testing", tree / "new.svg", "ci/rooms: No such file"),
    ):
        result = run("--check", "--root", root, picture)
        assert (result.returncode, result.stdout) == (3, "")
        assert said in result.stderr and len(result.stderr.splitlines()) == 1
    assert run("--help").returncode == 0


DOCUMENT = "# Rooms\n\n<!-- rooms: kernel -->\n\n| old |\n\nBetween.\n\n<!-- rooms: mm testing -->\n"


def run_table(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "ci" / "room_table.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_tables_in_the_documents_are_up_to_date() -> None:
    result = run_table("--check", ARCHITECTURE)
    assert result.returncode == 0, f"{result.stdout}{result.stderr}"


def test_the_tables_of_a_document_are_written_and_compared(tree: Path) -> None:
    document = tree / "document.md"
    document.write_text(DOCUMENT)
    found = run_table("--check", "--root", tree, document)
    assert found.returncode == 1
    assert f"{document}: lacks | `kernel/ground/` | facts |" in found.stdout
    assert f"{document}: has, but ci/rooms has not: | old |" in found.stdout
    assert run_table("--root", tree, document).returncode == 0
    written = document.read_text()
    assert "| `kernel/top/` | the entry |\n| `kernel/middle/` |" in written
    assert "facts |\n\nBetween.\n" in written and "| old |" not in written
    assert written.endswith("| `testing/` | the framework |\n| `mm/` | the library |\n")
    assert run_table("--check", "--root", tree, document).stdout == ""
    document.write_text(written.replace("| `testing/` | the framework |\n", "", 1).rstrip("\n")
                        + "\n| `testing/` | the framework |\n")
    found = run_table("--check", "--root", tree, document)
    assert found.returncode == 1 and "in another order than ci/rooms" in found.stdout


def test_a_document_or_a_directory_without_rooms_is_told(tree: Path) -> None:
    document = tree / "document.md"
    for text, said in (
        ("# Nothing\n", "has no line <!-- rooms: NAME... -->"),
        ("<!-- rooms: kernel mn -->\n", "ci/rooms has no room in mn"),
    ):
        document.write_text(text)
        result = run_table("--root", tree, document)
        assert result.returncode == 3 and said in result.stderr
        assert document.read_text() == text


def test_each_question_of_a_newcomer_is_answered_by_one_file_that_exists() -> None:
    section = ARCHITECTURE.read_text().partition("\n## Where to look\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    answers = {question.strip(): answer.strip() for question, answer in rows[1:]}
    assert len(answers) == len(rows) - 1 >= 10
    for question, answer in answers.items():
        path = re.fullmatch(r"`([^`]+)`", answer)
        assert question.endswith("?") and path is not None, question
        assert (ROOT / path[1]).is_file(), f"{question} {path[1]} is not there"
